"""The published site as the bridge serves it: always one whole build, compressed for phones."""

from __future__ import annotations

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_SEALED = "application/octet-stream"  # compressed before it was sealed: a second time only costs
_LEVEL = 6  # zlib's own choice; 9 is a third slower for one part in a hundred

_not_yet = HTMLResponse(
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta http-equiv="refresh" content="2"><title>学时</title><p>报告正在生成，请稍等，页面会自己刷新。</p></html>',
    503,
    {"Retry-After": "2"},
)


class PublishedSite:
    """The files behind a link that `publish` turns to each new build. The link is followed once a request, so that a page
    and its build belong together. Nothing here echoes what a request says, so that compressing gives no secret away."""

    def __init__(self, link: Path) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        folder = await run_in_threadpool(self._link.resolve)
        if not await run_in_threadpool(folder.is_dir):
            await _not_yet(scope, receive, send)
            return
        files = StaticFiles(directory=folder, html=True, check_dir=False)
        kept = (*DEFAULT_EXCLUDED_CONTENT_TYPES, _SEALED)
        await GZipMiddleware(files, compresslevel=_LEVEL, exclude_content_types=kept)(scope, receive, send)


__all__ = ["PublishedSite"]
