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
    """What a form gave, already checked. `id` is the submission's ULID and, of a registration, the record's; `at` the
    moment of receipt. `action`: register | correct; a correction names the `record` it changes and gives a `reason`."""

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
    action: str = "register"
    record: str | None = None
    reason: str | None = None

    @property
    def record_id(self) -> str:
        return self.record or self.id

    @property
    def path(self) -> str:
        """Where its record lies."""
        return study_path(self.branch, self.record_id, year_of(self.record_id))


def register(sent: Sent) -> Study:
    """The record that a registration proposes."""
    return Study(
        path=sent.path,
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


def corrected(sent: Sent, before: Study) -> Study:
    """The record that a correction proposes: what the form says, on top of what the record keeps for ever."""
    return replace(
        before,
        kind=sent.kind,
        title=sent.title,
        start_date=sent.start_date,
        hours=sent.hours,
        content=sent.content,
        place=sent.place,
        organiser_level=sent.organiser_level,
        evidence=sent.evidence,
        change=Change("correct", sent.member, sent.at, sent.reason or ""),
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


_BODY = 60_000  # characters; GitHub takes 65,536


@dataclass(frozen=True, slots=True)
class Told:
    """One record as a pull request tells it. `code` is the receipt's, `effect` Markdown of what it does to hours,
    `pictures` the addresses where its pictures can be seen."""

    study: Study
    submission: str
    code: str
    name: str
    effect: str = ""
    pictures: Sequence[str] = ()


def pull_title(branch_name: str, told: Sequence[Told]) -> str:
    """A pull request's title in words a reviewer uses."""
    first = told[0].study
    if len(told) == 1:
        what = f"{told[0].name} {first.start_date} {first.title} {plain(first.hours)} 学时"
        return _line(f"【{'待审核' if first.change is None else '更正待审核'}】{branch_name} {what}")
    people, same = (
        len({one.study.member for one in told}),
        {(o.study.start_date, o.study.title) for o in told},
    )
    event = f" {first.start_date} {first.title}" if len(same) == 1 else ""
    hours = plain(sum((one.study.hours for one in told), Decimal(0)))
    return _line(f"【待审核】{branch_name} {people} 人 {len(told)} 条{event} 共 {hours} 学时")


def pull_body(told: Sequence[Told]) -> str:
    """A pull request's body: what each record says, its pictures and effect, and what a reviewer does here. All that a
    person typed is escaped."""
    several = len(told) > 1
    head = [
        _rows(told) if several else _facts(told[0]),
        *(_shown(one, several) for one in told if one.pictures),
    ]
    effects = [f"{_of(one, several)}{one.effect}" for one in told if one.effect]
    tail = [_steps(told), *(f"<!-- bridge:submission={one.submission} -->" for one in told)]
    while effects and sum(len(part) + 2 for part in (*head, *effects, *tail)) > _BODY:
        effects = [*effects[:-2], "其余的影响太长，请看检查的评论或审核台。"] if len(effects) > 1 else []
    return "\n\n".join(part.rstrip("\n") for part in (*head, *effects, *tail)) + "\n"


def _facts(one: Told) -> str:
    study = one.study
    facts = (
        ("姓名", one.name),
        ("学习日期", study.start_date.isoformat()),
        ("学习主题", study.title),
        ("学时", plain(study.hours)),
        ("学习内容", study.content or ""),
        ("地点", study.place or ""),
        ("主办层级", ORGANISER_LEVEL.get(study.organiser_level or "", "")),
        ("更正原因", study.change.reason if study.change else ""),
        ("回执", one.code),
    )
    rows = "\n".join(f"| {title} | {markdown(text)} |" for title, text in facts if text)
    return f"| 项目 | 内容 |\n|---|---|\n{rows}"


def _rows(told: Sequence[Told]) -> str:
    rows = [
        (
            one.code,
            one.name,
            str(one.study.start_date),
            one.study.title,
            plain(one.study.hours),
            one.study.content,
        )
        for one in told
    ]
    lines = "\n".join(f"| {' | '.join(markdown((text or '')[:200]) for text in row)} |" for row in rows)
    return f"| 回执 | 姓名 | 日期 | 主题 | 学时 | 内容 |\n|---|---|---|---|---|---|\n{lines}"


def _of(one: Told, several: bool) -> str:
    return f"**{one.code} {markdown(one.name)}**\n\n" if several else ""


def _shown(one: Told, several: bool) -> str:
    return _of(one, several) + " ".join(f"![照片]({url})" for url in one.pictures)


def _steps(told: Sequence[Told]) -> str:
    back = (
        "关闭这个合并请求，关闭前写一句原因"
        if len(told) == 1
        else "只退一条：先写评论 `退回 回执号 原因`（可写多行），再关闭；其余的会自动重新提交。全部退回：直接关闭并写原因"
    )
    return (
        f"1. **通过**：用“合并提交”合并（不要压缩或变基，否则不算审核）\n"
        "2. **改少学时**：在审核台上改，或请本人更正后再合并\n"
        f"3. **退回**：{back}。原因本人会看到"
    )


def _line(text: str) -> str:
    """One line, at most as long as hosts take."""
    return " ".join(text.split())[:200]
