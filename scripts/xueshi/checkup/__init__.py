"""RecordSet × policy × totals → how every party organisation stands against the policy's norms. Pure.

An organisation is asked on a day, by the rosters, terms and counted records of that day. A measure is a function in
this folder and a line in `MEASURES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from xueshi.checkup.held import events, kinds
from xueshi.checkup.place import OVERDUE, SHORT, UNKNOWN, Answer, Place, places
from xueshi.checkup.size import behind, committee_size, full_members, members, term
from xueshi.model import Norm, Policy, RecordSet, Totals, contains
from xueshi.speech import say

__all__ = ["MEASURES", "Finding", "checkup"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One norm for one unit. `value` and `required` are words; `details` say what is missing, with ids and no names.

    `verdict`: ok | short (not fulfilled) | due (still open, or a term that ends soon) | overdue | unknown (what it is
    judged by is not written down)."""

    unit: str
    norm: str
    label: str
    value: str
    required: str
    verdict: str
    severity: str
    source: str
    details: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether somebody has to act: short or overdue."""
        return self.verdict in (SHORT, OVERDUE)


def checkup(records: RecordSet, policy: Policy, totals: Totals, on: date) -> tuple[Finding, ...]:
    """Every norm in force on `on` for every unit it is for, in the order of the organisation, then of the policy.

    `totals` are those of the same records and day."""
    return tuple(
        _finding(norm, place)
        for place in places(records, policy, totals, on)
        for norm in policy.norms
        if _is_asked(norm, place)
    )


def _is_asked(norm: Norm, place: Place) -> bool:
    """Whether the norm is in force and for this unit; a committee whose size is not written is taken for none."""
    when, full, term = norm.when, len(place.full), place.term()
    return (
        norm.enabled
        and contains(norm.start, norm.until, place.on)
        and place.unit.kind in norm.subject
        and (not when.type or place.unit.type in when.type)
        and (when.min_full_members is None or full >= when.min_full_members)
        and (when.max_full_members is None or full <= when.max_full_members)
        and (when.has_committee is None or bool(term and term.committee_size) == when.has_committee)
    )


def _finding(norm: Norm, place: Place) -> Finding:
    measure = MEASURES.get(norm.measure)
    told = measure(norm, place) if measure else Answer(say("无法判断"), "", UNKNOWN)
    return Finding(
        place.unit.id, norm.id, norm.label, told.value, told.required, told.verdict, norm.severity, norm.source,
        told.details,
    )  # fmt: skip


MEASURES: Mapping[str, Callable[[Norm, Place], Answer]] = {
    "members": members,
    "full_members": full_members,
    "committee_size": committee_size,
    "term": term,
    "events": events,
    "kinds": kinds,
    "behind": behind,
}
