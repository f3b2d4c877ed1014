"""The page /o/ of a sealed site, in Chromium: keys, states, hostile contents, and that nothing leaves the page."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import chromium
from loader_kit import (
    ASOF,
    SITE,
    VECTORS,
    Sealed,
    child,
    derive,
    frame,
    link_text,
    loader_page,
    made_key,
    name,
    packed,
    seal,
    served,
    text_of,
)
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

SIZES = [{"width": 390, "height": 844}, {"width": 1280, "height": 800}]
WECHAT = "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.50"
READER, OFFICER = made_key("reader"), made_key("officer")
HTML = """<h1>教工第一党支部</h1><p class="x-hint">数据截至</p>
<h2 id="members">每位党员</h2><p><a href="#findings">需要核对</a> <a data-open="m1">林样青</a> <a data-open="lost">不在</a></p>
<p class="x-pictures"><img data-blob="p1" width="40" height="30" alt="合影"> <img data-blob="p2" alt="坏了的照片"></p>
<p><a data-file="f1" download="x.xlsx" class="x-button">下载 XLSX</a> <button data-print class="x-button">打印</button></p>
<h2 id="findings">需要核对</h2><details id="d"><summary>明细</summary><p id="deep">深处</p></details>
<svg class="x-bar" width="100%" height="24" viewBox="0 0 10 10" role="img" aria-label="28"><rect class="x-done" width="50%" height="24"/></svg>
<p lang="en">To be read</p>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Sealed]:
    """A member with one page; an officer with two, of which the first has a child, a picture, a file and a chunk."""
    with served(tmp_path / "site") as made:
        branch, other, person, chunk = map(made_key, ("branch", "other", "person", "chunk"))
        picture, file, deflated = map(made_key, ("picture", "file", "deflated"))
        image = tmp_path / "picture.webp"
        Image.new("RGB", (40, 30), (163, 32, 27)).save(image)
        made.put(picture, {"t": "blob", "type": "image/webp"}, image.read_bytes())
        made.put(file, {"t": "file", "type": "text/csv", "name": "学时.csv"}, b"1,2\n")
        made.put(deflated, {"t": "file", "type": "text/csv", "name": "大.csv"}, packed(["学时"]), flags=1)
        made.put(chunk, {"t": "chunk"}, packed({"rows": [["学时", 2]]}), flags=1)
        made.page(person, "林样青", "<h1>林样青</h1><h2>学时账</h2>")
        made.page(other, "研究生党支部", '<h1>研究生党支部</h1><p><a data-file="f2">下载</a></p>', {"f2": child(deflated, "file")})  # fmt: skip
        keys = {
            "m1": child(person, "page", title="林样青"),
            "lost": child(made_key("lost"), "page"),
            "p1": child(picture, "blob"),
            "p2": child(made_key("no picture"), "blob"),
            "f1": child(file, "file"),
            "q1": child(chunk, "chunk"),
        }
        made.page(branch, "教工第一党支部", HTML, keys)
        made.door(READER, ("林样青", person))
        made.door(OFFICER, ("教工第一党支部", branch), ("研究生党支部", other), kind="officer")
        yield made


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What scripts failed of; it fails the test."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def context(browser: Browser, errors: list[str]) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    made.on("weberror", lambda error: errors.append(str(error.error)))
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def shown(page: Page, heading: str) -> None:
    expect(page.locator("main h1:visible")).to_have_text(heading)
    expect(page.locator("main")).to_have_attribute("aria-busy", "false")


def requests_of(page: Page) -> list[str]:
    """Grows by the address of everything that the page asks for."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def test_the_kit_makes_the_vectors() -> None:
    reader = bytes.fromhex(VECTORS["reader_member_m-7q2f_0"])
    key = bytes.fromhex(VECTORS["page_key_member_m-7q2f_acl(m,o)"])
    assert frame(b"ab", b"c").hex() == VECTORS["frame(ab,c)"]
    root = derive(bytes.fromhex(VECTORS["master"]), b"link", b"2026")
    assert root.hex() == VECTORS["link_root_2026"]
    assert derive(derive(root, b"class", b"member"), b"reader", b"m-7q2f", b"0") == reader
    assert (link_text(reader), name(reader)) == (VECTORS["fragment"], VECTORS["door_file"])
    assert name(key) == VECTORS["page_file"]
    assert (
        seal(key, {"t": "page"}, "学时".encode()).hex()
        == VECTORS["sealed_page(meta={t:page},body=学时,pad=64)"]
    )


def test_the_browser_opens_the_vectors(site: Sealed, page: Page) -> None:
    key = bytes.fromhex(VECTORS["page_key_member_m-7q2f_acl(m,o)"])
    site.door(bytes.fromhex(VECTORS["reader_member_m-7q2f_0"]), ("学时", key))
    place = site.folder / VECTORS["page_file"]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(bytes.fromhex(VECTORS["sealed_page(meta={t:page},body=学时,pad=64)"]))
    page.goto(f"{site.address}/o/#{VECTORS['fragment']}")
    expect(page.locator("[data-view]")).to_have_text("学时")
    assert [path for path in site.asked if path.startswith("/s/")] == [
        "/" + VECTORS["door_file"],
        "/" + VECTORS["page_file"],
    ]


@pytest.mark.parametrize("around", ["{}", "{}&appinstall=0", "/{}?from=x", "k1k1{}", "k1{}"])
def test_a_link_opens_whatever_a_messenger_adds(site: Sealed, page: Page, around: str) -> None:
    page.goto(f"{site.address}/o/?from=singlemessage#{around.format(link_text(READER))}")
    shown(page, "林样青")
    assert page.url == f"{site.address}/o/?from=singlemessage" and page.title() == "学时"
    expect(page.locator("main h1:visible")).to_be_focused()
    expect(page.locator("[data-status]")).to_have_text("林样青")
    expect(page.locator(".x-footer")).to_contain_text(f"示例大学艺术学院　数据截至 {ASOF}")


def test_no_key_and_no_name_is_in_a_request_and_none_goes_elsewhere(site: Sealed, page: Page) -> None:
    requested = requests_of(page)
    page.goto(site.link(OFFICER))
    expect(page.locator("img[src^='blob:']")).to_be_visible()
    page.get_by_role("link", name="林样青").click()
    shown(page, "林样青")
    keys = [
        text_of(made_key(label)) for label in ("reader", "officer", "branch", "person", "picture", "file")
    ]
    secrets = [
        link_text(OFFICER),
        *keys,
        *(made_key(label).hex() for label in ("officer", "branch", "person")),
    ]
    assert len(site.asked) >= 8
    assert [url for url in requested if not url.startswith((site.address, "blob:"))] == []
    for asked in [*map(unquote, site.asked), page.url]:
        assert not any(secret in asked for secret in [*secrets, "林样青", "教工"]), asked
    kept = page.evaluate(
        "JSON.stringify([history.state, {...sessionStorage}, {...localStorage}, document.cookie])"
    )
    assert not any(secret in kept for secret in secrets)


def broken(site: Sealed, change: Callable[[bytearray], object]) -> None:
    place = site.folder / name(READER)
    data = bytearray(place.read_bytes())
    change(data)
    place.write_bytes(data)


def flip(data: bytearray) -> None:
    data[300] ^= 1


def cut(data: bytearray) -> None:
    del data[-40:]


def salted(data: bytearray) -> None:
    data[9] ^= 1


def empty(data: bytearray) -> None:
    data.clear()


def newer(data: bytearray) -> None:
    data[4] = 2


@pytest.mark.parametrize("change", [flip, cut, salted, empty, newer])
def test_an_altered_file_shows_nothing(
    site: Sealed, page: Page, change: Callable[[bytearray], object]
) -> None:
    broken(site, change)
    page.goto(site.link(READER))
    shown(page, "报告没有通过核对")
    assert "林样青" not in page.locator("body").inner_text()


def test_a_file_in_anothers_place_shows_nothing(site: Sealed, page: Page) -> None:
    (site.folder / name(READER)).write_bytes((site.folder / name(OFFICER)).read_bytes())
    page.goto(site.link(READER))
    shown(page, "报告没有通过核对")


def test_a_page_in_place_of_a_door_shows_nothing(site: Sealed, page: Page) -> None:
    site.page(READER, "林样青", "<h1>林样青</h1>")
    page.goto(site.link(READER))
    shown(page, "报告没有通过核对")


def test_a_salt_that_is_no_mac_shows_nothing(site: Sealed, page: Page) -> None:
    """What AES-GCM alone would take: one file made to fit a key that its salt does not commit to."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    place = site.folder / name(READER)
    data, salt = place.read_bytes(), bytes(32)
    inner = AESGCM(derive(READER, b"enc", salt=data[8:40])).decrypt(bytes(12), data[40:], data[:40])
    head = data[:8] + salt
    place.write_bytes(head + AESGCM(derive(READER, b"enc", salt=salt)).encrypt(bytes(12), inner, head))
    page.goto(site.link(READER))
    shown(page, "报告没有通过核对")


def test_damaged_and_replaced_links_are_told_apart(site: Sealed, page: Page) -> None:
    for cut_off in (link_text(READER)[:-1], link_text(READER)[:-2] + "AA", "k1"):
        page.goto("about:blank")
        page.goto(f"{site.address}/o/#{cut_off}")
        shown(page, "这个链接打不开")
        expect(page.get_by_text("链接不完整。")).to_be_visible()
        assert page.url == f"{site.address}/o/"
    page.goto("about:blank")
    page.goto(site.link(made_key("replaced")))
    shown(page, "这个链接打不开")
    expect(page.get_by_text("已经换成新的")).to_be_visible()


def test_without_a_link_one_can_be_pasted(site: Sealed, page: Page) -> None:
    page.goto(f"{site.address}/o/")
    shown(page, "请打开您自己的链接")
    asked = len(site.asked)
    page.get_by_role("textbox", name="粘贴您的链接").fill("没有链接")
    page.keyboard.press("Enter")
    shown(page, "这个链接打不开")
    assert len(site.asked) == asked
    link = site.link(READER)
    page.get_by_role("textbox", name="粘贴您的链接").fill(f"我的：{link[:40]}\n{link[40:]} 请勿转发")
    page.get_by_role("button", name="打开").click()
    shown(page, "林样青")
    assert link_text(READER) not in page.url


def test_an_unanswered_request_can_be_tried_again(site: Sealed, page: Page) -> None:
    page.route("**/s/**", lambda route: route.abort())
    page.goto(site.link(READER))
    shown(page, "没有连上网站")
    page.unroute("**/s/**")
    page.route("**/s/**", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="重新试一次").click()
    shown(page, "没有连上网站")
    page.unroute("**/s/**")
    page.get_by_role("button", name="重新试一次").click()
    shown(page, "林样青")


def test_while_it_opens_a_still_shape_is_shown(site: Sealed, page: Page) -> None:
    held: list[Route] = []
    page.route("**/s/**", lambda route: held.append(route), times=1)
    page.goto(site.link(READER))
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    expect(page.locator("main h1:visible")).to_have_text("正在打开")
    expect(page.locator(".o-shape")).to_be_visible()
    assert page.locator(".o-shape").evaluate("e => e.getAnimations({subtree: true}).length") == 0
    held[0].continue_()
    shown(page, "林样青")


def test_plain_http_is_refused_in_words(site: Sealed, page: Page) -> None:
    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://plain.test/")
        route.fulfill(path=site.folder / (path + "index.html" if path.endswith("/") else path))

    page.route("http://plain.test/**", answer)
    page.goto(site.link(READER).replace(site.address, "http://plain.test"))
    shown(page, "需要安全连接")
    leads = page.get_by_role("link", name="改用 https 打开").get_attribute("href")
    assert leads == f"https://plain.test/o/#{link_text(READER)}"
    assert not any(path.startswith("/s/") for path in site.asked)


def test_an_old_browser_is_told_so(site: Sealed, page: Page) -> None:
    page.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', {value: undefined})")
    page.goto(site.link(READER))
    shown(page, "浏览器太旧")
    page.get_by_role("button", name="复制我的链接").click()
    expect(page.locator(".o-said")).to_have_text("已复制")


def test_a_browser_that_cannot_inflate_is_told_so(site: Sealed, page: Page) -> None:
    page.add_init_script("delete window.DecompressionStream")
    page.goto(site.link(OFFICER))
    page.get_by_role("button", name="研究生党支部").click()
    shown(page, "研究生党支部")
    page.get_by_role("link", name="下载").click()
    expect(page.locator(".o-said")).to_have_text("浏览器太旧，取不出这个文件")


def test_without_scripts_it_says_what_to_do(site: Sealed, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.link(READER))
    expect(page.locator("main h1:visible")).to_have_text("需要打开 JavaScript")
    context.close()


HOSTILE = """<h1>坏</h1><script>window.ran = 1</script><img src=x onerror="window.ran = 2"><img data-blob="none" src="//evil.test/x" alt="没有">
<a href="javascript:window.ran=3">a</a><a href=" java&#10;script:window.ran=4">b</a><a href="data:text/html,x">c</a><a href="//evil.test/">d</a>
<p style="position:fixed" onclick="window.ran = 5" class="x-hint" id="o-device">text</p><style>body{display:none}</style>
<iframe srcdoc="<script>parent.ran = 6</script>"></iframe><form action="//evil.test/"><input name="q"></form><base href="//evil.test/">
<object data="x"></object><embed src="x"><link rel="stylesheet" href="//evil.test/x.css"><meta http-equiv="refresh" content="0;url=//evil.test/">
<svg><script>window.ran = 7</script><a href="javascript:window.ran=8"><text>s</text></a><use href="//evil.test/#x"/><image href="//evil.test/x"/>
<rect fill="url(//evil.test/#a)" stroke="url(#x-waits)" onload="window.ran = 9"/><foreignObject><img src=x onerror="window.ran = 10"></foreignObject></svg>
<math><mtext><style><img src=x onerror="window.ran = 11"></style></mtext></math><template><p>t</p></template>
<input type="password" name="p"><input type="file"><button formaction="//evil.test/" type="submit">go</button><video src="//evil.test/"></video>"""

UNCLOSED = '<noscript><p title="</noscript><img src=x onerror=window.ran=12>"></noscript>'


def test_hostile_contents_do_nothing(site: Sealed, page: Page) -> None:
    requested = requests_of(page)
    site.page(made_key("person"), "坏", HOSTILE + f"<p>\u202e\u2066RTL {'学' * 5000}</p>{UNCLOSED}")
    page.goto(site.link(READER))
    shown(page, "坏")
    expect(page.locator(".o-lost")).to_have_count(2)
    for a in page.locator("[data-view] a").all():
        a.click(no_wait_after=True, trial=True)
    assert page.evaluate("window.ran") is None
    assert len(requested) > 5 and not any("evil.test" in url for url in requested)
    left = page.evaluate(
        """() => [...document.querySelector('[data-view] > div').querySelectorAll('*')].map(e =>
        e.localName + [...e.attributes].map(a => ` ${a.name}=${a.value}`).join(''))"""
    )
    assert left == [
        "h1 tabindex=-1",
        "span class=o-lost",
        "span class=o-lost",
        *["a rel=noopener noreferrer"] * 3,
        "a href=//evil.test/ rel=noopener noreferrer",
        "p class=x-hint",
        "svg",
        "rect stroke=url(#x-waits)",
        "input name=p",
        "input",
        "button",
        "p",
    ]  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_report_makes_focusable_what_scrolls_and_orders_nothing(site: Sealed, page: Page) -> None:
    order = "".join(f'<p tabindex="{n}">{n}</p>' for n in ("5", "-1", "01", "0 "))
    site.page(
        made_key("person"),
        "表",
        f'<h1>表</h1><div tabindex="0" role="region" aria-label="表">宽</div>{order}',
    )
    page.goto(site.link(READER))
    shown(page, "表")
    expect(page.get_by_role("region", name="表")).to_have_attribute("tabindex", "0")
    expect(page.locator("[data-view] p[tabindex]")).to_have_count(0)


def test_the_policy_stops_what_gets_past_the_list(site: Sealed, page: Page) -> None:
    page.goto(site.link(READER))
    shown(page, "林样青")
    page.evaluate(
        """() => { window.broken = [];
        document.addEventListener('securitypolicyviolation', e => broken.push(e.effectiveDirective));
        const script = document.createElement('script'); script.append('window.ran = 1');
        const style = document.createElement('style'); style.append('h1 { display: none }');
        const image = document.createElement('img'); image.src = 'http://evil.test/x';
        const base = document.createElement('base'); base.href = 'http://evil.test/';
        document.body.append(style, image); document.head.append(base);
        try { document.body.append(script); } catch (_) { }
        try { document.body.innerHTML = '<p>gone</p>'; } catch (_) { }
        return fetch('http://evil.test/').catch(() => 0); }"""
    )
    shown(page, "林样青")
    page.evaluate(
        """() => { const form = document.createElement('form'); form.action = 'http://evil.test/';
        document.body.append(form); form.submit(); return new Promise(done => setTimeout(done, 200)); }"""
    )
    stopped = set(page.evaluate("broken"))
    assert {
        "style-src-elem",
        "img-src",
        "base-uri",
        "form-action",
        "connect-src",
        "require-trusted-types-for",
    } <= stopped
    assert page.evaluate("window.ran") is None


def test_pictures_show_or_say_what_they_are(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    picture = page.get_by_role("button", name="放大 合影")
    expect(picture).to_be_visible()
    assert picture.locator("img").evaluate("img => [img.naturalWidth, img.naturalHeight]") == [40, 30]
    expect(page.locator(".o-lost")).to_have_text("坏了的照片")
    picture.press("Enter")
    expect(picture).to_have_attribute("aria-expanded", "true")


def test_a_picture_that_may_not_be_a_blob_is_shown_as_data(site: Sealed, page: Page) -> None:
    page.add_init_script("URL.createObjectURL = () => 'blob:null/none'")
    page.goto(site.link(OFFICER))
    expect(page.locator("img[src^='data:image/webp']")).to_be_visible()


def test_a_file_is_saved(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    with page.expect_download() as waited:
        page.get_by_role("link", name="下载 XLSX").press("Enter")
    assert waited.value.suggested_filename == "学时.csv"
    assert waited.value.path().read_bytes() == b"1,2\n"
    page.get_by_role("button", name="研究生党支部").click()
    shown(page, "研究生党支部")
    with page.expect_download() as waited:
        page.get_by_role("link", name="下载").click()
    assert json.loads(waited.value.path().read_bytes()) == ["学时"]


def test_in_wechat_saving_and_printing_lead_to_the_browser(site: Sealed, page: Page) -> None:
    page.add_init_script(f"Object.defineProperty(navigator, 'userAgent', {{value: '{WECHAT}'}})")
    page.goto(site.link(OFFICER))
    for pressed in (page.get_by_role("link", name="下载 XLSX"), page.get_by_role("button", name="打印")):
        pressed.press("Enter")
        expect(page.get_by_role("heading", name="请在浏览器里打开")).to_be_focused()
        page.get_by_role("button", name="知道了").click()
        expect(pressed).to_be_focused()
    pressed.press("Enter")
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false"
    )
    page.locator("[data-inapp]").get_by_role("button", name="复制我的链接").click()
    expect(page.get_by_label("您的链接").first).to_have_value(site.link(OFFICER))


def test_printing_waits_for_every_picture(site: Sealed, page: Page) -> None:
    held: list[Route] = []
    page.route("**/" + name(made_key("picture")), lambda route: held.append(route))
    page.add_init_script("window.printed = []; print = () => printed.push(document.images.length && document.images[0].complete && document.images[0].naturalWidth)")  # fmt: skip
    page.goto(site.link(OFFICER))
    page.get_by_role("button", name="打印").click()
    expect(page.locator(".o-said")).to_have_text("正在准备照片…")
    page.wait_for_timeout(100)
    assert page.evaluate("printed") == []
    held[0].continue_()
    page.wait_for_function("() => printed.length > 0")
    assert page.evaluate("printed") == [40]


def test_printing_a_sheet_shows_it_and_waits_for_its_pictures_alone(site: Sealed, page: Page) -> None:
    keys = {"p1": child(made_key("picture"), "blob"), "p2": child(made_key("no picture"), "blob")}
    body = (
        '<h1>林样青</h1><p><button data-print="sheet">打印登记表</button></p><p style="height:9em"></p>'
        '<details><summary>照片</summary><img data-blob="p2" alt="报告的照片"></details>'
        '<div class="s-sheets" hidden><section class="s-sheet"><img data-blob="p1" alt="表的照片"></section></div>'
    )
    site.page(made_key("person"), "林样青", body, keys)
    page.add_init_script("window.printed = []; print = () => printed.push(document.documentElement.className + document.images[1].naturalWidth)")  # fmt: skip
    page.goto(site.link(READER))
    shown(page, "林样青")
    expect(page.get_by_alt_text("表的照片")).to_be_hidden()
    page.get_by_role("button", name="打印登记表").click()
    page.wait_for_function("() => printed.length > 0")
    assert page.evaluate("printed") == ["x-sheet-only40"]
    assert not any(path.endswith(name(made_key("no picture"))) for path in site.asked)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.className") == ""


def test_going_to_a_child_and_back_keeps_what_was_open(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    page.get_by_text("明细").click()
    page.get_by_role("link", name="林样青").press("Enter")
    shown(page, "林样青")
    assert page.url.endswith("/o/#p1")
    page.go_back()
    shown(page, "教工第一党支部")
    assert page.url.endswith("/o/")
    expect(page.get_by_text("深处")).to_be_visible()
    page.go_forward()
    shown(page, "林样青")
    page.get_by_role("link", name="返回 教工第一党支部").click()
    shown(page, "教工第一党支部")
    page.get_by_role("button", name="研究生党支部").click()
    shown(page, "研究生党支部")
    expect(page.get_by_role("button", name="研究生党支部")).to_have_attribute("aria-current", "page")
    page.go_back()
    page.go_back()
    shown(page, "林样青")


def test_a_page_that_is_gone_leads_back_to_the_start(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    page.get_by_role("link", name="不在").click()
    shown(page, "这一页已经不在了")
    page.get_by_role("button", name="回到开头").click()
    shown(page, "教工第一党支部")


def test_a_page_whose_key_changed_meanwhile_is_found_again(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    shown(page, "教工第一党支部")
    (site.folder / name(made_key("person"))).unlink()
    site.page(made_key("moved"), "林样青", "<h1>林样青 新</h1>")
    site.page(made_key("branch"), "教工第一党支部", HTML, {"m1": child(made_key("moved"), "page")})
    os.utime(site.folder / name(made_key("branch")), (0, 0))
    page.get_by_role("link", name="林样青").click()
    shown(page, "林样青 新")


def test_links_within_a_page_leave_no_trace_in_the_address(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    page.get_by_role("link", name="需要核对").first.click()
    expect(page.locator("#findings")).to_be_focused()
    assert page.url == f"{site.address}/o/"


def test_a_reload_without_leave_to_remember_asks_for_the_link(site: Sealed, page: Page) -> None:
    page.goto(site.link(READER))
    shown(page, "林样青")
    page.reload()
    shown(page, "请打开您自己的链接")
    assert page.evaluate("indexedDB.databases().then(all => all.length)") <= 1


def test_a_remembered_link_survives_a_reload_and_is_forgotten(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    page.get_by_role("link", name="林样青").click()
    shown(page, "林样青")
    page.get_by_role("button", name="记住我的链接").click()
    expect(page.get_by_role("button", name="忘记我的链接")).to_be_focused()
    page.reload()
    shown(page, "林样青")
    expect(page.get_by_role("button", name="复制我的链接")).to_be_hidden()
    page.go_back()
    shown(page, "教工第一党支部")
    held = page.evaluate(
        """() => new Promise(done => { const o = indexedDB.open('xueshi'); o.onsuccess = () => {
        const a = o.result.transaction('links').objectStore('links').getAll();
        a.onsuccess = () => { o.result.close(); crypto.subtle.exportKey('raw', a.result[0].key).then(() => done('out'),
        () => done(Object.keys(a.result[0]).sort().join() + a.result[0].key.extractable)); }; }; })"""
    )
    assert held == "door,key,labelfalse"
    page.get_by_role("button", name="忘记我的链接").click()
    shown(page, "已经忘记您的链接")
    page.reload()
    shown(page, "请打开您自己的链接")


def test_each_tab_keeps_to_its_own_link(site: Sealed, context: BrowserContext) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab, reader in zip(tabs, (READER, OFFICER), strict=True):
        tab.goto(site.link(reader))
        tab.get_by_role("button", name="记住我的链接").click()
        expect(tab.get_by_role("button", name="忘记我的链接")).to_be_visible()
    for tab, heading in zip(tabs, ("林样青", "教工第一党支部"), strict=True):
        tab.reload()
        shown(tab, heading)
    third = context.new_page()
    third.goto(f"{site.address}/o/")
    shown(third, "请打开您自己的链接")
    third.get_by_role("button", name="教工第一党支部").click()
    shown(third, "教工第一党支部")


def test_another_link_in_the_same_tab_replaces_the_first(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    shown(page, "教工第一党支部")
    page.evaluate(f"location.hash = '{link_text(READER)}'")
    shown(page, "林样青")
    assert link_text(READER) not in page.url
    page.go_back()
    shown(page, "请打开您自己的链接")


def test_scripts_attach_to_a_page_and_read_its_chunks(site: Sealed, page: Page) -> None:
    (site.folder / "o" / "query.js").write_text(
        "document.addEventListener('xueshi:page', async event => { const data = await xueshi.chunk('q1').catch(() => null);"
        "event.detail.dataset.rows = JSON.stringify(data && data.rows); });",
        encoding="utf-8",
    )
    (site.folder / "o" / "index.html").write_text(loader_page(scripts=("query.js",)), encoding="utf-8")
    page.goto(site.link(OFFICER))
    expect(page.locator("[data-rows]")).to_have_attribute("data-rows", '[["学时",2]]')


def test_the_keyboard_reaches_everything_in_order(site: Sealed, page: Page) -> None:
    page.goto(site.link(OFFICER))
    shown(page, "教工第一党支部")
    expect(page.locator(".o-lost")).to_have_count(1)
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.textContent || document.activeElement.ariaLabel")
        )
    assert reached[:7] == ["需要核对", "林样青", "不在", "放大 合影", "下载 XLSX", "打印", "明细"]
    assert reached[7:9] == ["记住我的链接", "复制我的链接"]


@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_and_fits(
    site: Sealed, browser: Browser, size: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="zh-CN")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(site.link(OFFICER))
    expect(page.locator(".o-lost")).to_have_count(1)
    states = re.findall(r'<section data-state="([a-z]+)"', loader_page())
    assert len(states) == 11
    for state in ["page", "inapp", *states]:
        if state != "page":
            page.evaluate(
                """name => { for (const s of document.querySelectorAll('[data-state], [data-inapp]'))
                s.hidden = s.dataset.state !== name && !(name === 'inapp' && 'inapp' in s.dataset); }""",
                state,
            )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
        # An `inapp` box alone has no h1; it always stands above a report.
        rules = {"page-has-heading-one": {"enabled": state != "inapp"}}
        found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
        assert found.violations_count == 0, (state, found.generate_report())
    context.close()


def test_paper_is_light_and_holds_the_report_alone(site: Sealed, page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(site.link(OFFICER))
    shown(page, "教工第一党支部")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".md-header", ".md-tabs", "[data-device]", ".o-toc", "[data-print]"):
        expect(page.locator(hidden)).to_be_hidden()


def test_dark_is_the_dark_of_the_other_pages() -> None:
    sheets = [
        (SITE / "theme" / "assets" / sheet).read_text(encoding="utf-8")
        for sheet in ("xueshi.css", "loader.css")
    ]
    found = [
        re.search(where + r" \{\s*(--ink:[^}]*)\}", text)
        for where, text in zip(("slate]", ":root"), sheets, strict=True)
    ]
    assert found[0] is not None and found[1] is not None
    assert found[0][1].split() == found[1][1].split()


def test_the_words_stand_in_the_page_in_both_languages(site: Sealed, page: Page) -> None:
    script = (SITE / "theme" / "assets" / "loader.js").read_text(encoding="utf-8")
    assert re.findall("[一-鿿]", script) == [] and "innerHTML" not in script
    english = loader_page("en")
    assert re.findall("[一-鿿]", english.replace("示例大学艺术学院党委", "").replace("学时", "")) == []
    shape = re.compile(r'data-[a-z]+(?:="[a-z]+")?[ >]')
    assert shape.findall(english) == shape.findall(loader_page())
    (site.folder / "o" / "index.html").write_text(english, encoding="utf-8")
    page.goto(f"{site.address}/o/")
    shown(page, "Open your own link")
