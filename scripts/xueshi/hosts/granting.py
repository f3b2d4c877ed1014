"""The desk on a real host: it merges through the API, and pushes the merge itself where fewer hours are granted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from xueshi.errors import GitError, HostConflict, HostDenied, HostRefused, HostUnknown, RefMoved
from xueshi.git import Identity, Repository
from xueshi.hosts.base import PROPOSAL, Comment, Hint, Host, Probe, Pull
from xueshi.hosts.merging import MAIN, merge_commit

CLOSED = (
    "平台不让审核台推送到 main，所以改不了学时：请管理员让审核台的账号能推送（见 docs/hosting.md），或退回让本人改 / the "
    "host does not let the desk push to main, so no fewer hours can be granted: let its account push (see docs/hosting.md), "
    "or return the proposal"
)
_SAID_NO = re.compile(r"\[remote rejected\]|error: 403")


class Granting:
    """`host` with the desk's token. No API changes a file in a merge, so that `clone` makes that commit and pushes it to
    main, which the host must allow this identity; it then sees the pull request as merged."""

    def __init__(self, host: Host, clone: Repository, desk: Identity) -> None:
        self.host, self.clone, self.desk = host, clone, desk
        self.name, self.budget = host.name, host.budget

    @property
    def url(self) -> str:
        return self.host.url

    def git_environment(self) -> Mapping[str, str]:
        return self.host.git_environment()

    def account(self) -> str | None:
        return self.host.account()

    def probe(self) -> Probe:
        return self.host.probe()

    def find(self, head_ref: str) -> Pull | None:
        return self.host.find(head_ref)

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        return self.host.open(head_ref, title, body, at)

    def get(self, number: int) -> Pull | None:
        return self.host.get(number)

    def open_pulls(self) -> list[Pull]:
        return self.host.open_pulls()

    def comments(self, number: int) -> list[Comment]:
        return self.host.comments(number)

    def close(self, number: int, by: str, reason: str, at: datetime) -> Pull:
        return self.host.close(number, by, reason, at)

    def comment(self, number: int, marker: str, body: str) -> None:
        self.host.comment(number, marker, body)

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        return self.host.hint(headers, body)

    def merge(
        self, number: int, head: str, by: str, at: datetime, *, grant: Mapping[str, bytes] | None = None
    ) -> str:
        """As Host.merge. Raises HostDenied where main does not let the desk push."""
        if not grant:
            return self.host.merge(number, head, by, at)
        pull = self.host.get(number)
        if pull is None or pull.state != "open":
            raise HostRefused(f"no pull {number} that waits")
        if pull.head != head:
            raise HostConflict(f"pull {number} has changed since it was shown; look again")
        if not PROPOSAL.fullmatch(pull.head_ref):  # it would be a refspec of the host's choice
            raise HostRefused(f"pull {number} comes from no proposal's ref")
        own = Repository(self.clone.path, self.host.git_environment())
        own.fetch(self.url, f"+{MAIN}:{MAIN}", f"+refs/heads/{pull.head_ref}:refs/heads/{pull.head_ref}")
        merge, tip = merge_commit(own, pull, by, at, grant, self.desk)
        try:
            own.push(self.url, f"{merge}:{MAIN}", leases={MAIN: tip})
        except RefMoved:
            raise HostConflict("main moved meanwhile; look again") from None
        except GitError as error:
            if _SAID_NO.search(error.words):
                raise HostDenied(CLOSED) from None
            raise HostUnknown(f"the merge of pull {number} may not have reached the host: {error}") from None
        return merge
