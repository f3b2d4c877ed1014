"""Where one person stands against one requirement: target, counted, pace. docs/rules.md, sections 4 and 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from fractions import Fraction

from xueshi.model import (
    Credit,
    Figure,
    Kind,
    Line,
    Option,
    Organisation,
    Person,
    Policy,
    Requirement,
    Standing,
    Standings,
    add_months,
    contains,
)
from xueshi.totals.selecting import fits, months, span_of

_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Case:
    """One person under one policy; `ledger` are their records' credits in order."""

    person: Person
    policy: Policy
    organisation: Organisation
    ledger: Sequence[Credit]

    def applies(self, requirement: Requirement, day: date) -> tuple[date, date] | None:
        """The period that counts for them on a day, or None when the requirement is not for them then."""
        if not requirement.in_force(day):
            return None
        if not fits(self.person, requirement.who, day, self.policy, self.organisation):
            return None
        return span_of(self.person, requirement.period, day, self.policy)

    def months(self, requirement: Requirement, span: tuple[date, date]) -> tuple[list[date], list[date], int]:
        return months(self.person, requirement.who, span, self.policy, self.organisation)


@dataclass(frozen=True, slots=True)
class _Part:
    """A span's share of a target, exact: what is held of `whole` months."""

    held: int
    other: int
    whole: int

    def target(self, option: Option) -> Decimal:
        if not self.held + self.other:
            return option.min
        exact = Fraction(option.min * self.held + option.otherwise * self.other) / self.whole
        return _rounded(exact, _CENT, ROUND_DOWN)


def standings(case: Case, requirement: Requirement, on: date) -> Standings | None:
    """One requirement's figures on a day, or None when it does not apply."""
    span = case.applies(requirement, on)
    if span is None:
        return None
    held, other, whole = case.months(requirement, span) if requirement.prorate else ([], [], 0)
    part = _Part(len(held), len(other), whole)
    begin = max(span[0], min([*held, *other], default=span[0]))
    over = _over(case.policy, (begin, span[1]), on)
    figures, ratios, counts = [], [], []
    for option in requirement.options:
        own = _counted(case, requirement, option, span, on)
        carried = _carried(case, requirement, span) if option.measure == "hours" else ZERO
        target, counted = part.target(option), own + Fraction(carried)
        counts.append(own)
        ratios.append(counted / Fraction(target) if target else Fraction(10**9))
        figures.append(_figure(option, target, counted, carried, Fraction(target) * over))
    choose = min if requirement.every else max
    chosen = ratios.index(choose(ratios))
    option, figure = requirement.options[chosen], figures[chosen]
    counted = counts[chosen] + Fraction(figure.carried)
    return Standings(
        requirement=requirement,
        start=span[0],
        until=span[1],
        standing=_standing(case, figure, counted, over, on),
        figure=figure,
        figures=tuple(figures),
        lines=_lines(case, requirement, option, span, figure.carried),
        months=(part.held, part.whole) if requirement.prorate else None,
    )


def _standing(case: Case, figure: Figure, counted: Fraction, over: Fraction, on: date) -> Standing:
    alerts, target = case.policy.alerts, Fraction(figure.target)
    if case.person.is_exempt(on):
        return Standing.EXEMPT
    if counted >= target:
        return Standing.MET
    if counted >= Fraction(alerts.near_ratio) * target:
        return Standing.NEAR
    if counted < target * over * (1 - Fraction(alerts.behind_tolerance)):
        return Standing.BEHIND
    return Standing.UNDER_WAY


def _figure(
    option: Option, target: Decimal, counted: Fraction, carried: Decimal, expected: Fraction
) -> Figure:
    percent = counted * 100 / Fraction(target) if target else Fraction(100)
    return Figure(
        measure=option.measure,
        target=target,
        counted=_shown(counted, option.measure),
        carried=carried,
        short=_rounded(max(Fraction(target) - counted, Fraction(0)), _CENT, ROUND_UP),
        percent=_rounded(percent, _TENTH, ROUND_DOWN),
        expected=_rounded(expected + Fraction(_CENT) / 2, _CENT, ROUND_DOWN),
        met=counted >= Fraction(target),
    )


def _shown(counted: Fraction, measure: str) -> Decimal:
    """Days are shown to 0.01 down; hours and records are exact in decimal."""
    if measure == "days":
        return _rounded(counted, _CENT, ROUND_DOWN)
    return Decimal(counted.numerator) / Decimal(counted.denominator)


def _rounded(value: Fraction, step: Decimal, rounding: str) -> Decimal:
    """A fraction in steps, rounded exactly."""
    steps = value / Fraction(step)
    whole = steps.numerator // steps.denominator
    if rounding == ROUND_UP and whole * steps.denominator != steps.numerator:
        whole += 1
    return (whole * step).quantize(step)


# --- what counts


def _taken(case: Case, requirement: Requirement, option: Option, credit: Credit) -> bool:
    """Whether a record is among those that this measure speaks of."""
    kind = case.policy.kinds.get(credit.study.kind)
    if credit.state != "counted" or kind is None or credit.why == "future":
        return False
    kind = kind.on(credit.study.start_date)
    if kind.counts == _asks_apart(requirement, option):
        return False
    return _matches(requirement, option, credit, kind)


def _matches(requirement: Requirement, option: Option, credit: Credit, kind: Kind) -> bool:
    wheres = (requirement.where, option.where)
    return all(not where or where.matches(credit.study, kind) for where in wheres)


def _asks_apart(requirement: Requirement, option: Option) -> bool:
    return requirement.where.counts is False or option.where.counts is False


def _hours(credit: Credit, span: tuple[date, date]) -> Decimal:
    """What one record brings to a span, credited or apart."""
    parts = credit.parts
    if len(parts) == 1:
        return parts[0][1] if span[0] <= parts[0][0] < span[1] else ZERO
    return sum((hours for day, hours in parts if span[0] <= day < span[1]), ZERO)


def _events(credit: Credit, span: tuple[date, date], on: date) -> set[str]:
    study = credit.study
    inside = span[0] <= study.start_date < span[1] and study.start_date <= on
    return {study.activity or study.id} if inside else set()


def _counted(
    case: Case, requirement: Requirement, option: Option, span: tuple[date, date], on: date
) -> Fraction:
    meant = [credit for credit in case.ledger if _taken(case, requirement, option, credit)]
    if option.measure == "records":
        return Fraction(len({event for credit in meant for event in _events(credit, span, on)}))
    if option.measure == "hours":
        return Fraction(sum((_hours(credit, span) for credit in meant), ZERO))
    by_day: dict[Decimal, Decimal] = {}  # hours by how many make a day
    for credit in meant:
        most = case.policy.conversion(credit.study.start_date).hours_per_day
        by_day[most] = by_day.get(most, ZERO) + _hours(credit, span)
    return sum((Fraction(hours) / Fraction(most) for most, hours in by_day.items()), Fraction(0))


def _lines(
    case: Case, requirement: Requirement, option: Option, span: tuple[date, date], carried: Decimal
) -> tuple[Line, ...]:
    """Every record of the period that the measure speaks of, and those that would count had they been approved."""
    found, seen = [], set[str]()
    none: Decimal | Fraction = Fraction(0) if option.measure == "days" else ZERO
    running = none + (Fraction(carried) if option.measure == "days" else carried)  # type: ignore[operator]
    for credit in case.ledger:
        if not _inside(credit, span):
            continue
        if _taken(case, requirement, option, credit):
            events = _events(credit, span, credit.study.start_date) - seen
            seen |= events
            brought = _brought(case, option, credit, span, len(events))
        elif _spoken_of(case, requirement, option, credit):
            brought = none
        else:
            continue
        running += brought  # type: ignore[operator]
        found.append(Line(credit, _line_shown(brought), _line_shown(running)))
    return tuple(found)


def _brought(
    case: Case, option: Option, credit: Credit, span: tuple[date, date], events: int
) -> Decimal | Fraction:
    """What one record brings: hours and records as decimals, days as a fraction."""
    if option.measure == "records":
        return Decimal(events)
    hours = _hours(credit, span)
    if option.measure == "hours":
        return hours
    return Fraction(hours) / Fraction(case.policy.conversion(credit.study.start_date).hours_per_day)


def _inside(credit: Credit, span: tuple[date, date]) -> bool:
    if not credit.parts:
        return span[0] <= credit.study.start_date < span[1]
    return any(span[0] <= day < span[1] for day, _ in credit.parts)


def _line_shown(value: Decimal | Fraction) -> Decimal:
    return value if isinstance(value, Decimal) else _rounded(value, _CENT, ROUND_DOWN)


def _spoken_of(case: Case, requirement: Requirement, option: Option, credit: Credit) -> bool:
    """Whether a record that brings nothing belongs in the ledger all the same: with its reason."""
    kind = case.policy.kinds.get(credit.study.kind)
    if kind is None:
        return not requirement.where and not option.where
    return _matches(requirement, option, credit, kind.on(credit.study.start_date))


def _carried(case: Case, requirement: Requirement, span: tuple[date, date]) -> Decimal:
    """Hours over the target of the period before, as far as the policy carries them over."""
    rules = [
        rule
        for rule in case.policy.carry_over
        if rule.requirement == requirement.id and contains(rule.start, rule.until, span[0])
    ]
    if not rules:
        return ZERO
    last = span[0] - timedelta(1)
    before = case.policy.version(requirement.id, last)
    earlier = case.applies(before, last) if before else None
    option = next((o for o in before.options if o.measure == "hours"), None) if before else None
    if before is None or earlier is None or option is None:
        return ZERO
    held, other, whole = case.months(before, earlier) if before.prorate else ([], [], 0)
    target = _Part(len(held), len(other), whole).target(option)
    own = _counted(case, before, option, earlier, last)
    over = max(own - Fraction(target), Fraction(0))
    kept = min(over, Fraction(rules[0].max))
    return Decimal(kept.numerator) / Decimal(kept.denominator)


def share_target(case: Case, requirement_id: str, day: date) -> Decimal | None:
    """The target that a cap takes its share of, on a counting date; None when the requirement is not in force."""
    requirement = case.policy.version(requirement_id, day)
    span = span_of(case.person, requirement.period, day, case.policy) if requirement else None
    if requirement is None or span is None:
        return None
    option = requirement.options[0]
    held, other, whole = case.months(requirement, span) if requirement.prorate else ([], [], 0)
    return _Part(len(held), len(other), whole).target(option)


# --- pace


def _over(policy: Policy, span: tuple[date, date], on: date) -> Fraction:
    """The part of a period that is over by the end of a day."""
    until = min(max(on + timedelta(1), span[0]), span[1])
    whole = _weight(policy, span[0], span[1])
    if whole:
        return _weight(policy, span[0], until) / whole
    return Fraction((until - span[0]).days, (span[1] - span[0]).days)  # months that weigh nothing


def _weight(policy: Policy, start: date, until: date) -> Fraction:
    if not policy.weights:
        return Fraction((until - start).days)
    found, day = Fraction(0), start
    while day < until:
        first = day.replace(day=1)
        following = add_months(first, 1)
        share = Fraction((min(until, following) - day).days, (following - first).days)
        found += Fraction(policy.weights[day.month - 1]) * share
        day = following
    return found
