"""The bridge on a real host's API, killed at random while every fifth call fails: nothing is lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FOUND
from storm import Storm, run


@pytest.mark.parametrize("kind", ["gitea"])
def test_every_receipt_ends_as_one_record_or_one_returned_submission(
    tmp_path: Path, kind: str, record_property: Callable[[str, object], None]
) -> None:
    found = run(Storm(tmp_path, kind, submissions=60, members=40, kills=6, seed=20261126))
    record_property(FOUND, f"{kind}: {found}")
    assert found["receipts"] == 60 == found["approved"] + found["returned"]
    assert found["kills"] == 6 and found["returned"] and found["faults"] > found["calls"] / 10
