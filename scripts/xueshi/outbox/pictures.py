"""Pictures that were sent, as files under their hash: written through to the disk before anybody is told, and gone again
when no submission came to name them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from xueshi.model import Evidence
from xueshi.outbox.prepared import Prepared
from xueshi.outbox.store import Busy, Store
from xueshi.outbox.tables import picture, submission
from xueshi.pictures import Picture

UNNAMED = timedelta(days=2, hours=1)  # how long a form may take; its tokens of pictures hold for two days
_PAUSE = timedelta(hours=1)  # between two looks
_TOGETHER = 500  # pictures in one statement
_PROBE = 64 * 1024  # bytes, as a small picture has
_TOLD = insert(picture).values({column.name: sa.bindparam(column.name) for column in picture.c})
_INSERT = Prepared(
    _TOLD.on_conflict_do_update(index_elements=["sha256"], set_={"kept_at": _TOLD.excluded.kept_at})
)
_named = sa.func.json_each(submission.c.payload, "$.evidence").table_valued("value")
_SHA256 = sa.func.json_extract(_named.c.value, "$.sha256")


class Pictures:
    """The files in `folder`, and the table of what they are."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._lasting: set[Path] = set()  # folders that are on the disk themselves
        self._looked: datetime | None = None

    def keep(self, made: Picture, now: datetime) -> Evidence:
        """Write a picture through to the disk; keeping it twice is keeping it once, from `now` on."""
        evidence = Evidence(made.sha256, made.source_sha256, len(made.data), made.width, made.height)
        values = {**asdict(evidence), "kept_at": now.isoformat()}
        values["taken_on"] = made.taken_on.isoformat() if made.taken_on else None
        file = self._file(made.sha256)
        _write(file, made.data, self._lasting)
        self._store.add(_INSERT, values)
        _write(file, made.data, self._lasting)  # it was there, but as an old one, and was deleted meanwhile
        return evidence

    def again(self, sha256: str, now: datetime) -> Evidence | None:
        """A picture that a form keeps from before, for as long again; None when it is not kept, or its file is gone."""
        with (
            suppress(Busy),
            self._store.writing() as connection,
        ):  # it is not old yet: this form can be stored anyway
            told = picture.update().where(picture.c.sha256 == sha256).values(kept_at=now.isoformat())
            connection.execute(told)
        found = self.get(sha256)
        return found[0] if found else None

    def get(self, sha256: str) -> tuple[Evidence, bytes, date | None] | None:
        """A picture and the day its camera gave; None when it is not kept, or its file is gone."""
        query = sa.select(picture).where(picture.c.sha256 == sha256)
        with self._store.reading() as connection:
            found = connection.execute(query).mappings().first()
        if found is None:
            return None
        evidence = Evidence(sha256, found["source_sha256"], found["bytes"], found["width"], found["height"])
        taken = date.fromisoformat(found["taken_on"]) if found["taken_on"] else None
        try:
            return evidence, self._file(sha256).read_bytes(), taken
        except FileNotFoundError:  # the record stays good: its picture is on the evidence ref
            return None

    def tidy(self, now: datetime) -> int:
        """Delete what came with forms that were never finished; how many. Looks once an hour, and then only at what grew
        old since."""
        before = self._looked
        if before is not None and before <= now < before + _PAUSE:
            return 0
        old = picture.c.kept_at < (now - UNNAMED).isoformat()
        since = picture.c.kept_at >= (before - UNNAMED).isoformat() if before and before <= now else sa.true()
        with self._store.reading() as connection:
            grown = list(connection.execute(sa.select(picture.c.sha256).where(old, since)).scalars())
            named = self._named(connection, grown)
        gone = sum(self._delete(one, old) for one in grown if one not in named)
        self._looked = now
        return gone

    def _named(self, connection: sa.Connection, some: Collection[str]) -> set[str]:
        """Those that a submission names, whatever became of it: a returned one is sent again with its pictures."""
        found: set[str] = set()
        wanted = sorted(some)
        for start in range(0, len(wanted), _TOGETHER):
            where = _SHA256.in_(wanted[start : start + _TOGETHER])
            query = sa.select(_SHA256).select_from(submission.join(_named, sa.true())).where(where)
            found |= set(connection.execute(query).scalars())
        return found

    def _delete(self, sha256: str, old: sa.ColumnElement[bool]) -> int:
        """The file goes while nobody else may write: who keeps the picture meanwhile has told so before, and then it is
        not old, or tells so afterwards, and writes the file anew."""
        with self._store.writing() as connection:
            gone = connection.execute(picture.delete().where(picture.c.sha256 == sha256, old)).rowcount
            if gone:
                self._file(sha256).unlink(missing_ok=True)
            return gone

    def probe(self) -> None:
        """Write a file as large as a small picture, and delete it. Raises OSError."""
        probe = self._folder / "probe"
        try:
            _write(probe, os.urandom(_PROBE), set())
        finally:
            with suppress(OSError):
                probe.unlink()

    def _file(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.webp"


def _write(path: Path, data: bytes, lasting: set[Path]) -> None:
    """Bytes on the disk before we return, under their name or not at all. A folder among `lasting` is on the disk: it
    was synced after its making, which another thread's may not be yet."""
    if path.exists():
        return
    if not path.parent.is_dir():
        lasting.discard(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)  # a part of it would take what is left of a full disk
    for folder in (path.parent,) if path.parent in lasting else (path.parent, path.parent.parent):
        with _opened(folder) as descriptor:
            os.fsync(descriptor)
    lasting.add(path.parent)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
