"""What waits on a reviewer's desk: each pull request's records with their effect on hours and what the check says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from xueshi import checks, records
from xueshi.bridge.brought import Brought, bring, brings
from xueshi.bridge.office import Current, Office
from xueshi.bridge.people import named
from xueshi.bridge.remarks import Others, others, remarks, warnings
from xueshi.checks.proposal import Proposed
from xueshi.hosts.base import Pull
from xueshi.model import Evidence, Kept, Problem, RecordSet, Severity, Study
from xueshi.records import study_file
from xueshi.records.source import ORGANISATION, POLICY
from xueshi.reports.effect import effect_data, effect_markdown, effects
from xueshi.totals.effect import Effect, effect

_KEPT = 2000  # judgements that are remembered
CARDS, ROWS = 30, 60  # of one page at most, unless a single card has more rows


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a pull request. `name` is its member's, told apart from others of the same; `before` is the same on
    main, None for a new one; `warnings` ask for a look, `remarks` only inform; a problem that is an error blocks
    approval of all."""

    study: Study
    name: str
    submission: str
    before: Study | None
    effect: Effect | None
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def quiet(self) -> bool:
        """Nothing to look at twice; a change of what counts already is always looked at."""
        return not self.problems and not self.warnings and self.before is None


@dataclass(frozen=True, slots=True)
class Item:
    """One pull request as its reviewer sees it: its records in the order they were sent, and `problems` of files that
    are no readable record."""

    pull: Pull
    files: Mapping[str, bytes | None]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    days_waiting: int

    @property
    def blocked(self) -> bool:
        found = (*self.problems, *(problem for row in self.rows for problem in row.problems))
        return any(problem.severity is Severity.ERROR for problem in found)

    @property
    def quiet(self) -> bool:
        """May be ticked together with others like it: every record is, and there is nothing else."""
        return bool(self.rows) and not self.problems and all(row.quiet for row in self.rows)

    @property
    def committee(self) -> bool:
        """Whether it changes anything but records."""
        return any(records.kind_of(path) != "study" for path in self.files)

    @property
    def row(self) -> Row | None:
        """The record of a pull request that has one."""
        return self.rows[0] if len(self.rows) == 1 else None

    @property
    def first(self) -> Study:
        return self.rows[0].study

    @property
    def one_event(self) -> bool:
        """Whether all its records tell of one study."""
        return len({(row.study.start_date, row.study.title, row.study.kind) for row in self.rows}) == 1

    @property
    def count(self) -> int:
        """How many records it holds; something else counts as one."""
        return max(1, len(self.rows))

    @property
    def people(self) -> int:
        return len({row.study.member for row in self.rows})

    @property
    def hours(self) -> Decimal:
        return sum((row.study.hours for row in self.rows), Decimal(0))

    @property
    def pictures(self) -> tuple[Evidence, ...]:
        """Its pictures, each once."""
        return tuple({e.sha256: e for row in self.rows for e in row.study.evidence}.values())


@dataclass(frozen=True, slots=True)
class Queue:
    """Pull requests that a reviewer may decide on, oldest first, and what is theirs or decided already. Not `heard`: the
    host has not told yet what waits, so that an empty queue means nothing."""

    pulls: tuple[Pull, ...]
    brought: Mapping[str, Brought]
    own: tuple[Pull, ...]
    decided: int
    heard: bool

    @property
    def records(self) -> int:
        return sum(max(1, len(self.brought[pull.head].studies)) for pull in self.pulls)

    def pages(self) -> list[tuple[Pull, ...]]:
        """The pull requests in portions that a phone can show."""
        found: list[list[Pull]] = [[]]
        rows = 0
        for pull in self.pulls:
            many = max(1, len(self.brought[pull.head].studies))
            if found[-1] and (len(found[-1]) == CARDS or rows + many > ROWS):
                found.append([])
                rows = 0
            found[-1].append(pull)
            rows += many
        return [tuple(page) for page in found]


def queue(office: Office, reviewer: str) -> Queue:
    """What a reviewer may decide on and nobody has decided yet."""
    current, pulls = office.current(), office.pulls()
    brought = brings(office, pulls)
    decided = {decision.pull for decision in office.outbox.decisions.waiting()}
    mine: list[Pull] = []
    own: list[Pull] = []
    gone = 0
    for pull in pulls:
        content = brought[pull.head]
        if not may_decide(current, reviewer, content):
            continue
        if pull.number in decided:
            gone += 1
        else:
            (own if is_own(current, content, reviewer) else mine).append(pull)
    return Queue(tuple(mine), brought, tuple(own), gone, bool(pulls) or office.heard)


def may_decide(current: Current, reviewer: str, content: Brought) -> bool:
    """Whether all that a proposal changes is the reviewer's to decide on today."""
    organisation, today = current.records.organisation, current.today
    paths = content.files
    return bool(paths) and all(records.may_decide(organisation, reviewer, path, today) for path in paths)


def is_own(current: Current, content: Brought, reviewer: str) -> bool:
    """Nobody decides on what they sent, changed, wrote a commit of or are the subject of: history would not count it."""
    if not content.studies:
        return False
    own = {study.member for study in content.studies}
    own |= {by for s in content.submissions for by in (s.by, s.amended_by) if by}
    own |= {by for study in content.studies for by in _hands(study, current.records.studies.get(study.path))}
    held = (r for r in current.records.organisation.reviewers if r.member == reviewer)
    return reviewer in own or any(set(r.emails) & set(content.authors) for r in held)


def _hands(study: Study, before: Study | None) -> Iterator[str]:
    """Whom the record itself names as having a hand in this version."""
    if before is None:
        yield study.submitted.by
    if study.change and (before is None or before.change != study.change):
        yield study.change.by
    if study.void and (before is None or before.void != study.void):
        yield study.void.by


def items(office: Office, found: Queue, pulls: Sequence[Pull]) -> list[Item]:
    """Some of a queue's pull requests with all that their reviewer needs to know."""
    current = office.current()
    evidence = office.evidence()
    beside = others(current, found.brought.values())
    return [_item(office, current, pull, found.brought[pull.head], evidence, beside) for pull in pulls]


def in_queue(office: Office, reviewer: str, sha256: str) -> bool:
    """Whether a picture belongs to something that this reviewer may decide on."""
    current, pulls = office.current(), office.pulls()
    return any(
        any(e.sha256 == sha256 for study in content.studies for e in study.evidence)
        and may_decide(current, reviewer, content)
        for content in brings(office, pulls).values()
    )


# --- what the check and the totals say; kept, since it is the same until main moves or the day changes


@dataclass(frozen=True, slots=True)
class _Judged:
    problems: tuple[Problem, ...]
    effects: Mapping[str, Effect]
    warnings: Mapping[str, tuple[str, ...]]


def _judged(
    office: Office, current: Current, content: Brought, evidence: Kept | None, beside: Others
) -> _Judged:
    key = (current.tip, current.today, content.chain)
    known: _Judged | None = office.judged.get(key)
    if known is None:
        studies = content.studies
        small = current.of_members({study.member for study in studies})
        found = effect(small, small.policy, current.approvals, studies, current.today)
        known = _Judged(
            judged(_near(current, content, small, beside), content, evidence),
            {one.member: one for one in found},
            {study.path: tuple(warnings(office, current, study)) for study in studies},
        )
        if not any(problem.rule == "evidence-exists" for problem in known.problems):  # it may come yet
            office.judged[key] = known
            while len(office.judged) > _KEPT:
                office.judged.pop(next(iter(office.judged)), None)
    return known


def _near(current: Current, content: Brought, small: RecordSet, beside: Others) -> Current:
    """Main as far as records are compared with those of a proposal: their members' own, and those of the same pictures.
    For a committee's change all of it. What is merged is judged by all of it in any case."""
    if any(records.kind_of(path) != "study" for path in content.files):
        return current
    pictures = {picture.source_sha256 for study in content.studies for picture in study.evidence}
    same = {one.path: one for picture in pictures for one in beside.by_picture.get(picture, ())}
    held = {path: one for path, one in same.items() if path in current.records.studies}
    return replace(current, records=replace(small, studies={**small.studies, **held}))


def judged(current: Current, content: Brought, evidence: Kept | None) -> tuple[Problem, ...]:
    """What the check says of merging this now."""
    return checks.check_change(proposed(current, content), evidence)


def proposed(current: Current, content: Brought) -> Proposed:
    """A pull request as a change of what stands now."""
    head = records.overlay(current.records, content.files)
    after = current.history
    if {ORGANISATION, POLICY} & content.files.keys():
        after = records.foresee(current.repo, current.tip, head.organisation, head.policy)
    return Proposed(
        current.records,
        head,
        frozenset(content.files),
        current.today,
        current.used,
        content.merges,
        taken_in=content.taken_in,
        submissions=content.submissions if content.chain else None,
        before=current.history,
        after=after,
    )


def effect_of(current: Current, content: Brought, problems: Iterable[Problem]) -> dict[str, Any]:
    """What merging this would do to everybody's hours, as plain data."""
    change = proposed(current, content)
    names = {member: p.name for member, p in {**current.people, **change.judged().people()}.items()}
    caps = {cap.id: cap.source or "" for cap in change.judged().policy.caps}
    return effect_data(effects(change, current.approvals), problems, names, caps)


def told(current: Current, study: Study) -> str:
    """The effect of one record, in Markdown, for its pull request."""
    content = Brought({study.path: study_file(study)})
    return effect_markdown(effect_of(current, content, judged(current, content, None)))


def _item(
    office: Office, current: Current, pull: Pull, content: Brought, evidence: Kept | None, beside: Others
) -> Item:
    said = _judged(office, current, content, evidence, beside)
    shown = {study.path for study in content.studies}
    opened = date.fromisoformat(pull.opened_at[:10])
    return Item(
        pull=pull,
        files=content.files,
        rows=tuple(_rows(current, content, said, beside)),
        problems=tuple(problem for problem in said.problems if problem.path not in shown),
        days_waiting=(current.today - opened).days,
    )


def _rows(current: Current, content: Brought, said: _Judged, beside: Others) -> Iterator[Row]:
    for study in sorted(content.studies, key=lambda one: one.id):
        asking, informing = remarks(current, study, beside)
        name = beside.names.get(study.member, study.member)
        yield Row(
            study=study,
            name=name,
            submission=content.submission_of(study.id),
            before=current.records.studies.get(study.path),
            effect=said.effects.get(study.member),
            problems=tuple(
                replace(problem, message=named(problem.message, study.member, name))
                for problem in said.problems
                if problem.path == study.path
            ),
            warnings=(*said.warnings.get(study.path, ()), *asking),
            remarks=tuple(informing),
        )


__all__ = ["bring", "effect_of", "in_queue", "is_own", "items", "judged", "may_decide", "queue", "told"]
