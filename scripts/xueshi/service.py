"""One installation in one folder: embedded host, outbox, site, and the threads that carry things between them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from xueshi import publish
from xueshi.bridge import Office, make_app, told
from xueshi.delivery import Delivery, Wording, open_clone
from xueshi.errors import UsageError, XueshiError
from xueshi.git import BRIDGE, Identity, Repository
from xueshi.hosts import git_http
from xueshi.hosts.local import MAIN, LocalHost
from xueshi.links import Links, secret
from xueshi.model import SHANGHAI
from xueshi.outbox import Outbox
from xueshi.reports.address import address

_LOG = logging.getLogger("xueshi.service")
DESK = Identity("Xueshi desk", "desk@example.invalid")
SECRET = "secret"  # the file in an installation's folder that links and addresses are made from
_PAUSE = 5.0  # seconds between looks when nobody has knocked


class Service:
    """Everything on one port. `now` is the clock, in Shanghai."""

    def __init__(self, folder: Path, base_url: str, now: Callable[[], datetime] | None = None) -> None:
        folder = folder.resolve()  # git is called in other folders
        self.host = LocalHost(Repository(folder / "host.git"), DESK)
        if self.host.repo.resolve(MAIN) is None:
            raise UsageError(
                f"no repository of records in {folder / 'host.git'}; make one with xueshi sample or xueshi demo"
            )
        self._now = now or (lambda: datetime.now(SHANGHAI))
        self._secret = secret(folder / SECRET)
        self.links = Links(self._secret, base_url)
        self.token = self.links.git_token()
        self.site = folder / "site"
        outbox = Outbox(folder / "outbox")
        clone = open_clone(self.host, folder / "clone.git")
        wording = Wording(
            effect=lambda study: told(self.office.current(), study),
            person=lambda member: self.office.current().name(member),
            unit=lambda branch: self.office.current().unit_name(branch),
        )
        self._delivery = Delivery(outbox, clone, self.host, BRIDGE, wording)
        self._delivery.recover(self._now())
        self._build = _Repeating("site", self._publish)
        self._deliver = _Repeating("delivery", self._carry)
        self.office: Office = Office(
            outbox, self.host.repo, self.host, self.links,
            pulls=self.host.open_pulls, page=self.page, now=self._now, wake=self._wake,
        )  # fmt: skip
        others: list[BaseRoute] = [
            Route("/", _home),
            Mount("/git", git_http.make_app({"xueshi.git": self.host.repo}, self.token)),
            Mount("/site", _Site(self.site)),
        ]
        self.app: Starlette = make_app(self.office, others)

    def page(self, kind: str, ident: str) -> str:
        """The site's address of home, a branch or a member."""
        below = "" if kind == "home" else address(self._secret, kind, ident)
        return f"{self.links.base_url}/site/{below}"

    @property
    def clone_url(self) -> str:
        """Where git clones from, with the token."""
        scheme, _, rest = self.links.base_url.partition("://")
        return f"{scheme}://git:{self.token}@{rest}/git/xueshi.git"

    def start(self) -> None:
        """Begin to carry in the background; the form answers at once, the site as soon as it is built."""
        self._build.start()
        self._deliver.start()

    def stop(self) -> None:
        """End the threads; what they were doing is taken up again at the next start."""
        self._deliver.stop()
        self._build.stop()

    def _wake(self) -> None:
        self._deliver.wake()
        self._build.wake()  # at once, for what a merge changed; again once delivery is through

    def _carry(self) -> float:
        now = self._now()
        self._delivery.carry(now, self._deliver.stopping)
        self._build.wake()
        return self._delivery.pause(now.timestamp(), _PAUSE)

    def _publish(self) -> float:
        wanted = publish.inputs(self.host.repo, MAIN, on=self._now().date(), secret=self._secret)
        publish.build(self.host.repo, wanted, self.site)
        return _PAUSE


class _Repeating:
    """A thread that does one thing when woken, or after the pause in seconds that it asks for; a fault is logged and
    the next turn comes."""

    def __init__(self, name: str, act: Callable[[], float]) -> None:
        self._act = act
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"xueshi-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stopping(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            pause = _PAUSE
            try:
                pause = self._act()
            except XueshiError as error:
                _LOG.error("%s", error)
            except Exception:  # a fault of ours must not end the thread that everybody waits for
                _LOG.exception("unexpected")
            self._woken.wait(pause)


async def _home(request: Request) -> Response:
    return RedirectResponse("/site/", 307)


_not_yet = HTMLResponse(
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta http-equiv="refresh" content="2"><title>学时</title><p>报告正在生成，请稍等，页面会自己刷新。</p></html>',
    503,
    {"Retry-After": "2"},
)


class _Site:
    """The published site; the link is followed once a request, so that a page and its build belong together."""

    def __init__(self, link: Path) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        folder = await run_in_threadpool(self._link.resolve)
        if not await run_in_threadpool(folder.is_dir):
            await _not_yet(scope, receive, send)
            return
        files = StaticFiles(directory=folder, html=True, check_dir=False)
        await files(scope, receive, send)


__all__ = ["BRIDGE", "DESK", "SECRET", "Service"]
