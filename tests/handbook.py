"""What the handbook shows: a demo installation on a fixed day, walked through in a browser. Run as a program (by
scripts/handbook) it renews the committed pictures, the record of their words, and their sizes in the pages."""

from __future__ import annotations

import io
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn
import yaml
from browser import chromium
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from xueshi import demo
from xueshi.model import SHANGHAI
from xueshi.service import Service, embedded

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "site" / "pages" / "handbook"
PICTURES = PAGES / "pictures"
WORDS = PICTURES / "words.yaml"
CURE = "run scripts/handbook, and read the pages of the handbook beside what changed"
DAY = datetime(2026, 11, 24, 9, 30, tzinfo=SHANGHAI)
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
_PATIENCE = 120_000  # milliseconds, for machines that have much else to do
SHOWN = re.compile(r"\(pictures/([a-z-]+)\.webp\)(\{[^}]*\})?")

# What is read of a picture: the words between two elements as people see them, and what is filled in. Words that only
# screen readers have are left out.
_READ = """([from, to]) => {
  const range = document.createRange(), found = [];
  range.setStartBefore(from); range.setEndAfter(to);
  const root = range.commonAncestorContainer, walker = document.createTreeWalker(root.nodeType === 1 ? root : root.parentNode, 5);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!range.intersectsNode(node)) continue;
    const element = node.nodeType === 1 ? node : node.parentElement;
    if (!element.checkVisibility({visibilityProperty: true}) || element.closest(".away, .x-away, script, style")) continue;
    if (node.nodeType === 3) found.push(node.data);
    else if (/^(INPUT|TEXTAREA)$/.test(node.tagName) && /^(text|search|textarea)$/.test(node.type)) found.push(node.value);
  }
  return found.map(text => text.replace(/\\s+/g, " ").trim()).filter(Boolean).join(" | ");
}"""

# The words that a page offers one by one: texts of elements and single texts, as far as they can be seen.
_OFFERED = """() => {
  const found = new Set(), add = text => { const one = text.replace(/\\s+/g, " ").trim(); if (one && one.length < 100) found.add(one); };
  for (const element of document.body.querySelectorAll("*")) {
    if (/^(SCRIPT|STYLE)$/.test(element.tagName) || !element.checkVisibility({visibilityProperty: true})) continue;
    add(element.textContent);
    for (const node of element.childNodes) if (node.nodeType === 3) add(node.data);
  }
  return [...found];
}"""

_OF_THE_DAY = (
    (re.compile(r"https?://\S+"), "‹address›"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "‹record›"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}\b"), "‹code›"),
    (re.compile(r"\b\d{1,2}:\d{2}\b"), "‹time›"),
    (re.compile(r"\b[0-9a-f]{7}\b"), "‹commit›"),
    (re.compile(r"合并请求 \d+"), "合并请求 ‹number›"),
    (re.compile(r"还有 \d+ 分钟"), "还有 ‹number› 分钟"),
)


def masked(words: str) -> str:
    """Words without what differs from one run to the next; the day and the people are always the same."""
    for pattern, instead in _OF_THE_DAY:
        words = pattern.sub(instead, words)
    return words


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a page, as PNG of two pixels for one (one where it is wide), and the words in it."""

    png: bytes
    words: str
    scale: int

    def webp(self) -> bytes:
        out = io.BytesIO()
        Image.open(io.BytesIO(self.png)).convert("RGB").save(out, "WEBP", quality=56, method=6)
        return out.getvalue()

    def size(self) -> tuple[int, int]:
        """Width and height in the page's pixels."""
        width, height = Image.open(io.BytesIO(self.png)).size
        return width // self.scale, height // self.scale


class Clock:
    """Half past nine on the handbook's day, and on from there."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return DAY + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class Walk:
    """What is walked through, and what was seen on the way: pictures by name, words that pages offer."""

    service: Service
    ids: Mapping[str, str]
    links: Mapping[str, str]
    clock: Clock
    browser: Browser
    folder: Path
    shots: dict[str, Shot] = field(default_factory=dict)
    offered: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def page(self, url: str, size: Mapping[str, int] = PHONE, **more: object) -> Page:
        """A device of its own, with nothing kept."""
        context = self.browser.new_context(
            viewport=size, device_scale_factor=2 if size == PHONE else 1,  # type: ignore[arg-type]
            locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce", **more,  # type: ignore[arg-type]
        )  # fmt: skip
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"script error on {page.url}: {error}"))
        page.goto(url, wait_until="networkidle")
        return page

    def look(self, page: Page, *, unfold: bool = False) -> None:
        """Note what a page offers; `unfold` also what is folded away, which stays open."""
        if unfold:
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        self.offered.update(masked(words) for words in page.evaluate(_OFFERED))

    def take(
        self, page: Page, name: str, first: Locator, last: Locator | None = None, *, screen: bool = False
    ) -> None:
        """A picture from one element to another, over the page's whole width; or of the screen as it is, of which the
        words between the two are kept."""
        self.look(page)
        ends = [first.first.element_handle(), (last or first).last.element_handle()]
        boxes = [box for end in ends if end is not None and (box := end.bounding_box())]
        assert len(boxes) == 2, f"{name}: the ends of the picture are not on the page"
        page.evaluate("document.activeElement.blur()")
        scrolled, width = page.evaluate("[scrollY, innerWidth]")
        top = max(0, min(box["y"] for box in boxes) + scrolled - 12)
        bottom = max(box["y"] + box["height"] for box in boxes) + scrolled + 12
        clip = {"x": 0, "y": top, "width": width, "height": bottom - top}
        part = {} if screen else {"full_page": True, "clip": clip}
        png = page.screenshot(animations="disabled", caret="hide", **part)
        self.shots[name] = Shot(png, masked(page.evaluate(_READ, ends)), 2 if width == PHONE["width"] else 1)


@contextmanager
def installation(folder: Path, clock: Clock) -> Iterator[tuple[Service, dict[str, str], dict[str, str]]]:
    """The demo, served as on the handbook's day: the service, ids of people, links."""
    with demo.listen("127.0.0.1", 0) as sock:
        ids = demo.prepare(folder, DAY.date())
        service = Service(embedded(folder, f"http://127.0.0.1:{sock.getsockname()[1]}"), now=clock)
        links = demo.links(service, ids)
        server = uvicorn.Server(
            uvicorn.Config(
                service.app, log_config=None, access_log=False, lifespan="off", proxy_headers=False
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        service.start()
        try:
            end = time.monotonic() + 600
            while not (service.site / "index.html").is_file():
                assert time.monotonic() < end, "no site came"
                time.sleep(0.1)
            yield service, ids, links
        finally:
            service.stop()
            server.should_exit = True
            thread.join(30)


@contextmanager
def walked(folder: Path) -> Iterator[Walk]:
    """The whole walk, done."""
    from handbook_steps import steps  # it is written in terms of this module

    clock = Clock()
    with installation(folder / "demo", clock) as (service, ids, links), chromium() as browser:
        walk = Walk(service, ids, links, clock, browser, folder)
        expect.set_options(timeout=_PATIENCE)
        try:
            steps(walk)
        finally:
            expect.set_options(timeout=5_000)  # as it was
        yield walk


def stale(shots: Mapping[str, Shot], record: Mapping[str, list[str]]) -> list[str]:
    """Which pictures show other words than their record says, and which words differ."""
    found = [f"{name}: 没有照到" for name in record if name not in shots]
    for name, shot in shots.items():
        now, then = shot.words.split(" | "), record.get(name)
        if now != then:
            differ = "、".join(sorted({*now} ^ {*then})) or "次序不同" if then is not None else "没有记录"
            found.append(f"{name}: {differ}")
    return found


def example() -> tuple[str, str]:
    """The piece of policy that the handbook's example begins with, and what becomes of it, as they stand in the file."""
    page = (PAGES / "policy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .*\n)+", page, re.M)
    old, new = (
        re.sub(r"(?m)^  ", "", block) for block in blocks if block.startswith("    - id: member-year")
    )
    return old, new


def save(shots: Mapping[str, Shot], folder: Path) -> None:
    """The pictures, and beside them the words in each."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.webp"):
        old.unlink()
    for name, shot in shots.items():
        (folder / f"{name}.webp").write_bytes(shot.webp())
    words = {name: shot.words.split(" | ") for name, shot in shots.items()}
    text = yaml.safe_dump(words, allow_unicode=True, sort_keys=False, width=110)
    (folder / WORDS.name).write_text(
        f"# What each picture shows. Written by scripts/handbook.\n{text}", encoding="utf-8"
    )


def _sized(text: str, shots: Mapping[str, Shot]) -> str:
    """A page whose pictures say how large they are, so that nothing jumps while they load."""

    def told(found: re.Match[str]) -> str:
        if found[1] not in shots:
            return found[0]
        width, height = shots[found[1]].size()
        return f"(pictures/{found[1]}.webp){{ .x-shot width={width} height={height} loading=lazy }}"

    return SHOWN.sub(told, text)


def _stand_in() -> None:
    """Something for each picture that a page names and that is not there yet: without it no site is built."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, _ in (
        found for path in PAGES.glob("*.md") for found in SHOWN.findall(path.read_text(encoding="utf-8"))
    ):
        if not (PICTURES / f"{name}.webp").exists():
            Image.new("RGB", (2, 2)).save(PICTURES / f"{name}.webp", "WEBP")


def main() -> None:
    _stand_in()
    with tempfile.TemporaryDirectory() as folder, walked(Path(folder)) as walk:
        if walk.faults:
            sys.exit("\n".join(walk.faults))
        save(walk.shots, PICTURES)
        for path in sorted(PAGES.glob("*.md")):
            path.write_text(_sized(path.read_text(encoding="utf-8"), walk.shots), encoding="utf-8")
        for name in walk.shots:
            path = PICTURES / f"{name}.webp"
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
