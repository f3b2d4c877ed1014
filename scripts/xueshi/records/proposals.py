"""Open proposals: the `sub/<ULID>` refs whose submissions are not on main yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from xueshi.git import NONE, Repository
from xueshi.model import Proposal, Study
from xueshi.records.history import Commit, read_commits, submission
from xueshi.records.parsing import kind_of, read_files

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
    found = [one for ref, head in sorted(heads.items()) if (one := _proposal(ref, head, commits)) is not None]
    changed = _changed(repo, {one.head: one.base for one in found})
    read = read_files(repo, ((path, blob) for files in changed.values() for path, blob in files))
    values = {pair: parsed.value for pair, parsed in read.items()}
    return tuple(
        replace(
            one, studies=tuple(s for f in changed.get(one.head, ()) if isinstance(s := values.get(f), Study))
        )
        for one in found
    )


def _proposal(ref: str, head: str, commits: dict[str, Commit]) -> Proposal | None:
    brought = [commits[head]] if head in commits else []
    while brought and len(brought[-1].parents) == 1 and brought[-1].parents[0] in commits:
        brought.append(commits[brought[-1].parents[0]])
    if not brought or not brought[-1].parents:
        return None
    base = brought[-1].parents[0]
    submissions = tuple(s for c in reversed(brought) if (s := submission(c)) is not None)
    if not submissions:
        return None
    return Proposal(ref, head, base, submissions, ())


def _changed(repo: Repository, bases: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """By head the records that differ from the base, as (path, blob id) in order. One process for all."""
    ask = ("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--raw", "--no-abbrev")
    # A commit and after it what to take for its parent.
    told = repo.run(*ask, stdin="".join(f"{head} {base}\n" for head, base in bases.items()).encode())
    found: dict[str, list[tuple[str, str]]] = {}
    files: list[tuple[str, str]] = []
    tokens = iter(told.split(b"\0"))
    for token in tokens:
        if token.startswith(b":"):
            path, blob = next(tokens).decode("utf-8", "surrogateescape"), token.split(b" ")[3].decode()
            if blob != NONE and kind_of(path) == "study":
                files.append((path, blob))
        elif token:
            files = found.setdefault(token.decode(), [])
    return {head: sorted(files) for head, files in found.items()}
