"""A branch's report: who stands where, hours by month, what must be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from xueshi import words
from xueshi.checkup import Finding as CheckupFinding
from xueshi.model import SHANGHAI, Credit, MemberTotals, Severity, Standings, Study, Unit
from xueshi.pinyin import sort_key
from xueshi.reports.source import Attainment, Source, attainment, in_year, mean
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
class Finding:
    """Something to look at: a record, or a file that cannot be read; what about it; whether it counts."""

    what: str
    words: str
    state: str


@dataclass(frozen=True, slots=True)
class Branch:
    unit: Unit
    commit: str
    at: datetime
    year: int
    month: int
    attainment: Attainment
    mean: Decimal
    rows: tuple[MemberRow, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    waiting: int
    oldest: int
    findings: tuple[Finding, ...]
    norms: tuple[CheckupFinding, ...]
    total: Decimal


def branch(source: Source, unit: Unit) -> Branch:
    """The report of one branch; its members are those of the day, its sums those of its records."""
    members = source.totals.of_branch(unit.id)
    own = in_year((c for c in source.totals.credits() if c.study.branch == unit.id), source.on.year)
    waiting = source.waiting(branch=unit.id)
    rows = sorted((_row(source, member) for member in members), key=_order)
    return Branch(
        unit=unit,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        year=source.on.year,
        month=source.on.month,
        attainment=attainment(members),
        mean=mean(members, "year"),
        rows=tuple(rows),
        kinds=tuple((source.kind(kind), hours) for kind, hours in by_kind(own, source.on.year).items()),
        waiting=len(waiting),
        oldest=source.oldest(waiting),
        norms=tuple(f for f in source.findings if f.unit == unit.id),
        findings=(*_problems(source, unit), *_findings(source, own)),
        total=whole(own, source.on.year),
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


def _problems(source: Source, unit: Unit) -> list[Finding]:
    """What the check says of the branch's files: one with an error is not counted, and is not hidden either."""
    found = []
    for problem in source.problems:
        if problem.path.startswith(f"records/{unit.id}/") and problem.severity is not Severity.NOTE:
            study = source.records.studies.get(problem.path)
            what = _told(source, study) if study else f"{problem.path}，第 {problem.line} 行"
            found.append(Finding(what, problem.message, "已计入" if study else "未计入"))
    return found


def _findings(source: Source, credits: list[Credit]) -> list[Finding]:
    found = []
    for credit in sorted(credits, key=lambda c: c.study.start_date, reverse=True):
        if credit.state == "unapproved":
            last = source.history.last(credit.study.path)
            told = words.REASON.get(last.reason, last.reason) if last else "没有历史"
            found.append(_finding(source, credit, f"没有有效的审核：{told}", "未计入"))
        elif credit.why not in ("", "void", "kind-not-counted"):
            less = f"申报 {words.value(credit.claimed)}，认定 {words.value(credit.credited)}"
            found.append(
                _finding(
                    source,
                    credit,
                    f"{source.why(credit.why)}，{less}",
                    "部分计入" if credit.credited else "未计入",
                )
            )
    return found


def _finding(source: Source, credit: Credit, text: str, state: str) -> Finding:
    return Finding(_told(source, credit.study), text, state)


def _told(source: Source, study: Study) -> str:
    day = f"{study.start_date.month}月{study.start_date.day}日"
    return f"{source.names.get(study.member, study.member)} {day}《{study.title}》"
