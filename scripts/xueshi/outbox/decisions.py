"""What reviewers decided at the desk: each waits a while in which it can be undone, then it is carried out.

waiting → undone, or → begun (no way back: it may be done in part) → done | failed (→ told, once its reviewer saw it)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from xueshi.outbox.rows import Decision, decision_of
from xueshi.outbox.store import Store
from xueshi.outbox.tables import decision

_OPEN = ("waiting", "begun")
LONGEST_UNDO = 3600.0  # seconds; no decision can be undone for longer
_AHEAD = 600.0  # seconds that a request which began later may be ahead of a pass that still runs


class Decisions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, pull: int, head: str, by: str, what: str, payload: Mapping[str, Any], at: datetime, due: float
    ) -> Decision | None:
        """Keep a decision; None when another one waits for the same pull request."""
        values = {
            "pull": pull, "head": head, "by": by, "what": what, "payload": json.dumps(payload, ensure_ascii=False),
            "at": at.isoformat(), "due": due, "state": "waiting",
        }  # fmt: skip
        with self._store.writing() as connection:
            waits = sa.and_(decision.c.pull == pull, decision.c.state.in_(_OPEN))
            if connection.execute(sa.select(decision.c.id).where(waits)).first():
                return None
            made = connection.execute(decision.insert().values(**values)).lastrowid
            query = sa.select(decision).where(decision.c.id == made)
            return decision_of(connection.execute(query).mappings().one())

    def undo(self, ident: int, by: str) -> bool:
        """Take back what `by` decided; False when it is not theirs, or no longer waits."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.id == ident, decision.c.by == by, decision.c.state == "waiting")
            return connection.execute(decision.update().where(where).values(state="undone")).rowcount == 1

    def hasten(self, ident: int, by: str, now: float) -> bool:
        """Let what `by` decided be carried out now."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.id == ident, decision.c.by == by, decision.c.state == "waiting")
            return connection.execute(decision.update().where(where).values(due=now)).rowcount == 1

    def due(self, now: float) -> list[Decision]:
        """Decisions to carry out, in the order they were made. What lies further ahead than any may was decided by a clock
        that ran ahead, and has waited long enough."""
        time = sa.or_(decision.c.due <= now, decision.c.due > now + LONGEST_UNDO + _AHEAD)
        return self._found(decision.c.state.in_(_OPEN), time)

    def begin(self, ident: int) -> bool:
        """Carry it out from here on, however often that is tried; False when it was undone or has ended."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.id == ident, decision.c.state.in_(_OPEN))
            return connection.execute(decision.update().where(where).values(state="begun")).rowcount == 1

    def waiting(self, by: str | None = None) -> list[Decision]:
        """Decisions not carried out yet, of one reviewer or of all."""
        own = [decision.c.by == by] if by else []
        return self._found(decision.c.state.in_(_OPEN), *own)

    def failed(self, by: str, since: datetime) -> list[Decision]:
        """Decisions of a reviewer that could not be carried out, and that they were not told of."""
        recent = decision.c.at >= since.isoformat()
        return self._found(decision.c.by == by, decision.c.state == "failed", recent)

    def tell(self, ident: int, by: str) -> None:
        """The reviewer knows that it could not be carried out."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.id == ident, decision.c.by == by, decision.c.state == "failed")
            connection.execute(decision.update().where(where).values(state="told"))

    def end(self, ident: int, state: str, error: str | None = None) -> bool:
        """Carried out (`done`) or not (`failed`); False when it was ended before."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.id == ident, decision.c.state.in_(_OPEN))
            told = decision.update().where(where).values(state=state, error=error)
            return connection.execute(told).rowcount == 1

    def overtake(self, pull: int, error: str) -> int:
        """What waits for a pull request that is gone comes to nothing, and its reviewer is told why (`error`); how many
        decisions. One that is begun says itself what came of it."""
        with self._store.writing() as connection:
            where = sa.and_(decision.c.pull == pull, decision.c.state == "waiting")
            told = decision.update().where(where).values(state="failed", error=error)
            return connection.execute(told).rowcount

    def _found(self, *where: sa.ColumnElement[bool]) -> list[Decision]:
        with self._store.reading() as connection:
            query = sa.select(decision).where(*where).order_by(decision.c.id)
            return [decision_of(one) for one in connection.execute(query).mappings().all()]
