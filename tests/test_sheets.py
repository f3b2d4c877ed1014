"""The study sheet: what the paper says agrees with the totals, whatever people wrote, and the same bytes each time."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pypdfium2
import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, person
from PIL import Image

from xueshi import pictures, records, sample, sheets, totals
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import Evidence
from xueshi.records import render, study_file
from xueshi.reports.sheet import content
from xueshi.reports.source import Source
from xueshi.sheets import GlyphsMissing, branch_sheet, glyphs, sheet
from xueshi.totals.sums import by_kind, whole
from xueshi.words import plain

ON = date(2026, 11, 24)

needs_fonts = pytest.mark.skipif(not sheets.installed(), reason="scripts/setup fonts fetches them")
pytestmark = needs_fonts


def source_of(repo: Repository, on: date = ON) -> Source:
    approved, history = records.load_approved(repo, "main")
    people = approved.people()
    return Source(
        approved,
        history,
        history.approvals(),
        totals.total(approved, approved.policy, history.approvals(), on),
        records.load_proposals(repo, "main"),
        {},
        people,
        {ident: found.name for ident, found in people.items()},
        lambda kind, ident: "",
        frozenset(),
    )


def pictures_of(repo: Repository) -> dict[str, bytes]:
    evidence = records.evidence_blobs(repo)
    blobs = repo.blobs(evidence.values())
    return {sha256: blobs[blob] for sha256, blob in evidence.items()}


@dataclass
class Paper:
    """A PDF as its reader meets it: the text of each page, runs of blanks as one space."""

    data: bytes

    def __post_init__(self) -> None:
        with pypdfium2.PdfDocument(self.data) as document:
            raw = [page.get_textpage().get_text_bounded() for page in document]
            self.shown = [page.render(scale=1).to_pil().convert("L") for page in document]
            self.subject = document.get_metadata_dict()
        self.pages = [" ".join(text.replace("\u200b", "").split()) for text in raw]

    @property
    def text(self) -> str:
        return " ".join(self.pages)

    @property
    def solid(self) -> str:
        """Without blanks: where a line breaks does not matter."""
        return "".join(self.text.split())


@dataclass
class Print:
    repo: Repository
    source: Source
    pictures: dict[str, bytes]

    def member(self, ident: str, year: int = 2026, **more: object) -> Paper:
        return Paper(sheet(self.source, self.pictures, ident, year, **more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Print:
    folder = tmp_path_factory.mktemp("sheets") / "host.git"
    made = sample.write(folder, members=24, records=110, seed=42, until=ON)
    return Print(made.repo, source_of(made.repo), pictures_of(made.repo))


def busiest(source: Source) -> str:
    return max(source.totals.members.values(), key=lambda m: len(m.credits)).person.id


def printed(school: School, on: date = ON) -> Print:
    return Print(school.repo, source_of(school.repo, on), {})


# --- figures


def test_the_sheet_says_what_the_totals_say(sampled: Print) -> None:
    for ident in list(sampled.source.people)[:8]:
        paper, figures = sampled.member(ident), sampled.source.totals.members[ident]
        counted = [c for c in figures.credits if c.state == "counted" and c.study.start_date.year == 2026]
        assert f"合计 {_hours(paper)}" in paper.text
        assert Decimal(_hours(paper)) == whole(figures.credits, 2026)
        for credit in counted:
            assert "".join(credit.study.title.split()) in paper.solid
        for kind, hours in by_kind(figures.credits, 2026).items():
            assert f"{sampled.source.kind(kind)} {plain(hours)}" in paper.text
        for standing in figures.standings:
            label = "".join(standing.requirement.label.split())
            assert f"{label}要求{plain(standing.target)}" in paper.solid
            assert (f"还差{plain(standing.short)}" in paper.solid) == bool(standing.short)


def _hours(paper: Paper) -> str:
    """The sum under the table."""
    found = re.search(r"合计 (?:\d+ 分 )?([\d.]+)", paper.text)
    assert found is not None
    return found[1]


def test_rows_and_sums_of_a_closed_year_are_those_of_its_last_day(school: School) -> None:
    old = school.study(hours="3", start_date=date(2025, 12, 30), title="上一年的学习")
    new = school.study(hours="2", title="今年的学习")
    for study in (old, new):
        school.merge(school.propose(study))
    source = printed(school).source
    figures = totals.total_of(
        source.records, source.records.policy, source.approvals, source.people["m0012"], date(2025, 12, 31)
    )
    year = figures.standing("year")
    made = content(source, source.people["m0012"], 2025)
    assert [row.title for row in made.rows] == ["上一年的学习"] and made.hours == "3"
    assert year is not None and made.demands[0].state == f"还差 {plain(year.short)} 学时"
    assert made.years == (("2024 年", "0"), ("2025 年", "3"))
    with pytest.raises(UsageError, match="2027 年还没有开始"):
        content(source, source.people["m0012"], 2027)


def test_minutes_are_summed_only_when_every_record_tells_them(school: School) -> None:
    def told(**more: object) -> tuple[str, str]:
        made = with_study(school, **more)
        shown = content(made.source, made.source.people["m0012"], 2026)
        return shown.rows[0].time, shown.time

    assert told(duration_minutes=90) == ("90 分", "90 分")
    assert told(start_time="14:00", end_time="15:30") == ("90 分", "90 分")
    assert told(end_date=date(2026, 3, 3), duration_minutes=None) == ("3 天", "")
    assert told() == ("2 学时", "")


def test_what_counts_less_is_told_by_its_row(school: School) -> None:
    for more in ({"kind": "online_self"}, {"hours": "10"}, {"kind": "online_self"}):
        school.merge(school.propose(school.study(**more)))
    notes = content(printed(school).source, printed(school).source.people["m0012"], 2026).notes
    assert "第 1、3 条为网络自学，按规则不计入学时。" in notes
    assert "第 2 条申报 10 学时，认定 8：超出上限：每人每天最多计 8 学时。" in notes


def test_a_study_over_new_year_is_on_both_sheets_with_its_share(school: School) -> None:
    made = with_study(school, start_date=date(2025, 12, 31), end_date=date(2026, 1, 1), hours=Decimal(12))
    for year, hours, other in ((2025, "8", "4"), (2026, "4", "8")):
        shown = content(made.source, made.source.people["m0012"], year)
        assert (shown.rows[0].date, shown.rows[0].hours, shown.hours) == (
            "2025-12-31\n至 2026-01-01",
            hours,
            hours,
        )
        assert f"第 1 条跨年，另有 {other} 学时计入其他年度。" in shown.notes


def test_only_what_was_approved_is_listed_unless_asked_otherwise(school: School) -> None:
    approved, pushed, waits = (school.study(title=title) for title in ("已通过的", "直接推送的", "还在等的"))
    school.merge(school.propose(approved))
    school.push({pushed.path: study_file(pushed)})
    head = school.propose(waits)
    school.repo.run("update-ref", f"refs/heads/sub/{waits.id}", head)
    source = printed(school).source
    person_of = source.people["m0012"]
    assert [row.title for row in content(source, person_of, 2026).rows] == ["已通过的"]
    made = content(source, person_of, 2026, pending=True)
    assert [(row.title, row.hours, row.result) for row in made.rows] == [
        ("已通过的", "2", "通过"),
        ("还在等的", "（2）", "待审核"),
    ]
    assert made.hours == "2" and made.notes[0] == "括号里的学时待审核，不计入合计。"


# --- pages


def test_a_branch_is_one_file_in_which_each_member_begins_anew(sampled: Print) -> None:
    unit = sampled.source.records.organisation.branches()[0]
    members = sheets.people_of(sampled.source, unit.id, 2026)
    paper = Paper(branch_sheet(sampled.source, sampled.pictures, unit.id, 2026))
    firsts = [page for page in paper.pages if "学习登记表" in page]
    assert len(firsts) == len(members) > 1
    for found, page in zip(members, firsts, strict=True):
        alone = sampled.member(found.id)
        assert f"姓名 {found.name}" in page and f"第 1 页 共 {len(alone.pages)} 页" in page
        start = paper.pages.index(page)
        assert paper.pages[start : start + len(alone.pages)] == alone.pages
    with pytest.raises(UsageError, match="没有编号为 'nowhere' 的支部"):
        branch_sheet(sampled.source, {}, "nowhere", 2026)


def test_a_long_table_repeats_its_header_and_splits_neither_rows_nor_signatures(school: School) -> None:
    for number in range(60):
        title = f"始{number:02}" + "，内容很多" * 9 + f"{number:02}末"
        content = "学得很认真。" * 40 + f"{number:02}完"
        school.merge(school.propose(school.study(hours="0.5", title=title, content=content)))
    for full in (False, True):
        paper = printed(school).member("m0012", full=full)
        pages = [page.replace(" ", "") for page in paper.pages]
        numbered = [found[1] for page in pages if (found := re.search(r"第(\d+)页共", page))]
        assert numbered == [str(number) for number in range(1, len(pages) + 1)] and len(pages) > 3
        assert all("序号学习日期学习类型学习内容" in page for page in pages if "内容很多" in page)
        for number in range(60):
            ends = [f"始{number:02}", f"{number:02}末", *([f"{number:02}完"] if full else [])]
            assert [sum(end in page for end in ends) for page in pages if ends[0] in page] == [len(ends)]
        signed = [page for page in pages if "本人签字" in page]
        assert len(signed) == 1 and "支部书记签字" in signed[0] and "党支部（盖章）年月日" in signed[0]


@pytest.mark.parametrize("number", [23, 25, 27, 29])
def test_signatures_stand_by_the_figures_they_sign(school: School, number: int) -> None:
    for _ in range(number):
        school.merge(school.propose(school.study(hours="0.5")))
    signed = [page for page in printed(school).member("m0012").pages if "本人签字" in page]
    assert len(signed) == 1 and "按类型" in signed[0] and "已认定" in signed[0]


def test_no_page_is_blank_and_ink_keeps_within_the_margins(sampled: Print) -> None:
    paper = sampled.member(busiest(sampled.source))
    for shown in paper.shown:
        assert shown.size in ((595, 842), (596, 842))
        ink = shown.point(lambda v: 255 if v < 200 else 0).getbbox()
        assert (
            ink is not None and ink[0] >= 69 and ink[2] <= 552 and ink[1] >= 48
        )  # 25, 16 and 18 mm in points
        assert sum(shown.histogram()[:128]) > 1000


def test_pictures_come_six_a_page_with_number_date_and_title(school: School) -> None:
    shots = [webp(shade) for shade in range(0, 140, 20)]
    kept = {evidence.sha256: data for evidence, data in shots}
    for title, some in (("第一次", shots[:3]), ("第二次", shots[3:6]), ("另一次", shots[6:])):
        study = school.study(title=title, evidence=tuple(evidence for evidence, _ in some))
        school.merge(school.propose(study))
    paper = Paper(sheet(printed(school).source, kept, "m0012", 2026))
    assert ["学习图片" in page for page in paper.pages] == [False, True, True]
    assert paper.pages[1].count("2026-03-01") == 6 and paper.pages[2].count("3 2026-03-01 另一次") == 1
    with pypdfium2.PdfDocument(paper.data) as document:
        assert [len(list(page.get_objects(filter=[3]))) for page in document] == [0, 6, 1]


def webp(shade: int) -> tuple[Evidence, bytes]:
    """A picture of ours in one grey, wider than high."""
    out = io.BytesIO()
    Image.new("L", (400, 300), shade).save(out, "PNG")
    made = pictures.clean(out.getvalue())
    return Evidence(made.sha256, made.source_sha256, len(made.data), made.width, made.height), made.data


def test_a_picture_that_is_gone_or_broken_is_told_in_its_place(school: School) -> None:
    (lost, _), (broken, _), (fine, data) = webp(10), webp(20), webp(30)
    school.merge(school.propose(school.study(evidence=(lost, broken, fine))))
    paper = Paper(
        sheet(printed(school).source, {broken.sha256: b"no picture", fine.sha256: data}, "m0012", 2026)
    )
    assert paper.pages[1].count("这张照片没有找到，或已删除") == 2 and paper.pages[1].count("2026-03-01") == 3


def test_the_code_leads_to_the_check_address(school: School) -> None:
    where = "https://study.example.invalid/m/abcdefghijklmnopqrstuvwxyz/"
    with_code, without = printed(school).member("m0012", check=where), printed(school).member("m0012")
    assert f"核对 {where}" in with_code.text and "核对" not in without.text
    box = (478, 300, 552, 842)  # the right column, beneath the tables
    dark = [sum(paper.shown[0].crop(box).histogram()[:64]) for paper in (with_code, without)]
    assert dark[0] > dark[1] + 1000


# --- hostile and rare text


HOSTILE = '#panic("x") \\ $x$ *b* [c] {d} <e> @f `g` // h /* i */ #sys.inputs ~ -- \\u{41}'


def test_what_people_write_is_never_read_as_markup(school: School) -> None:
    study = school.study(title=HOSTILE[:60], place='"; #read("/etc/passwd")', content=HOSTILE)
    school.merge(school.propose(study))
    paper = printed(school).member("m0012", full=True)
    for text in (HOSTILE[:60], '"; #read("/etc/passwd")', HOSTILE):
        assert "".join(text.split()) in paper.solid
    assert "root:" not in paper.text


def with_study(school: School, **more: object) -> Print:
    """A sheet of a record that no check let in."""
    study = school.study()
    school.merge(school.propose(study))
    made = printed(school)
    studies = {study.path: replace(study, **more)}
    changed = replace(made.source.records, studies=studies)
    figures = totals.total(changed, changed.policy, made.source.approvals, ON)
    return replace(made, source=replace(made.source, records=changed, totals=figures))


@pytest.mark.parametrize("text", ["很" * 5000, "w" * 5000, "学 习" * 1700, "a-b/c" * 1000])
def test_five_thousand_characters_stay_on_the_paper(school: School, text: str) -> None:
    made = with_study(school, title=text, place=text, content=text)
    paper = made.member("m0012", full=True)
    letters = set("".join(text.split()))
    shown = sum(paper.solid.count(letter) for letter in letters)
    wanted = 3 * sum("".join(text.split()).count(letter) for letter in letters)
    assert shown >= wanted
    for page in paper.shown:
        ink = page.point(lambda v: 255 if v < 200 else 0).getbbox()
        assert ink is not None and ink[2] <= 552 and ink[3] <= 815


def test_characters_that_nobody_sees_or_that_turn_text_are_left_out(school: School) -> None:
    made = with_study(
        school, title="党章\u202e学\u200b习\x07\x00\ufe0f\U000e0100\u2028专\u2066题", place="\u200f会议室"
    )
    row = content(made.source, made.source.people["m0012"], 2026).rows[0]
    assert (row.title, row.place) == ("党章学习 专题", "会议室")
    assert "党章学习 专题" in made.member("m0012").text


def named(school: School, name: str) -> Print:
    roster = {"schema": "roster/1", "members": [person("m0012", name)]}
    files = {**committee_files(), "records/jg1/roster.yaml": render("roster", roster)}
    school.repo.run("update-ref", "-d", "refs/heads/main")
    school.tip = ""
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    return printed(school)


def test_rare_characters_are_printed_and_can_be_copied(school: School) -> None:
    for name in ("欧阳旸", "林㛃", "覃𬭎"):
        assert f"姓名 {name}" in named(school, name).member("m0012").text


def test_a_character_without_a_glyph_is_told_and_never_left_out(school: School) -> None:
    made = named(school, "王𠮷")
    with pytest.raises(GlyphsMissing, match=r"王𠮷 姓名：𠮷（U\+20BB7）") as raised:
        made.member("m0012")
    assert [missing.character for missing in raised.value.missing] == ["𠮷"]
    paper = made.member("m0012", allow_missing=True)
    assert "姓名 王〓" in paper.text and "〓 代替了字体里没有的字：U+20BB7" in paper.text


def test_missing_glyphs_are_told_with_their_record(school: School) -> None:
    made = with_study(school, title="学习📚", place="🏫")
    study = next(iter(made.source.records.studies.values()))
    with pytest.raises(GlyphsMissing) as raised:
        made.member("m0012")
    assert [m.where for m in raised.value.missing] == [f"林样青 第 1 条（记录 {study.id}）"] * 2
    assert "📚（U+1F4DA）" in str(raised.value) and "--allow-missing" in str(raised.value)


def test_without_fonts_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="scripts/setup fonts"):
        glyphs.fonts(folder=tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="里没有字体文件"):
        glyphs.fonts(tmp_path / "empty", folder=tmp_path)
    assert glyphs.fonts(glyphs.FOLDER, folder=tmp_path).families == ("Noto Serif SC",)


# --- bytes and the door


def test_the_same_records_give_the_same_tagged_bytes(sampled: Print) -> None:
    ident = busiest(sampled.source)
    once, again = (
        sheet(sampled.source, sampled.pictures, ident, 2026, check="https://x.invalid/") for _ in range(2)
    )
    assert once == again
    assert b"/MarkInfo" in once and b"pdfuaid" in once and b"zh" in once
    made = sampled.source.history.at.strftime("%Y")
    assert Paper(once).subject["CreationDate"].startswith(f"D:{made}")


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["sheet", *args])
    return result.exit_code, result.output


def test_the_command_writes_the_sheet(sampled: Print, tmp_path: Path) -> None:
    repo, ident = str(sampled.repo.path), busiest(sampled.source)
    common = ("--repo", repo, "--rev", "main", "--year", "2026", "--at", ON.isoformat())
    place = tmp_path / "one.pdf"
    code, out = run(*common, "--member", ident, "--output", str(place))
    assert code == 0 and out.startswith(str(place))
    assert place.read_bytes() == sheet(sampled.source, sampled.pictures, ident, 2026)
    branch = sampled.source.totals.members[ident].branch or ""
    code, _ = run(*common, "--branch", branch, "--pending", "--output", str(tmp_path))
    assert code == 0 and (tmp_path / f"学习登记表_{branch}_2026.pdf").read_bytes()[:5] == b"%PDF-"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "二选一"),
        (("--member", "m0012", "--branch", "jg1"), "二选一"),
        (("--member", "nobody"), "名册上没有编号为 'nobody' 的人"),
        (("--branch", "nowhere"), "没有编号为 'nowhere' 的支部"),
        (("--member", "m0012", "--year", "2199"), "2199 年还没有开始"),
    ],
)
def test_the_command_says_what_is_wrong(
    school: School, tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    code, out = run(
        "--repo", str(school.repo.path), "--rev", "main", "--output", str(tmp_path / "x.pdf"), *args
    )
    assert code == 2 and words in out and not (tmp_path / "x.pdf").exists()
