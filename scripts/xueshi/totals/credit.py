"""What each record of one member is worth: factor, caps, and whether its kind counts. docs/rules.md, sections 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from xueshi.model import Cap, Credit, Kind, Policy, Study, Where, contains
from xueshi.totals.selecting import calendar_span

ZERO, _CENT = Decimal(0), Decimal("0.01")
_ALWAYS = date.min
_LONGEST = 366  # days of one study that are looked at

Approvals = Collection[str]  # paths of records whose newest version on main is approved
Used = dict[tuple[str, str, object], Decimal]


@dataclass(frozen=True, slots=True)
class Context:
    """What decides beside the records. `share` gives the target that a cap takes its share of, on a day."""

    policy: Policy
    approvals: Approvals
    on: date
    share: Callable[[str, date], Decimal | None]


class _Asked(NamedTuple):
    """A record before caps: `worth` hours of its kind, or nothing and `why`."""

    study: Study
    state: str
    why: str
    kind: Kind | None = None
    worth: Decimal = ZERO
    caps: tuple[Cap, ...] = ()


def in_order(study: Study) -> tuple[date, str, str]:
    """By start of the study, then id: the order of a ledger."""
    return study.start_date, study.start_time or "", study.id


def credits(studies: Iterable[Study], context: Context) -> tuple[Credit, ...]:
    """One member's records in order, each with what it is credited; a record that counts less says why."""
    asked = [_asked(study, context) for study in sorted(studies, key=in_order)]
    # What is under a further cap comes last, so that it crowds nothing out of a day that it may not fill itself.
    turns = sorted(range(len(asked)), key=lambda number: _is_narrowed(asked[number]))
    used: Used = {}
    found = {number: _credit(asked[number], context, used) for number in turns}
    return tuple(found[number] for number in range(len(asked)))


def _asked(study: Study, context: Context) -> _Asked:
    kind = context.policy.kinds.get(study.kind)
    kind = kind.on(study.start_date) if kind else None
    if study.path not in context.approvals:
        return _Asked(study, "unapproved", "unapproved", kind)
    if study.void:
        return _Asked(study, "void", "void", kind)
    if kind is None:
        return _Asked(study, "counted", "unknown-kind")
    if study.start_date > context.on:
        return _Asked(study, "counted", "future", kind)
    return _Asked(study, "counted", "", kind, study.hours * kind.factor, _caps(study, kind, context.policy))


def _caps(study: Study, kind: Kind, policy: Policy) -> tuple[Cap, ...]:
    """Every cap that may bind this record, the kind's own last."""
    found = [c for c in policy.caps if c.enabled and (not c.where or c.where.matches(study, kind))]
    if kind.max_per_record is not None:
        found.append(Cap("max-per-record", "record", kind.max_per_record, _ALWAYS, None))
    if kind.max_per_year is not None:
        own = Where(kind=(kind.id,))
        found.append(Cap("max-per-year", "", kind.max_per_year, _ALWAYS, None, where=own))
    return tuple(found)


def _is_narrowed(asked: _Asked) -> bool:
    day = asked.study.start_date
    for cap in asked.caps:
        if cap.per not in ("record", "day") and cap.where and contains(cap.start, cap.until, day):
            return True
    return False


def _credit(asked: _Asked, context: Context, used: Used) -> Credit:
    study, kind = asked.study, asked.kind
    if kind is None or asked.why:
        return Credit(study, asked.state, study.hours, Decimal(1), ZERO, ZERO, (), asked.why, kind)
    parts, why = _fill(asked, kind, context, used)
    hours = parts[0][1] if len(parts) == 1 else sum((hours for _, hours in parts), ZERO)
    if kind.counts:
        return Credit(study, asked.state, study.hours, kind.factor, hours, ZERO, parts, why, kind)
    return Credit(study, asked.state, study.hours, kind.factor, ZERO, hours, parts, "kind-not-counted", kind)


def _fill(
    asked: _Asked, kind: Kind, context: Context, used: Used
) -> tuple[tuple[tuple[date, Decimal], ...], str]:
    """The record's days filled in order as far as its caps have room, and the cap that left no more."""
    study, policy, left = asked.study, context.policy, asked.worth
    group = "" if kind.counts else kind.bucket
    # A study ends before it begins, or after years, only where the check was not heeded.
    days = _days(study)
    if len(days) == 1:
        whole, full = _take(left, asked, days[0], days[0], context, used, group)
        return ((days[0], whole),) if whole else (), full
    splits = policy.splits(study.start_date)
    most = policy.conversion(study.start_date).hours_per_day
    taken, full = [ZERO] * len(days), ""
    for limit in (most, None):
        for number, day in enumerate(days):
            if not left:
                break
            counting = day if splits else study.start_date
            wanted = left if limit is None else min(left, limit - taken[number])
            part, narrow = _take(wanted, asked, day, counting, context, used, group)
            full = narrow or full
            taken[number] += part
            left -= part
    if splits:
        parts = tuple((day, hours) for day, hours in zip(days, taken, strict=True) if hours)
    else:
        whole = sum(taken, ZERO)
        parts = ((study.start_date, whole),) if whole else ()
    return parts, full if left else ""


def _take(
    wanted: Decimal, asked: _Asked, day: date, counting: date, context: Context, used: Used, group: str
) -> tuple[Decimal, str]:
    """Hours that every cap of the day has room for, which use the caps up, and the cap that gave no more."""
    rooms = _rooms(asked.caps, asked.study, day, counting, context, used, group)
    part, full = wanted, ""
    for room, cap_id, _ in rooms:
        if room < part:
            part, full = room, cap_id
    for _, _, bucket in rooms:
        used[bucket] = used.get(bucket, ZERO) + part
    return part, full


def _days(study: Study) -> list[date]:
    if study.end_date is None:
        return [study.start_date]
    last = min(study.end_date, study.start_date + timedelta(_LONGEST))
    return [study.start_date + timedelta(n) for n in range((last - study.start_date).days + 1)] or [
        study.start_date
    ]


def _rooms(
    caps: tuple[Cap, ...],
    study: Study,
    day: date,
    counting: date,
    context: Context,
    used: Used,
    group: str,
) -> list[tuple[Decimal, str, tuple[str, str, object]]]:
    """What every cap that binds this day still has room for: hours, the cap's id, and its bucket."""
    found = []
    for cap in caps:
        if not contains(cap.start, cap.until, counting):
            continue
        place = _bucket(cap, study, day, counting, context.policy)
        ceiling = cap.max
        if cap.share_of is not None:
            target = context.share(cap.share_of, counting)
            ceiling = (
                None
                if target is None or cap.share is None
                else (target * cap.share).quantize(_CENT, ROUND_DOWN)
            )
        if place is None or ceiling is None:
            continue
        bucket = (cap.id, group, place)
        room = ceiling - used.get(bucket, ZERO)
        found.append((room if room > 0 else ZERO, cap.id, bucket))
    return found


def _bucket(cap: Cap, study: Study, day: date, counting: date, policy: Policy) -> object:
    """What a cap is used up within, or None where it does not reach."""
    if cap.per == "day":
        return day
    if cap.per == "record":
        return study.path
    if not cap.per:  # a kind's own cap a year
        return study.kind, counting.year
    return calendar_span(policy, cap.per, counting)
