"""The invented organisation: the same for the same seed, sound, and with one of everything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from conftest import figures

from xueshi import checks, records, sample
from xueshi.hosts.local import LocalHost
from xueshi.model import Severity
from xueshi.sample import DESK, Sample

UNTIL = date(2026, 11, 23)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return sample.write(tmp_path_factory.mktemp("a") / "s.git", members=42, records=110, seed=42, until=UNTIL)


def test_it_has_what_was_asked_for_and_passes_the_check(made: Sample) -> None:
    found = records.load(made.repo, "main")
    assert (len(found.people()), len(found.studies)) == (42, 110)
    problems = checks.check(found, UNTIL, records.kept(made.repo))
    assert [str(p) for p in problems if p.severity is Severity.ERROR] == []
    assert made.repo.run("fsck", "--strict", "--no-dangling") == b""


@pytest.mark.parametrize(("members", "count"), [(10, 60), (97, 600)])
def test_other_sizes_are_sound_too(tmp_path: Path, members: int, count: int) -> None:
    repo = sample.write(tmp_path / "s.git", members=members, records=count, seed=7, until=UNTIL).repo
    found = records.load(repo, "main")
    assert (len(found.people()), len(found.studies)) == (members, count)
    problems = checks.check(found, UNTIL, records.kept(repo))
    assert [str(p) for p in problems if p.severity is Severity.ERROR] == []


def test_the_same_seed_gives_the_same_repository(made: Sample, tmp_path: Path) -> None:
    again = sample.write(tmp_path / "s.git", members=42, records=110, seed=42, until=UNTIL)
    other = sample.write(tmp_path / "t.git", members=42, records=110, seed=43, until=UNTIL)
    assert again.repo.refs("refs") == made.repo.refs("refs")
    assert other.repo.resolve("main") != made.repo.resolve("main")


def test_every_record_came_by_a_pull_request_but_the_pushed_one(made: Sample) -> None:
    _, history = records.load_approved(made.repo, "main")
    studies = {
        path: versions for path, versions in history.versions.items() if records.kind_of(path) == "study"
    }
    unapproved = [v.reason for versions in studies.values() for v in versions if not v.approved]
    assert unapproved == ["direct-push"]
    pulls = {v.pull for versions in studies.values() for v in versions if v.approved}
    known = {pull.number for pull in LocalHost(made.repo, DESK).pulls() if pull.state == "merged"}
    assert pulls <= known and None not in pulls


def test_it_has_one_of_everything(made: Sample) -> None:
    found, _ = records.load_approved(made.repo, "main")
    studies = found.studies.values()
    assert {s.change.action for s in studies if s.change} == {"amend", "correct"}
    assert sum(s.void is not None for s in studies) == 1
    reasons = {credit.why for credit in figures(made.repo, UNTIL).credits()}
    assert {"unapproved", "void", "kind-not-counted", "per-day"} <= reasons
    pulls = LocalHost(made.repo, DESK).pulls()
    assert [bool(pull.reason) for pull in pulls if pull.state == "closed"] == [True]
    waiting = [study for proposal in records.load_proposals(made.repo, "main") for study in proposal.studies]
    assert len(waiting) == 7 and {s.submitted.via for s in waiting} == {"link", "poster"}
    assert any(s.member == made.reviewer for s in waiting)
    names = [person.name for person in found.people().values()]
    assert names.count("王演") == 2
    moved = [p for p in found.people().values() if len({m.branch for m in p.memberships}) == 2]
    assert [[m.branch for m in p.memberships] for p in moved] == [["bk1", "yjs"]]


def test_the_demos_member_is_near_the_years_hours(made: Sample) -> None:
    year = figures(made.repo, UNTIL).members[made.member].standing("year")
    assert year is not None and (year.counted, year.short, str(year.standing)) == (28, 4, "near")
