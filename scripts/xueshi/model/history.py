"""What main became, and what waits beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from xueshi.model.study import Study


@dataclass(frozen=True, slots=True)
class Submission:
    """One commit of a proposal as history tells it: who sent what, when."""

    commit: str
    id: str
    records: tuple[str, ...]
    action: str
    by: str
    amended_by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """What one first-parent commit of main made of one file under `records/`.

    `blob` is None when the file was removed. `approved` is the contract's approval; `reason` says in a word why not:
    direct-push | unknown-decider | not-reviewer | own-record | edited-in-merge | unreadable. `decided_by` is a member id. `how` it could be
    judged: root | baseline (trusted as such), desk | author (whose word was taken), "" otherwise; `unit` is the one by
    whose appointment the decider could decide, `member` whose record it is, `step` the commit's place on main's line."""

    path: str
    blob: str | None
    commit: str
    at: datetime
    approved: bool
    reason: str = ""
    decided_by: str | None = None
    pull: int | None = None
    submissions: tuple[Submission, ...] = ()
    how: str = ""
    unit: str = ""
    member: str | None = None
    step: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """Every version of every file under `records/`, oldest first, and what the newest approved committee files are.

    `approved_blobs` maps a committee file's path to the blob of its last approved version; `ahead` a commit of main
    whose clock was wrong to the time that it gave itself, which is not believed."""

    tip: str
    at: datetime
    versions: Mapping[str, tuple[Version, ...]]
    approved_blobs: Mapping[str, str]
    ahead: Mapping[str, datetime] = field(default_factory=dict)

    def last(self, path: str) -> Version | None:
        found = self.versions.get(path)
        return found[-1] if found else None

    def approvals(self) -> frozenset[str]:
        """The paths of all files whose newest version is approved."""
        return frozenset(path for path, found in self.versions.items() if found[-1].approved)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Open work on a `sub/<ULID>` ref: files that would change, and the submissions that did it."""

    ref: str
    head: str
    base: str
    submissions: tuple[Submission, ...]
    studies: tuple[Study, ...]
