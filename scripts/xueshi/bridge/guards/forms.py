"""Forms in encodings that no browser sends."""

from __future__ import annotations

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from xueshi.bridge.guards.pages import Words, page


class Forms:
    """415 for a body that names a charset other than UTF-8. Browsers name none; the parser of forms would decode each
    field with any codec of Python's: "punycode" takes seconds a field, "raw_unicode_escape" makes halves of characters."""

    def __init__(self, app: ASGIApp, words: Words) -> None:
        self._app, self._words = app, words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _utf8(Headers(scope=scope).get("content-type", "")):
            await page(415, self._words.to(scope))(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _utf8(content_type: str) -> bool:
    """Read by the parser that the form will be read by: another might understand another charset."""
    told: bytes = parse_options_header(content_type)[1].get(b"charset", b"utf-8")
    return told.lower() in (b"utf-8", b"utf8")
