"""The published site: figures, privacy, hostile text, same bytes, no moment without a page."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, person
from conftest import figures as figures_of
from markupsafe import Markup
from test_reports import source_of

from xueshi import exports, project, publish, records, sample
from xueshi.builder import Builder
from xueshi.cli import main
from xueshi.editions import fragments
from xueshi.errors import UsageError
from xueshi.git import RefUpdate, Repository
from xueshi.model import Change, Evidence, Standing, Unit
from xueshi.offers import Action, Offer
from xueshi.records import render, study_file
from xueshi.reports.address import address
from xueshi.reports.branch import branch as branch_report
from xueshi.reports.committee import committee
from xueshi.reports.home import home
from xueshi.reports.member import member as member_report
from xueshi.reports.overview import overview
from xueshi.reports.source import Attainment, withheld
from xueshi.words import plain

ON = date(2026, 11, 24)
SECRET = bytes(range(32))


@dataclass
class Site:
    repo: Repository
    folder: Path

    def read(self, where: str = "") -> str:
        return (self.folder / where / "index.html").read_text(encoding="utf-8")

    def member(self, ident: str) -> str:
        return self.read(address(SECRET, "member", ident))

    def branch(self, ident: str) -> str:
        return self.read(address(SECRET, "branch", ident))

    def committee(self, ident: str = "sample-art") -> str:
        return self.read(address(SECRET, "committee", ident))


def built_by(builder: Builder | None, repo: Repository, into: Path, on: date = ON, bridge: str = "") -> Site:
    wanted = publish.inputs(repo, "refs/heads/main", on=on, secret=SECRET, edition="open", bridge=bridge)
    publish.build(repo, wanted, into, builder)
    return Site(repo, into)


@pytest.fixture(scope="module")
def built(builder: Builder) -> Callable[..., Site]:
    """Makes the open site of a repository."""
    return partial(built_by, builder)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, built: Callable[..., Site]) -> Site:
    folder = tmp_path_factory.mktemp("site")
    made = sample.write(folder / "school.git", members=42, records=110, seed=42, until=ON)
    return built(made.repo, folder / "site")


class Attributes(HTMLParser):
    """(name, value) of every attribute on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(name, value or "") for name, value in attrs]


def pages(site: Site) -> dict[str, str]:
    return {
        str(path.relative_to(site.folder.resolve())): path.read_text(encoding="utf-8")
        for path in site.folder.resolve().rglob("*.html")
    }


def test_every_members_figures_are_the_totals(site: Site) -> None:
    figures = figures_of(site.repo, ON)
    assert len(figures.members) == 42
    for ident, member in figures.members.items():
        html, year = site.member(ident), member.standing("year")
        if year is not None:
            assert f"<b data-counted>{plain(year.counted)}</b>" in html, ident
        for credit in member.credits:
            row = html[html.index(f'id="r-{credit.study.id}"') :].split("</tr>")[0]
            credited = re.search(r'x-credited">([^<]*)<', row)
            assert credited is not None and credited[1] == plain(credit.credited), credit.study.id


def test_the_history_names_the_merge(site: Site) -> None:
    approved, history = records.load_approved(site.repo, "main")
    study = next(s for s in approved.studies.values() if len(history.versions[s.path]) > 1)
    row = site.member(study.member).split(f'id="r-{study.id}"')[1].split("</tr>")[0]
    assert re.findall(r'data-merge="([0-9a-f]{40})"', row) == [v.commit for v in history.versions[study.path]]
    for version in history.versions[study.path]:
        assert f"合并请求 {version.pull}" in row


def test_what_nobody_approved_is_listed_and_counts_nothing(site: Site) -> None:
    figures = figures_of(site.repo, ON)
    refused = [c.study for c in figures.credits() if c.state == "unapproved"]
    assert refused
    for study in refused:
        assert study.title in site.branch(study.branch).split('id="findings"')[1]
        row = site.member(study.member).split(f'id="r-{study.id}"')[1].split("</tr>")[0]
        assert "未经有效审核" in row and "未计入" in row


def test_the_open_pages_name_nobody_and_lead_to_no_report(site: Site) -> None:
    people = records.load_approved(site.repo, "main")[0].people().values()
    folder = site.folder.resolve()
    open_texts = {
        "home": site.read(),
        "guide": site.read("handbook/members"),
        "search": (folder / "search" / "search_index.json").read_text(encoding="utf-8"),
        "sitemap": (folder / "sitemap.xml").read_text(encoding="utf-8"),
        "manifest": (folder / "manifest.json").read_text(encoding="utf-8"),
    }
    for name, text in open_texts.items():
        for someone in people:
            assert someone.name not in text, name
            assert address(SECRET, "member", someone.id).split("/")[1] not in text, name
    assert not any(re.search(r">\s*None\b", html) for html in pages(site).values())
    assert "这是公开版" in open_texts["home"]
    assert 'name="robots" content="noindex' in site.member("m0001")
    assert address(SECRET, "branch", "jg1") not in site.member("m0001")


def test_nothing_comes_from_elsewhere(site: Site) -> None:
    found = pages(site)
    assert len(found) > 50
    for name, html in found.items():
        for attribute, value in Attributes(html).found:
            if attribute in ("src", "href", "action", "srcset"):
                assert not re.match(r"(?i)[a-z]+:|//", value), (name, value)
    for path in site.folder.resolve().rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", path.read_text(encoding="utf-8")), path.name


def test_a_branch_of_few_people_is_not_split(site: Site) -> None:
    few = [u for u in records.load(site.repo, "main").organisation.branches() if u.id not in ("jg1", "yjs")]
    rows = site.read().split('id="branches"')[1]
    for unit in few:
        row = rows.split(unit.name)[1].split("</tr>")[0]
        assert "少于 5 人" in row and "%" not in row


def test_what_is_missing_from_a_sum_hides_five_people_at_least(site: Site) -> None:
    source = source_of(site.repo, ON)
    assert withheld(source) == {"jg2", "sj", "xz", "bk1", "bk2", "lt"}
    sizes = {"b1": 9, "b2": 7, "b3": 1, "b4": 0}
    units = (Unit("top", "committee", "党委"), *(Unit(ident, "branch", ident, "top") for ident in sizes))
    records_ = replace(source.records, organisation=replace(source.records.organisation, units=units))
    someone = next(iter(source.totals.members.values()))
    members = {
        f"{branch}-{n}": replace(someone, branch=branch)
        for branch, many in sizes.items()
        for n in range(many)
    }
    small = replace(source, records=records_, totals=replace(source.totals, members=members))
    assert withheld(small) == {"b2", "b3", "b4"}, "what b1 and the sum tell is of eight people"


def test_the_same_inputs_give_the_same_bytes(site: Site, tmp_path: Path) -> None:
    again = built_by(None, site.repo, tmp_path / "again")  # another process
    first, second = site.folder.resolve(), again.folder.resolve()
    names = sorted(str(p.relative_to(first)) for p in first.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(second)) for p in second.rglob("*") if p.is_file())
    assert [n for n in names if (first / n).read_bytes() != (second / n).read_bytes()] == []


def test_hostile_text_is_text(school: School, tmp_path: Path, built: Callable[..., Site]) -> None:
    bad = "\"'><script>alert(1)</script>{{7*7}}<img src=x onerror=alert(1)>"
    files = committee_files()
    roster = {"schema": "roster/1", "members": [person("m0012", bad[:40]), person("m0003", "韦测宁")]}
    files["records/jg1/roster.yaml"] = render("roster", roster)
    organisation = files["records/organisation.yaml"]
    assert organisation is not None
    files["records/organisation.yaml"] = organisation.replace(
        "name: 示例大学艺术学院党委".encode(), b'name: "<script>alert(2)</script>"', 1
    ).replace("name: 教工第一党支部".encode(), b'name: "</title><script>alert(3)</script>"')
    repo = school.repo
    school.tip = ""
    repo.run("update-ref", "-d", "refs/heads/main")
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    study = school.study(title=bad[:60], content=bad + "\n```\n</code>", place=bad[3:63])
    school.merge(school.propose(study))
    pushed, broken = school.study(title=bad[:60]), school.study(title=bad)  # 63 characters are too many
    school.push({pushed.path: study_file(pushed), broken.path: study_file(broken)})
    made = built(repo, tmp_path / "site")
    texts = [made.read(), made.member("m0012"), made.branch("jg1"), made.committee()]
    waits = school.study(title=bad[:60])
    sub = "refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CDE"
    school.repo.update_refs([RefUpdate(sub, school.propose(waits), None)])
    made = built(repo, tmp_path / "waits", date(2026, 3, 20))
    texts += [made.branch("jg1"), made.member("m0012")]
    assert "&lt;script&gt;alert(1)" in texts[4].split('id="waiting"')[1].split("</table>")[0]
    for html in texts:
        assert not re.search(r"<script>\s*alert|<img src=x", html)
        assert not re.search(r">\s*None\b", html)
        assert not any(name.startswith("on") for name, _ in Attributes(html).found)
    ledger = texts[1].split('id="ledger"')[1].split('id="kinds"')[0]
    assert ledger.count("<summary>") == 2 and "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in ledger
    assert f"{broken.path}，第 5 行：学习主题有 63 个字" in texts[2]
    assert (
        "<dt>个文件有误</dt><dd>2</dd>" in texts[0]
    )  # and organisation.yaml, whose reviewer m0005 is on no roster here
    assert "&lt;script&gt;alert(2)" in texts[0] and "&lt;script&gt;alert(3)" in texts[2]


def test_what_waits_is_hatched_and_a_waiting_correction_is_told(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    study, waits = school.study(), school.study(title="消防安全知识学习", hours="1.5")
    school.merge(school.propose(study))
    at = school.tick()
    corrected = replace(study, hours=Decimal(3), change=Change("correct", "m0012", at, "漏计一小时"))
    for number, (proposed, action) in enumerate(((waits, "register"), (corrected, "correct"))):
        sub = f"refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CD{number}"
        school.repo.update_refs([RefUpdate(sub, school.propose(proposed, action), None)])
    html = built(school.repo, tmp_path / "site").member("m0012")
    assert "<b data-counted>2</b>" in html and "待审核 2.5，通过后还差 27.5" in html
    new = html.split(f'id="r-{waits.id}"')[1].split("</tr>")[0]
    assert "林样青登记，等待审核" in new and "未计入" in new
    old = html.split(f'id="r-{study.id}"')[1].split("</tr>")[0]
    assert "韦测宁通过" in old and "林样青申请更正，等待审核" in old and "已通过" in old
    assert html.count('id="r-') == 2


def test_a_committee_reads_every_unit_below_it(site: Site) -> None:
    html, figures = site.committee(), figures_of(site.repo, ON)
    rows = re.findall(r'<tr class="x-depth-1" data-unit="([a-z0-9]+)">(.*?)</tr>', html, re.S)
    branches = records.load(site.repo, "main").organisation.branches()
    assert [ident for ident, _ in rows] == [unit.id for unit in branches]
    for ident, row in rows:
        members = figures.of_branch(ident)
        asked = [s for m in members if (s := m.standing("year")) and s.standing != "exempt"]
        met = sum(s.standing == "met" for s in asked)
        assert f">{met}/{len(asked)}<" in row and f"../../{address(SECRET, 'branch', ident)}" in row
    assert address(SECRET, "committee", "sample-art") not in site.branch("jg1") + site.member("m0001")
    for told in (html, site.read()):
        waiting = re.findall(r'<td class="x-number x-waiting">(.*?)</td>', told)
        assert any("天" in cell for cell in waiting)
        assert all('<span class="x-small">待审核 </span>' in cell for cell in waiting if "天" in cell), (
            "on a phone"
        )


def test_a_picture_that_is_not_there_is_told_where_it_would_stand(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    gone = Evidence("a" * 64, "b" * 64, 9000, 800, 600)
    study = replace(school.study(), evidence=(gone,))
    school.merge(school.propose(study))
    row = (
        built(school.repo, tmp_path / "site").member("m0012").split(f'id="r-{study.id}"')[1].split("</tr>")[0]
    )
    assert "照片暂缺" in row and "<img" not in row


def test_the_doors_of_home_lead_to_the_edition_that_is_published(
    school: School, tmp_path: Path, builder: Builder
) -> None:
    for edition, doors in (("open", ["handbook/members/#register", "handbook/members/#mine", "handbook/reviewers/#branch"]),
                           ("sealed", ["handbook/members/#register", "o/", "o/"])):  # fmt: skip
        wanted = publish.inputs(school.repo, "main", on=ON, secret=SECRET, edition=edition)
        publish.build(school.repo, wanted, tmp_path / edition, builder)
        html = (tmp_path / edition / "index.html").read_text(encoding="utf-8")
        found = re.findall(r'href="([^"]*)"', html.split('class="x-doors"')[1].split("</ul>")[0])
        assert found == doors


def test_what_a_report_offers_is_rendered_only_where_it_is_given(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    source = source_of(school.repo, date(2026, 3, 9))
    someone = member_report(source, overview(source), source.people["m0012"])
    template = fragments(Path("site/templates"), {}).get_template("member.html")
    nothing = Markup("")
    plain = {"page": lambda *_: nothing, "whole": lambda *_: nothing, "picture": lambda *_: nothing}
    told = {"page": someone, "links": SimpleNamespace(**plain), "edition": "open"}
    bare = template.render(**told, offer=Offer((), (), nothing, lambda record: nothing))
    assert "x-actions" not in bare and "x-files" not in bare and "更正" not in bare
    actions = (
        Action("登记<一条>", Markup('href="#register"'), primary=True),
        Action("打印", Markup("data-print"), button=True),
    )
    offer = Offer(
        actions,
        (Action("2026年度<XLSX>", Markup('href="2026.xlsx"')),),
        nothing,
        lambda record: Markup('href="#{}"').format(f"correct-{record}"),
    )
    full = template.render(**told, offer=offer)
    assert '<a class="x-button x-primary" href="#register">登记&lt;一条&gt;</a>' in full
    assert '<button type="button" class="x-button" data-print>打印</button>' in full
    assert '<a href="2026.xlsx">2026年度&lt;XLSX&gt;</a>' in full
    assert f'<a href="#correct-{study.id}">更正这一条</a>' in full


def test_what_waits_does_not_meet_what_is_met_and_of_who_is_exempt_nothing_is_asked(school: School) -> None:
    template = fragments(Path("site/templates"), {}).get_template("member.html")
    offer = Offer((), (), Markup(""), lambda record: Markup(""))
    links = SimpleNamespace(page=lambda *_: Markup(""))

    def shown(**told: object) -> str:
        source = source_of(school.repo, date(2026, 3, 20))
        someone = member_report(source, overview(source), source.people["m0012"])
        assert someone.year is not None
        page = replace(someone, year=replace(someone.year, **told))  # type: ignore[arg-type]
        return template.render(page=page, links=links, edition="open", offer=offer)

    days = [
        school.study(hours="8", start_date=date(2026, 2, day), title=f"第 {day} 天") for day in range(2, 7)
    ]
    for study in days[:3]:
        school.merge(school.propose(study))
    waits = RefUpdate("refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CD0", school.propose(days[3]), None)
    school.repo.update_refs([waits])
    assert "待审核 8，通过后达标" in shown() and "竖线是今年的年度要求 32 学时" in shown()
    assert "竖线是今年的年度要求" not in shown(standing=Standing.EXEMPT)
    school.merge(school.propose(days[4]))
    assert "待审核 8</li>" in shown() and "通过后达标" not in shown()


def test_the_last_days_of_a_year_are_counted_in_days(school: School) -> None:
    template = fragments(Path("site/templates"), {}).get_template("member.html")
    offer = Offer((), (), Markup(""), lambda record: Markup(""))
    links = SimpleNamespace(page=lambda *_: Markup(""))
    for day, words in ((17, "还有约 2 周，每周约"), (18, "到年底还有约 2 周"), (19, "到年底连今天还有 13 天。"), (30, "到年底连今天还有 2 天。"), (31, "今天是今年的最后一天。")):  # fmt: skip
        source = source_of(school.repo, date(2026, 12, day))
        someone = member_report(source, overview(source), source.people["m0012"])
        html = template.render(page=someone, links=links, edition="open", offer=offer)
        assert words in html and ("每周约" in html) == (day < 19), day


def test_wherever_a_mean_of_hours_stands_it_is_told_whom_it_leaves_out(school: School) -> None:
    source = source_of(school.repo, ON)
    own = source.totals.members["m0012"]
    hours = own.standing("year")
    assert hours is not None
    days = replace(hours, figure=(figure := replace(hours.figure, measure="days")), figures=(figure,))
    standings = tuple(days if s is hours else s for s in own.standings)
    members = {**source.totals.members, "m0012": replace(own, standings=standings)}
    in_days = replace(source, totals=replace(source.totals, members=members))
    for told, made in ((False, source), (True, in_days)):
        known, templates = overview(made), fragments(Path("site/templates"), {})
        nothing = SimpleNamespace(page=lambda *_: Markup(""), data=lambda *_: Markup(""))
        offer = Offer((), (), Markup(""), lambda record: Markup(""))
        jg1, above = (made.records.organisation.unit(ident) for ident in ("jg1", "sample-art"))
        assert jg1 is not None and above is not None
        front = home(made)
        rows = tuple(
            replace(row, attainment=Attainment(1), mean=row.mean or Decimal(1)) for row in front.rows
        )
        assert not any(row.others for row in front.rows), "of so few nothing is told"
        front = replace(front, rows=tuple(replace(row, others=int(told and row is rows[0])) for row in rows))
        for name, page in (
            ("branch", branch_report(made, known, jg1)),
            ("committee", committee(made, known, above)),
            ("home", front),
        ):
            template = templates.get_template(f"{name}.html")
            ways = SimpleNamespace(way=lambda _: Markup(""))
            html = template.render(page=page, links=nothing, offer=offer, offers=ways, edition="open")
            assert ("人均没有算入要求不以学时计的 1 人。" in html) == told, name
            assert ("人均没有算入要求不以学时计的人：教工第一党支部 1 人。" in html) == (
                told and name == "committee"
            )
        book = exports.export(made, exports.Scope("committee"), exports.year(ON.year))
        assert [one.others for one in book.branches] == [int(told), 0]


def test_a_requirement_whose_time_is_over_is_not_behind_on_a_members_page(school: School) -> None:
    """Such as one over somebody's first twelve months, which is told of until the year ends."""
    source = source_of(school.repo, ON)
    found = member_report(source, overview(source), source.people["m0012"])
    template = fragments(Path("site/templates"), {}).get_template("member.html")
    offer = Offer((), (), Markup(""), lambda record: Markup(""))
    links = SimpleNamespace(page=lambda *_: Markup(""))
    for until, words in ((ON, "未达标"), (date(2026, 11, 25), "进度滞后")):
        demand = replace(found.demands[0], standing=replace(found.demands[0].standing, until=until))
        page = replace(found, demands=(demand,))
        html = template.render(page=page, links=links, edition="open", offer=offer)
        assert f"</svg>{words}</span>" in html.split('id="requirements"')[1].split("</table>")[0]


def test_whoever_is_not_there_gets_no_empty_tables(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    files = committee_files()
    units = files["records/organisation.yaml"]
    assert units is not None
    extra = "units:\n  - {id: empty, kind: branch, parent: sample-art, name: 空支部}\n"
    files["records/organisation.yaml"] = units.replace(b"units:\n", extra.encode(), 1)
    files["records/empty/roster.yaml"] = render("roster", {"schema": "roster/1", "members": []})
    gone = {"id": "m0032", "name": "走的人", "periods": [{"from": "2024-01-01", "until": "2026-02-01", "status": "full"}]}  # fmt: skip
    roster = {"schema": "roster/1", "members": [person("m0012", "林样青"), gone]}
    files["records/jg1/roster.yaml"] = render("roster", roster)
    school.tip = ""
    school.repo.run("update-ref", "-d", "refs/heads/main")
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    made = built(school.repo, tmp_path / "site")
    empty, full = made.branch("empty"), made.branch("jg1")
    for told in ('id="members"', 'id="months"', 'id="ends"', "打印全支部登记表", "按还差的学时排列"):
        assert told in full and told not in empty, told
    assert "还没有党员。" in empty and "没有有要求的党员" not in empty
    assert 'id="requirements"' in made.member("m0012") and 'id="requirements"' not in made.member("m0032")


def test_reports_lead_to_the_bridge_without_anybodys_link(school: School, tmp_path: Path) -> None:
    bridge = "https://form.example.invalid"
    study = school.study()
    school.merge(school.propose(study))
    waits = school.propose(school.study(title="消防安全知识学习"))
    school.repo.update_refs([RefUpdate("refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CD1", waits, None)])
    for edition in ("open", "sealed"):
        wanted = publish.inputs(
            school.repo, "refs/heads/main", on=date(2026, 3, 9), secret=SECRET, edition=edition, bridge=bridge
        )
        publish.build(school.repo, wanted, tmp_path / edition)
    site = Site(school.repo, tmp_path / "open")
    home, member, branch = site.read(), site.member("m0012"), site.branch("jg1")
    assert f'href="{bridge}/me/register"' in home and f'href="{bridge}/me/report"' in home
    assert f'href="{bridge}/me/correct/{study.id}">更正这一条' in member
    assert f'href="{bridge}/me">看走到了哪一步' in member and f'href="{bridge}/me">我的登记' in member
    assert (
        f'href="{bridge}/me/desk">打开审核台' in branch
        and f'class="x-way" href="{bridge}/me/desk">去审核台' in branch
    )
    found = set(re.findall(re.escape(bridge) + r"([^\"<\s]*)", "".join(pages(site).values())))
    assert found == {"/me", "/me/register", "/me/report", "/me/desk", f"/me/correct/{study.id}"}
    sealed = Site(school.repo, tmp_path / "sealed")
    assert f'href="{bridge}/me/report"' in sealed.read("o") and f'{bridge}/me/register"' in sealed.read()


def test_what_a_report_lets_one_save_is_what_the_command_exports(site: Site, tmp_path: Path) -> None:
    for scope, kind, ident in (
        (["--member", "m0012"], "member", "m0012"),
        (["--branch", "jg1"], "branch", "jg1"),
        (["--all"], "committee", "sample-art"),
    ):
        folder = site.folder / address(SECRET, kind, ident)
        page = (folder / "index.html").read_text(encoding="utf-8")
        for form in ("xlsx", "csv"):
            told = CliRunner().invoke(
                main,
                ["export", "--repo", str(site.repo.path), *scope, "--period", "2026", "--at", ON.isoformat(), "--format", form,
                 "--output", str(tmp_path)],
            )  # fmt: skip
            assert told.exit_code == 0, told.output
            made = Path(told.output.rpartition("  ")[0])
            assert (folder / f"2026.{form}").read_bytes() == made.read_bytes()
            assert f'<a href="2026.{form}" download="{made.name}">' in page


def test_after_an_update_of_the_program_the_site_is_made_anew(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = publish.inputs(school.repo, "refs/heads/main", on=ON, secret=SECRET)
    before, shown = wanted.digest(), wanted.manifest()["program"]
    assert wanted.digest() == before
    shutil.copytree(Path(publish.__file__).parent / "reports", tmp_path / "reports")
    monkeypatch.setattr(publish, "_PACKAGE", tmp_path)
    publish._program.cache_clear()
    older = wanted.manifest()["program"]
    (tmp_path / "reports" / "home.py").write_text("# newer\n", encoding="utf-8")
    publish._program.cache_clear()
    assert len({shown, older, wanted.manifest()["program"]}) == 3 and wanted.digest() != before
    publish._program.cache_clear()


def test_a_wrong_address_of_the_bridge_is_told() -> None:
    for wrong in ("study.example.invalid", "javascript:alert(1)", 'https://x"onclick=', "https://a b"):
        with pytest.raises(UsageError, match="XUESHI_BRIDGE_URL"):
            publish.bridge_told({"XUESHI_BRIDGE_URL": wrong}, "")
    assert publish.bridge_told({}, "https://x.example/form/") == "https://x.example/form"
    assert publish.bridge_told({}, "") == ""


def test_what_the_check_says_stands_on_the_branch_page(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    for _ in range(2):
        school.merge(school.propose(school.study(title="消防安全知识学习")))
    findings = built(school.repo, tmp_path / "site").branch("jg1").split('id="findings"')[1]
    assert findings.count("请确认不是重复") == 1 and "林样青 3月1日《消防安全知识学习》" in findings


def test_polling_during_rebuilds_never_misses_a_page(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    study = school.study()
    school.merge(school.propose(study))
    made = built(school.repo, tmp_path / "site")
    where = tmp_path / "site" / address(SECRET, "member", "m0012") / "index.html"
    looks, missed, stop = [0], [], threading.Event()

    def poll() -> None:
        while not stop.is_set():
            try:
                assert "林样青" in where.read_text(encoding="utf-8")
            except (OSError, AssertionError) as error:
                missed.append(error)
            looks[0] += 1

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for day in range(1, 4):
            built(school.repo, made.folder, date(2026, 11, day))
    finally:
        stop.set()
        thread.join()
    assert missed == [] and looks[0] > 100


def test_a_build_killed_in_the_middle_leaves_the_old_site_and_is_made_again(
    school: School, tmp_path: Path, built: Callable[..., Site]
) -> None:
    made = built(school.repo, tmp_path / "site")
    before = made.folder.resolve()
    school.merge(school.propose(school.study()))
    run = [str(Path(sys.executable).parent / "xueshi"), "build", "--repo", str(school.repo.path)]
    run += ["--into", str(made.folder), "--on", "2026-11-24", "--rev", "main"]
    builds = made.folder.with_name("site.builds")
    env = {"XUESHI_SITE_SECRET": SECRET.hex(), "XUESHI_EDITION": "open", "PATH": "/usr/bin:/bin"}
    killed = subprocess.Popen(run, env=env, start_new_session=True)
    while not any(builds.glob("tmp-*/in/mkdocs.yml")):
        assert killed.poll() is None
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert any(builds.glob("tmp-*"))
    assert made.folder.resolve() == before and "林样青" in made.member("m0012")
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<b data-counted>2</b>" in made.member("m0012")
    assert not any(builds.glob("tmp-*"))


def test_plain_mkdocs_works_in_a_clone(tmp_path: Path, school: School) -> None:
    """`mkdocs build --strict` in an organisation's own clone, with nothing set: the sealed edition."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    for path, data in project.files().items():
        place = clone / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    run = [str(Path(sys.executable).parent / "mkdocs"), "build", "--strict", "--quiet"]
    done = subprocess.run(run, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "教工第一党支部" in (clone / "build" / "site" / "index.html").read_text(encoding="utf-8")
    made = clone / "build" / "site"
    assert (made / "o" / "index.html").is_file() and not (made / "m").exists()
    assert len(list((made / "s").rglob("*.bin"))) >= 5 + 5, "a page and a door for each member"
    shutil.rmtree(clone)
