"""Bytes under `records/` to values, from the work tree or any revision, and the history behind them."""

from __future__ import annotations

from xueshi.git import Repository
from xueshi.model import History, RecordSet
from xueshi.records.evidence import (
    erased_hashes,
    evidence_blobs,
    evidence_hashes,
    evidence_path,
    inspect,
    kept,
)
from xueshi.records.history import (
    Commit,
    commit_at,
    foresee,
    forged_merges,
    may_decide,
    read_commits,
    read_history,
    submission,
    submissions,
    taken_in,
    trailers,
)
from xueshi.records.proposals import load_proposals
from xueshi.records.source import (
    assemble,
    kind_of,
    load,
    overlay,
    parse_file,
    proposed_files,
    used_ids,
    versions,
)
from xueshi.records.writer import render, study_file, study_path

__all__ = [
    "Commit",
    "commit_at",
    "erased_hashes",
    "evidence_blobs",
    "evidence_hashes",
    "evidence_path",
    "foresee",
    "forged_merges",
    "inspect",
    "kept",
    "kind_of",
    "load",
    "load_approved",
    "load_proposals",
    "may_decide",
    "overlay",
    "parse_file",
    "proposed_files",
    "read_commits",
    "read_history",
    "render",
    "study_file",
    "study_path",
    "submission",
    "submissions",
    "taken_in",
    "trailers",
    "used_ids",
    "versions",
]


def load_approved(repo: Repository, rev: str) -> tuple[RecordSet, History]:
    """The records of a revision with the last approved version of each committee file, and the history."""
    history = read_history(repo, rev)
    current = load(repo, rev)
    blobs = {path: blob for path, blob in current.blobs.items() if kind_of(path) in ("study", None)}
    blobs.update(history.approved_blobs)
    if blobs == dict(current.blobs):
        return current, history
    return assemble(repo, blobs), history
