"""The browser that the tests drive: one on PATH, else Playwright's own. Run as a program, it says whether it works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
# Root in a container has no sandbox; the pages under test are our own, on loopback.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip
# What Playwright leaves out (the last such list holds), and two pages that Chromium else loads for the address field of
# each window: as much work again as the page under test.
WITHOUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
)  # fmt: skip
# Milliseconds for what a page is expected to show: another worker, with a browser of its own, may have the machine.
PATIENCE = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, closed afterwards."""
    expect.set_options(timeout=PATIENCE)
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        args = [*QUIET, f"--disable-features={','.join(WITHOUT)}"]
        browser = playwright.chromium.launch(executable_path=found, args=args)
        try:
            yield browser
        finally:
            browser.close()


def show(page: Page, url: str, size: dict[str, int], **media: Any) -> Page:
    """Open an address in a page that has shown others (see emptied); returns once it has nothing left to do."""
    emptied(page, size, **media).goto(url)
    at_rest(page)
    return page


def emptied(page: Page, size: dict[str, int], **media: Any) -> Page:
    """A page that has shown others, as good as new: nothing kept, focused or pointed at. Only what those others loaded
    need not come again, so that this is for tests that do not ask what comes. `media` as Page.emulate_media has it."""
    forget(page)
    page.goto("about:blank")
    page.mouse.move(-1, -1)
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(**{"color_scheme": "light", "reduced_motion": "no-preference", **media})
    return page


def at_rest(page: Page) -> None:
    """What is loaded has run and is painted; a page of records has them all."""
    expect(page.locator("[aria-busy=true], .q-table:not([aria-busy=false])")).to_have_count(0)
    page.evaluate("new Promise(done => requestIdleCallback(() => requestAnimationFrame(() => done(0))))")


def forget(page: Page) -> None:
    """Empty what the site of this page keeps in the browser, for the next test."""
    if page.url.startswith("http"):
        told = {"origin": page.url, "storageTypes": "cookies,local_storage,indexeddb"}
        session = page.context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", told)
        session.detach()
        page.evaluate("sessionStorage.clear()")


if __name__ == "__main__":
    with chromium() as found:
        print(found.version)
