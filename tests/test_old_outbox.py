"""The kit for migrations is what it says."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import old_outbox


def test_the_first_version_has_a_row_in_every_state_and_its_pictures(tmp_path: Path) -> None:
    with closing(sqlite3.connect(old_outbox.build(tmp_path / "outbox"))) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(1,)]
        assert dict(connection.execute("SELECT id, state FROM submission")) == old_outbox.STATES
        assert (
            tuple(row[0] for row in connection.execute("SELECT sha256 FROM picture ORDER BY 1"))
            == old_outbox.PICTURES
        )
    for sha256 in old_outbox.PICTURES:
        data = (tmp_path / "outbox" / "pictures" / sha256[:2] / f"{sha256}.webp").read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
