"""The study sheet on the pages of the site, printed by Chromium: the same words as the PDF, and nothing else on paper."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import at_rest, chromium, emptied
from conftest import School
from markupsafe import Markup
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from test_sheets import Paper, Print, needs_fonts, pictures_of, printed, source_of, webp, with_study
from test_theme import SECRET, served

from xueshi import publish, sample, sheets, speech
from xueshi.builder import Builder
from xueshi.editions import fragments
from xueshi.model import OFFICER, Evidence, Reader
from xueshi.reports.address import address
from xueshi.reports.paper import Sheet
from xueshi.reports.sheet import content
from xueshi.reports.sheets import sheets as sheets_of
from xueshi.sealing import access, link_fragment

ON = date(2026, 11, 24)
SITE = Path(__file__).parents[1] / "site"
PHONE, WIDE = {"width": 360, "height": 800}, {"width": 1280, "height": 900}
WECHAT = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.50"
# Printing itself is for people; what it would print is what the page then gives as PDF.
PRINTED = "window.printed = 0; window.print = () => { window.printed += 1; };"


@dataclass
class Site:
    """One edition of a small organisation, as its readers meet it: `member` and `branch` are addresses that open."""

    edition: str
    sample: sample.Sample
    member: str
    name: str
    branch: str
    sheets: list[str]

    def open(self, page: Page, where: str) -> None:
        page.goto(self.member if where == "member" else self.branch)
        expect(page.locator("[data-view] h1:visible, article h1:visible")).to_have_count(1)
        if where == "sheets":
            page.get_by_role("link", name="登记表").click()
            expect(page.get_by_role("heading", level=1, name="登记表")).to_be_visible()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, builder: Builder) -> Iterator[dict[str, Site]]:
    folder = tmp_path_factory.mktemp("paper")
    made = sample.write(folder / "school.git", members=20, records=80, seed=42, until=ON)
    source, found = source_of(made.repo), {}
    who = source.people[made.member]
    branch = source.totals.members[who.id].branch or ""
    names = [person.name for person in sheets.people_of(source, branch, ON.year)]
    keys = publish.keyring({}, SECRET, source.records.keys, ON)
    doors = access(source.records, ON).doors
    officer = next(r for r, pages in doors.items() if r.kind == OFFICER and pages[0].id == branch)
    with ExitStack() as stack:
        for edition in publish.EDITIONS:
            wanted = publish.inputs(made.repo, "refs/heads/main", on=ON, secret=SECRET, edition=edition)
            publish.build(made.repo, wanted, folder / edition, builder)
            at = stack.enter_context(served(folder / edition))
            reader = source.records.keys.reader("member", who.id)
            assert reader is not None

            def link(of: Reader, at: str = at) -> str:
                return f"{at}o/#{link_fragment(keys.door(of))}"

            own, unit = (at + address(SECRET, *of) for of in (("member", who.id), ("branch", branch)))
            if edition == "sealed":
                own, unit = link(reader), link(officer)
            found[edition] = Site(edition, made, own, who.name, unit, names)
        yield found


@pytest.fixture(params=["open", "sealed"])
def site(sites: dict[str, Site], request: pytest.FixtureRequest) -> Site:
    return sites[request.param]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def kept(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_context(locale="zh-CN")) as context:
        context.add_init_script(PRINTED)
        yield context.new_page()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def new(size: dict[str, int] = WIDE, **more: object) -> Page:
        contexts.append(browser.new_context(viewport=size, locale="zh-CN", **more))  # type: ignore[arg-type]
        contexts[-1].add_init_script(PRINTED)
        return contexts[-1].new_page()

    yield new
    for context in contexts:
        context.close()


def paper(page: Page) -> Paper:
    return Paper(page.pdf(prefer_css_page_size=True))


def pressed(page: Page, name: str) -> Paper:
    page.get_by_role("button", name=re.compile(name)).click()
    page.wait_for_function("() => printed === 1")
    return paper(page)


def pictures_on(made: Paper) -> list[int]:
    """How many pictures each page holds."""
    with pypdfium2.PdfDocument(made.data) as document:
        return [len(list(page.get_objects(filter=[3], max_depth=9))) for page in document]


# --- the site


def test_the_button_prints_the_sheet_alone_and_the_browser_the_report(
    site: Site, opened: Callable[..., Page]
) -> None:
    page = opened()
    site.open(page, "member")
    expect(page.locator(".s-sheets")).to_be_hidden()
    alone = pressed(page, "打印登记表")
    assert alone.pages[0].replace(" ", "").count("党员学习登记表（2026年度）") == 1
    assert f"姓名 {site.name}" in alone.text and "党支部（盖章）" in alone.text
    assert not any(words in alone.text for words in ("数据截至", "学时账", "按月", "打印登记表", "请联系"))
    total = len(alone.pages)
    for number, text in enumerate(alone.pages, 1):
        assert f"第 {number} 页 共 {total} 页" in text and f"{site.name} 版本" in text
    report = paper(page)
    assert "学时账" in report.text and "数据截至" in report.text
    assert not any(words in report.text for words in ("本人签字", "学习图片", "第 1 页"))


def test_the_sheets_pictures_are_fetched_for_paper_and_not_before(
    site: Site, opened: Callable[..., Page]
) -> None:
    page = opened()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    site.open(page, "member")
    page.wait_for_load_state("networkidle")
    number = page.locator(".s-sheets img").count()
    assert number > 0
    before = [url for url in asked if "/assets/e/" in url]
    alone = pressed(page, "打印登记表")
    counts = pictures_on(alone)
    assert before == [] and sum(counts) == number
    assert counts[0] == 0 and all(0 < count <= 6 for count in counts[1:])


def test_a_picture_that_never_comes_does_not_keep_the_sheet_from_paper(
    sites: dict[str, Site], opened: Callable[..., Page]
) -> None:
    page = opened()
    page.clock.install()
    kept: list[Route] = []
    page.route("**/assets/e/**", lambda route: kept.append(route) if not kept else route.continue_())
    sites["open"].open(page, "member")
    number = page.locator(".s-sheets img").count()
    page.get_by_role("button", name="打印登记表").click()
    there = "() => [...document.querySelectorAll('.s-sheets img')].filter(e => e.naturalWidth).length"
    page.wait_for_function(f"wanted => ({there})() === wanted", arg=number - 1)
    page.clock.run_for(5_000)
    assert page.evaluate("printed") == 0 and page.evaluate(there) == number - 1 > 0
    page.clock.run_for(26_000)
    page.wait_for_function("() => printed === 1")
    kept[0].abort()


def test_a_branch_prints_in_one_go_a_sheet_for_each_member(site: Site, opened: Callable[..., Page]) -> None:
    page = opened()
    site.open(page, "sheets")
    expect(page.locator(".s-sheet")).to_have_count(len(site.sheets))
    together = pressed(page, f"打印这 {len(site.sheets)} 份")
    firsts = [text for text in together.pages if "学习登记表" in text]
    assert [re.findall(r"姓名 (\S+)", text) for text in firsts] == [[name] for name in site.sheets]
    assert all(text.count("本人签字") == 1 for text in firsts)
    assert "打印这" not in together.text and "数据截至" not in together.text
    owner = ""
    for number, text in enumerate(together.pages, 1):
        owner = found[1] if (found := re.search(r"姓名 (\S+)", text)) else owner
        assert f"{owner} 版本" in text, "a page holds its own member's things alone"
        assert f"第 {number} 页 共 {len(together.pages)} 页" in text
    assert sum(pictures_on(together)) == page.locator(".s-shot img").count() > 0
    assert paper(page).pages == together.pages, "the browser's own print is the same"


def test_the_sheets_open_from_the_branch_alone(sites: dict[str, Site], opened: Callable[..., Page]) -> None:
    page = opened()
    sites["sealed"].open(page, "branch")
    tabs = page.locator(".md-tabs__link").all_inner_texts()
    assert not any("登记表" in name for name in tabs)
    sites["sealed"].open(page, "sheets")
    sites["sealed"].open(page, "member")
    expect(page.get_by_role("link", name="登记表")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 700, 768, 1280])
def test_sheets_that_are_cut_at_the_right_say_so(
    sites: dict[str, Site], opened: Callable[..., Page], width: int
) -> None:
    page = opened({"width": width, "height": 900})
    sites["sealed"].open(page, "sheets")
    cut = page.locator(".s-sheets").evaluate("e => e.scrollWidth > e.clientWidth")
    assert cut == (width < 720)
    expect(page.get_by_text("左右滑动")).to_be_visible(visible=cut)
    assert "左右滑动" not in paper(page).text


@pytest.mark.parametrize("edition", ["open", "sealed"])
def test_a_messengers_browser_is_told_where_to_print(
    sites: dict[str, Site], opened: Callable[..., Page], edition: str
) -> None:
    page = opened(user_agent=WECHAT)
    sites[edition].open(page, "member")
    button = page.get_by_role("button", name="打印登记表")
    button.press("Enter")
    expect(page.get_by_role("heading", name="请在浏览器里打开")).to_be_focused()
    page.get_by_role("button", name="知道了").click()
    expect(button).to_be_focused()
    assert page.evaluate("printed") == 0 and not page.evaluate("document.documentElement.className").count(
        "x-sheet-only"
    )


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["member", "sheets"])
def test_axe_finds_nothing_and_nothing_overflows(
    site: Site, kept: Page, where: str, scheme: str, size: dict[str, int]
) -> None:
    page = emptied(kept, size, color_scheme=scheme)
    site.open(page, where)
    at_rest(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    size_of_text = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    page.evaluate("size => document.documentElement.style.fontSize = size", f"{2 * size_of_text}px")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- the same words as the PDF


class _Links:
    """Pictures as they are, in the page itself."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def picture(self, evidence: Evidence, branch: str) -> Markup:
        return Markup('src="data:image/webp;base64,{}"').format(base64.b64encode(self._data).decode())


def html_of(made: Sheet, data: bytes = b"") -> str:
    template = fragments(SITE / "templates", {}).get_template("sheet.html")
    return str(template.module.sheet(made, _Links(data)))  # type: ignore[attr-defined]


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def read(html: str) -> _Text:
    reader = _Text()
    reader.feed(html)
    reader.close()
    return reader


def solid(text: str) -> str:
    return "".join(text.replace("\u200b", "").split())


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from strings(one)


def every_text(made: Sheet) -> Iterator[str]:
    """Every text of every field, hashes of pictures and ids of records apart."""
    rows = [astuple(replace(row, record="", number=0)) for row in made.rows]
    shots = [(shot.date, shot.title) for shot in made.shots]
    yield from strings([astuple(replace(made, rows=(), shots=(), at=None, on=None)), rows, shots])  # type: ignore[arg-type]
    yield made.on.isoformat()


@needs_fonts
def test_paper_and_pdf_say_the_same_of_every_member(tmp_path: Path) -> None:
    repo = sample.write(tmp_path / "school.git", members=24, records=110, seed=42, until=ON).repo
    source, pictures = source_of(repo), pictures_of(repo)
    source = replace(source, pictures=frozenset(pictures))
    looked_at = 0
    for person in source.people.values():
        made = content(source, person, ON.year)
        pdf = Print(repo, source, pictures).member(person.id)
        assert all("序号" in page or "学习图片" in page for page in pdf.pages)
        shown = solid("".join(read(html_of(made)).said))
        told = re.sub(r"第\d+页共\d+页", "", pdf.solid)
        repeated = solid("序号学习日期学习类型学习内容主办/地点学习时长学时审核结果") + solid(made.foot)
        extra = len([page for page in pdf.pages if "学习图片" not in page]) - 1
        assert Counter(shown) + Counter(repeated * extra) == Counter(told), person.name
        looked_at += len(made.rows)
    assert looked_at > 100


@needs_fonts
def test_every_field_stands_on_paper_and_in_the_pdf(school: School) -> None:
    (kept, _), (lost, _) = webp(10), webp(90)
    told = {
        "place": "图书馆",
        "content": "第一行\n第二行",
        "duration_minutes": 90,
        "end_date": date(2026, 3, 2),
    }
    made = with_study(school, **told, evidence=(kept, lost))
    source = replace(made.source, pictures=frozenset({kept.sha256}))
    value = content(source, source.people["m0012"], 2026, full=True, check="https://x.invalid/a")
    html = html_of(value)
    pdf = made.member("m0012", full=True, check="https://x.invalid/a").solid
    shown = solid("".join(read(html).said))
    assert value.demands and value.years and value.kinds and value.notes and len(value.shots) == 2
    for text in every_text(value):
        for line in text.split("\n"):
            assert solid(line) in shown and solid(line) in pdf, line
    assert html.count("<img") == 1 and html.count("这张照片没有找到，或已删除") == 1


def test_the_paper_stays_chinese_whatever_the_site_speaks(school: School) -> None:
    made = with_study(school, hours=Decimal(10))
    chinese = content(made.source, made.source.people["m0012"], 2026)
    with speech.spoken(speech.ENGLISH):
        assert content(made.source, made.source.people["m0012"], 2026) == chinese
    assert any("认定 8：超出上限" in note for note in chinese.notes)


def test_a_branch_prints_nobody_whose_report_its_readers_do_not_open(school: School) -> None:
    source = printed(school).source
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    assert [one.name for one in sheets_of(source, unit).sheets] == ["林样青", "罗例言", "韦测宁"]
    elsewhere = replace(source.totals.members["m0005"], branch="yjs")
    members = {**source.totals.members, "m0005": elsewhere}
    moved = replace(source, totals=replace(source.totals, members=members))
    assert [one.name for one in sheets_of(moved, unit).sheets] == ["林样青", "韦测宁"]


# --- long and hostile text


def laid_out(page: Page, html: str) -> Paper:
    style = "".join(
        (SITE / "theme" / "assets" / name).read_text(encoding="utf-8") for name in ("xueshi.css", "sheet.css")
    )
    page.set_content(
        f'<!doctype html><html lang="zh-CN"><style>body {{ margin: 0 }}{style}</style><body>'
        f'<p>不印</p><div class="md-typeset"><div class="s-sheets">{html}</div></div>'
    )
    # What lies far beneath the window would otherwise not be loaded, and its decoding never end.
    page.evaluate(
        "Promise.all(Array.from(document.images, image => { image.loading = 'eager'; return image.decode(); }))"
    )
    return paper(page)


def test_a_long_table_repeats_its_header_and_splits_neither_rows_nor_signatures(
    school: School, opened: Callable[..., Page]
) -> None:
    for number in range(60):
        title = f"始{number:02}" + "，内容很多" * 9 + f"{number:02}末"
        school.merge(school.propose(school.study(hours="0.5", title=title)))
    source = printed(school).source
    made = laid_out(opened(), html_of(content(source, source.people["m0012"], 2026)))
    pages = [solid(text) for text in made.pages]
    assert len(pages) > 3 and "不印" not in made.text
    for number in range(60):
        held = [page for page in pages if f"始{number:02}" in page]
        assert len(held) == 1 and f"{number:02}末" in held[0] and "序号学习日期学习类型学习内容" in held[0]
    signed = [page for page in pages if "本人签字" in page]
    assert len(signed) == 1 and all(
        words in signed[0] for words in ("支部书记签字", "党支部（盖章）", "按类型")
    )
    for number, (text, shown) in enumerate(zip(pages, made.shown, strict=True), 1):
        assert f"第{number}页共{len(pages)}页" in text and "林样青版本" in text
        ink = shown.point(lambda v: 255 if v < 200 else 0).getbbox()
        assert ink is not None and ink[0] >= 69 and ink[2] <= 552 and ink[1] >= 48


HOSTILE = "<script>window.ran=1</script><img src=x onerror=ran=2>\"' onload=ran=3 {{ 7*7 }} *b* [a](javascript:ran=4) \U00020bb7\U0001f4da \u202eRTL\u2066 "


@pytest.mark.parametrize("text", [HOSTILE, "很" * 5000, "w" * 600, HOSTILE * 45])
def test_whatever_people_write_stays_text_and_on_the_paper(
    school: School, opened: Callable[..., Page], text: str
) -> None:
    (evidence, data) = webp(60)
    made = with_study(school, title=text, place=text, content=text, evidence=(evidence,))
    source = replace(made.source, pictures=frozenset({evidence.sha256}))
    value = content(source, source.people["m0012"], 2026, full=True)
    html = html_of(value, data)
    reader = read(html)
    assert "script" not in reader.tags and html.count("<img") == 1
    assert not set("\u202e\u2066") & set(html)
    assert all(solid(line) in solid("".join(reader.said)) for line in every_text(value))
    page = opened()
    shown = laid_out(page, html)
    assert page.evaluate("window.ran") is None and page.evaluate("document.images.length") == 1
    assert sum(pictures_on(shown)) == 1
    for one in shown.shown:
        ink = one.point(lambda v: 255 if v < 200 else 0).getbbox()
        assert ink is not None and ink[2] <= 552 and ink[3] <= 815
    assert "本人签字" in shown.text


# --- a report on paper

PAD = """px => { let pad = document.querySelector("#pad"), article = document.querySelector("article, [data-view]");
if (!pad) { pad = document.createElement("div"); pad.id = "pad"; article.prepend(pad); }
pad.style.height = `${px}px`; }"""
CUT = """e => { while (e.nextElementSibling && !e.nextElementSibling.matches(".x-last")) e.nextElementSibling.remove(); }"""


@pytest.mark.parametrize("end", ["h2#findings + *", "h2#usage + p"], ids=["list", "words"])
def test_the_foot_never_stands_alone_on_a_page(site: Site, opened: Callable[..., Page], end: str) -> None:
    """Whatever a report ends with: the least further height that needs another page takes more than the foot along."""
    page = opened()
    site.open(page, "branch")
    page.wait_for_load_state("networkidle")
    page.locator(end).evaluate(CUT)

    def padded(height: int) -> list[str]:
        page.evaluate(PAD, height)
        return paper(page).pages

    number, low, high = len(padded(0)), 0, 1000
    assert len(padded(high)) > number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if len(padded(middle)) > number else (middle, high)
    last = "".join(padded(high)[-1].split())
    foot = re.search(r"示例大学艺术学院.*请联系本支部组织委员", last)
    assert foot and "".join(padded(high)).count("请联系本支部组织委员") == 1
    assert len(last) > len(foot[0]), last
