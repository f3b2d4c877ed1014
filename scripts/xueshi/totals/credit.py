"""Rules that turn claimed into credited hours, record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from xueshi.model import Cap, Credit, History, Policy, Study, contains

ZERO = Decimal(0)


@dataclass(slots=True)
class Context:
    """What a rule may look at. `used` is what one member's earlier records took of each capped day."""

    policy: Policy
    history: History
    on: date
    used: dict[tuple[str, date], Decimal] = field(default_factory=dict)


CreditRule = Callable[[Study, Decimal, Context], tuple[Decimal, str]]


def in_order(studies: Iterable[Study]) -> list[Study]:
    """By start of the study, then id: the order in which a cap is used up."""
    return sorted(studies, key=lambda s: (s.start_date, s.start_time or "", s.id))


def state_of(study: Study, history: History) -> str:
    """counted | void | unapproved, by the approval of the record's newest version."""
    last = history.last(study.path)
    if last is None or not last.approved:
        return "unapproved"
    return "void" if study.void else "counted"


def credits(studies: Iterable[Study], context: Context) -> Iterator[Credit]:
    """One member's records with what each is credited; a record that counts nothing says why."""
    for study in in_order(studies):
        state = state_of(study, context.history)
        hours, why = (study.hours, "") if state == "counted" else (ZERO, state)
        for rule in CREDIT_RULES if state == "counted" else ():
            hours, cut = rule(study, hours, context)
            why = why or cut
        yield Credit(study, state, study.hours, hours, why)


def kind_counts(study: Study, hours: Decimal, context: Context) -> tuple[Decimal, str]:
    """Only kinds of study that the policy counts are credited."""
    kind = context.policy.kinds.get(study.kind)
    if kind is None:
        return ZERO, "unknown-kind"
    return (hours, "") if kind.counts else (ZERO, "kind-not-counted")


def not_before_its_day(study: Study, hours: Decimal, context: Context) -> tuple[Decimal, str]:
    """A study that begins after the day of evaluation counts nothing yet."""
    return (ZERO, "future") if study.start_date > context.on else (hours, "")


def within_daily_caps(study: Study, hours: Decimal, context: Context) -> tuple[Decimal, str]:
    """All of a member's counted records together are credited at most the cap a day; a study of several days fills
    its days in order."""
    why = ""
    for cap in context.policy.caps:
        if cap.per != "day" or not contains(cap.start, cap.until, study.start_date) or not hours:
            continue
        granted = _fill(study, hours, cap, context)
        if granted < hours:
            hours, why = granted, cap.id
    return hours, why


def _fill(study: Study, hours: Decimal, cap: Cap, context: Context) -> Decimal:
    left = hours
    for day in study.days:
        taken = context.used.get((cap.id, day), ZERO)
        part = min(left, cap.max - taken)
        context.used[cap.id, day] = taken + part
        left -= part
    return hours - left


CREDIT_RULES: tuple[CreditRule, ...] = (kind_counts, not_before_its_day, within_daily_caps)
