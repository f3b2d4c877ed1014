"""How everybody stood at the end of earlier days, by today's records, rosters and rules; closed years as closed. Pure.

Each is `totals` as of that day: a study of May that was approved in July stands in May."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from xueshi.model import ClosedMember, MemberTotals, Standing, Totals, add_months
from xueshi.reports.source import ZERO, Source, share
from xueshi.totals import total
from xueshi.totals.sums import by_branch


@dataclass(frozen=True, slots=True)
class Moment:
    """One member at the end of a day. `branch`: the one on that day; `hours`: credited that year up to it; `counted` of
    `target` in `measure` (hours | days | records): the year's requirement, `standing` None where none applied."""

    branch: str | None
    hours: Decimal
    standing: Standing | None = None
    counted: Decimal = ZERO
    target: Decimal = ZERO
    measure: str = "hours"


@dataclass(frozen=True, slots=True)
class Day:
    """Everybody at the end of the day `on`; `hours`: branch id → hours of its records that year up to it."""

    on: date
    members: Mapping[str, Moment]
    hours: Mapping[str, Decimal]

    def reached(self, branches: Collection[str]) -> Reached:
        """The same for some branches together, as their members were on that day."""
        asked = [
            m
            for m in self.members.values()
            if m.branch in branches and m.standing not in (None, Standing.EXEMPT)
        ]
        met = sum(m.standing is Standing.MET for m in asked)
        return Reached(self.on, met, len(asked), sum((self.hours.get(b, ZERO) for b in branches), ZERO))


@dataclass(frozen=True, slots=True)
class Reached:
    """At the end of the day `on`, `met` of `people` had met the year's requirement; `hours` of the year so far."""

    on: date
    met: int
    people: int
    hours: Decimal

    @property
    def percent(self) -> Decimal:
        """As everywhere: to 0.1 down."""
        return share(self.met, self.people)


def month_ends(source: Source) -> tuple[Day, ...]:
    """The last day of every month of this year that is over, and the day itself."""
    first = date(source.on.year, 1, 1)
    ends = [add_months(first, number) - timedelta(1) for number in range(1, 13)]
    return tuple(_day(source, day) for day in [*(end for end in ends if end < source.on), source.on])


def year_ends(source: Source) -> tuple[Day, ...]:
    """31 December of every year of the plan that is over."""
    window = source.records.policy.periods.get("plan")
    first = window.start.year if window and window.start else source.on.year
    return tuple(_day(source, date(year, 12, 31)) for year in range(first, source.on.year))


def _day(source: Source, day: date) -> Day:
    records = source.records
    figures = source.totals
    if day != source.on:
        figures = total(records, records.policy, source.approvals, day, period="year")
    return Day(day, dict(_moments(figures)), by_branch(figures.credits(), day.year))


def _moments(figures: Totals) -> Iterator[tuple[str, Moment]]:
    start = date(figures.on.year, 1, 1)
    for ident, member in figures.members.items():
        yield ident, _moment(member, member.hours(start, add_months(start, 12)))


def _moment(member: MemberTotals, hours: Decimal) -> Moment:
    year = member.standing("year")
    if year is None:
        return Moment(member.branch, hours)
    return Moment(member.branch, hours, year.standing, year.counted, year.target, year.measure)


def as_closed(source: Source, day: Day) -> Day:
    """The end of a year, with the figures that its members were closed with where it was."""
    closing = source.records.closings.get(day.on.year)
    if closing is None:
        return day
    closed = {
        member: _closed(source, then, day.members.get(member)) for member, then in closing.totals.items()
    }
    return replace(day, members={**day.members, **closed})


@dataclass(frozen=True, slots=True)
class Stood:
    """A member at the end of a day; `closed`: these are the figures of a closed year, and `now` says in hours what it
    would be by today's records where that differs; `over`: the year has ended, so that nobody is behind or near any more."""

    on: date
    moment: Moment
    closed: bool = False
    now: Decimal | None = None
    over: bool = False


def stood(source: Source, days: tuple[Day, ...], member: str) -> Iterator[Stood]:
    """One member at the end of each day on which something was asked of them or counted."""
    for day in days:
        today = day.members.get(member)
        closing = source.records.closings.get(day.on.year) if (day.on.month, day.on.day) == (12, 31) else None
        closed = closing.totals.get(member) if closing is not None else None
        if closed is not None:
            then = _closed(source, closed, today)
            differs = today is not None and today.hours != then.hours
            yield Stood(day.on, then, True, today.hours if today and differs else None, over=True)
        elif today is not None and (today.standing is not None or today.hours):
            yield Stood(day.on, today, over=day.on.year < source.on.year)


def _closed(source: Source, closed: ClosedMember, today: Moment | None) -> Moment:
    """What the manifest says of the first requirement over the year that it names."""
    branch, hours = today.branch if today else None, Decimal(closed.hours)
    for rule in source.records.policy.requirements:
        if rule.period == "year" and rule.id in closed.requirements:
            target, counted, standing = closed.requirements[rule.id]
            measure = today.measure if today and today.standing else "hours"
            return Moment(branch, hours, Standing(standing), Decimal(counted), Decimal(target), measure)
    return Moment(branch, hours)
