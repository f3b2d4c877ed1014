"""Submission × RecordSet → what a proposal says and holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from xueshi.model import Change, Evidence, Study, Submitted, Void
from xueshi.records.writer import study_path
from xueshi.ulids import year_of
from xueshi.words import ORGANISER_LEVEL, markdown, plain


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form gave, already checked. `id` is the submission's and the record's ULID, `at` the moment of receipt."""

    id: str
    branch: str
    member: str
    via: str
    notice: str
    at: datetime
    kind: str
    title: str
    start_date: date
    hours: Decimal
    content: str | None = None
    place: str | None = None
    organiser_level: str | None = None
    evidence: tuple[Evidence, ...] = ()


def register(sent: Sent) -> Study:
    """The record that a registration proposes."""
    return Study(
        path=study_path(sent.branch, sent.id, year_of(sent.id)),
        branch=sent.branch,
        id=sent.id,
        member=sent.member,
        kind=sent.kind,
        title=sent.title,
        start_date=sent.start_date,
        hours=sent.hours,
        content=sent.content,
        place=sent.place,
        organiser_level=sent.organiser_level,
        evidence=sent.evidence,
        submitted=Submitted(sent.member, sent.at, sent.via, sent.notice),
    )


def granted(study: Study, hours: Decimal, change: Change) -> Study:
    """The record with fewer hours than claimed, as its reviewer grants them."""
    return replace(study, hours=hours, change=change)


def voided(study: Study, void: Void) -> Study:
    """The record kept, counting nothing."""
    return replace(study, void=void)


def commit_message(action: str, submission: str, record: str, by: str) -> str:
    """A proposal's commit: ids only, never a name, title or content."""
    return changes_message(action, submission, (record,), by)


def changes_message(action: str, submission: str, records: Sequence[str], by: str) -> str:
    """The same for several records of one branch."""
    named = "".join(f"Record-Id: {record}\n" for record in records)
    return (
        f"{action.capitalize()} {' '.join(records[:1])}{' and others' if len(records) > 1 else ''}\n\n"
        f"Submission-Id: {submission}\n{named}Action: {action}\nSubmitted-By: {by}\n"
    )


def closing_message(year: int, submission: str, by: str) -> str:
    """The commit that closes a year, or opens it again for one member."""
    return f"Close {year}\n\nSubmission-Id: {submission}\nSubmitted-By: {by}\n"


def merge_message(proposal: str, pull: int, approved_by: str) -> str:
    """The desk's merge: which proposal, which pull request, whose decision."""
    return f"Merge proposal {proposal}\n\nPull: {pull}\nApproved-By: {approved_by}\n"


def pull_title(study: Study, name: str, branch_name: str) -> str:
    """A pull request's title in words a reviewer uses."""
    return f"【待审核】{branch_name} {name} {study.start_date} {study.title} {plain(study.hours)} 学时"


def pull_body(study: Study, submission: str, effect: str = "") -> str:
    """A pull request's body: the facts as a table, then the `effect` in Markdown; all that a person typed is escaped."""
    facts = (
        ("学习日期", study.start_date.isoformat()),
        ("学习主题", study.title),
        ("学时", plain(study.hours)),
        ("学习内容", study.content or ""),
        ("地点", study.place or ""),
        ("主办层级", ORGANISER_LEVEL.get(study.organiser_level or "", "")),
    )
    rows = "\n".join(f"| {title} | {markdown(text)} |" for title, text in facts if text)
    told = f"\n{effect}" if effect else ""
    return f"| 项目 | 内容 |\n|---|---|\n{rows}\n{told}\n<!-- bridge:submission={submission} -->\n"
