"""One figure, one value: on the page, in the report's JSON, in the files to keep and from the command. Generated data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import generate
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from test_exports import read, rows_of

from xueshi import exports, project, records, sources, words
from xueshi.cli import main
from xueshi.exports import Scope
from xueshi.git import Repository
from xueshi.model import Standing, Standings
from xueshi.reports import data
from xueshi.reports.branch import Branch
from xueshi.reports.committee import Committee, Figures
from xueshi.reports.contents import Report, reports
from xueshi.reports.member import Member
from xueshi.reports.source import Attainment, Source, withheld
from xueshi.words import plain

ZERO = Decimal(0)
Row = dict[str, Any]


class World:
    """One generated repository on one day, and what each way of asking says of it."""

    def __init__(self, repo: Repository, on: date) -> None:
        commit = records.commit_at(repo, "main", on)
        assert commit is not None
        self.source = sources.read(repo, commit, on, histories=True, judged=True)
        run = CliRunner().invoke(
            main, ["totals", "--repo", str(repo.path), "--at", on.isoformat(), "--format", "json"]
        )
        assert run.exit_code == 0, run.output
        self.command = json.loads(run.output)
        assert (self.command["commit"], self.command["on"]) == (commit, on.isoformat())
        self.sheets = cache(self._sheets)

    def told(self, report: Report) -> Any:
        """The report's JSON as another program reads it."""
        made = data.as_file(data.report_data(self.source, report.kind, report.id))
        assert made == data.as_file(data.report_data(self.source, report.kind, report.id))
        found = json.loads(made)
        assert not list(Draft202012Validator(project.schema("api")).iter_errors(found))
        assert (found["kind"], found["id"], found["commit"]) == (
            report.kind, report.id, self.source.history.tip,
        )  # fmt: skip
        return found

    def _sheets(self, scope: Scope) -> dict[str, list[Row]]:
        """The rows of the workbook of this year by sheet, without the line of sums, and those of the CSV file."""
        made = exports.export(self.source, scope, exports.year(self.source.on.year))
        book = read(exports.workbook(made))
        found = {
            name: [dict(zip(book[name][1], row, strict=True)) for row in book[name][2:-1]]
            for name in ("汇总", "支部汇总", "明细")
            if name in book
        }
        return {**found, "csv": rows_of(exports.lines(made))}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    folder = tmp_path_factory.mktemp("agreement")
    found = []
    for seed in range(40, 43):
        days = generate.write(folder / f"{seed}.git", seed)
        found += [World(Repository(folder / f"{seed}.git"), day) for day in days[-2:]]
    return found


def each(worlds: list[World], kind: str) -> Iterator[tuple[World, Report]]:
    found = [(world, report) for world in worlds for report in reports(world.source) if report.kind == kind]
    assert found
    return iter(found)


def number(cell: Any) -> Decimal:
    return Decimal(str(cell)) if cell != "" else ZERO


def total(rows: list[Row], head: str) -> Decimal:
    return sum((number(row[head]) for row in rows), ZERO)


def same(told: Row, page: Standings) -> bool:
    """Whether JSON says what the page's value says."""
    shown = {name: plain(getattr(page, name)) for name in ("counted", "target", "short", "percent")}
    return all(told[name] == value for name, value in shown.items()) and told["standing"] == page.standing


def says(row: Row, page: Standings | None, year: int) -> None:
    """A person's line in a workbook, against the page's value of the year's requirement."""
    if page is None:
        assert (row[f"{year}年已计入"], row[f"{year}年达标情况"]) == ("", "没有要求")
        return
    assert number(row[f"{year}年已计入"]) == page.counted
    assert row[f"{year}年达标情况"] == words.STANDING[page.standing]
    assert number(row["完成率（%）"]) == page.percent
    if page.standing is not Standing.EXEMPT:
        assert number(row[f"{year}年应达"]) == page.target
        assert number(row[f"{year}年还差"]) == page.short


def counts(attainment: Attainment) -> Row:
    names = ("met", "near", "under_way", "behind", "exempt", "people")
    return {**{n: getattr(attainment, n) for n in names}, "percent": plain(attainment.percent)}


def test_a_members_figures_agree_everywhere(worlds: list[World]) -> None:
    judged = 0
    for world, report in each(worlds, "member"):
        page, told, year = report.value, world.told(report), world.source.on.year
        assert isinstance(page, Member)
        printed = world.command["members"][report.id]
        assert {**printed, "requirements": 0} == {n: told[n] for n in ("name", "branch")} | {
            "requirements": 0
        }
        assert len(page.demands) == len(told["requirements"]) == len(printed["requirements"])
        for demand in page.demands:
            ident = demand.standing.requirement.id
            listed = told["requirements"][ident]
            assert same(listed, demand.standing) and same(printed["requirements"][ident], demand.standing)
            ledger = listed.pop("records")
            assert listed == printed["requirements"][ident]
            assert [line["running"] for line in ledger] == [plain(line.running) for line, _ in demand.ledger]
            judged += bool(ledger)
        sheets = world.sheets(Scope("member", report.id))
        (row,) = sheets["汇总"]
        says(row, page.year, year)
        if page.plan:
            assert number(row["五年已计入"]) == page.plan.counted
            assert row["五年达标情况"] == words.STANDING[page.plan.standing]
        hours = sum(page.months, ZERO)
        assert told["hours"]["by_year"].get(str(year), "0") == plain(hours)
        assert hours == number(row[f"{year}年度认定学时"])
        assert hours == total(sheets["明细"], "认定学时") == total(sheets["csv"], "认定学时")
        assert sum(h for _, h in page.kinds) == hours == sum(map(Decimal, told["hours"]["by_kind"].values()))
        assert sum(h for _, h in page.apart) == number(row["另计学时"])
        ledger = {entry.study.id: entry for year in page.ledger for entry in year.entries}
        for line in told["ledger"]:
            entry = ledger[line["record"]]
            assert (line["claimed"], line["credited"]) == (plain(entry.claimed), plain(entry.credited))
            assert line["state"] == entry.state
    assert judged


def test_a_branchs_figures_agree_everywhere(worlds: list[World]) -> None:
    rows = 0
    for world, report in each(worlds, "branch"):
        page, told, year = report.value, world.told(report), world.source.on.year
        assert isinstance(page, Branch)
        sheets = world.sheets(Scope("branch", report.id))
        assert plain(page.total) == told["hours"] == world.command["branches"][report.id]
        assert page.total == total(sheets["明细"], "认定学时") == total(sheets["csv"], "认定学时")
        assert page.total == total(sheets["汇总"], "其中本支部记录")
        assert sum(map(Decimal, told["by_month"])) == page.total
        assert list(told["by_kind"].values()) == [plain(hours) for _, hours in page.kinds]
        assert told["attainment"] == counts(page.attainment)
        people = {row["党员编号"]: row for row in sheets["汇总"]}
        printed = {i for i, m in world.command["members"].items() if m["branch"] == report.id}
        assert {row.id for row in page.rows} == told["members"].keys() == printed <= people.keys()
        for row in page.rows:
            says(people[row.id], row.year, year)
            assert told["members"][row.id] == world.command["members"][row.id]
            assert sum(row.months, ZERO) == number(people[row.id][f"{year}年度认定学时"])
            if row.year:
                assert same(told["members"][row.id]["requirements"][row.year.requirement.id], row.year)
            rows += 1
    assert rows


def test_a_committees_figures_agree_everywhere(worlds: list[World]) -> None:
    between = whole = 0
    openly = Counter[bool]()
    for world, report in each(worlds, "committee"):
        page, told, source = report.value, world.told(report), world.source
        assert isinstance(page, Committee)
        agree(told, page.figures)
        assert told["hours"] == plain(page.total) and told["by_month"] == [plain(h) for h in page.months]
        units = told["units"]
        assert [unit["id"] for unit in units] == [row.unit.id for row in page.rows]
        for unit, row in zip(units, page.rows, strict=True):
            agree(unit, row.figures)
            between += unit["kind"] != "branch"
        branches = [unit for unit in units if unit["kind"] == "branch"]
        assert sum(Decimal(unit["hours"]) for unit in branches) == page.total
        assert {b["id"]: b["hours"] for b in branches}.items() <= world.command["branches"].items()
        organisation = {u["id"]: u for u in data.organisation_data(source)["units"]}
        for unit in [told, *units]:
            if unit["id"] in organisation:
                open_one = organisation[unit["id"]]
                told_openly = (open_one["hours"], open_one["attainment"])
                hidden = unit["id"] in withheld(source)
                assert told_openly == ((None, None) if hidden else (unit["hours"], unit["attainment"]))
                assert open_one["people"] == unit["people"]
                openly[hidden] += 1
        if len(branches) == len(source.records.organisation.branches()):
            whole_agrees(world, branches, page)
            whole += 1
    assert between and whole and openly[True] and openly[False]


def agree(told: Row, page: Figures) -> None:
    assert told["attainment"] == counts(page.attainment)
    assert (told["people"], told["waiting"], told["oldest"]) == (page.members, page.waiting, page.oldest)
    assert (told["counted"], told["mean"]) == (plain(page.counted), plain(page.mean))


def whole_agrees(world: World, branches: list[Row], page: Committee) -> None:
    """The file of the whole organisation, in which branches stand in the organisation's own order."""
    source, sheets = world.source, world.sheets(Scope("committee"))
    known = {unit["id"]: unit for unit in branches}
    listed = [known[unit.id] for unit in source.records.organisation.branches()]
    assert len(listed) <= len(sheets["支部汇总"])
    for row, unit in zip(sheets["支部汇总"], listed, strict=False):
        attainment = unit["attainment"]
        assert (row["已达标"], row["接近"], row["进行中"], row["进度滞后"], row["不作要求"]) == (
            attainment["met"], attainment["near"], attainment["under_way"], attainment["behind"], attainment["exempt"],
        )  # fmt: skip
        assert number(row["达标率（%）"]) == Decimal(attainment["percent"])
        assert number(row[f"{source.on.year}年人均学时"]) == Decimal(unit["mean"])
        assert number(row[f"{source.on.year}年度认定学时"]) == Decimal(unit["hours"])
    own = {unit.name for unit in source.records.organisation.branches()}
    inside = [row for row in sheets["明细"] if row["党支部"] in own]
    assert total(inside, "认定学时") == page.total


def test_only_what_has_a_report_has_data(worlds: list[World]) -> None:
    source: Source = worlds[0].source
    unit, person = source.units()[0], next(iter(source.people))
    for kind, ident in (("branch", unit.id), ("committee", person), ("member", unit.id), ("query", unit.id)):
        with pytest.raises(KeyError):
            data.report_data(source, kind, ident)
