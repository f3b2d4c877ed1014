"""The words everything else is written in: values only, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991, so an offset is exact


def contains(start: date | None, until: date | None, day: date) -> bool:
    """Whether `day` lies in a span; `until` is exclusive, an absent end is open."""
    return (start is None or start <= day) and (until is None or day < until)


# --- one study record


@dataclass(frozen=True, slots=True)
class Evidence:
    """One picture, kept on an evidence ref under its hash."""

    sha256: str
    source_sha256: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """Who sent a record first, when and how; never changes. `via`: link | poster | staff | import."""

    by: str
    at: datetime
    via: str
    notice: str


@dataclass(frozen=True, slots=True)
class Change:
    """The latest change to a record. `action`: correct | amend | confirm | restore."""

    action: str
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Void:
    """The record stays and counts nothing."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Study:
    """One member, one study event. `branch` and `path` come from where the file lies; `hours` are claimed."""

    path: str
    branch: str
    id: str
    member: str
    kind: str
    title: str
    start_date: date
    hours: Decimal
    submitted: Submitted
    content: str | None = None
    end_date: date | None = None
    start_time: str | None = None
    end_time: str | None = None
    duration_minutes: int | None = None
    mode: str | None = None
    organiser: str | None = None
    organiser_level: str | None = None
    place: str | None = None
    topic: str | None = None
    reflection: str | None = None
    note: str | None = None
    origin: str | None = None
    activity: str | None = None
    replaces: str | None = None
    evidence: tuple[Evidence, ...] = ()
    change: Change | None = None
    void: Void | None = None

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of the event, first to last."""
        last = self.end_date or self.start_date
        return tuple(self.start_date + timedelta(n) for n in range((last - self.start_date).days + 1))


# --- people and organisation


@dataclass(frozen=True, slots=True)
class Membership:
    """A span in one branch. `status`: full | probationary | development_target | …"""

    branch: str
    start: date
    until: date | None
    status: str


@dataclass(frozen=True, slots=True)
class Role:
    role: str
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Span:
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """What one branch's roster says of one person."""

    id: str
    name: str
    periods: tuple[Membership, ...]
    roles: tuple[Role, ...] = ()
    exempt: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    branch: str
    members: tuple[RosterEntry, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One member over all branches and times; the same id is the same person."""

    id: str
    name: str
    memberships: tuple[Membership, ...]
    roles: tuple[Role, ...]
    exempt: tuple[Span, ...]

    def membership(self, day: date, branch: str | None = None) -> Membership | None:
        """The membership in force on `day`, of `branch` if given."""
        for held in self.memberships:
            if contains(held.start, held.until, day) and branch in (None, held.branch):
                return held
        return None

    def roles_on(self, day: date) -> frozenset[str]:
        return frozenset(held.role for held in self.roles if contains(held.start, held.until, day))

    def is_exempt(self, day: date) -> bool:
        return any(contains(span.start, span.until, day) for span in self.exempt)


@dataclass(frozen=True, slots=True)
class Term:
    start: date
    until: date | None
    committee_size: int | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A node of the organisation's tree. `kind`: committee | general_branch | branch."""

    id: str
    kind: str
    name: str
    parent: str | None = None
    type: str | None = None
    aliases: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewer:
    """May decide on records of `unit` and everything below it."""

    member: str
    unit: str
    start: date
    until: date | None
    logins: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """An identity whose `Approved-By` is believed."""

    email: str
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Organisation:
    name: str
    units: tuple[Unit, ...]
    reviewers: tuple[Reviewer, ...]
    desks: tuple[Desk, ...]

    def unit(self, unit_id: str) -> Unit | None:
        return next((unit for unit in self.units if unit.id == unit_id), None)

    def branches(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.kind == "branch")

    def above(self, unit_id: str) -> tuple[str, ...]:
        """`unit_id` and its parents, nearest first; a circle in the data ends the walk."""
        chain: list[str] = []
        unit = self.unit(unit_id)
        while unit is not None and unit.id not in chain:
            chain.append(unit.id)
            unit = self.unit(unit.parent) if unit.parent else None
        return tuple(chain)

    def reviewers_of(self, branch: str, day: date) -> tuple[Reviewer, ...]:
        """Who may decide on a record of `branch` on `day`: its own reviewers first, then those above."""
        chain = self.above(branch)
        able = [r for r in self.reviewers if r.unit in chain and contains(r.start, r.until, day)]
        return tuple(sorted(able, key=lambda r: chain.index(r.unit)))

    def may_review(self, member: str, branch: str, day: date) -> bool:
        return any(r.member == member for r in self.reviewers_of(branch, day))


# --- policy


@dataclass(frozen=True, slots=True)
class Conversion:
    start: date
    until: date | None
    minutes_per_hour: Decimal
    hours_per_half_day: Decimal
    hours_per_day: Decimal
    step: Decimal
    rounding: str


@dataclass(frozen=True, slots=True)
class Kind:
    id: str
    label: str
    bucket: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` hours credited per `per` (day) and member."""

    id: str
    per: str
    max: Decimal
    start: date
    until: date | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """`calendar_year`, or `window` with `start` and exclusive `until`."""

    id: str
    type: str
    start: date | None = None
    until: date | None = None

    def span(self, day: date) -> tuple[date, date]:
        """The first day and the exclusive end of the period that holds `day`."""
        if self.type == "window" and self.start and self.until:
            return self.start, self.until
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Selector:
    """Whom a requirement is for, by status and role on the day of evaluation."""

    id: str
    include: str | None = None
    status: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    not_role: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    id: str
    label: str
    who: str
    measure: str
    min: Decimal
    period: str
    start: date
    until: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Policy:
    baseline: str | None
    conversions: tuple[Conversion, ...]
    kinds: Mapping[str, Kind]
    caps: tuple[Cap, ...]
    periods: Mapping[str, Period]
    who: Mapping[str, Selector]
    requirements: tuple[Requirement, ...]
    near_ratio: Decimal
    behind_tolerance: Decimal


# --- a tree of records, and what is wrong with it


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault, told so that the reader can cure it. `line` counts from 1; 0 means the whole file.

    `field` is the record's field, for a form to show the message beside; `rule` is a check's id."""

    path: str
    line: int
    rule: str
    message: str
    field: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class RecordSet:
    """Everything under `records/` at one place in time, and what could not be read.

    `studies` maps a path to the record in it (two files may wrongly claim one id), `rosters` a branch id to its roster;
    `lines` maps a path to field -> line, so that a check can point at it; `blobs` maps every path to its blob id."""

    organisation: Organisation
    policy: Policy
    rosters: Mapping[str, Roster]
    studies: Mapping[str, Study]
    problems: tuple[Problem, ...] = ()
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict)

    def line(self, path: str, name: str) -> int:
        return self.lines.get(path, {}).get(name, 1)

    def people(self) -> dict[str, Person]:
        """Every member id with what all rosters say of it; ids in the order of branch, then roster."""
        found: dict[str, list[RosterEntry]] = {}
        for branch in sorted(self.rosters):
            for entry in self.rosters[branch].members:
                found.setdefault(entry.id, []).append(entry)
        return {member: _person(entries) for member, entries in found.items()}


def _person(entries: list[RosterEntry]) -> Person:
    periods = sorted((p for e in entries for p in e.periods), key=lambda p: p.start)
    newest = max(entries, key=lambda e: max(p.start for p in e.periods))
    roles = {role for e in entries for role in e.roles}
    exempt = {span for e in entries for span in e.exempt}
    return Person(
        id=newest.id,
        name=newest.name,
        memberships=tuple(periods),
        roles=tuple(sorted(roles, key=lambda r: (r.start, r.role))),
        exempt=tuple(sorted(exempt, key=lambda s: s.start)),
    )


# --- history


@dataclass(frozen=True, slots=True)
class Submission:
    """One commit of a proposal as history tells it: who sent what, when."""

    commit: str
    id: str
    records: tuple[str, ...]
    action: str
    by: str
    amended_by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """What one first-parent commit of main made of one file under `records/`.

    `blob` is None when the file was removed. `approved` is the contract's approval; `reason` says in a word why not:
    direct-push | unknown-decider | not-reviewer | own-record | unreadable. `decided_by` is a member id."""

    path: str
    blob: str | None
    commit: str
    at: datetime
    approved: bool
    reason: str = ""
    decided_by: str | None = None
    pull: int | None = None
    submissions: tuple[Submission, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Every version of every file under `records/`, oldest first, and what the newest approved committee files are.

    `approved_blobs` maps a committee file's path to the blob of its last approved version."""

    tip: str
    at: datetime
    versions: Mapping[str, tuple[Version, ...]]
    approved_blobs: Mapping[str, str]

    def last(self, path: str) -> Version | None:
        found = self.versions.get(path)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Open work on a `sub/<ULID>` ref: files that would change, and the submissions that did it."""

    ref: str
    head: str
    base: str
    submissions: tuple[Submission, ...]
    studies: tuple[Study, ...]


# --- totals


class Standing(StrEnum):
    """Where a member stands against one requirement."""

    MET = "met"
    NEAR = "near"
    UNDER_WAY = "under_way"
    BEHIND = "behind"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Credit:
    """One line of the ledger. `state`: counted | unapproved | void. `why` names the rule that cut `claimed` to
    `credited`, or is empty: unapproved | void | kind-not-counted | future | unknown-kind | a cap's id."""

    study: Study
    state: str
    claimed: Decimal
    credited: Decimal
    why: str = ""


@dataclass(frozen=True, slots=True)
class Standings:
    """One requirement for one person. `credits` are the records that lie in its period, in order, running total
    beside each; `start`..`until` (exclusive) is the period; `percent` is exact to 0.1, rounded down."""

    requirement: Requirement
    start: date
    until: date
    target: Decimal
    counted: Decimal
    short: Decimal
    percent: Decimal
    expected: Decimal
    standing: Standing
    credits: tuple[tuple[Credit, Decimal], ...]


@dataclass(frozen=True, slots=True)
class MemberTotals:
    """All figures of one person; `branch` is the one on the day of evaluation, or None for one who has left."""

    person: Person
    branch: str | None
    credits: tuple[Credit, ...]
    standings: tuple[Standings, ...]

    def standing(self, period: str) -> Standings | None:
        """The first requirement over the named period (`year`, `plan`)."""
        return next((s for s in self.standings if s.requirement.period == period), None)

    def hours(self, start: date, until: date) -> Decimal:
        """Hours credited for studies that began in the span."""
        return sum((c.credited for c in self.credits if start <= c.study.start_date < until), Decimal(0))


@dataclass(frozen=True, slots=True)
class Totals:
    """All figures as of `on`. Branch sums go by the folder a record lies in, member sums by the person."""

    on: date
    members: Mapping[str, MemberTotals]
    strangers: tuple[Credit, ...]

    def credits(self) -> tuple[Credit, ...]:
        return tuple(c for m in self.members.values() for c in m.credits) + self.strangers

    def of_branch(self, branch: str) -> tuple[MemberTotals, ...]:
        """Members of the branch on the day of evaluation."""
        return tuple(m for m in self.members.values() if m.branch == branch)
