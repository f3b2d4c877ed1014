"""A branch's report: who stands where, hours by month, what waits, what must be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from xueshi.checkup import Finding as CheckupFinding
from xueshi.model import SHANGHAI, MemberTotals, Standings, Unit
from xueshi.pinyin import sort_key
from xueshi.reports.findings import Finding, findings
from xueshi.reports.overview import Overview
from xueshi.reports.past import Reached
from xueshi.reports.source import Attainment, Source, attainment, in_year, mean, not_in_hours
from xueshi.reports.usage import Usage
from xueshi.reports.waiting import Waiting, waiting
from xueshi.totals.sums import by_kind, by_month, whole


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One member: the year's standing, what it would be with all that waits, hours of twelve months."""

    id: str
    name: str
    year: Standings | None
    after: Standings | None
    months: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """`waiting` oldest first, `oldest` in days; records are `late` after `waiting_days`; `ends` of months of this year,
    the last one today; `others`: people of whom no hours are asked, so that `mean` leaves them out; `total` hours of the branch's records this year."""

    unit: Unit
    commit: str
    at: datetime
    on: date
    year: int
    month: int
    attainment: Attainment
    mean: Decimal
    others: int
    rows: tuple[MemberRow, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    waiting: tuple[Waiting, ...]
    oldest: int
    waiting_days: int
    usage: Usage
    ends: tuple[Reached, ...]
    findings: tuple[Finding, ...]
    norms: tuple[CheckupFinding, ...]
    total: Decimal


def branch(source: Source, overview: Overview, unit: Unit) -> Branch:
    """The report of one branch; its members are those of the day, its sums those of its records."""
    members = source.totals.of_branch(unit.id)
    credits = source.credits_of(unit.id)
    own, year = in_year(credits, source.on.year), source.on.year
    waits = waiting(source, unit.id)
    rows = sorted((_row(source, member) for member in members), key=_order)
    return Branch(
        unit=unit,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        year=year,
        month=source.on.month,
        attainment=attainment(members),
        mean=mean(members, "year"),
        others=not_in_hours(members, "year"),
        rows=tuple(rows),
        kinds=tuple((source.kind(kind), hours) for kind, hours in by_kind(own, year).items()),
        waiting=waits,
        oldest=waits[0].days if waits else 0,
        waiting_days=source.records.policy.alerts.waiting_days,
        usage=overview.usage.get(unit.id, Usage()),
        ends=tuple(day.reached((unit.id,)) for day in overview.ends),
        findings=findings(source, unit.id, credits),
        norms=source.findings_of(unit.id),
        total=whole(own, year),
    )


def _row(source: Source, member: MemberTotals) -> MemberRow:
    person = member.person
    after = source.after(person.id)
    return MemberRow(
        person.id,
        person.name,
        member.standing("year"),
        after,
        by_month(member.credits, source.on.year),
    )


def _order(row: MemberRow) -> tuple[object, ...]:
    """Most missing first; who has no requirement comes last."""
    exempt = row.year is None or row.year.standing == "exempt"
    return (exempt, -row.year.short if row.year else 0, sort_key(row.name))
