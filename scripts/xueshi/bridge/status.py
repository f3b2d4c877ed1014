"""How a receipt stands, for whoever was told its code: state, dates and what to do next, and nothing about anybody."""

from __future__ import annotations

from starlette.responses import Response

from xueshi.bridge.office import Office
from xueshi.bridge.pages import HEADERS, Page, redirect, render
from xueshi.bridge.receipt import is_uncounted
from xueshi.links import qr_svg
from xueshi.words import receipt_code


def ask(typed: str) -> Page:
    """A field for the code, or on to its page."""
    code = receipt_code(typed)
    if code:
        return redirect(f"/s/{code}")
    fault = "回执号是 10 个字母和数字，例如 7YQ2M-KX4TD，请核对" if typed.strip() else ""
    return render(
        "status.html", status=422 if fault else 200, row=None, code="", typed=typed[:40], fault=fault
    )


def show(office: Office, typed: str) -> Page:
    """Where the submission of a code stands."""
    code = receipt_code(typed)
    row = office.outbox.by_code(code) if code else None
    if row is None:
        fault = "没有这个回执号，请核对：字母和数字各是什么，可以问登记的人"
        return render("status.html", status=404, row=None, code="", typed=typed[:40], fault=fault)
    wanted = row.waits and office.outbox.withdrawals.wanted(row.sent.id)
    uncounted = is_uncounted(row, office.current())
    return render("status.html", row=row, code=code, wanted=wanted, uncounted=uncounted, typed="", fault="")


def picture(office: Office, typed: str) -> Response:
    """The QR code that leads to a code's page; it says nothing about whether there is one."""
    code = receipt_code(typed) or "-"
    return Response(
        qr_svg(office.links.status(code)),
        media_type="image/svg+xml",
        headers={**HEADERS, "Cache-Control": "no-store"},
    )
