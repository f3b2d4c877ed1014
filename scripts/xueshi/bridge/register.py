"""The form, by personal link or by poster: shown, sent, and shown again with what is wrong."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from xueshi import pictures
from xueshi.bridge import form as study_form
from xueshi.bridge.door import Door, entry, own, receipt_path, reviewers, standing
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.bridge.receipt import again_key, key_of, successor
from xueshi.errors import LinkRefused, PictureRefused
from xueshi.model import Evidence, Study
from xueshi.outbox import Row
from xueshi.pinyin import initials, sort_key
from xueshi.proposals import Sent, register
from xueshi.words import plain

_LOG = logging.getLogger("xueshi.bridge")


def show(office: Office, door: Door, member: str, again: str) -> Page:
    """The empty form, or one filled in from an earlier submission (`again`), or the poster's list of names."""
    current = office.current()
    old = own(office, door, again) if again else None
    who = entry(door, current, old.sent.member if old and door.via == "poster" else member)
    if who is None:
        return _names(office, door, current)
    values = _values(old.sent) if old else {"start_date": current.today.isoformat()}
    if old and old.state == "returned":
        later = successor(office, old)
        if later is not None:
            return redirect(receipt_path(office, door, later.sent.id))
        kept = list(old.sent.evidence)
        return _form(office, door, who, current, values=values, kept=kept, key=again_key(old))
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
    key = key_of(who.person.id, form.get("key", ""))
    sent, found = study_form.understand(values, who, current, now=now, evidence=tuple(evidence))
    faults = {**found, **faults}
    first = office.outbox.by_key(key)
    if first is not None:
        if sent is not None and not faults and _same(first.sent, sent):
            return redirect(receipt_path(office, door, first.sent.id))
        return _form(office, door, who, current, values=values, kept=evidence, faults=faults, first=first)
    if sent is not None and not faults:
        faults = study_form.judge(sent, current, _waiting(office, who.person.id))
    if sent is None or faults:
        return _form(
            office, door, who, current, values=values, kept=evidence, faults=faults, key=form.get("key", "")
        )
    row = office.outbox.store(sent, key, register(sent).path)
    office.wake()
    return redirect(receipt_path(office, door, row.sent.id))


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
    return tuple(register(row.sent) for row in rows if row.waits)


def _values(sent: Sent) -> dict[str, str]:
    return {
        "start_date": sent.start_date.isoformat(),
        "kind": sent.kind,
        "title": sent.title,
        "hours": plain(sent.hours),
        "content": sent.content or "",
        "place": sent.place or "",
        "organiser_level": sent.organiser_level or "",
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
        first_path=receipt_path(office, door, first.sent.id) if first else "",
        key=key if key and not first else secrets.token_urlsafe(18),
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
