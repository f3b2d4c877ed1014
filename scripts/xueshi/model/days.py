"""Days in Shanghai, and spans of them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991, so an offset is exact


def contains(start: date | None, until: date | None, day: date) -> bool:
    """Whether `day` lies in a span; `until` is exclusive, an absent end is open."""
    return (start is None or start <= day) and (until is None or day < until)


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later (or, below 0, before), or that month's last; at the ends of the
    calendar its first or last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return date.min if year < 1 else date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
