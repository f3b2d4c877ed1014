"""Records × policy × approvals → Totals. Pure and exact; every number keeps the records and the rule behind it.

What the numbers mean is defined in docs/rules.md."""

from __future__ import annotations

from datetime import date
from itertools import islice

from xueshi.model import Credit, MemberTotals, Organisation, Person, Policy, RecordSet, Study, Totals
from xueshi.totals.credit import Approvals, Context, credits
from xueshi.totals.standing import Case, share_target, standings

__all__ = ["Approvals", "total", "total_of"]


def total(
    records: RecordSet, policy: Policy, approvals: Approvals, on: date, *, period: str | None = None
) -> Totals:
    """All figures as of `on`: everybody on any roster, and records of members on none. `approvals` are the paths of the
    records whose newest version is approved. With `period` everybody's only standing is the first over it: for whoever
    asks of many days how everybody stood."""
    by_member: dict[str, list[Study]] = {}
    for study in records.studies.values():
        by_member.setdefault(study.member, []).append(study)
    people = records.people()
    members = {
        member: _member(
            person, by_member.get(member, []), policy, records.organisation, approvals, on, period
        )
        for member, person in people.items()
    }
    strangers: list[Credit] = []
    for member in sorted(by_member.keys() - people.keys()):
        nobody = Person(member, member, (), (), ())
        strangers += _credits(nobody, by_member[member], policy, records.organisation, approvals, on)
    return Totals(on, members, tuple(strangers))


def total_of(
    records: RecordSet, policy: Policy, approvals: Approvals, person: Person, on: date
) -> MemberTotals:
    """The figures of one person; the records of others are not looked at."""
    studies = [study for study in records.studies.values() if study.member == person.id]
    return _member(person, studies, policy, records.organisation, approvals, on)


def _credits(
    person: Person,
    studies: list[Study],
    policy: Policy,
    organisation: Organisation,
    approvals: Approvals,
    on: date,
) -> tuple[Credit, ...]:
    shares: dict[tuple[str, date], object] = {}
    bare = Case(person, policy, organisation, ())

    def share(requirement: str, day: date) -> object:
        if (requirement, day) not in shares:
            shares[requirement, day] = share_target(bare, requirement, day)
        return shares[requirement, day]

    return credits(studies, Context(policy, approvals, on, share))  # type: ignore[arg-type]


def _member(
    person: Person,
    studies: list[Study],
    policy: Policy,
    organisation: Organisation,
    approvals: Approvals,
    on: date,
    period: str | None = None,
) -> MemberTotals:
    ledger = _credits(person, studies, policy, organisation, approvals, on)
    held, case = person.membership(on), Case(person, policy, organisation, ledger)
    rules = (rule for rule in policy.requirements if period in (None, rule.period))
    asked = (standings(case, rule, on) for rule in rules)
    found = islice((s for s in asked if s is not None), None if period is None else 1)
    return MemberTotals(person, held.branch if held else None, ledger, tuple(found))
