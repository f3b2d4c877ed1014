"""What every report is made from, and small figures that several of them share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, TypeVar

from xueshi import words
from xueshi.checkup import Finding
from xueshi.model import (
    SHANGHAI,
    Credit,
    Figure,
    History,
    MemberTotals,
    Person,
    Problem,
    Proposal,
    RecordSet,
    Severity,
    Standing,
    Standings,
    Study,
    Totals,
    Unit,
)
from xueshi.reports.timeline import Studies
from xueshi.speech import say
from xueshi.totals import total
from xueshi.totals.effect import effect
from xueshi.totals.sums import within

ZERO, TENTH = Decimal(0), Decimal("0.1")
T = TypeVar("T")
FEW = 5  # a branch with fewer people is not split, so that nobody can be told from it


@dataclass(frozen=True, slots=True)
class Source:
    """The approved records of one commit, their totals on one day, what waits beside them, and where reports lie.

    `studies` holds every version of every record (see timeline); `address` gives the folder of a report by kind and
    id; `pictures` are the hashes that are published; `problems` is what the check says, `findings` the check-up."""

    records: RecordSet
    history: History
    approvals: frozenset[str]
    totals: Totals
    proposals: tuple[Proposal, ...]
    studies: Studies
    people: Mapping[str, Person]
    names: Mapping[str, str]
    address: Callable[[str, str], str]
    pictures: frozenset[str]
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    _shelves: dict[str, Any] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )  # see _shelf
    _days: dict[date, Totals] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def on(self) -> date:
        return self.totals.on

    def figures(self, day: date) -> Totals:
        """Everybody's figures as of the end of a day, by today's records and rules; counted once for whoever asks."""
        if day == self.on:
            return self.totals
        if day not in self._days:
            self._days[day] = total(self.records, self.records.policy, self.approvals, day)
        return self._days[day]

    def _shelf(
        self, name: str, items: Callable[[], Iterable[T]], key: Callable[[T], str]
    ) -> Mapping[str, list[T]]:
        """The items by key, sorted once: each of many reports asks for its own."""
        if name not in self._shelves:
            found: dict[str, list[T]] = {}
            for item in items():
                found.setdefault(key(item), []).append(item)
            self._shelves[name] = found
        shelf: Mapping[str, list[T]] = self._shelves[name]
        return shelf

    def credits_of(self, branch: str) -> tuple[Credit, ...]:
        """Those of the records in a branch's folder, whoever's they are."""
        return tuple(self._shelf("credits", self.totals.credits, lambda c: c.study.branch).get(branch, ()))

    def findings_of(self, unit: str) -> tuple[Finding, ...]:
        """What the check-up says of a unit itself."""
        return tuple(self._shelf("findings", lambda: self.findings, lambda f: f.unit).get(unit, ()))

    def faulty(self, branch: str) -> frozenset[str]:
        """The paths of files in a branch's folder that cannot be read or fail their check."""
        return frozenset(p.path for p in self.problems_of(branch) if p.severity is Severity.ERROR)

    def problems_of(self, branch: str) -> tuple[Problem, ...]:
        """What the check says of the files in a branch's folder."""
        shelf = self._shelf("problems", lambda: self.problems, _folder)
        return tuple(shelf.get(branch, ()))

    def waiting(
        self, *, member: str | None = None, branch: str | None = None
    ) -> list[tuple[Proposal, Study]]:
        """Open proposals' records, oldest first."""
        if member is not None:
            found = self._shelf("waiting members", self._waiting, lambda w: w[1].member).get(member, [])
            return [(proposal, study) for proposal, study in found if branch in (None, study.branch)]
        if branch is not None:
            return list(self._shelf("waiting", self._waiting, lambda w: w[1].branch).get(branch, ()))
        return self._waiting()

    def _waiting(self) -> list[tuple[Proposal, Study]]:
        return [(proposal, study) for proposal in self.proposals for study in proposal.studies]

    def after(self, member: str) -> Standings | None:
        """The member's year as it would be with everything approved that waits."""
        studies = [study for _, study in self.waiting(member=member) if study.start_date.year == self.on.year]
        if not studies:
            return None
        records, known = self.records, self.totals.members.get(member)
        if known is not None:
            records = replace(records, studies={c.study.path: c.study for c in known.credits})
        found = effect(records, records.policy, self.approvals, studies, self.on)
        return found[0].after if found else None

    def oldest(self, waiting: Iterable[tuple[Proposal, Study]]) -> int:
        """Days that the oldest of them has waited."""
        return max([0, *(self.days(proposal) for proposal, _ in waiting)])

    def days(self, proposal: Proposal) -> int:
        """Days since a proposal was sent first."""
        return max((self.on - sent_on(proposal)).days, 0)

    def units(self) -> tuple[Unit, ...]:
        """Every unit once: where a wrong file has two of one id, the first is it, as everywhere."""
        organisation = self.records.organisation
        return tuple(unit for unit in organisation.units if organisation.unit(unit.id) is unit)

    def below(self, unit: str) -> frozenset[str]:
        """The branches at and below a unit."""
        organisation = self.records.organisation
        return frozenset(b.id for b in organisation.branches() if unit in organisation.above(b.id))

    def kind(self, kind: str) -> str:
        known = self.records.policy.kinds.get(kind)
        return known.label if known else kind

    def why(self, reason: str) -> str:
        """Why a record counts less than it claims, in the policy's own words."""
        return words.why(reason, {cap.id: cap.source or "" for cap in self.records.policy.caps})

    def branch(self, branch: str | None) -> str:
        unit = self.records.organisation.unit(branch or "")
        return unit.name if unit else (branch or say("已转出"))


def withheld(source: Source) -> frozenset[str]:
    """Units whose figures the open pages do not tell: those of fewer than FEW people, and beside them, as long as they are
    together fewer, the next smallest below the same unit, since what is missing from a sum could be taken from it."""
    people = {unit.id: len(_people(source, unit.id)) for unit in source.units()}
    found: set[str] = set()
    for above in {unit.parent for unit in source.units()}:
        beside = sorted((people[u.id], u.id) for u in source.units() if u.parent == above and people[u.id])
        hidden = 0
        for number, ident in beside:
            if number >= FEW and not 0 < hidden < FEW:
                break
            found.add(ident)
            hidden += number
    return frozenset(found | {ident for ident, number in people.items() if not number})


def _people(source: Source, unit: str) -> list[MemberTotals]:
    return [member for branch in source.below(unit) for member in source.totals.of_branch(branch)]


@dataclass(frozen=True, slots=True)
class Attainment:
    """How many of whom have met, are near, or are on the way, and how many are behind."""

    met: int = 0
    near: int = 0
    under_way: int = 0
    behind: int = 0
    exempt: int = 0

    def __add__(self, other: Attainment) -> Attainment:
        return Attainment(
            self.met + other.met,
            self.near + other.near,
            self.under_way + other.under_way,
            self.behind + other.behind,
            self.exempt + other.exempt,
        )

    @property
    def people(self) -> int:
        """Those to whom the requirement applies; the exempt stand apart."""
        return self.met + self.near + self.under_way + self.behind

    @property
    def percent(self) -> Decimal:
        return share(self.met, self.people)


def share(some: int, people: int) -> Decimal:
    """In percent, to 0.1 down, so that nothing shows as met that is not."""
    return (Decimal(some * 100) / people).quantize(TENTH, ROUND_DOWN) if people else ZERO


def attainment(members: Iterable[MemberTotals]) -> Attainment:
    """By the year's requirement."""
    found = dict.fromkeys(Standing, 0)
    for member in members:
        year = member.standing("year")
        if year is not None:
            found[year.standing] += 1
    return Attainment(
        found[Standing.MET],
        found[Standing.NEAR],
        found[Standing.UNDER_WAY],
        found[Standing.BEHIND],
        found[Standing.EXEMPT],
    )


def mean(members: Iterable[MemberTotals], period: str) -> Decimal:
    """Hours counted a person over a period, of those of whom hours are asked, to 0.1."""
    counted = [figure.counted for figure in in_hours(members, period)]
    return (sum(counted, ZERO) / len(counted)).quantize(TENTH, ROUND_DOWN) if counted else ZERO


def in_hours(members: Iterable[MemberTotals], period: str) -> list[Figure]:
    """The figure in hours of each to whom the requirement over a period applies, whichever of its measures decides; days
    and hours make no sum, so that who has none in hours is left out."""
    return [figure for figure in _in_hours(members, period) if figure is not None]


def not_in_hours(members: Iterable[MemberTotals], period: str) -> int:
    """How many a mean of hours leaves out: a requirement over the period applies to them, and none in hours."""
    return sum(figure is None for figure in _in_hours(members, period))


def _in_hours(members: Iterable[MemberTotals], period: str) -> Iterator[Figure | None]:
    asked = (s for m in members if (s := m.standing(period)) and s.standing is not Standing.EXEMPT)
    return (next((f for f in s.figures if f.measure == "hours"), None) for s in asked)


def in_year(credits: Iterable[Credit], year: int) -> list[Credit]:
    """Credits that count, at least in part, in a year."""
    return within(credits, date(year, 1, 1), date(year + 1, 1, 1))


def _folder(problem: Problem) -> str:
    """The branch that a problem's file is of, empty for none."""
    parts = problem.path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "records" else ""


def weeks_left(on: date) -> int:
    """Whole weeks to the end of the year, at least one."""
    return max((date(on.year, 12, 31) - on + timedelta(1)).days // 7, 1)


def sent_on(proposal: Proposal) -> date:
    """The day, in Shanghai, on which a proposal was sent first."""
    return min(submission.at for submission in proposal.submissions).astimezone(SHANGHAI).date()
