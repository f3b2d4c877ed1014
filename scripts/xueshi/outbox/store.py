"""The SQLite file: how it is opened, and how it is written to."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from xueshi.errors import XueshiError
from xueshi.outbox import tables

_PATIENCE = 5  # seconds that one transaction waits for another process
_TURN = 15.0  # seconds that a thread waits for the others of this one
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Busy(XueshiError):
    """Somebody else holds the file: nothing was stored, and trying again later is right."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} 正被别的程序占用，请过一会儿再试 / {path} is held by another process; try again later"
        )


class Store:
    """Connections are kept and given out again; each transaction is one `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
        those who find it taken sleep and try again; between processes that is what happens. Raises Busy."""
        if not self._turn.acquire(timeout=_TURN):
            raise Busy(self._path)
        try:
            with self._connected() as connection:
                yield connection
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction that reads, and holds up nobody. Raises Busy."""
        with self._connected(reading=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, **options: Any) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _TAKEN:  # without where it happened
                raise Busy(self._path) from error
            raise

    def close(self) -> None:
        self._engine.dispose()


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_PATIENCE * 1000}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
