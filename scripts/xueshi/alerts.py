"""History × policy × totals → what people are told of: thresholds crossed, members behind, proposals waiting. Pure.

One notice a member, requirement, period and level. A threshold counts when it is crossed first in its period, so
that crossing it again after a fall tells nothing, in this run or in a later one: ids are stable and may be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from xueshi.model import (
    SHANGHAI,
    History,
    Person,
    Policy,
    Proposal,
    RecordSet,
    Standing,
    Standings,
    Study,
    Totals,
    Version,
)
from xueshi.totals import total_of
from xueshi.totals.selecting import span_of

NEAR, MET, FELL_BACK, BEHIND, WAITING = "near", "met", "fell_back", "behind", "waiting"
Versions = Mapping[tuple[str, str], Study]  # by path and blob, as `records.versions` gives them


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell once. `level`: near | met | fell_back | behind | waiting; `on` is the day it happened, or, of
    a proposal, the day it was sent; `fallen` the level it fell from; `start`..`until` (exclusive) the period."""

    id: str
    level: str
    branch: str
    on: date
    member: str = ""
    requirement: str = ""
    start: date | None = None
    until: date | None = None
    counted: Decimal | None = None
    target: Decimal | None = None
    fallen: str = ""
    commit: str = ""
    ref: str = ""
    days: int | None = None


def is_watched(policy: Policy, requirement: str, period: str) -> bool:
    """Whether the policy watches a requirement: those it names, or else all over a calendar year."""
    if policy.alerts.of:
        return requirement in policy.alerts.of
    return period in policy.periods and policy.periods[period].type == "calendar_year"


def behind(policy: Policy, totals: Totals) -> Iterator[Alert]:
    """Who is behind on the day; the id holds the month, for one notice a month."""
    for m in totals.members.values():
        for s in m.standings:
            if s.standing is Standing.BEHIND and is_watched(policy, s.requirement.id, s.requirement.period):
                name = f"{_place(policy, s, m.person, totals.on)}:{BEHIND}:{totals.on:%Y-%m}"
                yield _alert(name, BEHIND, m.branch or "", totals.on, m.person, s)


def waiting(records: RecordSet, proposals: Iterable[Proposal], on: date) -> Iterator[Alert]:
    """Every open proposal with the days since it was sent first. One without a record that can be read, such as a
    change of the rosters, waits at the committee."""
    roots = [u.id for u in records.organisation.units if u.parent is None and u.kind != "branch"]
    for one in proposals:
        sent = min(s.at for s in one.submissions).astimezone(SHANGHAI).date()
        branch = one.studies[0].branch if one.studies else next(iter(roots), "")
        yield Alert(f"{one.ref}:{WAITING}", WAITING, branch, sent, ref=one.ref, days=(on - sent).days)


def late(policy: Policy, waits: Iterable[Alert]) -> Iterator[Alert]:
    """Those that wait longer than the policy bears."""
    return (one for one in waits if (one.days or 0) > policy.alerts.waiting_days)


# --- what history crossed


def touched(history: History, *, since: int) -> tuple[str, ...]:
    """The paths of all records of the members with a change after the step `since` (-1: ever): what `crossings` reads."""
    members = {member for member, steps in _by_member(history).items() if steps[-1][0].step > since}
    return tuple(
        path
        for path, found in history.versions.items()
        if any(v.member in members for v in found if v.member)
    )


def crossings(
    records: RecordSet, policy: Policy, history: History, versions: Versions, *, since: int
) -> Iterator[Alert]:
    """Every near, met and fell_back that main's steps after `since` (-1: all) brought, in their order.

    Each change of a member's records is judged as main stood then, records and approvals both, on the day it came, and
    where it concerns the year before, also as at that year's end. Policy, rosters and organisation are those of
    `records`, the newest approved ones: correcting them later announces nothing again."""
    people = records.people()
    found: list[tuple[int, Alert]] = []
    for member, steps in _by_member(history).items():
        if steps[-1][0].step > since and member in people:
            found += _Replay(records, policy, people[member], versions).run(steps, since)
    return (alert for _, alert in sorted(found, key=lambda pair: pair[0]))


def _by_member(history: History) -> dict[str, list[tuple[Version, ...]]]:
    """Each member's changes, oldest first: the versions of their records that one step of main brought."""
    found: dict[str, dict[int, list[Version]]] = {}
    for versions in history.versions.values():
        # Of a record that a push gave to somebody else, both must hear.
        for member in {v.member for v in versions if v.member}:
            for version in versions:
                found.setdefault(member, {}).setdefault(version.step, []).append(version)
    return {member: [tuple(steps[number]) for number in sorted(steps)] for member, steps in found.items()}


@dataclass(slots=True)
class _Level:
    """One requirement in one period so far: where it is, the highest it was, and the levels it fell below."""

    now: int = 0
    best: int = 0
    fallen: set[int] = field(default_factory=set)

    def move(self, level: int) -> tuple[str, str]:
        """Go to a level: what to tell of it for the first time, and the level fallen from; empty for nothing."""
        below = set(range(level + 1, self.now + 1)) - self.fallen
        self.now = level
        if level > self.best:
            self.best = level
            return _NAMES[level], ""
        self.fallen |= below
        return (FELL_BACK, _NAMES[max(below)]) if below else ("", "")


_NAMES = {1: NEAR, 2: MET}
_LEVEL = {Standing.NEAR: 1, Standing.MET: 2}


class _Replay:
    """One member's records as main had them, step by step."""

    def __init__(self, records: RecordSet, policy: Policy, person: Person, versions: Versions) -> None:
        self._records = replace(records, studies={})
        self._policy = policy
        self._person = person
        self._versions = versions
        self._studies: dict[str, Study] = {}
        self._approved: set[str] = set()
        self._levels: dict[str, _Level] = {}

    def run(self, steps: list[tuple[Version, ...]], since: int) -> Iterator[tuple[int, Alert]]:
        """What the steps after `since` crossed first, each with its step; from the beginning of its period."""
        judged = [(step, self._take(step)) for step in steps]
        self._studies, self._approved = {}, set()
        begin = min((self._begin(day) for step, days in judged if step[0].step > since for day in days))
        for step, days in judged:
            self._take(step)
            for day in days:
                if day >= begin:
                    alerts = list(self._judge(step[0], day))
                    yield from ((step[0].step, alert) for alert in alerts if step[0].step > since)

    def _take(self, step: tuple[Version, ...]) -> list[date]:
        """Make the step's changes, and tell the days to judge on: the end of the year before, then the step's own."""
        today = step[0].at.astimezone(SHANGHAI).date()
        years: set[int] = set()
        for version in step:
            old = self._studies.pop(version.path, None)
            new = self._versions.get((version.path, version.blob or ""))
            if new is not None:
                self._studies[version.path] = new
            self._approved.discard(version.path)
            if version.approved:
                self._approved.add(version.path)
            for study in (old, new):
                if study is not None:
                    years |= {study.start_date.year, (study.end_date or study.start_date).year}
        return [date(today.year - 1, 12, 31), today] if today.year - 1 in years else [today]

    def _begin(self, day: date) -> date:
        """Where the periods begin that a day's standings speak of."""
        asked = [r for r in self._policy.requirements if is_watched(self._policy, r.id, r.period)]
        spans = [span_of(self._person, r.period, day, self._policy) for r in asked]
        return min((span[0] for span in spans if span), default=day)

    def _judge(self, version: Version, day: date) -> Iterator[Alert]:
        records = replace(self._records, studies=self._studies)
        person, policy = self._person, self._policy
        for s in total_of(records, policy, self._approved, person, day).standings:
            watched = is_watched(policy, s.requirement.id, s.requirement.period)
            if not watched or s.standing is Standing.EXEMPT:
                continue
            place = _place(policy, s, person, day)
            level, fallen = self._levels.setdefault(place, _Level()).move(_LEVEL.get(s.standing, 0))
            if level:
                held = person.membership(day)
                name = f"{place}:{level}:{fallen}" if fallen else f"{place}:{level}"
                told = _alert(name, level, held.branch if held else "", day, person, s)
                yield replace(told, fallen=fallen, commit=version.commit)


def _place(policy: Policy, s: Standings, person: Person, day: date) -> str:
    """Period, requirement and member. A rolling period begins anew every day; it is told of once a year."""
    rolling = policy.periods[s.requirement.period].type == "rolling"
    return f"{date(day.year, 1, 1) if rolling else s.start}:{s.requirement.id}:{person.id}"


def _alert(name: str, level: str, branch: str, on: date, person: Person, s: Standings) -> Alert:
    return Alert(name, level, branch, on, person.id, s.requirement.id, s.start, s.until, s.counted, s.target)
