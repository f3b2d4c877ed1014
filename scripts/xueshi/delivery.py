"""One pass over the outbox: seal, commit, push, find, open, reconcile. Every step may be taken again after a crash."""

from __future__ import annotations

import fcntl
import logging
import random
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from xueshi.errors import (
    GitError,
    HostConflict,
    HostDenied,
    HostLimited,
    HostRefused,
    HostUnavailable,
    XueshiError,
)
from xueshi.git import Identity, NewCommit, Repository, clone_bare
from xueshi.hosts.base import Host, Pull
from xueshi.model import Study
from xueshi.outbox import Batch, Gathering, Outbox, Row
from xueshi.proposals import Told, changes_message, corrected, pull_body, pull_title, register
from xueshi.records import evidence_path, load, parse_file, read_commits, study_file, submission
from xueshi.ulids import year_of
from xueshi.words import receipt_code

MAIN = "refs/heads/main"
_REFSPECS = (
    f"+{MAIN}:{MAIN}",
    "+refs/heads/evidence/*:refs/heads/evidence/*",
    "+refs/heads/sub/*:refs/heads/sub/*",
)
_WAIT, _LONGEST = 2.0, 900.0  # seconds between tries of a step that failed: at first, and at most
_DENIED = 300.0  # seconds until a host is asked again that did not let us in
_ATTEMPTS = 12  # then a person must look
_TOGETHER = 50  # refs in one push
_REF = re.compile(r"sub/[0-7][0-9A-HJKMNP-TV-Z]{25}")
_ONE = re.compile(
    r"^[\s*>.\d-]*(退回|撤回)[\s:：]*([0-9A-Z]{5}[- ]?[0-9A-Z]{5})\s*[:：,，]?\s*(.*?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_UNSAID = "审核人没有写原因，请直接询问"
_LOG = logging.getLogger("xueshi.delivery")


def open_clone(host: Host, path: Path) -> Repository:
    """The bare clone at `path`, brought up to date. One that is missing or broken is made anew: it is only a cache of
    the host. While the host is away the clone stays what it was; without one HostUnavailable or GitError is raised."""
    clone = Repository(path, host.git_environment())
    try:
        clone.fetch(host.url, *_REFSPECS)
        return clone
    except GitError as error:
        if _is_sound(clone):
            _LOG.warning("the host is away: %s", error)
            return clone
    shutil.rmtree(path, ignore_errors=True)
    return clone_bare(host.url, path, host.git_environment())


def _is_sound(clone: Repository) -> bool:
    try:
        clone.run("rev-parse", "--verify", "--quiet", f"{MAIN}^{{tree}}")
        clone.run("fsck", "--connectivity-only", "--no-dangling")
        return True
    except (GitError, OSError):
        return False


def leaving(kind: str, submission_id: str, reason: str) -> str:
    """The line that takes one record out of a pull request, as a reviewer may write it too. `kind`: 退回 | 撤回."""
    return f"{kind} {receipt_code(submission_id)} {' '.join(reason.split())}".rstrip()


@dataclass(frozen=True, slots=True)
class Wording:
    """What a pull request says beside the facts: a record's `effect` on hours in Markdown, where its `pictures` can be
    seen, and the names of a `person` and a `unit`. Whoever `reviews` may not decide on their
    own record, which must not keep the rest of a group from them: it goes alone."""

    effect: Callable[[Study], str] = lambda study: ""
    pictures: Callable[[Study], Sequence[str]] = lambda study: ()
    person: Callable[[str], str] = lambda member: member
    unit: Callable[[str], str] = lambda branch: branch
    reviews: Callable[[str], bool] = lambda member: False


@dataclass(slots=True)
class Delivery:
    """Carries submissions from `outbox` through `clone` (a bare cache of the host) to pull requests on `host`.

    `opened` holds what waited on the host when it was last asked. One at a time may work on a clone: a file lock keeps
    other processes out, and a batch's fence whoever was thought dead."""

    outbox: Outbox
    clone: Repository
    host: Host
    bridge: Identity
    wording: Wording = field(default_factory=Wording)
    rules: Gathering = field(default_factory=Gathering)
    opened: list[Pull] = field(default_factory=list)
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
                done += self._step(held, now, "open", self._open)
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
        except Exception as error:  # a fault of ours in one batch must not hold up the others
            _LOG.exception("batch %s is parked", held.id)
            self.outbox.batches.park(taken, f"{type(error).__name__}: {error}")
        return False

    def _failed(self, taken: Batch, now: datetime, error: XueshiError) -> None:
        """Put off, or set aside for a person: a host that is away or limits is nobody's fault, however long."""
        _LOG.warning("batch %s: %s", taken.id, error)
        self._heed(error, now)
        hopeless = taken.attempts + 1 >= _ATTEMPTS and not isinstance(error, HostUnavailable | HostDenied)
        if hopeless or (isinstance(error, HostRefused) and not isinstance(error, HostConflict)):
            self.outbox.batches.park(taken, str(error))
        else:
            wait = min(_LONGEST, _WAIT * 3 ** min(taken.attempts, 9)) * random.uniform(0.7, 1.3)
            self.outbox.batches.retry(taken, now.timestamp() + wait, str(error))

    def _heed(self, error: XueshiError, now: datetime) -> None:
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
            self.clone.fetch(self.host.url, *_REFSPECS)
        except GitError as error:
            self.clone = open_clone(self.host, self.clone.path)
            raise HostUnavailable(str(error)) from None

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """Evidence refs have one writer, over all processes of this installation."""
        with (self.clone.path.parent / "delivery.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # --- commit and push

    def _push(self, sealed: Sequence[Batch], now: datetime) -> None:
        """Push many batches at once; one after the other when that does not go, so that each fails for itself."""
        if len(sealed) > 1:
            taken = [held for one in sealed if (held := self.outbox.batches.take(one))]
            try:
                self._push_all(taken)
                return
            except (XueshiError, OSError) as error:
                _LOG.warning("%d batches are pushed one by one: %s", len(taken), error)
            except Exception:  # whose fault it is shows when each goes alone
                _LOG.exception("%d batches are pushed one by one", len(taken))
            sealed = [held for one in taken if (held := self.outbox.batches.get(one.id))]
        for held in sealed:
            if held.state == "sealed":
                self._step(held, now, "push", lambda one, _: self._push_all([one]))

    def _push_all(self, batches: Sequence[Batch]) -> None:
        """Commits of every batch, and the pictures of all, in one create-only push."""
        begun = [self._begun(held) for held in batches]
        commits = self._commits(begun)
        there = self.clone.refs("refs/heads/sub")
        leases: dict[str, str] = {}
        specs: list[str] = []
        for held, commit in zip(begun, commits, strict=True):
            name = f"refs/heads/{held.ref}"
            if name not in there:
                leases[name] = ""
                specs.append(f"{commit}:{name}")
            elif not self._is_ours(held, commit, there[name]):
                raise HostRefused(f"{held.ref} holds {there[name]}, which is not ours; look who pushed it")
        if specs:
            kept, guards = self._evidence([row for held in begun for row in held.rows])
            self.clone.push(self.host.url, *kept, *specs, leases={**leases, **guards})
        for held, commit in zip(begun, commits, strict=True):
            self.outbox.batches.advance(held, state="pushed", commit=commit, attempts=0, error=None)

    def _is_ours(self, held: Batch, commit: str, there: str) -> bool:
        """Whether a ref holds what we would push, perhaps amended, or from another base by an outbox that was lost."""
        if self.clone.is_ancestor(commit, there):
            return True
        sent = {told.id for one in read_commits(self.clone, there, f"^{MAIN}") if (told := submission(one))}
        return {row.sent.id for row in held.rows} <= sent

    def _begun(self, held: Batch) -> Batch:
        """With its base recorded before anything is built, so that building again gives the same commits."""
        if held.base is not None:
            return held
        base = self.clone.resolve(MAIN)
        if base is None:
            raise HostUnavailable("the host has no main")
        self.outbox.batches.advance(held, base=base)
        return self.outbox.batches.get(held.id) or held

    def _commits(self, batches: Iterable[Batch]) -> list[str]:
        """The last commit of each batch: one commit a submission, each on the one before."""
        new: list[NewCommit] = []
        last = []
        for held in batches:
            parent = held.base or ""
            for row in held.rows:
                sent = row.sent
                study = self._study(row, held.base or "")
                message = changes_message(sent.action, sent.id, (study.id,), sent.member)
                new.append(
                    NewCommit((parent,), {study.path: study_file(study)}, message, self.bridge, sent.at)
                )
                parent = f":{len(new)}"
            last.append(len(new) - 1)
        made = self.clone.commits(new)
        return [made[number] for number in last]

    def _study(self, row: Row, base: str) -> Study:
        sent = row.sent
        if sent.action == "register":
            return register(sent)
        found = self.clone.blobs([f"{base}:{sent.path}"])
        before = parse_file(sent.path, next(iter(found.values()))).value if found else None
        if not isinstance(before, Study):
            raise HostRefused(f"{sent.path} is not on main, so it cannot be corrected")
        return corrected(sent, before)

    def _evidence(self, rows: Iterable[Row]) -> tuple[list[str], dict[str, str]]:
        """What to push so that the evidence refs hold these submissions' pictures, and the leases of that."""
        wanted: dict[int, dict[str, bytes | None]] = {}
        at: dict[int, datetime] = {}
        for row in rows:
            year = year_of(row.sent.record_id)
            for evidence in row.sent.evidence:
                found = self.outbox.picture(evidence.sha256)
                if found is not None:
                    wanted.setdefault(year, {})[evidence_path(evidence.sha256)] = found[1]
                    at[year] = max(at.get(year, row.sent.at), row.sent.at)
        specs, leases = [], {}
        for year, files in wanted.items():
            ref = f"refs/heads/evidence/{year}"
            tip = self.clone.resolve(ref)
            present = self.clone.tree(tip, *files) if tip else {}
            fresh = {path: data for path, data in files.items() if path not in present}
            if fresh:
                message = f"Keep {len(fresh)} pictures\n"
                new = NewCommit((tip,) if tip else (), fresh, message, self.bridge, at[year])
                specs.append(f"{self.clone.commits([new])[0]}:{ref}")
                leases[ref] = tip or ""
        return specs, leases

    # --- open

    def _open(self, held: Batch, now: datetime) -> None:
        """Find, open, find again: whatever was lost on the way, one ref has one pull request."""
        pull = self.host.find(held.ref)
        if pull is None and self._is_on_main(held):
            self._settle(held, dict.fromkeys((row.sent.id for row in held.rows), ("approved", None, "")), now)
            return
        if pull is None:
            if not self.outbox.limits.spend(self.host.budget, now.timestamp()):
                return
            try:
                pull = self.host.open(held.ref, *self._words(held), now)
            except HostConflict:
                pull = self.host.find(held.ref)
                if pull is None:
                    raise
        self.outbox.batches.propose(held, pull.number, pull.url, now)

    def _is_on_main(self, held: Batch) -> bool:
        """Whether main holds its records: an outbox put back from a backup proposes nothing twice."""
        paths = [row.sent.path for row in held.rows if row.sent.action == "register"]
        return bool(paths) and len(self.clone.tree(MAIN, *paths)) == len(held.rows)

    def _words(self, held: Batch) -> tuple[str, str]:
        told = [self._told(row, held) for row in held.rows]
        return pull_title(self.wording.unit(held.branch), told), pull_body(told)

    def _told(self, row: Row, held: Batch) -> Told:
        study = self._study(row, held.base or "")
        return Told(
            study=study,
            submission=row.sent.id,
            code=receipt_code(row.sent.id),
            name=self.wording.person(study.member),
            effect=self.wording.effect(study),
            pictures=self.wording.pictures(study),
        )

    # --- reconcile

    def reconcile(self, now: datetime) -> int:
        """Ask the host what became of what waits; how many submissions were decided. Its own list is the truth."""
        self.opened = self.host.open_pulls()
        waiting = {pull.number for pull in self.opened}
        self.outbox.batches.reopen(waiting)
        decided = 0
        for held in self.outbox.batches.proposed():
            if held.pull is None or held.pull in waiting:
                continue
            pull = self.host.get(held.pull)
            if pull is not None and pull.state != "open":
                decided += self._decided(held, pull, now)
        return decided

    def _decided(self, held: Batch, pull: Pull, now: datetime) -> int:
        if pull.state == "merged":
            self.clone.fetch(self.host.url, *_REFSPECS)
            there = self.clone.tree(MAIN, *(row.sent.path for row in held.rows))
            by = self._decider(pull)
            told = {
                row.sent.id: ("approved", by, "")
                if row.sent.path in there
                else ("returned", by, "审核人合并时去掉了这一条")
                for row in held.rows
            }
            return self._settle(held, told, now, pull.decided_at)
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
        return self._settle(held, {**rest, **named}, now, pull.decided_at)

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

    def _settle(
        self,
        held: Batch,
        told: Mapping[str, tuple[str, str | None, str]],
        now: datetime,
        at: str | None = None,
    ) -> int:
        values = {ident: _outcome(*what, at or now.isoformat()) for ident, what in told.items()}
        return len(values) if self.outbox.batches.decide(held, values) else 0

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

    def tidy(self, now: datetime) -> None:
        """Delete the refs of what is decided, and open a pull request for each proposal that somebody pushed."""
        refs = {
            name.removeprefix("refs/heads/"): sha for name, sha in self.clone.refs("refs/heads/sub").items()
        }
        waiting = {pull.head_ref for pull in self.opened}
        for ref, sha in refs.items():
            if ref in waiting:
                continue
            held = self.outbox.batches.get(ref.removeprefix("sub/"))
            if held is not None and held.state != "decided":
                continue
            pull = self.host.find(ref)
            if held is None and pull is None and _REF.fullmatch(ref):
                if self.outbox.limits.spend(self.host.budget, now.timestamp()):
                    self.host.open(ref, f"【待审核】{ref}", "", now)
            elif held is not None or (pull is not None and pull.state != "open"):
                name = f"refs/heads/{ref}"
                self.clone.push(self.host.url, f":{name}", leases={name: sha})

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


def _outcome(state: str, by: str | None, reason: str, at: str) -> dict[str, str | None]:
    return {"state": state, "decided_by": by, "decided_at": at, "reason": reason or None}


__all__ = ["MAIN", "Delivery", "Wording", "leaving", "open_clone"]
