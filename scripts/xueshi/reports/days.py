"""A year's days as a calendar: what counted on each, and where something waits. Pure."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

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

    squares = {
        day: Square(day, hours.get(day, ZERO), day in waits, records.get(day) or waits.get(day, ""))
        for day in hours.keys() | waits.keys()
    }
    return tuple(_month(date(on.year, number, 1), squares) for number in range(1, on.month + 1))


def counting_days(study: Study, policy: Policy) -> tuple[date, ...]:
    """The days on which a record would count; none where its kind does not."""
    kind = policy.kinds.get(study.kind)
    if kind is None or not kind.on(study.start_date).counts:
        return ()
    return study.days if policy.splits(study.start_date) else (study.start_date,)


def _month(first: date, squares: Mapping[date, Square]) -> Month:
    weeks = _blank(first.year, first.month)
    return Month(
        first.month,
        tuple(tuple(squares.get(blank.day, blank) if blank else None for blank in week) for week in weeks),
    )


@lru_cache(64)  # the same for everybody
def _blank(year: int, month: int) -> tuple[tuple[Square | None, ...], ...]:
    weeks = Calendar().monthdatescalendar(year, month)
    return tuple(
        tuple(Square(d, ZERO, False, "") if d.month == month else None for d in week) for week in weeks
    )
