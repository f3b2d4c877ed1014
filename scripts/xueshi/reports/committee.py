"""A committee's report: every unit below it with figures that add up, the check-up, usage, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal

from xueshi.checkup import Finding
from xueshi.model import SHANGHAI, Unit
from xueshi.reports.overview import Overview
from xueshi.reports.past import Reached
from xueshi.reports.since import Changed, last_report
from xueshi.reports.source import TENTH, ZERO, Attainment, Source, attainment, in_hours, in_year
from xueshi.reports.usage import Usage
from xueshi.totals.sums import by_kind, by_month, whole

_VERDICTS = ("overdue", "short", "due", "unknown")  # in the order in which somebody has to act


@dataclass(frozen=True, slots=True)
class Figures:
    """Of any units together. `members` of the day, the exempt among them; `counted` hours of the `hourly` of
    whom the year's requirement asks hours; `oldest` of what waits, in days."""

    members: int = 0
    attainment: Attainment = field(default_factory=Attainment)
    counted: Decimal = ZERO
    hourly: int = 0
    waiting: int = 0
    oldest: int = 0
    usage: Usage = field(default_factory=Usage)
    changed: Changed = field(default_factory=Changed)

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            self.members + other.members,
            self.attainment + other.attainment,
            self.counted + other.counted,
            self.hourly + other.hourly,
            self.waiting + other.waiting,
            max(self.oldest, other.oldest),
            self.usage + other.usage,
            self.changed + other.changed,
        )

    @property
    def others(self) -> int:
        """People of whom the year's requirement asks no hours, so that the mean leaves them out."""
        return self.attainment.people - self.hourly

    @property
    def mean(self) -> Decimal:
        """Hours a person, to 0.1."""
        return (self.counted / self.hourly).quantize(TENTH, ROUND_DOWN) if self.hourly else ZERO


@dataclass(frozen=True, slots=True)
class Row:
    """A unit of the tree, `depth` levels below the report's own unit, with the sum of all that lies below it."""

    unit: Unit
    depth: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Alike:
    """Units, by name, of which the check-up says the same; `details`: what is missing, and of which of them."""

    verdict: str
    value: str
    units: tuple[str, ...]
    details: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One norm of the check-up: what is not in order, most pressing first, and the names of units where it is."""

    label: str
    required: str
    source: str
    open: tuple[Alike, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Committee:
    """`since`: the day of the last report; `total` hours of all records below, this year; `others`: open proposals of
    rosters, rules and the like, which wait at the uppermost committee; `faulty`: branches with files that cannot be read or
    fail their check, and how many; `names` by member id."""

    unit: Unit
    commit: str
    at: datetime
    on: date
    year: int
    month: int
    figures: Figures
    rows: tuple[Row, ...]
    waiting_days: int
    others: int
    since: date
    faulty: tuple[tuple[Unit, int], ...]
    ends: tuple[Reached, ...]
    norms: tuple[Asked, ...]
    kinds: tuple[tuple[str, Decimal], ...]
    months: tuple[Decimal, ...]
    total: Decimal
    names: Mapping[str, str]


def committee(source: Source, overview: Overview, unit: Unit) -> Committee:
    """The report of one unit above branches."""
    below, year = source.below(unit.id), source.on.year
    own = in_year((c for branch in sorted(below) for c in source.credits_of(branch)), year)
    rows = tree(source, unit, overview)
    return Committee(
        unit=unit,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        year=year,
        month=source.on.month,
        figures=rows[0].figures,
        rows=rows[1:],
        waiting_days=source.records.policy.alerts.waiting_days,
        others=0 if unit.parent else sum(not proposal.studies for proposal in source.proposals),
        since=last_report(source.on),
        faulty=_faulty(source, below),
        ends=tuple(day.reached(below) for day in overview.ends),
        norms=_norms(source, [row.unit for row in rows]),
        kinds=tuple((source.kind(kind), hours) for kind, hours in by_kind(own, year).items()),
        months=by_month(own, year),
        total=whole(own, year),
        names=source.names,
    )


def _faulty(source: Source, below: frozenset[str]) -> tuple[tuple[Unit, int], ...]:
    """Their reports say which files, and what to do."""
    counted = ((unit, len(source.faulty(unit.id))) for unit in source.units() if unit.id in below)
    return tuple((unit, files) for unit, files in counted if files)


def tree(source: Source, unit: Unit, overview: Overview | None = None) -> tuple[Row, ...]:
    """The unit, then all below it in the organisation's order. Usage and changes are only told with `overview`."""
    figures = {branch: _figures(source, overview, branch) for branch in sorted(source.below(unit.id))}
    return tuple(_rows(source, figures, unit, 0, frozenset()))


def _figures(source: Source, overview: Overview | None, branch: str) -> Figures:
    members, waiting = source.totals.of_branch(branch), source.waiting(branch=branch)
    hourly = in_hours(members, "year")
    return Figures(
        members=len(members),
        attainment=attainment(members),
        counted=sum((figure.counted for figure in hourly), ZERO),
        hourly=len(hourly),
        waiting=len(waiting),
        oldest=source.oldest(waiting),
        usage=overview.usage.get(branch, Usage()) if overview else Usage(),
        changed=overview.changed.get(branch, Changed()) if overview else Changed(),
    )


def _rows(
    source: Source, figures: Mapping[str, Figures], unit: Unit, depth: int, above: frozenset[str]
) -> Iterator[Row]:
    """Where a wrong file makes a circle, the walk ends."""
    held = sorted(source.below(unit.id) & figures.keys())
    yield Row(unit, depth, sum((figures[branch] for branch in held), Figures()))
    for child in source.units():
        if child.parent == unit.id and child.id not in above | {unit.id}:
            yield from _rows(source, figures, child, depth + 1, above | {unit.id})


def _norms(source: Source, units: Iterable[Unit]) -> tuple[Asked, ...]:
    """Every norm once, however many units it asks: by the worst that is not in order, then by where it is not."""
    found: dict[str, list[tuple[str, Finding]]] = {}
    for unit in units:
        for finding in source.findings_of(unit.id):
            found.setdefault(finding.norm, []).append((unit.name, finding))
    return tuple(sorted(map(_asked, found.values()), key=_pressing))


def _asked(told: Sequence[tuple[str, Finding]]) -> Asked:
    alike: dict[tuple[str, str], dict[tuple[str, ...], list[str]]] = {}
    for name, finding in told:
        if finding.verdict in _VERDICTS:
            same = alike.setdefault((finding.verdict, finding.value), {})
            same.setdefault(finding.details, []).append(name)
    opened = [
        Alike(
            verdict,
            value,
            tuple(name for names in same.values() for name in names),
            tuple((tuple(names), details) for details, names in same.items() if details),
        )
        for (verdict, value), same in alike.items()
    ]
    norm = told[0][1]
    kept = tuple(name for name, finding in told if finding.verdict not in _VERDICTS)
    ordered = tuple(sorted(opened, key=lambda one: (_VERDICTS.index(one.verdict), -len(one.units))))
    return Asked(norm.label, norm.required, norm.source, ordered, kept)


def _pressing(asked: Asked) -> tuple[int, int]:
    worst = _VERDICTS.index(asked.open[0].verdict) if asked.open else len(_VERDICTS)
    return worst, -sum(len(alike.units) for alike in asked.open)
