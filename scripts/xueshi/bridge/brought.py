"""What open pull requests bring: read for all of them at once, and kept as long as it cannot have changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xueshi import records
from xueshi.bridge.office import Office
from xueshi.git import NONE, Repository
from xueshi.hosts.base import Pull
from xueshi.model import Study, Submission

_KEPT = 5000  # proposals whose contents are remembered
_PAIR = re.compile(rb"(?:([0-9a-f]{40}) ([0-9a-f]{40})\n)+")


@dataclass(frozen=True, slots=True)
class Brought:
    """What a proposal's commits bring: contents by path, the records among them, and who sent them. `chain` are its
    commits, newest first, up to main at `tip`, `authors` their e-mail addresses; `merges` those that merge main from the
    other side, `taken_in` those that merge main into it."""

    files: Mapping[str, bytes | None]
    studies: tuple[Study, ...] = ()
    submissions: tuple[Submission, ...] = ()
    merges: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    tip: str = ""
    taken_in: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()

    def submission_of(self, record: str) -> str:
        """The submission that a record of it came by."""
        return next((s.id for s in self.submissions if record in s.records), record)


NOTHING = Brought({})


def brings(office: Office, pulls: Iterable[Pull]) -> dict[str, Brought]:
    """What each pull request brings, by its head; what is on main already, or not fetched yet, brings nothing."""
    heads = list(dict.fromkeys(pull.head for pull in pulls))
    tip, known = office.current().tip, office.brought
    stale = [head for head in heads if head not in known or known[head].tip != tip]
    if stale:
        known.update(_read(office.repo, tip, stale, known))
        while len(known) > max(_KEPT, len(heads)):
            known.pop(next(iter(known)), None)
    return {head: known.get(head, NOTHING) for head in heads}


def bring(office: Office, pull: Pull) -> Brought:
    """What one pull request brings."""
    return brings(office, [pull])[pull.head]


def _read(
    repo: Repository, tip: str, heads: Sequence[str], known: Mapping[str, Brought]
) -> dict[str, Brought]:
    """Three passes over git for any number of proposals; one with a merge inside is read by itself."""
    said = (head for head in heads if head)
    waiting = {c.sha: c for c in records.read_commits(repo, *said, f"^{tip}", options=("--ignore-missing",))}
    found: dict[str, Brought] = {}
    fresh: dict[str, tuple[str, tuple[records.Commit, ...]]] = {}
    for head in heads:
        chain = tuple(_chain(head, waiting))
        if not chain:
            if repo.resolve(f"{head}^{{commit}}"):  # else it is not fetched yet: look again the next time
                found[head] = replace(NOTHING, tip=tip)
        elif len(chain[-1].parents) != 1:
            found[head] = _read_merged(repo, tip, head)
        elif head in known and known[head].chain == tuple(commit.sha for commit in chain):
            found[head] = replace(known[head], tip=tip)
        else:
            fresh[head] = (chain[-1].parents[0], chain)
    if fresh:
        changes = _changed(repo, [(base, head) for head, (base, _) in fresh.items()])
        contents = repo.blobs(blob for changed in changes for blob in changed.values() if blob)
        for (head, (_, chain)), changed in zip(fresh.items(), changes, strict=True):
            files = {path: contents[blob] if blob else None for path, blob in changed.items()}
            found[head] = _brought(files, chain, tip)
    return found


def _chain(head: str, waiting: Mapping[str, records.Commit]) -> Iterator[records.Commit]:
    """The commits of a proposal that are not on main, newest first, as far as they follow each other."""
    commit = waiting.get(head)
    while commit is not None:
        yield commit
        commit = waiting.get(commit.parents[0]) if len(commit.parents) == 1 else None


def _brought(
    files: Mapping[str, bytes | None],
    chain: Sequence[records.Commit],
    tip: str,
    merges: tuple[str, ...] = (),
    taken_in: tuple[str, ...] = (),
) -> Brought:
    sent = tuple(s for commit in reversed(chain) if (s := records.submission(commit)) is not None)
    values = (records.parse_file(path, data).value for path, data in sorted(files.items()) if data)
    studies = tuple(value for value in values if isinstance(value, Study))
    authors = tuple(dict.fromkeys(commit.email for commit in chain))
    return Brought(
        files, studies, sent, merges, tuple(commit.sha for commit in chain), tip, taken_in, authors
    )


def _read_merged(repo: Repository, tip: str, head: str) -> Brought:
    base = repo.merge_base(tip, head)
    if base is None:
        return replace(NOTHING, tip=tip)
    (changed,) = _changed(repo, [(base, head)])
    contents = repo.blobs(blob for blob in changed.values() if blob)
    files = {path: contents[blob] if blob else None for path, blob in changed.items()}
    chain = tuple(records.read_commits(repo, head, f"^{base}"))
    forged, taken = records.forged_merges(repo, tip, head), records.taken_in(repo, tip, head)
    return _brought(files, chain, tip, forged, taken)


def _changed(repo: Repository, pairs: Sequence[tuple[str, str]]) -> list[dict[str, str | None]]:
    """What differs between the trees of each two commits: path -> new blob id, None where it was removed."""
    names = [f"{sha}^{{tree}}" for pair in pairs for sha in pair]
    lines = "".join(f"{name}\n" for name in names).encode()
    trees = repo.run("cat-file", "--batch-check=%(objectname)", stdin=lines).decode().split()
    asked = list(zip(trees[0::2], trees[1::2], strict=True))
    told = "".join(f"{old} {new}\n" for old, new in asked).encode()
    out = repo.run(
        "diff-tree", "--stdin", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", stdin=told
    ).split(b"\0")
    found: dict[tuple[str, str], dict[str, str | None]] = {}
    into: dict[str, str | None] = {}
    at = 0
    while at < len(out):
        if (said := _PAIR.match(out[at])) is not None:  # each pair stands before what differs in it
            into = found.setdefault((said[1].decode(), said[2].decode()), {})
            out[at] = out[at][said.end() :]
        if not out[at]:
            break
        blob = out[at].split(b" ")[3].decode()
        into[out[at + 1].decode("utf-8", "surrogateescape")] = None if blob == NONE else blob
        at += 2
    return [found.get(pair, {}) for pair in asked]
