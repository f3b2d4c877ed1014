"""The registration form: its fields come from the schema, its values become a submission or faults beside a field. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from xueshi import checks, project, reading, ulids
from xueshi.bridge.office import Current
from xueshi.checks.proposal import Proposed
from xueshi.model import Evidence, Person, RecordSet, Severity, Study, Unit, contains
from xueshi.proposals import Sent, corrected, register
from xueshi.records import parse_file, study_file
from xueshi.words import ORGANISER_LEVEL, plain

NOTICE = "2026-11"  # version of the notice above the button; change both together
FIELDS = ("start_date", "kind", "title", "hours", "evidence", "content", "place", "organiser_level")
HOURS = ("0.5", "1", "1.5", "2", "3", "4", "8")
MAX_PICTURES = 3
_FOLDED = ("content", "place", "organiser_level")


@dataclass(frozen=True, slots=True)
class Field:
    """One input. `widget`: date | kind | hours | photos | level | line | text; `limit` is the most characters."""

    name: str
    title: str
    hint: str
    widget: str
    limit: int
    required: bool
    folded: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Who registers, where, and by which way in (`via`: link | poster)."""

    person: Person
    branch: Unit
    via: str


@cache
def fields() -> tuple[Field, ...]:
    """The form's inputs in order, as the schema of a study describes them."""
    schema = project.schema("study")
    found = []
    for name in FIELDS:
        spec = schema["properties"][name]
        spec = {**schema["$defs"].get(spec.get("$ref", "").removeprefix("#/$defs/"), {}), **spec}
        limit = int(spec.get("maxLength", 0))
        found.append(
            Field(
                name,
                spec["title"],
                spec["description"],
                _widget(name, limit),
                limit,
                name in schema["required"],
                name in _FOLDED,
            )
        )
    return tuple(found)


def _widget(name: str, limit: int) -> str:
    special = {
        "organiser_level": "level",
        "start_date": "date",
        "kind": "kind",
        "hours": "hours",
        "evidence": "photos",
    }
    return special.get(name) or ("line" if limit <= 60 else "text")


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What was filled in, a text a field: a choice, or what stands beside “other”."""
    found = {name: reading.clean(form.get(name, "")) for name in FIELDS if name != "evidence"}
    for name in ("start_date", "hours"):
        other = reading.clean(form.get(f"{name}_other", ""))
        # Without a choice, or without JavaScript, what was typed is what was meant.
        if found[name] in ("", "other"):
            found[name] = other
    return found


def understand(
    values: Mapping[str, str],
    entry: Entry,
    current: Current,
    *,
    now: datetime,
    evidence: tuple[Evidence, ...],
    before: Study | None = None,
) -> tuple[Sent | None, dict[str, str]]:
    """A submission, or what is wrong: field -> words for the person who filled it in. What a corrected record (`before`)
    says already is taken as it is: it may have more days, and so more hours, than the form asks for."""
    faults: dict[str, str] = {}
    day: date | None
    hours: Decimal | None
    if before is not None and values["start_date"] == before.start_date.isoformat():
        day = before.start_date
    else:
        day = _day(values["start_date"], current, entry, faults)
    if before is not None and values["hours"] == plain(before.hours):
        hours = before.hours
    else:
        hours = _hours(values["hours"], current, faults)
    if values["kind"] not in current.records.policy.kinds:
        faults["kind"] = "请选学习类型"
    if values["organiser_level"] and values["organiser_level"] not in ORGANISER_LEVEL:
        faults["organiser_level"] = "请从列出的主办层级中选一个，或不选"
    _texts(values, faults)
    if faults or day is None or hours is None:
        return None, faults
    sent = Sent(
        id=ulids.new(now),
        branch=entry.branch.id,
        member=entry.person.id,
        via=entry.via,
        notice=NOTICE,
        at=now.replace(microsecond=0),
        kind=values["kind"],
        title=values["title"],
        start_date=day,
        hours=hours,
        content=values["content"] or None,
        place=values["place"] or None,
        organiser_level=values["organiser_level"] or None,
        evidence=evidence,
    )
    return sent, faults


def proposed(sent: Sent, current: Current) -> Study | None:
    """The record that a submission proposes; None for a correction of what main does not have."""
    if sent.action == "register":
        return register(sent)
    before = current.records.studies.get(sent.path)
    return corrected(sent, before) if before else None


def judge(sent: Sent, current: Current, waiting: tuple[Study, ...]) -> dict[str, str]:
    """The check's errors on a submission, beside the member's other records and those still `waiting`."""
    study = proposed(sent, current) or register(sent)
    parsed = parse_file(study.path, study_file(study))
    own = current.records_of(sent.member)
    studies = {**own, **{w.path: w for w in waiting}, study.path: study}  # others' records have no say in it
    head: RecordSet = replace(current.records, studies=studies, problems=parsed.problems)
    found = checks.check_change(Proposed(current.records, head, {study.path}, current.today))
    errors = [problem for problem in found if problem.severity is Severity.ERROR]
    return {p.field if p.field in FIELDS else "form": p.message for p in reversed(errors)}


def choices(today: date) -> tuple[tuple[str, str, str], ...]:
    """Days to choose with one tap: ISO date, word, date in words."""
    yesterday = today - timedelta(1)
    return (today.isoformat(), "今天", reading.told(today)), (
        yesterday.isoformat(),
        "昨天",
        reading.told(yesterday),
    )


def _day(text: str, current: Current, entry: Entry, faults: dict[str, str]) -> date | None:
    try:
        day = reading.day(text, current.today)
    except reading.Unclear as unclear:
        faults["start_date"] = str(unclear)
        return None
    if day > current.today:
        faults["start_date"] = (
            f"学习日期不能晚于今天（{_plain_day(current.today)}）{_last_year(day, current.today)}"
        )
    elif not _in_plan(day, current):
        faults["start_date"] = f"{_plain_day(day)}早于本期规划，请核对年份"
    elif entry.person.membership(day, entry.branch.id) is None:
        faults["start_date"] = (
            f"{_plain_day(day)}您不在{entry.branch.name}的名册上；请改日期，名册有误请联系支部组织委员"
        )
    return day


def _plain_day(day: date) -> str:
    return reading.told(day).partition("（")[0]


def _last_year(day: date, today: date) -> str:
    try:
        earlier = day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return ""
    return (
        f"，是 {earlier.year} 年吗？"
        if (day - today).days > 31 and 0 <= (today - earlier).days <= 366
        else ""
    )


def _in_plan(day: date, current: Current) -> bool:
    windows = [p for p in current.records.policy.periods.values() if p.start]
    return not windows or any(contains(p.start, None, day) for p in windows)


def _hours(text: str, current: Current, faults: dict[str, str]) -> Decimal | None:
    try:
        return reading.hours(text, current.records.policy.conversion(current.today))
    except reading.Unclear as unclear:
        faults["hours"] = str(unclear)
        return None


def _texts(values: Mapping[str, str], faults: dict[str, str]) -> None:
    for field in fields():
        if field.widget not in ("line", "text"):
            continue
        text = values[field.name]
        if field.required and not text:
            faults[field.name] = f"请填写{field.title}，{field.hint}"
        elif len(text) > field.limit:
            faults[field.name] = f"{field.title}最多 {field.limit} 个字，现在是 {len(text)} 个，请缩短"
        elif field.widget == "line" and "\n" in text:
            faults[field.name] = f"{field.title}请写成一行"
