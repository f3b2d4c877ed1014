"""The span of time that an export tells of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from xueshi.errors import UsageError
from xueshi.model import Policy, contains


@dataclass(frozen=True, slots=True)
class Range:
    """Counting dates from `start` until `until` (exclusive), None being open; `label` is how a title says it."""

    label: str
    start: date | None = None
    until: date | None = None

    @property
    def edges(self) -> tuple[date, date]:
        """The same with the ends of the calendar where it is open."""
        return self.start or date.min, self.until or date.max

    def holds(self, day: date) -> bool:
        return contains(self.start, self.until, day)

    def day(self, on: date) -> date:
        """The day whose figures are told: the last one that is over by `on`. UsageError when none is."""
        if self.start is not None and on < self.start:
            raise UsageError(f"{self.label}到 {on} 还没有开始，没有可以导出的学时")
        return min(on, self.edges[1] - timedelta(1))


def year(number: int) -> Range:
    return Range(f"{number}年度", date(number, 1, 1), date(number + 1, 1, 1))


def plan(policy: Policy) -> Range:
    """The five-year plan. UsageError where the policy has none."""
    window = policy.periods.get("plan")
    if window is None or window.start is None or window.until is None:
        raise UsageError("学时规则里没有名为 plan 的起止周期；请改用年份，或用 all 导出全部")
    last = window.until - timedelta(1)
    return Range(f"{window.start.year}-{last.year}五年规划", window.start, window.until)


def everything() -> Range:
    return Range("全部")


def between(first: date, last: date) -> Range:
    """From one day to another, both taken in. UsageError when the last comes before the first."""
    if last < first:
        raise UsageError(f"结束日期 {last} 早于开始日期 {first}，请核对")
    return Range(f"{first}至{last}", first, last + timedelta(1))


def named(text: str, policy: Policy) -> Range:
    """What `2026`, `plan` or `all` means. UsageError for anything else."""
    if text == "plan":
        return plan(policy)
    if text == "all":
        return everything()
    if text.isascii() and text.isdigit() and 1900 <= int(text) <= 2199:
        return year(int(text))
    raise UsageError(f"不认识的期间 {text!r}；请写年份（例如 2026）、plan（五年规划）或 all（全部）")
