"""RecordSet × History → Totals. Pure and exact; every number keeps the records and the rule behind it."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, Decimal

from xueshi.model import (
    Credit,
    History,
    MemberTotals,
    Person,
    Policy,
    RecordSet,
    Requirement,
    Selector,
    Standing,
    Standings,
    Study,
    Totals,
    contains,
)
from xueshi.totals.credit import ZERO, Context, credits

__all__ = ["total", "total_of"]


def total(records: RecordSet, history: History, on: date) -> Totals:
    """All figures as of `on`: everybody on any roster, and records of members on none."""
    by_member: dict[str, list[Study]] = {}
    for study in records.studies.values():
        by_member.setdefault(study.member, []).append(study)
    people = records.people()
    members = {
        member: _member(person, by_member.get(member, []), Context(records.policy, history, on))
        for member, person in people.items()
    }
    strangers = [
        credit
        for member in sorted(by_member.keys() - people.keys())
        for credit in credits(by_member[member], Context(records.policy, history, on))
    ]
    return Totals(on, members, tuple(strangers))


def total_of(records: RecordSet, history: History, person: Person, on: date) -> MemberTotals:
    """The figures of one person; the records of others are not looked at."""
    studies = [study for study in records.studies.values() if study.member == person.id]
    return _member(person, studies, Context(records.policy, history, on))


def _member(person: Person, studies: list[Study], context: Context) -> MemberTotals:
    ledger = tuple(credits(studies, context))
    held = person.membership(context.on)
    asked = [r for r in context.policy.requirements if _applies(r, person, context.policy, context.on)]
    standings = tuple(_standing(r, person, ledger, context) for r in asked)
    return MemberTotals(person, held.branch if held else None, ledger, standings)


def _applies(requirement: Requirement, person: Person, policy: Policy, on: date) -> bool:
    selector = policy.who.get(requirement.who)
    return (
        selector is not None
        and contains(requirement.start, requirement.until, on)
        and _fits(selector, person, policy, on)
    )


def _fits(selector: Selector, person: Person, policy: Policy, on: date, depth: int = 0) -> bool:
    held = person.membership(on)
    if held is None or depth > len(policy.who):
        return False
    if selector.include is not None:
        inner = policy.who.get(selector.include)
        if inner is None or not _fits(inner, person, policy, on, depth + 1):
            return False
    roles = person.roles_on(on)
    return (
        (not selector.status or held.status in selector.status)
        and (not selector.role or bool(roles & set(selector.role)))
        and not roles & set(selector.not_role)
    )


def _standing(
    requirement: Requirement, person: Person, ledger: tuple[Credit, ...], context: Context
) -> Standings:
    on, policy = context.on, context.policy
    start, until = policy.periods[requirement.period].span(on)
    lines, counted = [], ZERO
    for credit in ledger:
        if start <= credit.study.start_date < until:
            counted += credit.credited
            lines.append((credit, counted))
    target = requirement.min
    gone, whole = (min(max((on - start).days + 1, 0), (until - start).days), (until - start).days)
    # Thresholds multiply, never divide, so that 25.6 of 32 is exactly 80 %.
    standing = Standing.UNDER_WAY
    if person.is_exempt(on):
        standing = Standing.EXEMPT
    elif counted >= target:
        standing = Standing.MET
    elif counted >= policy.near_ratio * target:
        standing = Standing.NEAR
    elif counted * whole < target * gone * (1 - policy.behind_tolerance):
        standing = Standing.BEHIND
    return Standings(
        requirement=requirement,
        start=start,
        until=until,
        target=target,
        counted=counted,
        short=max(target - counted, ZERO),
        percent=(counted * 100 / target).quantize(Decimal("0.1"), ROUND_DOWN),
        expected=(target * gone / whole).quantize(Decimal("0.01"), ROUND_DOWN),
        standing=standing,
        credits=tuple(lines),
    )
