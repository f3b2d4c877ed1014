"""The only module that runs git. Revisions, refs and paths may be anybody's: whatever is not written out here stands
behind END on git's command line, where nothing is an option, and a path is taken as it is written."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from git import Git, GitCommandError

from xueshi.errors import GitError, RefMoved

NONE = "0" * 40  # git's word for "no such object"
END = "--end-of-options"  # what follows is no option, whatever it begins with
_ID = re.compile(r"[0-9a-f]{40}")
_PARENT = re.compile(r"[0-9a-f]{40}|:[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    email: str

    def at(self, moment: datetime) -> str:
        """The identity line of a commit."""
        return f"{self.name} <{self.email}> {int(moment.timestamp())} {moment.strftime('%z') or '+0000'}"


BRIDGE = Identity("Xueshi bridge", "bridge@example.invalid")  # whoever proposes by machine


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be made. `parents` are shas or ":3", the third commit of the same call; `files` maps a path to its
    new content (None removes it) on top of the first parent's tree."""

    parents: tuple[str, ...]
    files: Mapping[str, bytes | None]
    message: str
    author: Identity
    at: datetime
    committer: Identity | None = None


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Move `name` from `old` (None: must not exist) to `new` (None: delete)."""

    name: str
    new: str | None
    old: str | None


def object_id(text: object) -> str:
    """The full id of an object, from whoever says it is one. Raises ValueError for anything else."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise ValueError("no id of a git object")
    return text


class Repository:
    """One repository on this machine, bare or with a work tree. `environment` lets git in at other places."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._git = Git(str(path))
        # Never the repository that a wrong path happens to lie in.
        self._own = {"GIT_CEILING_DIRECTORIES": str(path.resolve().parent), **(environment or {})}

    def run(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """Run a git command; its raw output. Raises GitError with git's own words."""
        if not self.path.is_dir():
            raise GitError(args[0], f"no folder {self.path}")
        if any("\0" in one for one in args):
            raise GitError(args[0], "an argument with a NUL byte")
        with tempfile.TemporaryFile() as file:
            if stdin:
                file.write(stdin)
                file.seek(0)
            try:
                out = self._git.execute(
                    ["git", *_SAFE, *args],
                    istream=file,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env={**_environment(), **self._own, **(env or {})},
                )
            except GitCommandError as error:
                raise GitError(args[0], _words(error)) from None
        return out if isinstance(out, bytes) else b""

    def serve(self, environment: Mapping[str, str], body: bytes) -> bytes:
        """Answer one request of git over HTTP: CGI variables and body in, CGI headers and body out."""
        told = {"GIT_PROJECT_ROOT": str(self.path.resolve()), "GIT_HTTP_EXPORT_ALL": "1"}
        return self.run(
            "http-backend", stdin=body, env={**environment, **told, "CONTENT_LENGTH": str(len(body))}
        )

    # --- reading

    @property
    def is_bare(self) -> bool:
        """Whether it has no work tree."""
        return self.run("rev-parse", "--is-bare-repository").strip() == b"true"

    def resolve(self, name: str) -> str | None:
        """The full id of the commit `name` stands for, or None."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", END, f"{name}^{{commit}}").decode().strip()
        except GitError:
            return None

    def stamp(self, ref: str) -> object:
        """Something that differs whenever the ref of this bare repository may have moved: asked without a process,
        for those who ask often. git renames a new file into place, so that its inode or time changes."""
        seen = []
        for path in (self.path / ref, self.path / "packed-refs"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                seen.append((path.name, found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(seen) or object()  # refs kept in another way: always ask

    def tree(self, rev: str, *prefixes: str) -> dict[str, str]:
        """Every file of a revision below the prefixes: path -> blob id."""
        out = self.run("ls-tree", "-r", "-z", "--full-tree", END, rev, *prefixes)
        found: dict[str, str] = {}
        for entry in out.split(b"\0"):
            if entry:
                kind, _, path = entry.partition(b"\t")
                _, what, blob = kind.split(b" ")
                if what == b"blob":
                    found[path.decode("utf-8", "surrogateescape")] = blob.decode()
        return found

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Contents by id, or by `<rev>:<path>`; what does not exist is left out. One process for all."""
        wanted = [one for one in dict.fromkeys(ids) if "\n" not in one]  # a line is one question
        if not wanted:
            return {}
        lines = "".join(f"{one}\n" for one in wanted).encode("utf-8", "surrogateescape")
        out = self.run("cat-file", "--batch", stdin=lines)
        found: dict[str, bytes] = {}
        at = 0
        for one in wanted:
            end = out.index(b"\n", at)
            head = out[at:end].split(b" ")
            at = end + 1
            if head[-1] in (b"missing", b"ambiguous") or len(head) != 3:
                continue
            size = int(head[2])
            if head[1] == b"blob":
                found[one] = out[at : at + size]
            at += size + 1
        return found

    def refs(self, prefix: str) -> dict[str, str]:
        """Every ref below `prefix`: full name -> id."""
        out = self.run("for-each-ref", "--format=%(refname) %(objectname)", END, prefix).decode()
        pairs = (line.partition(" ") for line in out.splitlines())
        return {name: sha for name, _, sha in pairs}

    def changed(self, old: str, new: str) -> dict[str, str | None]:
        """What differs between two commits' trees: path -> new blob id, None where it was removed."""
        out = self.run("diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", END, old, new)
        parts = out.split(b"\0")
        found: dict[str, str | None] = {}
        for head, path in zip(parts[0::2], parts[1::2], strict=False):
            blob = head.split(b" ")[3].decode()
            found[path.decode("utf-8", "surrogateescape")] = None if blob == NONE else blob
        return found

    def merge_base(self, a: str, b: str) -> str | None:
        try:
            return self.run("merge-base", END, a, b).decode().strip()
        except GitError:
            return None

    def is_ancestor(self, a: str, b: str) -> bool:
        """Whether `a` is `b` or came before it; of what is not in this repository nothing is known."""
        base = self.merge_base(a, b)
        return base is not None and base == self.resolve(a)

    # --- writing

    def commits(self, new: Sequence[NewCommit]) -> list[str]:
        """Make commits in one process and return their ids. Moves no ref; the same input gives the same ids."""
        if not new:
            return []
        with tempfile.TemporaryDirectory() as folder:
            marks = Path(folder) / "marks"
            self.run(
                "fast-import",
                "--quiet",
                "--done",
                "--date-format=raw",
                f"--export-marks={marks}",
                stdin=_stream(new),
            )
            pairs = (line.split(" ") for line in marks.read_text().splitlines())
            by_mark = {int(mark[1:]): sha for mark, sha in pairs}
        return [by_mark[n] for n in range(1, len(new) + 1)]

    def update_refs(self, updates: Sequence[RefUpdate]) -> None:
        """Move all refs or none. Raises RefMoved when one was not where `old` says."""
        lines = []
        for update in updates:
            if update.new is None:
                lines.append(f"delete {update.name}\0{update.old or ''}\0")
            else:
                lines.append(f"update {update.name}\0{update.new}\0{update.old or NONE}\0")
        try:
            self.run("update-ref", "-z", "--stdin", stdin="".join(lines).encode())
        except GitError as error:
            raise RefMoved("update-ref", error.words) from None

    def fetch(self, url: str, *refspecs: str) -> None:
        self.run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--prune",
            "--no-write-fetch-head",
            END,
            url,
            *refspecs,
        )

    def push(self, url: str, *refspecs: str, leases: Mapping[str, str]) -> None:
        """Push all refspecs or none; each ref in `leases` must still be at the given id ("": must not exist)."""
        guards = [f"--force-with-lease={ref}:{sha}" for ref, sha in leases.items()]
        try:
            self.run("push", "--quiet", "--atomic", *guards, END, url, *refspecs)
        except GitError as error:
            if "stale info" in error.words or "fetch first" in error.words:
                raise RefMoved("push", error.words) from None
            raise


def init_bare(path: Path, environment: Mapping[str, str] | None = None) -> Repository:
    """A new bare repository whose HEAD is main."""
    path.mkdir(parents=True, exist_ok=True)
    repo = Repository(path, environment)
    repo.run("init", "--quiet", "--bare", "--initial-branch=main", ".")
    repo.run("config", "gc.auto", "0")
    return repo


def clone_bare(url: str, path: Path, environment: Mapping[str, str] | None = None) -> Repository:
    """A bare copy of main, the evidence refs and the proposals; a cache, never the only place of anything."""
    repo = init_bare(path, environment)
    kept = ("main", "evidence/*", "sub/*")
    repo.fetch(url, *(f"+refs/heads/{name}:refs/heads/{name}" for name in kept))
    return repo


# A repository we read may come from anybody: no hooks of its own, no prompts, no helpers, no odd transports.
_SAFE = (
    "-c",
    "credential.helper=",
    "-c",
    "protocol.ext.allow=never",
    "-c",
    "core.quotePath=false",
    "-c",
    "safe.directory=*",
)


def _words(error: GitCommandError) -> str:
    """Git's own message, without the frame that GitPython puts round it."""
    text = str(error.stderr).strip()
    return text.removeprefix("stderr:").strip().strip("'")


def _environment() -> dict[str, str]:
    return {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",  # history is what was committed
        "LC_ALL": "C",
    }


def _stream(new: Sequence[NewCommit]) -> bytes:
    out = bytearray(b"feature done\n")
    for mark, commit in enumerate(new, 1):
        # A ref of its own for each commit, reset away at the end: fast-import insists on one, we want none moved.
        out += f"commit refs/xueshi/import\nmark :{mark}\n".encode()
        out += f"author {commit.author.at(commit.at)}\n".encode()
        out += f"committer {(commit.committer or commit.author).at(commit.at)}\n".encode()
        out += _data(commit.message.encode())
        for number, parent in enumerate(commit.parents):
            if not _PARENT.fullmatch(parent):  # it stands on a line of its own, in what git carries out
                raise GitError("fast-import", "a parent that is no commit")
            out += f"{'merge' if number else 'from'} {parent}\n".encode()
        for path in sorted(commit.files):
            content = commit.files[path]
            name = _path(path)
            if content is None:
                out += b"D " + name + b"\n"
            else:
                out += b"M 100644 inline " + name + b"\n" + _data(content)
        out += b"\nreset refs/xueshi/import\n\n"
    out += b"done\n"
    return bytes(out)


def _path(path: str) -> bytes:
    """A path in the quotes that fast-import reads: somebody chose it, and a bare newline would begin a command."""
    name = path.encode("utf-8", "surrogateescape")
    return b'"' + b"".join(b"\\%03o" % c if c < 0x20 or c in b'"\\\x7f' else bytes([c]) for c in name) + b'"'


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"
