"""People and organisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from xueshi.model.days import contains


@dataclass(frozen=True, slots=True)
class Membership:
    """A span in one branch. `status`: full | probationary | development_target | …"""

    branch: str
    start: date
    until: date | None
    status: str


@dataclass(frozen=True, slots=True)
class Role:
    role: str
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Span:
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """What one branch's roster says of one person."""

    id: str
    name: str
    periods: tuple[Membership, ...]
    roles: tuple[Role, ...] = ()
    exempt: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    branch: str
    members: tuple[RosterEntry, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One member over all branches and times; the same id is the same person."""

    id: str
    name: str
    memberships: tuple[Membership, ...]
    roles: tuple[Role, ...]
    exempt: tuple[Span, ...]

    def membership(self, day: date, branch: str | None = None) -> Membership | None:
        """The membership in force on `day`, of `branch` if given."""
        for held in self.memberships:
            if contains(held.start, held.until, day) and branch in (None, held.branch):
                return held
        return None

    def roles_on(self, day: date) -> frozenset[str]:
        return frozenset(held.role for held in self.roles if contains(held.start, held.until, day))

    def is_exempt(self, day: date) -> bool:
        return any(contains(span.start, span.until, day) for span in self.exempt)


@dataclass(frozen=True, slots=True)
class Term:
    start: date
    until: date | None
    committee_size: int | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A node of the organisation's tree. `kind`: committee | general_branch | branch."""

    id: str
    kind: str
    name: str
    parent: str | None = None
    type: str | None = None
    aliases: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewer:
    """May decide on records of `unit` and everything below it."""

    member: str
    unit: str
    start: date
    until: date | None
    logins: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """An identity whose `Approved-By` is believed."""

    email: str
    start: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """`comparison`: whether the open pages show branches side by side."""

    name: str
    units: tuple[Unit, ...]
    reviewers: tuple[Reviewer, ...]
    desks: tuple[Desk, ...]
    comparison: bool = True
    _known: dict[str, Unit] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._known.update((unit.id, unit) for unit in reversed(self.units))

    def unit(self, unit_id: str) -> Unit | None:
        """The first with this id: a wrong file may have two."""
        return self._known.get(unit_id)

    def branches(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.kind == "branch")

    def above(self, unit_id: str) -> tuple[str, ...]:
        """`unit_id` and its parents, nearest first; a circle in the data ends the walk."""
        chain: list[str] = []
        unit = self.unit(unit_id)
        while unit is not None and unit.id not in chain:
            chain.append(unit.id)
            unit = self.unit(unit.parent) if unit.parent else None
        return tuple(chain)

    def reviewers_of(self, branch: str, day: date) -> tuple[Reviewer, ...]:
        """Who may decide on a record of `branch` on `day`: its own reviewers first, then those above."""
        chain = self.above(branch)
        able = [r for r in self.reviewers if r.unit in chain and contains(r.start, r.until, day)]
        return tuple(sorted(able, key=lambda r: chain.index(r.unit)))

    def may_review(self, member: str, branch: str, day: date) -> bool:
        return any(r.member == member for r in self.reviewers_of(branch, day))
