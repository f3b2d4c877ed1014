"""ULIDs: the time they carry."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ulid import ULID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_SENSIBLE = range(2000, 2200)


@lru_cache(4096)  # a form's rules ask about the same few ids
def time_of(ulid: str) -> datetime:
    """The moment in UTC that a ULID was made; one after the end of the calendar counts as that end."""
    made = ULID.from_str(ulid).milliseconds
    return _EPOCH + timedelta(milliseconds=made) if made < _LAST.timestamp() * 1000 else _LAST


def year_of(ulid: str) -> int:
    """The folder's year: that of the id in UTC, so that a corrected study date never moves a file."""
    return time_of(ulid).year


def is_sensible(ulid: str) -> bool:
    """Whether the time that a ULID carries can be that of a record at all."""
    return year_of(ulid) in _SENSIBLE


def new(at: datetime) -> str:
    """A fresh ULID of a moment."""
    return str(ULID.from_datetime(at))


def derived(first: str, *more: str) -> str:
    """A ULID of the time of `first` that the same words always give."""
    digest = hashlib.sha256("/".join((first, *more)).encode()).digest()
    return first[:10] + str(ULID.from_bytes(digest[:16]))[10:]
