"""What a member's yearly study sheet (党员学习登记表) says, on paper and in PDF alike. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from xueshi import words
from xueshi.errors import UsageError
from xueshi.model import (
    SHANGHAI,
    Credit,
    Membership,
    MemberTotals,
    Person,
    Standing,
    Standings,
    Study,
)
from xueshi.pinyin import sort_key
from xueshi.reading import clean
from xueshi.reports.paper import Demand, Row, Sheet, Shot
from xueshi.reports.source import ZERO, Source, in_year
from xueshi.speech import CHINESE, spoken
from xueshi.totals import total_of
from xueshi.totals.credit import in_order
from xueshi.totals.sums import by_kind, whole
from xueshi.words import plain

_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # they choose a form of a glyph, and are none
_CAPTION = 60  # characters of a title under a picture
_APPROVED, _PENDING, _CHANGING = "通过", "待审核", "通过，更正待审核"


def people_of(source: Source, branch: str, year: int) -> list[Person]:
    """Who belongs to the branch on the day the year is judged by, in pinyin order."""
    day = _day(source, year)
    found = [person for person in source.people.values() if person.membership(day, branch)]
    return sorted(found, key=lambda person: sort_key(person.name))


@spoken(CHINESE)  # an office files it, whatever the site speaks
def content(
    source: Source, person: Person, year: int, *, pending: bool = False, full: bool = False, check: str = ""
) -> Sheet:
    """The sheet of one person's calendar year, as it stood on its last day or, this year, stands today.

    `pending` adds what waits for review; `full` prints what was studied, not only its title. Raises UsageError for a
    year that has not begun."""
    figures = _figures(source, person, year)
    listed = [credit for credit in in_year(figures.credits, year) if credit.state == "counted"]
    waiting = _waiting(source, person, year) if pending else []
    studies = _studies(listed, waiting)
    numbers = {study.path: number for number, study in enumerate(studies, 1)}
    own = by_kind(listed, year)
    return Sheet(
        title=f"{'党员' if _is_member(_membership(person, _day(source, year))) else ''}学习登记表（{year}年度）",
        name=_line(person.name),
        head=_head(source, person, figures, year),
        rows=tuple(_rows(source, studies, listed, waiting, year, full=full)),
        time=_sum_of_times(listed),
        hours=plain(whole(listed, year)),
        kinds=tuple((_line(source.kind(kind)), plain(hours)) for kind, hours in own.items()),
        demands=tuple(_demand(standing) for standing in figures.standings),
        years=tuple(_years(source, figures, year)),
        notes=tuple(_notes(source, figures, listed, numbers, year, pending=pending)),
        shots=tuple(_shots(source, studies)),
        commit=source.history.tip[:7],
        at=source.history.at.astimezone(SHANGHAI),
        on=source.on,
        check=check,
    )


def _line(text: str) -> str:
    """A person's text on one line, without characters that nobody sees or that turn the direction of writing."""
    return " ".join(_SELECTORS.sub("", clean(text)).split())


def _lines(text: str) -> str:
    return "\n".join(line for line in map(_line, clean(text).split("\n")) if line)


def _day(source: Source, year: int) -> date:
    """The day by which a year is judged: its last, or today while it runs."""
    if year > source.on.year:
        raise UsageError(f"{year} 年还没有开始，请写 {source.on.year} 或更早的年度")
    return min(source.on, date(year, 12, 31))


def _figures(source: Source, person: Person, year: int) -> MemberTotals:
    day = _day(source, year)
    if day == source.on:
        return source.totals.members[person.id]
    return total_of(source.records, source.records.policy, source.approvals, person, day)


# --- the head


def _membership(person: Person, day: date) -> Membership | None:
    """The membership on a day, or the last one before it."""
    earlier = [held for held in person.memberships if held.start <= day]
    return person.membership(day) or (earlier[-1] if earlier else None)


def _is_member(held: Membership | None) -> bool:
    return held is not None and held.status in ("full", "probationary")


def _head(source: Source, person: Person, figures: MemberTotals, year: int) -> tuple[tuple[str, str], ...]:
    day = _day(source, year)
    held, demand = _membership(person, day), figures.standing("year")
    branch = _line(source.branch(held.branch)) if held else "无"
    roles = [words.ROLE.get(role, role) for role in sorted(person.roles_on(day))]
    return (
        ("姓名", _line(person.name)),
        ("所在党支部", branch if person.membership(day) else f"{branch}（已转出）"),
        ("党员类别", words.STATUS.get(held.status, held.status) if held else "无"),
        ("党内职务", "、".join(roles) or "无"),
        ("年度要求", _amount(demand.target, demand) if demand else "无"),
        ("已认定学时", f"{plain(whole(figures.credits, year))} 学时"),
        ("是否达标", _state(demand) if demand else "不作要求"),
        ("制表日期", source.on.isoformat()),
    )


def _amount(hours: Decimal, standing: Standings) -> str:
    return f"{plain(hours)} {words.UNIT[standing.measure]}"


def _state(standing: Standings) -> str:
    if standing.standing is Standing.EXEMPT:
        return "不作要求"
    return f"还差 {_amount(standing.short, standing)}" if standing.short else "已达标"


def _demand(standing: Standings) -> Demand:
    return Demand(
        _line(standing.requirement.label),
        _amount(standing.target, standing),
        _amount(standing.counted, standing),
        _state(standing),
    )


def _years(source: Source, figures: MemberTotals, year: int) -> Iterator[tuple[str, str]]:
    """Hours of each year of the plan up to this one."""
    window = source.records.policy.periods.get("plan")
    if window is None or window.start is None or window.until is None or not window.start.year <= year:
        return
    for each in range(window.start.year, min(window.until.year, year + 1)):
        yield f"{each} 年", plain(whole(figures.credits, each))


# --- the rows


def _waiting(source: Source, person: Person, year: int) -> list[Study]:
    return [study for _, study in source.waiting(member=person.id) if study.start_date.year == year]


def _studies(listed: Iterable[Credit], waiting: Iterable[Study]) -> list[Study]:
    """Approved records and new ones that wait, in the order of the ledger."""
    found = {credit.study.path: credit.study for credit in listed}
    fresh = {study.path: study for study in waiting}
    return sorted({**fresh, **found}.values(), key=in_order)


def _rows(
    source: Source,
    studies: Sequence[Study],
    listed: Sequence[Credit],
    waiting: Sequence[Study],
    year: int,
    *,
    full: bool,
) -> Iterator[Row]:
    credits = {credit.study.path: credit for credit in listed}
    changing = {study.path for study in waiting}
    for number, study in enumerate(studies, 1):
        credit = credits.get(study.path)
        yield Row(
            number=number,
            record=study.id,
            date=_date(study),
            kind=_line(source.kind(study.kind)),
            title=_line(study.title),
            content=_lines(study.content or "") if full else "",
            place=_place(study),
            time=_time(study),
            hours=plain(_hours(credit, year)) if credit else f"（{plain(study.hours)}）",
            result=_PENDING if credit is None else _CHANGING if study.path in changing else _APPROVED,
        )


def _hours(credit: Credit, year: int) -> Decimal:
    return credit.within(date(year, 1, 1), date(year + 1, 1, 1))


def _date(study: Study) -> str:
    last = study.end_date
    if last is None or last == study.start_date:
        return study.start_date.isoformat()
    shown = f"{last:%m-%d}" if last.year == study.start_date.year else last.isoformat()
    return f"{study.start_date.isoformat()}\n至 {shown}"


def _place(study: Study) -> str:
    level = words.ORGANISER_LEVEL.get(study.organiser_level or "")
    return "，".join(_line(part) for part in (study.organiser or level, study.place) if part)


def _minutes(study: Study) -> int | None:
    """How long it took, as the record says or by the clock; None when it tells neither."""
    if study.duration_minutes is not None:
        return study.duration_minutes
    if study.start_time and study.end_time and len(study.days) == 1:
        begin, end = (datetime.strptime(clock, "%H:%M") for clock in (study.start_time, study.end_time))
        return (end - begin).seconds // 60
    return None


def _time(study: Study) -> str:
    """How long it took; where nobody wrote that down, the hours that were claimed for it."""
    minutes = _minutes(study)
    if minutes is not None:
        return f"{minutes} 分"
    return f"{len(study.days)} 天" if len(study.days) > 1 else f"{plain(study.hours)} 学时"


def _sum_of_times(listed: Sequence[Credit]) -> str:
    minutes = [_minutes(credit.study) for credit in listed]
    return "" if None in minutes or not minutes else f"{sum(m for m in minutes if m is not None)} 分"


def _shots(source: Source, studies: Iterable[Study]) -> Iterator[Shot]:
    for number, study in enumerate(studies, 1):
        title = _line(study.title)
        shown = title if len(title) <= _CAPTION else f"{title[:_CAPTION]}…"
        for picture in study.evidence:
            known = picture.sha256 in source.pictures
            yield Shot(number, study.start_date.isoformat(), shown, picture, study.branch, known)


# --- the notes


def _notes(
    source: Source,
    figures: MemberTotals,
    listed: Sequence[Credit],
    numbers: dict[str, int],
    year: int,
    *,
    pending: bool,
) -> Iterator[str]:
    yield "括号里的学时待审核，不计入合计。" if pending else "只列已通过的记录。"
    told: dict[str, list[int]] = {}
    for credit in listed:
        for why in _less(source, credit, year):
            told.setdefault(why, []).append(numbers[credit.study.path])
    for why, rows in told.items():
        yield f"第 {'、'.join(map(str, rows))} 条{why}。"
    for standing in figures.standings:
        yield from _terms(standing)


def _less(source: Source, credit: Credit, year: int) -> Iterator[str]:
    """Why a record counts otherwise than it claims."""
    if credit.why == "kind-not-counted":
        yield f"为{_line(source.kind(credit.study.kind))}，按规则不计入学时"
    elif credit.why:
        why = _line(source.why(credit.why))
        yield f"申报 {plain(credit.claimed)} 学时，认定 {plain(credit.credited)}：{why}"
    if credit.factor != 1:
        yield f"按 {plain(credit.factor)} 倍折算"
    elsewhere = credit.credited - _hours(credit, year)
    if elsewhere > ZERO:
        yield f"跨年，另有 {plain(elsewhere)} 学时计入其他年度"


def _terms(standing: Standings) -> Iterator[str]:
    label = _line(standing.requirement.label)
    if standing.months and standing.months[0] < standing.months[1]:
        yield f"{label}按月折算，{standing.months[1]} 个月中计 {standing.months[0]} 个月。"
    if standing.figure.carried:
        yield f"{label}含上一周期结转 {plain(standing.figure.carried)} 学时。"
