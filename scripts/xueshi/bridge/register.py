"""The form, by personal link or by poster: shown, sent, and shown again with what is wrong."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

from xueshi import pictures
from xueshi.bridge import form as study_form
from xueshi.bridge.door import Door, allow, counted, entry, own, receipt_path, reviewers, standing
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.bridge.receipt import again_key, key_of, successor
from xueshi.errors import LinkRefused, PictureRefused
from xueshi.model import Evidence, Study
from xueshi.outbox import Busy, Row
from xueshi.pinyin import initials, sort_key
from xueshi.proposals import Sent
from xueshi.words import plain

_LOG = logging.getLogger("xueshi.bridge")
BUSY = "系统正忙。什么都不用改，请过一会儿再提交一次。"


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in a form: `values` by field, pictures kept, what is wrong by field, the `first` submission of the
    same form, the `key` it is sent under (empty: a new one), and what is said when it could not be stored (`busy`)."""

    values: Mapping[str, str]
    kept: Sequence[Evidence] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    first: Row | None = None
    key: str = ""
    busy: str = ""


def show(office: Office, door: Door, member: str, again: str) -> Page:
    """The empty form, or one filled in from an earlier submission (`again`), or the poster's list of names."""
    current = office.current()
    old = own(office, door, again) if again else None
    who = entry(door, current, old.sent.member if old and door.via == "poster" else member)
    if who is None:
        return _names(office, door, current)
    if old and old.state in ("returned", "withdrawn"):
        later = successor(office, old)
        if later is not None:
            return redirect(receipt_path(office, door, later.sent.id))
        given = Filled(filled(old.sent), old.sent.evidence, key=again_key(old))
        return form_page(office, door, who, current, given)
    values = {**filled(old.sent), "content": ""} if old else {}
    today = current.today.isoformat()
    return form_page(office, door, who, current, Filled({**values, "start_date": today}))


def send(
    office: Office, door: Door, form: Mapping[str, str], photos: Sequence[IO[bytes]], kept: Sequence[str]
) -> Page:
    """Keep a submission and send its reader to the receipt; on any fault the form again with all that was filled in.
    Raises Refused and TooMany before a picture is read."""
    current, now = office.current(), office.now()
    who = entry(door, current, form.get("member", ""))
    if who is None:
        raise Refused(400, "nobody chosen", "还没有选姓名", "请回到海报页面，先选择您的姓名。")
    key = key_of(who.person.id, form.get("key", ""))
    first = office.outbox.by_key(key)
    if first is None:
        allow(office, who)
    faults: dict[str, str] = {}
    values = study_form.typed(form)
    evidence = keep(office, photos, kept, faults)
    sent, found = study_form.understand(values, who, current, now=now, evidence=tuple(evidence))
    faults = {**found, **faults}
    first = first or office.outbox.by_key(key)  # sent twice at once, the other may have been quicker
    if first is not None:
        if sent is not None and not faults and is_same(first.sent, sent):
            return redirect(receipt_path(office, door, first.sent.id))
        return form_page(office, door, who, current, Filled(values, evidence, faults, first))
    if sent is not None and not faults:
        faults = study_form.judge(sent, current, waiting(office, current, who.person.id))
    if sent is None or faults:
        given = Filled(values, evidence, faults, key=form.get("key", ""))
        return form_page(office, door, who, current, given)
    try:
        with counted(office, who):
            row = office.outbox.store(sent, key, sent.path)
    except Busy as busy:
        _LOG.error("%s", busy)
        given = Filled(values, evidence, key=form.get("key", ""), busy=BUSY)
        return form_page(office, door, who, current, given, status=503)
    office.wake()
    return redirect(receipt_path(office, door, row.sent.id))


def keep(
    office: Office,
    photos: Sequence[IO[bytes]],
    kept: Sequence[str],
    faults: dict[str, str],
    known: Sequence[Evidence] = (),
) -> list[Evidence]:
    """Pictures sent now and those kept from the last try or from the record (`known`), each once; a bad one is told
    and not stored."""
    found: dict[str, Evidence] = {}
    of_record = {picture.sha256: picture for picture in known}
    for token in kept:
        picture = _kept(office, token, of_record)
        if picture is None:
            faults["evidence"] = "有一张照片没有保住，请重新选"
        else:
            found[picture.sha256] = picture
    for number, photo in enumerate(photos, 1):
        if len(found) >= study_form.MAX_PICTURES:
            faults["evidence"] = f"最多 {study_form.MAX_PICTURES} 张照片，多出的没有保存"
            break
        try:
            picture = office.outbox.keep_picture(pictures.clean(_read(photo)), office.now())
            found[picture.sha256] = picture
        except PictureRefused as refused:
            _LOG.warning("refused picture of %d bytes", photo.tell())
            faults["evidence"] = f"第 {number} 张：{refused.reason}" if len(photos) > 1 else refused.reason
    return list(found.values())


def _read(photo: IO[bytes]) -> bytes:
    """A photo, read only where it is no larger than one may be. Raises PictureRefused."""
    pictures.fits(photo.seek(0, os.SEEK_END))
    photo.seek(0)
    return photo.read()


def _kept(office: Office, token: str, of_record: Mapping[str, Evidence]) -> Evidence | None:
    """The picture that a form's token stands for; None where the token is none of ours, or its file is gone."""
    try:
        sha256 = office.links.opened("picture", token)
    except LinkRefused as refused:
        _LOG.warning("refused kept picture: %s", refused.reason)
        return None
    if sha256 in of_record:
        return of_record[sha256]
    held = office.outbox.keep_again(sha256, office.now())
    if held is None:
        _LOG.error("a kept picture is gone from the outbox")
    return held


def is_same(first: Sent, now: Sent) -> bool:
    """Whether two submissions say the same."""
    return first == replace(now, id=first.id, at=first.at, via=first.via, notice=first.notice)


def waiting(office: Office, current: Current, member: str) -> tuple[Study, ...]:
    """What a member sent and nobody has decided yet, as records."""
    rows = (row.sent for row in office.outbox.waiting_of(member))
    return tuple(study for sent in rows if (study := study_form.proposed(sent, current)) is not None)


def filled(known: Sent | Study) -> dict[str, str]:
    """A submission's or a record's values as the form shows them."""
    return {
        "start_date": known.start_date.isoformat(),
        "kind": known.kind,
        "title": known.title,
        "hours": plain(known.hours),
        "content": known.content or "",
        "place": known.place or "",
        "organiser_level": known.organiser_level or "",
    }


def form_page(
    office: Office,
    door: Door,
    who: Entry,
    current: Current,
    given: Filled,
    *,
    correcting: Study | None = None,
    status: int | None = None,
) -> Page:
    """The form to register with, or to correct a record with. `status`: of the answer, where its faults do not say it."""
    order = ["form", *study_form.FIELDS, "reason"]
    faults = dict(sorted(given.faults.items(), key=lambda fault: order.index(fault[0])))
    first = given.first
    return render(
        "form.html",
        status=status or (422 if faults else 409 if first else 200),
        door=door,
        who=who,
        correcting=correcting,
        action=f"{door.path}/correct/{correcting.id}" if correcting else door.path,
        fields=study_form.fields(),
        kinds=current.records.policy.kinds,
        hours=study_form.HOURS,
        days=study_form.choices(current.today),
        today=current.today,
        oldest=min((p.start for p in current.records.policy.periods.values() if p.start), default=None),
        titles=[] if correcting else _recent_titles(current, who.branch.id),
        values=given.values,
        kept=[(e.sha256, office.links.token("picture", e.sha256)) for e in given.kept],
        most=study_form.MAX_PICTURES,
        faults=faults,
        busy=given.busy,
        first=first,
        first_path=receipt_path(office, door, first.sent.id) if first else "",
        key=given.key if given.key and not first else secrets.token_urlsafe(18),
        standing=standing(current, who.person.id, current.today.year) if who.via == "link" else None,
        reviewers=reviewers(current, who),
    )


def _recent_titles(current: Current, branch: str) -> list[str]:
    newest = sorted((s for s in current.records.studies.values() if s.branch == branch), key=lambda s: s.id)
    return list(dict.fromkeys(study.title for study in reversed(newest)))[:8]


def _names(office: Office, door: Door, current: Current) -> Page:
    branch = current.branch(door.subject)
    people = sorted(current.members(door.subject), key=lambda person: sort_key(person.name))
    rows = [(person, initials(person.name)) for person in people]
    return render("poster.html", door=door, branch=branch, rows=rows)
