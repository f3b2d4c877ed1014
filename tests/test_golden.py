"""The golden repository: the contract line by line, with figures worked by hand and counted by a second program."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import oracle
import pytest
import yaml
from second_program import told

from xueshi import checks, project, records, totals
from xueshi.git import Repository, init_bare
from xueshi.model import Severity
from xueshi.totals.sums import by_branch

HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = yaml.safe_load((HERE / "golden" / "expected.yaml").read_text())
DAYS = [day for day in EXPECTED if day != "main"]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repo = init_bare(tmp_path_factory.mktemp("golden") / "golden.git")
    repo.run("fast-import", "--quiet", stdin=(HERE / "golden" / "history.stream").read_bytes())
    return repo


def tag(path: str) -> str:
    """What a record's id ends in."""
    return Path(path).stem[12:].rstrip("0")


def tagged(name: str) -> str:
    """A tag in the letters that ULIDs have: no I, L, O or U."""
    return name.translate(str.maketrans("OILU", "011V")).rstrip("0")


def test_the_stream_is_the_repository_that_it_was(golden: Repository) -> None:
    assert golden.resolve("main") == EXPECTED["main"]


@pytest.mark.parametrize("day", DAYS)
def test_states_hours_and_reasons(golden: Repository, day: str) -> None:
    on, expected = date.fromisoformat(day), EXPECTED[day]
    commit = records.commit_at(golden, "main", on)
    assert commit is not None
    approved, history = records.load_approved(golden, commit)
    figures = totals.total(approved, approved.policy, history.approvals(), on)

    found = {}
    for credit in figures.credits():
        last = history.last(credit.study.path)
        assert last is not None
        why = last.reason if credit.state == "unapproved" else credit.why
        found[tag(credit.study.path)] = [credit.state, float(credit.credited), why]
    wanted = {tagged(name): value for name, value in expected["records"].items()}
    assert {name: found[name] for name in wanted} == wanted
    if day == DAYS[0]:
        assert found.keys() == wanted.keys()

    for member, sums in expected["members"].items():
        standings = figures.members[member].standings
        assert {s.requirement.id: float(s.counted) for s in standings} == sums, member
    branches = by_branch(figures.credits(), on.year)
    assert {b: float(branches.get(b, Decimal(0))) for b in expected["branches"]} == expected["branches"]


@pytest.mark.parametrize("day", DAYS)
def test_a_second_program_counts_the_same(golden: Repository, day: str) -> None:
    on = date.fromisoformat(day)
    commit = records.commit_at(golden, "main", on) or ""
    assert told(golden, commit, on) == oracle.count(str(golden.path), "main", on)


def test_who_approved_and_what_waits(golden: Repository) -> None:
    history = records.read_history(golden, "main")
    deciders = {
        tag(p): v[-1].decided_by for p, v in history.versions.items() if records.kind_of(p) == "study"
    }
    expected = EXPECTED[DAYS[0]]
    assert {name: deciders[tagged(name)] for name in expected["approver"]} == expected["approver"]
    waiting = [
        tag(study.path) for proposal in records.load_proposals(golden, "main") for study in proposal.studies
    ]
    assert waiting == [tagged(name) for name in expected["open"]]


def test_nothing_in_it_breaks_a_check_but_what_nobody_approved(golden: Repository) -> None:
    approved, _ = records.load_approved(golden, "main")
    problems = checks.check(approved, date(2026, 11, 19), records.kept(golden))
    assert [str(p) for p in problems if p.severity is Severity.ERROR] == []


def test_writing_what_was_read_gives_the_same_bytes(golden: Repository) -> None:
    loaded = records.load(golden, "main")
    contents = golden.blobs(loaded.blobs.values())
    assert len(loaded.studies) == 22
    for path, study in loaded.studies.items():
        assert records.study_file(study) == contents[loaded.blobs[path]], path


def test_an_ordinary_checker_agrees_with_ours(golden: Repository, tmp_path: Path) -> None:
    """check-jsonschema reads YAML its own way; the canonical writer quotes so that it sees the same types."""
    loaded = records.load(golden, "main")
    contents = golden.blobs(loaded.blobs.values())
    by_kind: dict[str, list[str]] = {}
    for path, blob in loaded.blobs.items():
        kind = records.kind_of(path)
        assert kind is not None
        place = tmp_path / path.replace("/", "-")
        place.write_bytes(contents[blob])
        by_kind.setdefault(kind, []).append(str(place))
    assert by_kind.keys() == {"study", "roster", "organisation", "policy"}
    checker = Path(sys.executable).parent / "check-jsonschema"
    for kind, files in by_kind.items():
        schema = project.root() / "schema" / f"{kind}.schema.json"
        done = subprocess.run(
            [checker, "--schemafile", schema, *files], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_bytes(next(iter(contents.values())) + b"surprise: 1\n")
    kind = records.kind_of(next(p for p, b in loaded.blobs.items() if b == next(iter(contents))))
    schema = project.root() / "schema" / f"{kind}.schema.json"
    refused = subprocess.run([checker, "--schemafile", schema, wrong], capture_output=True, check=False)
    assert refused.returncode == 1
