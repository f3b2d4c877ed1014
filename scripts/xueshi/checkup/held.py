"""What a unit held: events in each period of the year, and kinds of study with hours."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date

from xueshi.checkup.place import (
    DUE,
    OK,
    SHORT,
    UNKNOWN,
    Answer,
    Place,
    Span,
    bounds,
    counted,
    is_within,
    last_day,
)
from xueshi.model import Credit, Norm, Period, Policy, Study, Where, add_months, contains
from xueshi.speech import later, later_many, many, say

_MONTHS = {"calendar_month": 1, "calendar_quarter": 3, "calendar_year": 12}
_EACH = {
    "calendar_month": later("每月%(bounds)s"), "calendar_quarter": later("每季度%(bounds)s"),
    "calendar_year": later("每年%(bounds)s"), "window": "%(bounds)s",
}  # fmt: skip
_TIMES, _KINDS = later_many("%(n)s 次"), later_many("%(n)s 种")


def events(norm: Norm, place: Place) -> Answer:
    """Different events in each period of the year, by activity, else by first day and title.

    A period must have what it needs once it is over; the one in which the unit or the norm began need not."""
    yearly = Period("", "calendar_year")
    period = place.policy.periods.get(norm.period) if norm.period else yearly
    if period is None or period.type not in _EACH:
        why = say("周期 %(period)s 不能用于活动次数", period=norm.period)
        return Answer(say("无法判断"), bounds(norm, _TIMES), UNKNOWN, (why,))
    held = _held(norm.where, place)
    begin = max(place.year[0], norm.start, place.began or place.year[0])
    spans = _spans(period, begin, place.on)
    counts = {span: sum(span[0] <= day < span[1] for day in held) for span in spans}
    lacking = [span for span in spans if not is_within(norm, counts[span])]
    # More than allowed is no longer mended by time; too few still may be.
    closed = [s for s in lacking if place.is_over(s[1]) or (norm.max is not None and counts[s] > norm.max)]
    missed = [s for s in closed if s[0] >= begin or period.type == "window"]
    opened = [s for s in lacking if s not in closed]
    details = [many("%(span)s：%(n)s 次", counts[s], span=_named(s, period)) for s in missed]
    details += [many("%(span)s：%(n)s 次，还没有结束", counts[s], span=_named(s, period)) for s in opened]
    value = _reached(period, sum(counts.values()), len(spans) - len(lacking), len(missed))
    verdict = SHORT if missed else DUE if opened else OK
    return Answer(value, say(_EACH[period.type], bounds=bounds(norm, _TIMES)), verdict, tuple(details))


def _reached(period: Period, events: int, reached: int, missed: int) -> str:
    """How many of the periods asked for have what they need; of a long one, its count."""
    asked = reached + missed
    if period.type not in ("calendar_month", "calendar_quarter"):
        return many(_TIMES, events)
    if not asked:
        return say("本期还没有")
    if period.type == "calendar_month":
        return many("%(n)s 个月中 %(reached)s 个月达到", asked, reached=reached)
    return many("%(n)s 个季度中 %(reached)s 个季度达到", asked, reached=reached)


def _spans(period: Period, begin: date, on: date) -> list[Span]:
    """The periods from the one that holds `begin` to the one that holds `on`."""
    if period.type == "window":
        inside = period.start and period.until and contains(period.start, period.until, on)
        return [(period.start, period.until)] if inside and period.start and period.until else []
    months = _MONTHS[period.type]
    start = date(begin.year, (begin.month - 1) // months * months + 1, 1)
    found = []
    while start <= on:
        found.append((start, add_months(start, months)))
        start = add_months(start, months)
    return found


def _named(span: Span, period: Period) -> str:
    start = span[0]
    if period.type == "calendar_month":
        return say("%(year)d 年 %(month)d 月", year=start.year, month=start.month)
    if period.type == "calendar_quarter":
        return say("%(year)d 年第 %(quarter)d 季度", year=start.year, quarter=(start.month + 2) // 3)
    if period.type == "calendar_year":
        return say("%(year)s 年", year=start.year)
    return say("%(start)s 至 %(last)s", start=start, last=last_day(span[1]))


def _held(where: Where, place: Place) -> list[date]:
    """The first day of every different event among the counted records of known kinds up to the day."""
    studies = [c.study for c in place.credits if _is_meant(c, where, place.policy)]
    activities = {_event(study): study.activity for study in studies if study.activity}
    found: dict[object, date] = {}
    for study in studies:
        # One who named no activity was at the one of that day and title.
        key = study.activity or activities.get(_event(study)) or _event(study)
        found[key] = min(study.start_date, found.get(key, study.start_date))
    return sorted(found.values())


def _is_meant(credit: Credit, where: Where, policy: Policy) -> bool:
    """A record that a cap cut to nothing is one of something held all the same."""
    kind = policy.kinds.get(credit.study.kind)
    if credit.state != "counted" or kind is None or credit.why == "future":
        return False
    return where.matches(credit.study, kind.on(credit.study.start_date))


def _event(study: Study) -> tuple[str, date, str]:
    """An event told by its branch, first day and title, but for marks, spaces, widths and cases."""
    flat = unicodedata.normalize("NFKC", study.title).casefold()
    return study.branch, study.start_date, "".join(ch for ch in flat if ch.isalnum()) or study.title


def kinds(norm: Norm, place: Place) -> Answer:
    """Kinds of study without an hour this year (of those named, or of all that count); open until the year is over."""
    known = place.policy.kinds
    asked = norm.where.kind or tuple(kind.id for kind in known.values() if kind.on(place.on).counts)
    start, until = place.year
    having = {c.study.kind for c in place.credits if any(start <= day < until for day, _ in c.parts)}
    missing = [kind for kind in asked if kind not in having]
    told = counted(norm, len(missing), _KINDS, (known[k].label if k in known else k for k in missing))
    verdict = DUE if told.verdict == SHORT and not place.is_over(until) else told.verdict
    return replace(told, value=many("%(n)s 种没有学时", len(missing)), verdict=verdict)
