"""The way from the site to one's own pages. A report is read by a branch's officers too, so that nobody's link may stand
in it: it leads to /me, and the browser says by a cookie which link was opened here last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta

from xueshi.bridge import device
from xueshi.bridge.desk import Reviewer
from xueshi.bridge.door import Door, door
from xueshi.bridge.office import Office
from xueshi.bridge.pages import Page, Refused, redirect
from xueshi.errors import LinkRefused

PATH = "/me"
_LINK, _DESK = "xueshi-me", "xueshi-my-desk"
_KEPT = timedelta(days=400)  # the longest that browsers keep a cookie


def remember_link(office: Office, answer: Page, token: str) -> Page:
    """`answer`, after which /me leads to the personal link of `token` in this browser."""
    return _remember(office, answer, _LINK, token)


def remember_desk(office: Office, answer: Page, who: Reviewer) -> Page:
    """As remember_link; /me/desk leads to this desk, which still asks for its code. Each desk is noted besides, since
    browsers do not send here the cookies by which desks know them."""
    _remember(office, answer, _noted(who.member), who.token)
    return _remember(office, answer, _DESK, who.token)


def go(office: Office, cookies: Mapping[str, str], below: str) -> Page:
    """To a page below the reader's own link. Raises Refused where this browser has opened none, or one that no longer
    holds."""
    return redirect(_own(office, cookies).path + below)


def report(office: Office, cookies: Mapping[str, str]) -> Page:
    """To the reader's own report."""
    return redirect(office.page("member", _own(office, cookies).subject))


def desk(office: Office, cookies: Mapping[str, str]) -> Page:
    """To the reader's own desk. Raises Refused as `go`."""
    token = cookies.get(_DESK, "")
    try:
        office.links.opened("desk", token)
    except LinkRefused:
        cure = "请打开发给您的审核台链接；打开过一次，以后从这里就能直接进去。没有链接，请向党委管理员要。"
        raise Refused(404, "no desk is known here", "这台设备上还没有打开过您的审核台", cure) from None
    return redirect(f"/desk/{token}")


def forget(office: Office, cookies: Mapping[str, str]) -> Page:
    """This browser leads nobody anywhere any more, and every desk that was opened in it asks for its code again."""
    answer = redirect("/site/")
    for name in (_LINK, _DESK):
        _forget(answer, name)
    for member in sorted(set(_opened(office, cookies))):
        _forget(device.forget(answer, member), _noted(member))
    return answer


def leave(who: Reviewer) -> Page:
    """This browser leads nobody to a desk, and the reviewer's own asks for its code again."""
    return _forget(_forget(device.forget(redirect(who.path), who.member), _DESK), _noted(who.member))


def _noted(member: str) -> str:
    return f"{_DESK}-{member}"


def _opened(office: Office, cookies: Mapping[str, str]) -> Iterator[str]:
    """Whose link or desk was opened in this browser, as far as those hold; else no desk knows it by them either."""
    for name, token in cookies.items():
        if name == _LINK or name.startswith(_DESK):
            with contextlib.suppress(LinkRefused):
                yield office.links.opened("m" if name == _LINK else "desk", token)


def _forget(answer: Page, name: str) -> Page:
    answer.delete_cookie(name, path=PATH, httponly=True, samesite="lax")
    return answer


def _own(office: Office, cookies: Mapping[str, str]) -> Door:
    try:
        return door(office, "link", cookies.get(_LINK, ""))
    except LinkRefused:
        cure = (
            "请打开支部发给您的个人链接；打开过一次，以后从报告里就能直接进去。没有链接，请扫支部的二维码登记，"
            "或向支部组织委员要。"
        )
        raise Refused(404, "no link is known here", "这台设备上还没有打开过您的登记链接", cure) from None


def _remember(office: Office, answer: Page, name: str, token: str) -> Page:
    answer.set_cookie(
        name,
        token,
        max_age=int(_KEPT.total_seconds()),
        path=PATH,
        secure=office.links.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",  # not strict: the site may be of another origin, and leads here by plain links
    )
    return answer
