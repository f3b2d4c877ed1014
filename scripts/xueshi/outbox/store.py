"""The SQLite file: how it is opened, and how it is written to."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from xueshi.errors import XueshiError
from xueshi.outbox import tables
from xueshi.outbox.prepared import Prepared

_PATIENCE = 5  # seconds that one transaction waits for another process
_TURN = 15.0  # seconds that a thread waits for the others of this one
_TOGETHER = 64  # rows in one transaction
# The disk is full or fails: nothing was stored, and it may be over in a moment.
DISK: tuple[type[Exception], ...] = (OSError, sqlite3.OperationalError, sa.exc.OperationalError)
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Busy(XueshiError):
    """Somebody else holds the file: nothing was stored, and trying again later is right."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} 正被别的程序占用，请过一会儿再试 / {path} is held by another process; try again later"
        )


class Store:
    """Connections are kept and given out again; each transaction is one `with`. A thread waits for its turn to write for
    `turn` seconds."""

    def __init__(self, path: Path, *, turn: float = _TURN) -> None:
        self._path, self._longest = path, turn
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            poolclass=sa.pool.QueuePool,
            pool_size=8,
            max_overflow=64,
            connect_args={"check_same_thread": False},
        )
        self._turn = threading.Lock()
        self._wanted: deque[_Row] = deque()
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
        if not self._turn.acquire(timeout=self._longest):
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

    def ask(self, query: Prepared, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """The rows of one query, read as `reading` does. Raises Busy."""
        with self._plain() as cursor:
            found: list[sqlite3.Row] = cursor.execute(query.text, query.filled(values)).fetchall()
            return found

    def add(self, insert: Prepared, values: Mapping[str, Any]) -> bool:
        """Insert a row, on the disk when this returns; False when the statement left it out. Rows that come while others
        are written through to the disk go into the next transaction together. Raises Busy, sqlite3.Error."""
        mine = _Row(insert, values)
        self._wanted.append(mine)
        if not self._turn.acquire(timeout=self._longest):
            with suppress(ValueError):
                self._wanted.remove(mine)
                raise Busy(self._path)
            self._turn.acquire()  # somebody took it along: what came of it is known when their turn is over
        try:
            if not mine.settled:  # nobody took it along, or their transaction failed
                self._write(mine)
        finally:
            self._turn.release()
        if mine.fault is not None:
            raise mine.fault
        return mine.kept

    def _write(self, mine: _Row) -> None:
        """Write a row and those that wait, in one transaction. Where it fails the others write for themselves."""
        rows = [mine]
        with self._plain() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            with suppress(IndexError):
                while len(rows) < _TOGETHER:
                    other = self._wanted.popleft()
                    if other is not mine and not other.settled:
                        rows.append(other)
            for row in rows:
                row.insert_into(cursor)
            cursor.execute("COMMIT")
        for row in rows:
            row.settled = True

    @contextmanager
    def _plain(self) -> Iterator[sqlite3.Cursor]:
        """A cursor of the driver's own; what was begun and not ended is undone."""
        connection = self._engine.raw_connection()
        try:
            cursor = cast(sqlite3.Cursor, connection.cursor())
            cursor.row_factory = sqlite3.Row
            yield cursor
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _TAKEN:
                raise Busy(self._path) from error
            raise
        finally:
            connection.close()  # back to the pool, which rolls back

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


class _Row:
    """A row to be inserted, and what came of it."""

    __slots__ = ("_insert", "_values", "fault", "kept", "settled")

    def __init__(self, insert: Prepared, values: Mapping[str, Any]) -> None:
        self._insert, self._values = insert, values
        self.settled, self.kept = False, False
        self.fault: sqlite3.IntegrityError | None = None

    def insert_into(self, cursor: sqlite3.Cursor) -> None:
        """A row that the table does not take is its own fault: SQLite undoes that statement alone."""
        self.kept, self.fault = False, None
        try:
            self.kept = cursor.execute(self._insert.text, self._insert.filled(self._values)).rowcount == 1
        except sqlite3.IntegrityError as error:
            self.fault = error


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
