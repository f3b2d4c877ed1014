"""The A4 study sheet (党员学习登记表) as PDF, of one member's year or of a whole branch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from xueshi.errors import UsageError
from xueshi.reports.paper import Sheet
from xueshi.reports.sheet import content, people_of
from xueshi.reports.source import Source
from xueshi.sheets.glyphs import GlyphsMissing, Missing, installed
from xueshi.sheets.pdf import pdf

__all__ = ["GlyphsMissing", "Missing", "branch_sheet", "installed", "people_of", "sheet"]


def sheet(
    source: Source,
    pictures: Mapping[str, bytes],
    member: str,
    year: int,
    *,
    check: str = "",
    pending: bool = False,
    full: bool = False,
    fonts: Path | None = None,
    allow_missing: bool = False,
) -> bytes:
    """The PDF of one member's calendar year. `pictures` are our WebP files by hash; `check` is the address where the
    sheet can be checked; `pending` adds what waits, `full` the contents of each record.

    Raises GlyphsMissing (unless `allow_missing`, which prints 〓) and UsageError: an unknown member, a year that has
    not begun, no fonts."""
    person = source.people.get(member)
    if person is None:
        raise UsageError(f"名册上没有编号为 {member!r} 的人")
    made = content(source, person, year, pending=pending, full=full, check=check)
    return pdf([made], pictures, f"{made.name} {made.title}", fonts=fonts, allow_missing=allow_missing)


def branch_sheet(
    source: Source,
    pictures: Mapping[str, bytes],
    branch: str,
    year: int,
    *,
    check: Callable[[str], str] = lambda member: "",
    pending: bool = False,
    full: bool = False,
    fonts: Path | None = None,
    allow_missing: bool = False,
) -> bytes:
    """One PDF with a sheet of everybody who belongs to the branch on the year's last day (this year: today), by name;
    each has page numbers of its own. `check` gives a member's address by id. Raises as `sheet` does."""
    unit = source.records.organisation.unit(branch)
    if unit is None or unit.kind != "branch":
        known = "、".join(unit.id for unit in source.records.organisation.branches())
        raise UsageError(f"没有编号为 {branch!r} 的支部；有这些：{known}")
    people = people_of(source, branch, year)
    if not people:
        raise UsageError(f"{unit.name} {year} 年度名册上没有人")
    made: list[Sheet] = [
        content(source, person, year, pending=pending, full=full, check=check(person.id)) for person in people
    ]
    title = f"{unit.name} 学习登记表（{year}年度）"
    return pdf(made, pictures, title, fonts=fonts, allow_missing=allow_missing)
