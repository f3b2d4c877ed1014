"""What members want back after it set out for the host: kept until the host has let it go, or has decided otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from xueshi.outbox.rows import WAITING, Row, row_of
from xueshi.outbox.store import Store
from xueshi.outbox.tables import submission, withdrawal


class Withdrawals:
    def __init__(self, store: Store) -> None:
        self._store = store

    def want(self, ident: str, at: datetime) -> bool:
        """Keep the wish; False when it is kept already."""
        with self._store.writing() as connection:
            told = withdrawal.insert().prefix_with("OR IGNORE").values(submission=ident, at=at.isoformat())
            return connection.execute(told).rowcount == 1

    def wanted(self, ident: str) -> bool:
        """Whether its member wanted a submission back, whatever became of that."""
        query = sa.select(withdrawal.c.submission).where(withdrawal.c.submission == ident)
        with self._store.reading() as connection:
            return connection.execute(query).first() is not None

    def gone(self, refs: Iterable[str]) -> list[Row]:
        """What was taken back out of what went to the host by these refs."""
        asked = sorted(ref.removeprefix("sub/") for ref in refs)
        found: list[Row] = []
        with self._store.reading() as connection:
            for start in range(0, len(asked), 500):
                among = submission.c.batch.in_(asked[start : start + 500])
                query = sa.select(submission).where(among, submission.c.state == "withdrawn")
                found += [row_of(one) for one in connection.execute(query).mappings()]
        return found

    def open(self, since: datetime | None = None, until: datetime | None = None) -> list[str]:
        """Submissions that are wanted back and that nobody has decided yet, oldest wish first; only those wished for
        between these times, where they are given."""
        between = [withdrawal.c.at >= since.isoformat()] if since else []
        between += [withdrawal.c.at <= until.isoformat()] if until else []
        query = (
            sa.select(withdrawal.c.submission)
            .join(submission, submission.c.id == withdrawal.c.submission)
            .where(submission.c.state.in_(WAITING), *between)
            .order_by(withdrawal.c.at, withdrawal.c.submission)
        )
        with self._store.reading() as connection:
            return [one.submission for one in connection.execute(query)]
