"""What an export says, as values: records, people, branches and the rules behind them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from xueshi import words
from xueshi.exports.notes import Note, Rules, notes, rules_of
from xueshi.exports.range import Range
from xueshi.exports.scope import Scope, order_of
from xueshi.model import SHANGHAI, Credit, MemberTotals, Standings, Study, Totals
from xueshi.reports.source import ZERO, Attainment, Source, attainment, mean, not_in_hours
from xueshi.speech import CHINESE, spoken
from xueshi.words import plain

REVIEW = {"counted": "已通过", "waiting": "待审核", "unapproved": "未认可", "void": "已作废"}
LEFT = "已不在本支部名册，只列本支部的记录"
STRANGER = "名册上没有这个编号"


@dataclass(frozen=True, slots=True)
class Detail:
    """One record, or one that waits. `state`: counted | waiting | unapproved | void; `credited` and `apart` are the
    hours that the range has of it; `remark` says why not more, and what else is to be known."""

    study: Study
    branch: str
    name: str
    kind: str
    state: str
    minutes: int | None
    credited: Decimal
    apart: Decimal
    remark: str


@dataclass(frozen=True, slots=True)
class Person:
    """One member: where they stand in the year and the plan, `others` being further requirements in words; hours of
    the range over all branches (`counted`), of the export's own records (`here`) and beside the requirements; how many
    records wait. Of one who only has records here no standing is told."""

    id: str
    name: str
    branch: str
    year: Standings | None
    plan: Standings | None
    others: str
    counted: Decimal
    here: Decimal
    apart: Decimal
    waiting: int
    remark: str


@dataclass(frozen=True, slots=True)
class BranchSum:
    """One branch beside the others: its members of the day, the hours a person has on average in the year of the day
    (`others`: without those of whom no hours are asked), the hours of its records in the range."""

    name: str
    attainment: Attainment
    mean: Decimal
    others: int
    hours: Decimal
    waiting: int


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that a file says. `on` is the day that the records were read for, `day` the one that the figures are
    of; `branches` has rows only for the whole organisation."""

    scope: Scope
    span: Range
    organisation: str
    name: str
    commit: str
    at: datetime
    on: date
    day: date
    people: tuple[Person, ...]
    branches: tuple[BranchSum, ...]
    details: tuple[Detail, ...]
    notes: tuple[Note, ...]

    @property
    def title(self) -> str:
        whose = " ".join(part for part in (self.organisation, self.name) if part)
        return f"{whose} 党员学时汇总（{self.span.label}）"

    @property
    def is_year_over(self) -> bool:
        return words.is_over(date(self.day.year + 1, 1, 1), self.day, self.on)

    def stands(self, s: Standings) -> str:
        """How somebody stands in a requirement, in words."""
        return _stands(s, self.day, self.on)

    @property
    def as_of(self) -> str:
        return f"数据截至 {self.at:%Y-%m-%d %H:%M}（提交 {self.commit[:7]}），按 {self.day} 计算"


def _stands(s: Standings, day: date, today: date) -> str:
    return words.stands(s.standing, over=words.is_over(s.until, day, today))


@spoken(CHINESE)  # an office files it, whatever the site speaks
def export(source: Source, scope: Scope, span: Range, rules: Rules | None = None) -> Export:
    """What the file of a scope over a range says; `rules` tells the hour rules of a day in words, for whoever makes many.
    UsageError for an unknown id, or a range that has not begun."""
    name, figures = scope.name(source), source.figures(span.day(source.on))
    details = tuple(_details(source, scope, span, figures))
    return Export(
        scope=scope,
        span=span,
        organisation=source.records.organisation.name,
        name=name,
        commit=source.history.tip,
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        day=figures.on,
        people=tuple(_people(source, scope, span, figures, details)),
        branches=tuple(_branches(source, figures, details)) if scope.kind == "committee" else (),
        details=details,
        notes=notes(
            source,
            scope,
            span,
            (rules or rules_of(source))(figures.on),
            day=figures.on,
            waiting=[d.study for d in details if d.state == "waiting"],
        ),
    )


# --- records


def _details(source: Source, scope: Scope, span: Range, figures: Totals) -> list[Detail]:
    """By branch, person and date; a proposal to change a record is told beside that record."""
    waiting = list(scope.waiting(source, span))
    asked = {study.path for _, study in source.waiting(member=scope.member, branch=scope.branch)}
    found = [
        _detail(source, span, credit, changes=credit.study.path in asked)
        for credit in scope.credits(figures, span)
    ]
    fresh = {study.path: study for _, study in waiting if study.path not in source.records.studies}
    found += [_waits(source, study) for study in fresh.values()]
    order = order_of(source)
    return sorted(found, key=lambda d: (*order(d.study.branch, d.name, d.study.member), *_when(d.study)))


def _when(study: Study) -> tuple[date, str, str]:
    return study.start_date, study.start_time or "", study.id


def _detail(source: Source, span: Range, credit: Credit, *, changes: bool) -> Detail:
    inside = sum((hours for day, hours in credit.parts if span.holds(day)), ZERO)
    credited, apart = (inside if hours else ZERO for hours in (credit.credited, credit.apart))
    remarks = [*_why(source, credit), *_beside(credit, credited, apart), *_days(credit.study)]
    remarks += ["有更改待审核"] if changes else []
    return _row(source, credit.study, credit.state, credited, apart, remarks)


def _waits(source: Source, study: Study) -> Detail:
    return _row(source, study, "waiting", ZERO, ZERO, ["等待审核，没有计入", *_days(study)])


def _row(
    source: Source, study: Study, state: str, credited: Decimal, apart: Decimal, remarks: Iterable[str]
) -> Detail:
    name, branch = source.names.get(study.member, study.member), source.branch(study.branch)
    remark = "；".join(remarks)
    return Detail(
        study, branch, name, source.kind(study.kind), state, _minutes(study), credited, apart, remark
    )


def _why(source: Source, credit: Credit) -> Iterator[str]:
    """Why a record counts less than it claims."""
    last = source.history.last(credit.study.path)
    if credit.state == "unapproved" and last is not None:
        yield f"没有有效的审核：{words.REASON.get(last.reason, last.reason)}"
    elif credit.state == "void" and credit.study.void is not None:
        yield f"已作废：{credit.study.void.reason}"
    elif credit.why:
        yield source.why(credit.why)


def _beside(credit: Credit, credited: Decimal, apart: Decimal) -> Iterator[str]:
    """What the figures alone do not tell."""
    if credit.factor != 1:
        yield f"申报学时乘以 {plain(credit.factor)}"
    if apart:
        yield f"另计 {plain(apart)} 学时"
    elsewhere = credit.credited + credit.apart - credited - apart
    if elsewhere:
        yield f"另有 {plain(elsewhere)} 学时算在这段时间以外"


def _days(study: Study) -> Iterator[str]:
    if study.end_date is not None and study.end_date != study.start_date:
        yield f"学习到 {study.end_date}，共 {len(study.days)} 天"


def _minutes(study: Study) -> int | None:
    """How long it took, where the record says so: in minutes, or by the clock of a single day."""
    if study.duration_minutes or not study.start_time or not study.end_time or len(study.days) != 1:
        return study.duration_minutes
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in (study.start_time, study.end_time))
    return end - start if end > start else None


# --- people


def _people(
    source: Source, scope: Scope, span: Range, figures: Totals, details: Iterable[Detail]
) -> Iterator[Person]:
    """Members of the day, then those who only have records here."""
    found = list(details)
    waiting = Counter(d.study.member for d in found if d.state == "waiting")
    here: dict[str, Decimal] = {}
    apart: dict[str, Decimal] = {}
    for detail in found:
        member = detail.study.member
        here[member] = here.get(member, ZERO) + detail.credited
        apart[member] = apart.get(member, ZERO) + detail.apart
    members = scope.members(source, figures)
    for m in members:
        ident = m.person.id
        own, beside = here.pop(ident, ZERO), apart.get(ident, ZERO)
        others = "；".join(_further(m, figures.on, source.on))
        yield _person(source, m, others, m.hours(*span.edges), own, beside, waiting[ident])
    for ident, own in here.items():
        name = source.names.get(ident, ident)
        remark = LEFT if ident in source.names else STRANGER
        yield Person(ident, name, "", None, None, "", own, own, apart[ident], waiting[ident], remark)


def _person(
    source: Source,
    m: MemberTotals,
    others: str,
    counted: Decimal,
    here: Decimal,
    apart: Decimal,
    waiting: int,
) -> Person:
    year, plan = m.standing("year"), m.standing("plan")
    branch = source.branch(m.branch)
    return Person(m.person.id, m.person.name, branch, year, plan, others, counted, here, apart, waiting, "")


def _further(m: MemberTotals, day: date, today: date) -> Iterator[str]:
    """Requirements beside the year's and the plan's."""
    for s in m.standings:
        if s not in (m.standing("year"), m.standing("plan")):
            figures = f"{plain(s.counted)} / {plain(s.target)} {words.UNIT[s.measure]}"
            yield f"{s.requirement.label} {figures}，{_stands(s, day, today)}"


# --- branches


def _branches(source: Source, figures: Totals, details: tuple[Detail, ...]) -> Iterator[BranchSum]:
    """Every branch of the organisation, and folders of records that it does not know."""
    hours: dict[str, Decimal] = {}
    for detail in details:
        hours[detail.study.branch] = hours.get(detail.study.branch, ZERO) + detail.credited
    waiting = Counter(d.study.branch for d in details if d.state == "waiting")
    for branch in dict.fromkeys([*(u.id for u in source.records.organisation.branches()), *hours]):
        members, own = figures.of_branch(branch), hours.get(branch, ZERO)
        average, others = mean(members, "year"), not_in_hours(members, "year")
        yield BranchSum(source.branch(branch), attainment(members), average, others, own, waiting[branch])
