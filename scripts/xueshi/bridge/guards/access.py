"""A line for each request, without anybody in it: no path (it holds tokens), no query, no address."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi.observe import request_id

_LOG = logging.getLogger("xueshi.access")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Access:
    """Gives a request an id, which logs and the header X-Request-Id name, and logs how it went."""

    def __init__(self, app: ASGIApp, now: Callable[[], float] = time.monotonic) -> None:
        self._app, self._now = app, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, ident = (
            self._now(),
            500,
            secrets.token_hex(8),
        )  # 500: what is not answered here is a fault
        mark = request_id.set(ident)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = ident
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            spent = round((self._now() - begun) * 1000)
            fields = {"method": method, "route": route(scope), "status": status, "ms": spent}
            _LOG.info("request", extra={"fields": fields})
            request_id.reset(mark)


def route(scope: Scope) -> str:
    """The template that a request's path was matched by, such as /m/{token}; "none" when nothing was."""
    return str(getattr(scope.get("route"), "path", "none"))
