"""Where one person stands against one requirement: target, counted, pace. docs/rules.md, sections 4 and 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

from xueshi.model import (
    Credit,
    Figure,
    Line,
    Option,
    Organisation,
    Person,
    Policy,
    Requirement,
    Standing,
    Standings,
    Where,
    add_months,
    contains,
)
from xueshi.totals.selecting import first_day, fits, months, span_of

_CENT, _HALF_CENT = Decimal("0.01"), Fraction(1, 200)
ZERO, ONE, NOTHING = Decimal(0), Decimal(1), Fraction(0)


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
    """A span's share of a target: what is held of `whole` months."""

    held: int
    other: int
    whole: int

    def target(self, option: Option) -> Decimal:
        if not self.held + self.other:
            return option.min
        return (option.min * self.held + option.otherwise * self.other) * 100 // self.whole * _CENT

    def exact(self, option: Option) -> Fraction:
        """The target before it is rounded down."""
        if not self.held + self.other:
            return Fraction(option.min)
        return Fraction(option.min * self.held + option.otherwise * self.other) / self.whole


def standings(case: Case, requirement: Requirement, on: date) -> Standings | None:
    """One requirement's figures on a day, or None when it does not apply."""
    span = case.applies(requirement, on)
    if span is None:
        return None
    held, other, whole = case.months(requirement, span) if requirement.prorate else ([], [], 0)
    part = _Part(len(held), len(other), whole)
    begin = max(span[0], min([*held, *other], default=span[0]))
    over = _over(case.policy.weights, (begin, span[1]), on)
    figures, counts, rows = [], [], _Rows(case, requirement, span)
    for option in requirement.options:
        own = _counted(case, option, rows.of(option))
        carried = _carried(case, requirement, span) if option.measure == "hours" else ZERO
        target, counted = part.target(option), own + _exact(carried)
        counts.append(counted)
        figures.append(_figure(option, target, counted, carried, over))
    chosen = _chosen(requirement, part, figures, counts) if len(counts) > 1 else 0
    option, figure, counted = requirement.options[chosen], figures[chosen], counts[chosen]
    standing = _standing(case, figure, counted, over, on)
    if standing is Standing.BEHIND and _is_new(case, requirement, span, on):
        standing = Standing.UNDER_WAY
    return Standings(
        requirement=requirement,
        start=span[0],
        until=span[1],
        standing=standing,
        figure=figure,
        figures=tuple(figures),
        lines=_lines(case, option, rows.of(option), figure.carried),
        months=(part.held, part.whole) if requirement.prorate else None,
    )


def _chosen(requirement: Requirement, part: _Part, figures: list[Figure], counts: list[Fraction]) -> int:
    """The measure that decides: of any the one furthest on, of all the one furthest behind; the first of equals.
    Rounded targets would part hours and days that ask for the same; that a measure is met goes by them all the same."""
    aims = [part.exact(option) for option in requirement.options]
    ways = [
        (figure.met, counted / aim if aim else Fraction(10**9))
        for figure, counted, aim in zip(figures, counts, aims, strict=True)
    ]
    return ways.index((min if requirement.every else max)(ways))


def _standing(case: Case, figure: Figure, counted: Fraction, over: Fraction, on: date) -> Standing:
    alerts, target = case.policy.alerts, _exact(figure.target)
    if case.person.is_exempt(on):
        return Standing.EXEMPT
    if counted >= target:
        return Standing.MET
    if counted >= _exact(alerts.near_ratio * figure.target):
        return Standing.NEAR
    if counted < _exact((1 - alerts.behind_tolerance) * figure.target) * over:
        return Standing.BEHIND
    return Standing.UNDER_WAY


def _is_new(case: Case, requirement: Requirement, span: tuple[date, date], on: date) -> bool:
    """Whether a period has only just begun for them: nobody has hours on New Year's Day, or on the day they join. Of
    what is left of it only the first quarter is new, so that a month is not all grace."""
    first = first_day(case.person, requirement.who, span, case.policy, case.organisation)
    if first is None:
        return False
    days = (on - first).days + 1
    return days <= case.policy.alerts.behind_grace_days and 4 * days <= (span[1] - first).days


def _figure(option: Option, target: Decimal, counted: Fraction, carried: Decimal, over: Fraction) -> Figure:
    aim = _exact(target)
    return Figure(
        measure=option.measure,
        target=target,
        counted=_shown(counted, option.measure),
        carried=carried,
        short=-_down(min(counted - aim, NOTHING), 2),
        percent=_down(counted * 100 / aim if target else Fraction(100), 1),
        expected=_down(aim * over + _HALF_CENT, 2),
        met=counted >= aim,
    )


def _shown(counted: Fraction, measure: str) -> Decimal:
    """Days are shown to 0.01 down; hours and records are exact in decimal."""
    if measure == "days":
        return _down(counted, 2)
    return Decimal(counted.numerator) / Decimal(counted.denominator)


def _down(value: Fraction, places: int) -> Decimal:
    """A fraction to so many decimal places, down."""
    return Decimal(value.numerator * 10**places // value.denominator).scaleb(-places)


@lru_cache(4096)
def _exact(value: Decimal) -> Fraction:
    """Targets and ratios are few and asked for again and again."""
    return Fraction(value)


# --- what counts


Rows = Sequence[tuple[Credit, Decimal]]


class _Rows:
    """The records behind each measure of a requirement over a period; measures that ask for the same share them."""

    def __init__(self, case: Case, requirement: Requirement, span: tuple[date, date]) -> None:
        self.case, self.requirement, self.span = case, requirement, span
        self.found: dict[tuple[bool, Where], Rows] = {}

    def of(self, option: Option) -> Rows:
        """Every record of the period that the measure speaks of, in order, with what it brings: hours, or 1 for the
        first of an event. Those that bring nothing, being unapproved for one, are among them."""
        asked = option.measure == "records", option.where
        if asked not in self.found:
            self.found[asked] = self._events(option) if asked[0] else self._hours(option)
        return self.found[asked]

    def _hours(self, option: Option) -> Rows:
        start, until = self.span
        found = []
        for credit, taken in self._spoken_of(option):
            parts = credit.parts
            if len(parts) == 1:
                day, hours = parts[0]
                if start <= day < until:
                    found.append((credit, hours if taken else ZERO))
                continue
            inside = [hours for day, hours in parts if start <= day < until]
            if inside or (not parts and start <= credit.study.start_date < until):
                found.append((credit, sum(inside, ZERO) if taken else ZERO))
        return found

    def _events(self, option: Option) -> Rows:
        seen: set[str] = set()
        found = []
        for credit, taken in self._spoken_of(option):
            study = credit.study
            if self.span[0] <= study.start_date < self.span[1]:
                event = study.activity or study.id
                found.append((credit, ONE if taken and event not in seen else ZERO))
                seen |= {event} if taken else set()
        return found

    def _spoken_of(self, option: Option) -> Iterator[tuple[Credit, bool]]:
        """Records that the measure speaks of, and whether each counts."""
        wheres = [where for where in (self.requirement.where, option.where) if where]
        apart = any(where.counts is False for where in wheres)
        for credit in self.case.ledger:
            kind = credit.kind
            if kind is None:
                if not wheres:
                    yield credit, False
                continue
            for where in wheres:
                if not where.matches(credit.study, kind):
                    break
            else:
                counts = credit.state == "counted" and credit.why != "future"
                yield credit, counts and kind.counts != apart


def _counted(case: Case, option: Option, rows: Rows) -> Fraction:
    if option.measure == "days":
        return _in_days(_by_day(case, rows))
    return Fraction(sum((brought for _, brought in rows), ZERO))


def _by_day(case: Case, rows: Rows) -> dict[Decimal, Decimal]:
    """Hours by how many of them make a day."""
    found: dict[Decimal, Decimal] = {}
    for credit, hours in rows:
        most = case.policy.conversion(credit.study.start_date).hours_per_day
        found[most] = found.get(most, ZERO) + hours
    return found


def _in_days(hours: dict[Decimal, Decimal]) -> Fraction:
    return sum((Fraction(own) / Fraction(most) for most, own in hours.items()), NOTHING)


def _lines(case: Case, option: Option, rows: Rows, carried: Decimal) -> tuple[Line, ...]:
    """The ledger: each record with what it brings and the sum so far, which begins with what was carried over."""
    if option.measure != "days":
        sums = accumulate((brought for _, brought in rows), initial=carried)
        next(sums)
        return tuple(
            Line(credit, brought, running) for (credit, brought), running in zip(rows, sums, strict=True)
        )
    found, days = [], NOTHING
    for row in rows:
        brought = _in_days(_by_day(case, [row]))
        days += brought
        found.append(Line(row[0], _down(brought, 2), _down(days, 2)))
    return tuple(found)


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
    own = _counted(case, option, _Rows(case, before, earlier).of(option))
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


@lru_cache(4096)
def _over(weights: tuple[Decimal, ...], span: tuple[date, date], on: date) -> Fraction:
    """The part of a period that is over by the end of a day."""
    until = min(max(on + timedelta(1), span[0]), span[1])
    whole = _weight(weights, span[0], span[1])
    if whole:
        return _weight(weights, span[0], until) / whole
    return Fraction((until - span[0]).days, (span[1] - span[0]).days)  # months that weigh nothing


def _weight(weights: tuple[Decimal, ...], start: date, until: date) -> Fraction:
    if not weights:
        return Fraction((until - start).days)
    found, day = Fraction(0), start
    while day < until:
        first = day.replace(day=1)
        following = add_months(first, 1)
        share = Fraction((min(until, following) - day).days, (following - first).days)
        found += Fraction(weights[day.month - 1]) * share
        day = following
    return found
