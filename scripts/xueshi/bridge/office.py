"""What the pages work with: the outbox, the host, the links, and the newest records with their totals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from xueshi import records
from xueshi.bridge.guards import Buckets
from xueshi.delivery import MAIN
from xueshi.errors import HostUnavailable
from xueshi.git import Repository
from xueshi.hosts.base import Host, Pull
from xueshi.links import Links
from xueshi.model import History, Kept, Person, RecordSet, Study, Totals, Unit, contains
from xueshi.outbox import Outbox
from xueshi.totals import total


@dataclass(frozen=True, slots=True)
class Current:
    """The approved records at the tip of main, judged on `today`."""

    tip: str
    today: date
    records: RecordSet
    history: History
    approvals: frozenset[str]
    used: dict[str, str]
    totals: Totals
    people: dict[str, Person]
    repo: Repository

    def name(self, member: str | None) -> str:
        """A member's name, or the id of one who is on no roster."""
        person = self.people.get(member or "")
        return person.name if person else (member or "")

    def unit_name(self, unit: str) -> str:
        """A unit's name, or its id where there is none."""
        found = self.records.organisation.unit(unit)
        return found.name if found else unit

    def branch(self, branch: str) -> Unit | None:
        return next((unit for unit in self.records.organisation.branches() if unit.id == branch), None)

    def records_of(self, member: str) -> dict[str, Study]:
        """A member's records by path."""
        figures = self.totals.members.get(member)
        return {credit.study.path: credit.study for credit in figures.credits} if figures else {}

    def of_members(self, members: Collection[str]) -> RecordSet:
        """Everything approved, of records only those of these members."""
        studies = {path: study for member in members for path, study in self.records_of(member).items()}
        return replace(self.records, studies=studies)

    def reviews(self, member: str) -> bool:
        """Whether somebody may decide on records of anybody today."""
        held = (r for r in self.records.organisation.reviewers if r.member == member)
        return any(contains(r.start, r.until, self.today) for r in held)

    def members(self, branch: str) -> list[Person]:
        """Who is on the branch's roster today."""
        return [p for p in self.people.values() if p.membership(self.today, branch)]


class Office:
    """Made once at start. `repo` holds main, the evidence and the proposals, `pulls` gives what waits on the host, None as
    long as it has not told since the start.
    `desk` is the host as the review desk's own identity (None: reviewers decide on the host itself), `host` the host as
    the bridge's, which takes back what its member withdraws. `page(kind, id)` is the site's address of a member,
    `page(kind, id, reader)` that of a unit for an officer; `wake` tells the worker that there is something to do; `now` is the time in Shanghai; a decision can be
    undone for `undo`; `per_member` bounds how much one member may send."""

    def __init__(
        self,
        outbox: Outbox,
        repo: Repository,
        desk: Host | None,
        links: Links,
        *,
        pulls: Callable[[], list[Pull] | None],
        page: Callable[..., str],
        now: Callable[[], datetime],
        wake: Callable[[], None],
        host: Host | None = None,
        undo: timedelta = timedelta(minutes=10),
        per_member: Buckets | None = None,
    ) -> None:
        self.outbox, self.repo, self.desk, self.links, self._pulls = outbox, repo, desk, links, pulls
        self.page, self.now, self.wake, self.undo = page, now, wake, undo
        self.host, self.per_member = host or desk, per_member
        self.brought: dict[str, Any] = {}  # what open proposals bring, by head; see brought.brings
        self.judged: dict[Any, Any] = {}  # what was found of them; see queue.items
        self.barred: dict[str, datetime] = {}  # refs the host denied to close, and when it is asked again
        self._kept: tuple[object, Kept | None] = (None, None)
        self._current: Current | None = None
        self._stamp: object = None
        self._lock = threading.Lock()

    def pulls(self) -> list[Pull]:
        """What waits on the host, oldest first, as far as it has told."""
        return self._pulls() or []

    @property
    def heard(self) -> bool:
        """Whether the host has told since the start what waits: without that, nothing waiting means nothing."""
        return self._pulls() is not None

    def current(self) -> Current:
        """Main as it is now; read anew only after it moved or the day changed. Raises HostUnavailable."""
        stamp, today = self.repo.stamp(MAIN), self.now().date()
        with self._lock:
            if self._current is not None and (self._stamp, self._current.today) == (stamp, today):
                return self._current
            tip = self.repo.resolve(MAIN)
            if tip is None:
                raise HostUnavailable("the host has no main")
            self._stamp = stamp  # taken before the tip was read: at worst main is read once more
            if self._current is None or (self._current.tip, self._current.today) != (tip, today):
                found, history = records.load_approved(self.repo, tip)
                approvals = history.approvals()
                figures = total(found, found.policy, approvals, today)
                used, people = records.used_ids(history), found.people()
                self._current = Current(
                    tip, today, found, history, approvals, used, figures, people, self.repo
                )
            return self._current

    def evidence(self) -> Kept | None:
        """Which pictures are kept; read anew only after one came."""
        tips = self.repo.refs("refs/heads/evidence")
        if self._kept[0] != tips:
            self._kept = (tips, records.kept(self.repo))
        return self._kept[1]

    def picture(self, sha256: str) -> bytes | None:
        """A picture that was sent here, or that came to the repository in another way; None where it is nowhere."""
        held = self.outbox.picture(sha256)
        if held is not None:
            return held[1]
        blob = records.evidence_blobs(self.repo).get(sha256)
        return next(iter(self.repo.blobs([blob]).values()), None) if blob else None
