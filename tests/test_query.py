"""The query page, in Chromium, of both editions: it finds what the command finds, and tells nobody else."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlencode

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import chromium, forget, show
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, figures, person
from playwright.sync_api import Browser, BrowserContext, Page, expect
from python_calamine import CalamineWorkbook

from xueshi import publish, records, sample, totals
from xueshi.builder import Builder
from xueshi.cli import main
from xueshi.git import Repository
from xueshi.model import OFFICER, Reader
from xueshi.records import render
from xueshi.reports.address import address
from xueshi.reports.query import Asked, is_called, matching, rows, spoken
from xueshi.reports.query_page import MOST, _parts
from xueshi.sealing import Keyring, access, link_fragment
from xueshi.words import plain

ON = date(2026, 11, 24)
SECRET = bytes(range(32))
SITE = Path(__file__).parent.parent / "site"
SCRIPTS = ("query.js", "query-find.js", "query-files.js", "query-data.js", "query-page.js")
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
WECHAT = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.50"


@dataclass
class Served:
    """A repository and its site on loopback; `asked` grows by every path that is requested."""

    repo: Repository
    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def page(self, unit: str, **query: str) -> str:
        return f"{self.url}/{address(SECRET, 'query', unit)}?{urlencode(query)}"


@contextmanager
def served(repo: Repository, into: Path, edition: str, builder: Builder) -> Iterator[Served]:
    wanted = publish.inputs(repo, "refs/heads/main", on=ON, secret=SECRET, edition=edition)
    publish.build(repo, wanted, into, builder)
    site = Served(repo, into.resolve())

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site.folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def school_of_400(tmp_path_factory: pytest.TempPathFactory) -> sample.Sample:
    folder = tmp_path_factory.mktemp("query")
    return sample.write(folder / "school.git", members=42, records=400, seed=7, until=ON)


@pytest.fixture(scope="module")
def site(
    school_of_400: sample.Sample, tmp_path_factory: pytest.TempPathFactory, builder: Builder
) -> Iterator[Served]:
    with served(school_of_400.repo, tmp_path_factory.mktemp("open") / "site", "open", builder) as found:
        yield found


@pytest.fixture(scope="module")
def sealed(
    school_of_400: sample.Sample, tmp_path_factory: pytest.TempPathFactory, builder: Builder
) -> Iterator[Served]:
    with served(school_of_400.repo, tmp_path_factory.mktemp("sealed") / "site", "sealed", builder) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def faults() -> list[str]:
    """What a script failed of, or what a policy refused; it fails the test."""
    return []


def watched(browser: Browser, faults: list[str], **more: object) -> BrowserContext:
    told = {"viewport": WIDE, "locale": "zh-CN", **more}
    context = browser.new_context(**told)  # type: ignore[arg-type]
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on(
        "console",
        lambda said: faults.append(said.text) if said.type == "error" and "Policy" in said.text else None,
    )
    return context


def none(faults: list[str]) -> None:
    told = [*faults]
    faults.clear()
    assert told == []


@pytest.fixture
def open_context(browser: Browser, faults: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts."""
    made: list[BrowserContext] = []

    def make(**more: object) -> BrowserContext:
        made.append(watched(browser, faults, **more))
        return made[-1]

    yield make
    for context in made:
        context.close()
    none(faults)


@pytest.fixture(scope="module")
def window(browser: Browser, faults: list[str]) -> Iterator[BrowserContext]:
    with closing(watched(browser, faults)) as context:
        yield context


@pytest.fixture
def page(window: BrowserContext, faults: list[str]) -> Iterator[Page]:
    """A page of its own in a window that such tests share: the next one finds nothing kept but what was loaded."""
    page = window.new_page()
    yield page
    forget(page)
    page.close()
    window.clear_permissions()
    none(faults)


def arrived(page: Page) -> None:
    """All has come and is shown: enough after what is answered at once, as opening a page or pressing a button."""
    expect(page.locator(".q-table[aria-busy=false]")).to_be_attached()


def settled(page: Page) -> None:
    """The same after typing and choosing, which the page lets somebody end."""
    page.wait_for_timeout(250)
    arrived(page)


def ids(page: Page) -> list[str]:
    """Every record that the page has found, all of them made visible by the button that shows more."""
    arrived(page)
    found: list[str] = page.get_by_role("button", name="显示更多", include_hidden=True).evaluate(
        """more => { while (more.checkVisibility()) more.click();
        return [...document.querySelectorAll('tr[data-record]')].map(tr => tr.dataset.record); }"""
    )
    return found


def command(repo: Repository, **asked: str) -> list[str]:
    """What `xueshi query` finds; conditions as the page's address names them."""
    told = [word for name, value in asked.items() if value for word in (f"--{name}", value)]
    run = ["query", "--repo", str(repo.path), "--rev", "main", "--at", ON.isoformat(), "--format", "ids"]
    result = CliRunner().invoke(main, [*run, *told])
    assert result.exit_code == 0, result.output
    return result.output.split()


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For many commands of one revision and day: it is read, and added up, for the first of them."""

    def once(function: Callable[..., object]) -> Callable[..., object]:
        made: list[object] = []

        def answer(*given: object) -> object:
            made[:] = made or [function(*given)]
            return made[0]

        return answer

    monkeypatch.setattr(records, "load_approved", once(records.load_approved))
    monkeypatch.setattr(records, "load_proposals", once(records.load_proposals))
    monkeypatch.setattr(totals, "total", once(totals.total))


EVERYTHING = {"from": "", "to": ""}
QUERIES: list[dict[str, str]] = [
    {},
    {"name": "lyq"},
    {"name": "qin"},
    {"name": "TAN"},
    {"name": "韦"},
    {"name": "yang"},
    {"name": "m0012"},
    {"name": "林 样青", "state": "waiting"},
    {"branch": "yjs", "kind": "theme_day"},
    {"kind": "lecture", "from": "2026-09-01", "to": "2026-10-31"},
    {"text": "学习 安全"},
    {"text": "ＰＰＴ"},
    {"text": "：", "min": "1.5", "max": "2"},
    {"min": "0.25", "state": "counted", "branch": "jg1"},
    {"max": "0"},
    {"state": "unapproved"},
    {"state": "void"},
    {"name": "nobody"},
]


def invented_queries(repo: Repository, number: int) -> Iterator[dict[str, str]]:
    """Conditions put together from what the records hold."""
    rng, approved = random.Random(5), records.load_approved(repo, "main")[0]
    studies, people = list(approved.studies.values()), approved.people()
    for _ in range(number):
        study, other = rng.choice(studies), rng.choice(studies)
        days = sorted((study.start_date, other.start_date))
        start = rng.randrange(len(study.title))
        offered = {
            "name": rng.choice([people[study.member].name, people[study.member].name[0], "w", "li"]),
            "branch": study.branch,
            "kind": study.kind,
            "from": days[0].isoformat(),
            "to": days[1].isoformat(),
            "min": plain(min(study.hours, other.hours)),
            "max": plain(max(study.hours, other.hours)),
            "text": study.title[start : start + 3],
            "state": rng.choice(["counted", "waiting"]),
        }
        yield {name: offered[name] for name in rng.sample(sorted(offered), rng.randint(1, 4))}


@pytest.mark.usefixtures("read_once")
def test_the_page_finds_what_the_command_finds(site: Served, page: Page) -> None:
    sizes = []
    for query in [*QUERIES, *invented_queries(site.repo, 25)]:
        page.goto(site.page("sample-art", **{**EVERYTHING, **query}))
        expected = command(site.repo, **query)
        assert ids(page) == expected, query
        sizes.append(len(expected))
    assert sizes[0] > 300 and sum(1 for size in sizes if 0 < size < sizes[0]) > 20


def test_a_branchs_page_finds_its_records_alone(site: Served, page: Page) -> None:
    page.goto(site.page("jg1", **EVERYTHING))
    assert ids(page) == command(site.repo, branch="jg1") != command(site.repo)
    expect(page.get_by_label("支部", exact=True)).to_have_count(0)


def test_sums_are_those_of_the_records_and_what_waits_is_apart(site: Served, page: Page) -> None:
    credits = [c for c in figures(site.repo, ON).credits() if c.study.branch == "jg1"]
    page.goto(site.page("jg1", **EVERYTHING))
    arrived(page)
    counted = sum((c.credited for c in credits), Decimal(0))
    waiting = command(site.repo, branch="jg1", state="waiting")
    expect(page.locator("[data-hours]")).to_have_text(f"{counted.normalize():,f}")
    members = {c.study.member for c in credits}
    told = page.locator(".q-sums").text_content() or ""
    assert (
        f"学时，{len(credits) + len(waiting)} 条，" in told
        and f"待审核 {len(waiting)} 条" in told
        and waiting
    )
    people = re.search(r"条，(\d+) 人", told)
    assert people is not None and int(people[1]) >= len(members)
    page.get_by_label("分组").select_option("name")
    parts = page.locator(".q-group .x-number")
    while page.get_by_role("button", name="显示更多").is_visible():
        page.get_by_role("button", name="显示更多").click()
    assert sum(Decimal(text.replace(",", "")) for text in parts.all_text_contents()) == counted
    assert parts.count() == int(people[1])


def test_only_what_the_conditions_need_is_loaded(
    site: Served, open_context: Callable[..., BrowserContext]
) -> None:
    page = open_context().new_page()  # one that has loaded nothing yet

    def loaded() -> int:
        return sum(path.endswith("/data.json") for path in site.asked)

    before = loaded()
    page.goto(site.page("sample-art", branch="jg1"))
    arrived(page)
    assert loaded() == before + 1
    years = {study.start_date.year for study in records.load(site.repo, "main").studies.values()}
    page.get_by_label("支部", exact=True).select_option("")
    settled(page)
    assert loaded() > before + 3 and len(years) == 1  # the sample's records are all of one year
    page.get_by_role("button", name="去年").click()
    settled(page)
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()


def test_every_column_sorts_both_ways_and_every_grouping_groups(site: Served, page: Page) -> None:
    page.goto(site.page("sample-art", **EVERYTHING))
    everything = ids(page)
    for column in ("日期", "姓名", "支部", "学习内容", "类型", "学时", "状态"):
        header = page.locator("thead th", has_text=column)
        orders = []
        for _ in range(2):
            header.get_by_role("button").click()
            orders.append((header.get_attribute("aria-sort"), ids(page)))
        assert {direction for direction, _ in orders} == {"ascending", "descending"}, column
        assert all(sorted(found) == sorted(everything) for _, found in orders), column
        assert orders[0][1] != orders[1][1]
    for grouping, least in (("name", 30), ("branch", 3), ("kind", 5), ("month", 3)):
        page.locator("#q-group").select_option(grouping)
        settled(page)
        assert sorted(ids(page)) == sorted(everything)
        assert page.locator(".q-group").count() >= least
        assert grouping in page.url


def test_the_query_is_in_the_address_and_survives(site: Served, page: Page) -> None:
    page.goto(site.page("jg1"))
    page.get_by_label("姓名").fill("lyq")
    page.get_by_label("学习日期从").fill("")
    settled(page)
    assert page.url.endswith("?name=lyq&from=")
    found = ids(page)
    assert found == command(site.repo, name="lyq", branch="jg1")
    page.reload()
    assert ids(page) == found
    page.get_by_role("button", name="清除条件").click()
    settled(page)
    assert page.url == site.page("jg1").rstrip("?")
    expect(page.get_by_label("学习日期从")).to_have_value("2026-01-01")


def test_nothing_is_filtered_while_an_input_method_composes(site: Served, page: Page) -> None:
    page.goto(site.page("jg1", **EVERYTHING))
    before = ids(page)
    page.get_by_label("姓名").focus()
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "lin", "selectionStart": 3, "selectionEnd": 3})
    page.wait_for_timeout(400)
    assert page.get_by_label("姓名").input_value() == "lin"
    assert ids(page) == before and "name" not in page.url
    session.send("Input.insertText", {"text": "林"})
    settled(page)
    assert ids(page) == command(site.repo, name="林", branch="jg1") != before


def test_more_rows_come_when_asked_for(site: Served, page: Page) -> None:
    page.goto(site.page("sample-art", **EVERYTHING))
    arrived(page)
    everything = len(command(site.repo))
    expect(page.locator("tr[data-record]")).to_have_count(100)
    expect(page.locator("[data-shown]")).to_have_text(f"显示前 100 条，共 {everything} 条")
    page.get_by_role("button", name="显示更多").press("Enter")
    expect(page.locator("tr[data-record]")).to_have_count(200)


def downloaded(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_what_is_shown_is_exported(site: Served, page: Page) -> None:
    page.goto(site.page("jg1", name="lyq", sort="hours", **EVERYTHING))
    found = ids(page)
    name, data = downloaded(page, "CSV")
    assert name == "教工第一党支部_查询结果_20261124.csv"
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == len(found) + 2
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert lines[0][:3] == ["序号", "党支部", "姓名"] and [line[14] for line in lines[1:-1]] == found
    name, data = downloaded(page, "XLSX")
    assert name.endswith(".xlsx")
    cells = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert [row[14] for row in cells[1:-1]] == found
    assert all(isinstance(row[3], date) and isinstance(row[9], float) for row in cells[1:-1])
    credited = sum((Decimal(line[10]) for line in lines[1:-1] if line[10]), Decimal(0))
    assert Decimal(str(cells[-1][10])) == Decimal(lines[-1][10]) == credited and lines[-1][0] == "合计"


def test_what_keeps_a_result_stands_above_its_rows(site: Served, page: Page) -> None:
    show(page, site.page("sample-art", **EVERYTHING), PHONE)
    first = page.locator(".q-table").bounding_box()
    assert first is not None
    for name in ("XLSX", "CSV", "复制查询链接"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box is not None and box["y"] + box["height"] < first["y"] < 1100, name
    page.locator("#q-group").focus()
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.dataset.ask || document.activeElement.textContent")
        )
    said = [re.sub(r"\d+", "n", text) for text in reached]
    assert said == ["sort", "导出这 n 条（XLSX）", "导出这 n 条（CSV）", "复制查询链接", "日期 ↓", "姓名"]


def printed(page: Page) -> list[str]:
    """The text of each page of paper."""
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    return [sheet.get_textpage().get_text_bounded().replace("\r\n", "\n") for sheet in document]


def test_paper_has_every_record_and_each_page_its_columns_names(site: Served, page: Page) -> None:
    page.goto(site.page("sample-art", **EVERYTHING))
    arrived(page)
    everything = len(command(site.repo))
    assert everything > 300
    paper = printed(page)
    rows = [line for sheet in paper for line in sheet.split("\n") if re.match(r"20\d\d-\d\d-\d\d ", line)]
    assert len(rows) == everything
    for number, sheet in enumerate(paper):
        assert re.search("日期.*姓名.*支部.*学习内容.*类型.*学时.*状态", sheet), number
    words = page.locator(".q-table :is(.q-branch, .x-kind, .x-stands)").all_text_contents()
    missing = {word for word in words if word.strip() not in "\n".join(paper)}
    assert not missing  # a word that is broken over two lines is not found
    expect(page.locator("tr[data-record]")).to_have_count(everything)
    assert "只印前" not in "".join(paper) and "导出这" not in "".join(paper) and "显示" not in "".join(paper)


def test_paper_says_where_it_ends(site: Served, page: Page) -> None:
    script = (SITE / "theme" / "assets" / "query-page.js").read_text(encoding="utf-8")
    assert "PAPER = 2000;" in script
    page.route(
        "**/query-page.js",
        lambda route: route.fulfill(
            body=script.replace("PAPER = 2000;", "PAPER = 150;"), content_type="text/javascript"
        ),
    )
    page.goto(site.page("sample-art", group="name", **EVERYTHING))
    arrived(page)
    everything = len(command(site.repo))
    paper = printed(page)
    assert f"只印前 150 条，共 {everything} 条" in paper[0]
    expect(page.locator("tr[data-record]")).to_have_count(150)
    expect(page.locator("[data-cut]")).to_be_hidden()


def test_wechat_is_told_how_to_export(site: Served, open_context: Callable[..., BrowserContext]) -> None:
    page = open_context(user_agent=WECHAT).new_page()
    page.goto(site.page("jg1"))
    arrived(page)
    page.get_by_role("button", name="CSV").click()
    told = page.locator("[data-outside]")
    expect(told).to_be_visible()
    expect(told).to_contain_text("在浏览器打开")
    expect(told).to_be_focused()


def test_without_scripts_the_page_says_where_to_look(
    site: Served, open_context: Callable[..., BrowserContext]
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(site.page("jg1"))
    expect(page.locator(".q")).to_be_hidden()
    expect(page.locator("noscript a")).to_have_text("教工第一党支部的报告")
    page.locator("noscript a").click()
    expect(page.locator("h1", has_text="教工第一党支部")).to_be_visible()


def test_a_chunk_that_does_not_come_is_told_and_asked_for_again(site: Served, page: Page) -> None:
    page.route("**/data.json", lambda route: route.abort())
    page.goto(site.page("jg1"))
    expect(page.get_by_text("有记录没有取到")).to_be_visible()
    page.unroute("**/data.json")
    page.get_by_role("button", name="重新载入").click()
    assert len(ids(page)) > 50
    expect(page.get_by_text("有记录没有取到")).to_be_hidden()


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits(site: Served, page: Page, size: dict[str, int], scheme: str) -> None:
    for query in (
        {},
        {"group": "name", "name": "l", **EVERYTHING},
        {"group": "branch", "kind": "theme_day", "sort": "-hours"},
        {"name": "nobody"},
    ):
        show(page, site.page("sample-art", **query), size, color_scheme=scheme)
        if page.locator("summary").count():
            page.locator("summary").first.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), query
        found = Axe().run(page)
        assert found.violations_count == 0, (query, found.generate_report())


def test_text_of_twice_the_size_fits_a_phone(site: Served, page: Page) -> None:
    show(page, site.page("sample-art"), PHONE)
    size = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    page.evaluate("size => document.documentElement.style.fontSize = size", f"{2 * size}px")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # In letters of its own size: a date has ten, hours four.
    wide = "e => (e.clientWidth - parseFloat(getComputedStyle(e).paddingLeft) * 2) / parseFloat(getComputedStyle(e).fontSize)"
    for entry in page.locator("input[type=date]").all():
        assert entry.evaluate(wide) >= 5
    for entry in page.locator("input[inputmode=decimal]").all():
        assert entry.evaluate(wide) >= 2


def test_the_keyboard_reaches_every_field_in_order(site: Served, page: Page) -> None:
    page.goto(site.page("sample-art"))
    arrived(page)
    page.get_by_label("姓名").focus()
    reached = []
    for _ in range(30):
        reached.append(
            page.evaluate("document.activeElement.dataset.ask || document.activeElement.textContent")
        )
        page.keyboard.press("Tab")
    fields = [name for name in reached if re.fullmatch("[a-z]+", name)]
    assert list(dict.fromkeys(fields)) == ["name", "branch", "kind", "state", "text", "min", "max", "from", "to", "group", "sort"]  # fmt: skip
    assert [name for name in reached if "年" in name or "清除" in name] == [
        "今年",
        "去年",
        "全部年份",
        "清除条件",
    ]


# --- hostile text

BAD = "\"'><script>alert(1)</script>{{7*7}}<img src=x onerror=alert(1)>"


def test_hostile_text_is_text(
    school: School, tmp_path: Path, open_context: Callable[..., BrowserContext], builder: Builder
) -> None:
    files = committee_files()
    names = [person("m0012", BAD[:40]), person("m0003", "𬭎\u202e测宁")]
    files["records/jg1/roster.yaml"] = render("roster", {"schema": "roster/1", "members": names})
    school.tip = ""
    school.repo.run("update-ref", "-d", "refs/heads/main")
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    texts = {
        "markup": (BAD[:60], BAD + "</code></details>" + "长" * 4900),
        "formula": ('=HYPERLINK("http://x.invalid","看")', '@SUM(1)\n,"引号"'),
        "turned": ("مرحبا بالعالم \u202eغير", "😀𬭎" * 40),
        "plus": ("  +86", "-1"),
    }
    studies = {name: school.study(title=title, content=text) for name, (title, text) in texts.items()}
    for study in studies.values():
        school.merge(school.propose(study))
    with served(school.repo, tmp_path / "site", "open", builder) as site:
        page = open_context().new_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.goto(site.page("jg1", **EVERYTHING))
        assert sorted(ids(page)) == sorted(study.id for study in studies.values())
        for name, study in studies.items():
            row = page.locator(f"tr[data-record='{study.id}']")
            row.locator("summary").click()
            assert row.locator("summary").text_content() == texts[name][0]
            assert row.locator(".x-content").text_content() == texts[name][1]
            assert row.locator(".q-name").text_content() == BAD[:40]
        assert page.locator(".q script, .q img, .q a[href^=http]").count() == 0
        lines = list(csv.reader(io.StringIO(downloaded(page, "CSV")[1].decode("utf-8-sig"), newline="")))
        by_id = {line[14]: line for line in lines[1:-1]}
        assert by_id[studies["formula"].id][6:8] == ["'" + text for text in texts["formula"]]
        assert by_id[studies["plus"].id][6:8] == ["'" + text for text in texts["plus"]]
        assert by_id[studies["markup"].id][7] == texts["markup"][1]
        cells = CalamineWorkbook.from_filelike(io.BytesIO(downloaded(page, "XLSX")[1])).get_sheet_by_index(0)
        titles = {row[14]: row[6] for row in cells.to_python()[1:-1]}
        assert (
            titles[studies["markup"].id] == BAD[:60] and titles[studies["formula"].id] == texts["formula"][0]
        )
        for said, name in (("غير", "turned"), ("ALERT(1)", "markup"), ("𬭎", "turned"), ("长长", "markup")):
            page.goto(site.page("jg1", text=said, **EVERYTHING))
            assert ids(page) == command(school.repo, text=said) == [studies[name].id], said
        page.goto(site.page("jg1", name="<script>", group="name", **EVERYTHING))
        assert len(ids(page)) == 4


# --- the sealed site


def officer(sealed: Served, unit: str) -> str:
    """The link of somebody whose uppermost page is this unit's."""
    approved = records.load_approved(sealed.repo, "refs/heads/main")[0]
    doors = access(approved, ON).doors
    reader = next(r for r, pages in doors.items() if r.kind == OFFICER and pages[0].id == unit)
    return link_fragment(ring(sealed).door(reader))


def ring(sealed: Served) -> Keyring:
    return publish.keyring({}, SECRET, records.load_approved(sealed.repo, "refs/heads/main")[0].keys, ON)


def test_the_sealed_page_finds_the_same_and_no_request_tells_of_it(sealed: Served, page: Page) -> None:
    page.goto(f"{sealed.url}/o/#{officer(sealed, 'jg1')}")
    page.locator("[data-tabs] button", has_text="查询").click()
    page.get_by_label("学习日期从").fill("")
    page.get_by_label("姓名").fill("林样青")
    settled(page)
    assert ids(page) == command(sealed.repo, name="林样青", branch="jg1")
    assert "林" not in unquote(page.url) and "query" not in page.url
    assert not any("林" in unquote(path) or "name" in path for path in sealed.asked)
    page.locator("summary").first.click()
    page.get_by_role("link", name="打开个人报告").click()
    expect(page.locator("main h1:visible")).to_have_text("林样青")
    page.go_back()
    settled(page)
    expect(page.get_by_label("姓名")).to_have_value("林样青")


def test_a_query_that_is_shared_opens_with_the_readers_own_link(
    sealed: Served, page: Page, open_context: Callable[..., BrowserContext]
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{sealed.url}/o/#{officer(sealed, 'jg1')}")
    page.locator("[data-tabs] button", has_text="查询").click()
    page.get_by_label("文字").fill("K1 k1学习")
    page.get_by_label("文字").fill("学习")
    page.get_by_label("学习日期从").fill("2026-02-01")
    settled(page)
    page.get_by_role("button", name="复制查询链接").click()
    expect(page.locator("[data-said]")).to_have_text("已复制")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{sealed.url}/o/#query?") and officer(sealed, "jg1")[2:] not in link
    other = open_context().new_page()
    other.goto(link)
    expect(other.get_by_role("heading", name="请打开您自己的链接")).to_be_visible()
    assert other.url == f"{sealed.url}/o/"
    other.locator("#o-nolink").fill(officer(sealed, "sample-art"))
    other.locator("[data-state=nolink] button", has_text="打开").click()
    expect(other.get_by_label("文字")).to_have_value("学习")
    expect(other.locator("#q-branch")).to_have_value("jg1")
    assert (
        ids(other) == ids(page) == command(sealed.repo, branch="jg1", text="学习", **{"from": "2026-02-01"})
    )
    other.evaluate("location.hash = 'query?branch=yjs&from='")
    expect(other.locator("#q-branch")).to_have_value("yjs")
    assert ids(other) == command(sealed.repo, branch="yjs")


def test_a_shared_query_never_looks_like_a_key(sealed: Served, page: Page) -> None:
    page.goto(f"{sealed.url}/o/#{officer(sealed, 'jg1')}")
    page.locator("[data-tabs] button", has_text="查询").click()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.get_by_label("文字").fill("k1" + "A" * 48)
    settled(page)
    page.get_by_role("button", name="复制查询链接").click()
    link = page.locator(".q-share").input_value()
    assert "k1" not in link
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_role("heading", name="请打开您自己的链接")).to_be_visible()


def test_a_reload_of_a_remembered_link_keeps_the_query(sealed: Served, page: Page) -> None:
    page.goto(f"{sealed.url}/o/#{officer(sealed, 'jg1')}")
    page.locator("[data-tabs] button", has_text="查询").click()
    page.get_by_role("button", name="记住我的链接").click()
    expect(page.get_by_role("button", name="忘记我的链接")).to_be_visible()
    page.get_by_label("文字").fill("党章")
    settled(page)
    page.reload()
    expect(page.get_by_label("文字")).to_have_value("党章")


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "desk"])
def test_the_sealed_page_is_accessible_and_fits(sealed: Served, page: Page, size: dict[str, int]) -> None:
    for scheme in ("light", "dark"):
        show(page, f"{sealed.url}/o/#{officer(sealed, 'jg1')}", size, color_scheme=scheme)
        page.locator("[data-tabs] button", has_text="查询").click()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_a_members_link_reaches_no_chunk(sealed: Served) -> None:
    """Chunks hold the records of a whole branch: their keys are in the pages of officers alone."""
    approved = records.load_approved(sealed.repo, "refs/heads/main")[0]
    keys, lists = ring(sealed), access(approved, ON).lists
    assert any(page.kind == "branch" for page in lists)
    for page, readers in lists.items():
        if page.kind == "branch":
            assert all(reader.kind == OFFICER for reader in readers)
            key = keys.page("chunk", f"{page.id}-2026-1", readers)
            changed = keys.page("chunk", f"{page.id}-2026-1", readers | {Reader(OFFICER, "somebody")})
            assert key != changed


# --- without a browser


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("曾样青", "zengyang zyq zengyq cyq 样 yangq qing 曾 样青"),
        ("覃演禾", "qin tan qyh tyh yanhe"),
        ("吕布", "lv lü lb LÜBU"),
        ("阿依古丽·买买提", "aygl 阿依古丽买买提 买买提 maimaiti mmt"),
        ("Ann Lee", "ann annlee Lee"),
        ("𬭎试", "𬭎 hs hongshi"),
    ],
)
def test_names_are_found_as_people_say_them(name: str, said: str) -> None:
    for one in [*said.split(), "m1"]:
        assert is_called(spoken(one), "m1", name), one
    for other in ("zz", "m", "m11", "王"):
        assert not is_called(spoken(other), "m1", name) or (other == "m" and name.startswith("阿"))


def test_a_change_that_waits_is_no_second_record(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    credits = figures(school.repo, ON).credits()
    waits = school.study(title="新的")
    found = rows(credits, [study, waits, waits])
    assert [(row.study.id, row.state) for row in found] == [(waits.id, "waiting"), (study.id, "counted")]
    assert [row.study.id for row in matching(found, Asked(state="waiting"), {})] == [waits.id]


def test_chunks_hold_no_more_than_a_phone_takes(school: School) -> None:
    study = school.study()
    found = rows([], [study]) * (2 * MOST + 1)
    assert [len(part) for part in _parts(found)] == [MOST, MOST, 1]
    long = rows([], [school.study(content="长" * 5000)]) * 500
    assert {len(part) for part in _parts(long)} == {199, 102}


def test_the_command_prints_a_table_and_json_and_refuses_what_nobody_has(
    school_of_400: sample.Sample,
) -> None:
    run = ["query", "--repo", str(school_of_400.repo.path), "--rev", "main", "--name", "lyq"]
    table = CliRunner().invoke(main, run)
    told = json.loads(CliRunner().invoke(main, [*run, "--format", "json"]).output)
    assert len(table.output.splitlines()) == len(told) + 1 and {one["name"] for one in told} == {"林样青"}
    assert f"{len(told)} 条，1 人" in table.output
    for wrong in (["--branch", "nope"], ["--kind", "nope"], ["--min", "-1"], ["--min", "x"]):
        assert CliRunner().invoke(main, [*run, *wrong]).exit_code == 2


def test_the_scripts_hold_no_words_and_parse_no_html() -> None:
    for name in SCRIPTS:
        script = (SITE / "theme" / "assets" / name).read_text(encoding="utf-8")
        assert re.findall("[一-鿿]", script) == []
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|\bFunction\(", script)
