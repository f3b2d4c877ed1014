"""One study record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal


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
