"""The desk's second confirmation: a code typed once a device, since a link may be passed on (docs/decisions/0010)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from xueshi.bridge.desk import Reviewer
from xueshi.bridge.office import Office
from xueshi.bridge.pages import Page, redirect, render
from xueshi.bridge.queue import queue
from xueshi.errors import LinkRefused
from xueshi.model import SHANGHAI
from xueshi.outbox.doors import MOST

_KEPT = timedelta(days=30)


def is_known(office: Office, who: Reviewer, cookies: Mapping[str, str]) -> bool:
    """Whether this device has shown the reviewer's code within thirty days, and the desk's link was not replaced since."""
    try:
        return office.links.opened("device", cookies.get(_name(who.member), "")) == who.member
    except LinkRefused:
        return False


def ask(office: Office, who: Reviewer, *, foreign: bool = False, status: int = 200, fault: str = "") -> Page:
    """How much waits, and a field for the code; nothing else. `foreign`: the browser came from another site and keeps
    our cookie back for once, so the page is opened again from here."""
    now, found = office.now(), queue(office, who.member)
    until = office.outbox.doors.closed(_subject(who), now.timestamp())
    closed = datetime.fromtimestamp(until, SHANGHAI) if until > now.timestamp() else None
    return render(
        "device.html",
        status=429 if closed else status,
        who=who,
        count=found.records,
        heard=found.heard,
        foreign=foreign,
        fault=fault,
        closed=closed,
    )


def confirm(office: Office, who: Reviewer, typed: str) -> Page:
    """The desk for a right code, on this device from now on; the question again for a wrong one."""
    now = office.now().timestamp()
    code = re.sub(r"\s", "", typed)
    if not re.fullmatch(r"[0-9]{6}", code, re.ASCII):
        return ask(office, who, status=422, fault="审核码是 6 位数字")
    number, _ = office.outbox.doors.try_code(_subject(who), now)
    if not number:
        return ask(office, who)
    if not hmac.compare_digest(code, office.links.desk_code(who.member)):
        return ask(office, who, status=403, fault=f"审核码不对。15 分钟内输错 {MOST} 次，审核台会关 15 分钟")
    office.outbox.doors.forgive(number)
    answer = redirect(who.path)
    answer.set_cookie(
        _name(who.member),
        office.links.token("device", who.member),
        max_age=int(_KEPT.total_seconds()),
        path="/desk",
        secure=office.links.base_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return answer


def forget(answer: Page, member: str) -> Page:
    """`answer`, after which this device must show a reviewer's code again."""
    answer.delete_cookie(_name(member), path="/desk", httponly=True, samesite="strict")
    return answer


def _name(member: str) -> str:
    return f"xueshi-desk-{member}"


def _subject(who: Reviewer) -> str:
    return f"desk:{who.member}"
