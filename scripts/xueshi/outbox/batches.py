"""The way of submissions to the host: sealed into batches, pushed, proposed, decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from xueshi import ulids
from xueshi.outbox.gathering import AHEAD, WINDOW, Gathering, gathered
from xueshi.outbox.rows import Batch, Row, batch_of, row_of
from xueshi.outbox.store import Store
from xueshi.outbox.tables import batch, submission

LONGEST_PAUSE = 1800.0  # seconds; no step is put off for longer
_SEEN = {"attempts": 0, "next_at": 0.0, "error": None}
# What the submissions of a batch may be that waits again when its pull request is open.
_SHUT = ({"returned"}, {"parked"}, {"parked", "approved"})


class Batches:
    def __init__(self, store: Store) -> None:
        self._store = store

    # --- sealing

    def seal(
        self, now: datetime, rules: Gathering, *, busy: bool, alone: Callable[[Row], bool] = lambda row: False
    ) -> int:
        """Decide what goes to the host together, as far as it is time; how many batches were made. `busy`: the host
        wants fewer calls, or has more waiting than it lets us do. What is `alone` never shares a pull request."""
        waiting: dict[str, list[Row]] = {}
        made = 0
        with self._store.writing() as connection:
            free = sa.and_(submission.c.state == "received", submission.c.batch.is_(None))
            for row in _rows(connection, free):
                if row.sent.action == "register" and not alone(row):
                    waiting.setdefault(row.sent.branch, []).append(row)
                else:  # changes of one record go alone: a reviewer reads each against what it was
                    _seal(connection, (row,), now)
                    made += 1
            since = (now - timedelta(seconds=WINDOW)).isoformat()
            until = (now + timedelta(seconds=AHEAD)).isoformat()
            for branch, rows in waiting.items():
                came = sa.select(sa.func.count()).where(
                    submission.c.branch == branch, submission.c.received_at.between(since, until)
                )
                recent = connection.execute(came).scalar_one()
                for group in gathered(rows, recent, busy=busy, now=now.timestamp(), rules=rules):
                    _seal(connection, group, now)
                    made += 1
        return made

    def adopt(self, ident: str, submissions: Sequence[str], commit: str, now: datetime) -> int:
        """A proposal found on the host that this file does not know, being older: its submissions belong to it. How
        many of them were thought new."""
        with self._store.writing() as connection:
            free = sa.and_(submission.c.id.in_(submissions), submission.c.batch.is_(None))
            rows = list(_rows(connection, free))
            if rows and not connection.execute(sa.select(batch.c.id).where(batch.c.id == ident)).first():
                _insert(connection, ident, rows[0].sent.branch, now, state="pushed", commit=commit)
                _assign(connection, rows, ident)
                return len(rows)
        return 0

    def split(self, held: Batch, dropped: Mapping[str, Mapping[str, Any]], now: datetime) -> bool:
        """A batch's pull request is closed: `dropped` (submission -> its state, reason, decided_by) are decided, the rest
        goes to the host anew, under an id that the same split always gives: an outbox from a backup that splits once more
        finds the pull request that it made the first time. False, and nothing done, when this was recorded before."""
        with self._store.writing() as connection:
            if not _moved(connection, held, {"state": "decided"}):
                return False
            for ident, told in dropped.items():
                _decide(connection, ident, told)
            rest = [row for row in held.rows if row.sent.id not in dropped and row.waits]
            if rest:
                fresh = ulids.derived(held.id, *(row.sent.id for row in rest))
                _insert(connection, fresh, held.branch, now, replaces=held.id)
                connection.execute(
                    submission.update()
                    .where(submission.c.id.in_([row.sent.id for row in rest]))
                    .values(batch=fresh, state="received")
                )
        return True

    def release(self, held: Batch, ident: str, at: datetime) -> bool:
        """One submission of a parked batch that has no pull request is withdrawn by its member; what else it holds is
        tried again under an id of its own, since a ref of the old one may hold what was withdrawn. False, and nothing
        done, when the batch is not as it was read: an operator or delivery has it in hand."""
        if held.state != "parked" or held.pull is not None:
            return False
        gone = {"state": "withdrawn", "decided_at": at.isoformat()}
        return self.split(held, {ident: gone}, at)

    def seen(self, pulls: Mapping[int, str]) -> list[Batch]:
        """These pull requests (number -> ref) are open: those of them that were missing are there again. The batches that
        could wait again are given, since all they hold was returned or is parked. Only `pulls` are looked up, for what was
        ever decided grows without end."""
        found: list[Batch] = []
        asked = sorted(pulls)
        for start in range(0, len(asked), 500):
            among = batch.c.pull.in_(asked[start : start + 500])
            missed = sa.and_(among, batch.c.state == "proposed", batch.c.attempts > 0)
            for held in self._batches(missed):
                if held.ref == pulls[held.pull or 0]:
                    self.advance(held, **_SEEN)
            found += self._batches(among, batch.c.state.in_(("decided", "parked")))
        ours = [held for held in found if held.ref == pulls[held.pull or 0]]
        return [held for held in ours if {row.state for row in held.rows} in _SHUT]

    def reopen(self, held: Batch) -> bool:
        """A pull request is open again although all it holds was returned, since somebody thought better of it, or it was
        missing and is there again: what it holds waits again. False when the batch is not as it was read."""
        with self._store.writing() as connection:
            if not _moved(connection, held, {"state": "proposed", **_SEEN}):
                return False
            shut = sa.and_(submission.c.batch == held.id, submission.c.state.in_(("returned", "parked")))
            told = {"state": "pending", "decided_at": None, "decided_by": None, "reason": None}
            connection.execute(submission.update().where(shut).values(**told))
        return True

    # --- steps

    def due(self, now: float, *states: str) -> list[Batch]:
        """Batches with a step to take, oldest first; `now` in seconds since 1970."""
        return self._batches(batch.c.state.in_(states or ("sealed", "pushed")), _is_time(now))

    def proposed(self) -> list[Batch]:
        """Batches whose pull request was open when last looked at."""
        return self._batches(batch.c.state == "proposed")

    def undecided(self, now: float) -> list[Batch]:
        """Batches whose pull request was open when it was last seen, as far as it is time to look: those that are parked
        because it is missing are among them."""
        return self._batches(
            batch.c.state.in_(("proposed", "parked")), batch.c.pull.is_not(None), _is_time(now)
        )

    def parked(self) -> list[Batch]:
        """Batches that wait for an operator."""
        return self._batches(batch.c.state == "parked")

    def get(self, ident: str) -> Batch | None:
        return next(iter(self._batches(batch.c.id == ident)), None)

    def of_pull(self, number: int, ref: str) -> Batch | None:
        """By number and ref: a host that was put back from a backup gives numbers again."""
        return next((held for held in self._batches(batch.c.pull == number) if held.ref == ref), None)

    def take(self, held: Batch) -> Batch | None:
        """The batch to take a step of, under a new fence; None when another worker took it since it was read.

        The lock on the clone is the lease, and the system gives it back when a worker dies. A worker that only seemed
        dead and comes back records nothing: its fence is old."""
        with self._store.writing() as connection:
            where = sa.and_(batch.c.id == held.id, batch.c.fence == held.fence)
            told = batch.update().where(where).values(fence=held.fence + 1)
            if connection.execute(told).rowcount != 1:
                return None
        return self.get(held.id)

    def advance(self, held: Batch, **values: Any) -> bool:
        """Record a step; False, and nothing recorded, when the batch was taken away meanwhile."""
        with self._store.writing() as connection:
            return _moved(connection, held, values)

    def propose(self, held: Batch, pull: int, url: str, at: datetime) -> bool:
        """Its pull request is open."""
        with self._store.writing() as connection:
            values = {"state": "proposed", "pull": pull, "url": url, "attempts": 0, "error": None}
            if not _moved(connection, held, values):
                return False
            waiting = sa.and_(submission.c.batch == held.id, submission.c.state.in_(("received", "parked")))
            told = {"state": "pending", "pending_at": at.isoformat(), "reason": None}
            connection.execute(submission.update().where(waiting).values(**told))
            return True

    def decide(self, held: Batch, told: Mapping[str, Mapping[str, Any]]) -> bool:
        """Its pull request is merged or closed: `told` gives each submission its state, reason and decided_by."""
        with self._store.writing() as connection:
            if not _moved(connection, held, {"state": "decided"}):
                return False
            for ident, values in told.items():
                _decide(connection, ident, values)
            return True

    def tell(self, held: Batch, told: Mapping[str, Mapping[str, Any]]) -> bool:
        """Some of its submissions are decided, as `decide` says, and its pull request goes on with the others."""
        with self._store.writing() as connection:
            if not _moved(connection, held, {"state": held.state}):
                return False
            for ident, values in told.items():
                _decide(connection, ident, values)
            return True

    def retry(self, held: Batch, at: float, error: str) -> None:
        """Try again at `at` (seconds since 1970); the error is for operators."""
        self.advance(held, next_at=at, attempts=held.attempts + 1, error=error)

    def park(self, held: Batch, error: str, told: str | None = None) -> None:
        """Set aside for an operator, who reads `error`; its members read `told`. Others go on."""
        with self._store.writing() as connection:
            if _moved(connection, held, {"state": "parked", "error": error}):
                waiting = sa.and_(
                    submission.c.batch == held.id, submission.c.state.in_(("received", "pending"))
                )
                connection.execute(submission.update().where(waiting).values(state="parked", reason=told))

    def unpark(self, ident: str) -> bool:
        """Try a parked batch again, all the way; False when it is not parked. What the host has of it, a pull request
        that was missing among it, is found by its ref, so that nothing is proposed twice."""
        with self._store.writing() as connection:
            where = sa.and_(batch.c.id == ident, batch.c.state == "parked")
            told = batch.update().where(where).values(state="sealed", pull=None, url=None, **_SEEN)
            if connection.execute(told).rowcount != 1:
                return False
            parked = sa.and_(submission.c.batch == ident, submission.c.state == "parked")
            again = {"state": "received", "pending_at": None, "reason": None}
            connection.execute(submission.update().where(parked).values(**again))
            return True

    def waiting(self) -> int:
        """How many batches have no pull request yet."""
        with self._store.reading() as connection:
            query = sa.select(sa.func.count()).where(batch.c.state.in_(("sealed", "pushed")))
            return int(connection.execute(query).scalar_one())

    def _batches(self, *where: sa.ColumnElement[bool]) -> list[Batch]:
        query = sa.select(batch).where(*where).order_by(batch.c.sealed_at, batch.c.id)
        with self._store.reading() as connection:
            found = connection.execute(query).mappings().all()
            rows: dict[str, list[Row]] = {}
            for start in range(0, len(found), 500):
                ids = [one["id"] for one in found[start : start + 500]]
                for row in _rows(connection, submission.c.batch.in_(ids)):
                    rows.setdefault(row.batch or "", []).append(row)
        return [batch_of(one, tuple(rows.get(one["id"], ()))) for one in found]


def _rows(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Iterable[Row]:
    """In the order of their ids, which is that of their commits."""
    query = sa.select(submission).where(where).order_by(submission.c.id)
    return [row_of(one) for one in connection.execute(query).mappings().all()]


def _seal(connection: sa.Connection, rows: Sequence[Row], now: datetime) -> None:
    """One that goes alone gives its ref its own id; several get a new one."""
    ident = rows[0].sent.id if len(rows) == 1 else ulids.new(now)
    _insert(connection, ident, rows[0].sent.branch, now)
    _assign(connection, rows, ident)


def _insert(connection: sa.Connection, ident: str, branch: str, now: datetime, **more: Any) -> None:
    values = {"id": ident, "branch": branch, "state": "sealed", "sealed_at": now.isoformat(), **more}
    connection.execute(batch.insert().values(**values))


def _assign(connection: sa.Connection, rows: Iterable[Row], ident: str) -> None:
    ids = [row.sent.id for row in rows]
    connection.execute(submission.update().where(submission.c.id.in_(ids)).values(batch=ident))


def _is_time(now: float) -> sa.ColumnElement[bool]:
    """What is put off further than anything may be was put off by a clock that ran ahead: it waits for nothing."""
    return sa.or_(batch.c.next_at <= now, batch.c.next_at > now + LONGEST_PAUSE)


def _moved(connection: sa.Connection, held: Batch, values: Mapping[str, Any]) -> bool:
    where = sa.and_(batch.c.id == held.id, batch.c.fence == held.fence, batch.c.state == held.state)
    told = batch.update().where(where).values(**values)
    return connection.execute(told).rowcount == 1


def _decide(connection: sa.Connection, ident: str, values: Mapping[str, Any]) -> None:
    undecided = sa.and_(submission.c.id == ident, submission.c.state.in_(("received", "pending", "parked")))
    connection.execute(submission.update().where(undecided).values(**values))
