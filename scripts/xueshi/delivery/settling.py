"""Settling what the host decided: who was approved, returned or withdrawn, by whom, and who goes to the host anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from xueshi.delivery.clone import MAIN, REFSPECS
from xueshi.errors import HostUnavailable
from xueshi.git import Repository
from xueshi.hosts.base import Host, Pull
from xueshi.hosts.remote import cleaned
from xueshi.outbox import Batch, Outbox
from xueshi.records import Commit, load, read_commits
from xueshi.words import receipt_code

_ONE = re.compile(
    r"[\s*.\d-]*(退回|撤回)[\s:：]*([0-9A-Z]{5}[- ]?[0-9A-Z]{5})\s*[:：,，]?\s*(.*)", re.IGNORECASE
)
_READ = 8000  # characters of a text in which lines are looked for
_UNSAID = "审核人没有写原因，请直接询问"
_BRIDGE, _ELSEWHERE = "xueshi", "这里的登记已经随另一个合并请求通过，不用再审"
Told = tuple[str, str | None, str]  # what became of a submission: its state, decider and reason


def leaving(kind: str, submission_id: str, reason: str) -> str:
    """The line that takes one record out of a pull request, as a reviewer may write it too. `kind`: 退回 | 撤回."""
    return f"{kind} {receipt_code(submission_id)} {' '.join(reason.split())}".rstrip()


def returning(reason: str) -> str:
    """Why all that a pull request holds is returned, as a reviewer typed it: a line that would take out one record, as
    those of `leaving` do, is put in quotation marks and takes out nothing."""
    return "\n".join(f"“{line}”" if _ONE.match(line) else line for line in reason.split("\n"))


def _lines(text: str) -> list[tuple[str, str, str]]:
    """Kind, code and reason of each line that takes out a record. Line by line: somebody may have written thousands."""
    found = (_ONE.match(line) for line in text[:_READ].split("\n"))
    return [(one[1], one[2], one[3].rstrip()) for one in found if one]


def on_main(clone: Repository, held: Batch) -> dict[str, Told]:
    """What waits of a batch although main has it: approved, whichever pull request brought it."""
    waits = {row.sent.path: row.sent.id for row in held.rows if row.waits and row.sent.action == "register"}
    return {waits[path]: ("approved", None, "") for path in (clone.tree(MAIN, *waits) if waits else ())}


def part(outbox: Outbox, held: Batch, told: Mapping[str, Told], now: datetime, at: str | None = None) -> int:
    """Record what is decided of a batch whose pull request is over (at `at`, ISO); the rest goes to the host anew. How
    many are decided; 0 when the batch was taken away meanwhile."""
    return len(told) if outbox.batches.split(held, _outcomes(told, at or now.isoformat()), now) else 0


@dataclass(frozen=True, slots=True)
class Settling:
    """Records in `outbox` what became of pull requests on `host`; `clone` holds its main."""

    outbox: Outbox
    clone: Repository
    host: Host

    def arrived(self, held: Batch, pull: Pull) -> bool:
        """Whether main shows what a decided pull request came to: a host may tell of a merge before git has it. Raises
        HostUnavailable where the host names the merge, so that there is no doubt."""
        if pull.state != "merged":
            return True
        self.clone.fetch(self.host.url, *REFSPECS)
        if pull.merge is not None and not self.clone.is_ancestor(pull.merge, MAIN):
            raise HostUnavailable(f"the merge of pull {pull.number} is not fetched yet")
        if pull.merge is not None or self.clone.is_ancestor(pull.head, MAIN):
            return True
        return any(state == "approved" for state, _, _ in self._merged(held, pull).values())

    def decided(self, held: Batch, pull: Pull, now: datetime) -> int:
        """Record what a batch's pull request came to, merged or closed; how many submissions were decided."""
        if pull.state != "merged":
            return self._closed(held, pull, now)
        told = _outcomes(self._merged(held, pull), pull.decided_at or now.isoformat())
        return len(told) if self.outbox.batches.decide(held, told) else 0

    def _merged(self, held: Batch, pull: Pull) -> dict[str, Told]:
        """What a merge made of each submission."""
        merge = self._merge(pull)
        by = self._decider(merge, pull)
        before, after = (merge.parents[0], merge.sha) if merge else (self._parted(held, pull), MAIN)
        paths = [row.sent.path for row in held.rows]
        there, was = self.clone.tree(after, *paths), self.clone.tree(before, *paths) if before else {}
        return {
            row.sent.id: ("approved", by, "")
            # Of a correction the file was there before: merged is what it changed.
            if row.sent.path in there
            and (row.sent.action == "register" or there[row.sent.path] != was.get(row.sent.path))
            else ("returned", by, "审核人合并时去掉了这一条")
            for row in held.rows
        }

    def _merge(self, pull: Pull) -> Commit | None:
        """The merge on main's line that brought a pull request; None where another way was taken. What main was before is
        read from it: the base of a batch may be later, in an outbox that was put back from a backup."""
        if self.clone.resolve(pull.head) is None:
            return None
        line = read_commits(self.clone, MAIN, f"^{pull.head}", options=("--first-parent", "--merges"))
        return next((one for one in line if pull.head in one.parents[1:]), None)

    def _parted(self, held: Batch, pull: Pull) -> str | None:
        """Where a proposal that came to main without a merge parted from it."""
        base = self.clone.merge_base(MAIN, pull.head)
        return base if base is not None and base != pull.head else held.base

    def on_main(self, many: Iterable[Batch]) -> frozenset[str]:
        """The batches with a record that waits although main has it."""
        paths = {
            f"{MAIN}:{row.sent.path}": held.id
            for held in many
            for row in held.rows
            if row.waits and row.sent.action == "register"
        }
        return frozenset(paths[name] for name in self.clone.blobs(paths))

    def elsewhere(self, held: Batch, pull: Pull, now: datetime) -> int:
        """Record what main has although this batch's pull request waits: another one brought it, such as the one that it
        was once returned with, opened again. The pull request is closed first when nothing else waits in it, or when it
        would put back what main has otherwise, such as granted hours; what else waits goes to the host anew."""
        self.clone.fetch(self.host.url, *REFSPECS)
        found = on_main(self.clone, held)
        if not found:
            return 0
        waits = [row for row in held.rows if row.waits]
        if len(found) < len(waits) and self._same(
            pull, [row.sent.path for row in waits if row.sent.id in found]
        ):
            told = _outcomes(found, now.isoformat())
            return len(told) if self.outbox.batches.tell(held, told) else 0
        if not self.outbox.limits.spend(self.host.budget, now.timestamp()):
            return 0
        return self._closed(held, self.host.close(pull.number, _BRIDGE, _ELSEWHERE, now), now)

    def _same(self, pull: Pull, paths: Sequence[str]) -> bool:
        """Whether a pull request has these files as main has them."""
        known = self.clone.resolve(pull.head) is not None
        return known and self.clone.tree(pull.head, *paths) == self.clone.tree(MAIN, *paths)

    def _closed(self, held: Batch, pull: Pull, now: datetime) -> int:
        """Closed without merging: whoever is named in a line of its own leaves, and what main has is approved; the rest go
        to the host anew. When nobody is named, and `elsewhere` did not close it, the rest are returned."""
        by, found = self._member(pull.decided_by), on_main(self.clone, held)
        said = list(self._said(held, pull, by))
        named = dict(self._leavers(held, said))
        if named or (found and pull.decided_by == _BRIDGE):
            return part(self.outbox, held, {**named, **found}, now, pull.decided_at)
        # What whoever closed it wrote; else what a reviewer did.
        written = pull.reason or next((cleaned(text) for text, _, ours in reversed(said) if not ours), None)
        reason = _UNSAID if written is None or _lines(written) else written
        rest = {row.sent.id: ("returned", by, reason) for row in held.rows}
        return part(self.outbox, held, {**rest, **found}, now, pull.decided_at)

    def _leavers(
        self, held: Batch, said: Iterable[tuple[str, str | None, bool]]
    ) -> Iterator[tuple[str, tuple[str, str | None, str]]]:
        """Whom a line takes out, and in whose name. A line counts that we wrote, for the desk or a member, or that a
        reviewer wrote; only ours withdraw. Anybody who can read a pull request can write below it."""
        codes = {receipt_code(row.sent.id): row.sent.id for row in held.rows}
        for text, who, ours in said:
            for kind, code, reason in _lines(text):
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
            if comment.own:  # what has several lines is a report of ours, and none of `leaving`
                yield from () if "\n" in comment.text.strip() else ((comment.text, by, True),)
            elif comment.by in reviewers:
                yield comment.text, reviewers[comment.by], False

    def _decider(self, merge: Commit | None, pull: Pull) -> str | None:
        """The member who merged: the desk says it in the merge itself, a host knows a login."""
        said = sorted(merge.members("Approved-By")) if merge else ()
        return said[0] if len(said) == 1 else self._member(pull.decided_by)

    def _member(self, login: str | None) -> str | None:
        """The member behind a login; on the embedded host it is one."""
        if login is None or self.host.name == "local":
            return login
        reviewers = load(self.clone, MAIN).organisation.reviewers
        return next((one.member for one in reviewers if one.logins.get(self.host.name) == login), login)


def _outcomes(told: Mapping[str, Told], at: str) -> dict[str, dict[str, str | None]]:
    return {
        ident: {"state": state, "decided_by": by, "decided_at": at, "reason": reason or None}
        for ident, (state, by, reason) in told.items()
    }
