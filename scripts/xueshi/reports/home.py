"""The open page: the whole organisation and its branches, without a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from xueshi.model import SHANGHAI, Requirement, Severity
from xueshi.reports.source import FEW, Attainment, Source, attainment, in_year, mean
from xueshi.totals.sums import by_kind, by_month


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A branch beside the others; `attainment` is None where it has too few people to be split."""

    name: str
    people: int
    attainment: Attainment | None
    mean: Decimal | None
    waiting: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Home:
    name: str
    commit: str
    at: datetime
    year: int
    month: int
    attainment: Attainment
    year_rules: tuple[Requirement, ...]
    plan_rules: tuple[Requirement, ...]
    plan_mean: Decimal
    plan_expected: Decimal
    plan_target: Decimal
    plan_years: tuple[int, ...]
    rows: tuple[BranchRow, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    months: tuple[Decimal, ...]
    waiting: int
    uncounted: int
    unreadable: int


def home(source: Source) -> Home:
    """Figures of the organisation this year and over the plan."""
    members = [m for m in source.totals.members.values() if m.branch is not None]
    credits = in_year(source.totals.credits(), source.on.year)
    rules = source.records.policy.requirements
    plan = [s for m in members if (s := m.standing("plan"))]
    window = source.records.policy.periods.get("plan")
    years = (
        tuple(range(window.start.year, window.until.year)) if window and window.start and window.until else ()
    )
    return Home(
        name=source.records.organisation.name,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        year=source.on.year,
        month=source.on.month,
        attainment=attainment(members),
        year_rules=tuple(r for r in rules if r.period == "year"),
        plan_rules=tuple(r for r in rules if r.period == "plan"),
        plan_mean=mean(members, "plan"),
        plan_expected=_mean([s.expected for s in plan]),
        plan_target=_mean([s.target for s in plan]),
        plan_years=years,
        rows=tuple(_row(source, unit.id, unit.name) for unit in source.records.organisation.branches()),
        kinds=tuple((source.kind(kind), hours) for kind, hours in by_kind(credits, source.on.year).items()),
        months=by_month(credits, source.on.year),
        waiting=len(source.waiting()),
        uncounted=sum(credit.state == "unapproved" for credit in credits),
        unreadable=len({p.path for p in source.problems if p.severity is Severity.ERROR}),
    )


def _mean(values: list[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.1")) if values else Decimal(0)


def _row(source: Source, branch: str, name: str) -> BranchRow:
    members, waiting = source.totals.of_branch(branch), source.waiting(branch=branch)
    few = len(members) < FEW
    return BranchRow(
        name,
        len(members),
        None if few else attainment(members),
        None if few else mean(members, "year"),
        len(waiting),
        source.oldest(waiting),
    )
