"""The export's values in columns, as both kinds of file have them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from xueshi import words
from xueshi.exports.rows import REVIEW, Export
from xueshi.model import Standings
from xueshi.reports.source import ZERO

Cell = str | int | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in half-width characters; `summed` has a sum below it; `wraps` lets a long text take several lines;
    `printed` is False for what stands beside the paper."""

    head: str
    width: int
    value: Callable[[Any], Cell]
    summed: bool = False
    wraps: bool = False
    printed: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: the cells of every row in the order of the columns, and those of the line of sums, empty for none."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sums: tuple[Cell, ...]


def tables(export: Export) -> tuple[Table, ...]:
    """汇总, of the whole organisation 支部汇总 too, and 明细."""
    found = [_table("汇总", _people(export), export.people)]
    if export.branches:
        found.append(_table("支部汇总", _branches(export), export.branches))
    return (*found, details(export))


def details(export: Export) -> Table:
    return _table("明细", _DETAILS, export.details)


def _table(name: str, columns: tuple[Column, ...], items: tuple[object, ...]) -> Table:
    numbered = (Column("序号", 6, lambda _: None), *columns)
    rows = tuple(
        (number, *(column.value(item) for column in columns)) for number, item in enumerate(items, 1)
    )
    sums: list[Cell] = ["合计"]
    for place, column in enumerate(columns, 1):
        values = [row[place] for row in rows]
        sums.append(
            sum((v for v in values if isinstance(v, (int, Decimal))), ZERO) if column.summed else None
        )
    return Table(name, numbered, rows, tuple(sums))


_DETAILS: tuple[Column, ...] = (
    Column("党支部", 22, lambda d: d.branch, wraps=True),
    Column("姓名", 12, lambda d: d.name, wraps=True),
    Column("学习日期", 12, lambda d: d.study.start_date),
    Column("学习类型", 14, lambda d: d.kind, wraps=True),
    Column("学习内容", 36, lambda d: d.study.title, wraps=True),
    Column("学习时长（分钟）", 10, lambda d: d.minutes),
    Column("学时（申报）", 9, lambda d: d.study.hours, summed=True),
    Column("认定学时", 9, lambda d: d.credited, summed=True),
    Column("审核结果", 10, lambda d: REVIEW[d.state]),
    Column("备注", 36, lambda d: d.remark, wraps=True),
    Column("另计学时", 9, lambda d: d.apart or None, summed=True, printed=False),
    Column("主办单位", 20, lambda d: d.study.organiser, printed=False),
    Column("学习地点", 20, lambda d: d.study.place, printed=False),
    Column("内容详述", 40, lambda d: d.study.content, printed=False),
    Column("党员编号", 12, lambda d: d.study.member, printed=False),
    Column("记录编号", 30, lambda d: d.study.id, printed=False),
)  # fmt: skip


def _people(export: Export) -> tuple[Column, ...]:
    year, own = export.day.year, export.scope.kind == "branch"
    here: Column = Column("其中本支部记录", 10, lambda p: p.here, summed=True)
    return (
        Column("党支部", 22, lambda p: p.branch, wraps=True),
        Column("姓名", 12, lambda p: p.name, wraps=True),
        Column(f"{export.span.label}认定学时", 12, lambda p: p.counted, summed=True),
        *((here,) if own else ()),
        Column("另计学时", 9, lambda p: p.apart or None, summed=True),
        Column("待审核（条）", 9, lambda p: p.waiting or None, summed=True),
        Column(f"{year}年应达", 9, lambda p: _target(p.year)),
        Column(f"{year}年已计入", 9, lambda p: p.year.counted if p.year else None),
        Column(f"{year}年还差", 9, lambda p: _short(p.year)),
        Column("单位", 6, lambda p: _unit(p.year)),
        Column("完成率（%）", 9, lambda p: p.year.percent if p.year else None),
        Column(f"{year}年达标情况", 12, lambda p: _standing(export, p.year)),
        Column("五年应达", 9, lambda p: _target(p.plan)),
        Column("五年已计入", 9, lambda p: p.plan.counted if p.plan else None),
        Column("五年还差", 9, lambda p: _short(p.plan)),
        Column("五年单位", 6, lambda p: _unit(p.plan)),
        Column("五年达标情况", 12, lambda p: _standing(export, p.plan)),
        Column("其他要求", 30, lambda p: p.others, wraps=True),
        Column("备注", 20, lambda p: p.remark, wraps=True),
        Column("党员编号", 12, lambda p: p.id, printed=False),
    )  # fmt: skip


def _branches(export: Export) -> tuple[Column, ...]:
    year = export.day.year
    open_year = (
        Column("接近", 8, lambda b: b.attainment.near, summed=True),
        Column("进行中", 8, lambda b: b.attainment.under_way, summed=True),
        Column("进度滞后", 8, lambda b: b.attainment.behind, summed=True),
    )
    ended = (Column("未达标", 8, lambda b: b.attainment.people - b.attainment.met, summed=True),)
    return (
        Column("党支部", 28, lambda b: b.name, wraps=True),
        Column(f"{year}年有要求（人）", 10, lambda b: b.attainment.people, summed=True),
        Column("已达标", 8, lambda b: b.attainment.met, summed=True),
        *(ended if export.is_year_over else open_year),
        Column("不作要求", 8, lambda b: b.attainment.exempt, summed=True),
        Column("达标率（%）", 9, lambda b: b.attainment.percent),
        Column(f"{year}年人均学时", 10, lambda b: b.mean),
        Column("不以学时计、没有算入人均（人）", 12, lambda b: b.others or None, summed=True),
        Column(f"{export.span.label}认定学时", 12, lambda b: b.hours, summed=True),
        Column("待审核（条）", 9, lambda b: b.waiting, summed=True),
    )  # fmt: skip


def _target(s: Standings | None) -> Cell:
    return s.target if s and s.standing != "exempt" else None


def _short(s: Standings | None) -> Cell:
    return s.short if s and s.standing != "exempt" else None


def _unit(s: Standings | None) -> Cell:
    return words.UNIT[s.measure] if s else None


def _standing(export: Export, s: Standings | None) -> Cell:
    return export.stands(s) if s else "没有要求"
