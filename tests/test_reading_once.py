"""What was read is read once: a proposal's file is main's, a full cache loses nothing, what waits is asked in one go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import BRIDGE, School

from xueshi import records
from xueshi.git import RefUpdate
from xueshi.records import parsing
from xueshi.records.parsing import Parsed, read_files

STUDY = "study"


@pytest.fixture
def full_cache() -> Iterator[None]:
    """The process has read as many files as it keeps."""
    nothing = Parsed(None, (), {})
    others = {(f"other/{number}", "0" * 40): nothing for number in range(parsing._CACHED)}
    parsing._PARSED.update(others)
    yield
    parsing._PARSED.clear()


def _merged(school: School, count: int = 3) -> None:
    for _ in range(count):
        school.merge(school.propose(school.study()))


def test_a_record_merged_as_it_was_proposed_is_one_value(school: School) -> None:
    _merged(school)
    history = records.read_history(school.repo, "main")
    paths = [path for path in history.versions if records.kind_of(path) == STUDY]
    found = records.versions(school.repo, history, paths)
    current = records.load(school.repo, "main")
    for path in paths:
        (version,) = history.versions[path]
        (sent,) = version.submissions
        proposed = found[path, f"{sent.commit}:{path}"]
        assert proposed is found[path, version.blob or ""] is current.studies[path]
    assert len(paths) == 3


def test_a_cache_that_overflows_loses_nothing(school: School, full_cache: None) -> None:
    _merged(school)
    approved, history = records.load_approved(school.repo, "main")
    assert len(approved.studies) == 3 and len(approved.rosters) == 2
    parsing._PARSED.update({(f"more/{n}", "0" * 40): Parsed(None, (), {}) for n in range(parsing._CACHED)})
    paths = list(approved.studies)
    wanted = [(path, approved.blobs[path]) for path in paths]
    assert len(records.versions(school.repo, history, paths)) == 6
    assert read_files(school.repo, wanted).keys() == set(wanted)
    assert len(records.load(school.repo, "main").studies) == 3


def test_what_is_not_there_is_left_out(school: School) -> None:
    path = school.study().path
    assert read_files(school.repo, [(path, "1" * 40), (path, f"{school.tip}:{path}")]) == {}


def test_proposals_are_told_apart_whatever_they_change(school: School) -> None:
    one, other = school.study(), school.study(member="m0003")
    heads = {one.id: school.propose(one), other.id: school.propose(other)}
    third = school.study(member="m0005")
    heads[third.id] = heads[one.id]  # two refs on one commit
    fourth = school.study(member="m0006", branch="yjs")
    message = f"Nothing\n\nSubmission-Id: {fourth.id}\nSubmitted-By: m0006\nRecord-Id: {fourth.id}\n"
    begun = school.propose(fourth)
    heads[fourth.id] = school.commit((begun,), {fourth.path: None}, message, BRIDGE)
    school.repo.update_refs(
        [RefUpdate(f"refs/heads/sub/{ident}", head, None) for ident, head in heads.items()]
    )
    found = {proposal.ref: proposal.studies for proposal in records.load_proposals(school.repo, "main")}
    assert found == {
        f"sub/{one.id}": (one,),
        f"sub/{other.id}": (other,),
        f"sub/{third.id}": (one,),
        f"sub/{fourth.id}": (),
    }


def test_a_tree_asked_for_without_a_folder_is_all_of_it(school: School) -> None:
    everything = school.repo.tree("main")
    inside = {path: blob for path, blob in everything.items() if path.startswith("records/jg1/")}
    assert len(inside) == 1 < len(everything)
    assert school.repo.tree("main", "records/jg1") == inside
