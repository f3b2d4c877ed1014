"""The merge commit that the desk makes itself: main's tip and the proposal, decided in a member's name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from xueshi.errors import HostConflict, HostRefused
from xueshi.git import Identity, NewCommit, Repository
from xueshi.hosts.base import Pull
from xueshi.proposals import merge_message

MAIN = "refs/heads/main"


def merge_commit(
    repo: Repository, pull: Pull, by: str, at: datetime, grant: Mapping[str, bytes], desk: Identity
) -> tuple[str, str]:
    """The commit and the tip of main that it rests on; no ref is moved. `grant` replaces files of the proposal.

    Raises HostConflict when main changed one of its files, HostRefused for a grant of other files."""
    tip = repo.resolve(MAIN)
    base = repo.merge_base(tip, pull.head) if tip else None
    if tip is None or base is None:
        raise HostRefused(f"pull {pull.number} has no common history with main")
    changed = repo.changed(base, pull.head)
    moved = sorted(set(changed) & set(repo.changed(base, tip)))
    if moved:
        raise HostConflict(f"main has changed {moved[0]} since pull {pull.number} was made; return it")
    if not set(grant) <= set(changed):
        raise HostRefused("a grant may only change files of the proposal itself")
    contents = repo.blobs(blob for blob in changed.values() if blob)
    files = {path: contents[blob] if blob else None for path, blob in changed.items()}
    message = merge_message(pull.head_ref.removeprefix("sub/"), pull.number, by)
    commit = NewCommit((tip, pull.head), {**files, **grant}, message, desk, at)
    return repo.commits([commit])[0], tip
