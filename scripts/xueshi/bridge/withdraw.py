"""What its member takes back: at once while it is only here, through the host once it is on its way."""

from __future__ import annotations

import logging
from datetime import datetime

from xueshi.bridge.door import Door, own, receipt_path
from xueshi.bridge.office import Office
from xueshi.bridge.pages import Page, redirect, render
from xueshi.delivery import leaving
from xueshi.errors import HostLimited, HostRefused, XueshiError
from xueshi.hosts.base import Host
from xueshi.words import receipt_code

_LOG = logging.getLogger("xueshi.bridge")


def ask(office: Office, door: Door, ticket: str) -> Page:
    """Whether that is really meant."""
    row = own(office, door, ticket)
    path = receipt_path(office, door, row.sent.id)
    if not row.waits or office.outbox.withdrawals.wanted(row.sent.id):
        return redirect(path)
    return render("withdraw.html", row=row, code=receipt_code(row.sent.id), path=path)


def withdraw(office: Office, door: Door, ticket: str) -> Page:
    """Take a submission back, or keep the wish until the host has let it go; the receipt says which."""
    row, now = own(office, door, ticket), office.now()
    if row.waits and office.outbox.withdraw(row.sent.id, now) != "withdrawn":
        office.outbox.withdrawals.want(row.sent.id, now)
        carry_withdrawals(office, now)
        office.wake()
    return redirect(receipt_path(office, door, row.sent.id))


def carry_withdrawals(office: Office, now: datetime) -> None:
    """Take what is wanted back out of its pull request. What has none yet, or whose host is away, waits; what was
    decided meanwhile stays as it was decided. Delivery sees the closed pull request and tells the rest."""
    for ident in office.outbox.withdrawals.open():
        row = office.outbox.get(ident)
        held = office.outbox.batches.get(row.batch) if row and row.batch else None
        if row is None or held is None or office.host is None:
            if row is not None and row.batch is None:
                office.outbox.withdraw(ident, now)
            continue
        if held.state == "proposed" and held.pull is not None:
            _close(office, office.host, ident, row.sent.member, held.pull, now)


def _close(office: Office, host: Host, ident: str, by: str, number: int, now: datetime) -> None:
    limits = office.outbox.limits
    if limits.blocked(now.timestamp()) or not limits.spend(host.budget, now.timestamp()):
        return
    try:
        host.close(number, by, leaving("撤回", ident, "本人撤回"), now)
    except HostRefused as refused:  # decided, or closed for another of its records: the host's word holds
        _LOG.info("withdrawal from pull %d: %s", number, refused)
    except HostLimited as error:
        limits.block(host.name, error.until, str(error))
    except XueshiError as error:
        _LOG.warning("withdrawal from pull %d is put off: %s", number, error)
