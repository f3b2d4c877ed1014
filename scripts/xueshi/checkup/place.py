"""What a norm is asked of: one unit on a day; and how an answer is worded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from xueshi.model import (
    Credit,
    Membership,
    MemberTotals,
    Norm,
    Policy,
    RecordSet,
    Term,
    Totals,
    Unit,
    contains,
)
from xueshi.speech import many, say

OK, SHORT, DUE, OVERDUE, UNKNOWN = "ok", "short", "due", "overdue", "unknown"
Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one measure says of one unit."""

    value: str
    required: str
    verdict: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """One unit on a day, with everything in the branches at and below it."""

    unit: Unit
    policy: Policy
    on: date
    full: frozenset[str]
    members: frozenset[str]
    totals: tuple[MemberTotals, ...]
    credits: tuple[Credit, ...]
    began: date | None  # its first membership

    @property
    def year(self) -> Span:
        return date(self.on.year, 1, 1), date(self.on.year + 1, 1, 1)

    def is_over(self, end: date) -> bool:
        """Whether a span with this exclusive end is over by the end of the day."""
        return end <= self.on + timedelta(1)

    def term(self) -> Term | None:
        """The newest term that has begun: also one past its end, until another one begins."""
        return max((t for t in self.unit.terms if t.start <= self.on), key=lambda t: t.start, default=None)


def places(records: RecordSet, policy: Policy, totals: Totals, on: date) -> Iterator[Place]:
    """Every unit in the order of the organisation."""
    organisation = records.organisation
    by_branch: dict[str, list[Credit]] = {}
    for credit in totals.credits():
        by_branch.setdefault(credit.study.branch, []).append(credit)
    held: dict[str, list[tuple[str, Membership]]] = {}
    for member in totals.members.values():
        for span in member.person.memberships:
            held.setdefault(span.branch, []).append((member.person.id, span))
    above = {branch.id: organisation.above(branch.id) for branch in organisation.branches()}
    for unit in organisation.units:
        below = {branch for branch, units in above.items() if unit.id in units}
        own = [pair for branch in below for pair in held.get(branch, ())]
        now = [(member, span.status) for member, span in own if contains(span.start, span.until, on)]
        yield Place(
            unit=unit,
            policy=policy,
            on=on,
            full=frozenset(member for member, status in now if status == "full"),
            members=frozenset(member for member, status in now if status in ("full", "probationary")),
            totals=totals.of_branch(*below)
            if len(below) == 1
            else tuple(m for m in totals.members.values() if m.branch in below),
            credits=tuple(credit for branch in sorted(below) for credit in by_branch.get(branch, ())),
            began=min((span.start for _, span in own), default=None),
        )


def bounds(norm: Norm, unit: str) -> str:
    """The norm's bounds in words; `unit` is a sentence with `n` to count in."""
    if norm.max == 0 and not norm.min:
        return say("应为 %(amount)s", amount=many(unit, 0))
    low = say("不少于 %(amount)s", amount=many(unit, norm.min)) if norm.min is not None else ""
    high = say("不超过 %(amount)s", amount=many(unit, norm.max)) if norm.max is not None else ""
    return say("，").join(part for part in (low, high) if part) or say("没有写数量")


def is_within(norm: Norm, count: int) -> bool:
    return (norm.min is None or count >= norm.min) and (norm.max is None or count <= norm.max)


def counted(norm: Norm, count: int, unit: str, details: Iterable[str] = ()) -> Answer:
    verdict = OK if is_within(norm, count) else SHORT
    return Answer(many(unit, count), bounds(norm, unit), verdict, tuple(details))


def last_day(until: date) -> date:
    """The last day of a span with this exclusive end."""
    return until - timedelta(1)
