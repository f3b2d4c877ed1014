"""What its member takes back: at once while it is only here, through the host once it is on its way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from xueshi.bridge.brought import bring
from xueshi.bridge.door import Door, own, receipt_path
from xueshi.bridge.office import Office
from xueshi.bridge.pages import Page, redirect, render
from xueshi.delivery import leaving
from xueshi.errors import HostDenied, HostLimited, HostRefused, XueshiError
from xueshi.hosts.base import Host, Pull
from xueshi.outbox import Batch, Row
from xueshi.words import receipt_code

_LOG = logging.getLogger("xueshi.bridge")
WITHDRAWN = "已被本人撤回"
_FIRST = timedelta(minutes=30)  # that a wish keeps a decision on the same pull request waiting
_DENIED = timedelta(minutes=10)  # until a host that denied one is asked again; decisions need its calls
_AHEAD = timedelta(minutes=10)  # that a clock may have been ahead when a wish was kept


def ask(office: Office, door: Door, ticket: str) -> Page:
    """Whether that is really meant."""
    row = own(office, door, ticket)
    path = receipt_path(office, door, row.sent.id)
    if not row.waits or office.outbox.withdrawals.wanted(row.sent.id):
        return redirect(path)
    return render("withdraw.html", row=row, code=receipt_code(row.sent.id), path=path)


def withdraw(office: Office, door: Door, ticket: str) -> Page:
    """Take a submission back, or keep the wish until the host has let it go; the receipt says which. Only the worker asks
    the host: requests that wait for one that is away would keep everybody else waiting."""
    row, now = own(office, door, ticket), office.now()
    here = not row.waits or office.outbox.withdraw(row.sent.id, now) == "withdrawn"
    if not here and office.outbox.withdrawals.want(row.sent.id, now):
        office.wake()
    return redirect(receipt_path(office, door, row.sent.id))


def carry_withdrawals(office: Office, now: datetime) -> frozenset[str]:
    """Take what is wanted back out of its pull request, or out of a parked batch that has none. What is on its way, or
    whose host is away, waits; what was decided meanwhile stays as it was decided. Delivery sees the closed pull request
    and tells the rest. What was taken back and somebody opened again on the host is closed again. The refs of the pull
    requests that the host does not let us close: nothing is gained by waiting for them."""
    denied: set[str] = set()
    for row, held in (*_open(office), *_opened_again(office)):
        if held is None:
            office.outbox.withdraw(row.sent.id, now)
        elif office.barred.get(held.ref, now) > now:
            denied.add(held.ref)
        elif office.host is None or not _lets_call(office, office.host, now):
            continue
        elif not _take_out(office, office.host, held, row, now):
            denied.add(held.ref)
    return frozenset(denied)


def wanted_back(office: Office, now: datetime) -> frozenset[str]:
    """Refs of pull requests with a record that its member wants back and that the host has not let go yet, so that a
    decision waits. Half an hour after the wish it waits no longer: else one that cannot be carried out kept all the
    others of its pull request from ever being approved."""
    return frozenset(held.ref for _, held in _open(office, now - _FIRST, now + _AHEAD) if held is not None)


def was_withdrawn(office: Office, pull: Pull) -> bool:
    """Whether nobody decides on a pull request any more, since a member took something back: it is closed, or was and
    somebody opened it again on the host."""
    held, wanted = office.outbox.batches.of_pull(pull.number, pull.head_ref), office.outbox.withdrawals.wanted
    return held is not None and any(
        row.state == "withdrawn" or (pull.state == "closed" and row.waits and wanted(row.sent.id))
        for row in held.rows
    )


def _open(
    office: Office, since: datetime | None = None, until: datetime | None = None
) -> Iterator[tuple[Row, Batch | None]]:
    """What is wanted back (between these times) and undecided, with the batch it goes to the host in."""
    for ident in office.outbox.withdrawals.open(since, until):
        row = office.outbox.get(ident)
        if row is not None:
            yield row, office.outbox.batches.get(row.batch) if row.batch else None


def _opened_again(office: Office) -> Iterator[tuple[Row, Batch | None]]:
    """What was taken back although its pull request is open, as the host told last, with its batch."""
    for row in office.outbox.withdrawals.gone(pull.head_ref for pull in office.pulls()):
        yield row, office.outbox.batches.get(row.batch or "")


def _lets_call(office: Office, host: Host, now: datetime) -> bool:
    return office.outbox.limits.ready(host.budget, now.timestamp()) <= now.timestamp()


def _take_out(office: Office, host: Host, held: Batch, row: Row, now: datetime) -> bool:
    """False when the host does not let us: waiting helps nothing there."""
    try:
        if held.state in ("proposed", "decided") and held.pull is not None:
            _close(office, host, held, row, now)
        elif held.state == "parked" and held.pull is None:
            _release(office, host, held, row, now)
    except HostRefused as refused:  # decided, or closed for another of its records: the host's word holds
        _LOG.info("withdrawal from batch %s: %s", held.id, refused)
        return False
    except HostDenied as denied:
        _LOG.error("withdrawal from batch %s is denied: %s", held.id, denied)
        office.barred[held.ref] = now + _DENIED
        return False
    except HostLimited as error:
        office.outbox.limits.block(host.name, error.until, str(error))
    except XueshiError as error:
        _LOG.warning("withdrawal from batch %s is put off: %s", held.id, error)
    return True


def _close(office: Office, host: Host, held: Batch, row: Row, now: datetime) -> None:
    """Close the pull request with a line that says why; decisions that wait for it come to nothing, and are told so. Not
    another one of its number: a host that was put back from a backup gives numbers again."""
    pull = host.get(held.pull or 0)
    if pull is None or pull.head_ref != held.ref or pull.state != "open":
        raise HostRefused(f"pull {held.pull} is not open for {held.ref}")
    if not office.outbox.limits.spend(host.budget, now.timestamp()):
        return
    host.close(pull.number, row.sent.member, leaving("撤回", row.sent.id, "本人撤回"), now)
    others = sum(other.waits for other in held.rows if other.sent.id != row.sent.id)
    words = (
        f"其中一条{WITHDRAWN}，其余 {others} 条会重新送来，请再审一次" if others else f"{WITHDRAWN}，不用再审"
    )
    office.outbox.decisions.overtake(pull.number, words)


def _release(office: Office, host: Host, held: Batch, row: Row, now: datetime) -> None:
    """At once, when the host has no pull request of it. It has one when the answer to opening it was lost: then delivery
    must find it first, and it is closed."""
    pull = host.find(held.ref)
    if pull is not None and (pull.state != "open" or _brings(office, pull, row)):
        office.outbox.batches.unpark(held.id)
    else:
        office.outbox.batches.release(held, row.sent.id, now)


def _brings(office: Office, pull: Pull, row: Row) -> bool:
    """Whether a pull request is ours, and no stranger's on our ref."""
    return any(sent.id == row.sent.id for sent in bring(office, pull).submissions)
