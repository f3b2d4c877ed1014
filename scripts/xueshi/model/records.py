"""A tree of records, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from xueshi.model.closing import Closing
from xueshi.model.keys import Keys
from xueshi.model.organisation import Organisation, Person, Roster, RosterEntry
from xueshi.model.policy import Policy
from xueshi.model.study import Study


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault, told so that the reader can cure it. `line` counts from 1; 0 means the whole file.

    `field` is the record's field, for a form to show the message beside; `rule` is a check's id."""

    path: str
    line: int
    rule: str
    message: str
    field: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class RecordSet:
    """Everything under `records/` at one place in time, and what could not be read.

    `studies` maps a path to the record in it (two files may wrongly claim one id), `rosters` a branch id to its roster;
    `lines` maps a path to field -> line, so that a check can point at it; `blobs` maps every path to its blob id,
    `closings` a closed year to its manifest; `keys` says which links of the sealed site hold."""

    organisation: Organisation
    policy: Policy
    rosters: Mapping[str, Roster]
    studies: Mapping[str, Study]
    problems: tuple[Problem, ...] = ()
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict)
    closings: Mapping[int, Closing] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # see people

    def line(self, path: str, name: str) -> int:
        """The line of a value, such as `hours` or `requirements.0.who`, or of the nearest thing around it."""
        known = self.lines.get(path, {})
        while name not in known and "." in name:
            name = name.rpartition(".")[0]
        return known.get(name, 1)

    def people(self) -> dict[str, Person]:
        """Every member id with what all rosters say of it; ids in the order of branch, then roster. Put together once
        for the same rosters, also over sets that differ in other things: the form asks at every registration."""
        rosters = [self.rosters[branch] for branch in sorted(self.rosters)]
        held, people = self.known.get("people", (None, {}))
        if (
            held is None
            or len(held) != len(rosters)
            or any(a is not b for a, b in zip(held, rosters, strict=True))
        ):
            people = _people(rosters)
            self.known["people"] = rosters, people  # one assignment: several threads ask
        return dict(people)


def _people(rosters: Iterable[Roster]) -> dict[str, Person]:
    found: dict[str, list[RosterEntry]] = {}
    for roster in rosters:
        for entry in roster.members:
            found.setdefault(entry.id, []).append(entry)
    return {member: _person(entries) for member, entries in found.items()}


def _person(entries: list[RosterEntry]) -> Person:
    periods = sorted((p for e in entries for p in e.periods), key=lambda p: p.start)
    newest = max(entries, key=lambda e: max(p.start for p in e.periods))
    roles = {role for e in entries for role in e.roles}
    exempt = {span for e in entries for span in e.exempt}
    return Person(
        id=newest.id,
        name=newest.name,
        memberships=tuple(periods),
        roles=tuple(sorted(roles, key=lambda r: (r.start, r.role))),
        exempt=tuple(sorted(exempt, key=lambda s: s.start)),
    )
