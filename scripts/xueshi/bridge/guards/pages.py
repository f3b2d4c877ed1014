"""What a guard says to the person it stops."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import Scope

from xueshi.bridge.guards.scopes import below
from xueshi.bridge.pages import HEADERS, render

_DESKS = ("/desk", "/me/desk")
_REVIEWERS = "还是不行，请联系党委管理员。"


class Words(NamedTuple):
    """A page's title and what to do; `{wait}` becomes how long to wait. `beyond`: what helps if that does not; empty for
    what helps members. `desk`: what reviewers read instead, where the rest does not fit them."""

    title: str
    cure: str
    beyond: str = ""
    desk: Words | None = None

    def to(self, scope: Scope) -> Words:
        """The words for whoever asks: a reviewer turns to the committee's administrator, and fills in no paper form."""
        if not below(scope, _DESKS):
            return self
        told = self.desk or self
        return told if told.beyond else told._replace(beyond=_REVIEWERS)


def page(status: int, words: Words, wait: int = 0) -> Response:
    """The page of a refusal; `wait` in seconds goes into the text and into Retry-After."""
    told = f"{wait} 秒" if wait < 90 else f"{-(-wait // 60)} 分钟"
    cure = words.cure.replace("{wait}", told)
    answer = Response(_text(words.title, cure, words.beyond), status, HEADERS, media_type="text/html")
    answer.headers["Cache-Control"] = "no-store"
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


@lru_cache(maxsize=256)
def _text(title: str, cure: str, beyond: str) -> bytes:
    """Made once: who does not stop asking is answered the same again and again, and is to cost little."""
    return bytes(render("error.html", title=title, cure=cure, beyond=beyond).body)
