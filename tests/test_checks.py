"""Every rule lets a sound record pass and names a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from conftest import School

from xueshi import checks, records
from xueshi.checks.closing import closed_years_keep_their_figures
from xueshi.checks.proposal import Proposed
from xueshi.model import (
    SHANGHAI,
    Cap,
    Change,
    Closing,
    Desk,
    Evidence,
    Held,
    History,
    Kept,
    Keys,
    Membership,
    Norm,
    Picture,
    RecordSet,
    Root,
    Selector,
    Span,
    Study,
    Version,
    Void,
)

TODAY = date(2026, 11, 19)
DAY = date(2024, 1, 1)
PICTURE = Evidence("a" * 64, "b" * 64, 1000, 100, 100)
SWAPPED, TELLING = replace(PICTURE, sha256="c" * 64), replace(PICTURE, sha256="d" * 64)
KEPT = Kept(
    frozenset({SWAPPED.sha256, TELLING.sha256}),
    pictures={
        SWAPPED.sha256: Picture("e" * 64, 1000, "WEBP", 100, 100),
        TELLING.sha256: Picture(TELLING.sha256, 1000, "WEBP", 100, 100, ("exif",)),
    },
)


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


def twin(**changes: object) -> Callable[[RecordSet], RecordSet]:
    def change(found: RecordSet) -> RecordSet:
        first = replace(only(found), evidence=(PICTURE,), start_time="14:30", end_time="16:30")
        last = "0" if first.id[-1] != "0" else "1"
        path = first.path.replace(first.id, first.id[:-1] + last)
        second = replace(first, id=first.id[:-1] + last, path=path, **changes)  # type: ignore[arg-type]
        return replace(found, studies={first.path: first, second.path: second})

    return change


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


def with_two_names(found: RecordSet) -> RecordSet:
    moved = replace(in_two_branches(found).rosters["yjs"].members[-1], name="另一个人")
    yjs = found.rosters["yjs"]
    return replace(found, rosters={**found.rosters, "yjs": replace(yjs, members=(*yjs.members, moved))})


def organisation(**changes: object) -> Callable[[RecordSet], RecordSet]:
    return lambda found: replace(found, organisation=replace(found.organisation, **changes))  # type: ignore[arg-type]


def unknown_reviewer(found: RecordSet) -> RecordSet:
    first, *rest = found.organisation.reviewers
    reviewers = (replace(first, member="m9999"), *rest)
    return replace(found, organisation=replace(found.organisation, reviewers=reviewers))


def unknown_selector(found: RecordSet) -> RecordSet:
    who = {**found.policy.who, "odd": Selector("odd", include="nobody")}
    return replace(found, policy=replace(found.policy, who=who))


def policy(**changes: object) -> Callable[[RecordSet], RecordSet]:
    return lambda found: replace(found, policy=replace(found.policy, **changes))  # type: ignore[arg-type]


def twice_in_force(found: RecordSet) -> RecordSet:
    first = found.policy.requirements[0]
    return policy(requirements=(first, replace(first, start=date(2026, 1, 1))))(found)


CLOSING = Closing(2026, "a" * 40, "b" * 40, "m0005", datetime(2027, 1, 5, tzinfo=SHANGHAI), {}, {})


def closed_otherwise(found: RecordSet) -> RecordSet:
    return replace(
        found, closings={2026: CLOSING}, blobs={**found.blobs, "records/closed-2026.yaml": "c" * 40}
    )


def links(*held: Held) -> Callable[[RecordSet], RecordSet]:
    return lambda found: replace(found, keys=Keys(readers=held))


ROOT_2026 = Root("link", "2026", "0123456789abcdef")


def root_replaced(base: RecordSet) -> Proposed:
    path = "records/keys.yaml"
    other = replace(ROOT_2026, fingerprint="f" * 16)
    head = replace(base, keys=Keys(roots=(other,)), blobs={**base.blobs, path: "k" * 40})
    return proposal(replace(base, keys=Keys(roots=(ROOT_2026,))), head, path)


def link_back(base: RecordSet) -> Proposed:
    path = "records/keys.yaml"
    head = replace(base, keys=Keys(), blobs={**base.blobs, path: "k" * 40})
    return proposal(links(Held("member", "m0012", 1))(base), head, path)


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
    "late-entry": with_study(start_date=date(2025, 12, 1)),
    "hours-agree-with-duration": with_study(duration_minutes=60),
    "kind-needs-its-fields": with_study(kind="off_job"),
    "evidence-exists": with_study(evidence=(PICTURE,)),
    "picture-is-what-it-says": with_study(evidence=(SWAPPED,)),
    "picture-carries-no-metadata": with_study(evidence=(TELLING,)),
    "title-is-not-blank": with_study(title="\u200b"),
    "moments-are-past": with_study(void=Void("m0003", datetime(2026, 11, 21, tzinfo=SHANGHAI), "错")),
    "replaces-another-record": with_study(replaces="01KJYKG9Z08M4T0V2N9X5B7CDE"),
    "people-named-exist": with_study(void=Void("m9999", datetime(2026, 3, 2, tzinfo=SHANGHAI), "错")),
    "ids-are-unique": same_id,
    "same-event-once": twin(start_time=None, end_time=None),
    "times-do-not-overlap": twin(title="读书分享会", start_time="16:00", end_time="17:00"),
    "picture-of-one-day": twin(start_date=date(2026, 2, 1)),
    "units-form-a-tree": unit(parent="nowhere"),
    "somebody-can-decide": organisation(reviewers=()),
    "organisation-spans-are-in-order": organisation(desks=(Desk("a@b.c", DAY, DAY),)),
    "desks-have-their-own-address": organisation(desks=(Desk("weicn@example.invalid", DAY, None),)),
    "one-id-is-one-person": with_two_names,
    "rosters-have-a-branch": roster_elsewhere,
    "roster-periods-are-in-order": in_two_branches,
    "members-stand-once": twice_on_roster,
    "reviewers-are-members": unknown_reviewer,
    "policy-names-exist": policy(caps=(Cap("odd", "term", Decimal(1), DAY, None),)),
    "policy-groups-are-sound": unknown_selector,
    "policy-spans-are-in-order": twice_in_force,
    "closing-stands": closed_otherwise,
    "readers-of-links-are-known": links(Held("member", "m9999", 1)),
    "links-stand-once": links(Held("member", "m0012", 1), Held("member", "m0012", 2)),
    "roots-stand-once": lambda found: replace(found, keys=Keys(roots=(ROOT_2026, ROOT_2026))),
    "epochs-are-not-ahead": lambda found: replace(found, keys=Keys(link="2030")),
    "policy-rules-are-whole": policy(norms=(Norm("n", "体检", ("branch",), "members", DAY, None, "x"),)),
}


def test_every_rule_has_a_failing_case() -> None:
    assert set(WRONG) == {checks.rule_id(rule) for rule in checks.RULES}


def test_a_sound_record_passes_every_rule(sound: RecordSet) -> None:
    assert checks.check(sound, TODAY, KEPT) == ()


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_one_is_named(sound: RecordSet, rule: str) -> None:
    found = [p for p in checks.check(WRONG[rule](sound), TODAY, KEPT) if p.rule == rule]
    assert found and all(p.path.startswith("records/") and p.message for p in found)


# --- proposed changes


def proposal(base: RecordSet, head: RecordSet, *more: str, **facts: object) -> Proposed:
    changed = {p for p in {*base.studies, *head.studies} if base.studies.get(p) != head.studies.get(p)}
    return Proposed(base, head, {*changed, *more}, TODAY, **facts)  # type: ignore[arg-type]


def changed_study(base: RecordSet, **changes: object) -> Proposed:
    return proposal(base, with_study(**changes)(base))


def new_rules(base: RecordSet, **changes: object) -> Proposed:
    head = replace(base, policy=replace(base.policy, **changes))  # type: ignore[arg-type]
    return proposal(base, head, "records/policy.yaml")


def emptied(base: RecordSet) -> Proposed:
    path = only(base).path
    head = replace(base, studies={}, blobs={p: b for p, b in base.blobs.items() if p != path})
    return proposal(base, head)


def told_again(base: RecordSet) -> Proposed:
    study = only(base)
    old = replace(base, studies={}, blobs={p: b for p, b in base.blobs.items() if p != study.path})
    return proposal(old, base, used={study.id: study.path})


def left_the_branch(base: RecordSet) -> Proposed:
    jg1 = replace(base.rosters["jg1"], members=base.rosters["jg1"].members[1:])
    return proposal(base, replace(base, rosters={**base.rosters, "jg1": jg1}), "records/jg1/roster.yaml")


def exempt(base: RecordSet) -> Proposed:
    """A whole closed year without a requirement, for one who had some hours in it."""
    base = closed_otherwise(base)
    first, *rest = base.rosters["jg1"].members
    roster = replace(base.rosters["jg1"], members=(replace(first, exempt=(Span(DAY, None),)), *rest))
    head = replace(base, rosters={**base.rosters, "jg1": roster})
    return proposal(base, head, "records/jg1/roster.yaml")


def desk_replaced(base: RecordSet) -> Proposed:
    path, at = only(base).path, datetime(2026, 3, 2, tzinfo=SHANGHAI)
    before, after = (
        History("tip", at, {path: (Version(path, "x", "c", at, approved, how="desk"),)}, {})
        for approved in (True, False)
    )
    return proposal(base, base, "records/organisation.yaml", before=before, after=after)


CONFIRM = Change("confirm", "m0012", datetime(2026, 3, 2, tzinfo=SHANGHAI), "确认")
REFUSED: dict[str, Callable[[RecordSet], Proposed]] = {
    "touches-one-branch": lambda base: proposal(base, same_id(base), only(base).path),
    "only-records-change": lambda base: proposal(base, same_id(base), "records/policy.yaml"),
    "identity-never-changes": lambda base: changed_study(base, member="m0003", change=CONFIRM),
    "nothing-is-deleted": emptied,
    "changes-say-why": lambda base: changed_study(base, hours=Decimal(1)),
    "confirming-changes-nothing": lambda base: changed_study(base, hours=Decimal(1), change=CONFIRM),
    "ids-are-never-reused": told_again,
    "main-is-not-merged-inside": lambda base: proposal(base, base, only(base).path, merges=("a" * 40,)),
    "approvals-stay": desk_replaced,
    "first-versions-are-unchanged": lambda base: proposal(
        replace(base, studies={}, blobs={}), with_study(change=replace(CONFIRM, action="correct"))(base)
    ),
    "commits-say-who-sent-it": lambda base: replace(changed_study(base, change=CONFIRM), submissions=()),
    "closed-years-keep-their-figures": exempt,
    "committee-changes-break-no-record": left_the_branch,
    "year-is-not-closed": lambda base: changed_study(
        closed_otherwise(base), hours=Decimal(1), change=CONFIRM
    ),
    "closing-only-grows": lambda base: proposal(
        closed_otherwise(base),
        replace(closed_otherwise(base), closings={2026: replace(CLOSING, policy="d" * 40)}),
        "records/closed-2026.yaml",
    ),
    "closing-is-of-main": lambda base: proposal(base, closed_otherwise(base), "records/closed-2026.yaml"),
    "links-only-move-on": link_back,
    "fingerprints-stay": root_replaced,
    "rules-in-force-are-ended-not-changed": lambda base: new_rules(base, requirements=()),
}


def test_every_change_rule_has_a_failing_case() -> None:
    assert set(REFUSED) == {checks.rule_id(rule) for rule in checks.CHANGE_RULES}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_wrong_change_is_named(sound: RecordSet, rule: str) -> None:
    found = [p for p in checks.check_change(REFUSED[rule](sound)) if p.rule == rule]
    assert found and all(p.path.startswith("records/") and p.message for p in found)


def test_sound_changes_pass(sound: RecordSet) -> None:
    correct = replace(CONFIRM, action="correct")
    assert checks.check_change(changed_study(sound, change=CONFIRM)) == ()
    assert checks.check_change(changed_study(sound, hours=Decimal(1), change=correct)) == ()
    assert checks.check_change(changed_study(sound, void=Void("m0003", CONFIRM.at, "重复"))) == ()


def test_a_later_earliest_day_leaves_no_record_behind(sound: RecordSet) -> None:
    for day, wrong in ((date(2026, 3, 1), False), (date(2026, 3, 2), True)):
        found = checks.check_change(new_rules(sound, earliest=day))
        assert ("committee-changes-break-no-record" in {p.rule for p in found}) is wrong


def test_at_most_five_members_of_a_closed_year_are_named(sound: RecordSet) -> None:
    closed = closed_otherwise(sound)
    none = replace(closed.policy, requirements=())
    change = proposal(closed, replace(closed, policy=none), "records/policy.yaml")
    for most, more in ((5, False), (4, True)):
        jg1 = closed.rosters["jg1"]
        extra = replace(jg1.members[0], id="m0099") if more else jg1.members[0]
        rosters = {**closed.rosters, "jg1": replace(jg1, members=(*jg1.members, extra))}
        base, head = (replace(one, rosters=rosters) for one in (change.base, change.head))
        found = list(closed_years_keep_their_figures(replace(change, base=base, head=head)))
        assert len(found) == (6 if more else 5), most
        assert ("还有 1 人" in found[-1].message) is more


def test_the_next_years_rule_is_no_change_of_the_past(sound: RecordSet) -> None:
    first, *rest = sound.policy.requirements
    ended, begun = replace(first, until=date(2027, 1, 1)), replace(first, start=date(2027, 1, 1))
    assert checks.check_change(new_rules(sound, requirements=(ended, begun, *rest))) == ()


def test_roles_and_rules_of_a_proposal_of_records_are_those_of_the_base(sound: RecordSet) -> None:
    """A head that brings its own policy and roster is judged by the base's."""
    late = changed_study(sound, kind="made_up", member="m0099", change=CONFIRM)
    kinds = {**sound.policy.kinds, "made_up": replace(sound.policy.kinds["lecture"], id="made_up")}
    entry = replace(sound.rosters["jg1"].members[0], id="m0099")
    jg1 = replace(sound.rosters["jg1"], members=(entry, *sound.rosters["jg1"].members))
    head = replace(late.head, policy=replace(sound.policy, kinds=kinds), rosters={"jg1": jg1})
    rules = {p.rule for p in checks.check_change(replace(late, head=head))}
    assert {"kind-is-known", "member-is-on-roster"} <= rules
