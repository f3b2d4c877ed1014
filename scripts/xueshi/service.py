"""One installation in one folder: the host or the way to it, outbox, site, and the threads that carry between them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from xueshi import connecting, disk, hosts, observe, publish, settings
from xueshi.bridge import MAX_BODY, Office, carry_out, guards, make_app, told
from xueshi.builder import Builder
from xueshi.delivery import MAIN, Delivery, Wording
from xueshi.errors import (
    HostDenied,
    HostError,
    LinkRefused,
    UsageError,
    XueshiError,
)
from xueshi.hosts import git_http
from xueshi.hosts.local import LocalHost
from xueshi.links import Links, secret
from xueshi.model import MEMBER, OFFICER, SHANGHAI, Study
from xueshi.outbox import Gathering, Outbox
from xueshi.records import evidence_path
from xueshi.reports.address import address
from xueshi.served import PublishedSite
from xueshi.settings import Settings
from xueshi.ulids import year_of

_LOG = logging.getLogger("xueshi.service")
SECRET = "secret"  # the file in an installation's folder that links and addresses are made from
_PAUSE, _POLL = (
    5.0,
    60.0,
)  # seconds between looks when nobody has knocked: at our own host, at one that we ask
_BREATH = 0.2  # seconds
_HOOK = 5 * 1024 * 1024  # bytes
_HOOKS = 4  # bodies of webhooks in memory at once, whoever sent them: a hint that is missed costs a minute
_LIFE = 300.0  # seconds that one pass of delivery may take


def embedded(folder: Path, base_url: str, **more: str) -> Settings:
    """Settings of an installation with its own host; `more` are further ones, such as `desk_undo_minutes="0"`."""
    told = {"XUESHI_FOLDER": str(folder.resolve()), "XUESHI_BASE_URL": base_url}
    told.update({f"XUESHI_{name.upper()}": value for name, value in more.items()})
    return settings.load(None, told)


class Service:
    """Everything on one port, as `settings` say. `now` is the clock, in Shanghai."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] | None = None) -> None:
        self.settings, folder = settings, settings.folder.resolve()  # git is called in other folders
        self._now = now or (lambda: datetime.now(SHANGHAI))
        connecting.take(folder)
        self._secret = secret(folder / SECRET)
        outbox = Outbox(folder / "outbox")
        self.links = Links(self._secret, settings.base_url, outbox.doors.generation)
        self.metrics, self._beat = observe.Metrics(), observe.Beat()
        self.site, self._hooks = folder / "site", 0
        host, desk, clone = connecting.connect(settings)
        self.host, self.repo = host, host.repo if isinstance(host, LocalHost) else clone
        together = settings.coalescing
        self._delivery = Delivery(
            outbox, clone, host, settings.bridge, self._wording(),
            rules=Gathering(together.records, together.pictures, together.gather_seconds, together.rush_after),
            called=self._called,
        )  # fmt: skip
        self._delivery.recover(self._now())
        self._builder = Builder()
        publish.edition_told(os.environ, publish.EDITIONS[0])  # a wrong one is told now, not page by page
        self._edition = "", ""  # of the tip that it was read from
        self._build = _Repeating("site", self._publish)
        self._deliver = _Repeating("delivery", self._carry)
        self.office: Office = Office(
            outbox, self.repo, desk, self.links,
            pulls=host.open_pulls if isinstance(host, LocalHost) else lambda: self._delivery.opened,
            page=self.page, now=self._now, wake=self._wake, host=host,
            undo=timedelta(minutes=settings.desk.undo_minutes),
            per_member=guards.Buckets(settings.limits.member_per_hour, 3600),
        )  # fmt: skip
        self.app: Starlette = make_app(self.office, self._others(), self._guards(folder))

    def _wording(self) -> Wording:
        return Wording(
            effect=lambda study: told(self.office.current(), study),
            person=lambda member: self.office.current().name(member),
            unit=lambda branch: self.office.current().unit_name(branch),
            reviews=lambda member: self.office.current().reviews(member),
            pictures=self._shown,
        )

    def _shown(self, study: Study) -> list[str]:
        """Where a reviewer on the host sees a record's pictures; the embedded host has no pages of its own."""
        where = self.settings.host
        if where.kind == "local" or where.web_url is None or where.repository is None:
            return []
        ref = f"evidence/{year_of(study.id)}"
        return [
            hosts.raw_address(where.kind, where.web_url, where.repository, ref, evidence_path(one.sha256))
            for one in study.evidence
        ]

    def _others(self) -> list[BaseRoute]:
        """What the installation serves beside the bridge."""
        routes: list[BaseRoute] = [
            Route("/", _home),
            Mount("/site", PublishedSite(self.site)),
            *observe.routes(self._figures(), self._checks(), self.settings.listen.trusted_proxies),
        ]
        if isinstance(self.host, LocalHost):
            routes.append(
                Mount("/git", git_http.make_app({"xueshi.git": self.host.repo}, self.links.git_token()))
            )
        else:
            routes.append(Route("/hooks", self._hook, methods=["POST"]))
        return routes

    def _guards(self, folder: Path) -> list[Middleware]:
        limits = self.settings.limits
        return guards.around(
            base_url=self.settings.base_url,
            folder=folder,
            trusted=self.settings.listen.trusted_proxies,
            address_per_minute=limits.address_per_minute,
            guesses_per_minute=limits.guesses_per_minute,
            disk_floor=limits.disk_floor,
            max_body=MAX_BODY,
            whose=self._whose,
            once=self._once,
        )

    def _whose(self, scope: Scope) -> str:
        """Whose link stands in a request's path, such as "m m0012"; empty when it is none of ours: then it is a guess."""
        with contextlib.suppress(XueshiError, KeyError, IndexError):
            return self._opened(scope)
        return ""

    def _once(self, scope: Scope) -> bool:
        """Whether a link of ours stands in a request's path that has expired or was replaced."""
        try:
            self._opened(scope)
        except LinkRefused as refused:
            return refused.reason != "damaged"
        except (XueshiError, KeyError, IndexError):
            pass
        return False

    def _opened(self, scope: Scope) -> str:
        _, purpose, token = (*str(scope["path"]).split("/"), "")[:3]  # /s has nothing behind it
        return f"{purpose} {self.links.opened({'p': 'picture'}.get(purpose, purpose), token)}"

    def _figures(self) -> observe.Metrics:
        told, outbox, folder = self.metrics, self._delivery.outbox, self.settings.folder
        told.gauge("xueshi_submissions", "Submissions by state.", outbox.counts, "state")
        told.gauge("xueshi_batches_waiting", "Pull requests to be opened.", outbox.batches.waiting)
        told.gauge(
            "xueshi_oldest_waiting_seconds",
            "Since the oldest submission without a pull request came.",
            self._oldest,
        )
        told.gauge(
            "xueshi_host_blocked_until",
            "Until when the host wants no calls, in seconds since 1970.",
            self._blocked,
        )
        told.gauge("xueshi_free_bytes", "Free on the disk.", lambda: disk.free(folder))
        return told

    def _oldest(self) -> float | None:
        oldest = self._delivery.outbox.oldest_waiting()
        return (self._now() - oldest).total_seconds() if oldest else None

    def _blocked(self) -> float | None:
        blocked = self._delivery.outbox.limits.blocked(self._now().timestamp())
        return blocked[0] if blocked else None

    def _checks(self) -> dict[str, Callable[[], bool]]:
        folder, floor = self.settings.folder, self.settings.limits.disk_floor
        return {
            "database": self._delivery.outbox.is_writable,
            "clone": lambda: self.repo.resolve(MAIN) is not None,
            "disk": lambda: disk.room(folder, floor),
            "delivery": lambda: self._beat.fresh(_LIFE),
        }

    def _called(self, call: str, outcome: str) -> None:
        self.metrics.count("xueshi_host_calls_total", call=call, outcome=outcome)
        if (call, outcome) == ("open", "done"):
            self.metrics.count("xueshi_pulls_opened_total")

    async def _hook(self, request: Request) -> Response:
        """Something happened at the host: look soon. Nothing else of what it says is believed."""
        if int(request.headers.get("content-length") or _HOOK) >= _HOOK:
            return PlainTextResponse("too large\n", 413)
        if self._hooks >= _HOOKS:
            return PlainTextResponse("busy\n", 503)
        self._hooks += 1
        try:
            body = await request.body()
        finally:
            self._hooks -= 1
        try:
            hint = self.host.hint({name.lower(): value for name, value in request.headers.items()}, body)
        except HostDenied as error:
            _LOG.warning("webhook: %s", error)
            return PlainTextResponse("wrong signature\n", 403)
        except HostError as error:
            _LOG.warning("webhook: %s", error)
            return PlainTextResponse("not understood\n", 400)
        if hint is not None:
            limits, now = self._delivery.outbox.limits, self._now().timestamp()
            if await run_in_threadpool(limits.is_new, self.host.name, hint.delivery, now):
                self._wake()
        return PlainTextResponse("ok\n", 202)

    def page(self, kind: str, ident: str, reader: str = "") -> str:
        """The site's address of home, a unit or a member. In the sealed edition it is the link of whoever it is shown to:
        of `reader` as an officer, without one of the member whose page it is."""
        site = f"{self.links.base_url}/site/"
        if kind == "home":
            return site
        current = self.office.current()
        if self._edition[0] != current.tip:
            self._edition = current.tip, publish.edition_of(self.repo, current.tip)
        if self._edition[1] == "open":
            return site + address(self._secret, kind, ident)
        try:
            keys = publish.keyring(os.environ, self._secret, current.records.keys, current.today)
        except UsageError as error:  # the form goes on; doctor and the log of the site's builds tell it, too
            _LOG.error("%s", error)
            return f"{site}o/"
        held = keys.reader(OFFICER, reader) if reader else keys.reader(MEMBER, ident)
        return f"{site}o/" + (f"#{keys.fragment(held)}" if held else "")

    @property
    def clone_url(self) -> str:
        """Where git clones from; of the embedded host with the token."""
        if not isinstance(self.host, LocalHost):
            return self.host.url
        scheme, _, rest = self.links.base_url.partition("://")
        return f"{scheme}://git:{self.links.git_token()}@{rest}/git/xueshi.git"

    def start(self) -> None:
        """Begin to carry in the background; the form answers at once, the site as soon as it is built."""
        connecting.tell_unnamed(self.host, self.office.desk)
        self._build.start()
        self._deliver.start()

    def stop(self) -> None:
        """End the threads; what they were doing is taken up again at the next start."""
        self._deliver.stop()
        self._build.stop()
        self._builder.close()

    def _wake(self) -> None:
        self._deliver.wake()
        self._build.wake()  # at once, for what a merge changed; again once delivery is through

    def _carry(self) -> float:
        now = self._now()
        self._beat.beat()
        left = carry_out(self.office, now)
        self._delivery.carry(now, self._deliver.stopping)
        self._build.wake()
        usual = _PAUSE if left or isinstance(self.host, LocalHost) else _POLL
        return self._delivery.pause(now.timestamp(), usual)

    def _publish(self) -> float:
        wanted = publish.inputs(
            self.repo, MAIN, on=self._now().date(), secret=self._secret, bridge=self.links.base_url
        )
        publish.build(self.repo, wanted, self.site, self._builder)
        return _PAUSE


class _Repeating:
    """A thread that does one thing when woken, or after the pause in seconds that it asks for; a fault is logged and
    the next turn comes. Between two turns it leaves the machine to others for a moment."""

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
            self._stopped.wait(_BREATH)
            self._woken.wait(pause)


async def _home(request: Request) -> Response:
    return RedirectResponse("/site/", 307)


__all__ = ["SECRET", "Service", "embedded"]
