"""What `git log` says of commits, read so that no message, address, time or path can be taken for something else."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from xueshi.errors import GitError, UsageError
from xueshi.git import END, Repository
from xueshi.model import SHANGHAI, Submission

_TRAILER = re.compile(r"^([A-Z][A-Za-z-]+): (.+)$", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]+(?=\n)")
_MEMBER = re.compile(r"[a-z][a-z0-9-]{1,31}")
_LATEST = 253_370_764_800  # the year 9999: git takes later times, Python does not
_DAY = timedelta(days=1)
# Commits as they are, not as a replacement ref or a graft shows them.
_HONEST = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
# NUL stands between all fields: it is the one byte that no message, address or path can hold.
_LOG = ("log", "-z", "--no-show-signature", "--encoding=UTF-8")
_FIELDS = "--format=%H%x00%P%x00%ae%x00%ct%x00%B"
_RAW = (
    "--first-parent",
    "--raw",
    "--no-abbrev",
    "--no-renames",
    "--no-relative",
    f"-O{os.devnull}",
    "--root",
    "--format=%H",
)
_EDITS = ("--diff-merges=first-parent", *_RAW)
_MIXED = ("--diff-merges=combined", "--merges", *_RAW)


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

    def sole(self, name: str) -> str | None:
        """The trailer's value when it is given once; what is said twice is not said."""
        found = self.trailers.get(name, ())
        return found[0] if len(found) == 1 else None

    def members(self, *names: str) -> frozenset[str]:
        """The member ids that these trailers give; what is no id names nobody."""
        values = (value for name in names for value in self.trailers.get(name, ()))
        return frozenset(value for value in values if is_member(value))


@dataclass(frozen=True, slots=True)
class Edit:
    """What a commit made of one path. `blob` is None where it left no file: removed, or (`odd`) a symbolic link or
    submodule in its place."""

    path: str
    blob: str | None
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Rests:
    """Where what a merge brought began: with the commit of this `number` on the line, -1 for none; or beside the line
    (on another proposal, say), and then these files were `touched` since."""

    number: int
    touched: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One first-parent commit, `number` of its line, what it made of the files under `records/`, and what the commits
    that it brought say of themselves. `commit.at` is the running maximum of the times that can be believed: a clock
    that ran back must not reorder what main was (`ahead`: the commit's own time when it cannot be). `authors` are the
    addresses of those who wrote what was brought, `mixed` the files that a merge left as neither parent had them: path
    -> the second parent's blob; `rests` says where the proposal began."""

    number: int
    commit: Commit
    edits: tuple[Edit, ...]
    submissions: tuple[Submission, ...]
    submitters: frozenset[str]
    authors: frozenset[str]
    mixed: Mapping[str, str | None]
    rests: Rests
    ahead: datetime | None

    def by_record(self) -> dict[str, tuple[Submission, ...]]:
        """The submissions that speak of each record."""
        found: dict[str, list[Submission]] = {}
        for sent in self.submissions:
            for record in dict.fromkeys(sent.records):
                found.setdefault(record, []).append(sent)
        return {record: tuple(sent) for record, sent in found.items()}

    def pull(self) -> int | None:
        """The pull request that the merge names."""
        told = self.commit.sole("Pull") or ""
        return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None


def is_member(text: str) -> bool:
    """Whether this can be a member id at all."""
    return _MEMBER.fullmatch(text) is not None


def read_commits(repo: Repository, *revs: str, options: Sequence[str] = ()) -> Iterator[Commit]:
    """Every commit reachable from the revisions ("^name" leaves out what it reaches), newest first; `options` of `git
    log` are the caller's own words."""
    out = repo.run(*_LOG, _FIELDS, *options, END, *revs, "--", env=_HONEST)
    fields = out.decode("utf-8", "replace").split("\0")
    if fields.pop() or len(fields) % 5:
        raise GitError("log", "the list of commits cannot be read")
    groups = zip(*(fields[n::5] for n in range(5)), strict=True)
    for sha, parents, email, seconds, message in groups:
        # Small letters in ASCII only: Unicode has other letters that become a plain k.
        address = email.lower() if email.isascii() else email
        yield Commit(sha, tuple(parents.split()), address, _moment(seconds), trailers(message))


def _moment(seconds: str) -> datetime:
    """A time as git prints it; one that is missing is 1970, one beyond the calendar its end."""
    number = int(seconds) if seconds.isdecimal() else 0
    return datetime.fromtimestamp(min(number, _LATEST), SHANGHAI)


def trailers(message: str) -> dict[str, tuple[str, ...]]:
    """The `Key: value` lines of a message's last paragraph; its first paragraph is a title and has none."""
    text = _BLANK.sub("\n", message.replace("\r\n", "\n")).strip()
    found: dict[str, list[str]] = {}
    for key, value in _TRAILER.findall(text, text.rfind("\n\n") + 2) if "\n\n" in text else ():
        found.setdefault(key, []).append(value.strip(" \t"))
    return {key: tuple(values) for key, values in found.items()}


def submission(commit: Commit) -> Submission | None:
    """What a proposal's commit says of itself, or None when it names nobody."""
    by, amended = commit.trailer("Submitted-By"), commit.trailer("Amended-By")
    if by is None and amended is None:
        return None
    by, amended = _id(by), _id(amended)
    return Submission(
        commit=commit.sha,
        id=commit.trailer("Submission-Id") or "",
        records=commit.trailers.get("Record-Id", ()),
        action=commit.trailer("Action") or "",
        by=by or amended or "",
        amended_by=amended,
        at=commit.at,
    )


def _id(text: str | None) -> str | None:
    return text if text is not None and is_member(text) else None


# --- main's line


def read_line(repo: Repository, rev: str) -> list[Step]:
    """The first-parent line that ends in `rev`, oldest first. Three passes over git in all.

    UsageError when the repository was fetched without its beginning: the oldest commit is trusted."""
    tip = repo.resolve(rev)  # once: main may move between two questions
    if tip is None:
        raise GitError("log", f"no revision {rev}")
    with ThreadPoolExecutor(2) as beside:  # git compares trees for longer than we take to read the commits
        edits, mixed = beside.submit(_edits, repo, tip), beside.submit(_mixed, repo, tip)
        graph = {commit.sha: commit for commit in read_commits(repo, tip)}
    line = [graph[tip]]
    while line[-1].parents:
        line.append(graph[line[-1].parents[0]])
    head = repo.run("cat-file", END, "commit", line[-1].sha, env=_HONEST).partition(b"\n\n")[0]
    if b"\nparent " in head:
        raise UsageError(f"history is cut off before {line[-1].sha}; fetch all of it: git fetch --unshallow")
    line.reverse()
    seen: set[str] = set()
    brought = [_brought(commit, graph, seen) for commit in line]
    merges = [commit.sha for found in brought for commit in found if len(commit.parents) > 1]
    editing = frozenset(_editing(repo, merges)) if merges else frozenset()
    rests = _rests(repo, line, brought)
    return list(_along(line, brought, rests, editing, edits.result(), mixed.result()))


def _along(
    line: list[Commit],
    brought: list[list[Commit]],
    rests: list[Rests],
    editing: frozenset[str],
    edits: Mapping[str, list[Edit]],
    mixed: Mapping[str, Mapping[str, str | None]],
) -> Iterator[Step]:
    times = believed([commit.at for commit in line])
    for number, (commit, found, at, begun) in enumerate(zip(line, brought, times, rests, strict=True)):
        yield Step(
            number,
            commit if commit.at == at else replace(commit, at=at),
            tuple(edits.get(commit.sha, ())),
            tuple(s for c in found if (s := submission(c)) is not None),
            frozenset().union(*(c.members("Submitted-By", "Amended-By") for c in found)),
            # A merge that only takes main in has the author of the button, who wrote nothing.
            frozenset(c.email for c in found if len(c.parents) < 2 or c.sha in editing),
            mixed.get(commit.sha, {}),
            begun,
            commit.at if commit.at > at else None,
        )


def _rests(repo: Repository, line: list[Commit], brought: list[list[Commit]]) -> list[Rests]:
    numbers = {commit.sha: number for number, commit in enumerate(line)}
    found = []
    for commit, inside in zip(line, brought, strict=True):
        own = {one.sha for one in inside}
        outside = {parent for one in inside for parent in one.parents} - own or set(commit.parents[1:]) - own
        if outside <= numbers.keys():
            found.append(Rests(max((numbers[sha] for sha in outside), default=-1)))
        else:
            base = repo.merge_base(*commit.parents[:2]) or commit.parents[0]
            found.append(Rests(-1, frozenset(repo.changed(base, commit.parents[1]))))
    return found


def believed(times: Sequence[datetime]) -> list[datetime]:
    """The time of each commit of a line: the running maximum of those that are not ahead.

    A commit is ahead when a clock was wrong: it stands in none of the longest series of commits whose times never run
    back, and its time is more than a day after the next one that does. So one commit from 2099 is set right by the next
    two, and a clock that ran back takes nothing from those before it."""
    latest = times[0]
    if all(time >= (latest := max(latest, time)) - _DAY for time in times):
        ahead = [False] * len(times)
        following = list(times)
    else:
        ahead, following = _ahead(times)
    found: list[datetime] = []
    for time, wrong, after in zip(times, ahead, following, strict=True):
        told = found[-1] if wrong and found else after if wrong else time
        found.append(max(told, found[-1]) if found else told)
    return found


def _ahead(times: Sequence[datetime]) -> tuple[list[bool], list[datetime]]:
    """Which times are ahead, and for each the next time, or it itself, of a longest series."""
    numbers = [time.timestamp() for time in times]
    upto = _series(numbers)
    onward = _series([-number for number in reversed(numbers)])[::-1]
    longest = max(upto)
    ahead, following, after = [], [], times[-1]
    for time, one, other in zip(reversed(times), reversed(upto), reversed(onward), strict=True):
        held = one + other - 1 == longest
        after = time if held else after
        ahead.append(not held and time > after + _DAY)
        following.append(after)
    return ahead[::-1], following[::-1]


def _series(numbers: Sequence[float]) -> list[int]:
    """How long the longest series is that never runs back and ends with each number."""
    ends: list[float] = []  # the least number that a series of each length ends with
    found = []
    for number in numbers:
        place = bisect_right(ends, number)
        ends[place : place + 1] = [number]
        found.append(place + 1)
    return found


def _brought(merge: Commit, graph: Mapping[str, Commit], seen: set[str]) -> list[Commit]:
    """The commits of M^1..M^2 (and of further parents), parents before children; marks all of them as seen."""
    seen.add(merge.sha)
    found: list[Commit] = []
    todo = [(sha, False) for sha in merge.parents[:0:-1]]
    while todo:
        sha, after_parents = todo.pop()
        if after_parents:
            found.append(graph[sha])
        elif sha not in seen and sha in graph:
            seen.add(sha)
            todo.append((sha, True))
            todo.extend((parent, False) for parent in reversed(graph[sha].parents))
    return found


def _edits(repo: Repository, tip: str) -> dict[str, list[Edit]]:
    """What each first-parent commit made of the files under `records/`, by the commit's id."""
    found: dict[str, list[Edit]] = {}
    edits: list[Edit] = []
    tokens = iter(repo.run(*_LOG, *_EDITS, END, tip, "--", env=_HONEST).split(b"\0"))
    for token in tokens:
        head = token.lstrip(b"\n")
        if head.startswith(b":"):
            edit = _edit(head, next(tokens))
            edits += [edit] if edit else []
        elif head:
            edits = found.setdefault(head.decode(), [])
    return found


def _mixed(repo: Repository, tip: str) -> dict[str, dict[str, str | None]]:
    """The files under `records/` that each merge of the line left as neither of its two parents had them: commit ->
    path -> the second parent's blob, None where that has no file."""
    found: dict[str, dict[str, str | None]] = {}
    merge: dict[str, str | None] = {}
    tokens = iter(repo.run(*_LOG, *_MIXED, END, tip, "--", env=_HONEST).split(b"\0"))
    for token in tokens:
        head = token.lstrip(b"\n")
        if head.startswith(b":"):
            path, two = next(tokens), head.startswith(b"::") and not head.startswith(b":::")
            if two and path.startswith(b"records/"):
                _, mode, _, _, blob, _, _ = head[2:].split(b" ")
                name = path.decode("utf-8", "surrogateescape")
                merge[name] = blob.decode() if mode.startswith(b"100") else None
        elif head:
            merge = found.setdefault(head.decode(), {})
    return found


def _edit(head: bytes, path: bytes) -> Edit | None:
    """An entry such as ":100644 100644 <old> <new> M"; None for other folders, and for a mode that changed alone."""
    if not path.startswith(b"records/"):
        return None
    old_mode, new_mode, old, new, _ = head[1:].split(b" ")
    is_file = new_mode.startswith(b"100")
    if is_file and old_mode.startswith(b"100") and old == new:
        return None
    removed = new_mode == b"000000"
    name = path.decode("utf-8", "surrogateescape")
    return Edit(name, new.decode() if is_file else None, odd=not is_file and not removed)


# --- other questions


def commit_at(repo: Repository, rev: str, day: date) -> str | None:
    """The last first-parent commit by 23:59:59 in Shanghai of `day`, by the times that can be believed of the line
    that ends in `rev`; None if main began later."""
    ask = ("log", "--first-parent", "--reverse", "--format=%H %ct", END, rev, "--")
    out = repo.run(*ask, env=_HONEST).decode()
    line = [told.partition(" ") for told in out.splitlines()]
    times = believed([_moment(seconds) for _, _, seconds in line])
    by_then = bisect_right([time.date() for time in times], day)
    return line[by_then - 1][0] if by_then else None


def forged_merges(repo: Repository, base: str, head: str) -> tuple[str, ...]:
    """Merges in base..head that could pass for decisions if main were moved to them without a merge of its own.

    A proposal may take main in (first parent the proposal's, all others main's, nothing of its own under `records/`);
    every other merge is told: one whose first parent is on main, one that brings what main does not have, one that
    edits records."""
    commits = list(read_commits(repo, head, f"^{base}"))
    inside = {commit.sha for commit in commits}  # a parent of these that is not among them is on main
    merges = [commit for commit in commits if len(commit.parents) > 1]
    forged = {m.sha for m in merges if m.parents[0] not in inside or inside & set(m.parents[1:])}
    rest = [m.sha for m in merges if m.sha not in forged]
    forged.update(_editing(repo, rest) if rest else ())
    return tuple(m.sha for m in reversed(merges) if m.sha in forged)


def submissions(repo: Repository, base: str, head: str) -> tuple[Submission, ...]:
    """What the commits of a proposal say of themselves, oldest first."""
    commits = list(read_commits(repo, head, f"^{base}"))
    return tuple(sent for commit in reversed(commits) if (sent := submission(commit)) is not None)


def taken_in(repo: Repository, base: str, head: str) -> tuple[str, ...]:
    """The merges in base..head that take main in and are nothing worse, oldest first."""
    forged = forged_merges(repo, base, head)
    merges = (c.sha for c in read_commits(repo, head, f"^{base}") if len(c.parents) > 1)
    return tuple(sha for sha in merges if sha not in forged)[::-1]


def _editing(repo: Repository, merges: list[str]) -> Iterator[str]:
    """Those merges that leave something under `records/` as none of their parents had it."""
    ask = ("diff-tree", "--stdin", "-c", "-r", "-z", "--name-only", "--no-renames", "--", "records")
    told = repo.run(*ask, stdin="".join(f"{sha}\n" for sha in merges).encode(), env=_HONEST)
    sha = ""
    for token in told.decode("utf-8", "replace").split("\0"):
        if token.startswith("records"):
            yield sha
        else:
            sha = token  # each merge is named, then what it edits
