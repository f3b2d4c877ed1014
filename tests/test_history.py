"""Approval, read from history alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from conftest import School, committee_files, figures

from xueshi import records
from xueshi.git import Identity, RefUpdate
from xueshi.model import Change, Void
from xueshi.records import study_file

ON = date(2026, 11, 19)


def verdict(school: School, path: str) -> tuple[bool, str]:
    last = records.read_history(school.repo, "main").last(path)
    assert last is not None
    return last.approved, last.reason


def counted(school: School, member: str = "m0012") -> Decimal:
    standing = figures(school.repo, ON).members[member].standing("year")
    assert standing is not None
    return standing.counted


def test_a_desk_merge_by_the_branch_reviewer_counts(school: School) -> None:
    study = school.study()
    merge = school.merge(school.propose(study))
    version = records.read_history(school.repo, "main").last(study.path)
    assert version is not None
    assert (version.approved, version.decided_by, version.pull, version.commit) == (True, "m0003", 1, merge)
    assert version.submissions[0].by == "m0012"
    assert counted(school) == 2


def test_a_merge_is_mapped_by_the_authors_address(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study), by="nobody", who=Identity("W", "WeiCN@example.invalid"))
    assert verdict(school, study.path) == (True, "")


@pytest.mark.parametrize(
    ("member", "by", "reason"),
    [
        ("m0012", "m0004", "not-reviewer"),
        ("m0012", "m0012", "not-reviewer"),
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
    assert verdict(school, study.path) == (True, "")


def test_a_direct_push_counts_nothing(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    assert verdict(school, study.path) == (False, "direct-push")
    assert counted(school) == 0


def test_approved_by_from_an_unlisted_author_is_not_believed(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study), by="m0003", who=Identity("X", "forged@example.invalid"))
    assert verdict(school, study.path) == (False, "unknown-decider")


def test_fewer_hours_granted_inside_the_merge_are_what_counts(school: School) -> None:
    study = school.study(hours="4")
    head = school.propose(study)
    granted = replace(
        study, hours=Decimal("2.5"), change=Change("amend", "m0003", school.at, "签到表为 14:00 至 16:30")
    )
    school.merge(head, edit={study.path: study_file(granted)})
    assert verdict(school, study.path) == (True, "")
    assert counted(school) == Decimal("2.5")


def test_a_void_record_stays_and_counts_nothing(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    school.merge(
        school.propose(replace(study, void=Void("m0003", school.at, "重复登记")), "void"), by="m0005"
    )
    assert verdict(school, study.path) == (True, "")
    assert counted(school) == 0


def test_a_pushed_policy_leaves_the_approved_one_in_force(school: School) -> None:
    school.merge(school.propose(school.study()))
    policy = committee_files()["records/policy.yaml"] or b""
    school.push({"records/policy.yaml": policy.replace(b"min: 32", b"min: 1")})
    loaded, _ = records.load_approved(school.repo, "main")
    assert [r.options[0].min for r in loaded.policy.requirements if r.id == "member-year"] == [32]


def test_a_reviewer_added_by_the_same_merge_cannot_decide_it(school: School) -> None:
    files = committee_files()
    organisation = (files["records/organisation.yaml"] or b"").replace(b"member: m0003", b"member: m0012")
    head = school.commit(
        (school.tip,), {"records/organisation.yaml": organisation}, "Grab\n", Identity("g", "g@g.g")
    )
    school.merge(head, by="m0012")
    assert verdict(school, "records/organisation.yaml") == (False, "not-reviewer")


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
