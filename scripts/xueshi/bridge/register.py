"""Pages of those who register: the form by personal link or by poster, the receipt, one's own submissions."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from xueshi import pictures
from xueshi.bridge import form as study_form
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.errors import LinkRefused, PictureRefused
from xueshi.model import Evidence, Study
from xueshi.outbox import Row
from xueshi.pinyin import initials, sort_key
from xueshi.proposals import Sent, register
from xueshi.totals.effect import effect
from xueshi.words import plain

_LOG = logging.getLogger("xueshi.bridge")


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: the address it was reached by, the branch or member it stands for. `via`: link | poster."""

    via: str
    token: str
    subject: str

    @property
    def path(self) -> str:
        return f"/{'m' if self.via == 'link' else 'b'}/{self.token}"


def door(office: Office, via: str, token: str) -> Door:
    """The door that a link opens. Raises LinkRefused."""
    return Door(via, token, office.links.opened("m" if via == "link" else "b", token))


def entry(door: Door, current: Current, member: str) -> Entry | None:
    """Who registers through the door; None when a poster's visitor has not said yet. Raises Refused."""
    if door.via == "link":
        person = current.people.get(door.subject)
        held = person.membership(current.today) if person else None
        branch = current.branch(held.branch) if held else None
        if person is None or branch is None:
            raise Refused(
                404, "not on a roster", "名册上现在没有您", "请联系支部组织委员，核对名册后再打开这个链接。"
            )
        if member not in ("", person.id):
            raise Refused(
                403,
                "foreign member",
                "不能替别人登记",
                "这是个人链接，只能登记本人的学习。请让对方用自己的链接或支部海报。",
            )
        return Entry(person, branch, "link")
    branch = current.branch(door.subject)
    if branch is None:
        raise Refused(
            404,
            "unknown branch",
            "没有这个支部",
            "海报上的支部已不在组织名单中，请向支部组织委员要新的海报。",
        )
    if not member:
        return None
    chosen = next((p for p in current.members(branch.id) if p.id == member), None)
    if chosen is None:
        raise Refused(
            403,
            "foreign member",
            "名册上没有这位党员",
            "请回到海报页面重新选择姓名；名单里没有您时，请联系支部组织委员。",
        )
    return Entry(chosen, branch, "poster")


# --- the form


def show(office: Office, door: Door, member: str, again: str) -> Page:
    """The empty form, or one filled in from an earlier submission (`again`), or the poster's list of names."""
    current = office.current()
    old = _own(office, door, again) if again else None
    who = entry(door, current, old.sent.member if old and door.via == "poster" else member)
    if who is None:
        return _names(office, door, current)
    values = _values(old.sent) if old else {"start_date": current.today.isoformat()}
    if old and old.state == "returned":
        later = _successor(office, old)
        if later is not None:
            return redirect(_receipt_path(office, door, later.sent.id))
        kept = list(old.sent.evidence)
        return _form(office, door, who, current, values=values, kept=kept, key=_again_key(old))
    if old:
        values = {**values, "content": ""}
    return _form(office, door, who, current, values=values)


def send(
    office: Office, door: Door, form: Mapping[str, str], photos: Sequence[bytes], kept: Sequence[str]
) -> Page:
    """Keep a submission and send its reader to the receipt; on any fault the form again with all that was filled in."""
    current, now = office.current(), office.now()
    who = entry(door, current, form.get("member", ""))
    if who is None:
        raise Refused(400, "nobody chosen", "还没有选姓名", "请回到海报页面，先选择您的姓名。")
    faults: dict[str, str] = {}
    values = study_form.typed(form)
    evidence = _keep(office, photos, kept, faults)
    key = _key(who.person.id, form.get("key", ""))
    sent, found = study_form.understand(values, who, current, now=now, evidence=tuple(evidence))
    faults = {**found, **faults}
    first = office.outbox.by_key(key)
    if first is not None:
        if sent is not None and not faults and _same(first.sent, sent):
            return redirect(_receipt_path(office, door, first.sent.id))
        return _form(office, door, who, current, values=values, kept=evidence, faults=faults, first=first)
    if sent is not None and not faults:
        faults = study_form.judge(sent, current, _waiting(office, who.person.id))
    if sent is None or faults:
        return _form(
            office, door, who, current, values=values, kept=evidence, faults=faults, key=form.get("key", "")
        )
    row = office.outbox.store(sent, key, register(sent).path)
    office.wake()
    return redirect(_receipt_path(office, door, row.sent.id))


def _key(member: str, key: str) -> str:
    return hashlib.sha256(f"{member}:{key}".encode()).hexdigest()


def _again_key(row: Row) -> str:
    """What a returned submission is sent again under: once, since the same key gives the same receipt."""
    return f"again-{row.sent.id}"


def _successor(office: Office, row: Row) -> Row | None:
    return office.outbox.by_key(_key(row.sent.member, _again_key(row)))


def _keep(
    office: Office, photos: Sequence[bytes], kept: Sequence[str], faults: dict[str, str]
) -> list[Evidence]:
    """Pictures sent now and those kept from the last try, each once; a bad one is told and not stored."""
    found: dict[str, Evidence] = {}
    for token in kept:
        try:
            held = office.outbox.picture(office.links.opened("picture", token))
        except LinkRefused as refused:
            _LOG.warning("refused kept picture: %s", refused.reason)
            continue
        if held is not None:
            found[held[0].sha256] = held[0]
    for number, data in enumerate(photos, 1):
        if len(found) >= study_form.MAX_PICTURES:
            faults["evidence"] = f"最多 {study_form.MAX_PICTURES} 张照片，多出的没有保存"
            break
        try:
            picture = office.outbox.keep_picture(pictures.clean(data), office.now())
            found[picture.sha256] = picture
        except PictureRefused as refused:
            _LOG.warning("refused picture of %d bytes", len(data))
            faults["evidence"] = f"第 {number} 张：{refused.reason}" if len(photos) > 1 else refused.reason
    return list(found.values())


def _same(first: Sent, now: Sent) -> bool:
    return first == replace(now, id=first.id, at=first.at, via=first.via, notice=first.notice)


def _waiting(office: Office, member: str) -> tuple[Study, ...]:
    rows = office.outbox.of_member(member)
    return tuple(register(row.sent) for row in rows if row.state in ("received", "pending", "parked"))


def _values(sent: Sent) -> dict[str, str]:
    return {
        "start_date": sent.start_date.isoformat(),
        "kind": sent.kind,
        "title": sent.title,
        "hours": plain(sent.hours),
        "content": sent.content or "",
        "place": sent.place or "",
    }


def _form(
    office: Office,
    door: Door,
    who: Entry,
    current: Current,
    *,
    values: Mapping[str, str],
    kept: Sequence[Evidence] = (),
    faults: Mapping[str, str] | None = None,
    first: Row | None = None,
    key: str = "",
) -> Page:
    order = ["form", *study_form.FIELDS]
    faults = dict(sorted((faults or {}).items(), key=lambda fault: order.index(fault[0])))
    return render(
        "form.html",
        status=422 if faults else 409 if first else 200,
        door=door,
        who=who,
        fields=study_form.fields(),
        kinds=current.records.policy.kinds,
        hours=study_form.HOURS,
        days=study_form.choices(current.today),
        today=current.today,
        oldest=min((p.start for p in current.records.policy.periods.values() if p.start), default=None),
        titles=_recent_titles(current, who.branch.id),
        values=values,
        kept=[(e.sha256, office.links.token("picture", e.sha256)) for e in kept],
        most=study_form.MAX_PICTURES,
        faults=faults,
        first=first,
        first_path=_receipt_path(office, door, first.sent.id) if first else "",
        key=key if key and not first else secrets.token_urlsafe(18),
        standing=_standing(current, who.person.id, current.today.year) if who.via == "link" else None,
        reviewers=_reviewers(current, who),
    )


def _recent_titles(current: Current, branch: str) -> list[str]:
    newest = sorted((s for s in current.records.studies.values() if s.branch == branch), key=lambda s: s.id)
    return list(dict.fromkeys(study.title for study in reversed(newest)))[:8]


def _standing(current: Current, member: str, year: int) -> object:
    found = current.totals.members.get(member)
    return found.standing("year") if found and year == current.today.year else None


def _reviewers(current: Current, who: Entry) -> list[str]:
    able = current.records.organisation.reviewers_of(who.branch.id, current.today)
    return [current.name(r.member) for r in able if r.member != who.person.id][:3]


def _names(office: Office, door: Door, current: Current) -> Page:
    branch = current.branch(door.subject)
    people = sorted(current.members(door.subject), key=lambda person: sort_key(person.name))
    rows = [(person, initials(person.name)) for person in people]
    return render("poster.html", door=door, branch=branch, rows=rows)


# --- receipts


def receipt(office: Office, door: Door, ticket: str) -> Page:
    """Where one submission stands."""
    row, current = _own(office, door, ticket), office.current()
    who = _entry_of(row, current)
    later = _successor(office, row) if row.state == "returned" else None
    study = register(row.sent)
    change = None
    if door.via == "link" and row.state in ("received", "pending", "parked"):
        change = next(iter(effect(current.records, current.history, [study], current.today)), None)
    return render(
        "receipt.html",
        door=door,
        row=row,
        code=code(row.sent.id),
        study=study,
        name=current.name(row.sent.member),
        branch=current.branch(row.sent.branch),
        kind=_kind(current, row.sent.kind),
        granted=_granted(row, current),
        change=change,
        standing=_standing(current, row.sent.member, row.sent.start_date.year)
        if door.via == "link"
        else None,
        reviewers=_reviewers(current, who) if who else [],
        decided_by=current.name(row.decided_by),
        again=_ticket(office, door, row.sent.id),
        later=_receipt_path(office, door, later.sent.id) if later else "",
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
        (row, code(row.sent.id), _kind(current, row.sent.kind))
        for row in office.outbox.of_member(who.person.id)
    ]
    return render(
        "mine.html",
        door=door,
        who=who,
        rows=rows,
        standing=_standing(current, who.person.id, current.today.year),
        page=office.page("member", who.person.id),
    )


def code(submission: str) -> str:
    """A receipt's code as people read it out: the last six characters of its id."""
    return f"{submission[-6:-2]}-{submission[-2:]}"


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


def _ticket(office: Office, door: Door, submission: str) -> str:
    """What a receipt's address carries: plain below a personal link, signed below a poster that many hold."""
    return submission if door.via == "link" else office.links.token("r", submission)


def _receipt_path(office: Office, door: Door, submission: str) -> str:
    return f"{door.path}/r/{_ticket(office, door, submission)}"


def _own(office: Office, door: Door, ticket: str) -> Row:
    """The submission a ticket stands for, if it belongs behind this door. Raises Refused, LinkRefused."""
    row = office.outbox.get(ticket if door.via == "link" else office.links.opened("r", ticket))
    owner = row and (row.sent.member if door.via == "link" else row.sent.branch)
    if row is None or owner != door.subject:
        raise Refused(404, "no such receipt", "没有这张回执", "请核对链接，或回到登记页面查看“我的记录”。")
    return row
