"""The SQLite file: how it is opened, and how it is written to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from xueshi.errors import XueshiError
from xueshi.outbox import tables


class Store:
    """Connections are kept and given out again; each transaction is one `with`."""

    def __init__(self, path: Path) -> None:
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            poolclass=sa.pool.QueuePool,
            pool_size=8,
            max_overflow=64,
            connect_args={"check_same_thread": False},
        )
        self._turn = threading.Lock()
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            with self.writing() as connection:
                tables.migrate(connection)
        except sa.exc.DatabaseError as error:
            raise XueshiError(
                f"the outbox {path} cannot be read ({error.orig}); put it back from a backup, or move it away to begin "
                "an empty one: what had reached the host is safe there"
            ) from None

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that may write: it is on the disk when this ends. Threads take turns here, since SQLite lets
        those who find it taken sleep and try again; between processes that is what happens."""
        with self._turn, self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction that reads, and holds up nobody."""
        with self._engine.connect().execution_options(reading=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self._engine.dispose()


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
