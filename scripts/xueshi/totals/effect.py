"""What a proposal would do to the hours of the members it touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from xueshi.model import Credit, MemberTotals, Policy, RecordSet, Standing, Standings, Study
from xueshi.totals import Approvals, total_of


@dataclass(frozen=True, slots=True)
class Shift:
    """One requirement before and after; None where it does not apply. `crossed`: near | met | fell_back, or empty."""

    before: Standings | None
    after: Standings | None
    crossed: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One member before and after. `on` is the day both are judged on: today, or the end of an earlier year that the
    records belong to. `before` and `after` are the year's first requirement; `shifts` has every one; `credits` are the
    proposed records as credited, `lost` those of others on main that are credited less because of them."""

    member: str
    on: date
    before: Standings | None
    after: Standings | None
    shifts: tuple[Shift, ...]
    credits: tuple[Credit, ...]
    lost: tuple[Credit, ...] = ()


def effect(
    records: RecordSet, policy: Policy, approvals: Approvals, proposed: Iterable[Study], on: date
) -> tuple[Effect, ...]:
    """The effect of merging `proposed` as it is, a member at a time."""
    people = records.people()
    by_member: dict[str, list[Study]] = {}
    for study in proposed:
        by_member.setdefault(study.member, []).append(study)
    found = []
    for member, studies in by_member.items():
        # Only this member's records matter, and an earlier year is judged as at its end.
        own = {path: study for path, study in records.studies.items() if study.member == member}
        day = min(on, date(max(s.start_date for s in studies).year, 12, 31))
        merged = {**own, **{s.path: s for s in studies}}
        known = frozenset(path for path in own if path in approvals)
        person = people.get(member)
        if person is None:
            found.append(Effect(member, day, None, None, (), ()))
            continue
        before = total_of(replace(records, studies=own), policy, known, person, day)
        trusted = known | {study.path for study in studies}
        after = total_of(replace(records, studies=merged), policy, trusted, person, day)
        found.append(_effect(member, day, before, after, {study.path for study in studies}))
    return tuple(found)


def _effect(member: str, day: date, before: MemberTotals, after: MemberTotals, paths: set[str]) -> Effect:
    names = dict.fromkeys(s.requirement.id for s in (*before.standings, *after.standings))
    shifts = [Shift(b := before.of(name), a := after.of(name), crossed(b, a)) for name in names]
    was = {credit.study.path: credit for credit in before.credits}
    return Effect(
        member,
        day,
        before.standing("year"),
        after.standing("year"),
        tuple(shifts),
        tuple(c for c in after.credits if c.study.path in paths),
        tuple(
            c for c in after.credits if c.study.path not in paths and c.credited < was[c.study.path].credited
        ),
    )


_LEVEL = {Standing.MET: 2, Standing.NEAR: 1}


def crossed(before: Standings | None, after: Standings | None) -> str:
    """The threshold that lies between two standings of one requirement: near | met | fell_back, or empty."""
    if before is None or after is None or Standing.EXEMPT in (before.standing, after.standing):
        return ""
    old, new = _LEVEL.get(before.standing, 0), _LEVEL.get(after.standing, 0)
    if new == old:
        return ""
    return "fell_back" if new < old else ("met" if new == 2 else "near")
