"""Bodies that are too large, too slow, or never come."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi.bridge.guards.pages import Words, page


class _Stopped(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"body refused: {status}")
        self.status = status


class Bodies:
    """413 for a body of more than `size` bytes; 408 for one that takes more than `seconds`, or after `grace` seconds
    comes more slowly than `rate` bytes a second. Who went away meanwhile is answered nothing."""

    def __init__(
        self,
        app: ASGIApp,
        size: int,
        too_large: Words,
        too_slow: Words,
        *,
        seconds: float = 120.0,
        rate: float = 1024.0,
        grace: float = 10.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._words = app, {413: too_large, 408: too_slow}
        self._size, self._seconds, self._rate, self._grace, self._now = size, seconds, rate, grace, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def told(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if int(_digits(Headers(scope=scope).get("content-length"))) > self._size:
                raise _Stopped(413)
            await self._app(scope, self._watched(receive), told)
        except _Stopped as stopped:
            if not started:
                answer = page(stopped.status, self._words[stopped.status].to(scope))
                answer.headers["Connection"] = "close"
                await answer(scope, receive, send)
        except ClientDisconnect:
            pass

    def _watched(self, receive: Receive) -> Receive:
        begun: float | None = None
        seen, complete = 0, False

        async def read() -> Message:
            nonlocal begun, seen, complete
            if complete:  # from here on it waits for the client to go away, for as long as the answer takes
                return await receive()
            begun = self._now() if begun is None else begun
            until = begun + min(self._seconds, self._grace + seen / self._rate)
            message: Message | None = None
            with anyio.move_on_after(max(until - self._now(), 0)):
                message = await receive()
            if message is None:
                raise _Stopped(408)
            seen += len(message.get("body", b""))
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            if seen > self._size:
                raise _Stopped(413)
            return message

        return read


def _digits(text: str | None) -> str:
    return text if text and text.isascii() and text.isdigit() else "0"
