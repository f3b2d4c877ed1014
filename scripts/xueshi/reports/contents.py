"""What the site holds beside its open pages: every report, with whose readers may open it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xueshi.model import Person, Unit
from xueshi.reports.branch import branch
from xueshi.reports.committee import committee
from xueshi.reports.member import member
from xueshi.reports.overview import overview
from xueshi.reports.query_page import chunks, query
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
    known, units = overview(source), source.units()
    for unit in units:
        if unit.kind != "branch":
            yield _report("committee", unit, committee(source, known, unit))
    for unit in units:
        if unit.kind == "branch":
            yield _report("branch", unit, branch(source, known, unit))
    found = chunks(source)
    for unit in units:
        readers = PageId("branch" if unit.kind == "branch" else "committee", unit.id)
        yield Report("query", unit.id, f"{unit.name}查询", readers, query(source, unit, found))
    for person in source.people.values():
        yield _report("member", person, member(source, known, person))


def _report(kind: str, of: Unit | Person, value: object) -> Report:
    return Report(kind, of.id, of.name, PageId(kind, of.id), value)
