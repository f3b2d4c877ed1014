"""What a person reads when a request is refused or fails, members and reviewers each in words meant for them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from xueshi.bridge.form import fields
from xueshi.bridge.guards import WORDS, TooMany, Unreadable, Words, page
from xueshi.bridge.pages import Refused
from xueshi.errors import LinkRefused, XueshiError

_LOG = logging.getLogger("xueshi.bridge")
_LINK = {
    "damaged": Words(
        "这个链接打不开",
        "链接不完整。请重新扫码，或向支部组织委员要新的链接。",
        desk=Words("这个链接打不开", "审核台链接不完整。请从收到它的地方重新打开，或向党委管理员要新的。"),
    ),
    "expired": Words(
        "这个链接打不开",
        "链接用了一年多，已经过期。请重新扫码，或向支部组织委员要新的链接。",
        desk=Words("这个链接打不开", "审核台链接用了一年多，已经过期。请向党委管理员要新的。"),
    ),
    "replaced": Words(
        "这个链接已经换成新的",
        "请用后来发给您的那一个；没有收到，请向支部组织委员要。登记过的都还在。",
        desk=Words(
            "这个链接已经换成新的", "请用后来发给您的那一个；没有收到，请向党委管理员要。决定过的都还在。"
        ),
    ),
}
_HTTP = {
    404: Words(
        "没有这个页面",
        "请核对地址，或重新扫码打开。",
        desk=Words("没有这个页面", "请核对地址，或打开发给您的审核台链接。"),
    ),
    405: Words("不能这样打开", "请回到上一页，再试一次。"),
    400: Words(
        "没有收全",
        "网络可能断开过，请回到上一页再提交一次；填的内容还在。",
        desk=Words("没有收全", "网络可能断开过，什么都没有决定。请回到上一页，再办一次。"),
    ),
    413: WORDS["large"],
}
_AWAY = Words(
    "系统暂时打不开",
    "请过一会儿再试。已经拿到回执的登记都在，不用重新提交。",
    desk=Words("审核台暂时打不开", "请过一会儿再试。等待审核的登记和已经记下的决定都在。"),
)
_BROKEN = Words(
    "出了点问题",
    "这是我们的错。请过一会儿再试；已经拿到回执的登记都在。",
    desk=Words(
        "出了点问题",
        "这是我们的错。请过一会儿回到审核台，看清哪些已经决定，再办一次；等待审核的登记都在。",
    ),
)


def _told(request: Request, status: int, words: Words, wait: int = 0) -> Response:
    return page(status, words.to(request.scope), wait)


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    _LOG.warning("refused: %s", refused.reason)
    return _told(request, refused.status, Words(refused.title, refused.cure))


async def _too_many(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooMany)
    return _told(request, 429, WORDS["many"], error.wait)


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unreadable)
    _LOG.warning("refused: %s", error)
    titles = [f"“{field.title}”" for field in fields() if field.name in error.names]
    cure = (
        f"{'、'.join(titles) or '表格'}里有读不出的字，这次什么都没有保存。请回到上一页，删掉显示成 � 的字再提交；"
        "找不到这样的字，请用微信或手机自带的浏览器重新打开链接。填的内容还在。"
    )
    at_desk = "写的话里有读不出的字，什么都没有决定。请回到上一页，删掉显示成 � 的字，再办一次。"
    return _told(request, 422, Words("有的字读不出", cure, desk=Words("有的字读不出", at_desk)))


async def _link_refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, LinkRefused)
    _LOG.warning("refused link: %s", refused)
    return _told(request, 404, _LINK[refused.reason])


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    _LOG.warning("refused: %d", error.status_code)
    return _told(request, error.status_code, _HTTP.get(error.status_code, _HTTP[404]))


async def _unavailable(request: Request, error: Exception) -> Response:
    _LOG.error("%s: %s", type(error).__name__, error)
    return _told(request, 503, _AWAY)


async def _broken(request: Request, error: Exception) -> Response:
    # Starlette logs the traceback itself; nobody outside sees it.
    return _told(request, 500, _BROKEN)


HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    Refused: _refused,
    LinkRefused: _link_refused,
    TooMany: _too_many,
    Unreadable: _unreadable,
    HTTPException: _http,
    XueshiError: _unavailable,
    Exception: _broken,
}
