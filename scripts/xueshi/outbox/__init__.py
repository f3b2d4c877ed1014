"""The durable queue between a form and a pull request. The only place that speaks SQL.

What was stored here is answered with a receipt, so it is written through to the disk before anybody is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from xueshi.errors import XueshiError
from xueshi.model import Evidence
from xueshi.outbox import tables
from xueshi.outbox.batches import Batches
from xueshi.outbox.decisions import Decisions
from xueshi.outbox.doors import Doors
from xueshi.outbox.gathering import Gathering
from xueshi.outbox.limits import Limits
from xueshi.outbox.pictures import Pictures
from xueshi.outbox.prepared import Prepared
from xueshi.outbox.rows import WAITING, Batch, Decision, Row, payload, row_of
from xueshi.outbox.store import Busy, Store
from xueshi.outbox.withdrawals import Withdrawals
from xueshi.pictures import Picture
from xueshi.proposals import Sent

__all__ = ["Batch", "Busy", "Decision", "Gathering", "Outbox", "Row"]

# Asked and told at every registration: built once.
_ROWS = sa.select(tables.submission).order_by(tables.submission.c.received_at, tables.submission.c.id)
_VALUE: sa.BindParameter[str] = sa.bindparam("value", None)  # filled in when asked
_BY_KEY = Prepared(_ROWS.where(tables.submission.c.key == _VALUE))
_BY_ID = Prepared(_ROWS.where(tables.submission.c.id == _VALUE))
_BY_CODE = Prepared(_ROWS.where(tables.code == _VALUE))
_MEMBERS = _ROWS.where(tables.submission.c.member == _VALUE)
_OF_MEMBER = Prepared(_MEMBERS)
_WAITING_OF_MEMBER = Prepared(_MEMBERS.where(tables.submission.c.state.in_(WAITING)))
_TOUCH = tables.version.update().values(version=tables.version.c.version)
_COLUMNS = ("id", "key", "record_path", "member", "branch", "payload", "received_at", "state")
_INSERT = Prepared(
    insert(tables.submission)
    .values({name: sa.bindparam(name) for name in _COLUMNS})
    .on_conflict_do_nothing(index_elements=["key"])
)


class Outbox:
    """One SQLite file and a folder of pictures beside it. `batches`: the way to the host; `limits`: what the host lets
    us do; `decisions`: those of the desk that are not carried out yet; `withdrawals`: what is wanted back from the host;
    `doors`: generations of links, and codes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._store = Store(folder / "outbox.sqlite")
        self._pictures = Pictures(self._store, folder / "pictures")
        self.batches = Batches(self._store)
        self.limits = Limits(self._store)
        self.decisions = Decisions(self._store)
        self.withdrawals = Withdrawals(self._store)
        self.doors = Doors(self._store)

    # --- the form's side

    def store(self, sent: Sent, key: str, record_path: str | None) -> Row:
        """Keep a submission for good and return it. The same key gives the first one again, whatever came now.

        `record_path` is the file that a registration makes; None for a change of a record that is there."""
        values = {
            "id": sent.id,
            "key": key,
            "record_path": record_path,
            "member": sent.member,
            "branch": sent.branch,
            "payload": payload(sent),
            "received_at": sent.at.isoformat(),
            "state": "received",
        }
        if self._store.add(_INSERT, values):
            return Row(sent, "received", None, None, None, None, None)
        return self._rows(_BY_KEY, key)[0]

    def by_key(self, key: str) -> Row | None:
        return self._row(_BY_KEY, key)

    def get(self, submission: str) -> Row | None:
        return self._row(_BY_ID, submission)

    def by_code(self, code: str) -> Row | None:
        """What a receipt's code (as words.receipt_code gives it) stands for."""
        return self._row(_BY_CODE, code.replace("-", ""))

    def of_member(self, member: str) -> list[Row]:
        """Everything a member sent, newest first."""
        return self._rows(_OF_MEMBER, member)[::-1]

    def waiting_of(self, member: str) -> list[Row]:
        """What a member sent and nobody has decided yet, oldest first."""
        return self._rows(_WAITING_OF_MEMBER, member)

    def withdraw(self, submission: str, at: datetime) -> str:
        """Take back what nobody has decided. Returns its state afterwards: withdrawn at once when it has not gone to
        the host; unchanged otherwise, and then delivery must take it out of its pull request."""
        table = tables.submission
        with self._store.writing() as connection:
            alone = sa.and_(table.c.id == submission, table.c.state == "received", table.c.batch.is_(None))
            told = {"state": "withdrawn", "decided_at": at.isoformat()}
            connection.execute(table.update().where(alone).values(**told))
            return str(connection.execute(sa.select(table.c.state).where(table.c.id == submission)).scalar())

    def keep_picture(self, picture: Picture, now: datetime) -> Evidence:
        """Write a picture through to the disk under its hash; keeping it twice is keeping it once. Without a submission
        that names it, it is deleted when no form can know it any more (`tidy`)."""
        return self._pictures.keep(picture, now)

    def keep_again(self, sha256: str, now: datetime) -> Evidence | None:
        """A picture that a form keeps from before, for as long again; None when it is not kept, or its file is gone."""
        return self._pictures.again(sha256, now)

    def picture(self, sha256: str) -> tuple[Evidence, bytes, date | None] | None:
        """A kept picture and the day its camera gave; None when it is not kept, or its file is gone."""
        return self._pictures.get(sha256)

    def tidy(self, now: datetime) -> int:
        """Delete the pictures of forms that were never stored; how many."""
        return self._pictures.tidy(now)

    # --- for operators

    def counts(self) -> Mapping[str, int]:
        """How many submissions are in each state."""
        table = tables.submission
        query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
        with self._store.reading() as connection:
            return {found.state: found[1] for found in connection.execute(query)}

    def oldest_waiting(self) -> datetime | None:
        """When the oldest submission came that has no pull request yet; None when all have."""
        table = tables.submission
        query = sa.select(sa.func.min(table.c.received_at)).where(table.c.state == "received")
        with self._store.reading() as connection:
            found = connection.execute(query).scalar()
        return datetime.fromisoformat(found) if found else None

    def is_writable(self) -> bool:
        """Whether something could be stored now: it is tried with the database and with a picture's file, since a full
        disk lets both be opened, and the database be written to for a while."""
        try:
            with self._store.writing() as connection:
                connection.execute(_TOUCH)
            self._pictures.probe()
            return True
        except (OSError, sa.exc.DBAPIError, XueshiError):
            return False

    def close(self) -> None:
        self._store.close()

    def _row(self, query: Prepared, value: str) -> Row | None:
        return next(iter(self._rows(query, value)), None)

    def _rows(self, query: Prepared, value: str) -> list[Row]:
        return [row_of(one) for one in self._store.ask(query, {"value": value})]
