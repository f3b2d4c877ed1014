"""A year's days as a calendar: what counted on each, and where something waits. Pure."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from xueshi.model import Credit, Policy, Study
from xueshi.reports.source import ZERO
from xueshi.totals.sums import parts


@dataclass(frozen=True, slots=True)
class Square:
    """One day: `hours` that counted, and `record` to look at; `waits`: a record of that day has no decision yet."""

    day: date
    hours: Decimal
    waits: bool
    record: str


@dataclass(frozen=True, slots=True)
class Month:
    """Weeks from Monday; None for a day of another month."""

    number: int
    weeks: tuple[tuple[Square | None, ...], ...]


def calendar(
    credits: Iterable[Credit], waiting: Iterable[Study], policy: Policy, on: date
) -> tuple[Month, ...]:
    """The months of the year up to `on`'s, by counting date."""
    hours: dict[date, Decimal] = {}
    records: dict[date, str] = {}
    for credit, day, counted in parts(credits, on.year):
        hours[day] = hours.get(day, ZERO) + counted
        records.setdefault(day, credit.study.id)
    waits = {day: study.id for study in waiting for day in counting_days(study, policy)}

    def square(day: date) -> Square:
        return Square(day, hours.get(day, ZERO), day in waits, records.get(day) or waits.get(day, ""))

    return tuple(_month(date(on.year, number, 1), square) for number in range(1, on.month + 1))


def counting_days(study: Study, policy: Policy) -> tuple[date, ...]:
    """The days on which a record would count; none where its kind does not."""
    kind = policy.kinds.get(study.kind)
    if kind is None or not kind.on(study.start_date).counts:
        return ()
    return study.days if policy.splits(study.start_date) else (study.start_date,)


def _month(first: date, square: Callable[[date], Square]) -> Month:
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    return Month(
        first.month,
        tuple(tuple(square(day) if day.month == first.month else None for day in week) for week in weeks),
    )
