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
from xueshi.reports.sheets import sheets
from xueshi.reports.source import Source
from xueshi.sealing import PageId
from xueshi.speech import say


@dataclass(frozen=True, slots=True)
class Report:
    """One page: `kind` names its template and its place, `id` is that of the unit or person; `readers` is the page whose
    readers may open it, `value` what the template shows; `door`: whether its readers' doors lead to it straight."""

    kind: str
    id: str
    title: str
    readers: PageId
    value: object
    door: bool = True


def reports(source: Source) -> Iterator[Report]:
    """Every report of the site. Units first, since their pages lead to the others."""
    known, units = overview(source), source.units()
    for unit in units:
        if unit.kind != "branch":
            yield _report("committee", unit, committee(source, known, unit))
    for unit in units:
        if unit.kind == "branch":
            yield _report("branch", unit, branch(source, known, unit))
            title, readers = say("%(unit)s登记表", unit=unit.name), PageId("branch", unit.id)
            yield Report("sheets", unit.id, title, readers, sheets(source, unit), door=False)
    found = chunks(source)
    for unit in units:
        readers = PageId("branch" if unit.kind == "branch" else "committee", unit.id)
        yield Report(
            "query", unit.id, say("%(unit)s查询", unit=unit.name), readers, query(source, unit, found)
        )
    for person in source.people.values():
        yield _report("member", person, member(source, known, person))


def _report(kind: str, of: Unit | Person, value: object) -> Report:
    return Report(kind, of.id, of.name, PageId(kind, of.id), value)
