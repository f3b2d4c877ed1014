"""The quick yes to a file's data says what jsonschema says, of sound data and of data spoilt in every place."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from xueshi.records import shape, typed

STUDY: dict[str, Any] = {
    "schema": "study/1",
    "id": "01KJYKG9Z08M4T0V2N9X5B7CDE",
    "member": "m0012",
    "kind": "theme_day",
    "title": "党章专题学习",
    "content": "学了党章",
    "start_date": "2026-03-05",
    "end_date": "2026-03-06",
    "start_time": "14:30",
    "end_time": "16:30",
    "duration_minutes": 120,
    "hours": 2.25,
    "mode": "onsite",
    "organiser": "学院党委",
    "organiser_level": "college",
    "place": "一号楼",
    "topic": "charter",
    "reflection": "很好",
    "note": "请看",
    "origin": "external",
    "activity": "01KJYKG9Z08M4T0V2N9X5B7CDF",
    "replaces": "01KJYKG9Z08M4T0V2N9X5B7CDG",
    "evidence": [
        {"sha256": "a" * 64, "source_sha256": "b" * 64, "bytes": 9000, "width": 800, "height": 600},
        {"sha256": "c" * 64, "source_sha256": "d" * 64, "bytes": 1, "width": 1, "height": 1600},
    ],
    "submitted": {"by": "m0012", "at": "2026-03-05T16:58:21+08:00", "via": "link", "notice": "2026-01"},
    "change": {"action": "amend", "by": "m0003", "at": "2026-03-06T08:00:00Z", "reason": "核减"},
    "void": {"by": "m0003", "at": "2026-03-06T08:00:00.5+08:00", "reason": "重复"},
}
ROSTER: dict[str, Any] = {
    "schema": "roster/1",
    "members": [
        {
            "id": "m0012",
            "name": "林样青",
            "periods": [
                {"from": "2024-01-01", "until": "2025-01-01", "status": "probationary"},
                {"from": "2025-01-01", "status": "full"},
            ],
            "roles": [{"role": "branch_secretary", "from": "2025-01-01"}],
            "exempt": [{"from": "2026-01-01", "until": "2026-02-01"}],
        }
    ],
}
KEYS: dict[str, Any] = {
    "schema": "keys/1",
    "epochs": {"link": "2026", "content": "2026-2"},
    "readers": [{"kind": "member", "id": "m0012", "gen": 1}, {"kind": "officer", "id": "m0003", "gen": 2}],
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 3, 0.0, 0.1, 0.25, 0.5, 1.0, 2.5, 1000, 1000.25, 1001, 204800, 204801, 1600, 1601,
    100000, 100001, 10**14, "", " ", "\u3000", "x", "x" * 60, "x" * 61, "x" * 500, "x" * 501, "x" * 5000, "x" * 5001,
    "m0012", "m0012\n", "M0012", "theme_day", "2026-02-29", "2024-02-29", "2024-02-29\n", "1899-01-01", "2200-01-01",
    "24:00", "23:59", "２３:59", "2026-03-05T16:58:21", "2026-03-05t16:58:21z", "2026-03-05T16:58:60Z",
    "2026-13-05T16:58:21Z", "2026-03-05T16:58:21.1234567Z", "2026-1", "2026-10", "external", "study/1", "study/2", "full",
    "a" * 64, "A" * 64, "01KJYKG9Z08M4T0V2N9X5B7CDE", "81KJYKG9Z08M4T0V2N9X5B7CDE", "\ud800", "林", [], ["x"], {}, {"x": 1},
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*at, key))


def spoilt(sound: dict[str, Any]) -> Iterator[Any]:
    """The same with every value made odd, left out, or given a neighbour."""
    for place in places(sound):
        for odd in ODD:
            yield (
                _with(sound, place, lambda holder, key, odd=odd: holder.__setitem__(key, odd))
                if place
                else odd
            )
        if place:
            yield _with(sound, place, lambda holder, key: holder.pop(key))
            yield _with(sound, place, lambda holder, key: holder.pop(key), without=("origin",))
            yield _with(sound, place, _double)


def _double(holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.extend([holder[key]] * 3)
    else:
        holder[f"{key}s"] = holder[key]


def _with(sound: dict[str, Any], place: tuple[Any, ...], act: Any, without: tuple[str, ...] = ()) -> Any:
    made = deepcopy(sound)
    for name in without:
        if place[0] != name:
            made.pop(name, None)
    holder: Any = made
    for step in place[:-1]:
        holder = holder[step]
    act(holder, place[-1])
    return made


@pytest.mark.parametrize(("kind", "sound"), [("study", STUDY), ("roster", ROSTER), ("keys", KEYS)])
def test_it_says_what_jsonschema_says(kind: str, sound: dict[str, Any]) -> None:
    quick, slow = shape.keeps(kind), typed.validator(kind)
    said = {True: 0, False: 0}
    assert quick(sound)
    for data in spoilt(sound):
        assert quick(data) == slow.is_valid(data), data
        said[quick(data)] += 1
    assert min(said.values()) > 20


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "string"}]},
        {"type": ["string", "null"]},
        {"enum": [1, 2]},
        {"const": "a", "enum": ["b"]},
        {"multipleOf": 0.1},
        {"multipleOf": 3},
        {"$ref": "other.json"},
        {"then": {"type": "string"}},
        {"properties": {"a": {"uniqueItems": True}}},
        {"additionalProperties": {"type": "string"}},
        {"items": True},
    ],
)
def test_what_it_does_not_know_it_leaves_to_jsonschema(schema: dict[str, Any]) -> None:
    assert shape.check_of(schema) is None


def test_a_schema_that_says_more_gets_no_quick_yes() -> None:
    assert not shape.keeps("policy")({})
