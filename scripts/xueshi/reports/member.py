"""A member's report: where they stand, every record with what it counted and why, and its history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_UP, Decimal
from itertools import groupby

from xueshi import words
from xueshi.model import SHANGHAI, Credit, Evidence, Figure, Membership, Person, Proposal, Standings, Study
from xueshi.model import Line as CreditLine
from xueshi.reports.days import Month, calendar
from xueshi.reports.overview import Overview
from xueshi.reports.paper import Sheet
from xueshi.reports.past import Stood, stood
from xueshi.reports.sheet import content
from xueshi.reports.source import TENTH, ZERO, Source, weeks_left
from xueshi.reports.timeline import Line, asked, timeline
from xueshi.speech import say
from xueshi.totals.sums import apart, by_kind, by_month, whole
from xueshi.words import plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `state`: counted | waiting | unapproved | void; `running` is the year's sum up to it;
    `why` says in words why it counts less than it claims; `missing` pictures are named and not published."""

    study: Study
    kind: str
    state: str
    claimed: Decimal
    credited: Decimal
    running: Decimal | None
    why: str
    pictures: tuple[Evidence, ...]
    missing: int
    history: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class LedgerYear:
    """The records that began in a year, newest first; `hours` counted in it, also of one that began before."""

    year: int
    hours: Decimal
    entries: tuple[Entry, ...]


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
    """`unit`: of the year's requirement, in words; `weekly` and `monthly`: of it, what would be needed, to 0.1 up;
    `plan` the requirement over all years; `calendar` this year's days; `ends` of earlier years, then of months;
    `sheet` this year's, to be printed alone."""

    person: Person
    branch: str
    status: str
    commit: str
    at: datetime
    on: date
    year: Standings | None
    after: Standings | None
    unit: str
    weekly: Decimal
    monthly: Decimal
    weeks: int
    waiting: int
    plan: Standings | None
    plan_unit: str
    demands: tuple[Demand, ...]
    years: tuple[Year, ...]
    ledger: tuple[LedgerYear, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    apart: tuple[tuple[str, Decimal], ...]
    missing_kinds: tuple[str, ...]
    months: tuple[Decimal, ...]
    waiting_months: tuple[Decimal, ...]
    calendar: tuple[Month, ...]
    ends: tuple[Stood, ...]
    memberships: tuple[Membership, ...]
    sheet: Sheet


def member(source: Source, overview: Overview, person: Person) -> Member:
    """The report of one person, over all branches and years."""
    figures = source.totals.members[person.id]
    year, plan, held = figures.standing("year"), figures.standing("plan"), person.membership(source.on)
    waiting = source.waiting(member=person.id)
    on_main = {credit.study.path for credit in figures.credits}
    fresh = [study for _, study in waiting if study.path not in on_main]
    kinds = by_kind(figures.credits, source.on.year)
    weeks = weeks_left(source.on)
    return Member(
        person=person,
        branch=source.branch(figures.branch),
        status=words.named(words.STATUS, held.status) if held else "",
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        year=year,
        after=source.after(person.id),
        unit=words.unit(year.measure) if year else "",
        weekly=_needed(year, Decimal(weeks)),
        monthly=_needed(year, Decimal(weeks) * 12 / 52),
        weeks=weeks,
        waiting=len(waiting),
        plan=plan,
        plan_unit=words.unit(plan.measure) if plan else "",
        demands=tuple(_demand(source, standing) for standing in figures.standings),
        years=tuple(_years(source, figures.credits)),
        ledger=tuple(_ledger(figures.credits, _entries(source, figures.credits, waiting))),
        kinds=tuple((source.kind(kind), hours) for kind, hours in kinds.items()),
        apart=tuple((source.kind(k), h) for k, h in apart(figures.credits, source.on.year).items()),
        missing_kinds=tuple(
            k.label for k in source.records.policy.kinds.values() if k.counts and k.id not in kinds
        ),
        months=by_month(figures.credits, source.on.year),
        waiting_months=_waiting_months(source, fresh),
        calendar=calendar(figures.credits, fresh, source.records.policy, source.on),
        ends=tuple(stood(source, (*overview.years, *overview.months), person.id)),
        memberships=person.memberships,
        sheet=content(source, person, source.on.year),
    )


def _needed(year: Standings | None, spans: Decimal) -> Decimal:
    """What each of the spans that are left would have to bring: enough, so rounded up."""
    return (year.short / spans).quantize(TENTH, ROUND_UP) if year else ZERO


def _demand(source: Source, standing: Standings) -> Demand:
    rule = standing.requirement
    last = standing.until - timedelta(1)
    notes = [say("%(start)s 至 %(last)s", start=standing.start, last=last)]
    if len(standing.figures) > 1:
        ways = say("，").join(_way(figure) for figure in standing.figures)
        notes.append(say("都要：%(ways)s", ways=ways) if rule.every else say("其一即可：%(ways)s", ways=ways))
    if standing.months and standing.months[0] < standing.months[1]:
        own, whole_span = standing.months
        notes.append(say("按月折算，%(whole)s 个月中的 %(n)s 个月", whole=whole_span, n=own))
    if standing.figure.carried:
        notes.append(say("上一周期结转 %(n)s 学时", n=plain(standing.figure.carried)))
    severity = say(words.SEVERITY[rule.severity])
    notes.append(say("%(severity)s，依据：%(source)s", severity=severity, source=rule.source))
    ledger = tuple((line, source.why(line.credit.why)) for line in standing.lines)
    return Demand(standing, words.unit(standing.measure), tuple(notes), ledger)


def _way(figure: Figure) -> str:
    """One of several ways to meet a requirement."""
    target, unit = plain(figure.target), words.unit(figure.measure)
    return say("%(n)s %(unit)s（已有 %(counted)s）", n=target, unit=unit, counted=plain(figure.counted))


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
        if study.start_date.year == source.on.year and kind is not None and kind.on(study.start_date).counts:
            months[study.start_date.month - 1] += study.hours
    return tuple(months)


def _ledger(credits: tuple[Credit, ...], entries: Sequence[Entry]) -> Iterator[LedgerYear]:
    """By the year in which a record began, the newest first."""
    for year, found in groupby(entries, key=lambda e: e.study.start_date.year):
        yield LedgerYear(year, whole(credits, year), tuple(found))


def _entries(
    source: Source, credits: tuple[Credit, ...], waiting: Sequence[tuple[Proposal, Study]]
) -> list[Entry]:
    """Newest first: what is on main, with the change of it that waits, and new records that wait."""
    changes = {study.path: proposal for proposal, study in waiting}
    running: dict[int, Decimal] = {}
    found = []
    for credit in credits:
        for day, hours in credit.parts if credit.credited else ():
            running[day.year] = running.get(day.year, ZERO) + hours
        so_far = running.get(credit.study.start_date.year, ZERO)
        found.append(_entry(source, credit, so_far, changes.pop(credit.study.path, None)))
    found += [_waits(source, proposal, study) for proposal, study in waiting if study.path in changes]
    return sorted(
        found, key=lambda e: (e.study.start_date, e.study.start_time or "", e.study.id), reverse=True
    )


def _entry(source: Source, credit: Credit, running: Decimal, change: Proposal | None) -> Entry:
    study = credit.study
    why = source.why(credit.why)
    last = source.history.last(study.path)
    if credit.state == "unapproved" and last is not None:
        why = say("未经有效审核：%(why)s", why=words.named(words.REASON, last.reason))
    elif credit.state == "void" and study.void is not None:
        why = say("已作废：%(why)s", why=study.void.reason)
    known = timeline(study.path, source.history, source.studies, source.names)
    return Entry(
        study,
        source.kind(study.kind),
        credit.state,
        credit.claimed,
        credit.credited,
        running if credit.state == "counted" else None,
        why,
        *_pictures(source, study),
        (*known, *_asked(source, change)) if change else known,
    )


def _waits(source: Source, proposal: Proposal, study: Study) -> Entry:
    kind, history = source.kind(study.kind), tuple(_asked(source, proposal))
    return Entry(study, kind, "waiting", study.hours, ZERO, None, "", *_pictures(source, study), history)


def _pictures(source: Source, study: Study) -> tuple[tuple[Evidence, ...], int]:
    """Those that can be shown, and how many cannot."""
    shown = tuple(e for e in study.evidence if e.sha256 in source.pictures)
    return shown, len(study.evidence) - len(shown)


def _asked(source: Source, proposal: Proposal) -> Iterator[Line]:
    """What was sent and waits for its decision."""
    for sent in proposal.submissions:
        act = asked(sent.action, source.names.get(sent.by, sent.by))
        text = say("%(act)s，等待审核", act=act)
        yield Line(sent.at.astimezone(SHANGHAI), text, sent.commit, False, True, None)
