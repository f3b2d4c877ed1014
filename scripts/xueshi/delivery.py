"""One pass over the outbox: commit, push, find, open, reconcile. Every step may be taken again after a crash."""

from __future__ import annotations

import fcntl
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from xueshi.errors import GitError, HostRefused, HostUnavailable, RefMoved, XueshiError
from xueshi.git import Identity, NewCommit, Repository, clone_bare
from xueshi.hosts.local import LocalHost
from xueshi.model import Study
from xueshi.outbox import Outbox, Row
from xueshi.proposals import commit_message, pull_body, pull_title, register
from xueshi.records import evidence_path, load, study_file

_WAIT = 30.0  # seconds before a failed step is tried again, times the number of attempts
_ATTEMPTS = 8


_REF = re.compile(r"sub/[0-7][0-9A-HJKMNP-TV-Z]{25}")
_LOG = logging.getLogger("xueshi.delivery")


def open_clone(url: str, path: Path) -> Repository:
    """The bare clone at `path`, made anew when it is missing or broken: it is only a cache of the host."""
    clone = Repository(path)
    try:
        clone.fetch(url, "+refs/heads/main:refs/heads/main", "+refs/heads/evidence/*:refs/heads/evidence/*")
        clone.run("rev-parse", "--verify", "--quiet", "refs/heads/main^{tree}")
    except (GitError, OSError):
        shutil.rmtree(path, ignore_errors=True)
        clone = clone_bare(url, path)
    return clone


class Delivery:
    """Carries submissions from `outbox` through `clone` (a bare cache of the host) to pull requests on `host`, whose
    bodies hold what `told` says of a record: its effect on hours, in Markdown."""

    def __init__(
        self,
        outbox: Outbox,
        clone: Repository,
        host: LocalHost,
        bridge: Identity,
        told: Callable[[Study], str] = lambda study: "",
    ) -> None:
        self._outbox = outbox
        self._clone = clone
        self._host = host
        self._url = str(host.repo.path)
        self._bridge = bridge
        self._told = told

    def deliver(self, now: datetime, stopping: Callable[[], bool] = lambda: False) -> int:
        """Take every step that is due, until `stopping`; how many submissions reached their pull request. One that
        fails is put off or parked and stops no other."""
        done = 0
        with self._only_writer():
            self._host.mend()
            for row in self._outbox.due(now.timestamp()):
                if stopping():
                    break
                try:
                    self._propose(row, now)
                    done += 1
                except HostRefused as error:
                    self._outbox.park(row, str(error))
                except (HostUnavailable, GitError) as error:
                    self._again(row, now, error)
                except Exception as error:  # a fault of ours in one row must not hold up the others
                    _LOG.exception("submission %s is parked", row.sent.id)
                    self._outbox.park(row, f"{type(error).__name__}: {error}")
        return done

    def _again(self, row: Row, now: datetime, error: XueshiError) -> None:
        _LOG.warning("submission %s: %s", row.sent.id, error)
        if row.attempts + 1 < _ATTEMPTS:
            self._outbox.retry(row, now.timestamp() + _WAIT * (row.attempts + 1), str(error))
        else:
            self._outbox.park(row, str(error))
        if not isinstance(error, RefMoved):
            self._clone = open_clone(self._url, self._clone.path)

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """Evidence refs have one writer, over all processes of this installation."""
        with (self._clone.path.parent / "delivery.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def reconcile(self) -> int:
        """Ask the host what became of what waits; how many were decided."""
        decided, waiting = 0, self._outbox.pending()
        pulls = {pull.head_ref: pull for pull in self._host.pulls()} if waiting else {}
        for row in waiting:
            pull = pulls.get(f"sub/{row.sent.id}")
            if pull is None or pull.state == "open":
                continue
            self._outbox.advance(
                row,
                state="approved" if pull.state == "merged" else "returned",
                step="decided",
                decided_at=pull.decided_at,
                decided_by=pull.decided_by,
                reason=pull.reason,
            )
            decided += 1
        return decided

    def tidy(self, now: datetime) -> None:
        """Delete the refs of decided submissions, and open a pull request for each proposal that somebody pushed."""
        refs = {
            name.removeprefix("refs/heads/"): sha
            for name, sha in self._host.repo.refs("refs/heads/sub").items()
        }
        known = {pull.head_ref: pull for pull in self._host.pulls()} if refs else {}
        for ref, sha in refs.items():
            row = self._outbox.get(ref.removeprefix("sub/"))
            pull = known.get(ref)
            if row is None and pull is None and _REF.fullmatch(ref):
                self._host.open(ref, f"【待审核】{ref}", "", now)
            elif (row is not None and row.step == "decided") or (
                row is None and pull and pull.state != "open"
            ):
                name = f"refs/heads/{ref}"
                self._clone.push(self._url, f":{name}", leases={name: sha})

    def _propose(self, row: Row, now: datetime) -> None:
        sent, ref = row.sent, f"sub/{row.sent.id}"
        study = register(sent)
        self._clone.fetch(
            self._url, "+refs/heads/main:refs/heads/main", "+refs/heads/evidence/*:refs/heads/evidence/*"
        )
        commit = self._commit(row)
        # The remote is read before a push is tried again: our commit already there means done.
        there = self._host.repo.resolve(f"refs/heads/{ref}")
        known = self._host.find(ref)
        if there is None and known is None:
            self._push(row, commit, ref, study.path.split("/")[2])
        base = load(self._clone, "refs/heads/main")
        person, unit = base.people().get(sent.member), base.organisation.unit(sent.branch)
        title = pull_title(study, person.name if person else sent.member, unit.name if unit else sent.branch)
        pull = known or self._host.open(ref, title, pull_body(study, sent.id, self._told(study)), now)
        self._outbox.advance(
            row, state="pending", step="proposed", commit=commit, pull=pull.number, pending_at=now
        )

    def _commit(self, row: Row) -> str:
        """The proposal's commit. Its base is recorded before it is built, so that building again gives the same."""
        base = row.base or self._clone.resolve("refs/heads/main")
        if base is None:
            raise HostUnavailable("the host has no main")
        if row.base is None:
            self._outbox.advance(row, base=base)
        study = register(row.sent)
        message = commit_message("register", row.sent.id, study.id, row.sent.member)
        new = NewCommit((base,), {study.path: study_file(study)}, message, self._bridge, row.sent.at)
        return self._clone.commits([new])[0]

    def _push(self, row: Row, commit: str, ref: str, year: str) -> None:
        """Proposal and pictures in one create-only push."""
        leases, specs = {f"refs/heads/{ref}": ""}, [f"{commit}:refs/heads/{ref}"]
        kept = f"refs/heads/evidence/{year}"
        tip = self._clone.resolve(kept)
        present = self._clone.tree(tip) if tip else {}
        fresh: dict[str, bytes | None] = {}
        for evidence in row.sent.evidence:
            found = self._outbox.picture(evidence.sha256)
            if found is not None and evidence_path(evidence.sha256) not in present:
                fresh[evidence_path(evidence.sha256)] = found[1]
        if fresh:
            message = f"Keep evidence of {row.sent.id}\n"
            new = NewCommit((tip,) if tip else (), fresh, message, self._bridge, row.sent.at)
            specs.append(f"{self._clone.commits([new])[0]}:{kept}")
            leases[kept] = tip or ""
        self._clone.push(self._url, *specs, leases=leases)
