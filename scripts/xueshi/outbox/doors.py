"""Which links still hold, and how often a desk's code was guessed wrong."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from xueshi.outbox.prepared import Prepared
from xueshi.outbox.store import Store
from xueshi.outbox.tables import attempt, generation

MOST, SPAN = 5, 900.0  # so many wrong codes within so many seconds close a door for as long
_KEPT = 86_400.0  # seconds that tries are remembered
# Asked for every page.
_GENERATION = Prepared(
    sa.select(generation.c.generation).where(
        generation.c.purpose == sa.bindparam("purpose", None),
        generation.c.subject == sa.bindparam("subject", None),
    )
)


class Doors:
    def __init__(self, store: Store) -> None:
        self._store = store

    def generation(self, purpose: str, subject: str) -> int:
        """The generation of links that holds for somebody: 0 until one was replaced."""
        found = self._store.ask(_GENERATION, {"purpose": purpose, "subject": subject})
        return int(found[0]["generation"]) if found else 0

    def replace(self, purpose: str, subject: str, at: datetime) -> int:
        """Make every link of this purpose and person worthless; the new generation."""
        with self._store.writing() as connection:
            where = sa.and_(generation.c.purpose == purpose, generation.c.subject == subject)
            found = connection.execute(sa.select(generation.c.generation).where(where)).scalar()
            fresh = int(found or 0) + 1
            connection.execute(generation.delete().where(where))
            values = {
                "purpose": purpose,
                "subject": subject,
                "generation": fresh,
                "changed_at": at.isoformat(),
            }
            connection.execute(generation.insert().values(**values))
        return fresh

    def try_code(self, subject: str, now: float) -> tuple[int, float]:
        """Count a try before it is judged, so that tries sent at once are counted too. Its number, to `forgive` it when
        it was right; 0 when the door is closed, and until when (seconds since 1970)."""
        with self._store.writing() as connection:
            gone = sa.or_(attempt.c.at < now - _KEPT, attempt.c.at > now + SPAN)
            connection.execute(attempt.delete().where(gone))
            until = _closed(connection, subject, now)
            if until > now:
                return 0, until
            made = connection.execute(attempt.insert().values(subject=subject, at=now))
            return int(made.lastrowid), now

    def forgive(self, number: int) -> None:
        """The try was right: it does not count."""
        with self._store.writing() as connection:
            connection.execute(attempt.delete().where(attempt.c.id == number))

    def closed(self, subject: str, now: float) -> float:
        """Until when no code is taken for somebody (seconds since 1970); `now` or earlier: it is."""
        with self._store.reading() as connection:
            return _closed(connection, subject, now)


def _closed(connection: sa.Connection, subject: str, now: float) -> float:
    """As Doors.closed. A try further ahead than the longest span was noted by a clock that ran ahead."""
    query = (
        sa.select(attempt.c.at)
        .where(attempt.c.subject == subject, attempt.c.at > now - 2 * SPAN, attempt.c.at <= now + SPAN)
        .order_by(attempt.c.at.desc())
    )
    tries = [one.at for one in connection.execute(query)]
    if len(tries) >= MOST and tries[0] - tries[MOST - 1] <= SPAN:
        return float(tries[0] + SPAN)
    return 0.0
