"""What was sent: the receipt and where it stands, one's own submissions, and sending again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal

from xueshi.bridge.differences import differences
from xueshi.bridge.door import Door, entry, own, receipt_path, reviewers, standing, ticket_of
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, render
from xueshi.model import Study
from xueshi.model.closing import years
from xueshi.outbox import Row
from xueshi.proposals import corrected, register
from xueshi.records import parse_file
from xueshi.totals.effect import effect
from xueshi.words import receipt_code

_SHOWN = 60  # of a member's submissions, and of their other records


def receipt(office: Office, door: Door, ticket: str) -> Page:
    """Where one submission stands."""
    row, current = own(office, door, ticket), office.current()
    who = _entry_of(row, current)
    later = successor(office, row) if row.state in ("returned", "withdrawn") else None
    before, study = _sides(office, row, current)
    change = None
    if door.via == "link" and row.waits:
        change = next(
            iter(effect(current.records, current.records.policy, current.approvals, [study], current.today)),
            None,
        )
    code = receipt_code(row.sent.id)
    return render(
        "receipt.html",
        door=door,
        row=row,
        wanted=office.outbox.withdrawals.wanted(row.sent.id),
        code=code,
        shown_at=office.links.status(code),
        study=study,
        changed=differences(current, before, study) if before else [],
        name=current.name(row.sent.member),
        branch=current.branch(row.sent.branch),
        kind=_kind(current, row.sent.kind),
        granted=_granted(row, current),
        uncounted=is_uncounted(row, current),
        change=change,
        standing=standing(current, row.sent.member, row.sent.start_date.year) if door.via == "link" else None,
        reviewers=reviewers(current, who) if who else [],
        decided_by=current.name(row.decided_by),
        path=receipt_path(office, door, row.sent.id),
        again=_again(office, door, row),
        correct=_correct(door, row.sent.record_id, row, current),
        later=receipt_path(office, door, later.sent.id) if later else "",
        photos=[office.links.token("picture", e.sha256) for e in row.sent.evidence],
        page=office.page("member", row.sent.member) if door.via == "link" else "",
    )


def mine(office: Office, door: Door) -> Page:
    """Everything the member sent through this bridge, newest first, and their other records on main."""
    current = office.current()
    who = entry(door, current, "")
    if who is None or door.via != "link":
        raise Refused(
            403,
            "poster has no list",
            "这里看不到个人记录",
            "请用您的个人链接打开；没有链接请联系支部组织委员。",
        )
    sent = office.outbox.of_member(who.person.id)
    known = {row.sent.path for row in sent}
    wanted = set(office.outbox.withdrawals.open())
    older = [study for path, study in current.records_of(who.person.id).items() if path not in known]
    return render(
        "mine.html",
        door=door,
        who=who,
        rows=[
            (row, row.sent.id in wanted, is_uncounted(row, current), _links(door, row, current))
            for row in sent[:_SHOWN]
        ],
        older=[
            (study, study.path not in current.approvals, _correct(door, study.id, None, current))
            for study in sorted(older, key=lambda one: (one.start_date, one.id), reverse=True)[:_SHOWN]
        ],
        more=max(0, len(sent) - _SHOWN) + max(0, len(older) - _SHOWN),
        code=receipt_code,
        kinds=current.records.policy.kinds,
        standing=standing(current, who.person.id, current.today.year),
        page=office.page("member", who.person.id),
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """What a member can do about one of their submissions; empty where they cannot."""

    open: str
    again: str
    correct: str
    withdraw: str


def _links(door: Door, row: Row, current: Current) -> _Links:
    path = f"{door.path}/r/{row.sent.id}"
    correct = _correct(door, row.sent.record_id, row, current)
    again = f"{door.path}?again={row.sent.id}" if row.sent.action == "register" else ""
    return _Links(path, again, correct, f"{path}/withdraw" if row.waits else "")


def _correct(door: Door, record: str, row: Row | None, current: Current) -> str:
    """Where a member corrects a record; empty where it cannot be, or is not approved yet."""
    study = next((s for s in current.records_of(door.subject).values() if s.id == record), None)
    if door.via != "link" or (row is not None and row.state != "approved"):
        return ""
    return "" if refusal(study, door.subject, current) else f"{door.path}/correct/{record}"


def _again(office: Office, door: Door, row: Row) -> str:
    """Where the form opens filled in with this submission."""
    if row.sent.action == "correct":
        return f"{door.path}/correct/{row.sent.record_id}?again={row.sent.id}"
    return f"{door.path}?again={ticket_of(office, door, row.sent.id)}"


def _sides(office: Office, row: Row, current: Current) -> tuple[Study | None, Study]:
    """What a correction changes, and what was sent: as it was proposed, or would be."""
    if row.sent.action == "register":
        return None, register(row.sent)
    held = office.outbox.batches.get(row.batch) if row.batch else None
    before = current.records.studies.get(row.sent.path)
    if held is not None and held.base:  # main may have it already
        data = office.repo.blobs([f"{held.base}:{row.sent.path}"])
        then = parse_file(row.sent.path, next(iter(data.values()))).value if data else None
        before = then if isinstance(then, Study) else before
    return before, corrected(row.sent, before) if before else register(row.sent)


def refusal(study: Study | None, member: str, current: Current) -> str:
    """Why a record cannot be corrected by `member`; empty when it can."""
    if study is None or study.member != member:
        return "没有这条记录，或它不是您的。只能更正本人已经通过的记录。"
    if study.void is not None:
        return "这条记录已经作废，不能更正。需要的话请重新登记一条。"
    for year in sorted(years(study) & set(current.records.closings)):
        if not current.records.closings[year].adjusts(member, current.today):
            return f"{year} 年已经结账，不能更正。确实有误，请联系党委管理员，由党委办理调整。"
    if current.branch(study.branch) is None:
        return "这条记录所在的支部已不在组织名单中，请联系党委管理员更正。"
    return ""


def is_uncounted(row: Row, current: Current) -> bool:
    """Whether a submission was merged in a way that does not tell who reviewed it, as by a squash: it counts nothing."""
    return row.state == "approved" and row.sent.path not in current.approvals


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
    """The hours on main of an approved submission, fewer than claimed when the reviewer granted fewer; None as long as
    history does not tell who approved it, as after a squashed merge."""
    if row.state != "approved" or row.sent.path not in current.approvals:
        return None
    study = current.records.studies.get(row.sent.path)
    return study.hours if study else row.sent.hours
