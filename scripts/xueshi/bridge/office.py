"""What the pages work with: the outbox, the host, the links, and the newest records with their totals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from xueshi import records
from xueshi.delivery import MAIN
from xueshi.errors import HostUnavailable
from xueshi.git import Repository
from xueshi.hosts.base import Host, Pull
from xueshi.links import Links
from xueshi.model import History, Person, RecordSet, Totals, Unit
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

    def members(self, branch: str) -> list[Person]:
        """Who is on the branch's roster today."""
        return [p for p in self.people.values() if p.membership(self.today, branch)]


class Office:
    """Made once at start. `repo` holds main, the evidence and the proposals, `pulls` gives what waits on the host and
    `desk` is the host as the review desk's own identity (None: switched off). `page(kind, id)` is the site's address of
    a member or a branch; `wake` tells the worker that there is something to do; `now` is the time in Shanghai."""

    def __init__(
        self,
        outbox: Outbox,
        repo: Repository,
        desk: Host | None,
        links: Links,
        *,
        pulls: Callable[[], list[Pull]],
        page: Callable[[str, str], str],
        now: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self.outbox, self.repo, self.desk, self.links, self.pulls = outbox, repo, desk, links, pulls
        self.page, self.now, self.wake = page, now, wake
        self._current: Current | None = None
        self._stamp: object = None
        self.brought: dict[str, Any] = {}  # what open proposals bring, by head; see queue.brings
        self._lock = threading.Lock()

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
                self._current = Current(tip, today, found, history, approvals, used, figures, people)
            return self._current
