"""Days in Shanghai, and spans of them."""

from __future__ import annotations

from datetime import date, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991, so an offset is exact


def contains(start: date | None, until: date | None, day: date) -> bool:
    """Whether `day` lies in a span; `until` is exclusive, an absent end is open."""
    return (start is None or start <= day) and (until is None or day < until)
