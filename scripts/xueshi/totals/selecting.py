"""Whom a rule is for, by the roster of a day, and the months for which it is so."""

from __future__ import annotations

from datetime import date
from functools import cache

from xueshi.model import Organisation, Person, Policy, add_months, contains


def fits(person: Person, selector: str, day: date, policy: Policy, organisation: Organisation) -> bool:
    """Whether the policy's selector takes in the person on a day."""
    return _fits(person, selector, day, policy, organisation, len(policy.who))


def _fits(
    person: Person, name: str, day: date, policy: Policy, organisation: Organisation, depth: int
) -> bool:
    selector, held = policy.who.get(name), person.membership(day)
    if selector is None or held is None or depth < 0:  # depth: selectors that include each other in a circle
        return False
    if selector.include is not None and not _fits(
        person, selector.include, day, policy, organisation, depth - 1
    ):
        return False
    roles = person.roles_on(day)
    return (
        (not selector.status or held.status in selector.status)
        and (not selector.role or bool(roles & set(selector.role)))
        and not (selector.not_role and roles & set(selector.not_role))
        and (not selector.unit or bool(set(organisation.above(held.branch)) & set(selector.unit)))
        and (selector.exempt is None or person.is_exempt(day) == selector.exempt)
        and (selector.joined_before is None or person.memberships[0].start < selector.joined_before)
    )


def months(
    person: Person, selector: str, span: tuple[date, date], policy: Policy, organisation: Organisation
) -> tuple[list[date], list[date], int]:
    """The first days of the months of a period in which the person belongs to the selector's group (held), of those in
    which only to the group it is part of (other), and how many months the period has. An exempt day is no day."""
    begins = _months(*span)
    wider = policy.who[selector].include if selector in policy.who else None
    turns = _turns(person, span)
    held: list[date] = []
    other: list[date] = []
    for first in begins if turns else begins[:1]:  # nothing ever changes: one day tells for all
        last = min(span[1], add_months(first.replace(day=1), 1))
        days = [first, *(turn for turn in turns if first < turn < last)]
        able = [day for day in days if not person.is_exempt(day)]
        if any(fits(person, selector, day, policy, organisation) for day in able):
            held.append(first)
        elif wider and any(fits(person, wider, day, policy, organisation) for day in able):
            other.append(first)
    if not turns:
        held, other = list(begins if held else ()), list(begins if other else ())
    return held, other, len(begins)


def first_day(
    person: Person, selector: str, span: tuple[date, date], policy: Policy, organisation: Organisation
) -> date | None:
    """The first day of a period on which the person belongs to the selector's group and is not exempt."""
    days = (day for day in (span[0], *_turns(person, span)) if not person.is_exempt(day))
    return next((day for day in days if fits(person, selector, day, policy, organisation)), None)


@cache
def _months(start: date, until: date) -> tuple[date, ...]:
    """The first day of every month of a span, the span's own first day among them."""
    found, day = [], start
    while day < until:
        found.append(day)
        day = add_months(day.replace(day=1), 1)
    return tuple(found)


def _turns(person: Person, span: tuple[date, date]) -> list[date]:
    """The days within the span on which something changes for the person."""
    edges = [(m.start, m.until) for m in person.memberships]
    edges += [(r.start, r.until) for r in person.roles] + [(e.start, e.until) for e in person.exempt]
    days = {day for edge in edges for day in edge if day}
    return sorted(day for day in days if span[0] < day < span[1])


def anchor(person: Person, name: str, roles: tuple[str, ...], day: date) -> date | None:
    """The day from which an anchored period counts, or None for one who has none."""
    if name == "appointed":
        starts = [r.start for r in person.roles if r.role in roles and r.start <= day]
        return max(starts, default=None)
    statuses = [(m.start, m.status) for m in person.memberships]
    if name == "joined":
        return next((start for start, status in statuses if status in ("full", "probationary")), None)
    trial = False
    for start, status in statuses:
        if status == "full" and trial:
            return start
        trial = trial or status == "probationary"
    return None


def span_of(person: Person, period_id: str, day: date, policy: Policy) -> tuple[date, date] | None:
    """The period that holds a day, first day and exclusive end; None when none does."""
    period = policy.periods.get(period_id)
    if period is None:
        return None
    if period.type == "rolling":
        end = date.fromordinal(day.toordinal() + 1)
        return add_months(end, -period.months), end
    if period.type == "anchored":
        start = anchor(person, period.anchor, period.role, day)
        if start is None:
            return None
        until = add_months(start, period.months)
        last = date.fromordinal(until.toordinal() - 1)
        return (start, until) if start <= day <= date(last.year, 12, 31) else None
    return calendar_span(policy, period_id, day)


def calendar_span(policy: Policy, period_id: str, day: date) -> tuple[date, date] | None:
    """The same for periods that are the same for everybody."""
    period = policy.periods.get(period_id)
    if period is None:
        return None
    if period.type == "window":
        inside = period.start and period.until and contains(period.start, period.until, day)
        return (period.start, period.until) if inside and period.start and period.until else None
    length = {"calendar_year": 12, "calendar_quarter": 3, "calendar_month": 1}.get(period.type)
    if length is None:
        return None
    start = date(day.year, (day.month - 1) // length * length + 1, 1)
    return start, add_months(start, length)
