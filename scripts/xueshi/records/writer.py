"""Values to the one canonical text of a file: what was read from canonical bytes is written as the same bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import yaml

from xueshi import project
from xueshi.model import Study
from xueshi.records.typed import resolved

WIDTH = 100  # a list or mapping that fits stands on one line
_PLAIN = re.compile(r"[A-Za-z一-鿿][0-9A-Za-z一-鿿_/@.，、；。“”《》（）—-]*")
_RESOLVERS = yaml.SafeLoader.yaml_implicit_resolvers
# Outside YAML's own printable set, or what an editor or a diff would hide or break a line at.
_HIDDEN = "\x00-\x1f\x7f-\x9f\xa0\xad\u200b-\u200f\u2028\u2029\u2060\ufeff\ud800-\udfff"
_UNSEEN = re.compile(f"[{_HIDDEN}]")
_SOUND = re.compile(f'[^"\\\\{_HIDDEN}]*')  # stands between quotes as it is
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render(kind: str, data: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a study, roster, organisation, policy or keys given as plain values in any order."""
    root = project.schema(kind)
    lines: list[str] = []
    _mapping(_ordered(data, root, root), 0, lines)
    return "".join(f"{line}\n" for line in lines).encode()


def study_file(study: Study) -> bytes:
    """The canonical bytes of one record."""
    return render("study", {"schema": "study/1", **_plain(study)})


def study_path(branch: str, record_id: str, year: int) -> str:
    """Where a record lies; `year` is the ULID's year in UTC, so that a corrected study date never moves the file."""
    return f"records/{branch}/{year}/{record_id}.yaml"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value) if f.name not in ("path", "branch"))
        return {name: _plain(item) for name, item in pairs if item is not None and item != ()}
    return value


def _ordered(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Mappings in the order of the schema's properties, so that one content has one text."""
    if not isinstance(value, (Mapping, list, tuple)):
        return value
    schema = resolved(schema, root)
    if isinstance(value, Mapping):
        known: dict[str, Any] = schema.get("properties", {})
        other = schema.get("additionalProperties")
        names = [name for name in known if name in value] + [name for name in value if name not in known]
        inside = {**dict.fromkeys(names, other if isinstance(other, dict) else {}), **known}
        return {name: _ordered(value[name], inside[name], root) for name in names}
    return [_ordered(item, schema.get("items", {}), root) for item in value]


def _mapping(value: Mapping[str, Any], indent: int, lines: list[str]) -> None:
    for key, item in value.items():
        _entry(f"{' ' * indent}{_name(key)}:", item, indent, lines)


def _entry(head: str, item: Any, indent: int, lines: list[str]) -> None:
    flow = _flow(item)
    nested = isinstance(item, (Mapping, list)) and len(item) > 0
    if not nested or (len(head) + 1 + len(flow) <= WIDTH and not _tabular(item)):
        lines.append(f"{head} {flow}")
    elif isinstance(item, Mapping):
        lines.append(head)
        _mapping(item, indent + 2, lines)
    else:
        lines.append(head)
        _sequence(item, indent + 2, lines)


def _tabular(item: Any) -> bool:
    """A list of mappings reads better one a line; a single short one may stay where it is."""
    return isinstance(item, list) and len(item) > 1 and isinstance(item[0], Mapping)


def _sequence(items: list[Any], indent: int, lines: list[str]) -> None:
    pad = " " * indent
    for item in items:
        flow = _flow(item)
        if not isinstance(item, Mapping) or indent + 2 + len(flow) <= WIDTH:
            lines.append(f"{pad}- {flow}")
            continue
        inner: list[str] = []
        _mapping(item, indent + 2, inner)
        lines.append(f"{pad}- {inner[0].lstrip()}")
        lines.extend(inner[1:])


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, (int, float)):
        return f"{Decimal(str(value)).normalize():f}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not _guessed(text) else _quoted(text)


_name = lru_cache(512)(_scalar)  # fields are few


def _guessed(text: str) -> bool:
    """Whether an ordinary YAML 1.1 or 1.2 reader would take the bare text for something other than text."""
    if text.lower() in ("y", "n", "nan", "inf"):
        return True
    return any(pattern.match(text) for _, pattern in _RESOLVERS.get(text[0], []))


def _quoted(text: str) -> str:
    if _SOUND.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(ch) or (ch if _printable(ch) else _escape(ch)) for ch in text) + '"'


def _printable(ch: str) -> bool:
    return _UNSEEN.match(ch) is None


def _escape(ch: str) -> str:
    return f"\\x{ord(ch):02x}" if ord(ch) < 0x100 else f"\\u{ord(ch):04x}"
