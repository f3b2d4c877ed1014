"""Totals → what the manifest of a closed year says, and what has become different since. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from xueshi.model import ClosedMember, Closing, History, MemberTotals, RecordSet, Study, Totals, years
from xueshi.words import plain


def of_year(studies: Iterable[Study], year: int) -> list[Study]:
    """The records that belong to a year, in the order of their paths."""
    return sorted((study for study in studies if year in years(study)), key=lambda study: study.path)


def manifest(
    standing: RecordSet, history: History, figures: Totals, year: int, by: str, at: datetime
) -> dict[str, Any]:
    """records/closed-<year>.yaml as plain values: every record of the year by its hash, every member's figures."""
    listed: dict[str, dict[str, str]] = {}
    for study in of_year(standing.studies.values(), year):
        listed.setdefault(study.branch, {})[study.id] = standing.blobs[study.path]
    members = {member: _closed(m, year) for member, m in sorted(figures.members.items())}
    return {
        "schema": "closing/1",
        "year": year,
        "commit": history.tip,
        "policy": standing.blobs["records/policy.yaml"],
        "closed": {"by": by, "at": at.isoformat(timespec="seconds")},
        "records": listed,
        "totals": {member: _plain(closed) for member, closed in members.items() if closed is not None},
        "adjustments": [],
    }


def differences(closing: Closing, figures: Totals) -> tuple[tuple[str, str, bool], ...]:
    """Members whose year would be figured otherwise today than it was closed: id, what differs in words, and whether
    the year was opened again for them. `figures` are those of 31 December of the year by today's records and rules."""
    open_to, found = closing.adjusted(), []
    for member in sorted(closing.totals.keys() | figures.members.keys()):
        then, today = closing.totals.get(member), figures.members.get(member)
        now = _closed(today, closing.year) if today is not None else None
        if then != now:
            found.append((member, _told(then, now), member in open_to))
    return tuple(found)


def shifted(before: Totals, after: Totals, year: int) -> tuple[tuple[str, str], ...]:
    """Members whose year these figures, both of its 31 December, give otherwise: id, and what differs in words."""
    found = []
    for member in sorted(before.members.keys() | after.members.keys()):
        one, other = (
            _closed(side.members[member], year) if member in side.members else None
            for side in (before, after)
        )
        if one != other:
            found.append((member, _told(one, other, ("原来", "改后"))))
    return tuple(found)


def _told(
    then: ClosedMember | None, now: ClosedMember | None, names: tuple[str, str] = ("结账时", "现在算出")
) -> str:
    if then and now and then.hours == now.hours:
        return "学时相同，要求或结论不同"
    before, after = (f"{one.hours} 学时" if one else "无" for one in (then, now))
    return f"{names[0]} {before}，{names[1]} {after}"


def _closed(member: MemberTotals, year: int) -> ClosedMember | None:
    """A member's year; None for one whom nothing was asked of and who has nothing."""
    hours = member.hours(date(year, 1, 1), date(year + 1, 1, 1))
    if not hours and not member.standings:
        return None
    asked = {s.requirement.id: (plain(s.target), plain(s.counted), str(s.standing)) for s in member.standings}
    return ClosedMember(plain(hours), asked)


def _plain(closed: ClosedMember) -> dict[str, Any]:
    names = ("target", "counted", "standing")
    asked = {name: dict(zip(names, told, strict=True)) for name, told in closed.requirements.items()}
    return {"hours": closed.hours, "requirements": asked}
