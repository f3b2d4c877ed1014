"""A member's report: where they stand, every record with what it counted and why, and its history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from xueshi import words
from xueshi.model import SHANGHAI, Credit, Evidence, Membership, Person, Proposal, Standings, Study
from xueshi.model import Line as CreditLine
from xueshi.reports.source import ZERO, Source, weeks_left
from xueshi.reports.timeline import Line, timeline
from xueshi.totals.sums import apart, by_kind, by_month, whole
from xueshi.words import plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `state`: counted | waiting | unapproved | void; `running` is the year's sum up to it;
    `why` says in words why it counts less than it claims."""

    study: Study
    kind: str
    state: str
    claimed: Decimal
    credited: Decimal
    running: Decimal | None
    why: str
    pictures: tuple[Evidence, ...]
    history: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """One requirement, what is to be known of it, and its ledger: each record with why it counts less."""

    standing: Standings
    unit: str
    notes: tuple[str, ...]
    ledger: tuple[tuple[CreditLine, str], ...]


@dataclass(frozen=True, slots=True)
class Year:
    """Hours of one year of the plan; `hours` is None for a year that has not begun."""

    year: int
    hours: Decimal | None


@dataclass(frozen=True, slots=True)
class Member:
    person: Person
    branch: str
    status: str
    commit: str
    at: datetime
    on: date
    year: Standings | None
    after: Standings | None
    weekly: Decimal
    weeks: int
    demands: tuple[Demand, ...]
    years: tuple[Year, ...]
    entries: tuple[Entry, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    apart: tuple[tuple[str, Decimal], ...]
    missing_kinds: tuple[str, ...]
    months: tuple[Decimal, ...]
    waiting_months: tuple[Decimal, ...]
    memberships: tuple[Membership, ...]


def member(source: Source, person: Person) -> Member:
    """The report of one person, over all branches and years."""
    figures = source.totals.members[person.id]
    year, held = figures.standing("year"), person.membership(source.on)
    waiting = source.waiting(member=person.id)
    on_main = {credit.study.path for credit in figures.credits}
    fresh = [(proposal, study) for proposal, study in waiting if study.path not in on_main]
    kinds = by_kind(figures.credits, source.on.year)
    weeks = weeks_left(source.on)
    return Member(
        person=person,
        branch=source.branch(figures.branch),
        status=words.STATUS.get(held.status, held.status) if held else "",
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        year=year,
        after=source.after(person.id),
        weekly=(year.short / weeks).quantize(Decimal("0.1")) if year else ZERO,
        weeks=weeks,
        demands=tuple(_demand(source, standing) for standing in figures.standings),
        years=tuple(_years(source, figures.credits)),
        entries=tuple(_entries(source, figures.credits, waiting)),
        kinds=tuple((source.kind(kind), hours) for kind, hours in kinds.items()),
        apart=tuple((source.kind(k), h) for k, h in apart(figures.credits, source.on.year).items()),
        missing_kinds=tuple(
            k.label for k in source.records.policy.kinds.values() if k.counts and k.id not in kinds
        ),
        months=by_month(figures.credits, source.on.year),
        waiting_months=_waiting_months(source, [study for _, study in fresh]),
        memberships=person.memberships,
    )


def _demand(source: Source, standing: Standings) -> Demand:
    rule = standing.requirement
    last = standing.until - timedelta(1)
    notes = [f"{standing.start} 至 {last}"]
    if len(standing.figures) > 1:
        ways = (
            f"{plain(f.target)} {words.UNIT[f.measure]}（已有 {plain(f.counted)}）" for f in standing.figures
        )
        notes.append(("都要：" if rule.every else "其一即可：") + "，".join(ways))
    if standing.months and standing.months[0] < standing.months[1]:
        notes.append(f"按月折算，{standing.months[1]} 个月中的 {standing.months[0]} 个月")
    if standing.figure.carried:
        notes.append(f"上一周期结转 {plain(standing.figure.carried)} 学时")
    notes.append(f"{words.SEVERITY[rule.severity]}，依据：{rule.source}")
    ledger = tuple((line, source.why(line.credit.why)) for line in standing.lines)
    return Demand(standing, words.UNIT[standing.measure], tuple(notes), ledger)


def _years(source: Source, credits: tuple[Credit, ...]) -> list[Year]:
    window = source.records.policy.periods.get("plan")
    if window is None or window.start is None or window.until is None:
        return []
    found = []
    for year in range(window.start.year, window.until.year):
        hours = whole(credits, year)
        found.append(Year(year, hours if year <= source.on.year else None))
    return found


def _waiting_months(source: Source, waiting: Iterable[Study]) -> tuple[Decimal, ...]:
    months = [ZERO] * 12
    for study in waiting:
        kind = source.records.policy.kinds.get(study.kind)
        if study.start_date.year == source.on.year and kind is not None and kind.counts:
            months[study.start_date.month - 1] += study.hours
    return tuple(months)


def _entries(
    source: Source, credits: tuple[Credit, ...], waiting: Sequence[tuple[Proposal, Study]]
) -> list[Entry]:
    """Newest first: what is on main, with the change of it that waits, and new records that wait."""
    asked = {study.path: proposal for proposal, study in waiting}
    running: dict[int, Decimal] = {}
    found = []
    for credit in credits:
        for day, hours in credit.parts if credit.credited else ():
            running[day.year] = running.get(day.year, ZERO) + hours
        so_far = running.get(credit.study.start_date.year, ZERO)
        found.append(_entry(source, credit, so_far, asked.pop(credit.study.path, None)))
    found += [_waits(source, proposal, study) for proposal, study in waiting if study.path in asked]
    return sorted(
        found, key=lambda e: (e.study.start_date, e.study.start_time or "", e.study.id), reverse=True
    )


def _entry(source: Source, credit: Credit, running: Decimal, asked: Proposal | None) -> Entry:
    study = credit.study
    why = source.why(credit.why)
    last = source.history.last(study.path)
    if credit.state == "unapproved" and last is not None:
        why = f"未经有效审核：{words.REASON.get(last.reason, last.reason)}"
    elif credit.state == "void" and study.void is not None:
        why = f"已作废：{study.void.reason}"
    known = timeline(study.path, source.history, source.studies, source.names)
    return Entry(
        study,
        source.kind(study.kind),
        credit.state,
        credit.claimed,
        credit.credited,
        running if credit.state == "counted" else None,
        why,
        tuple(e for e in study.evidence if e.sha256 in source.pictures),
        (*known, *_asked(source, asked)) if asked else known,
    )


def _waits(source: Source, proposal: Proposal, study: Study) -> Entry:
    pictures = tuple(e for e in study.evidence if e.sha256 in source.pictures)
    history = tuple(_asked(source, proposal))
    return Entry(study, source.kind(study.kind), "waiting", study.hours, ZERO, None, "", pictures, history)


def _asked(source: Source, proposal: Proposal) -> Iterator[Line]:
    """What was sent and waits for its decision."""
    for sent in proposal.submissions:
        text = f"{source.names.get(sent.by, sent.by)}{words.ACTION.get(sent.action, sent.action)}，等待审核"
        yield Line(sent.at.astimezone(SHANGHAI), text, sent.commit, False, True, None)
