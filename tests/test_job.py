"""The whole job as people do it: `scripts/demo`, a phone-sized Chromium, then a clone of the repository."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import at_rest, chromium, show
from conftest import FOUND
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from xueshi.model import SHANGHAI
from xueshi.sealing import file_name, parsed_fragment

ROOT = Path(__file__).parent.parent
PHONE = {"width": 390, "height": 844}


@contextmanager
def demo(folder: Path) -> Iterator[tuple[dict[str, str], subprocess.Popen[str]]]:
    """`scripts/demo` on a free port; its links."""
    run = [str(ROOT / "scripts" / "demo"), "--port", "0", "--json", "--dir", str(folder)]
    process = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        process.stdout.close()


@dataclass
class Job:
    links: dict[str, str]
    folder: Path
    browser: Browser
    faults: list[str] = field(default_factory=list)

    def page(self, url: str, size: dict[str, int] = PHONE) -> Page:
        """A fresh phone: no cookies, no storage; anything it fails to load or run fails the test."""
        context = self.browser.new_context(viewport=size, locale="zh-CN", timezone_id="Asia/Shanghai")
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"script error on {page.url}: {error}"))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))
        page.on(
            "response", lambda answer: answer.status == 404 and self.faults.append(f"not there: {answer.url}")
        )
        page.goto(url)
        return page

    def desk(self, size: dict[str, int] = PHONE) -> Page:
        """The review desk on a phone that has never opened it: six digits and one tap."""
        page = self.page(self.links["desk"], size)
        page.get_by_label("审核码").fill(self.links["code"])
        page.get_by_role("button", name="进入审核台").click()
        expect(page.get_by_role("button", name="退出此设备")).to_be_visible()
        return page

    def _failed(self, url: str, why: str) -> None:
        if "ERR_ABORTED" not in why:  # the page itself went on before it had all
            self.faults.append(f"did not load: {url} {why}")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("demo")
    with demo(folder) as (links, _), chromium() as browser:
        made = Job(links, folder, browser)
        yield made
        assert made.faults == []


def photo(path: Path) -> None:
    """What a phone's camera writes: 4032×3024, lying on its side, with a place in it."""
    image = Image.effect_noise((4032, 3024), 40).convert("RGB")
    ImageDraw.Draw(image).rectangle(
        (0, 0, 2015, 3023), fill=(163, 32, 27)
    )  # left; on top once turned upright
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera of a secret maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (22.0, 49.0, 12.0), 3: "E", 4: (108.0, 19.0, 48.0)})
    exif.get_ifd(0x8769)[0x9003] = datetime.now(SHANGHAI).strftime("%Y:%m:%d %H:%M:%S")
    image.save(path, "JPEG", quality=90, exif=exif)


class Watch:
    """Polls what a link opens from outside, its page and its door, and keeps every answer that is neither."""

    def __init__(self, link: str) -> None:
        page, _, fragment = link.partition("#")
        door = page.removesuffix("o/") + file_name(parsed_fragment(fragment))
        self.wanted, self.looks = {page: b"<html lang", door: b"XSS1"}, 0
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            self.looks += 1
            for url, held in self.wanted.items():
                try:
                    with urllib.request.urlopen(url, timeout=10) as answer:
                        if held not in answer.read(500):
                            self.wrong.append(f"another page: {url}")
                except urllib.error.URLError as error:
                    self.wrong.append(f"{url}: {error}")


def test_register_approve_and_see_the_hours(
    job: Job, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    photo(tmp_path / "IMG_0001.jpg")
    before = hours(job.page(job.links["report"]))

    # The member: one link, one photo, five taps and a title.
    started = time.monotonic()
    form = job.page(job.links["form"])
    taps = 0
    for name in ("主题党日", "2"):
        form.locator("label.choice", has=form.get_by_text(name, exact=True)).click()
        taps += 1
    form.get_by_label("学习主题").fill("反诈宣传进校园 <b>第一讲</b>")
    form.locator("input[type=file]").set_input_files(tmp_path / "IMG_0001.jpg")
    expect(form.locator("figure.new img")).to_have_count(1)
    taps += 2  # open the camera, take
    form.get_by_role("button", name="提交登记").click()
    taps += 1
    expect(form.get_by_role("heading", level=1)).to_have_text("已收到")
    registering = time.monotonic() - started
    expect(form.locator("h1.state")).to_have_text("待审核", timeout=20_000)
    form.reload()
    expect(form.get_by_text("反诈宣传进校园 <b>第一讲</b>")).to_be_visible()

    # The reviewer: sees what it does, approves.
    started = time.monotonic()
    desk = job.desk()
    row = desk.locator("li.item", has_text="反诈宣传进校园")
    expect(row).to_contain_text("林样青")
    expect(row).to_contain_text(f"{before:g} → {before + 2:g}")
    expect(row.locator("img")).to_have_js_property("complete", True)
    row.get_by_role("link", name="打开").click()
    with Watch(job.links["report"]) as watch:
        desk.get_by_role("button", name="通过").last.click()
        expect(desk.get_by_role("status")).to_contain_text("已通过 1 条")
        approving = time.monotonic() - started

        # The member's page follows.
        report = job.page(job.links["report"])
        while hours(report) != before + 2:
            assert time.monotonic() - started < 60
            time.sleep(0.1)
            report.goto("about:blank")
            report.goto(job.links["report"])
        following = time.monotonic() - started - approving
    assert watch.wrong == [] and watch.looks > 10

    line = report.locator(".x-ledger > tbody > tr", has_text="反诈宣传进校园")
    line.locator("summary").click()
    expect(line.locator(".x-history li")).to_have_count(2)
    expect(line.locator(".x-history")).to_contain_text("韦测宁通过")
    expect(line.locator(".x-pictures img")).to_have_js_property("naturalWidth", 1200)
    merge = line.locator("[data-merge]").get_attribute("data-merge")
    assert merge is not None
    form.reload()
    expect(form.locator("h1.state")).to_have_text("已通过")

    find_it_in_a_clone(job, tmp_path / "clone", merge, before + 2)
    record_property(
        FOUND,
        f"registering: {taps} taps and a title, {registering:.1f} s in the browser; "
        f"approving: 2 taps, once a phone six digits and a tap before, {approving:.1f} s; merge to page: {following:.1f} s; {watch.looks} polls, none missed",
    )


def hours(page: Page) -> float:
    return float(page.locator("[data-counted]").inner_text())


def find_it_in_a_clone(job: Job, clone: Path, merge: str, total: float) -> None:
    """The repository alone proves it: the merge that the page names, the picture without its secrets, the totals."""
    subprocess.run(["git", "clone", "-q", job.links["repository"], str(clone)], check=True)

    def git(*args: str) -> bytes:
        return subprocess.run(["git", "-C", str(clone), *args], check=True, capture_output=True).stdout

    message = git("show", "-s", "--format=%B", merge).decode()
    assert re.search(r"^Pull: \d+$", message, re.M) and re.search(r"^Approved-By: m0002$", message, re.M)
    assert len(git("show", "-s", "--format=%P", merge).split()) == 2
    changed = git("diff", "--name-only", f"{merge}^1", merge).decode().split()
    assert len(changed) == 1
    for commit in git("rev-list", f"{merge}^1..{merge}").decode().split():
        assert "反诈" not in git("show", "-s", "--format=%B", commit).decode()
    record = git("show", f"{merge}:{changed[0]}").decode()
    sha256 = re.search(r"sha256: \"?([0-9a-f]{64})", record)
    assert sha256 is not None

    year = changed[0].split("/")[2]
    picture = git("show", f"origin/evidence/{year}:{sha256[1][:2]}/{sha256[1]}.webp")
    assert len(picture) <= 200_000
    # One chunk, the image itself, up to the end: there is no place for EXIF or a GPS position.
    assert b"secret maker" not in picture and picture[12:16] == b"VP8 "
    size = int.from_bytes(picture[16:20], "little")
    assert 20 + size + size % 2 == len(picture)
    image = Image.open(io.BytesIO(picture))
    assert image.format == "WEBP" and image.size[0] < image.size[1]  # upright
    red = image.convert("RGB").getpixel((image.size[0] // 2, 20))
    assert isinstance(red, tuple) and red[0] > 120 > red[1]  # the side that was left is on top

    today = datetime.now(SHANGHAI).date().isoformat()
    oracle = [sys.executable, str(ROOT / "tests" / "oracle.py"), str(clone), today]
    counted = json.loads(subprocess.run(oracle, check=True, capture_output=True, text=True).stdout)
    assert float(counted["members"]["m0001"]["member-year"]["counted"]) == total
    ours = [str(Path(sys.executable).parent / "xueshi"), "totals", "--repo", str(clone), "--format", "json"]
    printed = json.loads(subprocess.run(ours, check=True, capture_output=True, text=True).stdout)["members"]
    assert {
        m: {i: (r["target"], r["counted"], r["standing"]) for i, r in t["requirements"].items()}
        for m, t in printed.items()
    } == {
        m: {i: (r["target"], r["counted"], r["standing"]) for i, r in t.items()}
        for m, t in counted["members"].items()
    }


def push(clone: Path, spec: str) -> subprocess.CompletedProcess[str]:
    run = ["git", "-C", str(clone), "push", "origin", spec]
    return subprocess.run(run, capture_output=True, text=True, check=False)


def test_over_http_a_proposal_is_begun_or_added_to_and_nothing_else(job: Job, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", job.links["repository"], str(clone)], check=True)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    subprocess.run(["git", "-C", str(clone), *identity, "commit", "-qm", "x", "--allow-empty"], check=True)
    refused = push(clone, "HEAD:main")
    assert refused.returncode != 0 and "合并请求" in refused.stderr
    began = push(clone, "HEAD:refs/heads/sub/01M86XZ5WXQZBZV6GE0WHCHXJ0")
    assert began.returncode == 0, began.stderr
    subprocess.run(
        ["git", "-C", str(clone), *identity, "commit", "-q", "--amend", "--allow-empty", "-m", "y"],
        check=True,
    )
    for spec, words in (
        ("HEAD:refs/heads/sub/short", "合并请求"),
        ("+HEAD:refs/heads/evidence/2026", "合并请求"),
        ("+HEAD:refs/heads/sub/01M86XZ5WXQZBZV6GE0WHCHXJ0", "接着提交"),
        (":refs/heads/sub/01M86XZ5WXQZBZV6GE0WHCHXJ0", "不能删除"),
    ):
        answer = push(clone, spec)
        assert answer.returncode != 0 and words in answer.stderr, spec
    without = re.sub(r"//git:[^@]*@", "//", job.links["repository"])
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false"}
    stranger = subprocess.run(
        ["git", "clone", "-q", without, str(tmp_path / "no")], env=env, capture_output=True, check=False
    )
    assert stranger.returncode != 0


def test_the_form_works_without_scripts(job: Job, tmp_path: Path) -> None:
    context = job.browser.new_context(viewport=PHONE, java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(job.links["poster"])
    page.get_by_label("林样青").check()
    page.get_by_role("button").first.click()
    page.get_by_label("学习主题").fill("没有脚本的登记")
    page.get_by_role("button", name="提交登记").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text("处需要修改")
    expect(page.get_by_label("学习主题")).to_have_value("没有脚本的登记")
    page.locator("label.choice", has=page.get_by_text("党课", exact=True)).click()
    page.locator("label.choice", has=page.get_by_text("1.5", exact=True)).click()
    page.get_by_role("button", name="修改后重新提交").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("已收到|待审核"))


@pytest.fixture(scope="module")
def kept(job: Job) -> Page:
    return job.page("about:blank")


@pytest.mark.parametrize(
    "name", ["form", "poster", "mine", "status", "asked", "desk", "site", "report", "branch", "committee"]
)
def test_pages_fit_a_phone_and_pass_axe(job: Job, kept: Page, name: str) -> None:
    for size in (PHONE, {"width": 1280, "height": 900}):
        below = {"mine": f"{job.links['form']}/mine", "status": f"{job.links['form'].split('/m/')[0]}/s"}
        known = {**job.links, **below, "asked": job.links["desk"]}
        page = job.desk(size) if name == "desk" else show(kept, known[name], size)
        at_rest(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
        rules = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
        found = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": rules})
        serious = [
            (v["id"], v["nodes"][0]["html"][:160])
            for v in found.response["violations"]
            if v["impact"] != "minor"
        ]
        assert serious == [], size


def test_ctrl_c_leaves_nothing_and_the_same_folder_goes_on(tmp_path: Path) -> None:
    relative = Path(os.path.relpath(tmp_path, ROOT))  # as the default, build/demo, is
    with demo(relative) as (first, process):
        assert urllib.request.urlopen(first["site"], timeout=10).status == 200
        tip = (tmp_path / "host.git" / "refs" / "heads" / "main").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    left = subprocess.run(["pgrep", "-s", str(process.pid)], capture_output=True, text=True, check=False)
    assert left.stdout == ""
    with demo(tmp_path) as (second, _):
        assert (tmp_path / "host.git" / "refs" / "heads" / "main").read_text() == tip
        assert second["report"].split("/site/")[1] == first["report"].split("/site/")[1]
        assert urllib.request.urlopen(second["report"], timeout=10).status == 200
