"""Outboxes of earlier versions: the kit is what it says, and the program goes on with them."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import old_outbox
import pytest

from xueshi.errors import XueshiError
from xueshi.model import SHANGHAI
from xueshi.outbox import Gathering, Outbox

AT = datetime(2026, 11, 26, 9, 0, tzinfo=SHANGHAI)


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


def test_an_older_outbox_goes_on_where_it_was(tmp_path: Path) -> None:
    old_outbox.build(tmp_path / "outbox")
    for _ in range(2):  # the second time there is nothing left to do
        outbox = Outbox(tmp_path / "outbox")
        found = {ident: row for ident in old_outbox.STATES if (row := outbox.get(ident))}
        assert {ident: row.state for ident, row in found.items()} == old_outbox.STATES
        outbox.close()
    names = {row.batch for row in found.values()} - {None}
    states = {ident: batch.state for ident in names if ident and (batch := outbox.batches.get(ident))}
    assert sorted(states.values()) == ["decided", "decided", "parked", "proposed", "sealed", "sealed"]
    held = {ident for ident, row in found.items() if row.state == "pending"}
    assert {ident for ident, state in states.items() if state == "proposed"} == held, "a ref keeps its name"
    assert all(outbox.picture(sha256) for sha256 in old_outbox.PICTURES)
    assert outbox.batches.seal(AT, Gathering(), busy=False) == 2, "what had no base is sealed anew"


def test_an_outbox_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(old_outbox.build(tmp_path / "outbox"))) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(XueshiError, match="version 99"):
        Outbox(tmp_path / "outbox")
