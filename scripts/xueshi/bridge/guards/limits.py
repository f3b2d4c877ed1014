"""How often: a bucket for each key, in memory, forgotten when it is full again."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi.bridge.guards.address import by_address
from xueshi.bridge.guards.pages import Words, page
from xueshi.bridge.guards.scopes import below, unsafe


class TooMany(Exception):
    """More than may be asked for; `wait` in whole seconds until the next."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"wait {wait} s")
        self.wait = wait


class Buckets:
    """`many` in any `seconds`, for each key by itself; at once or spread. `now` in seconds, from any start.

    A bucket is one number: when it will be full again. At most `most` keys are kept; beyond, those that are full are
    forgotten first, then the one that was not used for longest."""

    def __init__(
        self, many: int, seconds: float, *, now: Callable[[], float] = time.monotonic, most: int = 20_000
    ) -> None:
        self._apart, self._span, self._now, self._most = seconds / many, seconds, now, most
        self._full_at: dict[str, float] = {}  # by last use, oldest first
        self._lock = threading.Lock()

    def wait(self, key: str) -> int:
        """Whole seconds until one may be taken; 0 for now."""
        with self._lock:
            return self._wait(key, self._now())

    def take(self, key: str) -> int:
        """Take one; 0, or the whole seconds to wait when there is none, and then nothing is taken."""
        with self._lock:
            now = self._now()
            wait = self._wait(key, now)
            if not wait:
                self._full_at[key] = max(self._full_at.pop(key, now), now) + self._apart
                self._forget(now)
            return wait

    def demand(self, key: str) -> None:
        """Take one. Raises TooMany."""
        wait = self.take(key)
        if wait:
            raise TooMany(wait)

    @contextmanager
    def taken(self, key: str) -> Iterator[None]:
        """Take one for what follows; where that fails it is put back. Raises TooMany."""
        self.demand(key)
        try:
            yield
        except BaseException:
            self._put_back(key)
            raise

    def _put_back(self, key: str) -> None:
        with self._lock:
            if key in self._full_at:
                self._full_at[key] -= self._apart

    def __len__(self) -> int:
        return len(self._full_at)

    def _wait(self, key: str, now: float) -> int:
        after = max(self._full_at.get(key, now), now) + self._apart - now - self._span
        return math.ceil(after) if after > 1e-6 else 0

    def _forget(self, now: float) -> None:
        if len(self._full_at) <= self._most:
            return
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        while len(self._full_at) > self._most * 0.9:  # some room, so that this is not done at every call
            del self._full_at[next(iter(self._full_at))]


class RateLimit:
    """429 for requests that may change something, below `prefixes`, beyond what their bucket holds.

    `whose` says whose link a request comes by, empty for none of ours. What is below `personal` and comes by a right link
    is counted for that link, wherever it comes from: a campus is one address, and the link names one person. All else is
    counted for the address: one allowance for each right link (a poster), and one for all the wrong ones together, so
    that somebody who guesses uses up nothing of those who share the address with them."""

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        words: Words,
        prefixes: Sequence[str],
        *,
        personal: Sequence[str] = (),
        links: Buckets | None = None,
        whose: Callable[[Scope], str] = lambda scope: "",
    ) -> None:
        self._app, self._buckets, self._words, self._prefixes = app, buckets, words, prefixes
        self._personal, self._links, self._whose = personal, links, whose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if unsafe(scope) and below(scope, self._prefixes):
            wait = self._take(scope)
            if wait:
                await page(429, self._words, wait)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _take(self, scope: Scope) -> int:
        whose = self._whose(scope)
        if self._links is not None and whose and below(scope, self._personal):
            return self._links.take(whose)
        return self._buckets.take(f"{by_address(scope)} {whose}")


class Guesses:
    """Below `prefixes`, an answer 403 or 404 is a guess; an address out of guesses gets 429 whatever it asks there,
    unless `known` says that the link is a right one: a whole school may share the guesser's address. A link that was
    right `once` is no guess: whoever scans an old poster reads that it is old, and takes nothing from the others."""

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        words: Words,
        prefixes: Sequence[str],
        known: Callable[[Scope], bool] = lambda scope: False,
        once: Callable[[Scope], bool] = lambda scope: False,
    ) -> None:
        self._app, self._buckets, self._words = app, buckets, words
        self._prefixes, self._known, self._once = prefixes, known, once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not below(scope, self._prefixes) or self._once(scope):
            await self._app(scope, receive, send)
            return
        who = by_address(scope)
        wait = self._buckets.wait(who)
        if wait and not self._known(scope):
            await page(429, self._words.to(scope), wait)(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (403, 404):
                self._buckets.take(who)
            await send(message)

        await self._app(scope, receive, counted)
