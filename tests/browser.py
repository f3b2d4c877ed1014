"""The browser that the tests drive: one on PATH, else Playwright's own. Run as a program, it says whether it works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
# Root in a container has no sandbox; the pages under test are our own, on loopback.
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip
# Milliseconds for what a page is expected to show: another worker, with a browser of its own, may have the machine.
PATIENCE = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, closed afterwards."""
    expect.set_options(timeout=PATIENCE)
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET])
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with chromium() as found:
        print(found.version)
