"""Templates to responses, and refusals that a person can act on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from xueshi import reading
from xueshi.words import ORGANISER_LEVEL, VIA, plain

Page = Response

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' blob:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",  # addresses carry tokens; with none at all browsers send no Origin either
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_STATIC = Path(__file__).parent / "static"


class Refused(Exception):
    """A request we do not serve. `reason` is for the log and names nobody; `title` and `cure` are for the person."""

    def __init__(self, status: int, reason: str, title: str, cure: str) -> None:
        super().__init__(reason)
        self.status, self.reason, self.title, self.cure = status, reason, title, cure


def render(template: str, *, status: int = 200, **values: Any) -> Page:
    """A page; everything in `values` is escaped by the template."""
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return HTMLResponse(_templates().get_template(template).render(values), status, headers)


def redirect(path: str) -> Page:
    """Look there next, with GET."""
    return RedirectResponse(path, 303)


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that it may be kept for ever."""
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("xueshi.bridge"),
        autoescape=True,
        auto_reload=False,  # else each page looks for changes of each of its files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "hours": plain,
        "told": reading.told,
        "moment": _moment,
        "short_day": _short_day,
    }
    made.filters.update(filters)
    made.globals.update(asset=asset, VIA=VIA, levels=ORGANISER_LEVEL)
    return made


def _moment(at: Any) -> str:
    """11月19日 17:02"""
    return f"{at.month}月{at.day}日 {at:%H:%M}" if at else ""


def _short_day(day: Any) -> str:
    """11月19日 周四"""
    return f"{day.month}月{day.day}日 周{'一二三四五六日'[day.weekday()]}"
