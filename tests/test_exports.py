"""Files to keep: the figures are the totals, no text becomes a formula or markup, the same input gives the same bytes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import generate
import pytest
from browser import chromium
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, figures, person
from python_calamine import CalamineWorkbook

from xueshi import exports, project, records, sample, sources
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.exports import Export, Scope, text, xlsx
from xueshi.exports.tables import Table, details
from xueshi.git import RefUpdate, Repository, init_bare
from xueshi.model import Evidence
from xueshi.records import render
from xueshi.reports.source import Source
from xueshi.tables import totals_data
from xueshi.words import plain

ON = date(2026, 11, 24)
EVERYBODY, JG1 = Scope("committee"), Scope("branch", "jg1")
YEAR = exports.year(ON.year)


def source_of(repo: Repository, on: date = ON) -> Source:
    commit = repo.resolve("main")
    assert commit is not None
    return sources.read(repo, commit, on, histories=True, judged=True)


def read(data: bytes) -> dict[str, list[list[Any]]]:
    """The sheets of a workbook by name, with their title and heads."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def column(rows: list[list[Any]], head: str) -> list[Any]:
    """The values below a head, without the line of sums."""
    place = rows[1].index(head)
    return [row[place] for row in rows[2:-1]]


def summed(rows: list[list[Any]], head: str) -> Decimal:
    assert rows[-1][0] == "合计"
    return Decimal(str(rows[-1][rows[1].index(head)]))


def total_of(values: list[Any]) -> Decimal:
    return sum((Decimal(str(value)) for value in values if value != ""), Decimal(0))


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_what_the_query_page_saves_has_the_same_names(school: School) -> None:
    template = (project.root() / "site" / "templates" / "query.html").read_text(encoding="utf-8")
    found = re.search(r'"columns": _\("([^"]*)"\)', template)
    assert found is not None
    ours = {column.head for column in details(exports.export(source_of(school.repo), JG1, YEAR)).columns}
    assert set(found[1].split(",")) - ours == {"结束日期", "照片数"}, "only what the other file has not"


# --- figures


@pytest.mark.parametrize("seed", range(6))
def test_figures_are_the_totals(tmp_path: Path, seed: int) -> None:
    days = generate.write(tmp_path / "made.git", seed)
    repo = Repository(tmp_path / "made.git")
    for on in days[-2:]:
        source, now = source_of(repo, on), figures(repo, on)
        told = totals_data(source.records, now, branch=None, member=None)
        book = read(exports.workbook(exports.export(source, EVERYBODY, exports.year(on.year))))
        listed = dict(zip(column(book["汇总"], "党员编号"), book["汇总"][2:-1], strict=True))
        heads = book["汇总"][1]
        for ident, member in now.members.items():
            year = member.standing("year")
            if member.branch and year:
                assert Decimal(str(listed[ident][heads.index(f"{on.year}年已计入")])) == year.counted
        hours = f"{on.year}年度认定学时"
        branches = source.records.organisation.branches()  # their names may be the same
        for unit, value in zip(branches, column(book["支部汇总"], hours), strict=False):
            assert Decimal(str(value)) == Decimal(told["branches"][unit.id])
        assert len(column(book["支部汇总"], hours)) >= len(branches)
        sums = {summed(book[name], head) for name, head in (("明细", "认定学时"), ("汇总", hours))}
        assert sums == {summed(book["支部汇总"], hours)} == {total_of(column(book["明细"], "认定学时"))}


@pytest.mark.parametrize("seed", range(6, 9))
def test_a_branchs_people_and_records_agree_and_make_up_the_whole(tmp_path: Path, seed: int) -> None:
    on = generate.write(tmp_path / "made.git", seed)[-1]
    source = source_of(Repository(tmp_path / "made.git"), on)
    everything = exports.export(source, EVERYBODY, exports.everything())
    branches = {unit.id for unit in source.records.organisation.branches()}
    for branch in branches:
        made = exports.export(source, Scope("branch", branch), exports.everything())
        hours = sum(d.credited for d in made.details)
        assert hours == sum(p.here for p in made.people)
        assert hours == sum(d.credited for d in everything.details if d.study.branch == branch)
    for ident, member in source.totals.members.items():
        made = exports.export(source, Scope("member", ident), exports.everything())
        assert made.people[0].counted == made.people[0].here == member.hours(date.min, date.max)


def test_a_year_that_is_over_is_told_as_of_its_last_day(tmp_path: Path) -> None:
    generate.write(tmp_path / "made.git", 3)
    repo = Repository(tmp_path / "made.git")
    source, then = source_of(repo, date(2027, 3, 1)), figures(repo, date(2025, 12, 31))
    for scope in (EVERYBODY, *(Scope("branch", u.id) for u in source.records.organisation.branches())):
        made = exports.export(source, scope, exports.year(2025))
        assert made.day == date(2025, 12, 31) and made.on == date(2027, 3, 1)
        found = {p.id: p for p in made.people if p.branch}
        members = [m for m in then.members.values() if m.branch and scope.branch in (None, m.branch)]
        assert found.keys() == {m.person.id for m in members}
        for m in members:
            assert found[m.person.id].year == m.standing("year")
            assert found[m.person.id].counted == m.hours(date(2025, 1, 1), date(2026, 1, 1))


def test_of_an_ended_year_nobody_is_told_to_be_behind(school: School) -> None:
    school.merge(school.propose(school.study(start_date=date(2025, 3, 1))))
    source, over = source_of(school.repo), exports.year(2025)
    then = read(exports.workbook(exports.export(source, EVERYBODY, over)))
    assert set(column(then["汇总"], "2025年达标情况")) == {"未达标"}
    assert set(column(then["汇总"], "五年达标情况")) == {"进度滞后"}, "the plan goes on"
    heads = then["支部汇总"][1]
    assert not {"接近", "进行中", "进度滞后"} & set(heads)
    assert summed(then["支部汇总"], "未达标") == summed(then["支部汇总"], "2025年有要求（人）") == 5
    now = read(exports.workbook(exports.export(source, EVERYBODY, exports.year(2026))))
    assert "进度滞后" in column(now["汇总"], "2026年达标情况") and "未达标" not in now["支部汇总"][1]
    # Figures as of a day within a year are those of a year that still ran.
    half = exports.export(source, EVERYBODY, exports.between(date(2025, 1, 1), date(2025, 6, 30)))
    assert not half.is_year_over and {half.stands(p.year) for p in half.people if p.year} == {"进度滞后"}
    last = exports.export(source_of(school.repo, date(2026, 12, 31)), EVERYBODY, exports.year(2026))
    assert not last.is_year_over, "its last day still runs"
    own = exports.export(source, Scope("member", "m0012"), over)
    with zipfile.ZipFile(io.BytesIO(exports.archive(source, own, _files(source, own), {}))) as packed:
        page = packed.read("index.html").decode()
    assert "未达标" in page.split("<h2>记录</h2>")[0]


def _files(source: Source, made: Export) -> dict[str, bytes]:
    return dict.fromkeys(exports.needs(source, made).files, b"")


def test_a_study_over_new_year_is_split_and_the_rest_is_told(school: School) -> None:
    study = replace(school.study(hours="12", start_date=date(2025, 12, 31)), end_date=date(2026, 1, 1))
    school.merge(school.propose(study))
    source = source_of(school.repo)
    for number, hours in ((2025, 8), (2026, 4)):
        (detail,) = exports.export(source, JG1, exports.year(number)).details
        assert detail.credited == hours and f"另有 {12 - hours} 学时算在这段时间以外" in detail.remark
    span = exports.between(date(2025, 12, 31), date(2026, 1, 1))
    assert [d.credited for d in exports.export(source, JG1, span).details] == [12]


def test_what_is_not_counted_says_why(school: School) -> None:
    approved, pushed, waits = (
        school.study(hours="9"),
        school.study(title="直接推送"),
        school.study(title="待审"),
    )
    school.merge(school.propose(approved))
    school.push({pushed.path: records.study_file(pushed)})
    school.repo.update_refs([RefUpdate(f"refs/heads/sub/{waits.id}", school.propose(waits), None)])
    made = exports.export(source_of(school.repo), JG1, exports.year(2026))
    told = {d.study.id: (d.state, d.credited, d.remark) for d in made.details}
    assert told[approved.id][:2] == ("counted", 8) and "超出上限" in told[approved.id][2]
    assert told[pushed.id] == ("unapproved", 0, "没有有效的审核：不是通过合并进入的")
    assert told[waits.id] == ("waiting", 0, "等待审核，没有计入")
    notes = {note.head: note.text for note in made.notes}
    assert notes["待审核"] == "1 条，申报 2 学时，都没有计入。" and school.tip in notes["数据"]
    assert any("至少 32 学时" in note.text for note in made.notes)


def test_a_range_that_cannot_be_is_refused(school: School) -> None:
    source = source_of(school.repo)
    for text_, words in (("2027", "还没有开始"), ("soon", "不认识的期间")):
        with pytest.raises(UsageError, match=words):
            exports.export(source, EVERYBODY, exports.named(text_, source.records.policy))
    with pytest.raises(UsageError, match="早于开始日期"):
        exports.between(date(2026, 3, 2), date(2026, 3, 1))
    for scope in (Scope("member", "m9999"), Scope("branch", "nope")):
        with pytest.raises(UsageError, match="没有编号"):
            exports.export(source, scope, exports.everything())


def test_an_empty_branch_has_a_file(school: School) -> None:
    book = read(
        exports.workbook(exports.export(source_of(school.repo), Scope("branch", "yjs"), exports.year(2026)))
    )
    assert book["明细"][-1][0] == "合计" and len(book["明细"]) == 3
    assert column(book["汇总"], "姓名") == ["覃演禾", "王演"]


# --- texts

HOSTILE = ("=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1+1", "\r=1+1", " =cmd|'/C calc'!A0", "＝1+1", "<r><t>x</t></r>",
           "</t></si></sst>", '"><script>window.hit=1</script>', "_x0041_", "{=1}", "'=1", "𠮷&<>\"'")  # fmt: skip


@pytest.fixture(params=range(len(HOSTILE)))
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Source]:
    """A repository in which every text that a person can type is the hostile one."""
    nasty = HOSTILE[request.param]
    files = committee_files()
    people = [person("m0012", nasty), person("m0003", "韦测宁"), person("m0005", "罗例言")]
    files["records/jg1/roster.yaml"] = render("roster", {"schema": "roster/1", "members": people})
    organisation = files["records/organisation.yaml"]
    assert organisation is not None
    quoted = (
        nasty.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\r", "\\r").encode()
    )
    organisation = organisation.replace("教工第一党支部".encode(), b"@@").replace(b'"@@"', b"@@")
    files["records/organisation.yaml"] = organisation.replace(b"@@", b'"' + quoted + b'"')
    school = School(init_bare(tmp_path / "school.git"))
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    study = replace(
        school.study(), title=nasty, content=nasty, organiser=nasty, place=nasty, reflection=nasty, note=nasty
    )
    school.merge(school.propose(study))
    return nasty, source_of(school.repo)


def test_no_text_becomes_a_formula_or_markup(hostile: tuple[str, Source]) -> None:
    nasty, source = hostile
    made = exports.export(source, JG1, exports.year(2026))
    assert [d.study.title for d in made.details] == [nasty]
    data = exports.workbook(made)
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "/worksheets/" in name]
    assert len(sheets) == 3 and not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    shown, book = text.cell(nasty), read(data)
    for head in ("党支部", "姓名", "学习内容", "主办单位", "学习地点", "内容详述"):
        assert [value.strip() for value in column(book["明细"], head)] == [shown.strip()], head
    assert shown.strip() in [value.strip() for value in column(book["汇总"], "姓名")]
    (row,) = rows_of(exports.lines(made))
    for head in ("党支部", "姓名", "学习内容", "主办单位", "学习地点", "内容详述"):
        assert row[head] == text.defused(shown) and not row[head].lstrip().startswith(tuple("=+-@＝\t\r"))


def test_long_and_odd_texts_are_whole_or_say_what_is_missing() -> None:
    assert text.cell("学" * 5000) == "学" * 5000
    assert text.cell("a\rb") == "a\nb" and text.cell("a\tb\nc") == "a\tb\nc"
    odd = text.cell("a\x00b\ud800c\ufffed\r\ne\U0002cb4e")
    assert odd == "abcd\ne\U0002cb4e［略去 3 个无法显示的字符］"
    long = text.cell("𠮷" * 20_000)
    assert len(long.encode("utf-16-le")) // 2 <= text.CELL and "原文 20000 字" in long
    assert long.encode() and long.startswith("𠮷" * 16_000)


def test_a_record_of_5000_characters_and_rare_names_come_back(school: School) -> None:
    content = "学习内容𠮷" * 1000
    study = replace(school.study(), content=content, place="𬭎㛃旸")
    school.merge(school.propose(study))
    made = exports.export(source_of(school.repo), JG1, exports.year(2026))
    book = read(exports.workbook(made))
    assert column(book["明细"], "内容详述") == [content] and column(book["明细"], "学习地点") == ["𬭎㛃旸"]
    assert column(book["明细"], "学习日期") == [date(2026, 3, 1)] and column(book["明细"], "记录编号") == [
        study.id
    ]
    assert rows_of(exports.lines(made))[0]["内容详述"] == content


def test_csv_is_for_excel_in_chinese(school: School) -> None:
    school.merge(school.propose(school.study()))
    made = exports.export(source_of(school.repo), JG1, exports.year(2026))
    data = exports.lines(made)
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\n") == data.count(b"\r\n") == 2
    assert list(rows_of(data)[0]) == [c.head for c in details(made).columns]
    assert rows_of(data)[0]["学习日期"] == "2026-03-01"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("示例大学", "示例大学"), ("../../etc/passwd", "etc-passwd"), ("a\\b:c*d?e", "a-b-c-d-e"), ("CON", "CON-"), ("aux.txt", "aux.txt-"),
        ("com¹", "com¹-"), ("名\u202e字\x00\n", "名字"), ("...", "未命名"), ("", "未命名"), ("尾 . .", "尾"), ("𠮷" * 50, "𠮷" * 18),
    ],
)  # fmt: skip
def test_file_names_are_safe(name: str, safe: str) -> None:
    assert text.file_part(name) == safe


def test_a_file_is_called_as_people_expect(school: School) -> None:
    source = source_of(school.repo)
    named = exports.file_name(exports.export(source, EVERYBODY, exports.year(2026)), "xlsx")
    assert named == "示例大学艺术学院党委_党员学时汇总_2026年度_20261124.xlsx"
    made = exports.export(source, Scope("member", "m0012"), exports.plan(source.records.policy))
    assert exports.file_name(made, "zip") == (
        "示例大学艺术学院党委_林样青_m0012_学习档案_2024-2028五年规划_20261124.zip"
    )
    long = replace(made, organisation="学" * 60, name="𠮷" * 40, scope=Scope("member", "m" * 32))
    assert len(exports.file_name(long, "xlsx").encode()) <= 255


def test_more_rows_than_a_sheet_has_are_refused() -> None:
    with pytest.raises(UsageError, match="超过 Excel 一张表的 1048576 行"):
        xlsx._refuse_too_long(Table("明细", (), ((),) * (xlsx.ROWS - 2), ()))


# --- the archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Export, bytes, Path]]:
    folder = tmp_path_factory.mktemp("archive")
    made = sample.write(folder / "school.git", members=42, records=110, seed=42, until=ON)
    source = source_of(made.repo)
    export = exports.export(source, Scope("branch", made.branch), exports.everything())
    data = zipped(made.repo, source, export)
    (folder / "out").mkdir()
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        found.extractall(folder / "out")
    yield export, data, folder / "out"


def zipped(repo: Repository, source: Source, export: Export, leave_out: str = "") -> bytes:
    wanted, evidence = exports.needs(source, export), records.evidence_blobs(repo)
    blobs = repo.blobs([*wanted.files.values(), *evidence.values()])
    files = {path: blobs[blob] for path, blob in wanted.files.items()}
    pictures = {sha: blobs[evidence[sha]] for sha in wanted.pictures if sha in evidence and sha != leave_out}
    return exports.archive(source, export, files, pictures)


def test_an_archive_opens_without_a_network_and_runs_nothing(archive: tuple[Export, bytes, Path]) -> None:
    export, _, folder = archive
    asked: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((folder / "index.html").as_uri())
        shown = page.locator("article h3").all_inner_texts()
        assert len(shown) == len(export.details) > 50
        assert all(d.study.title in line for d, line in zip(export.details, shown, strict=True))
        assert page.locator("[data-total]").inner_text() == plain(
            sum((d.credited for d in export.details), Decimal(0))
        )
        images = page.locator("img")
        assert images.count() > 3
        for number in range(images.count()):
            images.nth(number).scroll_into_view_if_needed()
            images.nth(number).evaluate("image => image.decode()")  # raises for one that does not show
        assert page.locator("script").count() == 0
        assert page.evaluate("getComputedStyle(document.querySelector('h2')).borderBottomWidth") == "2px"
    assert asked and all(url.startswith("file://") for url in asked)


def test_an_archive_holds_the_records_as_they_are(archive: tuple[Export, bytes, Path]) -> None:
    export, data, folder = archive
    on_main = [d for d in export.details if d.state != "waiting"]
    for detail in on_main:
        kept = (folder / detail.study.path).read_bytes()
        assert records.parse_file(detail.study.path, kept).value == detail.study
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        entries = found.infolist()
    assert [e.filename for e in entries] == sorted(e.filename for e in entries)
    stamp = export.at.replace(tzinfo=None)
    assert {e.date_time[:5] for e in entries} == {
        (stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute)
    }
    assert all(e.flag_bits & 0x800 for e in entries if not e.filename.isascii())
    book = next(folder.glob("*.xlsx")).read_bytes()
    assert book == exports.workbook(export)
    readme = (folder / "README.txt").read_bytes()
    assert readme.startswith(b"\xef\xbb\xbf") and readme.count(b"\n") == readme.count(b"\r\n") > 5


def test_a_missing_picture_and_hostile_text_are_told_on_the_page(school: School) -> None:
    lost = Evidence("ab" * 32, "cd" * 32, 900, 40, 30)
    study = school.study(
        title="<img src=x onerror='window.hit=1'>", content="</dd><script>window.hit=1</script>"
    )
    study = replace(study, evidence=(lost,))
    school.merge(school.propose(study))
    source = source_of(school.repo)
    made = exports.export(source, Scope("member", "m0012"), exports.year(2026))
    with zipfile.ZipFile(io.BytesIO(zipped(school.repo, source, made))) as found:
        page = found.read("index.html").decode()
        assert "缺少 1 张照片" in found.read("README.txt").decode()
    assert "缺失" in page and "abababababab" in page
    assert "<script" not in page and "<img" not in page


def test_a_branch_called_like_a_device_is_renamed_for_windows(school: School) -> None:
    files = committee_files()
    renamed = {
        path.replace("jg1", "con"): (data or b"").replace(b"jg1", b"con") for path, data in files.items()
    }
    school.push({**renamed, "records/jg1/roster.yaml": None})
    study = school.study(branch="con")
    school.merge(school.propose(study))
    source = source_of(school.repo)
    span = exports.year(2026)
    made = exports.export(source, Scope("member", "m0012"), span)
    with zipfile.ZipFile(io.BytesIO(zipped(school.repo, source, made))) as found:
        assert f"records/con-/2026/{study.id}.yaml" in found.namelist()


def test_the_whole_organisation_has_no_archive(school: School) -> None:
    source = source_of(school.repo)
    with pytest.raises(UsageError, match="按人或按支部"):
        exports.archive(source, exports.export(source, EVERYBODY, exports.year(2026)), {}, {})


# --- bytes


def test_the_same_input_gives_the_same_bytes_as_old_as_the_commit(tmp_path: Path) -> None:
    made = sample.write(tmp_path / "school.git", members=12, records=60, seed=1, until=ON)
    scope, span = Scope("branch", made.branch), exports.year(2026)
    results = []
    for _ in range(2):
        source = source_of(made.repo)
        export = exports.export(source, scope, span)
        results.append([exports.workbook(export), exports.lines(export), zipped(made.repo, source, export)])
    assert results[0] == results[1]
    with zipfile.ZipFile(io.BytesIO(results[0][0])) as parts:
        core = parts.read("docProps/core.xml").decode()
        assert {entry.date_time for entry in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    stamps = re.findall(r">(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)<", core)
    assert stamps == [f"{export.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"] * 2


# --- the command


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["export", *args])
    return result.exit_code, result.output


def test_the_command_writes_what_the_functions_make(school: School, tmp_path: Path) -> None:
    school.merge(school.propose(school.study()))
    repo, at = str(school.repo.path), "2026-11-24"
    source = source_of(school.repo)
    for args, scope in ((("--all",), EVERYBODY), (("--branch", "jg1"), JG1), (("--member", "m0012"), Scope("member", "m0012"))):  # fmt: skip
        made = exports.export(source, scope, exports.year(2026))
        for form, make in (("xlsx", exports.workbook), ("csv", exports.lines)):
            code, out = run(*args, "--repo", repo, "--rev", "main", "--at", at, "--period", "2026", "--format", form, "--output", str(tmp_path))  # fmt: skip
            place = tmp_path / exports.file_name(made, form)
            assert code == 0 and str(place) in out and place.read_bytes() == make(made)
    place = tmp_path / "mine.zip"
    code, _ = run("--member", "m0012", "--repo", repo, "--rev", "main", "--at", at, "--format", "zip", "--output", str(place))  # fmt: skip
    assert code == 0 and place.read_bytes() == zipped(school.repo, source, made)
    first, last = ON - timedelta(400), ON
    code, out = run("--all", "--repo", repo, "--rev", "main", "--at", at, "--from", str(first), "--to", str(last), "--output", str(tmp_path))  # fmt: skip
    assert code == 0 and f"{first}至{last}" in out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "三选一"),
        (("--all", "--member", "m0012"), "三选一"),
        (("--branch", "nope"), "没有编号 'nope' 的党支部；有：jg1、yjs"),
        (("--member", "m9999"), "名册上没有编号"),
        (("--all", "--period", "soon"), "不认识的期间"),
        (("--all", "--from", "2026-01-01"), "要一起写"),
        (("--all", "--format", "zip"), "按人或按支部"),
        (("--all", "--output", "/nowhere/at/all.xlsx"), "写不到"),
    ],
)
def test_the_command_says_what_is_wrong(school: School, args: tuple[str, ...], words: str) -> None:
    code, out = run(*args, "--repo", str(school.repo.path), "--rev", "main")
    assert code == 2 and words in out
