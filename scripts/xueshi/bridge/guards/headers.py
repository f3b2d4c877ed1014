"""What every answer carries, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi.bridge.guards.scopes import below
from xueshi.bridge.pages import HEADERS

_ALWAYS = {
    "X-Content-Type-Options": HEADERS["X-Content-Type-Options"],
    "Referrer-Policy": HEADERS["Referrer-Policy"],
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_HTTPS = {
    "Strict-Transport-Security": "max-age=31536000"
}  # of this host alone: its domain is the university's


class SecurityHeaders:
    """Adds what an answer does not say itself. Below `own` (the site, git) no policy of contents is added: those pages
    are not made from our templates."""

    def __init__(self, app: ASGIApp, *, https: bool, own: Sequence[str] = ()) -> None:
        self._app, self._own = app, own
        always = {**_ALWAYS, **(_HTTPS if https else {})}
        self._always, self._all = _raw(always), _raw({**HEADERS, **always})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = self._always if below(scope, self._own) else self._all

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                held = list(message.get("headers", ()))
                said = {name for name, _ in held}
                message["headers"] = held + [header for header in wanted if header[0] not in said]
            await send(message)

        await self._app(scope, receive, told)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As a server wants them, made once and not for each answer."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
