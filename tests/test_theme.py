"""The frame of the open pages, in Chromium: what may load and run, search, keyboard, large text, light and dark."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import at_rest, chromium, show
from conftest import BRIDGE
from playwright.sync_api import Browser, BrowserContext, Page, expect

from xueshi import publish, records, sample
from xueshi.builder import Builder
from xueshi.content_policy import content_policy
from xueshi.git import NewCommit, RefUpdate, Repository
from xueshi.model import SHANGHAI
from xueshi.reports.address import address
from xueshi.reports.source import share
from xueshi.words import plain

ON = date(2026, 11, 24)
SECRET = bytes(range(32))
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
HANDBOOK = ("members", "reviewers", "policy", "operators")
OPEN_PAGES = {"home": "", **{name: f"handbook/{name}/" for name in HANDBOOK}, "404": "no/such/page"}
REPORTS = {"member": address(SECRET, "member", "m0001"), "branch": address(SECRET, "branch", "jg1")}
LARGE = REPORTS | {kind: address(SECRET, kind, sample.people.COMMITTEE) for kind in ("committee", "query")}
WATCH = """window.refused = [];
document.addEventListener("securitypolicyviolation", (e) => refused.push(`${e.effectiveDirective} ${e.blockedURI}`));"""


@dataclass
class Site:
    repo: Repository
    folder: Path
    address: str
    temporary: Path

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")


class _Handler(SimpleHTTPRequestHandler):
    """Answers as static hosts do: with 404.html, at any depth, where there is nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        data = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def say_more(repo: Repository) -> None:
    """An organisation's own page with words that the sample's pages lack."""
    tip = repo.resolve("refs/heads/main")
    assert tip is not None
    blob = repo.tree(tip, "site/pages/handbook/members.md")["site/pages/handbook/members.md"]
    guide = repo.blobs([blob])[blob] + "\n“三会一课”里也有党课。\n".encode()
    at = datetime(2026, 11, 24, 9, tzinfo=SHANGHAI)
    told = NewCommit((tip,), {"site/pages/handbook/members.md": guide}, "Say more\n", BRIDGE, at)
    repo.update_refs([RefUpdate("refs/heads/main", repo.commits([told])[0], tip)])


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """The same records in both editions."""
    folder = tmp_path_factory.mktemp("theme")
    temporary = folder / "temporary"
    temporary.mkdir()
    repo = sample.write(folder / "school.git", members=42, records=110, seed=42, until=ON).repo
    say_more(repo)
    made = {}
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("TMPDIR", str(temporary))
        builder = stack.enter_context(closing(Builder()))  # its own: born with this TMPDIR
        for edition in publish.EDITIONS:
            wanted = publish.inputs(repo, "refs/heads/main", on=ON, secret=SECRET, edition=edition)
            publish.build(repo, wanted, folder / edition, builder)
            served_at = stack.enter_context(served(folder / edition))
            made[edition] = Site(repo, (folder / edition).resolve(), served_at, temporary)
        yield made


@pytest.fixture(scope="module")
def site(sites: dict[str, Site]) -> Site:
    return sites["open"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page in a browser of some size and colours; it tells what its policy refused as `refused`."""
    contexts: list[BrowserContext] = []

    def new(size: dict[str, int] = PHONE, **more: object) -> Page:
        contexts.append(browser.new_context(viewport=size, locale="zh-CN", **more))  # type: ignore[arg-type]
        contexts[-1].add_init_script(WATCH)
        return contexts[-1].new_page()

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def kept(browser: Browser) -> Iterator[Page]:
    with closing(browser.new_context(locale="zh-CN")) as context:
        context.add_init_script(WATCH)
        yield context.new_page()


@pytest.fixture
def shown(site: Site, kept: Page) -> Callable[..., Page]:
    """A page of the open site in the one browser window that such tests share (see browser.show)."""

    def new(path: str, size: dict[str, int] = PHONE, **media: object) -> Page:
        return show(kept, site.address + path, size, **media)

    return new


def refused(page: Page, number: int) -> list[str]:
    """What the policy refused, once it is this many: a browser tells of it some time after it has refused."""
    end = time.monotonic() + 10
    while len(told := page.evaluate("refused")) < number and time.monotonic() < end:
        page.wait_for_timeout(20)
    found: list[str] = told
    return found


@pytest.mark.parametrize("name", [*OPEN_PAGES, *REPORTS])
def test_nothing_is_refused_and_nothing_comes_from_elsewhere(
    site: Site, opened: Callable[..., Page], name: str
) -> None:
    page = opened(WIDE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.address + {**OPEN_PAGES, **REPORTS}[name], wait_until="networkidle")
    assert page.evaluate("refused") == []
    assert [url for url in asked if not url.startswith((site.address, "data:"))] == []
    assert (len(asked) > 5) == (name != "404")


def test_a_rate_is_the_same_wherever_a_page_tells_it(site: Site) -> None:
    shown = {}
    for name, path in (("home", ""), ("branch", REPORTS["branch"]), ("committee", LARGE["committee"])):
        text = re.sub(r"<[^>]*>", " ", site.text(f"{path}index.html"))
        pairs = re.findall(r"(\d+)/(\d+)\s+([\d.]+)\s*%", text)
        hero = re.findall(r"([\d.]+)\s*%\s+(\d+) 人中 (\d+) 人已", text)
        told = [*pairs, *((met, people, rate) for rate, people, met in hero)]
        assert told and all(rate == plain(share(int(met), int(people))) for met, people, rate in told), name
        shown[name] = len(hero), len(pairs), any("." in rate for *_, rate in pairs)
    assert shown["home"][:2] > (1, 1) and shown["committee"][:2] > (1, 12)
    assert shown["branch"][2] and shown["committee"][2]


@pytest.mark.parametrize("name", ["home", "member"])
def test_an_inline_script_that_got_into_a_page_does_not_run(
    site: Site, opened: Callable[..., Page], name: str
) -> None:
    page = opened()
    path = {**OPEN_PAGES, **REPORTS}[name]
    clean = site.text(f"{path}index.html")
    evil = clean.replace(
        "</h1>", "</h1><script>window.ran = 1</script><p onclick='ran = 1' id='evil'>x</p>", 1
    )
    page.route(site.address + path, lambda route: route.fulfill(body=evil, content_type="text/html"))
    page.goto(site.address + path)
    at_rest(page)
    page.locator("#evil").click()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))"
    )
    assert sorted(refused(page, 3)) == ["script-src-attr inline", *["script-src-elem inline"] * 2]
    assert page.evaluate("window.ran") is None


def test_every_page_has_the_policy_before_anything_loads(sites: dict[str, Site]) -> None:
    for edition, site in sites.items():
        found = [path for path in site.folder.rglob("*.html") if path.parent.name != "o"]
        assert len(found) > (50 if edition == "open" else 3)
        for path in found:
            before, told, _ = path.read_text(encoding="utf-8").partition(
                'http-equiv="Content-Security-Policy"'
            )
            assert told and not re.search(r"<(script|link|style|img)\b", before), path
            policy = re.search(r'Policy" content="([^"]*)"', path.read_text(encoding="utf-8"))
            assert policy is not None and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]


def test_only_what_stands_in_the_given_html_is_allowed() -> None:
    policy = content_policy('<script>a</script><script src="x.js"></script><style>b</style>')
    assert "script-src 'self' 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='; " in policy
    assert "style-src 'self' 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='; " in policy
    assert "unsafe" not in content_policy("") and policy.count("sha256") == 2


def results(page: Page, query: str) -> str:
    field = page.get_by_role("textbox", name="搜索")
    field.fill(query)  # as what is pasted: no key is pressed
    expect(page.locator(".md-search-result__meta")).to_contain_text(re.compile("找到|处"))
    return page.locator(".md-search-result__list").inner_text().replace("\u200b", "")


@pytest.mark.parametrize(
    "query",
    [
        "三会一课",
        "主题党日",
        "党课",
        "集中轮训",
        "书法与设计联合党支部",
        "教工第一党支部",
        "离退休",
    ],
)
def test_what_the_open_pages_name_is_found(site: Site, shown: Callable[..., Page], query: str) -> None:
    page = shown("handbook/policy/", WIDE)
    assert query in results(page, query)
    expect(page.locator(".md-search-result__list mark").first).to_be_visible()
    expect(page.get_by_text("缺少").filter(visible=True)).to_have_count(0)
    page.locator(".md-search-result__link:visible").filter(has_text=query[:2]).first.click()
    expect(page).not_to_have_url(site.address + "handbook/policy/")
    assert page.evaluate("refused") == []


def test_what_is_pasted_is_looked_for(shown: Callable[..., Page]) -> None:
    page = shown("", WIDE)
    field = page.get_by_role("textbox", name="搜索")
    field.press_sequentially("zzz")
    expect(page.locator(".md-search-result__meta")).to_contain_text("没有")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("二维码")  # brings an input and no key
    expect(page.locator(".md-search-result__list")).to_contain_text("登记学习")


def test_words_of_a_page_are_found_from_a_phone(shown: Callable[..., Page]) -> None:
    page = shown("")
    page.get_by_role("button", name="搜索").click()
    assert "登记学习" in results(page, "二维码")
    page.keyboard.press("Escape")
    expect(page.get_by_role("textbox", name="搜索")).to_be_hidden()


def test_the_index_holds_nobody_and_names_stay_whole(sites: dict[str, Site]) -> None:
    for site in sites.values():
        text = site.text("search/search_index.json")
        index = json.loads(text)
        assert {entry["location"].split("#")[0] for entry in index["docs"]} == {
            "",
            *(f"handbook/{name}/" for name in HANDBOOK),
        }
        told = json.dumps(index, ensure_ascii=False).replace("\u200b", "")
        people = records.load_approved(site.repo, "main")[0].people().values()
        assert len(people) > 40 and not any(someone.name in told for someone in people)
        kinds = next(entry["text"] for entry in index["docs"] if entry["location"] == "#kinds")
        assert "\u200b集中轮训\u200b" in kinds and "\\u200b" in index["config"]["separator"]


def test_the_dictionary_is_kept_where_nobody_else_writes(site: Site) -> None:
    assert not (site.temporary / "jieba.cache").exists()


@pytest.mark.parametrize("name", OPEN_PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_axe_finds_nothing(shown: Callable[..., Page], name: str, scheme: str, size: dict[str, int]) -> None:
    page = shown(OPEN_PAGES[name], size, color_scheme=scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("opener", ["栏目", "搜索"])
def test_axe_finds_nothing_in_what_opens(shown: Callable[..., Page], opener: str) -> None:
    page = shown("handbook/policy/", reduced_motion="reduce")
    page.get_by_role("button", name=opener).click()
    if opener == "搜索":
        results(page, "学时")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", [*OPEN_PAGES, *LARGE])
@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_text_of_twice_the_size_fits(shown: Callable[..., Page], name: str, width: int) -> None:
    page = shown({**OPEN_PAGES, **LARGE}[name], {"width": width, "height": 900})
    for large in (False, True):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), large
        page.evaluate("document.querySelectorAll('article details').forEach(e => e.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), large
        size = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        page.evaluate("size => document.documentElement.style.fontSize = size", f"{2 * size}px")


# Where the words of an element stand, without the room around them.
WORDS = """e => { const range = document.createRange(); range.selectNodeContents(e); return range.getBoundingClientRect().toJSON(); }"""


@pytest.mark.parametrize("name", ["branch", "committee"])
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_mark_stands_beside_its_words(shown: Callable[..., Page], name: str, width: int) -> None:
    page = shown(LARGE[name], {"width": width, "height": 900})
    apart = """all => all.filter(e => e.checkVisibility()).map(e => {
      const range = document.createRange(); range.selectNodeContents(e.lastChild);
      const mark = e.firstElementChild.getBoundingClientRect(), word = range.getClientRects()[0];
      return [e.textContent, mark.right <= word.left && mark.top < word.bottom && word.top < mark.bottom];
    })"""
    found = page.locator(".x-state").evaluate_all(apart)
    assert len(found) > 8 and [words for words, beside in found if not beside] == []


@pytest.mark.parametrize("width", [768, 1280])
def test_words_keep_away_from_the_figures_before_them(shown: Callable[..., Page], width: int) -> None:
    for name, table, left, right in (("branch", "x-queue", "x-number", "x-action"), ("member", "x-ledger", "x-running", "x-stands")):  # fmt: skip
        page = shown(REPORTS[name], {"width": width, "height": 900})
        rows = page.locator(f".{table}").first.locator("tbody tr")
        cells = f"rows => rows.map(row => [...row.querySelectorAll('.{left}, .{right}')].map({WORDS}))"
        found = rows.evaluate_all(cells)
        assert found
        for figure, word in found:
            assert word["left"] - figure["right"] >= 16, name


@pytest.mark.parametrize("width", [360, 390, 768])
def test_a_long_name_leaves_room_for_what_waits(shown: Callable[..., Page], width: int) -> None:
    page = shown(REPORTS["branch"], {"width": width, "height": 900})
    named = page.locator(".x-queue th a, .x-grid tbody th")
    named.evaluate_all("all => all.forEach(e => { e.textContent = 'W'.repeat(40); })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    over = """row => { const boxes = ['th a', '.x-waited .x-state', '.x-number'].map(q => {
        const range = document.createRange(); range.selectNodeContents(row.querySelector(q)); return range.getBoundingClientRect(); });
      return boxes.some((a, i) => boxes.slice(i + 1).some(b => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)); }"""
    found = page.locator(".x-queue tbody tr").evaluate_all(f"all => all.map({over})")
    assert found and not any(found)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_foot_begins_where_the_page_does(shown: Callable[..., Page], width: int) -> None:
    page = shown(REPORTS["branch"], {"width": width, "height": 900})
    foot, head = (page.locator(q).evaluate(WORDS)["left"] for q in (".x-footer p", "article h1"))
    assert foot == pytest.approx(head, abs=1)


def test_downloads_stand_in_line_with_the_buttons(shown: Callable[..., Page]) -> None:
    page = shown(REPORTS["branch"], WIDE)
    button, files = (page.locator(f"div.x-actions {q}").first.evaluate(WORDS) for q in (".x-button", ".x-files summary"))  # fmt: skip
    assert files["left"] > button["right"] and files["top"] == pytest.approx(button["top"], abs=2)


def test_each_edition_says_what_anybody_may_read(sites: dict[str, Site]) -> None:
    for edition, site in sites.items():
        index = json.dumps(json.loads(site.text("search/search_index.json")), ensure_ascii=False)
        for told in (site.text("index.html"), index.replace("\u200b", "")):
            assert ("公开版" in told, "没有加密" in told) == (edition == "open",) * 2
            assert ("自己的链接才能打开" in told) == (edition == "sealed")


def test_what_a_record_holds_is_read_across_its_row(shown: Callable[..., Page]) -> None:
    page = shown(REPORTS["member"], WIDE)
    record = page.locator(".x-ledger details:has(.x-content)").first
    column = record.evaluate("e => e.parentElement.clientWidth")
    record.locator("summary").click()
    text = record.locator(".x-content")
    text.evaluate("e => e.textContent = '长'.repeat(5000)")
    assert record.evaluate("e => e.parentElement.clientWidth") == column
    assert text.evaluate("e => e.clientWidth") > 1.5 * column


FOCUS = """() => { const e = document.activeElement;
const shown = e.matches(".md-option") ? e.nextElementSibling : e, box = shown.getBoundingClientRect();
return {name: (e.getAttribute("aria-label") || e.textContent).trim(), body: e === document.body,
  seen: shown.checkVisibility({opacityProperty: true, visibilityProperty: true}) && box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
  marked: getComputedStyle(shown).outlineStyle !== "none"}; }"""


def walk(page: Page) -> list[str]:
    """Tab through a page: everything that takes the focus is in sight and marked. The names, in order."""
    names: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["body"]:
            break
        assert focus["seen"] and focus["marked"], focus
        names.append(focus["name"])
    return names


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    shown: Callable[..., Page], size: dict[str, int]
) -> None:
    page = shown("", size, reduced_motion="reduce")
    names = walk(page)
    assert names[0] == "跳到正文" and names.count("跳到正文") == 1
    doors = [name for name in names if name.startswith(("我要登记", "我的记录", "支部进度"))]
    assert len(doors) == 3 and "换成深色" in names
    assert ("使用手册" in names) == (size == WIDE) and ("栏目" in names) == (size == PHONE)


def test_the_skip_link_leads_to_the_heading(shown: Callable[..., Page]) -> None:
    page = shown("")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS)["name"].startswith("我要登记")


def test_the_menu_opens_and_closes_by_keyboard(site: Site, shown: Callable[..., Page]) -> None:
    page = shown("", reduced_motion="reduce")
    menu = page.get_by_role("button", name="栏目")
    menu.focus()
    page.keyboard.press("Space")
    expect(menu).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("button", name="关闭")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("navigation", name="栏目").get_by_role("link", name="成员", exact=True).click()
    expect(page).to_have_url(site.address + "handbook/members/")


def test_the_palette_changes_by_keyboard_and_is_kept(site: Site, shown: Callable[..., Page]) -> None:
    page = shown("")
    page.get_by_role("radio", name="换成深色").focus()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.goto(site.address + "handbook/members/")
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(25, 24, 23)"
    expect(page.locator("meta[name=theme-color]")).to_have_attribute("content", "#191817")
    assert page.evaluate("refused") == []


def test_the_page_follows_the_system_until_a_colour_is_chosen(site: Site, shown: Callable[..., Page]) -> None:
    page = shown("", color_scheme="dark")
    body = page.locator("body")
    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    page.emulate_media(color_scheme="light")
    expect(body).to_have_attribute("data-md-color-scheme", "default")
    page.emulate_media(color_scheme="dark")
    page.goto(site.address + "handbook/members/")
    expect(body).to_have_attribute("data-md-color-scheme", "slate")
    for name, scheme in (("换成深色", "slate"), ("换成浅色", "default"), ("跟随系统", "slate")):
        page.get_by_role("radio", name=name).focus()
        page.keyboard.press("Enter")
        expect(body).to_have_attribute("data-md-color-scheme", scheme)
    assert page.evaluate("refused") == []


def test_without_scripts_the_pages_stay_in_sight(site: Site, opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    page.goto(site.address)
    expect(page.get_by_role("link", name="使用手册").first).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_the_heads_of_the_pages(sites: dict[str, Site]) -> None:
    for edition, site in sites.items():
        people = [p.name for p in records.load_approved(site.repo, "main")[0].people().values()]
        for path in (
            site.folder / name
            for name in ("index.html", *(f"handbook/{one}/index.html" for one in HANDBOOK), "404.html")
        ):
            head = path.read_text(encoding="utf-8").split("</head>")[0]
            assert '<html lang="zh-CN"' in head and "generator" not in head
            assert (
                head.count("<title>") == head.count('name="description"') == head.count('name="robots"') == 1
            )
            assert head.count('name="theme-color"') == 2 and 'name="referrer" content="no-referrer"' in head
            assert not any(name in head for name in people)
            assert ("noindex" in head) == (edition == "open" or path.name == "404.html")


def test_the_page_for_nothing_says_what_to_do(sites: dict[str, Site]) -> None:
    sealed, clear = sites["sealed"].text("404.html"), sites["open"].text("404.html")
    assert "<code>/o/</code>" in sealed and "/o/" not in clear
    for html in (sealed, clear):
        assert "重新扫您自己的二维码" in html and 'href="/' not in html, (
            "nobody knows below what the site lies"
        )


@pytest.mark.parametrize("below", ["", "some/where/"])
@pytest.mark.parametrize("edition", publish.EDITIONS)
def test_the_page_for_nothing_leads_home_wherever_the_site_lies(
    sites: dict[str, Site], opened: Callable[..., Page], edition: str, below: str
) -> None:
    site, page = sites[edition], opened()
    lies = site.address + below
    page.route(f"{lies}**", lambda route: route.continue_(url=route.request.url.replace(lies, site.address)))
    page.goto(f"{lies}m/no/such/page")
    home = page.get_by_role("link", name="首页")
    expect(home).to_be_visible()
    expect(page.get_by_text("网站名以后的部分删去")).to_be_hidden()
    expect(page.get_by_role("link", name="打开自己的链接")).to_have_count(int(edition == "sealed"))
    assert page.evaluate("refused") == []
    home.click()
    expect(page).to_have_url(lies)


def test_the_page_for_nothing_says_how_to_get_home_without_scripts(
    site: Site, opened: Callable[..., Page]
) -> None:
    page = opened(java_script_enabled=False)
    page.goto(site.address + "no/such/page")
    expect(page.get_by_text("网站名以后的部分删去")).to_be_visible()
    expect(page.get_by_role("link")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_long_name_does_not_break_how_somebody_stands(
    site: Site, opened: Callable[..., Page], width: int
) -> None:
    page = opened({"width": width, "height": 900})
    page.goto(site.address + REPORTS["branch"], wait_until="networkidle")
    page.locator(".x-members tbody tr").evaluate_all("""(rows) => {
      for (const row of rows) row.querySelector("th a").textContent = "阿卜杜热依木江·买买提吐尔逊江·阿卜杜热依木";
      rows[0].querySelector(".x-standing").textContent = "没有年度要求";
      for (const cell of rows[0].querySelectorAll(".x-wide, .x-number")) cell.textContent = "";
    }""")
    lines = page.locator(".x-members .x-standing").evaluate_all(
        """(cells) => cells.map((cell) => { const range = document.createRange(); range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].filter((box) => box.height > 20).map((box) => box.top)).size; })"""
    )
    assert set(lines) == {1}, lines
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_row_of_the_check_up_is_printed_on_one_page(site: Site, opened: Callable[..., Page]) -> None:
    page = opened(WIDE)
    page.goto(site.address + LARGE["committee"], wait_until="networkidle")
    heads = page.locator(".x-norms-all tbody th").all_inner_texts()
    assert len(heads) > 8
    for height in range(0, 700, 90):
        page.locator("article").evaluate("(e, px) => { e.style.paddingTop = `${px}px`; }", height)
        with pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True)) as document:
            paper = ["".join(sheet.get_textpage().get_text_range().split()) for sheet in document]
        assert [head for head in heads if not any("".join(head.split()) in text for text in paper)] == [], (
            height
        )
