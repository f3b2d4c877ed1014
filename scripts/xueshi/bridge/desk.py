"""The review desk: queue, one proposal opened, approve, grant fewer hours, return. A decision is a merge or a closed
pull request on the host; the desk keeps nothing of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from xueshi import reading, records
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, render
from xueshi.bridge.queue import Brought, Item, brings, effect_of, in_queue, is_own, judged, queue
from xueshi.delivery import MAIN
from xueshi.errors import HostRefused, HostUnavailable
from xueshi.hosts.base import Host, Pull
from xueshi.model import Change, Severity, Study, Unit, contains
from xueshi.proposals import granted
from xueshi.records import study_file
from xueshi.reports.effect import effect_lines
from xueshi.words import plain

RETURN_REASONS = ("照片不符", "日期有误", "学时有误", "可能重复", "主题不清楚", "其他")
_SHOWN, _LINES, _WIDE = 200_000, 400, 300  # bytes of a file, lines and characters of its changes on the page
_REASON = 500  # characters, as the schema allows


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who sits at the desk, and for which units. `token` is that of the link."""

    token: str
    member: str
    units: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/desk/{self.token}"


def reviewer(office: Office, token: str) -> Reviewer:
    """Whom a desk link belongs to. Raises LinkRefused, Refused when they review nothing today."""
    _host(office)
    member, current = office.links.opened("desk", token), office.current()
    organisation = current.records.organisation
    held = [
        r for r in organisation.reviewers if r.member == member and contains(r.start, r.until, current.today)
    ]
    if not held:
        raise Refused(
            403,
            "not a reviewer",
            "您现在不是审核人",
            "组织名单中没有您的审核权限；如有变动，请联系党委管理员。",
        )
    units = [unit for r in held if (unit := organisation.unit(r.unit))]
    return Reviewer(token, member, tuple(unit.name for unit in units))


def show(office: Office, who: Reviewer, number: int | None = None, view: str = "open") -> Page:
    """The queue, with one proposal opened beside it. `view`: open | amend | return."""
    return _page(office, who, number=number, view=view)


def approve(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """Merge the chosen proposals (`number:head`, as they were shown); those that cannot be are named with the reason."""
    done, failed = [], []
    for one in chosen:
        number, _, head = one.partition(":")
        pull = _host(office).get(int(number)) if number.isdigit() and len(number) < 10 else None
        if pull is None:
            failed.append(("", "没有这条登记，请刷新后再看"))
            continue
        try:
            _merge(office, who, pull, head)
            done.append(pull)
        except (HostRefused, HostUnavailable, Refused) as error:
            failed.append((pull.title, _told(error)))
    office.wake()
    if not chosen:
        failed.append(("", "还没有选中登记，请先打勾"))
    return _page(office, who, done=len(done), failed=failed, status=409 if failed and not done else 200)


def amend(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Approve with fewer hours, for a reason that goes into the record."""
    pull, current = _pull(office, number), office.current()
    if pull.state != "open":
        return _page(office, who, failed=[(pull.title, "这条已经审完了")], status=409)
    study = _only_study(office, pull)
    faults: dict[str, str] = {}
    reason = reading.clean(form.get("reason", ""))
    text = form.get("hours", "") if form.get("hours") not in ("", "other") else form.get("hours_other", "")
    hours = _granted_hours(text, study, current, faults)
    if not reason:
        faults["reason"] = "请写明原因，本人会看到"
    elif len(reason) > _REASON:
        faults["reason"] = f"原因最多 {_REASON} 个字，现在是 {len(reason)} 个"
    if faults or hours is None:
        typed = {"hours": text, "reason": reason}
        return _page(office, who, number=number, view="amend", faults=faults, typed=typed, status=422)
    change = Change("amend", who.member, office.now().replace(microsecond=0), reason)
    file = study_file(granted(study, hours, change))
    try:
        _merge(office, who, pull, form.get("head", ""), grant={study.path: file})
    except (HostRefused, HostUnavailable, Refused) as error:
        return _page(office, who, failed=[(pull.title, _told(error))], status=409)
    office.wake()
    return _page(office, who, done=1)


def give_back(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Return a proposal with a reason, which its member reads above the form filled in."""
    pull = _pull(office, number)
    kind, words = form.get("kind", ""), reading.clean(form.get("words", ""))
    chosen = kind if kind in RETURN_REASONS[:-1] else ""
    reason = "：".join(text for text in (chosen, words) if text)
    if not reason or len(reason) > _REASON:
        fault = f"最多 {_REASON} 个字" if reason else "请选原因，或写一句话，本人会看到"
        return _page(
            office,
            who,
            number=number,
            view="return",
            faults={"words": fault},
            typed={"kind": kind, "words": words},
            status=422,
        )
    try:
        _allowed(office, who, pull)
        _host(office).close(pull.number, who.member, reason, office.now())
    except (HostRefused, HostUnavailable, Refused) as error:
        return _page(office, who, failed=[(pull.title, _told(error))], status=409)
    office.wake()
    return _page(office, who, returned=1)


def picture(office: Office, who: Reviewer, sha256: str) -> bytes:
    """A picture of something in this reviewer's queue. Raises Refused."""
    wanted = in_queue(office, who.member, sha256)
    blob = records.evidence_blobs(office.repo).get(sha256) if wanted else None
    data = office.repo.blobs([blob]) if blob else {}
    if not data:
        raise Refused(404, "no such picture", "没有这张照片", "请回到列表刷新后再看。")
    return next(iter(data.values()))


def _page(
    office: Office,
    who: Reviewer,
    *,
    number: int | None = None,
    view: str = "open",
    done: int = 0,
    returned: int = 0,
    failed: Sequence[tuple[str, str]] = (),
    faults: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Page:
    current, everything = office.current(), queue(office, who.member)
    items = [item for item in everything if not item.own]
    opened = next((item for item in items if item.pull.number == number), None)
    if number is not None and opened is None:
        raise Refused(
            404,
            "not in the queue",
            "这条登记不在您的列表里",
            "它可能已经审完，或应由别的审核人决定。请回到列表。",
        )
    if view == "amend" and (opened is None or opened.study is None):
        raise Refused(404, "nothing to amend", "这条不能改学时", "请退回，并写明要改什么。")
    return render(
        "desk.html",
        status=status,
        who=who,
        items=items,
        own=len(everything) - len(items),
        quiet=[item for item in items if item.quiet],
        oldest=max((item.days_waiting for item in items), default=0),
        opened=opened,
        view=view,
        done=done,
        returned=returned,
        failed=failed,
        faults=dict(faults or {}),
        typed=dict(typed or {}),
        reasons=RETURN_REASONS,
        grants=_grants(opened.study) if opened and opened.study else (),
        changes=_changes(office, opened) if opened else [],
        effect=_effect(current, opened) if opened else [],
        current=current,
        kinds=current.records.policy.kinds,
        branches={unit.id: unit.name for unit in current.records.organisation.units},
        reports=[(unit.name, office.page("branch", unit.id)) for unit in _branches(current, who.member)],
    )


def _effect(current: Current, item: Item) -> list[str]:
    """What approving does to hours, a line a fact; duplicates stand among the check's words already."""
    content = Brought(item.files, ())
    return list(effect_lines(effect_of(current, content, ())))


def _changes(office: Office, item: Item) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a proposal does to files that are not shown as records, line by line: path, [(new | old | same, line)]."""
    shown = {study.path for study in item.studies}
    found = []
    for path in sorted(item.files.keys() - shown):
        there = office.repo.tree(MAIN, path).get(path)
        before = office.repo.blobs([there])[there] if there else b""
        after = item.files[path] or b""
        old, new = (data[:_SHOWN].decode("utf-8", "replace").splitlines() for data in (before, after))
        lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2 : 2 + _LINES]
        kinds = {"+": "new", "-": "old"}
        found.append((path, [(kinds.get(line[:1], "same"), line[:_WIDE]) for line in lines]))
    return found


def _branches(current: Current, member: str) -> list[Unit]:
    """Branches whose reports the reviewer may read: those they review."""
    organisation = current.records.organisation
    return [
        unit
        for unit in organisation.branches()
        if any(r.member == member for r in organisation.reviewers_of(unit.id, current.today))
    ]


def _grants(study: Study) -> tuple[str, ...]:
    """Hours to grant with one tap: fewer than claimed."""
    usual = [Decimal(text) for text in ("0.5", "1", "1.5", "2", "2.5", "3", "4", "6", "8")]
    return tuple(plain(hours) for hours in usual if hours < study.hours)[-5:]


def _merge(
    office: Office, who: Reviewer, pull: Pull, head: str, grant: Mapping[str, bytes] | None = None
) -> None:
    if pull.state == "merged" and pull.decided_by == who.member:
        return  # the same decision sent twice
    if not head:
        raise Refused(409, "no head", "没有说明看到的是哪一版", "请刷新后再看。")
    content = _allowed(office, who, pull)
    changed = replace(content, files={**content.files, **(grant or {})})
    problems = judged(office.current(), changed, records.kept(office.repo))
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise Refused(409, "check failed", "检查没有通过", str(errors[0]))
    _host(office).merge(pull.number, head, who.member, office.now(), grant=grant)


def _allowed(office: Office, who: Reviewer, pull: Pull) -> Brought:
    """What the pull brings, if this reviewer may decide on it. Raises Refused."""
    current, content = office.current(), brings(office, pull)
    organisation = current.records.organisation
    if not content.files or not all(
        records.may_decide(organisation, who.member, path, current.today) for path in content.files
    ):
        raise Refused(403, "other branch", "这条登记不归您审核", "请由该支部的审核人决定。")
    studies = records.overlay(current.records, content.files).studies
    if is_own(content, who.member, [studies[p] for p in content.files if p in studies]):
        raise Refused(403, "own record", "不能审核自己的登记", "请由另一位审核人或上级党委决定。")
    return content


def _host(office: Office) -> Host:
    """The host as the desk's own identity. Raises Refused where the desk is switched off."""
    if office.desk is None:
        raise Refused(404, "desk is off", "这里没有开通审核台", "请到代码托管平台上审核，或联系党委管理员。")
    return office.desk


def _pull(office: Office, number: int) -> Pull:
    pull = _host(office).get(number)
    if pull is None:
        raise Refused(404, "no such pull", "没有这条登记", "请回到列表刷新后再看。")
    return pull


def _only_study(office: Office, pull: Pull) -> Study:
    files = brings(office, pull).files
    values = [records.parse_file(path, data).value for path, data in files.items() if data]
    if len(values) == 1 and isinstance(values[0], Study):
        return values[0]
    raise Refused(404, "nothing to amend", "这条不能改学时", "请退回，并写明要改什么。")


def _granted_hours(text: str, study: Study, current: Current, faults: dict[str, str]) -> Decimal | None:
    try:
        hours = reading.hours(text, current.records.policy.conversion(study.start_date))
    except reading.Unclear as unclear:
        faults["hours"] = str(unclear)
        return None
    if hours >= study.hours:
        faults["hours"] = f"只能改少；申报的是 {plain(study.hours)} 学时。要按申报数通过，请用“通过”"
        return None
    return hours


def _told(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"{error.title}：{error.cure}"
    if isinstance(error, HostUnavailable):
        return "同时有别的改动，请再试一次"
    return "这条登记刚才有变化（可能已被别人审完），请看清后再决定"
