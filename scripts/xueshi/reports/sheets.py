"""A branch's study sheets of this year, to be printed in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from xueshi.model import SHANGHAI, Unit
from xueshi.reports.paper import Sheet
from xueshi.reports.sheet import content, people_of
from xueshi.reports.source import Source


@dataclass(frozen=True, slots=True)
class Sheets:
    """The sheets of everybody who is in the branch on the day, in pinyin order."""

    unit: Unit
    commit: str
    at: datetime
    on: date
    sheets: tuple[Sheet, ...]


def sheets(source: Source, unit: Unit) -> Sheets:
    """The sheets of one branch: of those whose own report the branch's readers open, and of nobody else."""
    own = {figures.person.id for figures in source.totals.of_branch(unit.id)}
    people = (person for person in people_of(source, unit.id, source.on.year) if person.id in own)
    return Sheets(
        unit=unit,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        sheets=tuple(content(source, person, source.on.year) for person in people),
    )
