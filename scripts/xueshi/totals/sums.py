"""Sums of credits by kind, month, year, branch and unit, by counting date; they agree with the members' own sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal

from xueshi.model import Credit, Organisation

ZERO = Decimal(0)


def within(credits: Iterable[Credit], start: date, until: date) -> list[Credit]:
    """Credits of studies with a counting date in the span (the first day, where nothing was credited)."""
    return [
        credit
        for credit in credits
        if any(start <= day < until for day, _ in credit.parts)
        or (not credit.parts and start <= credit.study.start_date < until)
    ]


def parts(credits: Iterable[Credit], year: int | None = None) -> Iterator[tuple[Credit, date, Decimal]]:
    """Credited hours by counting date, of one year or of all; what stands apart is left out."""
    for credit in credits:
        if credit.credited:
            for day, hours in credit.parts:
                if year in (None, day.year):
                    yield credit, day, hours


def _by(
    credits: Iterable[Credit], year: int | None, key: Callable[[Credit, date], str | int]
) -> dict[str | int, Decimal]:
    sums: dict[str | int, Decimal] = {}
    for credit, day, hours in parts(credits, year):
        name = key(credit, day)
        sums[name] = sums.get(name, ZERO) + hours
    return sums


def whole(credits: Iterable[Credit], year: int | None = None) -> Decimal:
    """All hours credited."""
    return sum((hours for _, _, hours in parts(credits, year)), ZERO)


def by_kind(credits: Iterable[Credit], year: int | None = None) -> dict[str, Decimal]:
    """Kind id -> hours, most first; kinds without an hour are left out."""
    sums = {str(kind): hours for kind, hours in _by(credits, year, lambda c, _: c.study.kind).items()}
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def by_month(credits: Iterable[Credit], year: int) -> tuple[Decimal, ...]:
    """Hours of the twelve months of a year."""
    sums = _by(credits, year, lambda _, day: day.month)
    return tuple(sums.get(month, ZERO) for month in range(1, 13))


def by_year(credits: Iterable[Credit]) -> dict[int, Decimal]:
    """Year -> hours, the earliest first; years without an hour are left out."""
    return {int(year): hours for year, hours in sorted(_by(credits, None, lambda _, day: day.year).items())}


def by_branch(credits: Iterable[Credit], year: int | None = None) -> dict[str, Decimal]:
    """Branch id (the record's folder, which is the branch on the study date) -> hours."""
    return {str(branch): hours for branch, hours in _by(credits, year, lambda c, _: c.study.branch).items()}


def by_unit(
    credits: Iterable[Credit], organisation: Organisation, year: int | None = None
) -> dict[str, Decimal]:
    """Every unit of the tree -> hours of all that lies below it."""
    sums = dict.fromkeys((unit.id for unit in organisation.units), ZERO)
    for branch, hours in by_branch(credits, year).items():
        for unit in organisation.above(branch):
            sums[unit] += hours
    return sums


def apart(credits: Iterable[Credit], year: int | None = None) -> dict[str, Decimal]:
    """Kind id -> hours that do not count towards requirements and are told beside them, such as self-study."""
    sums: dict[str, Decimal] = {}
    for credit in credits:
        if credit.apart:
            hours = sum((h for day, h in credit.parts if year in (None, day.year)), ZERO)
            sums[credit.study.kind] = sums.get(credit.study.kind, ZERO) + hours
    return {kind: hours for kind, hours in sorted(sums.items()) if hours}
