"""What can be done with a report beside reading it: register, print, take home, correct. Pure.

A report has several readers, so that none of their own links may stand in it: what is personal leads to the bridge's
/me, which knows the reader (see bridge/me.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from markupsafe import Markup

from xueshi import exports
from xueshi.editions import Links
from xueshi.editions.edition import Download
from xueshi.exports import Export, Range, Scope
from xueshi.reports import data
from xueshi.reports.contents import Report
from xueshi.reports.source import Source
from xueshi.speech import later, say

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CLOSING = 3  # months in which last year's figures are asked for
_MAKERS: dict[str, tuple[str, str, Callable[[Export], bytes]]] = {
    "xlsx": (later("%(years)s 年 Excel 工作簿"), _XLSX, exports.workbook),
    "csv": (later("%(years)s 年记录 CSV"), "text/csv", exports.lines),
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something to press: `attributes` make it a link, or a button where it stays on the page."""

    label: str
    attributes: Markup
    primary: bool = False
    button: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """All that one report offers. `files` are to be saved; `waiting` leads to where what waits can be seen or decided,
    `correct` to the correction of a record by its id; both are empty without a bridge."""

    actions: tuple[Action, ...]
    files: tuple[Action, ...]
    waiting: Markup
    correct: Callable[[str], Markup]


class Offers:
    """What the reports of one site offer. `bridge` is its address without a slash at the end, empty for none."""

    def __init__(self, source: Source, bridge: str) -> None:
        self._source, self._bridge, self._rules = source, bridge, exports.rules_of(source)

    def of(self, report: Report, links: Links) -> Offer:
        """`links` are those of the report, which the files become part of."""
        desk = report.kind in ("branch", "committee")
        return Offer(
            tuple(self._actions(report, links)),
            tuple(self._files(report, links)),
            self.way("/desk" if desk else ""),
            lambda record: self.way(f"/correct/{record}") if report.kind == "member" else Markup(""),
        )

    def way(self, below: str) -> Markup:
        """A link to the reader's own pages on the bridge; nothing without one."""
        return Markup('href="{}/me{}"').format(self._bridge, below) if self._bridge else Markup("")

    def _actions(self, report: Report, links: Links) -> Iterator[Action]:
        if report.kind == "member":
            if self._bridge:
                yield Action(say("登记学习"), self.way("/register"), primary=True)
            yield Action(say("打印登记表"), Markup('data-print="sheet"'), button=True)
            if self._bridge:
                yield Action(say("我的登记"), self.way(""))
        if report.kind == "branch":
            if self._bridge:
                yield Action(say("打开审核台"), self.way("/desk"), primary=True)
            sheets = links.page("sheets", report.id)
            if sheets and self._source.totals.of_branch(report.id):
                yield Action(say("打印全支部登记表"), sheets)
        if report.kind in ("branch", "committee"):
            yield Action(say("打印本页"), Markup('data-print="page"'), button=True)

    def _files(self, report: Report, links: Links) -> Iterator[Action]:
        if report.kind not in data.REPORTS:
            return
        branch = self._branch(report)
        for scope in self._scopes(report):
            for span in self._spans(report):
                made = exports.export(self._source, scope, span, self._rules)
                for form, (label, media, make) in _MAKERS.items():
                    name, years = exports.file_name(made, form), _years(span)
                    file = Download(name, f"{years}.{form}", media, branch, partial(make, made))
                    yield Action(say(label, years=years), links.file(file))
        figures = partial(data.report_data, self._source, report.kind, report.id)
        name = f"{report.kind}-{report.id}.json"
        file = Download(name, "v1.json", "application/json", branch, lambda: data.as_file(figures()))
        yield Action(say("数据 JSON"), links.file(file))

    def _scopes(self, report: Report) -> Iterator[Scope]:
        """The whole organisation for its uppermost committee; another has those of its branches on their own pages."""
        unit = self._source.records.organisation.unit(report.id)
        if report.kind != "committee":
            yield Scope(report.kind, report.id)
        elif unit is not None and unit.parent is None:
            yield Scope("committee")

    def _spans(self, report: Report) -> Iterator[Range]:
        """This year; the last one too as long as it is being closed; for officers the five-year plan. A member's pages
        are many, and the smallest file takes 32 KiB of a sealed site."""
        on, policy = self._source.on, self._source.records.policy
        yield exports.year(on.year)
        if on.month <= _CLOSING:
            yield exports.year(on.year - 1)
        if report.kind != "member" and "plan" in policy.periods:
            yield exports.plan(policy)

    def _branch(self, report: Report) -> str:
        """Whose key seals the file: of whoever is in no branch the last one, of whoever never was the first unit."""
        if report.kind != "member":
            return report.id
        held = [period.branch for period in self._source.people[report.id].memberships]
        current = self._source.totals.members[report.id].branch
        return current or (held[-1] if held else self._source.units()[0].id)


def _years(span: Range) -> str:
    """2026, or 2021-2025."""
    first, until = span.edges
    last = (until - timedelta(1)).year
    return f"{first.year}" if first.year == last else f"{first.year}-{last}"
