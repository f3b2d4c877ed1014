"""What a proposal would do to the hours of the members it touches."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

from xueshi.model import Credit, MemberTotals, Person, Policy, RecordSet, Standing, Standings, Study
from xueshi.totals import Approvals, total_of


@dataclass(frozen=True, slots=True)
class Shift:
    """One requirement before and after; None where it does not apply. `crossed`: near | met | fell_back, or empty."""

    before: Standings | None
    after: Standings | None
    crossed: str

    @property
    def changes(self) -> bool:
        """Whether any figure differs."""
        one, other = self.before, self.after
        return (one and (one.figures, one.standing)) != (other and (other.figures, other.standing))


@dataclass(frozen=True, slots=True)
class Effect:
    """One member before and after. `on` is the day both are judged on: today, or the end of an earlier year that the
    records belong to. `before` and `after` are the year's first requirement; `shifts` has every one; `credits` are the
    proposed records as credited, `lost` others of theirs that are credited less because of them."""

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
    """The effect of merging `proposed` as it is, a member at a time; an earlier year is judged as at its end."""
    people = records.people()
    by_member: dict[str, list[Study]] = {}
    for study in proposed:
        by_member.setdefault(study.member, []).append(study)
    found = []
    for member, studies in by_member.items():
        # Only this member's records matter.
        own = {path: study for path, study in records.studies.items() if study.member == member}
        day = min(on, date(max(s.start_date for s in studies).year, 12, 31))
        small = replace(records, studies=own)
        merged = replace(records, studies={**own, **{s.path: s for s in studies}})
        paths = {study.path for study in studies}
        person, pair, rules = people.get(member), (small, merged), (policy, policy)
        found.append(_compared(person, member, pair, rules, approvals, paths, day, person))
    return tuple(found)


def effect_of_rules(
    before: RecordSet,
    after: RecordSet,
    approvals: Approvals,
    members: Iterable[str],
    on: date,
    later: Approvals | None = None,
) -> tuple[Effect, ...]:
    """The effect of other rosters, units or rules on these members; the records are the same. `later`: the approvals
    that there will be, where other addresses, desks or another baseline change them too."""
    by_member: dict[str, dict[str, Study]] = {}
    for path, study in before.studies.items():
        by_member.setdefault(study.member, {})[path] = study
    people, then = before.people(), after.people()
    found = []
    for member in members:
        own = by_member.get(member, {})
        pair = (replace(before, studies=own), replace(after, studies=own))
        old, new = people.get(member), then.get(member)
        one = _compared(old, member, pair, (before.policy, after.policy), approvals, (), on, new, later)
        if any(shift.changes for shift in one.shifts):
            found.append(one)
    return tuple(found)


def _compared(
    person: Person | None,
    member: str,
    pair: tuple[RecordSet, RecordSet],
    policies: tuple[Policy, Policy],
    approvals: Approvals,
    paths: Collection[str],
    day: date,
    new: Person | None,
    later: Approvals | None = None,
) -> Effect:
    nobody = Person(member, member, (), (), ())
    known = frozenset(path for path in pair[0].studies if path in approvals)
    then = known if later is None else frozenset(path for path in pair[1].studies if path in later)
    before = total_of(pair[0], policies[0], known, person or nobody, day)
    after = total_of(pair[1], policies[1], then | set(paths), new or nobody, day)
    return _effect(member, day, before, after, paths)


def _effect(
    member: str, day: date, before: MemberTotals, after: MemberTotals, paths: Collection[str]
) -> Effect:
    names = dict.fromkeys(s.requirement.id for s in (*before.standings, *after.standings))
    shifts = [Shift(b := before.of(name), a := after.of(name), crossed(b, a)) for name in names]
    was = {credit.study.path: credit for credit in before.credits}
    lost = (c for c in after.credits if c.study.path not in paths and c.credited < was[c.study.path].credited)
    return Effect(
        member,
        day,
        before.standing("year"),
        after.standing("year"),
        tuple(shifts),
        tuple(c for c in after.credits if c.study.path in paths),
        tuple(lost),
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
