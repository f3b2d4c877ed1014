"""What waits on a reviewer's desk: each proposal with its effect on hours and what the check says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from xueshi import checks, records
from xueshi.bridge.office import Current, Office
from xueshi.checks.duplicates import is_same_event
from xueshi.checks.proposal import Proposed
from xueshi.git import Repository
from xueshi.hosts.base import Pull
from xueshi.model import Evidence, Kept, Person, Problem, Severity, Study, Submission
from xueshi.records import study_file
from xueshi.reports.effect import effect_data, effect_markdown, effects
from xueshi.totals.effect import Effect, effect
from xueshi.words import plain

_KEPT = 5000  # proposals whose contents are remembered
_FAR = 7  # days between a picture and its study that are worth a word


@dataclass(frozen=True, slots=True)
class Brought:
    """What a proposal's commits bring: contents by path, and who sent them."""

    files: Mapping[str, bytes | None]
    submissions: tuple[Submission, ...]
    merges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One pull request as its reviewer sees it. `warnings` ask for a look, `remarks` only inform; a problem that is
    an error blocks approval."""

    pull: Pull
    files: Mapping[str, bytes | None]
    studies: tuple[Study, ...]
    people: tuple[Person | None, ...]
    effects: tuple[Effect, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]
    own: bool
    days_waiting: int

    @property
    def blocked(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def quiet(self) -> bool:
        """Nothing to look at twice: may be ticked together with others like it."""
        return not self.problems and not self.warnings and len(self.studies) == 1

    @property
    def committee(self) -> bool:
        """Whether it changes anything but records."""
        return any(records.kind_of(path) != "study" for path in self.files)

    @property
    def study(self) -> Study | None:
        return self.studies[0] if len(self.studies) == 1 else None


def queue(office: Office, reviewer: str) -> list[Item]:
    """Open proposals that `reviewer` may decide on, and their own (marked `own`), oldest first."""
    current, pulls = office.current(), office.pulls()
    brought = {pull.number: brings(office, pull) for pull in pulls}
    evidence = records.kept(office.repo)
    waiting = [study for content in brought.values() for study in _studies(content)]
    pictures = _pictures([*current.records.studies.values(), *waiting])
    by_member: dict[str, list[Study]] = {}
    for study in waiting:
        by_member.setdefault(study.member, []).append(study)
    found = []
    for pull in pulls:
        content = brought[pull.number]
        if (
            all(
                records.may_decide(current.records.organisation, reviewer, p, current.today)
                for p in content.files
            )
            and content.files
        ):
            found.append(
                _item(
                    office,
                    current,
                    pull,
                    content,
                    reviewer=reviewer,
                    evidence=evidence,
                    pictures=pictures,
                    waiting=by_member,
                )
            )
    return found


def in_queue(office: Office, reviewer: str, sha256: str) -> bool:
    """Whether a picture belongs to something that this reviewer may decide on."""
    current = office.current()
    for pull in office.pulls():
        files = brings(office, pull).files
        if any(data and sha256.encode() in data for data in files.values()) and all(
            records.may_decide(current.records.organisation, reviewer, p, current.today) for p in files
        ):
            return True
    return False


def brings(office: Office, pull: Pull) -> Brought:
    """The files and submissions of a pull request; one that rests on main stays what it is and is kept."""
    known = office.brought.get(pull.head)
    if known is None:
        known, rests = _brings(office.repo, pull)
        if rests:
            office.brought[pull.head] = known
            while len(office.brought) > _KEPT:
                office.brought.pop(next(iter(office.brought)), None)
    return known


def _brings(repo: Repository, pull: Pull) -> tuple[Brought, bool]:
    """Also whether it is one commit on a commit of main: then no later merge can change where it began."""
    base = repo.merge_base("refs/heads/main", pull.head)
    if base is None:
        return Brought({}, ()), False
    changed = repo.changed(base, pull.head)
    contents = repo.blobs(blob for blob in changed.values() if blob)
    commits = list(records.read_commits(repo, pull.head, f"^{base}"))
    sent = [records.submission(commit) for commit in commits]
    files = {path: contents[blob] if blob else None for path, blob in changed.items()}
    submissions = tuple(s for s in sent if s is not None)
    merges = records.forged_merges(repo, "refs/heads/main", pull.head) if len(commits) > 1 else ()
    return Brought(files, submissions, merges), len(commits) == 1


def _studies(content: Brought) -> list[Study]:
    values = (records.parse_file(path, data).value for path, data in content.files.items() if data)
    return [value for value in values if isinstance(value, Study)]


def judged(current: Current, content: Brought, evidence: Kept | None) -> tuple[Problem, ...]:
    """What the check says of merging this now."""
    return checks.check_change(proposed(current, content), evidence)


def proposed(current: Current, content: Brought) -> Proposed:
    """A pull request as a change of what stands now."""
    head = records.overlay(current.records, content.files)
    paths = frozenset(content.files)
    return Proposed(current.records, head, paths, current.today, current.used, content.merges)


def effect_of(current: Current, content: Brought, problems: Iterable[Problem]) -> dict[str, Any]:
    """What merging this would do to everybody's hours, as plain data."""
    change = proposed(current, content)
    names = {member: p.name for member, p in {**current.people, **change.judged().people()}.items()}
    caps = {cap.id: cap.source or "" for cap in change.judged().policy.caps}
    return effect_data(effects(change, current.approvals), problems, names, caps)


def told(current: Current, study: Study) -> str:
    """The effect of one record, in Markdown, for its pull request."""
    content = Brought({study.path: study_file(study)}, ())
    return effect_markdown(effect_of(current, content, judged(current, content, None)))


def is_own(content: Brought, reviewer: str, studies: Iterable[Study]) -> bool:
    """Nobody decides on what they sent, changed or are the subject of."""
    senders = {s.by for s in content.submissions} | {s.amended_by for s in content.submissions}
    subjects = {study.member for study in studies}
    return reviewer in subjects or (bool(subjects) and reviewer in senders)


def _item(
    office: Office,
    current: Current,
    pull: Pull,
    content: Brought,
    *,
    reviewer: str,
    evidence: Kept | None,
    pictures: Mapping[str, list[Study]],
    waiting: Mapping[str, list[Study]],
) -> Item:
    head = records.overlay(current.records, content.files)
    studies = tuple(head.studies[path] for path in sorted(content.files) if path in head.studies)
    warnings, remarks = [], []
    for study in studies:
        twin = _twin(current, study)
        warnings += [*twin, *_warnings(office, current, study, pictures)]
        others = [other for other in waiting.get(study.member, ()) if other.path != study.path]
        if any(is_same_event(other, study) for other in others):
            warnings.append("这个人同一天还有一条同样主题的登记在等待审核，请确认不是重复")
        elif others:
            remarks.append(f"本人还有 {len(others)} 条在等待审核，上面的学时没有算它们")
        remarks += _remarks(current, study, pictures)
        if study.submitted.via == "poster" and not twin:
            remarks.append("扫海报登记，不是个人链接")
    opened = date.fromisoformat(pull.opened_at[:10])
    return Item(
        pull=pull,
        files=content.files,
        studies=studies,
        people=tuple(current.people.get(study.member) for study in studies),
        effects=effect(current.records, current.records.policy, current.approvals, studies, current.today),
        problems=judged(current, content, evidence),
        warnings=tuple(warnings),
        remarks=tuple(remarks),
        own=is_own(content, reviewer, studies),
        days_waiting=(current.today - opened).days,
    )


def _pictures(studies: Iterable[Study]) -> Mapping[str, list[Study]]:
    """Every record, on main or waiting, by the pictures it names."""
    found: dict[str, list[Study]] = {}
    for study in studies:
        for picture in study.evidence:
            found.setdefault(picture.source_sha256, []).append(study)
    return found


def _twin(current: Current, study: Study) -> list[str]:
    """At a poster one picks a name, which another person may share."""
    person = current.people.get(study.member)
    if study.submitted.via != "poster" or person is None:
        return []
    twin = next((p for p in current.people.values() if p.name == person.name and p.id != person.id), None)
    if twin is None:
        return []
    held = twin.membership(current.today)
    unit = current.branch(held.branch) if held else None
    where = f"{unit.name}也有" if unit else "名册上还有一位"
    return [f"扫海报登记，不是个人链接；{where}“{person.name}”，请认人"]


def _warnings(
    office: Office, current: Current, study: Study, pictures: Mapping[str, list[Study]]
) -> list[str]:
    found = []
    for picture in study.evidence:
        waiting = (
            s for s in pictures.get(picture.source_sha256, ()) if s.path not in current.records.studies
        )  # the check compares with what is on main
        other = next((s for s in waiting if s.start_date != study.start_date), None)
        if other is not None:
            found.append(f"同一张照片也用在 {other.start_date.month}月{other.start_date.day}日的登记上")
        found += _camera_day(office, picture, study)
    kind = current.records.policy.kinds.get(study.kind)
    if kind is not None and not kind.counts:
        found.append(f"{kind.label}不计入学时")
    return found


def _camera_day(office: Office, picture: Evidence, study: Study) -> list[str]:
    kept = office.outbox.picture(picture.sha256)
    taken = kept[2] if kept else None
    if taken is None or abs((taken - study.start_date).days) <= _FAR:
        return []
    apart = (taken - study.start_date).days
    return [f"照片拍于{taken.month}月{taken.day}日，比学习日期{'晚' if apart > 0 else '早'} {abs(apart)} 天"]


def _remarks(current: Current, study: Study, pictures: Mapping[str, list[Study]]) -> list[str]:
    found = []
    for picture in study.evidence[:1]:
        same = [
            s
            for s in pictures.get(picture.source_sha256, ())
            if s.start_date == study.start_date and s.member != study.member
        ]
        if same:
            found.append(f"与{current.name(same[0].member)}同一张照片（同一次活动）")
    if not study.evidence:
        found.append("没有照片")
    if study.change is not None:
        before = current.records.studies.get(study.path)
        was = f"，原来 {plain(before.hours)} 学时" if before and before.hours != study.hours else ""
        found.append(f"更正已有记录：{study.change.reason}{was}")
    if study.void is not None:
        found.append(f"作废已有记录：{study.void.reason}")
    return found
