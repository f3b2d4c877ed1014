"""What the site holds beside its open pages: every report, with whose readers may open it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xueshi.reports.branch import branch
from xueshi.reports.member import member
from xueshi.reports.source import Source
from xueshi.sealing import PageId


@dataclass(frozen=True, slots=True)
class Report:
    """One page: `kind` names its template and its place, `id` is that of the unit or person; `readers` is the page whose
    readers may open it, `value` what the template shows."""

    kind: str
    id: str
    title: str
    readers: PageId
    value: object


def reports(source: Source) -> Iterator[Report]:
    """Every report of the site. Units first, since their pages lead to the others."""
    for unit in source.records.organisation.branches():
        yield Report("branch", unit.id, unit.name, PageId("branch", unit.id), branch(source, unit))
    for person in source.people.values():
        yield Report("member", person.id, person.name, PageId("member", person.id), member(source, person))
