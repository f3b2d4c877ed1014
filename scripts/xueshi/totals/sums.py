"""Sums of credits by kind, month and branch; each reconciles with the members' own sums."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from xueshi.model import Credit


def within(credits: Iterable[Credit], start: date, until: date) -> list[Credit]:
    """Credits of studies that began in the span; `until` is exclusive."""
    return [credit for credit in credits if start <= credit.study.start_date < until]


def by_kind(credits: Iterable[Credit]) -> dict[str, Decimal]:
    """Kind id -> hours, most first; kinds without an hour are left out."""
    sums: dict[str, Decimal] = {}
    for credit in credits:
        sums[credit.study.kind] = sums.get(credit.study.kind, Decimal(0)) + credit.credited
    return dict(sorted(((k, h) for k, h in sums.items() if h), key=lambda item: (-item[1], item[0])))


def by_month(credits: Iterable[Credit], year: int) -> tuple[Decimal, ...]:
    """Hours of the twelve months of a year."""
    sums = [Decimal(0)] * 12
    for credit in credits:
        if credit.study.start_date.year == year:
            sums[credit.study.start_date.month - 1] += credit.credited
    return tuple(sums)


def by_branch(credits: Iterable[Credit]) -> dict[str, Decimal]:
    """Branch id (the record's folder) -> hours."""
    sums: dict[str, Decimal] = {}
    for credit in credits:
        sums[credit.study.branch] = sums.get(credit.study.branch, Decimal(0)) + credit.credited
    return sums
