"""What a reader of an export must know to use its figures: where they are from, what is not in them, the rules. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from xueshi import policy
from xueshi.exports.range import Range
from xueshi.exports.scope import Scope
from xueshi.model import SHANGHAI, Severity, Study
from xueshi.reports.source import ZERO, Source
from xueshi.words import plain


@dataclass(frozen=True, slots=True)
class Note:
    """A line: what it is about, and what is to be said."""

    head: str
    text: str


_COLUMNS = (
    ("学时（申报）", "填报的学时，审核人改过的是改后的数。"),
    ("认定学时", "审核通过、按学时规则计入的学时；跨年度的学习只算这段时间以内的部分。"),
    ("另计学时", "按规则不计入学时要求、另外统计的学时，例如自学。"),
    ("审核结果", "已通过、待审核、未认可（没有有效的审核，不计入）、已作废（保留，不计入）。"),
    ("备注", "少计或没有计入的原因，以及其他需要知道的事。"),
)  # fmt: skip


Rules = Callable[[date], str]


def rules_of(source: Source) -> Rules:
    """The hour rules of a day in words, each day's put into words once."""
    return cache(lambda day: policy.explain(source.records.policy, source.records.organisation, "zh", day))


def notes(
    source: Source, scope: Scope, span: Range, rules: str, *, day: date, waiting: Sequence[Study]
) -> tuple[Note, ...]:
    """All of it in order; `rules` are those of the day, `waiting` the export's records that nobody has decided."""
    title, *lines = (line for line in rules.splitlines() if line)
    return (
        *_origin(source, scope, span, day),
        *_left_out(source, scope, waiting),
        *(Note(head, text) for head, text in _COLUMNS),
        Note(title, ""),
        *(Note("", line) if line.startswith("- ") else Note(line, "") for line in lines),
    )


def _origin(source: Source, scope: Scope, span: Range, day: date) -> Iterator[Note]:
    at = source.history.at.astimezone(SHANGHAI)
    yield Note(
        "范围", " ".join(part for part in (source.records.organisation.name, scope.name(source)) if part)
    )
    yield Note("期间", _span(span))
    yield Note("数据", f"截至 {at:%Y-%m-%d %H:%M}，提交 {source.history.tip}")
    yield Note("计算日", f"{day}。要求、进度和所在支部都是这一天的。")
    yield Note("制作", "由 xueshi 程序从上述提交的记录算出，没有人手改动；同一提交、同一天再导出，内容相同。")
    yield Note("使用", "文件里有姓名和学习情况，只供本组织管理学时使用，请勿外传。")
    if scope.kind == "branch":
        yield Note(
            "支部", "明细是本支部名下的记录。汇总里每个人的学时含其在其他支部的记录，其中本支部的另列。"
        )
    yield from _closed(source, span)


def _span(span: Range) -> str:
    if span.start is None or span.until is None:
        return "全部记录"
    return f"{span.label}（{span.start} 至 {span.until - timedelta(1)}）"


def _closed(source: Source, span: Range) -> Iterator[Note]:
    for year, closing in sorted(source.records.closings.items()):
        if span.holds(date(year, 12, 31)):
            at = closing.at.astimezone(SHANGHAI)
            text = f"{year} 年已在 {at:%Y-%m-%d} 结账；这里的数字按现在的记录和规则算出。"
            yield Note("结账", text)


def _left_out(source: Source, scope: Scope, waiting: Sequence[Study]) -> Iterator[Note]:
    hours = sum((study.hours for study in waiting), ZERO)
    told = f"{len(waiting)} 条，申报 {plain(hours)} 学时，都没有计入。" if waiting else "没有。"
    yield Note("待审核", told)
    if scope.kind != "member":
        folder = f"records/{scope.ident}/" if scope.ident else "records/"
        broken = {
            p.path for p in source.problems if p.severity is Severity.ERROR and p.path.startswith(folder)
        }
        unread = len(broken - source.records.studies.keys())
        yield Note("读不出的文件", f"{unread} 个，没有计入；xueshi check 会列出来。" if unread else "没有。")
