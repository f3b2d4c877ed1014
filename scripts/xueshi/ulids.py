"""ULIDs: the time they carry."""

from __future__ import annotations

from datetime import UTC, datetime

from ulid import ULID


def time_of(ulid: str) -> datetime:
    """The moment in UTC that a ULID was made."""
    return ULID.from_str(ulid).datetime.astimezone(UTC)


def year_of(ulid: str) -> int:
    """The folder's year: that of the id in UTC, so that a corrected study date never moves a file."""
    return time_of(ulid).year


def new(at: datetime) -> str:
    """A fresh ULID of a moment."""
    return str(ULID.from_datetime(at))
