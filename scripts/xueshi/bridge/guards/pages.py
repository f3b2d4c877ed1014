"""What a guard says to the person it stops."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from xueshi.bridge.pages import render


class Words(NamedTuple):
    """A page's title and what to do; `{wait}` becomes how long to wait. `beyond`: what helps if that does not; empty for
    what helps members."""

    title: str
    cure: str
    beyond: str = ""


def page(status: int, words: Words, wait: int = 0) -> Response:
    """The page of a refusal; `wait` in seconds goes into the text and into Retry-After."""
    told = f"{wait} 秒" if wait < 90 else f"{-(-wait // 60)} 分钟"
    cure = words.cure.replace("{wait}", told)
    answer = render("error.html", status=status, title=words.title, cure=cure, beyond=words.beyond)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer
