"""Correcting a record that is on main: the form filled in with it and a reason, proposed again, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO

from xueshi import reading
from xueshi.bridge import form as study_form
from xueshi.bridge.brought import brings
from xueshi.bridge.differences import differences
from xueshi.bridge.door import Door, allow, counted, own, receipt_path
from xueshi.bridge.form import Entry
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.bridge.receipt import key_of, refusal
from xueshi.bridge.register import BUSY, Filled, filled, form_page, is_same, keep, waiting
from xueshi.model import Study
from xueshi.outbox import Busy, Row
from xueshi.proposals import corrected

_LOG = logging.getLogger("xueshi.bridge")
_REASON = 500  # characters, as the schema allows


def show(office: Office, door: Door, record: str, again: str) -> Page:
    """The form filled in with the record, or with a correction of it that was returned (`again`)."""
    current = office.current()
    who, study = _subject(door, record, current)
    open_row = next((row for row in _sent(office, study) if row.waits), None)
    if open_row is not None:
        return _busy(office, door, open_row)
    _nobody_else(office, study)
    old = own(office, door, again) if again else None
    if old is not None and old.sent.record == record:
        values = {**filled(old.sent), "reason": old.sent.reason or ""}
        return form_page(office, door, who, current, Filled(values, old.sent.evidence), correcting=study)
    return form_page(office, door, who, current, Filled(filled(study), study.evidence), correcting=study)


def send(
    office: Office,
    door: Door,
    record: str,
    form: Mapping[str, str],
    photos: Sequence[IO[bytes]],
    kept: Sequence[str],
) -> Page:
    """Keep a correction and send its reader to the receipt; on any fault the form again with all that was filled in.
    Raises Refused and TooMany before a picture is read."""
    current, now = office.current(), office.now()
    who, study = _subject(door, record, current)
    before = _sent(office, study)
    open_row = next((row for row in before if row.waits), None)
    if open_row is None:
        _nobody_else(office, study)
        allow(office, who)
    faults: dict[str, str] = {}
    evidence = tuple(keep(office, photos, kept, faults, known=study.evidence))
    values = {**study_form.typed(form), "reason": reading.clean(form.get("reason", ""))}
    sent, found = study_form.understand(values, who, current, now=now, evidence=evidence, before=study)
    faults = {**found, **faults, **_reason_faults(values["reason"])}
    if sent is not None:
        sent = replace(sent, action="correct", record=record, reason=values["reason"] or None)
    if open_row is not None:
        if sent is not None and is_same(open_row.sent, sent):
            return redirect(receipt_path(office, door, open_row.sent.id))
        return _busy(office, door, open_row)
    if sent is not None and not faults:
        if not differences(current, study, corrected(sent, study)):
            faults = {"form": "还没有改动任何一项；不用更正的话，直接关掉本页"}
        else:
            faults = study_form.judge(sent, current, waiting(office, current, door.subject))
    if sent is None or faults:
        given = Filled(values, evidence, faults)
        return form_page(office, door, who, current, given, correcting=study)
    key = key_of(door.subject, f"correct-{record}-{len(before)}")  # two at once get one key, and are one
    try:
        with counted(office, who):
            row = office.outbox.store(sent, key, None)
    except Busy as busy:
        _LOG.error("%s", busy)
        given = Filled(values, evidence, busy=BUSY)
        return form_page(office, door, who, current, given, correcting=study, status=503)
    office.wake()
    if row.sent.id != sent.id and not is_same(row.sent, sent):
        return _busy(office, door, row)
    return redirect(receipt_path(office, door, row.sent.id))


def _subject(door: Door, record: str, current: Current) -> tuple[Entry, Study]:
    """Who corrects what. Raises Refused."""
    study = next((s for s in current.records_of(door.subject).values() if s.id == record), None)
    why = refusal(study, door.subject, current)
    person = current.people.get(door.subject)
    branch = current.branch(study.branch) if study else None
    if why or study is None or person is None or branch is None:
        raise Refused(404 if study is None else 409, "not to be corrected", "这条记录不能在这里更正", why)
    return Entry(person, branch, "link"), study


def _sent(office: Office, study: Study) -> list[Row]:
    """Corrections of this record that its member ever sent."""
    return [row for row in office.outbox.of_member(study.member) if row.sent.record == study.id]


def _nobody_else(office: Office, study: Study) -> None:
    """Raise Refused while somebody proposes another change of the record on the host."""
    if any(study.path in content.files for content in brings(office, office.pulls()).values()):
        cure = "审核人或管理员正在改这条记录。等他们办完再更正；着急请直接联系支部审核人。"
        raise Refused(409, "another change is open", "这条记录正在被更正", cure)


def _busy(office: Office, door: Door, row: Row) -> Page:
    return render(
        "error.html",
        status=409,
        title="这条记录已经有一份更正在等待审核",
        cure="一条记录一次只能有一份更正。要改那一份，可以先撤回它，再重新更正。",
        link=receipt_path(office, door, row.sent.id),
        label="看那一份的回执",
    )


def _reason_faults(reason: str) -> dict[str, str]:
    if not reason:
        return {"reason": "请写明为什么更正，审核人会看到"}
    if len(reason) > _REASON:
        return {"reason": f"更正原因最多 {_REASON} 个字，现在是 {len(reason)} 个，请缩短"}
    return {}
