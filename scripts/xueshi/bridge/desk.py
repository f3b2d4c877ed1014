"""The review desk's pages: the queue, one proposal opened, what was decided. Decisions themselves: decide.py."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from xueshi import reading
from xueshi.bridge.brought import Brought
from xueshi.bridge.decide import DONE, decide, desk_host, hasten, over, row, title_of
from xueshi.bridge.differences import differences
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.bridge.people import places
from xueshi.bridge.queue import Item, Row, bring, effect_of, in_queue, items, queue
from xueshi.bridge.withdraw import wanted_back
from xueshi.delivery import MAIN
from xueshi.errors import HostError
from xueshi.hosts.base import Pull
from xueshi.model import Study, Unit, contains
from xueshi.outbox import Decision
from xueshi.reports.effect import effect_lines
from xueshi.words import plain

RETURN_REASONS = ("照片不符", "日期有误", "学时有误", "可能重复", "主题不清楚", "其他")
_SHOWN, _LINES, _WIDE = 200_000, 400, 300  # bytes of a file, lines and characters of its changes on the page
_REASON = 500  # characters, as the schema allows
_REMEMBERED = timedelta(days=7)  # that a decision which failed is told


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who sits at the desk, and for which units. `token` is that of the link."""

    token: str
    member: str
    units: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/desk/{self.token}"


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows beside the queue. `name`: open | amend | return; `row` is the record that it is about."""

    number: int | None = None
    name: str = "open"
    row: str = ""
    page: int = 1


@dataclass(slots=True)
class Outcome:
    """What a post came to: decisions made, decisions that wait, and what could not be done: (title, why)."""

    approved: int = 0
    returned: int = 0
    waiting: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    faults: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        if self.faults:
            return 422
        return 409 if self.failed and not (self.approved or self.returned or self.waiting) else 200


def reviewer(office: Office, token: str) -> Reviewer:
    """Whom a desk link belongs to. Raises LinkRefused, Refused when they review nothing today."""
    member, current = office.links.opened("desk", token), office.current()
    organisation = current.records.organisation
    held = [
        r for r in organisation.reviewers if r.member == member and contains(r.start, r.until, current.today)
    ]
    if not held:
        cure = "组织名单中没有您的审核权限；如有变动，请联系党委管理员。"
        raise Refused(403, "not a reviewer", "您现在不是审核人", f"{_undone(office, member)}{cure}")
    units = [unit for r in held if (unit := organisation.unit(r.unit))]
    return Reviewer(token, member, tuple(unit.name for unit in units))


def _undone(office: Office, member: str) -> str:
    """What came of the last decisions of somebody who may not see the desk any more, without saying about whom."""
    decisions = office.outbox.decisions
    many = len(decisions.failed(member, office.now() - _REMEMBERED)) + len(decisions.waiting(member))
    if not many:
        return ""
    return f"您有 {many} 个决定在生效以前审核权限就结束了，没有生效，那些登记仍在等待审核。"


def elsewhere(office: Office, who: Reviewer) -> Page:
    """Where reviewers decide on the host itself: how much waits for them there."""
    found = queue(office, who.member)
    urls = [pull.url for pull in found.pulls if pull.url.startswith(("https://", "http://"))]
    return render("elsewhere.html", who=who, count=found.records, url=urls[0] if urls else "")


def show(office: Office, who: Reviewer, view: View) -> Page:
    """The queue, with one proposal opened beside it."""
    return _page(office, who, view, Outcome())


def approve(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """Approve the chosen proposals (`number:head`, as they were shown); those that cannot be are named with the reason."""
    made, waiting = Outcome(), {pull.number: pull for pull in office.pulls()}
    for one in chosen:
        text, _, head = one.partition(":")
        number = next(iter(_numbers([text])), 0)
        pull = waiting.get(number) or desk_host(office).get(number)
        if pull is None:
            made.failed.append(("", "没有这条登记，请刷新后再看"))
        else:
            _decided(office, who, pull, head, "approve", {}, made)
    if not chosen:
        made.failed.append(("", "还没有选中登记，请先打勾"))
    office.wake()
    return _page(office, who, View(), made)


def amend(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Approve with fewer hours for one record, for a reason that goes into it."""
    pull, current, made = _pull(office, number), office.current(), Outcome()
    if pull.state != "open":
        made.failed.append((title_of(pull), over(office, pull).title))
        return _page(office, who, View(), made)
    study = row(bring(office, pull), form.get("row", ""))
    faults: dict[str, str] = {}
    reason = reading.clean(form.get("reason", ""))
    text = form.get("hours", "") if form.get("hours") not in ("", "other") else form.get("hours_other", "")
    hours = _granted_hours(text, study, current, faults)
    if not reason:
        faults["reason"] = "请写明原因，本人会看到"
    elif len(reason) > _REASON:
        faults["reason"] = f"原因最多 {_REASON} 个字，现在是 {len(reason)} 个"
    if faults or hours is None:
        made.faults, made.typed = faults, {"hours": text, "reason": reason}
        return _page(office, who, View(number, "amend", study.id), made)
    payload = {"record": study.id, "hours": plain(hours), "reason": reason}
    _decided(office, who, pull, form.get("head", ""), "amend", payload, made)
    office.wake()
    return _page(office, who, View(), made)


def give_back(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Return a proposal, or one record of several, with a reason that its member reads above the form filled in."""
    pull, made = _pull(office, number), Outcome()
    kind, words = form.get("kind", ""), reading.clean(form.get("words", ""))
    chosen = kind if kind in RETURN_REASONS[:-1] else ""
    reason = "：".join(text for text in (chosen, words) if text)
    if not reason or len(reason) > _REASON:
        fault = f"最多 {_REASON} 个字" if reason else "请选原因，或写一句话，本人会看到"
        made.faults, made.typed = {"words": fault}, {"kind": kind, "words": words}
        return _page(office, who, View(number, "return", form.get("row", "")), made)
    payload, what, content = {"reason": reason}, "return", bring(office, pull)
    if form.get("row") and len(content.studies) > 1:
        record = row(content, form["row"]).id
        what, payload = (
            "drop",
            {**payload, "record": record, "submission": content.submission_of(record)},
        )
    _decided(office, who, pull, form.get("head") or pull.head, what, payload, made)
    office.wake()
    return _page(office, who, View(), made)


def undo(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """Take back what was just decided; the proposals wait again."""
    for ident in _numbers(chosen):
        office.outbox.decisions.undo(ident, who.member)
    return redirect(who.path)


def at_once(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """Carry out now what was just decided."""
    for ident in _numbers(chosen):
        hasten(office, who.member, ident)
    office.wake()
    return redirect(who.path)


def noted(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """The reviewer has read what could not be carried out."""
    for ident in _numbers(chosen):
        office.outbox.decisions.tell(ident, who.member)
    return redirect(who.path)


def picture(office: Office, who: Reviewer, sha256: str) -> bytes:
    """A picture of something in this reviewer's queue. Raises Refused."""
    data = office.picture(sha256) if in_queue(office, who.member, sha256) else None
    if data is None:
        raise Refused(404, "no such picture", "没有这张照片", "请回到列表刷新后再看。")
    return data


def _decided(
    office: Office,
    who: Reviewer,
    pull: Pull,
    head: str,
    what: str,
    payload: Mapping[str, str],
    made: Outcome,
) -> None:
    """Decide, and note in `made` what came of it."""
    many = max(1, len(bring(office, pull).studies))
    try:
        state = decide(office, who.member, pull, head, what, payload)
    except Refused as refused:
        made.failed.append((title_of(pull), "：".join(t for t in (refused.title, refused.cure) if t)))
    except HostError:
        made.failed.append((title_of(pull), "托管平台暂时没有回应，请过一会儿再试"))
    else:
        if state != DONE:
            made.waiting += 1
        elif what in ("return", "drop"):
            made.returned += 1
        else:
            made.approved += many


def _page(office: Office, who: Reviewer, view: View, made: Outcome) -> Page:
    current, found = office.current(), queue(office, who.member)
    pages = found.pages()
    number = next(
        (n for n, page in enumerate(pages, 1) if view.number in {p.number for p in page}), view.page
    )
    number = min(max(number, 1), len(pages))
    shown = items(office, found, pages[number - 1])
    opened = next((item for item in shown if item.pull.number == view.number), None)
    about = _about(opened, view)
    return render(
        "desk.html",
        status=made.status,
        who=who,
        items=shown,
        total=found.records,
        page=number,
        pages=len(pages),
        own=sum(max(1, len(found.brought[pull.head].studies)) for pull in found.own),
        others=found.decided - len(office.outbox.decisions.waiting(who.member)),
        quiet=[item for item in shown if item.quiet],
        oldest=max((item.days_waiting for item in shown), default=0),
        opened=opened,
        about=about,
        view=view.name,
        made=made,
        decided=list(_waiting(office, who)),
        minutes=int(office.undo.total_seconds() // 60),
        failures=office.outbox.decisions.failed(who.member, office.now() - _REMEMBERED),
        reasons=RETURN_REASONS,
        grants=_grants(about.study) if about else (),
        files=_files(office, opened) if opened else [],
        fields={r.study.id: differences(current, r.before, r.study) for r in opened.rows if r.before}
        if opened
        else {},
        effect=list(effect_lines(_effect(current, found.brought[opened.pull.head]))) if opened else [],
        current=current,
        kinds=current.records.policy.kinds,
        branches={unit.id: unit.name for unit in current.records.organisation.units},
        reports=_reports(office, current, who),
    )


def _reports(office: Office, current: Current, who: Reviewer) -> list[tuple[str, str]]:
    """Names and addresses of the reviewer's reports; one where one link opens them all."""
    found = [
        (unit.name, office.page("branch", unit.id, who.member)) for unit in _branches(current, who.member)
    ]
    return found if len({where for _, where in found}) == len(found) else [("我的报告", found[0][1])]


def _effect(current: Current, content: Brought) -> dict[str, Any]:
    """What approving this does to hours, with people's branches beside their names and not their ids."""
    data, where = effect_of(current, content, ()), places(current)
    people = [{**one, "member": where.get(one["member"], one["member"])} for one in data["people"]]
    return {**data, "people": people}


def _about(opened: Item | None, view: View) -> Row | None:
    """The record that is amended or returned: the only one, or the one that is named. Raises Refused."""
    if view.number is not None and opened is None:
        cure = "它可能已经审完，或应由别的审核人决定。请回到列表。"
        raise Refused(404, "not in the queue", "这条登记不在您的列表里", cure)
    rows = opened.rows if opened else ()
    about = next((r for r in rows if r.study.id == view.row), opened.row if opened else None)
    if view.name == "amend" and about is None:
        raise Refused(404, "nothing to amend", "这条不能改学时", "请退回，并写明要改什么。")
    return about


def _waiting(office: Office, who: Reviewer) -> Iterator[tuple[Decision, int, bool]]:
    """The reviewer's decisions that are not carried out yet, newest first, with the minutes that are left, and whether
    a member is taking back what they are about."""
    now, going = office.now().timestamp(), wanted_back(office)
    for made in reversed(office.outbox.decisions.waiting(who.member)):
        left = 0 if made.state == "begun" else max(0, -int(-(made.due - now) // 60))
        yield made, left, made.pull in going


def _files(office: Office, item: Item) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a proposal does to files that are not shown as records, line by line: path, [(new | old | same, line)]."""
    shown = {row.study.path for row in item.rows}
    found = []
    for path in sorted(item.files.keys() - shown):
        there = office.repo.tree(MAIN, path).get(path)
        before = office.repo.blobs([there])[there] if there else b""
        after = item.files[path] or b""
        old, new = (data[:_SHOWN].decode("utf-8", "replace").splitlines() for data in (before, after))
        lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2 : 2 + _LINES]
        kinds = {"+": "new", "-": "old"}
        found.append((path, [(kinds.get(line[:1], "same"), line[:_WIDE]) for line in lines]))
    return found


def _branches(current: Current, member: str) -> list[Unit]:
    """Branches whose reports the reviewer may read: those they review."""
    organisation = current.records.organisation
    return [
        unit
        for unit in organisation.branches()
        if any(r.member == member for r in organisation.reviewers_of(unit.id, current.today))
    ]


def _grants(study: Study) -> tuple[str, ...]:
    """Hours to grant with one tap: fewer than claimed."""
    usual = [Decimal(text) for text in ("0.5", "1", "1.5", "2", "2.5", "3", "4", "6", "8")]
    return tuple(plain(hours) for hours in usual if hours < study.hours)[-5:]


def _pull(office: Office, number: int) -> Pull:
    pull = desk_host(office).get(number)
    if pull is None:
        raise Refused(404, "no such pull", "没有这条登记", "请回到列表刷新后再看。")
    return pull


def _granted_hours(text: str, study: Study, current: Current, faults: dict[str, str]) -> Decimal | None:
    try:
        hours = reading.hours(text, current.records.policy.conversion(study.start_date))
    except reading.Unclear as unclear:
        faults["hours"] = str(unclear)
        return None
    if hours >= study.hours:
        faults["hours"] = f"只能改少；申报的是 {plain(study.hours)} 学时。要按申报数通过，请用“通过”"
        return None
    return hours


def _numbers(chosen: Sequence[str]) -> list[int]:
    return [int(one) for one in chosen if one.isascii() and one.isdigit() and len(one) < 10]
