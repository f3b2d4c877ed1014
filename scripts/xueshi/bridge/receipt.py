"""What was sent: the receipt and where it stands, one's own submissions, and sending again."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from xueshi.bridge.door import Door, entry, own, receipt_path, reviewers, standing, ticket_of
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, render
from xueshi.outbox import Row
from xueshi.proposals import register
from xueshi.totals.effect import effect
from xueshi.words import receipt_code


def receipt(office: Office, door: Door, ticket: str) -> Page:
    """Where one submission stands."""
    row, current = own(office, door, ticket), office.current()
    who = _entry_of(row, current)
    later = successor(office, row) if row.state == "returned" else None
    study = register(row.sent)
    change = None
    if door.via == "link" and row.waits:
        change = next(
            iter(effect(current.records, current.records.policy, current.approvals, [study], current.today)),
            None,
        )
    return render(
        "receipt.html",
        door=door,
        row=row,
        code=receipt_code(row.sent.id),
        study=study,
        name=current.name(row.sent.member),
        branch=current.branch(row.sent.branch),
        kind=_kind(current, row.sent.kind),
        granted=_granted(row, current),
        change=change,
        standing=standing(current, row.sent.member, row.sent.start_date.year) if door.via == "link" else None,
        reviewers=reviewers(current, who) if who else [],
        decided_by=current.name(row.decided_by),
        again=ticket_of(office, door, row.sent.id),
        later=receipt_path(office, door, later.sent.id) if later else "",
        photos=[office.links.token("picture", e.sha256) for e in row.sent.evidence],
        page=office.page("member", row.sent.member) if door.via == "link" else "",
    )


def mine(office: Office, door: Door) -> Page:
    """Everything the member sent through this bridge, newest first."""
    current = office.current()
    who = entry(door, current, "")
    if who is None or door.via != "link":
        raise Refused(
            403,
            "poster has no list",
            "这里看不到个人记录",
            "请用您的个人链接打开；没有链接请联系支部组织委员。",
        )
    rows = [
        (row, receipt_code(row.sent.id), _kind(current, row.sent.kind))
        for row in office.outbox.of_member(who.person.id)
    ]
    return render(
        "mine.html",
        door=door,
        who=who,
        rows=rows,
        standing=standing(current, who.person.id, current.today.year),
        page=office.page("member", who.person.id),
    )


def key_of(member: str, key: str) -> str:
    """What a form is stored under: the same form of the same member is one submission."""
    return hashlib.sha256(f"{member}:{key}".encode()).hexdigest()


def again_key(row: Row) -> str:
    """What a returned submission is sent again under: once, since the same key gives the same receipt."""
    return f"again-{row.sent.id}"


def successor(office: Office, row: Row) -> Row | None:
    """What a returned submission was sent again as."""
    return office.outbox.by_key(key_of(row.sent.member, again_key(row)))


def _entry_of(row: Row, current: Current) -> Entry | None:
    person, branch = current.people.get(row.sent.member), current.branch(row.sent.branch)
    return Entry(person, branch, row.sent.via) if person and branch else None


def _kind(current: Current, kind: str) -> str:
    found = current.records.policy.kinds.get(kind)
    return found.label if found else kind


def _granted(row: Row, current: Current) -> Decimal | None:
    """The hours on main of an approved submission, fewer than claimed when the reviewer granted fewer."""
    if row.state != "approved":
        return None
    study = current.records.studies.get(register(row.sent).path)
    return study.hours if study else row.sent.hours
