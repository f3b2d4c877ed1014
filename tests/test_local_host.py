"""The embedded host: pull requests as refs, merges as real merge commits."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BRIDGE, DESK, START, School, committee_files

from xueshi import records
from xueshi.errors import GitError, HostConflict, HostRefused
from xueshi.git import RefUpdate, Repository
from xueshi.hosts.local import LocalHost
from xueshi.model import Change, Study
from xueshi.records import study_file


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    return LocalHost.create(tmp_path / "host.git", DESK)


@pytest.fixture
def school(host: LocalHost) -> School:
    made = School(host.repo)
    made.to_main(made.commit((), committee_files(), "Begin\n", BRIDGE))
    return made


def offered(school: School, study: Study) -> tuple[str, str]:
    head = school.propose(study)
    school.repo.update_refs([RefUpdate(f"refs/heads/sub/{study.id}", head, None)])
    return f"sub/{study.id}", head


def test_a_ref_has_one_pull(host: LocalHost, school: School) -> None:
    ref, head = offered(school, school.study())
    first = host.open(ref, "标题", "内容", school.tick())
    with pytest.raises(HostConflict, match="pull 1 is there already"):
        host.open(ref, "别的", "", school.tick())
    assert host.find(ref) == first
    assert (first.number, first.head, host.open_pulls()) == (1, head, [first])
    with pytest.raises(HostRefused, match="push it first"):
        host.open("sub/01KJYKG9Z08M4T0V2N9X5B7CDE", "", "", school.tick())


def test_a_merge_is_an_approval_that_history_reads(host: LocalHost, school: School) -> None:
    study = school.study(hours="4")
    ref, head = offered(school, study)
    pull = host.open(ref, "标题", "", school.tick())
    fewer = replace(
        study, hours=Decimal("2.5"), change=Change("amend", "m0003", school.tick(), "共 2.5 小时")
    )
    at = school.tick()
    merge = host.merge(pull.number, head, "m0003", at, grant={study.path: study_file(fewer)})
    version = records.read_history(host.repo, "main").last(study.path)
    assert version is not None
    assert (version.commit, version.approved, version.pull, version.decided_by) == (merge, True, 1, "m0003")
    assert records.load(host.repo, "main").studies[study.path].hours == Decimal("2.5")
    assert [p.state for p in (host.get(1),) if p] == ["merged"]
    with pytest.raises(HostRefused, match="merged already"):
        host.merge(1, head, "m0003", at)


def test_two_proposals_of_one_base_are_both_merged(host: LocalHost, school: School) -> None:
    offers = [offered(school, school.study()), offered(school, school.study("m0005"))]
    for number, (ref, head) in enumerate(offers, 1):
        host.open(ref, "标题", "", school.tick())
        host.merge(number, head, "m0003", school.tick())
    assert len(records.load(host.repo, "main").studies) == 2


def test_a_proposal_that_moved_or_clashes_is_not_merged(host: LocalHost, school: School) -> None:
    study = school.study()
    ref, head = offered(school, study)
    host.open(ref, "标题", "", school.tick())
    with pytest.raises(HostRefused, match="look again"):
        host.merge(1, school.tip, "m0003", school.tick())
    school.push({study.path: study_file(study)})
    with pytest.raises(HostRefused, match="main has changed"):
        host.merge(1, head, "m0003", school.tick())


def test_what_is_added_to_a_proposal_is_seen_and_can_be_decided(host: LocalHost, school: School) -> None:
    """The hook lets a proposal be added to, as real hosts do."""
    study = school.study()
    ref, head = offered(school, study)
    host.open(ref, "标题", "", school.tick())
    added = school.commit(
        (head,), {study.path: study_file(replace(study, hours=Decimal("1")))}, "More\n", BRIDGE
    )
    host.repo.update_refs([RefUpdate(f"refs/heads/{ref}", added, head)])
    (pull,) = host.open_pulls()
    assert pull.head == added and host.get(1) == host.find(ref) == pull
    with pytest.raises(HostConflict, match="look again"):
        host.merge(1, head, "m0003", school.tick())
    host.merge(1, pull.head, "m0003", school.tick())
    host.repo.update_refs([RefUpdate(f"refs/heads/{ref}", None, added)])
    merged = host.get(1)
    assert merged is not None and (merged.state, merged.head) == ("merged", added)
    assert host.repo.resolve("refs/pull/1/head") == added


def test_a_lost_note_of_a_merge_that_was_added_to_is_known_too(host: LocalHost, school: School) -> None:
    study = school.study()
    ref, head = offered(school, study)
    host.open(ref, "标题", "", school.tick())
    added = school.commit(
        (head,), {study.path: study_file(replace(study, hours=Decimal("1")))}, "More\n", BRIDGE
    )
    host.repo.update_refs([RefUpdate(f"refs/heads/{ref}", added, head)])
    assert [pull.state for pull in host.pulls()] == ["open"]
    school.merge(added)
    assert [pull.state for pull in host.pulls()] == ["merged"]


def test_a_returned_proposal_keeps_its_reason(host: LocalHost, school: School) -> None:
    ref, head = offered(school, school.study())
    host.open(ref, "标题", "", school.tick())
    host.close(1, "m0003", "照片是上周的活动", school.at + timedelta(hours=1))
    pull = host.find(ref)
    assert pull is not None and (pull.state, pull.reason) == ("closed", "照片是上周的活动")
    with pytest.raises(HostRefused, match="closed already"):
        host.merge(1, head, "m0003", school.tick())


def test_a_merge_whose_note_was_lost_is_known_as_merged(host: LocalHost, school: School) -> None:
    ref, head = offered(school, school.study())
    host.open(ref, "标题", "", school.tick())
    school.merge(head)
    assert [pull.state for pull in (host.get(1),) if pull] == ["merged"]


def test_pushing_to_main_is_refused_by_the_host(host: LocalHost, school: School, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    Repository(tmp_path).run("clone", "--quiet", str(host.repo.path), str(clone))
    ref, head = offered(school, school.study())
    repo = Repository(clone)
    repo.fetch(str(host.repo.path), f"+refs/heads/{ref}:refs/x/one")
    with pytest.raises(GitError, match="不能直接推送到 refs/heads/main"):
        repo.push(str(host.repo.path), f"{head}:refs/heads/main", leases={})
    repo.push(str(host.repo.path), f"{head}:refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CDE", leases={})


def test_a_path_of_a_proposal_is_never_a_command(host: LocalHost, school: School) -> None:
    """Somebody may push any file name; merging it writes that name and nothing else."""
    evil = f"x\nD records/policy.yaml\nreset refs/heads/evil\nfrom {school.tip}\n"
    odd = 'a "quoted" \\ name\t党.txt'
    blob = school.repo.run("hash-object", "-w", "--stdin", stdin=b"odd\n").decode().strip()
    index = {"GIT_INDEX_FILE": str(school.repo.path / "index.test")}
    school.repo.run("read-tree", school.tip, env=index)
    entries = "".join(f"100644 {blob}\t{name}\0" for name in (evil, odd)).encode()
    school.repo.run("update-index", "-z", "--index-info", stdin=entries, env=index)
    tree = school.repo.run("write-tree", env=index).decode().strip()
    identity = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@example.invalid"}
    identity |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in identity.items()}
    head = (
        school.repo.run("commit-tree", tree, "-p", school.tip, "-m", "Odd names", env=identity)
        .decode()
        .strip()
    )
    ref = "sub/01KJYKG9Z08M4T0V2N9X5B7CD9"
    school.repo.update_refs([RefUpdate(f"refs/heads/{ref}", head, None)])
    pull = host.open(ref, "odd", "", START)
    merge = host.merge(pull.number, head, "m0005", START)
    files = school.repo.tree(merge)
    assert {evil, odd, "records/policy.yaml"} <= files.keys()
    assert school.repo.resolve("refs/heads/evil") is None
    assert school.repo.blobs([f"{merge}:{evil}", files[odd]]) == {files[odd]: b"odd\n"}


def test_a_lock_that_a_killed_git_left_stops_nobody_for_long(tmp_path: Path) -> None:
    host = LocalHost.create(tmp_path / "host.git", DESK)
    kept, left = (host.repo.path / "refs" / "heads" / name for name in ("now.lock", "left.lock"))
    for lock in (kept, left):
        lock.touch()
    before = time.time() - 60
    os.utime(left, (before, before))
    host.mend()
    assert kept.exists() and not left.exists()
