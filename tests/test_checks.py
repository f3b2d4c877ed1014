"""Every rule lets a sound record pass and names a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from conftest import School

from xueshi import checks, records
from xueshi.model import SHANGHAI, Evidence, Membership, RecordSet, Selector, Study, Void

TODAY = date(2026, 11, 19)
PICTURE = Evidence("a" * 64, "b" * 64, 1000, 100, 100)


@pytest.fixture
def sound(school: School) -> RecordSet:
    school.merge(school.propose(school.study()))
    return records.load(school.repo, "main")


def only(found: RecordSet) -> Study:
    (study,) = found.studies.values()
    return study


def with_study(**changes: object) -> Callable[[RecordSet], RecordSet]:
    def change(found: RecordSet) -> RecordSet:
        study = replace(only(found), **changes)  # type: ignore[arg-type]
        return replace(found, studies={study.path: study})

    return change


def twin(found: RecordSet) -> RecordSet:
    first = only(found)
    last = "0" if first.id[-1] != "0" else "1"
    second = replace(first, id=first.id[:-1] + last, path=first.path.replace(first.id, first.id[:-1] + last))
    return replace(found, studies={first.path: first, second.path: second})


def same_id(found: RecordSet) -> RecordSet:
    first = only(found)
    path = first.path.replace("/jg1/", "/yjs/")
    return replace(
        found, studies={first.path: first, path: replace(first, path=path, branch="yjs", member="m0006")}
    )


def unit(**changes: object) -> Callable[[RecordSet], RecordSet]:
    def change(found: RecordSet) -> RecordSet:
        units = found.organisation.units
        moved = (units[0], replace(units[1], **changes), *units[2:])  # type: ignore[arg-type]
        return replace(found, organisation=replace(found.organisation, units=moved))

    return change


def roster_elsewhere(found: RecordSet) -> RecordSet:
    return replace(
        found, rosters={**found.rosters, "nope": replace(found.rosters["jg1"], branch="nope", members=())}
    )


def in_two_branches(found: RecordSet) -> RecordSet:
    entry = replace(
        found.rosters["jg1"].members[0], periods=(Membership("yjs", date(2026, 1, 1), None, "full"),)
    )
    yjs = found.rosters["yjs"]
    return replace(found, rosters={**found.rosters, "yjs": replace(yjs, members=(*yjs.members, entry))})


def twice_on_roster(found: RecordSet) -> RecordSet:
    jg1 = found.rosters["jg1"]
    return replace(
        found, rosters={**found.rosters, "jg1": replace(jg1, members=(*jg1.members, jg1.members[0]))}
    )


def unknown_reviewer(found: RecordSet) -> RecordSet:
    first, *rest = found.organisation.reviewers
    reviewers = (replace(first, member="m9999"), *rest)
    return replace(found, organisation=replace(found.organisation, reviewers=reviewers))


def unknown_selector(found: RecordSet) -> RecordSet:
    who = {**found.policy.who, "odd": Selector("odd", include="nobody")}
    return replace(found, policy=replace(found.policy, who=who))


WRONG: dict[str, Callable[[RecordSet], RecordSet]] = {
    "path-and-id-agree": with_study(id="01KJYKG9Z08M4T0V2N9X5B7CDE"),
    "branch-is-known": with_study(branch="zz"),
    "member-is-on-roster": with_study(member="m0006"),
    "kind-is-known": with_study(kind="nothing"),
    "date-is-not-in-future": with_study(start_date=date(2026, 12, 5)),
    "date-is-in-plan": with_study(start_date=date(2023, 12, 31)),
    "dates-are-in-order": with_study(end_date=date(2026, 2, 1)),
    "hours-fit-the-days": with_study(hours=Decimal(26)),
    "day-is-within-cap": with_study(hours=Decimal(10)),
    "evidence-exists": with_study(evidence=(PICTURE,)),
    "people-named-exist": with_study(void=Void("m9999", datetime(2026, 3, 2, tzinfo=SHANGHAI), "错")),
    "ids-are-unique": same_id,
    "same-event-once": twin,
    "units-form-a-tree": unit(parent="nowhere"),
    "rosters-have-a-branch": roster_elsewhere,
    "roster-periods-are-in-order": in_two_branches,
    "members-stand-once": twice_on_roster,
    "reviewers-are-members": unknown_reviewer,
    "policy-names-exist": unknown_selector,
}


def test_every_rule_has_a_failing_case() -> None:
    assert set(WRONG) == {checks.rule_id(rule) for rule in checks.RULES}


def test_a_sound_record_passes_every_rule(sound: RecordSet) -> None:
    assert checks.check(sound, TODAY, frozenset()) == ()


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_one_is_named(sound: RecordSet, rule: str) -> None:
    found = [p for p in checks.check(WRONG[rule](sound), TODAY, frozenset()) if p.rule == rule]
    assert found and all(p.path.startswith("records/") and p.message for p in found)


def test_a_change_may_not_move_a_record_to_another_member(sound: RecordSet) -> None:
    head = with_study(member="m0003")(sound)
    rules = {p.rule for p in checks.check_change(sound, head, set(head.studies), today=TODAY)}
    assert rules == {"identity-never-changes", "changes-say-why"}


def test_a_record_may_not_be_deleted(sound: RecordSet) -> None:
    path = only(sound).path
    head = replace(sound, studies={}, blobs={p: b for p, b in sound.blobs.items() if p != path})
    assert [p.rule for p in checks.check_change(sound, head, {path}, today=TODAY)] == ["nothing-is-deleted"]


def test_a_proposal_keeps_to_one_branch_and_to_records(sound: RecordSet) -> None:
    head = same_id(sound)
    changed = {*head.studies, "records/policy.yaml"}
    rules = {p.rule for p in checks.check_change(sound, head, changed, today=TODAY)}
    assert {"touches-one-branch", "only-records-change"} <= rules
