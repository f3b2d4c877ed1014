"""The durable queue between a form and a pull request. The only module that speaks SQL.

What was stored here is answered with a receipt, so it is written through to the disk before anybody is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from xueshi.errors import XueshiError
from xueshi.model import Evidence
from xueshi.pictures import Picture
from xueshi.proposals import Sent

SCHEMA_VERSION = 1
_TABLES = sa.MetaData()
_version = sa.Table("schema_version", _TABLES, sa.Column("version", sa.Integer, nullable=False))
_submission = sa.Table(
    "submission",
    _TABLES,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("record_path", sa.String(120), nullable=False, unique=True),
    sa.Column("member", sa.String(32), nullable=False, index=True),
    sa.Column("branch", sa.String(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("received_at", sa.String(32), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("step", sa.String(12), nullable=False),  # stored | proposed | decided
    sa.Column("base", sa.String(40)),
    sa.Column("commit", sa.String(40)),
    sa.Column("pull", sa.Integer),
    sa.Column("pending_at", sa.String(32)),
    sa.Column("decided_at", sa.String(32)),
    sa.Column("decided_by", sa.String(32)),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", sa.Float, nullable=False, default=0.0),
    sa.Column("error", sa.Text),
)
_picture = sa.Table(
    "picture",
    _TABLES,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("source_sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("taken_on", sa.String(10)),
    sa.Column("kept_at", sa.String(32), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One submission and how far it has come. `state` is what people see, `step` what delivery did last."""

    sent: Sent
    state: str
    step: str
    base: str | None
    commit: str | None
    pull: int | None
    pending_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    attempts: int


class Outbox:
    """One SQLite file and a folder of pictures beside it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._spool = folder / "pictures"
        self._engine = sa.create_engine(f"sqlite:///{folder / 'outbox.sqlite'}", poolclass=sa.pool.NullPool)
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            self._migrate()
        except sa.exc.DatabaseError as error:
            raise XueshiError(
                f"the outbox {folder / 'outbox.sqlite'} cannot be read ({error.orig}); put it back from a backup, or move "
                "it away to begin an empty one: what had reached the host is safe there"
            ) from None

    def _migrate(self) -> None:
        with self._engine.begin() as connection:
            _TABLES.create_all(connection)
            found = connection.execute(sa.select(_version.c.version)).scalar()
            if found is None:
                connection.execute(_version.insert().values(version=SCHEMA_VERSION))
            elif found != SCHEMA_VERSION:
                raise XueshiError(
                    f"the outbox has version {found}, this program knows {SCHEMA_VERSION}; update it"
                )

    # --- the form's side

    def store(self, sent: Sent, key: str, record_path: str) -> Row:
        """Keep a submission for good and return it. The same key gives the first one again, whatever came now."""
        values = {
            "id": sent.id,
            "key": key,
            "record_path": record_path,
            "member": sent.member,
            "branch": sent.branch,
            "payload": json.dumps(_payload(sent), ensure_ascii=False, sort_keys=True),
            "received_at": sent.at.isoformat(),
            "state": "received",
            "step": "stored",
        }
        with self._engine.begin() as connection:
            held = (
                connection.execute(sa.select(_submission).where(_submission.c.key == key)).mappings().first()
            )
            if held is None:
                connection.execute(_submission.insert().values(**values))
                held = (
                    connection.execute(sa.select(_submission).where(_submission.c.key == key))
                    .mappings()
                    .one()
                )
        return _row(held)

    def by_key(self, key: str) -> Row | None:
        return next(self._rows(_submission.c.key == key), None)

    def get(self, submission: str) -> Row | None:
        return next(self._rows(_submission.c.id == submission), None)

    def of_member(self, member: str) -> list[Row]:
        """Everything a member sent, newest first."""
        return list(self._rows(_submission.c.member == member))[::-1]

    def keep_picture(self, picture: Picture, now: datetime) -> Evidence:
        """Write a picture through to the disk under its hash; keeping it twice is keeping it once."""
        evidence = Evidence(
            picture.sha256, picture.source_sha256, len(picture.data), picture.width, picture.height
        )
        _write(self._file(picture.sha256), picture.data)
        values = {**asdict(evidence), "kept_at": now.isoformat()}
        values["taken_on"] = picture.taken_on.isoformat() if picture.taken_on else None
        with self._engine.begin() as connection:
            known = sa.select(_picture.c.sha256).where(_picture.c.sha256 == picture.sha256)
            if connection.execute(known).first() is None:
                connection.execute(_picture.insert().values(**values))
        return evidence

    def picture(self, sha256: str) -> tuple[Evidence, bytes, date | None] | None:
        """A kept picture and the day its camera gave; None when it is not kept, or its file is gone."""
        with self._engine.begin() as connection:
            found = (
                connection.execute(sa.select(_picture).where(_picture.c.sha256 == sha256)).mappings().first()
            )
        if found is None:
            return None
        evidence = Evidence(sha256, found["source_sha256"], found["bytes"], found["width"], found["height"])
        taken = date.fromisoformat(found["taken_on"]) if found["taken_on"] else None
        try:
            return evidence, self._file(sha256).read_bytes(), taken
        except FileNotFoundError:  # the record stays good: its picture is on the evidence ref
            return None

    # --- delivery's side

    def due(self, now: float) -> list[Row]:
        """Submissions with a step to take, oldest first; `now` in seconds since 1970."""
        return list(self._rows(_submission.c.state == "received", _submission.c.next_at <= now))

    def pending(self) -> list[Row]:
        """Submissions whose pull request was open when last looked at."""
        return list(self._rows(_submission.c.state == "pending"))

    def advance(self, row: Row, **values: Any) -> None:
        """Record a step. Nothing happens when the row has moved on meanwhile: the step was the fence."""
        told = {
            key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()
        }
        with self._engine.begin() as connection:
            where = sa.and_(_submission.c.id == row.sent.id, _submission.c.step == row.step)
            connection.execute(_submission.update().where(where).values(**told))

    def retry(self, row: Row, at: float, error: str) -> None:
        """Try again at `at` (seconds since 1970); the error is for operators."""
        self.advance(row, next_at=at, attempts=row.attempts + 1, error=error)

    def park(self, row: Row, error: str) -> None:
        """Set aside for an operator; others go on."""
        self.advance(row, state="parked", error=error)

    def counts(self) -> Mapping[str, int]:
        """How many submissions are in each state."""
        query = sa.select(_submission.c.state, sa.func.count()).group_by(_submission.c.state)
        with self._engine.begin() as connection:
            return {found.state: found[1] for found in connection.execute(query)}

    def _rows(self, *where: sa.ColumnElement[bool]) -> Iterator[Row]:
        query = sa.select(_submission).where(*where).order_by(_submission.c.received_at, _submission.c.id)
        with self._engine.begin() as connection:
            found: Sequence[Any] = connection.execute(query).mappings().all()
        yield from (_row(one) for one in found)

    def _file(self, sha256: str) -> Path:
        return self._spool / sha256[:2] / f"{sha256}.webp"


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _write(path: Path, data: bytes) -> None:
    """Bytes on the disk before we return, under their name or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}.part")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    for folder in (path.parent, path.parent.parent):
        with _opened(folder) as descriptor:
            os.fsync(descriptor)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _payload(sent: Sent) -> dict[str, Any]:
    data = asdict(sent)
    data.update(at=sent.at.isoformat(), start_date=sent.start_date.isoformat(), hours=str(sent.hours))
    return data


def _sent(payload: str) -> Sent:
    data = json.loads(payload)
    data["at"] = datetime.fromisoformat(data["at"])
    data["start_date"] = date.fromisoformat(data["start_date"])
    data["hours"] = Decimal(data["hours"])
    data["evidence"] = tuple(Evidence(**item) for item in data["evidence"])
    return Sent(**data)


def _row(found: Any) -> Row:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(found[name]) if found[name] else None

    return Row(
        sent=_sent(found["payload"]),
        state=found["state"],
        step=found["step"],
        base=found["base"],
        commit=found["commit"],
        pull=found["pull"],
        pending_at=moment("pending_at"),
        decided_at=moment("decided_at"),
        decided_by=found["decided_by"],
        reason=found["reason"],
        attempts=found["attempts"],
    )
