"""Figures, each with the records behind it. What they mean is defined in docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from xueshi.model.organisation import Person
from xueshi.model.policy import Kind, Requirement
from xueshi.model.study import Study

ZERO = Decimal(0)


class Standing(StrEnum):
    """Where a member stands against one requirement."""

    MET = "met"
    NEAR = "near"
    UNDER_WAY = "under_way"
    BEHIND = "behind"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Credit:
    """One record's worth. `state`: counted | unapproved | void. `claimed` hours times `factor`, cut by caps, are
    `credited`, or stand `apart` when the kind does not count; `parts` are these hours by counting date. `why` names
    what made it less, or is empty: unapproved | void | kind-not-counted | future | unknown-kind | a cap's id.
    `kind`: as it was on the first day, None for an unknown one."""

    study: Study
    state: str
    claimed: Decimal
    factor: Decimal
    credited: Decimal
    apart: Decimal
    parts: tuple[tuple[date, Decimal], ...]
    why: str = ""
    kind: Kind | None = None

    def within(self, start: date, until: date) -> Decimal:
        """Hours credited on counting dates in the span."""
        if not self.credited:
            return ZERO
        return sum((hours for day, hours in self.parts if start <= day < until), ZERO)


@dataclass(frozen=True, slots=True)
class Line:
    """One record in the ledger of a requirement: what of it counted, and the sum up to it, in the requirement's unit."""

    credit: Credit
    counted: Decimal
    running: Decimal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of a requirement: `counted` of `target` in `measure` (hours | days | records), `carried` hours of the
    period before among it; `percent` to 0.1 down, `expected` to the nearest 0.01, `short` to 0.01 up; `met` is exact."""

    measure: str
    target: Decimal
    counted: Decimal
    carried: Decimal
    short: Decimal
    percent: Decimal
    expected: Decimal
    met: bool


@dataclass(frozen=True, slots=True)
class Standings:
    """One requirement for one person over the period `start`..`until` (exclusive). The figures are those of its one
    measure, or of the one that decides; `figures` has all of them; `lines` the records behind. `months`: of the
    period, those that count for this person, and all; None where nothing is prorated."""

    requirement: Requirement
    start: date
    until: date
    standing: Standing
    figure: Figure
    figures: tuple[Figure, ...]
    lines: tuple[Line, ...]
    months: tuple[int, int] | None = None

    @property
    def target(self) -> Decimal:
        return self.figure.target

    @property
    def counted(self) -> Decimal:
        return self.figure.counted

    @property
    def short(self) -> Decimal:
        return self.figure.short

    @property
    def percent(self) -> Decimal:
        return self.figure.percent

    @property
    def expected(self) -> Decimal:
        return self.figure.expected

    @property
    def measure(self) -> str:
        return self.figure.measure


@dataclass(frozen=True, slots=True)
class MemberTotals:
    """All figures of one person; `branch` is the one on the day of evaluation, or None for one who has left."""

    person: Person
    branch: str | None
    credits: tuple[Credit, ...]
    standings: tuple[Standings, ...]

    def standing(self, period: str) -> Standings | None:
        """The first requirement over the named period (`year`, `plan`)."""
        return next((s for s in self.standings if s.requirement.period == period), None)

    def of(self, requirement: str) -> Standings | None:
        """The requirement with this id."""
        return next((s for s in self.standings if s.requirement.id == requirement), None)

    def hours(self, start: date, until: date) -> Decimal:
        """Hours credited in the span."""
        return sum((c.within(start, until) for c in self.credits), ZERO)


@dataclass(frozen=True, slots=True)
class Totals:
    """All figures as of `on`. Branch sums go by the folder a record lies in, member sums by the person."""

    on: date
    members: Mapping[str, MemberTotals]
    strangers: tuple[Credit, ...]
    _by_branch: dict[str | None, list[MemberTotals]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )  # put together when it is first asked for

    def credits(self) -> tuple[Credit, ...]:
        return tuple(c for m in self.members.values() for c in m.credits) + self.strangers

    def of_branch(self, branch: str) -> tuple[MemberTotals, ...]:
        """Members of the branch on the day of evaluation."""
        if not self._by_branch:
            found: dict[str | None, list[MemberTotals]] = {}
            for member in self.members.values():
                found.setdefault(member.branch, []).append(member)
            self._by_branch.update(found)
        return tuple(self._by_branch.get(branch, ()))
