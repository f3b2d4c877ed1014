"""What a reviewer sees: the queue, one proposal opened beside it, and what came of the last decisions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from xueshi.bridge.brought import Brought
from xueshi.bridge.differences import differences
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Page, Refused, render
from xueshi.bridge.people import places
from xueshi.bridge.queue import Item, Row, effect_of, items, queue
from xueshi.bridge.withdraw import wanted_back
from xueshi.delivery import MAIN
from xueshi.model import Study, Unit
from xueshi.outbox import Decision
from xueshi.reports.effect import effect_lines
from xueshi.words import plain

RETURN_REASONS = ("照片不符", "日期有误", "学时有误", "可能重复", "主题不清楚", "其他")
_SHOWN, _LINES, _WIDE = 200_000, 400, 300  # bytes of a file, lines and characters of its changes on the page
REMEMBERED = timedelta(days=7)  # that a decision which failed is told


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


def page(office: Office, who: Reviewer, view: View, made: Outcome) -> Page:
    """The queue with what `view` says beside it, and what came of a post. Raises Refused for what is not in the queue."""
    current, found = office.current(), queue(office, who.member)
    pages = found.pages()
    number = next(
        (n for n, shown in enumerate(pages, 1) if view.number in {p.number for p in shown}), view.page
    )
    number = min(max(number, 1), len(pages))
    shown = items(office, found, pages[number - 1])
    opened = next((item for item in shown if item.pull.number == view.number), None)
    if view.number is not None and opened is None and not found.heard:
        cure = "刚启动，还没有连上代码托管平台，看不到这条登记。请过一会儿再打开；它没有丢。"
        raise Refused(503, "the host has not told yet", "现在还打不开这条登记", cure)
    about = _about(opened, view)
    return render(
        "desk.html",
        status=made.status,
        who=who,
        items=shown,
        total=found.records,
        heard=found.heard,
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
        failures=office.outbox.decisions.failed(who.member, office.now() - REMEMBERED),
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
    return found if len({where for _, where in found}) == len(found) else [("我的", found[0][1])]


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
    now, wanted = office.now().timestamp(), wanted_back(office, office.now())
    going = {pull.number for pull in office.pulls() if pull.head_ref in wanted}
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
