"""Where we are: what base_url says, whatever a request calls us."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class Place:
    """Puts base_url's scheme and host in place of the request's, so that no absolute address that Starlette makes (a
    redirect to the path with or without its slash) leads to a host that somebody else named."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._app, self._scheme, self._host = app, parts.scheme, parts.netloc.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [(b"host", self._host), *others]
            scope["scheme"] = self._scheme
        await self._app(scope, receive, send)
