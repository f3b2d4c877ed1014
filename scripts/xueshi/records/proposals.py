"""Open proposals: the `sub/<ULID>` refs whose submissions are not on main yet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xueshi.git import Repository
from xueshi.model import Proposal, Study
from xueshi.records.history import Commit, read_commits, submission
from xueshi.records.source import kind_of, parse_file

_REF = re.compile(r"refs/(?:heads|remotes/origin)/(sub/[0-9A-HJKMNP-TV-Z]{26})")


def load_proposals(repo: Repository, rev: str) -> tuple[Proposal, ...]:
    """What waits beside `rev`, in the order of the refs' names, which is the order of arrival.

    A ref that is no proposal (bad name, nothing submitted, already on main) is left out: it is not open."""
    heads: dict[str, str] = {}
    for prefix in ("refs/remotes/origin/sub", "refs/heads/sub"):
        heads.update({m[1]: sha for name, sha in repo.refs(prefix).items() if (m := _REF.fullmatch(name))})
    if not heads:
        return ()
    commits = {c.sha: c for c in read_commits(repo, *heads.values(), f"^{rev}")}
    found = (_proposal(repo, ref, head, commits) for ref, head in sorted(heads.items()))
    return tuple(one for one in found if one is not None)


def _proposal(repo: Repository, ref: str, head: str, commits: dict[str, Commit]) -> Proposal | None:
    brought = [commits[head]] if head in commits else []
    while brought and len(brought[-1].parents) == 1 and brought[-1].parents[0] in commits:
        brought.append(commits[brought[-1].parents[0]])
    if not brought or not brought[-1].parents:
        return None
    base = brought[-1].parents[0]
    submissions = tuple(s for c in reversed(brought) if (s := submission(c)) is not None)
    if not submissions:
        return None
    return Proposal(ref, head, base, submissions, tuple(_studies(repo, base, head)))


def _studies(repo: Repository, base: str, head: str) -> Iterator[Study]:
    changed = {
        path: blob for path, blob in repo.changed(base, head).items() if blob and kind_of(path) == "study"
    }
    contents = repo.blobs(blob for blob in changed.values() if blob)
    for path, blob in sorted(changed.items()):
        value = parse_file(path, contents[blob or ""]).value
        if isinstance(value, Study):
            yield value
