"""A closed year: what stood at its end, and who may still be adjusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from xueshi.model.days import contains
from xueshi.model.study import Study


@dataclass(frozen=True, slots=True)
class Adjustment:
    """From `start` to `until` (exclusive) the member's records of the year may be added or changed after all."""

    member: str
    start: date
    until: date | None
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ClosedMember:
    """A member's year as it was closed: credited hours, and requirement id -> (target, counted, standing), as text."""

    hours: str
    requirements: Mapping[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Closing:
    """The manifest of a year. `commit` is main's commit it was computed from, `policy` the blob of the rules, `records`
    branch -> record id -> blob of the file."""

    year: int
    commit: str
    policy: str
    by: str
    at: datetime
    records: Mapping[str, Mapping[str, str]]
    totals: Mapping[str, ClosedMember]
    adjustments: tuple[Adjustment, ...] = ()

    def adjusts(self, member: str, day: date) -> bool:
        """Whether this member's records of the year may change on a day."""
        return any(a.member == member and contains(a.start, a.until, day) for a in self.adjustments)

    def adjusted(self) -> frozenset[str]:
        """Members for whom the year was ever opened again."""
        return frozenset(adjustment.member for adjustment in self.adjustments)


def years(study: Study) -> frozenset[int]:
    """The calendar years that a record belongs to: every one that it has a day in, whatever the rules count there. So
    no change of the rules moves a record into a closed year, or out of it."""
    last = max(study.start_date, study.end_date or study.start_date)
    return frozenset(range(study.start_date.year, last.year + 1))
