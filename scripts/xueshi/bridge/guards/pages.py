"""What a guard says to the person it stops."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from xueshi.bridge.pages import render


class Words(NamedTuple):
    """A page's title and what to do; `{wait}` becomes how long to wait."""

    title: str
    cure: str


def page(status: int, words: Words, wait: int = 0) -> Response:
    """The page of a refusal; `wait` in seconds goes into the text and into Retry-After."""
    told = f"{wait} 秒" if wait < 90 else f"{-(-wait // 60)} 分钟"
    answer = render("error.html", status=status, title=words.title, cure=words.cure.replace("{wait}", told))
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
