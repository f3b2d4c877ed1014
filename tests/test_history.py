"""Approval, read from history alone. How commits are read at all: test_commits.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from conftest import BRIDGE, DESK, START, School, committee_files, figures

from xueshi import records
from xueshi.checks import check_change
from xueshi.checks.proposal import Proposed
from xueshi.git import Identity, RefUpdate
from xueshi.model import Change, Severity, Study, Version, Void
from xueshi.proposals import commit_message, merge_message
from xueshi.records import foresee, read_history, study_file

ON = date(2026, 11, 19)
ON_MERGE = START + timedelta(hours=9)
ORGANISATION, POLICY = "records/organisation.yaml", "records/policy.yaml"
KEYS, ROSTER = "records/keys.yaml", "records/jg1/roster.yaml"
WEI = Identity("韦测宁", "weicn@example.invalid")  # m0003, reviewer of jg1
LUO = Identity(
    "罗例言", "luo@example.invalid"
)  # m0005, reviewer of the committee; no address is listed at first
MALLORY = Identity("M", "mallory@example.invalid")
COMMITTEE = '{member: m0005, unit: sample-art, from: "2024-06-01"'
BRANCH = '{member: m0003, unit: jg1, from: "2024-06-01"'


def newest(school: School, path: str) -> Version:
    last = read_history(school.repo, "main").last(path)
    assert last is not None
    return last


def verdict(school: School, path: str) -> tuple[bool, str]:
    last = newest(school, path)
    return last.approved, last.reason


def reasons(school: School, path: str) -> list[str]:
    """Why each version is not approved, oldest first."""
    return [version.reason for version in read_history(school.repo, "main").versions[path]]


def counted(school: School, member: str = "m0012") -> Decimal:
    standing = figures(school.repo, ON).members[member].standing("year")
    assert standing is not None
    return standing.counted


def organisation(*changes: tuple[str, str]) -> dict[str, bytes | None]:
    """organisation.yaml with some of its text replaced."""
    text = (committee_files()[ORGANISATION] or b"").decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {ORGANISATION: text.encode()}


def listed(*addresses: str) -> tuple[str, str]:
    """The committee's reviewer with these addresses."""
    return COMMITTEE, f"{COMMITTEE}, emails: [{', '.join(addresses)}]"


def baseline(sha: str) -> dict[str, bytes | None]:
    return {
        POLICY: (committee_files()[POLICY] or b"").replace(b"baseline: null", f'baseline: "{sha}"'.encode())
    }


def proposed(school: School, files: Mapping[str, bytes | None], by: str = "m0005") -> str:
    message = f"Change files\n\nSubmission-Id: X\nAction: correct\nSubmitted-By: {by}\n"
    return school.commit((school.tip,), files, message, BRIDGE)


def change(school: School, files: Mapping[str, bytes | None], by: str = "m0005", **more: Identity) -> str:
    """A proposal of committee files, merged by the member who made it."""
    return school.merge(proposed(school, files, by), by=by, **more)


# --- who decides on a record


def test_a_desk_merge_by_the_branch_reviewer_counts(school: School) -> None:
    study = school.study()
    merge = school.merge(school.propose(study))
    version = newest(school, study.path)
    assert (version.approved, version.decided_by, version.pull, version.commit) == (True, "m0003", 1, merge)
    assert (version.how, version.unit, version.member, version.step) == ("desk", "jg1", "m0012", 1)
    assert version.submissions[0].by == "m0012"
    assert counted(school) == 2


@pytest.mark.parametrize("email", ["weicn@example.invalid", "WeiCN@Example.Invalid"])
def test_a_merge_is_mapped_by_the_authors_address(school: School, email: str) -> None:
    study = school.study()
    school.merge(school.propose(study), by="nobody", who=Identity("W", email))
    version = newest(school, study.path)
    assert (version.approved, version.decided_by, version.how) == (True, "m0003", "author")


@pytest.mark.parametrize(
    "email",
    [
        "mallory@example.invalid",
        "wei\u212an@example.invalid",  # K, the sign of the kelvin, is a plain k in small letters
        "weicn@example.invalid.",
        " weicn@example.invalid",
        "desk@example.invalid, weicn@example.invalid",
        "",
    ],
)
def test_an_address_that_nobody_listed_decides_nothing(school: School, email: str) -> None:
    study = school.study()
    change(school, organisation(("weicn@", "weikn@"), listed("luo@example.invalid")), by="m0005")
    school.merge(school.propose(study), by="m0003", who=Identity("X", email))
    assert verdict(school, study.path) == (False, "unknown-decider")


@pytest.mark.parametrize(
    ("member", "by", "reason"),
    [
        ("m0012", "m0004", "not-reviewer"),
        ("m0012", "m0012", "not-reviewer"),
        ("m0012", "m9999", "not-reviewer"),
        ("m0003", "m0003", "own-record"),
    ],
)
def test_a_wrong_decider_approves_nothing(school: School, member: str, by: str, reason: str) -> None:
    study = school.study(member)
    school.merge(school.propose(study), by=by)
    assert verdict(school, study.path) == (False, reason)
    assert counted(school, member) == 0


def test_the_committee_may_decide_for_every_branch(school: School) -> None:
    study = school.study("m0006", "yjs")
    school.merge(school.propose(study), by="m0005")
    assert verdict(school, study.path) == (True, "") and newest(school, study.path).unit == "sample-art"


def test_a_branch_that_the_organisation_does_not_know_has_no_reviewer(school: School) -> None:
    study = school.study("m0012", "jg9")
    school.merge(school.propose(study), by="m0005")
    assert verdict(school, study.path) == (False, "not-reviewer")


def test_approved_by_from_an_unlisted_author_is_not_believed(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study), by="m0003", who=MALLORY)
    assert verdict(school, study.path) == (False, "unknown-decider")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Merge\n\nPull: 1\nApproved-By: m0003\n", ""),
        ("Merge\r\n\r\nPull: 1\r\nApproved-By: m0003\r\n", ""),
        ("Merge\n\nApproved-By:  \tm0003 \t\n\n\n", ""),
        ("Merge\n\nApproved-By: m0012\n\nApproved-By: m0003\n", ""),
        ("Merge\n\nApproved-By: m0012\n \t\nApproved-By: m0003\n", ""),
        ("Merge\n\nApproved-By: m0003\nApproved-By: m0005\n", "unknown-decider"),
        ("Merge\n\nApproved-By: m0003\nApproved-By: m0003\n", "unknown-decider"),
        ("Merge\n\nApproved-By: m0003\n\nThank you\n", "unknown-decider"),
        ("Merge\r\n\r\nApproved-By: m0003\r\n\r\nThank you\r\n", "unknown-decider"),
        ("Approved-By: m0003\n", "unknown-decider"),
        ("Merge\nApproved-By: m0003\n", "unknown-decider"),
        ("Merge\n\napproved-by: m0003\n", "unknown-decider"),
        ("Merge\n\n Approved-By: m0003\n", "unknown-decider"),
        ("Merge\n\nApproved-By : m0003\n", "unknown-decider"),
        ("Merge\n\nPull: 1\u2028Approved-By: m0003\n", "unknown-decider"),
        ("Merge\n\nPull: 1\rApproved-By: m0003\n", "unknown-decider"),
        ("Merge\n\nApproved-By: m0003 (m0005)\n", "unknown-decider"),
        ("Merge\n\nApproved-By: M0003\n", "unknown-decider"),
        ("Merge\n\nApproved-By: 韦测宁\n", "unknown-decider"),
        ("Merge\n\nApproved-By:\n", "unknown-decider"),
        ("", "unknown-decider"),
    ],
)
def test_the_desk_is_believed_when_it_names_one_member_at_the_end(
    school: School, message: str, reason: str
) -> None:
    study = school.study()
    head = school.propose(study)
    school.to_main(school.commit((school.tip, head), {study.path: study_file(study)}, message, DESK))
    assert verdict(school, study.path) == (not reason, reason)


def test_an_address_of_two_members_is_that_of_the_one_in_office(school: School) -> None:
    """An office's mailbox goes from one secretary to the next; while both are in office, it names nobody."""
    before, after = school.study(), school.study()
    both = (
        'm0003, unit: jg1, from: "2024-06-01"',
        'm0003, unit: jg1, from: "2024-06-01", until: "2026-03-03"',
    )
    next_one = (
        '{member: m0004, unit: yjs, from: "2024-06-01"',
        '{member: m0004, unit: jg1, from: "2026-03-03"',
    )
    shared = (next_one[1], f"{next_one[1]}, emails: [weicn@example.invalid]")
    change(school, organisation(both, next_one, shared))
    school.merge(school.propose(before), who=WEI)
    school.at += timedelta(days=3)
    school.merge(school.propose(after), who=WEI)
    assert [newest(school, study.path).decided_by for study in (before, after)] == ["m0003", "m0004"]
    assert verdict(school, before.path) == verdict(school, after.path) == (True, "")

    change(school, organisation(next_one, shared, ("2026-03-03", "2026-03-02")))
    unclear = school.study()
    school.merge(school.propose(unclear), who=WEI)
    assert verdict(school, unclear.path) == (False, "unknown-decider")


# --- who submitted


def test_whoever_amends_a_proposal_does_not_decide_on_it(school: School) -> None:
    study = school.study()
    first = school.propose(study)
    message = (
        f"Amend {study.id}\n\nRecord-Id: {study.id}\nAction: amend\nSubmitted-By: m0012\nAmended-By: m0003\n"
    )
    amended = replace(study, place="报告厅")
    head = school.commit((first,), {study.path: study_file(amended)}, message, BRIDGE)
    school.merge(head, by="m0003")
    assert verdict(school, study.path) == (False, "own-record")
    version = newest(school, study.path)
    assert [(s.by, s.amended_by) for s in version.submissions] == [("m0012", None), ("m0012", "m0003")]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("m0012",), ""),
        (("m0003",), "own-record"),
        (("m0003", "m0012"), "own-record"),  # neither hides the other
        (("m0012", "m0003"), "own-record"),
        (("韦测宁",), ""),  # names nobody; the record's member is still not the decider
    ],
)
def test_every_submitted_by_of_a_proposal_names_a_submitter(
    school: School, names: tuple[str, ...], reason: str
) -> None:
    study = school.study()
    said = "".join(f"Submitted-By: {name}\n" for name in names)
    head = school.commit((school.tip,), {study.path: study_file(study)}, f"Register\n\n{said}", BRIDGE)
    school.merge(head)
    assert verdict(school, study.path) == (not reason, reason)


def test_submitted_by_in_the_merge_itself_submits_nothing(school: School) -> None:
    study = school.study()
    head = school.propose(study)
    message = f"Merge\n\nRecord-Id: {study.id}\nSubmitted-By: m0003\nApproved-By: m0003\n"
    school.to_main(school.commit((school.tip, head), {study.path: study_file(study)}, message, DESK))
    assert verdict(school, study.path) == (True, "")
    assert [s.by for s in newest(school, study.path).submissions] == ["m0012"]


def test_submissions_of_a_proposal_that_took_main_in_are_its_own(school: School) -> None:
    """What `M^1..M^2` leaves out was submitted by others, and decided on before."""
    other, study = school.study("m0003"), school.study()
    head = school.propose(study)
    school.merge(school.propose(other), by="m0005")
    both = {study.path: study_file(study), other.path: study_file(other)}
    updated = school.commit((head, school.tip), both, "Merge branch 'main'\n", BRIDGE)
    school.to_main(school.commit((school.tip, updated), both, merge_message("X", 2, "m0003"), DESK))
    assert verdict(school, study.path) == (True, "")
    assert [s.by for s in newest(school, study.path).submissions] == ["m0012"]


NAMES = [("m0003", "own-record"), ("m0012", ""), ("m0005", "")]


@pytest.mark.parametrize(("name", "reason"), NAMES)
@pytest.mark.parametrize("act", ["submitted", "change", "void"])
def test_whoever_the_file_itself_names_is_a_submitter(
    school: School, act: str, name: str, reason: str
) -> None:
    """Trailers may be left out, or name somebody else."""
    study = school.study()
    acts = {
        "submitted": replace(study.submitted, by=name),
        "change": Change("amend", name, school.at, "核对"),
        "void": Void(name, school.at, "登记错了"),
    }
    told = replace(study, **{act: acts[act]})
    head = school.commit((school.tip,), {study.path: study_file(told)}, "Add a record\n", BRIDGE)
    school.merge(head)
    assert verdict(school, study.path) == (not reason, reason)


def test_what_the_file_said_before_it_was_approved_is_no_submission_of_later_ones(school: School) -> None:
    study = school.study()
    sent = replace(study.submitted, by="m0003", via="staff")
    first = replace(study, submitted=sent, change=Change("amend", "m0003", school.at, "改少"))
    school.merge(school.propose(first), by="m0003")
    confirmed = replace(first, change=Change("confirm", "m0012", school.at, "属实"))
    school.merge(school.propose(confirmed, "confirm"), by="m0003")
    assert reasons(school, study.path) == ["own-record", "own-record"]  # nobody has approved what m0003 sent
    school.merge(school.propose(replace(confirmed, place="报告厅")), by="m0005")
    void = replace(confirmed, void=Void("m0012", school.at, "重复"))
    message = commit_message("void", study.id, study.id, "m0012")
    school.merge(school.commit((school.tip,), {study.path: study_file(void)}, message, BRIDGE), by="m0003")
    assert reasons(school, study.path)[2:] == ["", ""]


@pytest.mark.parametrize(("who", "reason"), [(WEI, "own-record"), (LUO, ""), (BRIDGE, "")])
def test_whoever_wrote_a_commit_of_the_proposal_is_a_submitter(
    school: School, who: Identity, reason: str
) -> None:
    study = school.study()
    message = commit_message("register", study.id, study.id, "m0012")
    first = school.commit((school.tip,), {study.path: study_file(study)}, message, BRIDGE)
    more = {study.path: study_file(replace(study, place="报告厅"))}
    school.merge(school.commit((first,), more, "More\n", who), by="x", who=WEI)
    assert verdict(school, study.path) == (not reason, reason)


@pytest.mark.parametrize(("more", "reason"), [(b"", ""), (b"# more\n", "own-record")])
def test_the_button_that_takes_main_in_submits_nothing_unless_it_edits(
    school: School, more: bytes, reason: str
) -> None:
    study = school.study()
    head = school.propose(study)
    school.push({"README.md": b"on\n"})
    files = {study.path: study_file(study) + more, "README.md": b"on\n"}
    updated = school.commit((head, school.tip), files, "Merge branch 'main'\n", WEI)
    school.merge(updated, by="x", who=WEI)
    assert verdict(school, study.path) == (not reason, reason)


def test_what_a_merge_writes_beside_its_proposal_is_unapproved(school: School) -> None:
    study, same, other = school.study(), school.study(), school.study("m0006", "yjs")
    extra = {same.path: study_file(same), other.path: study_file(other)}
    school.merge(school.propose(study), edit=extra)
    assert verdict(school, study.path) == (True, "")
    assert verdict(school, same.path) == (False, "edited-in-merge")
    assert newest(school, same.path).submissions == ()
    assert verdict(school, other.path) == (False, "not-reviewer")


@pytest.mark.parametrize("beside", [False, True])
def test_a_merge_revives_no_version_that_its_proposal_only_stood_on(school: School, beside: bool) -> None:
    """Such as one that was voided since: the second parent has it, and nobody proposed it."""
    study, later, more = school.study(), school.study(), school.study()
    first = school.propose(study)
    school.merge(first)
    begun = first if beside else school.tip
    school.merge(school.propose(replace(study, void=Void("m0012", school.at, "重复")), "void"), by="m0005")
    message = commit_message("register", later.id, later.id, "m0012")
    head = school.commit((begun,), {later.path: study_file(later)}, message, BRIDGE)
    school.merge(head, edit={study.path: study_file(study)})
    assert verdict(school, study.path) == (False, "edited-in-merge")
    assert verdict(school, later.path) == (True, "")
    head = school.commit((begun,), {more.path: study_file(more)}, message, BRIDGE)
    school.merge(head, edit={study.path: None})
    assert newest(school, study.path).blob is None
    assert verdict(school, study.path) == (False, "edited-in-merge")


# --- ways to main that are no decision


def directly(school: School, study: Study) -> None:
    school.push({study.path: study_file(study)}, WEI)


def squashed(school: School, study: Study) -> None:
    school.propose(study)
    message = f"Register\n\nSubmitted-By: m0012\nApproved-By: m0003\nPull: {1}\n"
    school.to_main(school.commit((school.tip,), {study.path: study_file(study)}, message, WEI))


def rebased(school: School, study: Study) -> None:
    school.push({"README.md": b"moved\n"}, WEI)
    message = commit_message("register", study.id, study.id, "m0012")
    school.to_main(school.commit((school.tip,), {study.path: study_file(study)}, message, BRIDGE))


def fast_forwarded(school: School, study: Study) -> None:
    school.to_main(school.propose(study))


def with_three_parents(school: School, study: Study) -> None:
    heads = school.propose(study), school.propose(school.study())
    message = merge_message("X", 1, "m0003")
    school.to_main(school.commit((school.tip, *heads), {study.path: study_file(study)}, message, DESK))


WAYS = [directly, squashed, rebased, fast_forwarded, with_three_parents]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_came_to_main_otherwise_counts_nothing_until_confirmed(
    school: School, way: Callable[[School, Study], None]
) -> None:
    study = school.study()
    way(school, study)
    assert verdict(school, study.path) == (False, "direct-push")
    assert counted(school) == 0

    confirmed = replace(study, change=Change("confirm", "m0012", school.at, "直接推送的，内容属实"))
    school.merge(school.propose(confirmed, "confirm"))
    assert reasons(school, study.path) == ["direct-push", ""]
    assert counted(school) == 2


def test_a_proposal_to_confirm_cures_only_when_it_is_merged_rightly(school: School) -> None:
    study = school.study("m0003")
    school.push({study.path: study_file(study)})
    confirmed = replace(study, change=Change("confirm", "m0003", school.at, "属实"))
    school.merge(school.propose(confirmed, "confirm"), by="m0003")
    assert reasons(school, study.path) == ["direct-push", "own-record"]


def test_a_record_that_is_deleted_and_put_back_is_judged_each_time(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    school.push({study.path: None})
    assert (verdict(school, study.path), newest(school, study.path).blob) == ((False, "direct-push"), None)
    assert newest(school, study.path).member == "m0012"
    school.push({study.path: study_file(study)})
    assert reasons(school, study.path) == ["", "direct-push", "direct-push"]
    school.push({study.path: None})
    school.merge(school.propose(study, "restore"), by="m0003")
    assert verdict(school, study.path) == (True, "") and counted(school) == 2


def test_nobody_removes_their_own_record_by_their_own_decision(school: School) -> None:
    study = school.study("m0003")
    school.merge(school.propose(study), by="m0005")
    school.merge(school.commit((school.tip,), {study.path: None}, "Remove\n", BRIDGE), by="m0003")
    assert verdict(school, study.path) == (False, "own-record")


def test_fewer_hours_granted_inside_the_merge_are_what_counts(school: School) -> None:
    study = school.study(hours="4")
    head = school.propose(study)
    granted = replace(
        study, hours=Decimal("2.5"), change=Change("amend", "m0003", school.at, "签到表为 14:00 至 16:30")
    )
    school.merge(head, edit={study.path: study_file(granted)})
    assert verdict(school, study.path) == (True, "")
    assert counted(school) == Decimal("2.5")


@pytest.mark.parametrize(
    ("hours", "changes"),
    [
        ("400", {}),
        ("4", {}),
        ("2.5", {"title": "另一次学习"}),
        ("2.5", {"place": "报告厅"}),
        ("2.5", {"member": "m0003"}),
        ("2.5", {"change": None}),
        ("2.5", {"change": Change("correct", "m0003", ON_MERGE, "签到表")}),
        ("2.5", {"change": Change("amend", "m0012", ON_MERGE, "签到表")}),
        ("2.5", {"change": Change("amend", "m0005", ON_MERGE, "签到表")}),
    ],
)
def test_nothing_else_is_granted_inside_a_merge(school: School, hours: str, changes: dict[str, Any]) -> None:
    study = school.study(hours="4")
    change = Change("amend", "m0003", ON_MERGE, "签到表")
    merged = replace(study, **{"hours": Decimal(hours), "change": change, **changes})
    school.merge(school.propose(study), edit={study.path: study_file(merged)})
    assert verdict(school, study.path)[1] == ("own-record" if merged.member == "m0003" else "edited-in-merge")
    assert counted(school) == 0
    confirmed = replace(merged, member="m0012", change=Change("confirm", "m0012", ON_MERGE, "属实"))
    school.merge(school.propose(confirmed, "confirm"))
    assert verdict(school, study.path) == (True, "")


def test_granting_is_no_submission_of_what_was_claimed_in_the_same_name(school: School) -> None:
    """A change that the proposal brought in the decider's name stays theirs."""
    study = school.study(hours="4")
    brought = replace(study, change=Change("amend", "m0003", ON_MERGE, "先改"))
    granted = replace(brought, hours=Decimal(2), change=Change("amend", "m0003", ON_MERGE, "再改"))
    school.merge(school.propose(brought), edit={study.path: study_file(granted)})
    assert verdict(school, study.path) == (False, "own-record")


def test_a_void_record_stays_and_counts_nothing(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    school.merge(
        school.propose(replace(study, void=Void("m0003", school.at, "重复登记")), "void"), by="m0005"
    )
    assert verdict(school, study.path) == (True, "")
    assert counted(school) == 0


# --- committee files


def edited(school: School, path: str) -> bytes:
    """The file as it is with a line more: another version that says the same."""
    blob = records.load(school.repo, "main").blobs.get(path)
    return (school.repo.blobs([blob])[blob] if blob else b"schema: keys/1\n") + b"# changed\n"


@pytest.mark.parametrize("path", [ORGANISATION, POLICY, ROSTER, KEYS, "records/README.md"])
def test_the_committee_decides_on_its_files_also_on_its_own_changes(school: School, path: str) -> None:
    own = edited(school, path)
    change(school, {path: own}, by="m0005")
    assert verdict(school, path) == (True, "")
    school.merge(proposed(school, {path: own + b"# by a branch\n"}), by="m0003")
    assert verdict(school, path) == (False, "not-reviewer")
    school.push({path: own + b"# by nobody\n"}, LUO)
    assert verdict(school, path) == (False, "direct-push")


@pytest.mark.parametrize("path", [ORGANISATION, POLICY, ROSTER, KEYS])
@pytest.mark.parametrize("content", [b"schema: nothing/1\n", None])
def test_the_last_approved_version_stays_in_force(school: School, path: str, content: bytes | None) -> None:
    change(school, {path: edited(school, path)})
    approved = read_history(school.repo, "main").approved_blobs[path]
    school.push({path: content})
    assert read_history(school.repo, "main").approved_blobs[path] == approved
    assert records.load_approved(school.repo, "main")[0].blobs[path] == approved


def test_a_committee_file_that_cannot_be_read_is_never_in_force(school: School) -> None:
    before = read_history(school.repo, "main").approved_blobs[ORGANISATION]
    change(school, {ORGANISATION: b"schema: organisation/1\nname: 1\n"})
    assert verdict(school, ORGANISATION) == (False, "unreadable")
    assert read_history(school.repo, "main").approved_blobs[ORGANISATION] == before


def test_a_committee_file_before_the_baseline_that_cannot_be_read_is_not_in_force_either(
    school: School,
) -> None:
    """Found by the second program: what was trusted unread left nobody who could decide from then on."""
    before = read_history(school.repo, "main").approved_blobs[ORGANISATION]
    broken = school.push({ORGANISATION: b"schema: [nothing\n"})
    change(school, baseline(broken))
    study = school.study()
    school.merge(school.propose(study))
    assert verdict(school, study.path) == (True, "")
    found = read_history(school.repo, "main")
    assert found.approved_blobs[ORGANISATION] == before
    assert [version.how for version in found.versions[ORGANISATION]] == ["root", "baseline"]


def test_a_roster_that_was_removed_rightly_is_gone(school: School) -> None:
    change(school, {ROSTER: None})
    assert ROSTER not in read_history(school.repo, "main").approved_blobs


def test_the_organisations_bytes_at_a_records_path_take_nothing_away(school: School) -> None:
    """The same blob at two paths is read as what each path means."""
    path = school.study().path
    school.push({path: committee_files()[ORGANISATION]})
    study = school.study()
    school.merge(school.propose(study))
    assert verdict(school, study.path) == (True, "")


def test_a_pushed_policy_leaves_the_approved_one_in_force(school: School) -> None:
    school.merge(school.propose(school.study()))
    policy = committee_files()[POLICY] or b""
    school.push({POLICY: policy.replace(b"min: 32", b"min: 1")})
    loaded, _ = records.load_approved(school.repo, "main")
    assert [r.options[0].min for r in loaded.policy.requirements if r.id == "member-year"] == [32]


# --- roles and addresses


def test_a_reviewer_added_by_the_same_merge_cannot_decide_it(school: School) -> None:
    school.merge(proposed(school, organisation(("member: m0003", "member: m0012"))), by="m0012")
    assert verdict(school, ORGANISATION) == (False, "not-reviewer")


def test_a_pushed_organisation_makes_nobody_a_reviewer(school: School) -> None:
    school.push(organisation(("member: m0003", "member: m0012")))
    study = school.study("m0003")
    school.merge(school.propose(study), by="m0012")
    assert verdict(school, study.path) == (False, "not-reviewer")


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ('from: "2024-06-01", until: "2026-03-11"', ""),
        ('from: "2024-06-01", until: "2026-03-10"', "not-reviewer"),  # the end is exclusive
        ('from: "2026-03-10"', ""),
        ('from: "2026-03-11"', "not-reviewer"),
    ],
)
def test_a_reviewer_decides_within_their_term_at_the_merges_date(
    school: School, term: str, reason: str
) -> None:
    change(school, organisation((BRANCH, BRANCH.replace('from: "2024-06-01"', term))))
    study = school.study()
    head = school.propose(study)
    school.at = school.at.replace(day=9, hour=23, minute=30)  # merged at half past midnight of the 10th
    school.merge(head)
    assert verdict(school, study.path) == (not reason, reason)


def test_a_desk_is_believed_within_its_term(school: School) -> None:
    change(school, organisation(('from: "2026-01-01"', 'from: "2026-01-01", until: "2026-03-02"')))
    in_time, late = school.study(), school.study()
    school.merge(school.propose(in_time))
    school.at += timedelta(days=1)
    school.merge(school.propose(late))
    assert verdict(school, in_time.path) == (True, "")
    assert verdict(school, late.path) == (False, "unknown-decider")


def test_a_forgotten_address_that_is_added_later_cures(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study), by="x", who=LUO)
    assert verdict(school, study.path) == (False, "unknown-decider") and counted(school) == 0
    change(school, organisation(listed(LUO.email)))
    assert verdict(school, study.path) == (True, "") and counted(school) == 2


def test_a_forgotten_address_may_cure_the_organisation_that_names_another(school: School) -> None:
    """m0005's address approves an organisation that lists m0004's, which approves a record: three walks."""
    study = school.study("m0006", "yjs")
    school.merge(
        school.propose(study), by="x", who=MALLORY
    )  # m0004 forgot to say that this address is theirs
    m0004 = ('{member: m0004, unit: yjs, from: "2024-06-01"', MALLORY.email)
    with_m0004 = (m0004[0], f"{m0004[0]}, emails: [{m0004[1]}]")
    change(school, organisation(listed(LUO.email), with_m0004), who=LUO)
    assert verdict(school, study.path) == (False, "unknown-decider")
    change(school, organisation(listed(LUO.email)))  # at the desk
    assert reasons(school, ORGANISATION) == ["", "", ""]
    assert verdict(school, study.path) == (False, "unknown-decider")  # the newest does not list it any more
    change(school, organisation(listed(LUO.email), with_m0004), who=LUO)
    assert verdict(school, study.path) == (True, "")


def test_an_address_approves_no_role_that_a_push_gave(school: School) -> None:
    pushed = organisation(
        (COMMITTEE, COMMITTEE.replace("m0005", "m0012")),
        (
            'm0012, unit: sample-art, from: "2024-06-01"',
            'm0012, unit: sample-art, from: "2024-06-01", emails: [mallory@example.invalid]',
        ),
    )
    school.push(pushed)
    change(school, {ORGANISATION: (pushed[ORGANISATION] or b"") + b"# again\n"}, by="m0012", who=MALLORY)
    assert reasons(school, ORGANISATION) == ["", "direct-push", "unknown-decider"]


def test_replacing_the_address_that_one_merges_with_settles(school: School) -> None:
    """By the new file alone the merge that brought it would not be approved, by the old one it is. Both are then
    believed: nothing that was approved is lost, and what comes after is."""
    change(school, organisation(listed("old@example.invalid")))
    old, new = school.study(), school.study()
    school.merge(school.propose(old), by="x", who=Identity("L", "old@example.invalid"))
    change(school, organisation(listed("new@example.invalid")), who=Identity("L", "old@example.invalid"))
    school.merge(school.propose(new), by="x", who=Identity("L", "new@example.invalid"))
    assert reasons(school, ORGANISATION) == ["", "", ""]
    assert verdict(school, old.path) == verdict(school, new.path) == (True, "")


# --- what another organisation or policy would make of it


def foreseen(school: School, files: Mapping[str, bytes | None]) -> tuple[Proposed, set[str]]:
    """The change, and the rules that refuse it."""
    base, before = records.load_approved(school.repo, "main")
    head = records.overlay(base, files)
    after = foresee(school.repo, "main", head.organisation, head.policy)
    change = Proposed(base, head, frozenset(files), ON, before=before, after=after)
    return change, {p.rule for p in check_change(change) if p.severity is Severity.ERROR}


DESKS = 'desks: [{email: desk@example.invalid, from: "2026-01-01"}]'


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ([(DESKS, DESKS.replace("desk@", "table@"))], {"desk"}),
        ([(DESKS, DESKS.replace("2026-01-01", "2026-04-01"))], {"desk"}),
        ([(DESKS, DESKS.replace('"}', '", until: "2026-03-01"}'))], {"desk"}),
        ([("weicn@", "wei@")], {"author"}),
        (
            [(DESKS, DESKS.replace('"}', '", until: "2026-04-01"}, {email: t@x.cn, from: "2026-04-01"}'))],
            set(),
        ),
        ([("[weicn@example.invalid]", "[wei@example.invalid, weicn@example.invalid]")], set()),
        ([(f"{COMMITTEE}}}", f"{COMMITTEE}, emails: [weicn@example.invalid]}}")], {"author"}),  # now of two
    ],
)
def test_a_change_of_desks_and_addresses_tells_what_it_would_take_away(
    school: School, changes: list[tuple[str, str]], lost: set[str]
) -> None:
    at_desk, by_address = school.study(), school.study()
    school.merge(school.propose(at_desk))
    school.merge(school.propose(by_address), by="x", who=WEI)
    change(school, {ROSTER: edited(school, ROSTER)})
    found, refused = foreseen(school, organisation(*changes))
    assert found.before is not None and found.after is not None
    paths = {"desk": at_desk.path, "author": by_address.path}
    gone = {how for how, path in paths.items() if path in found.before.approvals() - found.after.approvals()}
    assert gone == lost
    assert ("approvals-stay" in refused) is bool(lost)
    real = change(school, organisation(*changes))
    then = read_history(school.repo, real)
    assert {how for how, path in paths.items() if path not in then.approvals()} <= gone


def test_a_baseline_that_is_taken_back_tells_what_it_would_take_away(school: School) -> None:
    study = school.study()
    pushed = school.push({study.path: study_file(study)})
    change(school, baseline(pushed))
    assert "approvals-stay" in foreseen(school, {POLICY: committee_files()[POLICY]})[1]
    assert "approvals-stay" not in foreseen(school, baseline(school.tip))[1]


# --- baseline


def test_an_approved_baseline_trusts_what_came_before(school: School) -> None:
    before, after = school.study("m0012", hours="3"), school.study()
    pushed = school.push({before.path: study_file(before)})
    school.push({after.path: study_file(after)})
    change(school, baseline(pushed))
    assert (verdict(school, before.path), newest(school, before.path).how) == ((True, ""), "baseline")
    assert verdict(school, after.path) == (False, "direct-push")
    assert counted(school) == 3


def test_a_pushed_baseline_trusts_nothing(school: School) -> None:
    study = school.study()
    pushed = school.push({study.path: study_file(study)})
    school.push(baseline(pushed))
    assert verdict(school, study.path) == (False, "direct-push")
    assert verdict(school, POLICY) == (False, "direct-push")


def test_a_baseline_that_is_not_on_the_line_trusts_nothing(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    beside = school.propose(school.study())
    change(school, {**baseline(beside), ROSTER: edited(school, ROSTER)})
    assert verdict(school, POLICY) == (True, "")
    assert verdict(school, study.path) == (False, "direct-push")


def test_a_baseline_that_takes_away_its_own_approval_trusts_nothing(school: School) -> None:
    """It would trust a push that makes another the committee's reviewer, who then had no right to set it."""
    study = school.study()
    pushed = school.push({study.path: study_file(study), **organisation(("m0005", "m0006"))})
    change(school, baseline(pushed), by="m0005")
    assert verdict(school, POLICY) == (True, "")
    assert verdict(school, study.path) == verdict(school, ORGANISATION) == (False, "direct-push")


# --- what waits, and as of


def test_open_proposals_are_those_not_on_main(school: School) -> None:
    study = school.study()
    head = school.propose(study)
    school.repo.update_refs([RefUpdate(f"refs/heads/sub/{study.id}", head, None)])
    assert [p.studies for p in records.load_proposals(school.repo, "main")] == [(study,)]
    school.merge(head)
    assert records.load_proposals(school.repo, "main") == ()


def test_as_of_a_day_is_the_last_commit_of_that_day(school: School) -> None:
    first = school.tip
    school.merge(school.propose(school.study()))
    assert records.commit_at(school.repo, "main", date(2026, 2, 28)) is None
    assert records.commit_at(school.repo, "main", date(2026, 3, 1)) == school.tip != first
