"""Posts that another site makes a browser send.

A link's pages (/m, /b) hold their authority in the address: who can forge a post there already has the link, so only a
post that says itself that it comes from elsewhere is refused, and an old WebView that says nothing passes. Pages that
a cookie opens are different: the browser adds it to anybody's post, so there the post must show that it is ours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from xueshi.bridge.guards.pages import Words, page
from xueshi.bridge.guards.scopes import below, unsafe

_PORTS = {"http": 80, "https": 443}


class SameSite:
    """403 for posts from other sites; below `strict` also for posts that do not show where they come from. Not looked
    at below `open_to` (hooks of a host, git): what calls there is no browser, and carries its own proof."""

    def __init__(
        self,
        app: ASGIApp,
        base_url: str,
        words: Words,
        *,
        strict: Sequence[str] = (),
        open_to: Sequence[str] = (),
    ) -> None:
        self._app, self._words, self._strict, self._open = app, words, strict, open_to
        self._origin = _origin(base_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if unsafe(scope) and not below(scope, self._open):
            ours = shown(Headers(scope=scope), self._origin)
            if ours is False or (ours is None and below(scope, self._strict)):
                await page(403, self._words.to(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def shown(headers: Headers, origin: str) -> bool | None:
    """Whether a request shows that it comes from our own `origin`; None when it shows nothing.

    Origin is "null" from pages whose Referrer-Policy is no-referrer, in every browser: that shows nothing."""
    fetch = headers.get("sec-fetch-site")
    if fetch is not None:
        return fetch in ("same-origin", "none")
    told = [value for value in headers.getlist("origin") if value != "null"] or headers.getlist("referer")
    return all(_origin(value) == origin for value in told) if told else None


@lru_cache(maxsize=256)
def _origin(url: str) -> str:
    """scheme://host:port in one spelling; "" for what is no address of the web."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
