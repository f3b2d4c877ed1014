"""RecordSet × policy × totals → how every party organisation stands against the policy's norms. Pure.

An organisation is asked on a day, by the rosters, terms and counted records of that day."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from xueshi.model import (
    Credit,
    MemberTotals,
    Norm,
    Period,
    Policy,
    RecordSet,
    Standing,
    Study,
    Term,
    Totals,
    Unit,
    Where,
    add_months,
    contains,
)

OK, SHORT, DUE, OVERDUE, UNKNOWN = "ok", "short", "due", "overdue", "unknown"
Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Finding:
    """One norm for one unit. `value` and `required` are words; `details` say what is missing, with ids and no names.

    `verdict`: ok | short (not fulfilled) | due (still open, or a term that ends soon) | overdue | unknown (what it is
    judged by is not written down)."""

    unit: str
    norm: str
    label: str
    value: str
    required: str
    verdict: str
    severity: str
    source: str
    details: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether somebody has to act: short or overdue."""
        return self.verdict in (SHORT, OVERDUE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one measure says of one unit."""

    value: str
    required: str
    verdict: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """One unit on a day, with everything in the branches at and below it."""

    unit: Unit
    policy: Policy
    on: date
    full: frozenset[str]
    members: frozenset[str]
    totals: tuple[MemberTotals, ...]
    credits: tuple[Credit, ...]
    began: date | None  # its first membership

    @property
    def year(self) -> Span:
        return date(self.on.year, 1, 1), date(self.on.year + 1, 1, 1)

    def is_over(self, end: date) -> bool:
        """Whether a span with this exclusive end is over by the end of the day."""
        return end <= self.on + timedelta(1)

    def term(self) -> Term | None:
        """The newest term that has begun: also one past its end, until another one begins."""
        return max((t for t in self.unit.terms if t.start <= self.on), key=lambda t: t.start, default=None)


def checkup(records: RecordSet, policy: Policy, totals: Totals, on: date) -> tuple[Finding, ...]:
    """Every norm in force on `on` for every unit it is for, in the order of the organisation, then of the policy.

    `totals` are those of the same records and day."""
    places = _places(records, policy, totals, on)
    return tuple(_finding(norm, place) for place in places for norm in policy.norms if _is_asked(norm, place))


def _is_asked(norm: Norm, place: _Place) -> bool:
    """Whether the norm is in force and for this unit; a committee whose size is not written is taken for none."""
    when, full, term = norm.when, len(place.full), place.term()
    return (
        norm.enabled
        and contains(norm.start, norm.until, place.on)
        and place.unit.kind in norm.subject
        and (not when.type or place.unit.type in when.type)
        and (when.min_full_members is None or full >= when.min_full_members)
        and (when.max_full_members is None or full <= when.max_full_members)
        and (when.has_committee is None or bool(term and term.committee_size) == when.has_committee)
    )


def _finding(norm: Norm, place: _Place) -> Finding:
    measure = MEASURES.get(norm.measure)
    told = measure(norm, place) if measure else _Answer("无法判断", "", UNKNOWN)
    return Finding(
        place.unit.id, norm.id, norm.label, told.value, told.required, told.verdict, norm.severity, norm.source,
        told.details,
    )  # fmt: skip


def _places(records: RecordSet, policy: Policy, totals: Totals, on: date) -> Iterable[_Place]:
    organisation = records.organisation
    by_branch: dict[str, list[Credit]] = {}
    for credit in totals.credits():
        by_branch.setdefault(credit.study.branch, []).append(credit)
    held = [(m.person.id, s) for m in totals.members.values() for s in m.person.memberships]
    for unit in organisation.units:
        below = {branch.id for branch in organisation.branches() if unit.id in organisation.above(branch.id)}
        own = [(member, span) for member, span in held if span.branch in below]
        now = [(member, span.status) for member, span in own if contains(span.start, span.until, on)]
        yield _Place(
            unit=unit,
            policy=policy,
            on=on,
            full=frozenset(member for member, status in now if status == "full"),
            members=frozenset(member for member, status in now if status in ("full", "probationary")),
            totals=tuple(m for m in totals.members.values() if m.branch in below),
            credits=tuple(credit for branch in sorted(below) for credit in by_branch.get(branch, ())),
            began=min((span.start for _, span in own), default=None),
        )


# --- how many


def _range(norm: Norm, unit: str) -> str:
    """The norm's bounds in words."""
    low = f"不少于 {norm.min} {unit}" if norm.min is not None else ""
    high = f"不超过 {norm.max} {unit}" if norm.max is not None else ""
    return "，".join(part for part in (low, high) if part) or "没有写数量"


def _is_within(norm: Norm, count: int) -> bool:
    return (norm.min is None or count >= norm.min) and (norm.max is None or count <= norm.max)


def _count(norm: Norm, count: int, unit: str, details: Iterable[str] = ()) -> _Answer:
    verdict = OK if _is_within(norm, count) else SHORT
    return _Answer(f"{count} {unit}", _range(norm, unit), verdict, tuple(details))


def _members(norm: Norm, place: _Place) -> _Answer:
    """Full and probationary members, the exempt among them."""
    return _count(norm, len(place.members), "人")


def _full_members(norm: Norm, place: _Place) -> _Answer:
    """Full members only; a probationary one is told beside and never counts."""
    others = len(place.members - place.full)
    details = [f"另有预备党员 {others} 人，不计入"] if others else []
    told = _count(norm, len(place.full), "人")
    if told.verdict == SHORT and norm.min is not None and len(place.full) < norm.min:
        details.append(
            "已是联合党支部，可再联合邻近单位，一般不超过 5 个单位"
            if place.unit.type == "joint"
            else "可与邻近单位成立联合党支部，一般不超过 5 个单位"
        )
    return replace(told, details=tuple(details))


def _committee_size(norm: Norm, place: _Place) -> _Answer:
    term = place.term()
    if term is None or term.committee_size is None:
        cure = "请在 organisation.yaml 的 terms 写上 committee_size"
        return _Answer("没有登记委员人数", _range(norm, "人"), UNKNOWN, (cure,))
    return _count(norm, term.committee_size, "人")


def _behind(norm: Norm, place: _Place) -> _Answer:
    """Members behind in any requirement over a calendar year."""
    found: dict[str, list[str]] = {}
    for member in place.totals:
        for s in member.standings:
            if s.standing is Standing.BEHIND and _is_yearly(place.policy, s.requirement.period):
                found.setdefault(member.person.id, []).append(s.requirement.id)
    return _count(norm, len(found), "人", (f"{member}：{'、'.join(ids)}" for member, ids in found.items()))


def _is_yearly(policy: Policy, period: str) -> bool:
    return period in policy.periods and policy.periods[period].type == "calendar_year"


# --- term


def _term(norm: Norm, place: _Place) -> _Answer:
    years = norm.term_years
    required = f"任期 {years} 年" if years else "按期换届"
    required += f"，期满前 {norm.remind_months} 个月提醒、{norm.apply_months} 个月请示"
    term = place.term()
    end = (term.until or (add_months(term.start, 12 * years) if years else None)) if term else None
    if term is None or end is None:
        return _Answer("没有登记任期", required, UNKNOWN, ("请在 organisation.yaml 写上 terms",))
    verdict, details = OK, []
    if years and end > (most := add_months(term.start, 12 * years)):
        verdict = SHORT
        details.append(f"任期比 {years} 年长（应到 {_last(most)}），延期一般不超过 1 年")
    if end <= place.on:
        verdict = OVERDUE
        details.append(f"任期已满，超期 {(place.on - end).days + 1} 天，还没有登记新的任期")
    elif add_months(end, -norm.remind_months) <= place.on:
        verdict = verdict if verdict == SHORT else DUE
        details.append(_application(add_months(end, -norm.apply_months), end, place.on))
    return _Answer(f"{term.start} 至 {_last(end)}", required, verdict, tuple(details))


def _application(apply: date, end: date, on: date) -> str:
    """When the branch applies for its election."""
    left = f"还有 {(end - on).days} 天期满"
    return f"{left}，请在 {apply} 前请示" if on < apply else f"{left}，应在 {apply} 前请示，请尽快"


def _last(until: date) -> date:
    return until - timedelta(1)


# --- what was held


_MONTHS = {"calendar_month": 1, "calendar_quarter": 3, "calendar_year": 12}
_EACH = {"calendar_month": "每月", "calendar_quarter": "每季度", "calendar_year": "每年", "window": ""}


def _events(norm: Norm, place: _Place) -> _Answer:
    """Different events in each period of the year, by activity, else by first day and title.

    A period must have what it needs once it is over; the one in which the unit or the norm began need not."""
    yearly = Period("", "calendar_year")
    period = place.policy.periods.get(norm.period) if norm.period else yearly
    if period is None or period.type not in _EACH:
        why = f"周期 {norm.period} 不能用于活动次数"
        return _Answer("无法判断", _range(norm, "次"), UNKNOWN, (why,))
    held = _held(norm.where, place)
    begin = max(place.year[0], norm.start, place.began or place.year[0])
    spans = _spans(period, begin, place.on)
    counts = {span: sum(span[0] <= day < span[1] for day in held) for span in spans}
    lacking = [span for span in spans if not _is_within(norm, counts[span])]
    # More than allowed is no longer mended by time; too few still may be.
    closed = [s for s in lacking if place.is_over(s[1]) or (norm.max is not None and counts[s] > norm.max)]
    missed = [s for s in closed if s[0] >= begin or period.type == "window"]
    opened = [s for s in lacking if s not in closed]
    details = [f"{_named(s, period)}：{counts[s]} 次" for s in missed]
    details += [f"{_named(s, period)}：{counts[s]} 次，还没有结束" for s in opened]
    value = _reached(period, sum(counts.values()), len(spans) - len(lacking), len(missed))
    verdict = SHORT if missed else DUE if opened else OK
    return _Answer(value, _EACH[period.type] + _range(norm, "次"), verdict, tuple(details))


def _reached(period: Period, events: int, reached: int, missed: int) -> str:
    """How many of the periods asked for have what they need; of a long one, its count."""
    word = {"calendar_month": "个月", "calendar_quarter": "个季度"}.get(period.type)
    if word is None:
        return f"{events} 次"
    asked = reached + missed
    return f"{asked} {word}中 {reached} {word}达到" if asked else "本期还没有"


def _spans(period: Period, begin: date, on: date) -> list[Span]:
    """The periods from the one that holds `begin` to the one that holds `on`."""
    if period.type == "window":
        inside = period.start and period.until and contains(period.start, period.until, on)
        return [(period.start, period.until)] if inside and period.start and period.until else []
    months = _MONTHS[period.type]
    start = date(begin.year, (begin.month - 1) // months * months + 1, 1)
    found = []
    while start <= on:
        found.append((start, add_months(start, months)))
        start = add_months(start, months)
    return found


def _named(span: Span, period: Period) -> str:
    start = span[0]
    if period.type == "calendar_month":
        return f"{start.year} 年 {start.month} 月"
    if period.type == "calendar_quarter":
        return f"{start.year} 年第 {(start.month + 2) // 3} 季度"
    return f"{start.year} 年" if period.type == "calendar_year" else f"{start} 至 {_last(span[1])}"


def _held(where: Where, place: _Place) -> list[date]:
    """The first day of every different event among the counted records of known kinds up to the day."""
    studies = [c.study for c in place.credits if _is_meant(c, where, place.policy)]
    activities = {_event(study): study.activity for study in studies if study.activity}
    events: dict[object, date] = {}
    for study in studies:
        # One who named no activity was at the one of that day and title.
        key = study.activity or activities.get(_event(study)) or _event(study)
        events[key] = min(study.start_date, events.get(key, study.start_date))
    return sorted(events.values())


def _is_meant(credit: Credit, where: Where, policy: Policy) -> bool:
    """A record that a cap cut to nothing is one of something held all the same."""
    kind = policy.kinds.get(credit.study.kind)
    if credit.state != "counted" or kind is None or credit.why == "future":
        return False
    return where.matches(credit.study, kind.on(credit.study.start_date))


def _event(study: Study) -> tuple[str, date, str]:
    """An event told by its branch, first day and title, but for marks, spaces, widths and cases."""
    flat = unicodedata.normalize("NFKC", study.title).casefold()
    return study.branch, study.start_date, "".join(ch for ch in flat if ch.isalnum()) or study.title


def _kinds(norm: Norm, place: _Place) -> _Answer:
    """Kinds of study without an hour this year (of those named, or of all that count); open until the year is over."""
    known = place.policy.kinds
    asked = norm.where.kind or tuple(kind.id for kind in known.values() if kind.on(place.on).counts)
    start, until = place.year
    having = {c.study.kind for c in place.credits if any(start <= day < until for day, _ in c.parts)}
    missing = [kind for kind in asked if kind not in having]
    told = _count(norm, len(missing), "种", (known[k].label if k in known else k for k in missing))
    verdict = DUE if told.verdict == SHORT and not place.is_over(until) else told.verdict
    return replace(told, value=f"{len(missing)} 种没有学时", verdict=verdict)


MEASURES: Mapping[str, Callable[[Norm, _Place], _Answer]] = {
    "members": _members,
    "full_members": _full_members,
    "committee_size": _committee_size,
    "term": _term,
    "events": _events,
    "kinds": _kinds,
    "behind": _behind,
}
