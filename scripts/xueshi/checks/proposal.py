"""Rules that judge a proposed change in the light of what it would change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from xueshi.checks import record
from xueshi.checks.context import Context
from xueshi.checks.policy import altered_past
from xueshi.model import History, Problem, RecordSet, Severity, Study, Submission, Version
from xueshi.records.source import ORGANISATION, POLICY, kind_of

_MOST = 5  # records named where a committee's change breaks many


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposed change. `base` is main as approved, `head` the same with the `changed` paths as proposed. `used` maps
    every record id that main has ever had to its path; `merges` are commits of the proposal that merge main's own
    history from the other side (see records.forged_merges), `taken_in` those that merge main into it. `submissions` is
    what the proposal's commits say of themselves (None: there are no commits yet). `before` is main's history, `after`
    the same as it will be judged by the proposed organisation and policy (records.foresee; None: not asked)."""

    base: RecordSet
    head: RecordSet
    changed: Collection[str]
    today: date
    used: Mapping[str, str] = field(default_factory=dict)
    merges: tuple[str, ...] = ()
    taken_in: tuple[str, ...] = ()
    submissions: tuple[Submission, ...] | None = None
    before: History | None = None
    after: History | None = None

    def judged(self) -> RecordSet:
        """What the change is judged by: its records under the base's roles, rosters and policy; its committee files,
        where it brings any, as they would be."""
        rosters = dict(self.base.rosters)
        for path in self.changed:
            if kind_of(path) == "roster":
                branch = path.split("/")[1]
                rosters.pop(branch, None)
                if branch in self.head.rosters:
                    rosters[branch] = self.head.rosters[branch]
        return replace(
            self.head,
            organisation=(self.head if ORGANISATION in self.changed else self.base).organisation,
            policy=(self.head if POLICY in self.changed else self.base).policy,
            rosters=rosters,
        )


def touches_one_branch(p: Proposed) -> Iterator[Problem]:
    """A proposal of records keeps to one branch, so that one reviewer can decide on it."""
    branches = sorted({path.split("/")[1] for path in p.changed if kind_of(path) == "study"})
    for path in sorted(p.changed):
        if len(branches) > 1 and kind_of(path) == "study" and path.split("/")[1] != branches[0]:
            yield Problem(
                path, 0, "", f"一次只能改一个支部的记录（这里有 {'、'.join(branches)}），请分开提交"
            )


def only_records_change(p: Proposed) -> Iterator[Problem]:
    """A proposal that touches records touches nothing else."""
    records = [path for path in p.changed if kind_of(path) == "study"]
    for path in sorted(p.changed):
        if records and kind_of(path) != "study":
            yield Problem(path, 0, "", "登记不能同时改动名册、组织、规则或其他文件，请由党委另行提交")


def identity_never_changes(p: Proposed) -> Iterator[Problem]:
    """The branch, member, id and first submission of a record never change: a wrong one is voided and replaced."""
    for path, old, new in _altered(p):
        for name in ("id", "member", "submitted"):
            if getattr(old, name) != getattr(new, name):
                words = f"{_TITLES[name]}写好后不能改动，请作废这条记录后重新登记"
                yield Problem(path, p.head.line(path, name), "", words, name)


def nothing_is_deleted(p: Proposed) -> Iterator[Problem]:
    """What stands under records/ stays: a record is voided, a person's period ended, never a file removed."""
    for path in sorted(p.changed):
        if path in p.base.blobs and path not in p.head.blobs and kind_of(path) is not None:
            cure = "请改为作废（写明 void）" if kind_of(path) == "study" else "请改写内容，不要删去文件"
            yield Problem(path, 0, "", f"不能删除，{cure}")


def changes_say_why(p: Proposed) -> Iterator[Problem]:
    """Only a correction or a void changes a record on main, and it carries who changed it and why."""
    for path, old, new in _altered(p):
        if new.change in (None, old.change) and new.void in (None, old.void):  # taking one away says nothing
            words = "改动已有的记录要在 change 或 void 中写明谁改的和原因"
            yield Problem(path, p.head.line(path, "change"), "", words, "change")
        elif old.void and not new.void and (new.change is None or new.change.action != "restore"):
            words = "作废的记录只能用恢复（change 的 action 写 restore）取回"
            yield Problem(path, p.head.line(path, "change"), "", words, "change")


def first_versions_are_unchanged(p: Proposed) -> Iterator[Problem]:
    """A record that main does not have yet was not corrected or restored, unless it was imported so."""
    for path, study in _added(p):
        if study.change is None or study.submitted.via == "import" or path == p.used.get(study.id):
            continue
        if study.change.action in ("correct", "restore"):
            words = "新登记的记录还没有什么可更正或恢复的，请删去 change"
            yield Problem(path, p.head.line(path, "change"), "", words, "change")


def commits_say_who_sent_it(p: Proposed) -> Iterator[Problem]:
    """The commits of a proposal name each of its records, the submission, and whoever the file says acted."""
    for path in sorted(p.changed) if p.submissions is not None else ():
        old, new = p.base.studies.get(path), p.head.studies.get(path)
        if new is None or p.submissions is None:
            continue
        name, by = _actor(old, new)
        named = [sent for sent in p.submissions if new.id in sent.records and sent.id]
        if not named:
            words = f"提案的提交没有写明这条记录（要有 Submission-Id、Record-Id: {new.id} 和 Submitted-By: {by}），请补上后重新提交"
            yield Problem(path, 0, "", words)
        elif by not in {who for sent in named for who in (sent.by, sent.amended_by)}:
            told = "、".join(sorted({sent.by for sent in named if sent.by})) or "无"
            words = f"文件写的是 {by}，提交写的 Submitted-By 是 {told}，请改成同一个人"
            yield Problem(path, p.head.line(path, name), "", words, name)


def confirming_changes_nothing(p: Proposed) -> Iterator[Problem]:
    """A change that only confirms a record leaves everything else as it is."""
    for path, old, new in _altered(p):
        confirms = new.change is not None and new.change != old.change and new.change.action == "confirm"
        if confirms and replace(old, change=None) != replace(new, change=None):
            words = "确认（confirm）不能同时改内容；要改内容请写 correct"
            yield Problem(path, p.head.line(path, "change"), "", words, "change")


def ids_are_never_reused(p: Proposed) -> Iterator[Problem]:
    """An id that main has had belongs to that record for ever; a file that is gone comes back only as itself, by
    restoring it."""
    for path in sorted(p.changed):
        if kind_of(path) == "study" and path not in p.base.blobs and path in p.head.blobs:
            record_id = path.rsplit("/", 1)[1].removesuffix(".yaml")
            study = p.head.studies.get(path)
            brought_back = study is not None and study.change is not None and study.change.action == "restore"
            if record_id in p.used and not (brought_back and p.used[record_id] == path):
                words = f"记录编号 {record_id} 已用于 {p.used[record_id]}，请重新登记，由系统给出新的编号"
                yield Problem(path, p.head.line(path, "id"), "", words, "id")


def main_is_not_merged_inside(p: Proposed) -> Iterator[Problem]:
    """A proposal holds no merge that begins on main: main moved onto it would show a decision that nobody made."""
    path = min(p.changed, default="records")
    for sha in p.merges:
        words = f"提案中的提交 {sha[:10]} 是以 main 为第一父提交的合并，不能接受；请基于 main 重新提交一次"
        yield Problem(path, 0, "", words)
    for sha in p.taken_in:
        words = f"提案中的提交 {sha[:10]} 并入了 main；这样的提案只能用“合并提交”合并，绝不能快进，否则 main 上已有的审核会失效"
        yield Problem(path, 0, "", words, severity=Severity.WARNING)


def approvals_stay(p: Proposed) -> Iterator[Problem]:
    """A change of addresses, desks or the baseline takes no approval away: what was decided under the old ones stays."""
    if p.before is None or p.after is None:
        return
    lost = [v for v in _lost(p.before, p.after) if v.path not in p.changed]
    if not lost:
        return
    whose = Counter(_WAYS.get(v.how) or f"{v.decided_by} 用本人邮箱合并的" for v in lost)
    told = "、".join(f"{name} {count} 个" for name, count in sorted(whose.items()))
    records = sum(kind_of(version.path) == "study" for version in lost)
    what = f"{records} 条记录" + (f"和 {len(lost) - records} 个党委文件" if len(lost) > records else "")
    path = ORGANISATION if ORGANISATION in p.changed else POLICY
    cure = "请保留旧邮箱/旧审核台，加 until" if path == ORGANISATION else "请保留原来的 baseline"
    field = "baseline" if path == POLICY else "desks" if any(v.how == "desk" for v in lost) else "reviewers"
    words = f"这些审核将失效：{what}（{told}），例如 {lost[0].path}；{cure}"
    yield Problem(path, p.head.line(path, field), "", words, field)


def _lost(before: History, after: History) -> Iterator[Version]:
    """The newest version of each record that would not be approved any more, and the one in force of each other file."""
    for path, versions in sorted(before.versions.items()):
        if kind_of(path) == "study":
            was, then = versions[-1], after.last(path)
            if was.approved and not (then and then.approved):
                yield was
        elif before.approved_blobs.get(path) != after.approved_blobs.get(path):
            yield next(version for version in reversed(versions) if version.approved)


_WAYS = {"desk": "经审核台合并的", "root": "第一个提交里的", "baseline": "在基线之内的"}


def committee_changes_break_no_record(p: Proposed) -> Iterator[Problem]:
    """A change of rosters, units, kinds or the earliest day leaves every record on main with its member, branch and kind,
    and on a day that is accepted."""
    touched = sorted(path for path in p.changed if kind_of(path) in ("roster", "organisation", "policy"))
    if not touched:
        return
    before, after = _broken(p.base, p.today), _broken(p.judged(), p.today)
    broken = sorted(after.keys() - before.keys())
    for path, message in ((place[0], after[place]) for place in broken[:_MOST]):
        yield Problem(touched[0], 0, "", f"改动后，记录 {path} 会出错：{message}")
    if len(broken) > _MOST:
        yield Problem(touched[0], 0, "", f"改动后还有 {len(broken) - _MOST} 条记录会出错，请核对日期和编号")


def rules_in_force_are_ended_not_changed(p: Proposed) -> Iterator[Problem]:
    """A rule already in force is ended by `until` and followed by a new one, so that what was keeps its figures."""
    if POLICY not in p.changed:
        return
    for place, told in altered_past(p.base.policy, p.judged().policy, p.today):
        words = f"{told}已经生效，直接改动会改变以前的学时；能写 until 的请给旧的写上，再加一条新的，并用 xueshi policy try 看影响"
        line = p.head.line(POLICY, place)
        yield Problem(POLICY, line, "", words, place.partition(".")[0], Severity.WARNING)


def _altered(p: Proposed) -> Iterator[tuple[str, Study, Study]]:
    """Records of main that the proposal changes: path, before, after."""
    for path in sorted(p.changed):
        old, new = p.base.studies.get(path), p.head.studies.get(path)
        if old is not None and new is not None:
            yield path, old, new


def _added(p: Proposed) -> Iterator[tuple[str, Study]]:
    """Records that main does not have: path, as proposed."""
    for path in sorted(p.changed):
        study = p.head.studies.get(path)
        if study is not None and path not in p.base.blobs:
            yield path, study


def _actor(old: Study | None, new: Study) -> tuple[str, str]:
    """Which field says who acted last, and whom it names."""
    if new.void is not None and (old is None or new.void != old.void):
        return "void", new.void.by
    if new.change is not None and (old is None or new.change != old.change):
        return "change", new.change.by
    return "submitted", new.submitted.by


def _broken(records: RecordSet, today: date) -> dict[tuple[str, str], str]:
    """What records break of the rules that a committee's change may touch: (path, field) -> how."""
    studies = tuple(study for study in records.studies.values() if study.void is None)
    context = Context(records, studies, studies, records.people(), today, None)
    rules = (record.branch_is_known, record.member_is_on_roster, record.kind_is_known, record.date_is_in_plan)
    found = (problem for rule in rules for problem in rule(context) if problem.severity is Severity.ERROR)
    return {(problem.path, problem.field): problem.message for problem in found}


_TITLES = {"id": "记录编号", "member": "党员编号", "submitted": "登记信息"}
