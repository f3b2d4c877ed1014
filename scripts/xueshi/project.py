"""Where the files lie that make a repository of records: the checkout, or their copy inside the installed package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from xueshi.errors import UsageError

_PARTS = ("mkdocs.yml", ".gitignore", "schema", "site", ".github/workflows")


def root() -> Path:
    """The folder that holds schema/, site/ and mkdocs.yml."""
    here = Path(__file__).resolve().parent
    for folder in (here / "_project", here.parent.parent):
        if (folder / "schema" / "study.schema.json").is_file():
            return folder
    raise UsageError(f"no schema/ beside the package in {here}; install it again with scripts/setup")


def files() -> dict[str, bytes]:
    """What a new repository of records starts from, by path; the records themselves are not among it."""
    found: dict[str, bytes] = {}
    for part in _PARTS:
        start = root() / part
        inside = [start] if start.is_file() else sorted(p for p in start.rglob("*") if p.is_file())
        for path in inside:
            if "__pycache__" not in path.parts:
                found[path.relative_to(root()).as_posix()] = path.read_bytes()
    return found


def policy_file() -> bytes:
    """The hour rules that everybody has, to start from."""
    return (root() / "records" / "policy.yaml").read_bytes()


@cache
def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file: study | roster | organisation | policy | keys | closing."""
    text = (root() / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
