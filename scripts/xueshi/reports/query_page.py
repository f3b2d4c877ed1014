"""The query page of a unit, and the data it loads: one chunk for each branch and year, not more than a phone takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xueshi.model import SHANGHAI, Study, Unit
from xueshi.pinyin import sort_key
from xueshi.reports.query import STATES, Row, all_rows, spellings, spoken
from xueshi.reports.source import Source
from xueshi.sealing import PageId

MOST = 5_000  # records of a chunk
_HEAVIEST = 1_000_000  # characters of their titles, contents and places, unless one record alone has more


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one branch and year, newest first, as `value` for JSON (see `_value`); who opens `readers` may have it."""

    id: str
    branch: str
    year: int
    rows: int
    readers: PageId
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """`branches`, `kinds`, `people` (those with a report that this unit's readers open from here): id and what it is
    called; `below` is the kind of report that `people` or, above branches, `branches` lead to."""

    unit: Unit
    commit: str
    at: datetime
    on: date
    branches: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]
    people: tuple[tuple[str, str], ...]
    chunks: tuple[Chunk, ...]
    states: Mapping[str, str]

    @property
    def is_branch(self) -> bool:
        return self.unit.kind == "branch"


def query(source: Source, unit: Unit, chunks: Iterable[Chunk]) -> Query:
    """The page over the branches below a unit (a branch: itself); `chunks` are those of the whole organisation."""
    organisation = source.records.organisation
    branches = tuple((b.id, b.name) for b in organisation.branches() if unit.id in organisation.above(b.id))
    known = {ident for ident, _ in branches}
    members = source.totals.of_branch(unit.id)
    return Query(
        unit=unit,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        branches=branches,
        kinds=tuple((kind.id, kind.label) for kind in source.records.policy.kinds.values()),
        people=tuple((m.person.id, m.person.name) for m in members),
        chunks=tuple(chunk for chunk in chunks if chunk.branch in known),
        states=STATES,
    )


def chunks(source: Source) -> tuple[Chunk, ...]:
    """Every record of the branches that the organisation lists: the newest year first, branches in their order."""
    places = {unit.id: n for n, unit in enumerate(source.records.organisation.branches())}
    shelves: dict[tuple[int, str], list[Row]] = {}
    for row in all_rows(source):
        if row.study.branch in places:
            shelves.setdefault((row.study.start_date.year, row.study.branch), []).append(row)
    order = sorted(shelves, key=lambda shelf: (-shelf[0], places[shelf[1]]))
    return tuple(
        Chunk(f"{branch}-{year}-{n}", branch, year, len(part), PageId("branch", branch), _value(source, part))
        for year, branch in order
        for n, part in enumerate(_parts(shelves[year, branch]), 1)
    )


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    weight = 0
    for row in rows:
        own = _weight(row.study)
        if part and (len(part) == MOST or weight + own > _HEAVIEST):
            yield part
            part, weight = [], 0
        part.append(row)
        weight += own
    yield part


def _weight(study: Study) -> int:
    return len(study.title) + len(study.content or "") + len(study.place or "")


def _value(source: Source, rows: list[Row]) -> dict[str, Any]:
    """`members`: id, name, place in the order of names, spellings; `kinds`: id, label; `rows`: record id, index into
    members, index into kinds, month and day as one number, last day or "", hours claimed, hours, state, title, content,
    place, number of pictures, why it counts less."""
    members = {m: n for n, m in enumerate(dict.fromkeys(row.study.member for row in rows))}
    kinds = {k: n for n, k in enumerate(dict.fromkeys(row.study.kind for row in rows))}
    return {
        "members": [_member(ident, source.names.get(ident, ident)) for ident in members],
        "kinds": [[ident, source.kind(ident)] for ident in kinds],
        "rows": [_row(source, row, members, kinds) for row in rows],
    }


def _member(ident: str, name: str) -> list[str]:
    return [ident, name, " ".join(sort_key(name)), " ".join(spellings(spoken(name)))]


def _row(source: Source, row: Row, members: Mapping[str, int], kinds: Mapping[str, int]) -> list[Any]:
    study, day = row.study, row.study.start_date
    return [
        study.id,
        members[study.member],
        kinds[study.kind],
        day.month * 100 + day.day,
        study.end_date.isoformat() if study.end_date else "",
        _number(study.hours),
        _number(row.hours),
        row.state,
        study.title,
        study.content or "",
        study.place or "",
        len(study.evidence),
        source.why(row.why),
    ]


def _number(hours: Decimal) -> int | float:
    return int(hours) if hours == hours.to_integral_value() else float(hours)
