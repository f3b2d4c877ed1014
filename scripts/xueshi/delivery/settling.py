"""Settling what the host decided: who was approved, returned or withdrawn, by whom, and who goes to the host anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from xueshi.delivery.clone import MAIN, REFSPECS
from xueshi.git import Repository
from xueshi.hosts.base import Host, Pull
from xueshi.outbox import Batch, Outbox
from xueshi.records import load
from xueshi.words import receipt_code

_ONE = re.compile(
    r"^[\s*.\d-]*(退回|撤回)[\s:：]*([0-9A-Z]{5}[- ]?[0-9A-Z]{5})\s*[:：,，]?\s*(.*?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_UNSAID = "审核人没有写原因，请直接询问"


def leaving(kind: str, submission_id: str, reason: str) -> str:
    """The line that takes one record out of a pull request, as a reviewer may write it too. `kind`: 退回 | 撤回."""
    return f"{kind} {receipt_code(submission_id)} {' '.join(reason.split())}".rstrip()


def settle(outbox: Outbox, held: Batch, told: Mapping[str, tuple[str, str | None, str]], at: str) -> int:
    """Record that a batch is decided at `at` (ISO): `told` gives each submission its state, decider and reason. How
    many were; 0 when the batch was taken away meanwhile."""
    values = {ident: _outcome(*what, at) for ident, what in told.items()}
    return len(values) if outbox.batches.decide(held, values) else 0


@dataclass(frozen=True, slots=True)
class Settling:
    """Records in `outbox` what became of pull requests on `host`; `clone` holds its main."""

    outbox: Outbox
    clone: Repository
    host: Host

    def decided(self, held: Batch, pull: Pull, now: datetime) -> int:
        """Record what a batch's pull request came to, merged or closed; how many submissions were decided."""
        if pull.state == "merged":
            self.clone.fetch(self.host.url, *REFSPECS)
            paths = [row.sent.path for row in held.rows]
            there = self.clone.tree(MAIN, *paths)
            before = self.clone.tree(held.base, *paths) if held.base else {}
            by = self._decider(pull)
            told = {
                row.sent.id: ("approved", by, "")
                # Of a correction the file was there before: merged is what it changed.
                if row.sent.path in there and there[row.sent.path] != before.get(row.sent.path)
                else ("returned", by, "审核人合并时去掉了这一条")
                for row in held.rows
            }
            return settle(self.outbox, held, told, pull.decided_at or now.isoformat())
        return self._closed(held, pull, now)

    def _closed(self, held: Batch, pull: Pull, now: datetime) -> int:
        """Closed without merging: whoever is named in a line of its own leaves, the rest go to the host anew; when
        nobody is named, all are returned."""
        by = self._member(pull.decided_by)
        named = dict(self._leavers(held, pull, by))
        if named and len(named) < len(held.rows):
            at = pull.decided_at or now.isoformat()
            told = {ident: _outcome(*what, at) for ident, what in named.items()}
            self.outbox.batches.split(held, told, now)
            return len(named)
        reason = _UNSAID if pull.reason is None or (_ONE.search(pull.reason) and not named) else pull.reason
        rest = {row.sent.id: ("returned", by, reason) for row in held.rows}
        return settle(self.outbox, held, {**rest, **named}, pull.decided_at or now.isoformat())

    def _leavers(
        self, held: Batch, pull: Pull, by: str | None
    ) -> Iterator[tuple[str, tuple[str, str | None, str]]]:
        """Whom a line takes out, and in whose name. A line counts that we wrote, for the desk or a member, or that a
        reviewer wrote; only ours withdraw. Anybody who can read a pull request can write below it."""
        codes = {receipt_code(row.sent.id): row.sent.id for row in held.rows}
        for text, who, ours in self._said(held, pull, by):
            for kind, code, reason in _ONE.findall(text):
                ident = codes.get(receipt_code(code))
                if ident is not None and (ours or kind == "退回"):
                    state = "withdrawn" if kind == "撤回" else "returned"
                    yield ident, (state, who, reason or _UNSAID)

    def _said(self, held: Batch, pull: Pull, by: str | None) -> Iterator[tuple[str, str | None, bool]]:
        """Texts that may name somebody, with the member behind each and whether we wrote it."""
        if self.host.name == "local":  # only the desk and members' withdrawals close here
            yield pull.reason or "", by, True
        organisation = load(self.clone, MAIN).organisation
        reviewers = {
            one.logins.get(self.host.name): one.member
            for one in organisation.reviewers_of(held.branch, datetime.fromisoformat(pull.opened_at).date())
        }
        for comment in self.host.comments(pull.number):
            if comment.own or comment.by in reviewers:
                yield comment.text, by if comment.own else reviewers[comment.by], comment.own

    def _decider(self, pull: Pull) -> str | None:
        """The member who merged: the desk says it in the merge itself, a host knows a login."""
        if pull.merge and self.clone.resolve(pull.merge):
            said = self.clone.run(
                "log", "-1", "--format=%(trailers:key=Approved-By,valueonly,separator=%x00)", pull.merge
            )
            if said.strip():
                return said.decode("utf-8", "replace").split("\0")[0].strip()[:32]
        return self._member(pull.decided_by)

    def _member(self, login: str | None) -> str | None:
        """The member behind a login; on the embedded host it is one."""
        if login is None or self.host.name == "local":
            return login
        reviewers = load(self.clone, MAIN).organisation.reviewers
        return next((one.member for one in reviewers if one.logins.get(self.host.name) == login), login)


def _outcome(state: str, by: str | None, reason: str, at: str) -> dict[str, str | None]:
    return {"state": state, "decided_by": by, "decided_at": at, "reason": reason or None}
