"""Figures, each with the records behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from xueshi.model.organisation import Person
from xueshi.model.policy import Requirement
from xueshi.model.study import Study


class Standing(StrEnum):
    """Where a member stands against one requirement."""

    MET = "met"
    NEAR = "near"
    UNDER_WAY = "under_way"
    BEHIND = "behind"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Credit:
    """One line of the ledger. `state`: counted | unapproved | void. `why` names the rule that cut `claimed` to
    `credited`, or is empty: unapproved | void | kind-not-counted | future | unknown-kind | a cap's id."""

    study: Study
    state: str
    claimed: Decimal
    credited: Decimal
    why: str = ""


@dataclass(frozen=True, slots=True)
class Standings:
    """One requirement for one person. `credits` are the records that lie in its period, in order, running total
    beside each; `start`..`until` (exclusive) is the period; `percent` is exact to 0.1, rounded down."""

    requirement: Requirement
    start: date
    until: date
    target: Decimal
    counted: Decimal
    short: Decimal
    percent: Decimal
    expected: Decimal
    standing: Standing
    credits: tuple[tuple[Credit, Decimal], ...]


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

    def hours(self, start: date, until: date) -> Decimal:
        """Hours credited for studies that began in the span."""
        return sum((c.credited for c in self.credits if start <= c.study.start_date < until), Decimal(0))


@dataclass(frozen=True, slots=True)
class Totals:
    """All figures as of `on`. Branch sums go by the folder a record lies in, member sums by the person."""

    on: date
    members: Mapping[str, MemberTotals]
    strangers: tuple[Credit, ...]

    def credits(self) -> tuple[Credit, ...]:
        return tuple(c for m in self.members.values() for c in m.credits) + self.strangers

    def of_branch(self, branch: str) -> tuple[MemberTotals, ...]:
        """Members of the branch on the day of evaluation."""
        return tuple(m for m in self.members.values() if m.branch == branch)
