"""Hour rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


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
