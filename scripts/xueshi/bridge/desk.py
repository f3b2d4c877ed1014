"""What a reviewer does at the desk. What they see: desk_page.py; what a decision is: decide.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from xueshi import reading
from xueshi.bridge.decide import DONE, decide, desk_host, hasten, row, title_of
from xueshi.bridge.desk_page import REMEMBERED, RETURN_REASONS, Outcome, Reviewer, View, page
from xueshi.bridge.obstacles import moved, over
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, redirect, render
from xueshi.bridge.queue import bring, in_queue, queue
from xueshi.errors import HostError
from xueshi.hosts.base import Pull
from xueshi.model import Study, contains
from xueshi.words import plain

_REASON = 500  # characters, as the schema allows
_AWAY = ("代码托管平台暂时没有回应", "这一条没有办成，请过一会儿再试。")


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
    many = len(decisions.failed(member, office.now() - REMEMBERED)) + len(decisions.waiting(member))
    if not many:
        return ""
    return f"您有 {many} 个决定在生效以前审核权限就结束了，没有生效，那些登记仍在等待审核。"


def elsewhere(office: Office, who: Reviewer) -> Page:
    """Where reviewers decide on the host itself: how much waits for them there."""
    found = queue(office, who.member)
    urls = [pull.url for pull in found.pulls if pull.url.startswith(("https://", "http://"))]
    url = urls[0] if urls else ""
    return render("elsewhere.html", who=who, count=found.records, heard=found.heard, url=url)


def show(office: Office, who: Reviewer, view: View) -> Page:
    """The queue, with one proposal opened beside it."""
    return page(office, who, view, Outcome())


def approve(office: Office, who: Reviewer, chosen: Sequence[str]) -> Page:
    """Approve the chosen proposals (`number:head`, as they were shown); those that cannot be are named with the reason."""
    made, listed = Outcome(), _listed(office)
    for one in chosen:
        text, _, head = one.partition(":")
        number = next(iter(_numbers([text])), 0)
        try:
            pull = _pull(office, number, listed)
        except Refused as refused:  # one of several: what was decided on the others stays
            made.failed.append(("", f"{refused.title}：{refused.cure}"))
        else:
            _decided(office, who, pull, head, "approve", {}, made)
    if not chosen:
        made.failed.append(("", "还没有选中登记，请先打勾"))
    office.wake()
    return page(office, who, View(), made)


def amend(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Approve with fewer hours for one record, for a reason that goes into it."""
    pull, current, made = _pull(office, number, _listed(office)), office.current(), Outcome()
    if pull.state != "open" or _has_moved(pull, form):
        why = over(office, pull) if pull.state != "open" else moved()
        made.failed.append((title_of(pull), f"{why.title}：{why.cure}"))
        return page(office, who, View(), made)
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
        return page(office, who, View(number, "amend", study.id), made)
    payload = {"record": study.id, "hours": plain(hours), "reason": reason}
    _decided(office, who, pull, form.get("head", ""), "amend", payload, made)
    office.wake()
    return page(office, who, View(), made)


def give_back(office: Office, who: Reviewer, number: int, form: Mapping[str, str]) -> Page:
    """Return a proposal, or one record of several, with a reason that its member reads above the form filled in."""
    pull, made = _pull(office, number, _listed(office)), Outcome()
    if pull.state == "open" and _has_moved(pull, form):
        made.failed.append((title_of(pull), f"{moved().title}：{moved().cure}"))
        return page(office, who, View(), made)
    kind, words = form.get("kind", ""), reading.clean(form.get("words", ""))
    chosen = kind if kind in RETURN_REASONS[:-1] else ""
    reason = "：".join(text for text in (chosen, words) if text)
    if not reason or len(reason) > _REASON:
        fault = f"最多 {_REASON} 个字" if reason else "请选原因，或写一句话，本人会看到"
        made.faults, made.typed = {"words": fault}, {"kind": kind, "words": words}
        return page(office, who, View(number, "return", form.get("row", "")), made)
    payload, what, content = {"reason": reason}, "return", bring(office, pull)
    if form.get("row") and len(content.studies) > 1:
        record = row(content, form["row"]).id
        what, payload = (
            "drop",
            {**payload, "record": record, "submission": content.submission_of(record)},
        )
    _decided(office, who, pull, form.get("head") or pull.head, what, payload, made)
    office.wake()
    return page(office, who, View(), made)


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
        made.failed.append((title_of(pull), "：".join(_AWAY)))
    else:
        if state != DONE:
            made.waiting += 1
        elif what in ("return", "drop"):
            made.returned += 1
        else:
            made.approved += many


def _listed(office: Office) -> dict[int, Pull]:
    """What waits, by number, as the host told it last."""
    return {pull.number: pull for pull in office.pulls()}


def _pull(office: Office, number: int, listed: Mapping[int, Pull]) -> Pull:
    """What is listed, which holds while the host is away too: a decision is kept and judged again when it is carried out.
    Of anything else the host is asked. Raises Refused."""
    try:
        pull = listed.get(number) or desk_host(office).get(number)
    except HostError:
        raise Refused(503, "the host is away", *_AWAY) from None
    if pull is None:
        raise Refused(404, "no such pull", "没有这条登记", "请回到列表刷新后再看。")
    return pull


def _has_moved(pull: Pull, form: Mapping[str, str]) -> bool:
    """Whether a pull request holds something else than its reviewer saw."""
    return form.get("head", "") not in ("", pull.head)


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


__all__ = [
    "Outcome", "Reviewer", "View", "amend", "approve", "at_once", "elsewhere", "give_back", "noted", "picture",
    "reviewer", "show", "undo",
]  # fmt: skip
