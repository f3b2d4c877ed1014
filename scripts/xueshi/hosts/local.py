"""The embedded host: a bare repository whose pull requests are refs. No other store.

`refs/pull/<n>/head` is the proposal's commit, `refs/pull/<n>/meta` a chain of commits that hold `pull.json`."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from xueshi.errors import HostConflict, HostDenied, HostRefused, HostUnavailable, RefMoved
from xueshi.git import Identity, NewCommit, RefUpdate, Repository, init_bare
from xueshi.hosts.base import Budget, Comment, Hint, Probe, Pull, newest
from xueshi.hosts.merging import MAIN, merge_commit
from xueshi.model import SHANGHAI

_COMMENTS = "comments.json"  # beside pull.json: marker -> comment, oldest first
_STALE = 10.0  # seconds after which nobody can be holding a ref any more
_TRIES = 5  # a merge that loses the race for main is made again on the new tip
_ULID = "[0-9A-HJKMNP-TV-Z]" * 26
_HOOK = f"""#!/bin/sh
# Only the host itself moves main and pull requests; a merge is a decision and has its own way in.
# Over HTTP a proposal is begun or added to, nothing else.
refuse() {{ echo "$1" >&2; exit 1; }}
while read -r old new ref; do
  case "$ref:$XUESHI_OVER_HTTP" in
    refs/heads/sub/*:|refs/heads/evidence/*:) continue ;;
    refs/heads/sub/{_ULID}:1) ;;
    *) refuse "不能直接推送到 $ref，请提交合并请求 / $ref is not pushed to; open a pull request" ;;
  esac
  case "$new" in *[!0]*) ;; *) refuse "不能删除 $ref / $ref is not deleted" ;; esac
  case "$old" in *[!0]*)
    git merge-base --is-ancestor "$old" "$new" ||
      refuse "只能在 $ref 上接着提交 / $ref is only added to" ;;
  esac
done
"""


class LocalHost:
    """Pull requests of one bare repository on this machine; safe for several processes."""

    name, budget = "local", Budget()

    def __init__(self, repo: Repository, desk: Identity) -> None:
        self.repo = repo
        self._desk = desk
        self._on_main: tuple[object, frozenset[str]] = (None, frozenset())
        self._read: dict[str, Pull] = {}  # by the meta commit: what was written once never changes

    @property
    def url(self) -> str:
        return str(self.repo.path)

    def git_environment(self) -> Mapping[str, str]:
        return {}

    def account(self) -> str | None:
        return self._desk.email

    def probe(self) -> Probe:
        """Its hook keeps main, and its one way to merge is the desk's."""
        version = self.repo.run("version").decode().split()[2]
        return Probe(
            self.name, version, self._desk.email, can_push=True, can_administer=True, private=True,
            main_protected=True, merge_methods=("merge",), names_in_merge=False,
        )  # fmt: skip

    @classmethod
    def create(cls, path: Path, desk: Identity) -> LocalHost:
        """A new empty host that refuses pushes to main and to pull requests."""
        repo = init_bare(path)
        repo.run("config", "http.receivepack", "true")
        hook = path / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK, encoding="utf-8")
        hook.chmod(0o755)
        return cls(repo, desk)

    def find(self, head_ref: str) -> Pull | None:
        """The pull request of a ref, open or decided."""
        return newest(pull for pull in self._pulls() if pull.head_ref == head_ref)

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        """A pull request for `sub/<ULID>`. HostRefused without the ref, HostConflict where there is one already."""
        with self._lock():
            pulls = self._pulls()
            known = next((pull for pull in pulls if pull.head_ref == head_ref), None)
            if known is not None:
                raise HostConflict(f"pull {known.number} is there already for {head_ref}")
            head = self.repo.resolve(f"refs/heads/{head_ref}")
            if head is None:
                raise HostRefused(f"no ref {head_ref} to open a pull request for; push it first")
            number = max((pull.number for pull in pulls), default=0) + 1
            pull = Pull(number, head_ref, head, title, body, "open", at.isoformat(timespec="seconds"))
            self.repo.update_refs(
                [RefUpdate(f"refs/pull/{number}/head", head, None), self._meta(pull, None, at)]
            )
            return pull

    def mend(self) -> None:
        """Take away ref locks that a killed git left behind: git holds one for milliseconds and would wait for ever."""
        for lock in (self.repo.path / "refs").rglob("*.lock"):
            with contextlib.suppress(FileNotFoundError):  # git was alive and is done
                if time.time() - lock.stat().st_mtime > _STALE:
                    lock.unlink()

    def get(self, number: int) -> Pull | None:
        return next((pull for pull in self._pulls() if pull.number == number), None)

    def pulls(self) -> list[Pull]:
        """All pull requests, open and decided, oldest first."""
        return self._pulls()

    def open_pulls(self) -> list[Pull]:
        """What waits, oldest first."""
        return [pull for pull in self._pulls() if pull.state == "open"]

    def comments(self, number: int) -> list[Comment]:
        held = self.repo.blobs([f"refs/pull/{number}/meta:{_COMMENTS}"])
        return [Comment(**one) for data in held.values() for one in json.loads(data).values()]

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write below a pull request, or replace what was written with the same marker."""
        with self._lock():
            meta = self.repo.resolve(f"refs/pull/{number}/meta")
            if meta is None:
                raise HostRefused(f"no pull {number}")
            at = datetime.now(SHANGHAI).replace(microsecond=0)
            held = self.repo.blobs([f"{meta}:{_COMMENTS}"])
            written = json.loads(next(iter(held.values()))) if held else {}
            written[marker] = asdict(Comment(self._desk.email, body, at.isoformat(), own=True))
            data = json.dumps(written, ensure_ascii=False, indent=1).encode()
            commit = NewCommit((meta,), {_COMMENTS: data}, f"Comment on pull {number}\n", self._desk, at)
            self.repo.update_refs(
                [RefUpdate(f"refs/pull/{number}/meta", self.repo.commits([commit])[0], meta)]
            )

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        """Nobody calls: the bridge sees this host's refs itself."""
        raise HostDenied("the embedded host sends no webhooks")

    def close(self, number: int, by: str, reason: str, at: datetime) -> Pull:
        """Return a proposal with a reason. HostRefused when it is decided already."""
        with self._lock():
            pull = self._waiting(number, None)
            return self._decide(replace(pull, state="closed", decided_by=by, reason=reason), at)

    def merge(
        self, number: int, head: str, by: str, at: datetime, *, grant: Mapping[str, bytes] | None = None
    ) -> str:
        """Merge the proposal as its reader saw it (`head`), in the name of member `by`; the merge's id.

        `grant` replaces files of the proposal: fewer hours are part of the decision. HostRefused when the head
        moved, the pull is decided, or main changed one of its files meanwhile."""
        with self._lock():
            pull = self._waiting(number, head)
            for _ in range(_TRIES):
                merge = merge_commit(self.repo, pull, by, at, grant or {}, self._desk)
                try:
                    self.repo.update_refs([RefUpdate(MAIN, merge[0], merge[1])])
                except RefMoved:
                    continue
                self._decide(replace(pull, state="merged", decided_by=by), at)
                return merge[0]
        raise HostUnavailable("main kept moving; try again")

    def _waiting(self, number: int, head: str | None) -> Pull:
        pull = self.get(number)
        if pull is None:
            raise HostRefused(f"no pull {number}")
        if pull.state != "open":
            raise HostRefused(f"pull {number} is {pull.state} already")
        if pull.head != (head or pull.head):
            raise HostConflict(f"pull {number} has changed since it was shown; look again")
        return pull

    def _decide(self, pull: Pull, at: datetime) -> Pull:
        decided = replace(pull, decided_at=at.isoformat(timespec="seconds"))
        meta = self.repo.resolve(f"refs/pull/{pull.number}/meta")
        kept = RefUpdate(
            f"refs/pull/{pull.number}/head", pull.head, self.repo.resolve(f"refs/pull/{pull.number}/head")
        )
        self.repo.update_refs([kept, self._meta(decided, meta, at)])
        return decided

    def restore(self, pulls: Sequence[Pull]) -> None:
        """Write pull requests into a host that has none, as they were left elsewhere."""
        commits = [
            self._noted(pull, None, datetime.fromisoformat(pull.decided_at or pull.opened_at))
            for pull in pulls
        ]
        updates = []
        for pull, meta in zip(pulls, self.repo.commits(commits), strict=True):
            updates.append(RefUpdate(f"refs/pull/{pull.number}/head", pull.head, None))
            updates.append(RefUpdate(f"refs/pull/{pull.number}/meta", meta, None))
        self.repo.update_refs(updates)

    def _meta(self, pull: Pull, parent: str | None, at: datetime) -> RefUpdate:
        commit = self._noted(pull, parent, at)
        return RefUpdate(f"refs/pull/{pull.number}/meta", self.repo.commits([commit])[0], parent)

    def _noted(self, pull: Pull, parent: str | None, at: datetime) -> NewCommit:
        data = json.dumps(asdict(pull), ensure_ascii=False, indent=1, sort_keys=True).encode()
        message = f"{pull.state.capitalize()} pull {pull.number}\n"
        return NewCommit((parent,) if parent else (), {"pull.json": data}, message, self._desk, at)

    def _pulls(self) -> list[Pull]:
        refs = self.repo.refs("refs")
        metas = [sha for name, sha in refs.items() if re.fullmatch("refs/pull/[0-9]+/meta", name)]
        new = self.repo.blobs(f"{sha}:pull.json" for sha in metas if sha not in self._read)
        self._read.update({name[:40]: Pull(**json.loads(data)) for name, data in new.items()})
        pulls = [_followed(self._read[sha], refs) for sha in metas]
        merged = self._merged(frozenset(pull.head for pull in pulls if pull.state == "open"))
        # A crash between main's move and the note of it leaves an open pull whose head is on main: it is merged.
        return sorted(
            (replace(p, state="merged") if p.state == "open" and p.head in merged else p for p in pulls),
            key=lambda pull: pull.number,
        )

    def _merged(self, heads: frozenset[str]) -> frozenset[str]:
        """Those of the open heads that are on main; the same question is answered from memory."""
        if not heads:
            return heads
        asked, (before, known) = (self.repo.stamp(MAIN), heads), self._on_main
        if asked == before:
            return known
        out = b""
        if self.repo.resolve(MAIN) is not None:
            out = self.repo.run(
                "for-each-ref",
                f"--merged={MAIN}",
                "--format=%(objectname)",
                "refs/pull/*/head",
                "refs/heads/sub",
            )
        found = heads & frozenset(out.decode().split())
        self._on_main = (asked, found)  # one assignment: several threads ask
        return found

    @contextmanager
    def _lock(self) -> Iterator[None]:
        with (self.repo.path / "xueshi.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _followed(pull: Pull, refs: Mapping[str, str]) -> Pull:
    """One that waits, with the commit that its ref has now: a proposal may be added to."""
    return (
        replace(pull, head=refs.get(f"refs/heads/{pull.head_ref}", pull.head))
        if pull.state == "open"
        else pull
    )
