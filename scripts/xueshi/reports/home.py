"""The open page: the whole organisation and its branches, without a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from xueshi.model import SHANGHAI, MemberTotals, Requirement, Severity, Unit
from xueshi.records import kind_of
from xueshi.reports.source import (
    Attainment,
    Source,
    attainment,
    in_hours,
    in_year,
    mean,
    not_in_hours,
    withheld,
)
from xueshi.totals.sums import by_kind, by_month, whole


@dataclass(frozen=True, slots=True)
class BranchRow:
    """A branch beside the others; `attainment` is None where it has too few people to be split; `others`: people of
    whom no hours are asked, so that the mean leaves them out."""

    name: str
    people: int
    attainment: Attainment | None
    mean: Decimal | None
    others: int
    waiting: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Home:
    """`near`, `behind`: per cent of the target, and of what is expected by now, from which and under which people are so
    called, the latter not in the first `grace` days; `year_rules`, `plan_rules`: the requirements that somebody is judged
    by. `rows` are empty where the organisation does not compare its branches; `records` counted this year, the `last`
    approved on a day; `plan_others`: people of whom the plan asks no hours; `uncounted` records without a valid review, `unreadable` files with an error."""

    name: str
    commit: str
    at: datetime
    on: date
    year: int
    month: int
    attainment: Attainment
    near: Decimal
    behind: Decimal
    grace: int
    year_rules: tuple[Requirement, ...]
    plan_rules: tuple[Requirement, ...]
    plan_mean: Decimal
    plan_expected: Decimal
    plan_target: Decimal
    plan_others: int
    plan_years: tuple[int, ...]
    comparison: bool
    rows: tuple[BranchRow, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    months: tuple[Decimal, ...]
    total: Decimal
    records: int
    last: date | None
    waiting: int
    oldest: int
    waiting_days: int
    uncounted: int
    unreadable: int


def home(source: Source) -> Home:
    """Figures of the organisation this year and over the plan."""
    members = [m for m in source.totals.members.values() if m.branch is not None]
    credits = in_year(source.totals.credits(), source.on.year)
    rules, alerts = source.records.policy.requirements, source.records.policy.alerts
    compares = source.records.organisation.comparison
    waiting = source.waiting()
    hidden = withheld(source)
    plan = in_hours(members, "plan")
    window = source.records.policy.periods.get("plan")
    years = (
        tuple(range(window.start.year, window.until.year)) if window and window.start and window.until else ()
    )
    return Home(
        name=source.records.organisation.name,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        year=source.on.year,
        month=source.on.month,
        attainment=attainment(members),
        near=alerts.near_ratio * 100,
        behind=(1 - alerts.behind_tolerance) * 100,
        grace=alerts.behind_grace_days,
        year_rules=_judged(rules, members, "year"),
        plan_rules=_judged(rules, members, "plan"),
        plan_mean=mean(members, "plan"),
        plan_expected=_mean([figure.expected for figure in plan]),
        plan_target=_mean([figure.target for figure in plan]),
        plan_others=not_in_hours(members, "plan"),
        plan_years=years,
        comparison=compares,
        rows=tuple(
            _row(source, unit, told=unit.id not in hidden)
            for unit in source.units()
            if compares and unit.kind == "branch"
        ),
        kinds=tuple((source.kind(kind), hours) for kind, hours in by_kind(credits, source.on.year).items()),
        months=by_month(credits, source.on.year),
        total=whole(credits, source.on.year),
        records=sum(bool(credit.credited) for credit in credits),
        last=_last(source),
        waiting=len(waiting),
        oldest=source.oldest(waiting),
        waiting_days=source.records.policy.alerts.waiting_days,
        uncounted=sum(credit.state == "unapproved" for credit in credits),
        unreadable=len({p.path for p in source.problems if p.severity is Severity.ERROR}),
    )


def _judged(
    rules: Sequence[Requirement], members: Iterable[MemberTotals], period: str
) -> tuple[Requirement, ...]:
    """The requirements that somebody's attainment over a period is by: of several the first that applies to them."""
    found = {s.requirement.id: s.requirement for m in members if (s := m.standing(period)) is not None}
    return tuple(rule for rule in rules if found.get(rule.id) == rule)


def _mean(values: list[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.1")) if values else Decimal(0)


def _last(source: Source) -> date | None:
    """The day, in Shanghai, of the newest approval of a record."""
    versions = (
        v for path, found in source.history.versions.items() if kind_of(path) == "study" for v in found
    )
    return max((v.at.astimezone(SHANGHAI).date() for v in versions if v.approved), default=None)


def _row(source: Source, unit: Unit, *, told: bool) -> BranchRow:
    members, waiting = source.totals.of_branch(unit.id), source.waiting(branch=unit.id)
    return BranchRow(
        unit.name,
        len(members),
        attainment(members) if told else None,
        mean(members, "year") if told else None,
        not_in_hours(members, "year") if told else 0,
        len(waiting),
        source.oldest(waiting),
    )
