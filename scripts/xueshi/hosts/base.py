"""What every Git host is to us: the same few functions, and errors that say which kind they are (see xueshi.errors).

An adapter makes each call once. Nothing is tried again inside it, and nothing waits: the one who calls decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from xueshi.git import object_id

PROPOSAL = re.compile(r"sub/[0-7][0-9A-HJKMNP-TV-Z]{25}")  # the refs that the bridge makes
LONGEST_BLOCK = 6 * 3600.0  # seconds that a host which limits us is left alone, at most


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull request. `state`: open | merged | closed; times are ISO with offset; `decided_by` is a member's id or,
    on a real host, a login; `head` is its commit, "" where the host does not know it yet; `merge` is the commit on main,
    where the host says so.

    git is asked about what a host calls a commit: ValueError for a `head` or `merge` that is no commit's id, and for a
    `head_ref` with characters that no ref can have."""

    number: int
    head_ref: str
    head: str
    title: str
    body: str
    state: str
    opened_at: str
    decided_at: str | None = None
    decided_by: str | None = None
    reason: str | None = None
    url: str = ""
    merge: str | None = None

    def __post_init__(self) -> None:
        if self.head != "":
            object_id(self.head)
        if self.merge is not None:
            object_id(self.merge)
        if not self.head_ref.isprintable() or " " in self.head_ref:
            raise ValueError("no name of a ref")


def newest(pulls: Iterable[Pull]) -> Pull | None:
    """Of the pull requests of one ref the one that is open, else the newest."""
    return max(pulls, key=lambda pull: (pull.state == "open", pull.number), default=None)


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote below a pull request. `at` is ISO with offset, `own` true for the accounts of the bridge and
    the desk."""

    by: str
    text: str
    at: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What a host is, and how this repository is set up there. None: the host does not tell us, or not with this token.

    `name`: local | github | gitea | forgejo | gitlab; `account`: who the token is, and `desk_account` that of the desk
    (empty: nobody tells; None: no desk beside it); `merge_methods` the ways to merge that are allowed (merge | squash |
    rebase | rebase-merge | fast-forward-only); `scopes` what the token may do."""

    name: str
    version: str
    account: str
    can_push: bool | None = None
    can_administer: bool | None = None
    private: bool | None = None
    main_protected: bool | None = None
    approvals_required: int | None = None
    checks_required: tuple[str, ...] | None = None
    merge_methods: tuple[str, ...] | None = None
    names_in_merge: bool | None = None
    scopes: tuple[str, ...] | None = None
    desk_account: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How often calls that change something may be made: never two within `apart` seconds, at most so many a minute
    and an hour. None is without limit."""

    apart: float = 0.0
    per_minute: int | None = None
    per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified webhook: only that something happened, and where. What it was is asked of the host itself."""

    delivery: str
    event: str
    number: int | None = None


class Host(Protocol):
    """One repository on one host. Every call may raise a HostError."""

    name: str
    budget: Budget

    @property
    def url(self) -> str:
        """Where git fetches from and pushes to."""
        ...

    def git_environment(self) -> Mapping[str, str]:
        """What git needs to be let in, as environment: never a part of `url`, which logs may show."""
        ...

    def account(self) -> str | None:
        """Who the token is: the host's word, or the settings' where the host does not say; None where neither does."""
        ...

    def probe(self) -> Probe: ...

    def find(self, head_ref: str) -> Pull | None:
        """The pull request of a ref, open or decided. We open one for a ref; of several that others opened, the one that is
        open, else the newest."""
        ...

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        """A pull request of `head_ref` into main. Raises HostConflict where there is one already."""
        ...

    def get(self, number: int) -> Pull | None:
        """One pull request as it is now; of a closed one with who closed it and the reason they wrote."""
        ...

    def open_pulls(self) -> list[Pull]:
        """Everything that waits, oldest first."""
        ...

    def comments(self, number: int) -> list[Comment]:
        """Oldest first."""
        ...

    def close(self, number: int, by: str, reason: str, at: datetime) -> Pull:
        """Close without merging; the reason is written below it. HostRefused when it is decided already."""
        ...

    def comment(self, number: int, marker: str, body: str) -> None:
        """Write below it, or replace what was written there with the same `marker` (a word of ours, hidden)."""
        ...

    def merge(
        self, number: int, head: str, by: str, at: datetime, *, grant: Mapping[str, bytes] | None = None
    ) -> str:
        """Merge what was read (`head`), in the name of member `by`; the merge's id. Only the desk's identity does.

        `grant` replaces files of the proposal. HostConflict when the head moved, HostRefused when it is decided, or
        the host cannot do it."""
        ...

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        """What a webhook says once its signature is right; None for an event that is none of ours. `headers` have
        lower-case names. Raises HostDenied for a wrong or missing signature."""
        ...
