"""One pass over the outbox: seal, push, open, reconcile, tidy up. Every step may be taken again after a crash."""

from __future__ import annotations

import fcntl
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from xueshi.delivery.clone import MAIN, REFSPECS, open_clone
from xueshi.delivery.proposing import Proposing, Wording
from xueshi.delivery.settling import Settling
from xueshi.errors import (
    GitError,
    HostConflict,
    HostDenied,
    HostLimited,
    HostRefused,
    HostUnavailable,
    XueshiError,
)
from xueshi.git import Identity, Repository
from xueshi.hosts.base import PROPOSAL, Host, Pull
from xueshi.outbox import Batch, Gathering, Outbox
from xueshi.outbox.store import DISK
from xueshi.records import read_commits, submission

_WAIT, _LONGEST = 2.0, 900.0  # seconds between tries of a step that failed: at first, and at most
_DENIED = 300.0  # seconds until a host is asked again that did not let us in
_ATTEMPTS = 12  # then a person must look
_LOOKS, _LOOK_AGAIN = 7, 600.0  # looks for a missing pull request, and seconds between two of them
_IN_A_ROW = 3  # pull requests that cannot be read, then the host is meant
_TOGETHER = 50  # refs in one push
# For the members whose pull request is missing.
MISSING = "审核台上的这一条被删掉或移走了。内容和照片都还在，管理员会重新送审，您不用重新提交"
_NOT_THERE = "merged, as the host says, but main has nothing of it"
T = TypeVar("T")
_LOG = logging.getLogger("xueshi.delivery")


@dataclass(slots=True)
class Delivery:
    """Carries submissions from `outbox` through `clone` (a bare cache of the host) to pull requests on `host`.

    `opened` holds what waited on the host when it last told, None as long as it has not. One at a time may work on a clone: a file lock keeps
    other processes out, and a batch's fence whoever was thought dead. `late` names what failed, of each kind, the first
    first: it is looked at last."""

    outbox: Outbox
    clone: Repository
    host: Host
    bridge: Identity
    wording: Wording = field(default_factory=Wording)
    rules: Gathering = field(default_factory=Gathering)
    opened: list[Pull] | None = None
    late: dict[str, dict[str, None]] = field(default_factory=dict)
    called: Callable[[str, str], None] = lambda call, outcome: (
        None
    )  # for figures: what was asked, and what came of it

    def deliver(self, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
        """Take every step that is due, until `stopping`; how many pull requests were opened or found. A batch that
        fails is put off or parked and stops no other; a host that wants no calls is left alone."""
        with self._only_writer():
            self._fetch()
            batches, at = self.outbox.batches, now.timestamp()
            ready = self.outbox.limits.ready(self.host.budget, at)
            batches.seal(
                now,
                self.rules,
                busy=ready > at or batches.waiting() > self.rules.rush,
                alone=lambda row: self.wording.reviews(row.sent.member),
            )
            sealed = batches.due(at, "sealed")
            for start in range(0, len(sealed), _TOGETHER):
                if stopping():
                    return 0
                self._push(sealed[start : start + _TOGETHER], now)
            done = 0
            for held in batches.due(at, "pushed"):
                if stopping() or self.outbox.limits.blocked(at):
                    break
                if self.outbox.limits.ready(self.host.budget, at) > at:
                    break
                done += self._step(held, now, "open", self._proposing.open)
            return done

    def carry(self, now: datetime, stopping: Callable[[], bool] = lambda: False) -> None:
        """Everything there is to do at a host: deliver, see what was decided, tidy up."""
        for act in (lambda: self.deliver(now, stopping), lambda: self.reconcile(now), lambda: self.tidy(now)):
            if stopping() or self.outbox.limits.blocked(now.timestamp()):
                return
            try:
                act()
            except XueshiError as error:
                _LOG.warning("%s", error)
                self._heed(error, now)

    def pause(self, now: float, usual: float) -> float:
        """Seconds until there is a step to take, at most `usual`."""
        if not self.outbox.batches.due(now, "pushed"):
            return usual
        return max(0.05, min(usual, self.outbox.limits.ready(self.host.budget, now) - now))

    @property
    def _proposing(self) -> Proposing:
        return Proposing(self.outbox, self.clone, self.host, self.bridge, self.wording)

    @property
    def _settling(self) -> Settling:
        return Settling(self.outbox, self.clone, self.host)

    # --- one step, and what its failing means

    def _step(self, held: Batch, now: datetime, call: str, act: Callable[[Batch, datetime], None]) -> bool:
        taken = self.outbox.batches.take(held)
        if taken is None:
            return False
        try:
            act(taken, now)
            self.called(call, "done")
            return True
        except XueshiError as error:
            self.called(call, type(error).__name__)
            self._failed(taken, now, error)
        except DISK as error:
            self.called(call, type(error).__name__)
            self._failed(taken, now, error)
        except Exception as error:  # a fault of ours in one batch must not hold up the others
            _LOG.exception("batch %s is parked", held.id)
            self.outbox.batches.park(taken, f"{type(error).__name__}: {error}")
        return False

    def _failed(self, taken: Batch, now: datetime, error: Exception) -> None:
        """Put off, or set aside for a person: a host that is away or limits is nobody's fault, however long."""
        _LOG.warning("batch %s: %s", taken.id, error)
        self._heed(error, now)
        hopeless = taken.attempts + 1 >= _ATTEMPTS and not isinstance(error, HostUnavailable | HostDenied)
        if hopeless or (isinstance(error, HostRefused) and not isinstance(error, HostConflict)):
            self.outbox.batches.park(taken, str(error))
        else:
            wait = min(_LONGEST, _WAIT * 3 ** min(taken.attempts, 9)) * random.uniform(0.7, 1.3)
            self.outbox.batches.retry(taken, now.timestamp() + wait, str(error))

    def _heed(self, error: Exception, now: datetime) -> None:
        """Ask a host nothing that limits us or does not let us in."""
        if isinstance(error, HostLimited):
            self.outbox.limits.block(self.host.name, error.until, str(error))
        elif isinstance(error, HostDenied):
            _LOG.error("%s", error)
            self.outbox.limits.block(self.host.name, now.timestamp() + _DENIED, str(error))

    def _fetch(self) -> None:
        """Look at the host. Raises HostUnavailable while it is away: then no step is taken, and none counts as failed."""
        mend = getattr(self.host, "mend", None)
        if mend is not None:
            mend()
        try:
            self.clone.fetch(self.host.url, *REFSPECS)
        except GitError as error:
            self.clone = open_clone(self.host, self.clone.path)
            raise HostUnavailable(str(error)) from None

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """Evidence refs have one writer, over all processes of this installation."""
        with (self.clone.path.parent / "delivery.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _push(self, sealed: Sequence[Batch], now: datetime) -> None:
        """Push many batches at once; one after the other when that does not go, so that each fails for itself."""
        if len(sealed) > 1:
            taken = [held for one in sealed if (held := self.outbox.batches.take(one))]
            try:
                self._proposing.push(taken)
                return
            except (XueshiError, OSError) as error:
                _LOG.warning("%d batches are pushed one by one: %s", len(taken), error)
            except Exception:  # whose fault it is shows when each goes alone
                _LOG.exception("%d batches are pushed one by one", len(taken))
            sealed = [held for one in taken if (held := self.outbox.batches.get(one.id))]
        for held in sealed:
            if held.state == "sealed":
                self._step(held, now, "push", lambda one, _: self._proposing.push([one]))

    # --- what was decided

    def reconcile(self, now: datetime) -> int:
        """Ask the host what became of what waits; how many submissions were decided. Its list says what waits;
        whoever is not as the list says is asked for alone, since a list may be of a moment ago."""
        self.opened = self.host.open_pulls()
        shut = self.outbox.batches.seen({pull.number: pull.head_ref for pull in self.opened})
        waiting = {(pull.number, pull.head_ref) for pull in self.opened}
        undecided = {held.id: held for held in self.outbox.batches.undecided(now.timestamp())}
        listed = [held for held in undecided.values() if (held.pull, held.ref) in waiting]
        still = {held.id for held in listed} - self._settling.on_main(listed)
        asked = {ident: held for ident, held in undecided.items() if ident not in still}
        asked.update({held.id: held for held in shut})
        return self._each("pulls", asked.items(), lambda held: self._looked(held, now))

    def _looked(self, held: Batch, now: datetime) -> int:
        """What became of one pull request."""
        pull = self.host.get(held.pull or 0)
        if pull is not None and pull.head_ref != held.ref:
            pull = None  # a host that was put back from a backup gives numbers again
        if pull is not None and pull.state == "open":
            if held.state == "proposed":
                return self._settling.elsewhere(held, pull, now)
            self.outbox.batches.reopen(held)
        elif held.state != "decided":
            if pull is None:
                self._missing(held, now)
            elif self._settling.arrived(held, pull) or not self._again(held, now, _NOT_THERE):
                return self._settling.decided(held, pull, now)
        return 0

    def _again(self, held: Batch, now: datetime, words: str) -> bool:
        """Whether it is looked for again: for an hour, since a host may not know everywhere at once what it knows."""
        looks = held.attempts + 1 < _LOOKS
        if looks:
            self.outbox.batches.retry(held, now.timestamp() + _LOOK_AGAIN, words)
        return looks

    def _missing(self, held: Batch, now: datetime) -> None:
        """Its pull request is deleted, or leads elsewhere than to main, or its number is another's: looked for again, then
        set aside, and looked for as before."""
        words = (
            f"pull {held.pull} is not on the host: it was deleted, or leads to another ref than main, or the host was put "
            "back from a backup and its number is another's"
        )
        if held.state == "parked":
            self.outbox.batches.advance(held, next_at=now.timestamp() + _LOOK_AGAIN)
        elif not self._again(held, now, words):
            _LOG.error("batch %s is parked: %s", held.id, words)
            self.outbox.batches.park(held, f"{words}; retry proposes it again", MISSING)

    def tidy(self, now: datetime) -> None:
        """Delete the refs of what is decided, and pictures that nothing came to name; open a pull request for each proposal
        that somebody pushed."""
        self.outbox.tidy(now)
        refs = {
            name.removeprefix("refs/heads/"): sha for name, sha in self.clone.refs("refs/heads/sub").items()
        }
        waiting = {pull.head_ref for pull in self.opened or ()}
        others = ((ref, (ref, sha)) for ref, sha in refs.items() if ref not in waiting)
        self._each("refs", others, lambda one: self._tidy_one(*one, now))

    def _tidy_one(self, ref: str, sha: str, now: datetime) -> int:
        held = self.outbox.batches.get(ref.removeprefix("sub/"))
        if held is not None and held.state != "decided":
            return 0
        pull = self.host.find(ref)
        if held is None and pull is None and PROPOSAL.fullmatch(ref):
            if self.outbox.limits.spend(self.host.budget, now.timestamp()):
                self.host.open(ref, f"【待审核】{ref}", "", now)
        elif self._is_ours(held, sha) if held else pull is not None and pull.state != "open":
            name = f"refs/heads/{ref}"
            self.clone.push(self.host.url, f":{name}", leases={name: sha})
        return 1

    def _each(self, what: str, many: Iterable[tuple[str, T]], act: Callable[[T], int]) -> int:
        """The sum of what `act` gives for each, by its name. One that the host cannot tell of, or refuses, does not hold up
        those after it, and the next time it comes after them; of three in a row the last error is raised: then it is the
        host."""
        named = dict(many)
        late = {name: None for name in self.late.get(what, ()) if name in named}
        self.late[what] = late
        done = failed = 0
        for name in [name for name in named if name not in late] + list(late):
            try:
                late.pop(name, None)
                done += act(named[name])
                failed = 0
            except (HostLimited, HostDenied):
                raise
            except XueshiError as error:
                _LOG.warning("%s", error)
                late[name] = None
                failed += 1
                if failed == _IN_A_ROW:
                    raise
        return done

    def _is_ours(self, held: Batch, sha: str) -> bool:
        """Whether the ref of a decided batch may go. One that never had a pull request may have met a stranger's."""
        return held.pull is not None or self._proposing.holds(held, held.commit, sha)

    def recover(self, now: datetime) -> int:
        """At start: submissions that this outbox, put back from a backup, takes for new but the host already has."""
        found = 0
        for name, sha in self.clone.refs("refs/heads/sub").items():
            ident = name.removeprefix("refs/heads/sub/")
            if self.outbox.batches.get(ident) is None:
                sent = [submission(commit) for commit in read_commits(self.clone, sha, f"^{MAIN}")]
                ids = [one.id for one in sent if one is not None]
                found += self.outbox.batches.adopt(ident, ids, sha, now)
        return found
