"""Who submitted, who decided and what main became, read from history alone. The contract's chapter "Approval"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from xueshi.git import NONE, Repository
from xueshi.model import (
    SHANGHAI,
    History,
    Organisation,
    Policy,
    Study,
    Submission,
    Version,
    contains,
)
from xueshi.records.source import ORGANISATION, POLICY, kind_of, parsed

_TRAILER = re.compile(r"([A-Z][A-Za-z-]+): (.+)")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as `git log` tells it; `at` is the committer's time."""

    sha: str
    parents: tuple[str, ...]
    email: str
    at: datetime
    trailers: Mapping[str, tuple[str, ...]]

    def trailer(self, name: str) -> str | None:
        found = self.trailers.get(name, ())
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Step:
    """One first-parent commit and what it made of the files under `records/`."""

    commit: Commit
    changes: tuple[tuple[str, str | None], ...]
    submissions: tuple[Submission, ...]


def read_history(repo: Repository, rev: str) -> History:
    """Every version of every file under `records/`, with the contract's approval. Two passes over git in all."""
    steps = _steps(repo, rev)
    reader = _Blobs(repo, steps)
    first = _judge(steps, reader, trusted=frozenset(), names=None)
    # Names and baseline are those of the newest approved files; naming an address later may cure older decisions,
    # so the walk is made again until the newest organisation no longer changes (twice in practice).
    for _ in range(4):
        organisation = reader.organisation(first.approved_blobs.get(ORGANISATION))
        trusted = _trusted(steps, reader.policy(first.approved_blobs.get(POLICY)))
        again = _judge(steps, reader, trusted=trusted, names=organisation)
        if again.approved_blobs == first.approved_blobs:
            return again
        first = again
    return first


# --- reading git


_FORMAT = "--format=%x02%H%x00%P%x00%ae%x00%ct%x00%B%x00"


def _steps(repo: Repository, rev: str) -> list[Step]:
    graph = {commit.sha: commit for commit in read_commits(repo, rev)}
    out = repo.run(
        "log",
        "--first-parent",
        "-m",
        "--raw",
        "--no-abbrev",
        "-z",
        "--no-renames",
        "--root",
        "--format=%x02%H",
        rev,
        "--",
    )
    changes = dict(_raw(out))
    line: list[Commit] = []
    sha: str | None = repo.resolve(rev)
    while sha is not None and sha in graph:
        line.append(graph[sha])
        sha = graph[sha].parents[0] if graph[sha].parents else None
    line.reverse()
    return list(_along(line, graph, changes))


def read_commits(repo: Repository, *revs: str) -> Iterator[Commit]:
    """Every commit reachable from the revisions ("^name" leaves out what it reaches), newest first."""
    text = repo.run("log", _FORMAT, *revs, "--").decode("utf-8", "replace")
    for part in text.split("\x02")[1:]:
        sha, parents, email, seconds, body, *_ = part.split("\0")
        at = datetime.fromtimestamp(int(seconds), UTC).astimezone(SHANGHAI)
        yield Commit(sha, tuple(parents.split()), email.lower(), at, trailers(body))


def trailers(message: str) -> dict[str, tuple[str, ...]]:
    """The `Key: value` lines of a message's last paragraph."""
    last = message.strip().split("\n\n")[-1]
    found: dict[str, tuple[str, ...]] = {}
    for line in last.splitlines():
        match = _TRAILER.fullmatch(line.strip())
        if match:
            found[match[1]] = (*found.get(match[1], ()), match[2].strip())
    return found


def _raw(out: bytes) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    for part in out.split(b"\x02")[1:]:
        pieces = part.strip(b"\0\n").split(b"\0")
        sha = pieces[0].strip().decode()
        pairs = [piece for piece in pieces[1:] if piece.strip(b"\n")]
        found: list[tuple[str, str | None]] = []
        for head, path in zip(pairs[0::2], pairs[1::2], strict=True):
            name = path.decode("utf-8", "surrogateescape")
            blob = head.strip(b"\n").split(b" ")[3].decode()
            if name.startswith("records/"):
                found.append((name, None if blob == NONE else blob))
        yield sha, found


def _along(
    line: list[Commit], graph: Mapping[str, Commit], changes: Mapping[str, list[tuple[str, str | None]]]
) -> Iterator[Step]:
    seen: set[str] = set()
    at = datetime.min.replace(tzinfo=UTC)
    for commit in line:
        brought = _brought(commit, graph, seen)
        at = max(at, commit.at)  # a clock that ran back must not reorder what main was
        moved = Commit(commit.sha, commit.parents, commit.email, at, commit.trailers)
        submissions = tuple(s for c in brought if (s := submission(c)) is not None)
        yield Step(moved, tuple(changes.get(commit.sha, ())), submissions)


def _brought(merge: Commit, graph: Mapping[str, Commit], seen: set[str]) -> list[Commit]:
    """The commits of M^1..M^2 (and of further parents), oldest first; marks all of them as seen."""
    seen.add(merge.sha)
    todo = list(merge.parents[1:])
    found: list[Commit] = []
    while todo:
        sha = todo.pop()
        if sha not in seen and sha in graph:
            seen.add(sha)
            found.append(graph[sha])
            todo.extend(graph[sha].parents)
    return sorted(found, key=lambda c: c.at)


def submission(commit: Commit) -> Submission | None:
    """What a proposal's commit says of itself, or None when it names nobody."""
    by, amended = commit.trailer("Submitted-By"), commit.trailer("Amended-By")
    if by is None and amended is None:
        return None
    return Submission(
        commit=commit.sha,
        id=commit.trailer("Submission-Id") or "",
        records=commit.trailers.get("Record-Id", ()),
        action=commit.trailer("Action") or "",
        by=by or amended or "",
        amended_by=amended,
        at=commit.at,
    )


# --- judging


class _Blobs:
    """Parsed versions of the files that history speaks of, each read once."""

    def __init__(self, repo: Repository, steps: list[Step]) -> None:
        wanted = {
            blob: path for step in steps for path, blob in step.changes if blob is not None and kind_of(path)
        }
        contents = repo.blobs(wanted)
        self._values = {blob: parsed(wanted[blob], blob, contents).value for blob in contents}

    def organisation(self, blob: str | None) -> Organisation:
        value = self._values.get(blob or "")
        return value if isinstance(value, Organisation) else Organisation("", (), (), ())

    def policy(self, blob: str | None) -> Policy | None:
        value = self._values.get(blob or "")
        return value if isinstance(value, Policy) else None

    def member(self, blob: str | None) -> str | None:
        value = self._values.get(blob or "")
        return value.member if isinstance(value, Study) else None

    def sound(self, blob: str | None) -> bool:
        return self._values.get(blob or "") is not None


def _trusted(steps: list[Step], policy: Policy | None) -> frozenset[str]:
    """Commits up to the policy's baseline; none when it names no commit of this line."""
    shas = [step.commit.sha for step in steps]
    if policy is None or policy.baseline not in shas:
        return frozenset()
    return frozenset(shas[: shas.index(policy.baseline) + 1])


def _judge(
    steps: list[Step], blobs: _Blobs, *, trusted: frozenset[str], names: Organisation | None
) -> History:
    versions: dict[str, tuple[Version, ...]] = {}
    approved: dict[str, str] = {}
    for number, step in enumerate(steps):
        # Roles are those of the first parent: what a proposal itself changes gives nobody a right yet.
        before = blobs.organisation(approved.get(ORGANISATION))
        fresh: dict[str, str | None] = {}
        for path, blob in step.changes:
            member = blobs.member(blob) or blobs.member(_last_blob(versions.get(path)))
            trust = number == 0 or step.commit.sha in trusted
            reason, decider = ("", None) if trust else _verdict(step, path, member, (before, names or before))
            if not reason and kind_of(path) != "study" and blob is not None and not blobs.sound(blob):
                reason = "unreadable"
            pull = step.commit.trailer("Pull")
            version = Version(
                path=path,
                blob=blob,
                commit=step.commit.sha,
                at=step.commit.at,
                approved=not reason,
                reason=reason,
                decided_by=decider,
                pull=int(pull) if pull and pull.isascii() and pull.isdigit() else None,
                submissions=_of_path(step.submissions, path),
            )
            versions[path] = (*versions.get(path, ()), version)
            if version.approved and kind_of(path) not in ("study", None):
                fresh[path] = blob
        approved.update({path: blob for path, blob in fresh.items() if blob is not None})
        for path in [path for path, blob in fresh.items() if blob is None]:
            approved.pop(path, None)
    return History(steps[-1].commit.sha, steps[-1].commit.at, versions, approved)


def _of_path(submissions: tuple[Submission, ...], path: str) -> tuple[Submission, ...]:
    """The submissions that speak of this record; of a committee file, all."""
    if kind_of(path) != "study":
        return submissions
    record = path.rsplit("/", 1)[1].removesuffix(".yaml")
    return tuple(s for s in submissions if record in s.records)


def _last_blob(versions: tuple[Version, ...] | None) -> str | None:
    return versions[-1].blob if versions else None


def _verdict(
    step: Step, path: str, member: str | None, organisations: tuple[Organisation, Organisation]
) -> tuple[str, str | None]:
    """Why this version is not approved ("" when it is), and who decided."""
    before, names = organisations
    commit = step.commit
    if len(commit.parents) != 2:
        return "direct-push", None
    day = commit.at.date()
    decider = _decider(commit, names, day)
    if decider is None:
        return "unknown-decider", None
    if not may_decide(before, decider, path, day):
        return "not-reviewer", decider
    submitters = {name for s in step.submissions for name in (s.by, s.amended_by) if name}
    if kind_of(path) == "study" and (decider in submitters or decider == member):
        return "own-record", decider
    return "", decider


def _decider(commit: Commit, names: Organisation, day: date) -> str | None:
    """The desk's word if the author is a listed desk, else the member the author's address belongs to."""
    if any(desk.email == commit.email and contains(desk.start, desk.until, day) for desk in names.desks):
        return commit.trailer("Approved-By")
    return next((r.member for r in names.reviewers if commit.email in r.emails), None)


def may_decide(organisation: Organisation, member: str, path: str, day: date) -> bool:
    """Whether `member` was a reviewer for a file on `day`: a branch's for its records, a committee's for the rest."""
    parts = path.split("/")
    if kind_of(path) == "study":
        return organisation.may_review(member, parts[1], day)
    held = {r.unit for r in organisation.reviewers if r.member == member and contains(r.start, r.until, day)}
    if kind_of(path) == "roster":
        return bool(held & set(organisation.above(parts[1])[1:]))
    return any(
        unit.id in held for unit in organisation.units if unit.parent is None and unit.kind != "branch"
    )


def commit_at(repo: Repository, rev: str, day: date) -> str | None:
    """The last first-parent commit by 23:59:59 in Shanghai of `day`, times being the running maximum; None if
    main began later."""
    out = repo.run("log", "--first-parent", "--reverse", "--format=%H %ct", rev, "--").decode()
    found, newest = None, 0
    for line in out.splitlines():
        sha, seconds = line.split(" ")
        newest = max(newest, int(seconds))
        if datetime.fromtimestamp(newest, SHANGHAI).date() > day:
            break
        found = sha
    return found
