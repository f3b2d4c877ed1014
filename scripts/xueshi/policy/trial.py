"""What a changed policy would do: which rules it changes, whose figures, on which days, and whether it reaches back.

Values only; verdict.py puts them into words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from xueshi.model import MemberTotals, Policy, RecordSet, Standings, Totals
from xueshi.policy.explain import Entry, entries
from xueshi.policy.parts import Part, parts
from xueshi.policy.what_if import as_if
from xueshi.totals import Approvals, total


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that says something else. `change`: added | removed | changed | moved (only the order); `old` and `new`
    are the rule as it was and will be, or, with `moved`, the order of the ids."""

    section: str
    rule: str
    change: str
    old: Entry | None = None
    new: Entry | None = None
    order: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class Point:
    """Where a member stands against one requirement; `target` and `standing` are None for hours on their own. Of a
    requirement with several measures the figures are those of the one that decides; `parts` has all, and `every`
    whether all must be met."""

    measure: str
    counted: Decimal
    target: Decimal | None = None
    standing: str | None = None
    parts: tuple[Part, ...] = ()
    every: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """One member's figures that differ. `requirement` is empty where only the hours credited in the year differ;
    `before` or `after` is None where the requirement does not apply."""

    member: str
    name: str
    branch: str | None
    requirement: str
    label: str
    before: Point | None
    after: Point | None

    @property
    def crosses(self) -> bool:
        """Whether the standing itself differs."""
        before, after = self.before, self.after
        return (before.standing if before else None) != (after.standing if after else None)

    @property
    def is_past(self) -> bool:
        """Whether it would differ in a closed year: there, all standings but met and exempt are the same, not met."""
        before, after = (
            side and replace(side, standing=_CLOSED.get(str(side.standing)))
            for side in (self.before, self.after)
        )
        return before != after


_CLOSED = {"met": "met", "exempt": "exempt"}


@dataclass(frozen=True, slots=True)
class AsIf:
    """The rules of a later day applied since the first of January to what there is today: only standings that differ.
    `met` counts, by requirement, those who have met it today."""

    today: date
    met: dict[str, int]
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """Whose figures differ on a day."""

    on: date
    people: int
    shifts: tuple[Shift, ...]
    as_if: AsIf | None = None

    def affected(self) -> dict[str, str | None]:
        """Member -> branch on the day."""
        return {shift.member: shift.branch for shift in self.shifts}


@dataclass(frozen=True, slots=True)
class Trial:
    """`past`: how many people's figures differ at the end of each earlier year; years without any are left out.
    `year` is that of the day of the trial, `first` the first one with records: the years from it on were compared."""

    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    past: dict[int, int]
    first: int
    year: int

    @property
    def is_idle(self) -> bool:
        """Whether nothing changes, neither in words nor in figures."""
        return not self.changes and not self.past and not any(effect.shifts for effect in self.effects)


def trial(
    records: RecordSet, new: Policy, approvals: Approvals, today: date, on: date | None = None
) -> Trial:
    """The policy of `records` against `new`, on `on`, or today and on every coming day from which it differs."""
    year = (on or today).year
    first = min((study.start_date.year for study in records.studies.values()), default=year)
    if new == records.policy and list(new.kinds) == list(records.policy.kinds):
        return Trial((), (), {}, first, year)
    found, ground = changes(records, new), _Ground(records, new, approvals, today)
    days = [on] if on is not None else [today, *_coming(found, records.policy, new, today)]
    effects = tuple(_effect(ground, day) for day in days)
    return Trial(found, effects, _past(ground, range(first, year)), first, year)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is compared. Figures of the approved policy are summed once a day."""

    records: RecordSet
    new: Policy
    approvals: Approvals
    today: date
    summed: dict[date, Totals] = field(default_factory=dict)

    def before(self, day: date) -> Totals:
        if day not in self.summed:
            self.summed[day] = self.after(day, self.records.policy)
        return self.summed[day]

    def after(self, day: date, policy: Policy) -> Totals:
        return total(self.records, policy, self.approvals, day)

    def shifts(self, before: Totals, after: Totals) -> Iterator[Shift]:
        """What differs, member by member; both are of the same records and day."""
        for member, old in before.members.items():
            new = after.members[member]
            asked = {s.requirement.id: s.requirement.label for m in (old, new) for s in m.standings}
            sides = {name: (self._point(old.of(name)), self._point(new.of(name))) for name in asked}
            differing = [name for name, (was, now) in sides.items() if was != now]
            for name in differing:
                yield Shift(member, new.person.name, new.branch, name, asked[name], *sides[name])
            hours = _hours(old, before.on.year), _hours(new, after.on.year)
            if not differing and hours[0] != hours[1]:
                yield Shift(member, new.person.name, new.branch, "", "", *hours)

    def _point(self, s: Standings | None) -> Point | None:
        if s is None:
            return None
        found = parts(s, self.new, self.records.organisation)
        return Point(s.measure, s.counted, s.target, str(s.standing), found, s.requirement.every)


# --- which rules


def changes(records: RecordSet, new: Policy) -> tuple[Change, ...]:
    """Rule by rule, section by section, what the new policy says otherwise."""
    sections: dict[str, tuple[list[Entry], list[Entry]]] = {}
    for side, policy in enumerate((records.policy, new)):
        for entry in entries(policy, records.organisation):
            sections.setdefault(entry.section, ([], []))[side].append(entry)
    return tuple(change for old, now in sections.values() for change in _changes(old, now))


def _changes(old: list[Entry], new: list[Entry]) -> Iterator[Change]:
    pairs = list(_pairs(old, new))
    for before, after in pairs:
        one = after or before
        if one is not None and (before is None or after is None):
            yield Change(one.section, one.key, "added" if after else "removed", before, after)
        elif before and after and (before.text, before.enabled) != (after.text, after.enabled):
            yield Change(after.section, after.key, "changed", before, after)
    both = {entry.key for pair in pairs if None not in pair for entry in pair if entry}
    was, now = (tuple(dict.fromkeys(e.key for e in side if e.key in both)) for side in (old, new))
    if was != now:
        yield Change(new[0].section, "", "moved", order=(was, now))


def _pairs(old: list[Entry], new: list[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """The same rule before and after: by id and first day, else by id alone; in the new order, what is gone last."""
    left, partner = list(old), dict[int, Entry]()
    for same in (_id_and_start, _id):
        for number, entry in enumerate(new):
            before = next((e for e in left if number not in partner and same(e) == same(entry)), None)
            if before is not None:
                partner[number] = before
                left.remove(before)
    for number, entry in enumerate(new):
        yield partner.get(number), entry
    for entry in left:
        yield entry, None


def _id_and_start(entry: Entry) -> tuple[str, date | None]:
    return entry.key, entry.start


def _id(entry: Entry) -> tuple[str, bool]:
    """A kind's own entry has no first day and never pairs with one of its changes."""
    return entry.key, entry.start is None


# --- on which days


def _coming(found: Iterable[Change], old: Policy, new: Policy, today: date) -> list[date]:
    """The days ahead from which the two policies may differ: the first and last of what changed, and any date that
    stands in only one of them."""
    days = set(_dates(old)) ^ set(_dates(new))
    for change in found:
        told = [entry for entry in (change.old, change.new) if entry]
        days |= {entry.start for entry in told if entry.start}
        ends = {entry.until for entry in told}
        days |= {until for until in ends if until and (len(told), len(ends)) != (2, 1)}
    return sorted(day for day in days if day > today)


def _dates(value: Any) -> Iterator[date]:
    """Every first day and exclusive end inside."""
    if is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            inner = getattr(value, part.name)
            if isinstance(inner, date):
                yield from (inner,) if part.name in ("start", "until") else ()
            else:
                yield from _dates(inner)
    elif isinstance(value, dict):
        yield from _dates(tuple(value.values()))
    elif isinstance(value, tuple):
        for inner in value:
            yield from _dates(inner)


# --- whose figures


def _effect(ground: _Ground, day: date) -> Effect:
    after = ground.after(day, ground.new)
    people = sum(member.branch is not None for member in after.members.values())
    ahead = _as_if(ground, day) if day > ground.today else None
    return Effect(day, people, tuple(ground.shifts(ground.before(day), after)), ahead)


def _as_if(ground: _Ground, day: date) -> AsIf:
    today, before = ground.today, ground.before(ground.today)
    after = ground.after(today, as_if(ground.new, day, date(today.year, 1, 1)))
    met: dict[str, int] = {}
    for member in before.members.values():
        for s in member.standings:
            met[s.requirement.id] = met.get(s.requirement.id, 0) + (s.standing == "met")
    return AsIf(today, met, tuple(shift for shift in ground.shifts(before, after) if shift.crosses))


def _past(ground: _Ground, years: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for year in years:
        end = date(year, 12, 31)
        shifts = ground.shifts(ground.before(end), ground.after(end, ground.new))
        people = {shift.member for shift in shifts if shift.is_past}
        if people:
            found[year] = len(people)
    return found


def _hours(m: MemberTotals, year: int) -> Point:
    return Point("hours", m.hours(date(year, 1, 1), date(year + 1, 1, 1)))
