"""What stands on a study sheet, on paper and in PDF alike: every value as it is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from xueshi.model import Evidence


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `hours` are those credited in the year, in brackets while they wait; `content` is empty unless it
    was asked for, and has newlines; `record` is the record's id."""

    number: int
    record: str
    date: str
    kind: str
    title: str
    content: str
    place: str
    time: str
    hours: str
    result: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of row `number`, whose record belongs to `branch`; `published`: whether the site has it."""

    number: int
    date: str
    title: str
    picture: Evidence
    branch: str
    published: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """One requirement: target and what counts with their unit, and how far it is met."""

    label: str
    target: str
    counted: str
    state: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One member's year. `time` and `hours` are the sums of the rows that count, `time` empty unless every row tells
    minutes; `head` holds label and value of eight fields; `commit` is the short id, `on` the day it was judged; `check`
    is where it can be checked, empty when nobody knows."""

    title: str
    name: str
    head: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    time: str
    hours: str
    kinds: tuple[tuple[str, str], ...]
    demands: tuple[Demand, ...]
    years: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    shots: tuple[Shot, ...]
    commit: str
    at: datetime
    on: date
    check: str

    @property
    def foot(self) -> str:
        """What stands at the foot of every page beside its number."""
        return f"{self.name}　版本 {self.commit}　{self.on} 制表"

    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything that people wrote, each with the words that tell where it stands."""
        for label, value in self.head:
            yield label, value
        for row in self.rows:
            where = f"第 {row.number} 条（记录 {row.record}）"
            for value in (
                row.title,
                row.content,
                row.place,
                row.kind,
                row.date,
                row.time,
                row.hours,
                row.result,
            ):
                yield where, value
        sums = [
            *self.kinds,
            *self.years,
            *((d.label, f"{d.target}{d.counted}{d.state}") for d in self.demands),
        ]
        for label, value in (
            *sums,
            *(("说明", note) for note in self.notes),
            ("页脚", f"{self.foot}{self.check}"),
        ):
            yield "合计与说明", f"{label}{value}"
