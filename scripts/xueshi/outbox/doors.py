"""Which links still hold, and how often a desk's code was guessed wrong."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from xueshi.outbox.store import Store
from xueshi.outbox.tables import attempt, generation


class Doors:
    def __init__(self, store: Store) -> None:
        self._store = store

    def generation(self, purpose: str, subject: str) -> int:
        """The generation of links that holds for somebody: 0 until one was replaced."""
        where = sa.and_(generation.c.purpose == purpose, generation.c.subject == subject)
        with self._store.reading() as connection:
            found = connection.execute(sa.select(generation.c.generation).where(where)).scalar()
        return int(found or 0)

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

    def wrong(self, subject: str, now: float) -> None:
        """Somebody typed a wrong code."""
        with self._store.writing() as connection:
            connection.execute(attempt.delete().where(attempt.c.at < now - 86_400))
            connection.execute(attempt.insert().values(subject=subject, at=now))

    def wrongs(self, subject: str, since: float) -> int:
        """How often a wrong code was typed since then."""
        query = sa.select(sa.func.count()).where(attempt.c.subject == subject, attempt.c.at > since)
        with self._store.reading() as connection:
            return int(connection.execute(query).scalar_one())
