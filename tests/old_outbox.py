"""Outboxes as earlier versions of the program left them, to try migrations on.

`old_outbox/version-1.sql` was made by the Outbox of commit 2896ebd itself: a row in every state that it wrote (received:
new, with its base recorded, put off after a failure; parked; pending; approved; returned, and sent again), and two
pictures in `old_outbox/pictures`, which lie beside the database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

_KEPT = Path(__file__).parent / "old_outbox"
STATES = {
    "01KJYKG9Z08M4T0V2N9X5B7C10": "received",
    "01KJYKG9Z08M4T0V2N9X5B7C11": "received",  # its base is recorded
    "01KJYKG9Z08M4T0V2N9X5B7C12": "received",  # tried once, put off
    "01KJYKG9Z08M4T0V2N9X5B7C13": "parked",  # by poster, branch yjs
    "01KJYKG9Z08M4T0V2N9X5B7C14": "pending",  # with a picture
    "01KJYKG9Z08M4T0V2N9X5B7C15": "approved",  # with two pictures
    "01KJYKG9Z08M4T0V2N9X5B7C16": "returned",
    "01KJYKG9Z08M4T0V2N9X5B7C17": "received",  # the returned one, sent again
}
PICTURES = tuple(sorted(file.stem for file in _KEPT.glob("pictures/*/*.webp")))


def build(folder: Path, version: int = 1) -> Path:
    """Make `folder` an outbox of that version, as a running program of then would have left it; the database's path."""
    folder.mkdir(parents=True)
    database = folder / "outbox.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript((_KEPT / f"version-{version}.sql").read_text(encoding="utf-8"))
    shutil.copytree(_KEPT / "pictures", folder / "pictures")
    return database
