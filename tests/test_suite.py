"""How the tests themselves are run."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import LONG


def test_the_files_that_begin_are_there(request: pytest.FixtureRequest) -> None:
    names = {path.name for path in Path(__file__).parent.rglob("test_*.py")}
    assert set(LONG) <= names and len(LONG) == len(set(LONG))
    order = [item.path.name for item in request.session.items]
    ranks = [LONG.index(name) if name in LONG else len(LONG) for name in order]
    assert ranks == sorted(ranks)
