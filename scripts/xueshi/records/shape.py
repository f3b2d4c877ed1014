"""A quick yes: whether data keeps a JSON Schema, for the many files that do. What is wrong with the others, and for
schemas that say more than is known here, jsonschema tells (see typed)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from xueshi import project

Check = Callable[[Any], bool]
Schema = dict[str, Any]

_SILENT = frozenset(("$schema", "$id", "$defs", "title", "description"))
_FORMATS = Draft202012Validator.FORMAT_CHECKER


class _Unknown(Exception):
    """The schema has a keyword, or a use of one, that is not known here."""


@cache
def keeps(kind: str) -> Check:
    """Says yes of data that keeps the schema of this kind of file; where it does not say so, nobody knows yet."""
    return check_of(project.schema(kind)) or (lambda _: False)


def check_of(schema: Schema) -> Check | None:
    """A function that says what a validator of `schema` with formats on would say, of values that files are read to: str,
    int, float, bool, None, list, dict. None for a schema that says more than is known here."""
    try:
        return _whole(schema, schema)
    except _Unknown:
        return None


def strict(pattern: str) -> re.Pattern[str]:
    """A schema's pattern as everybody reads it: `$` is the end, not "before a last line break", and digits are ASCII."""
    ending = pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern
    return re.compile(ending, re.ASCII if "\\S" not in pattern else 0)


def _whole(schema: Any, root: Schema) -> Check:
    if not isinstance(schema, dict):
        raise _Unknown(schema)
    makers = dict.fromkeys(_CHECKS[word] for word in _CHECKS if word in schema)  # some see to several words
    checks = [make(schema, root) for make in makers]
    if unknown := schema.keys() - _CHECKS.keys() - _SILENT - _TOLD_BY.keys():
        raise _Unknown(*unknown)
    if any(word in schema and other not in schema for word, other in _TOLD_BY.items()):
        raise _Unknown(schema)
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> bool:
        for one in checks:  # noqa: SIM110 (a generator takes twice as long, and there are many values)
            if not one(value):
                return False
        return True

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: dict[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda v: _is_number(v) and (isinstance(v, int) or v.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _type(schema: Schema, root: Schema) -> Check:
    if not isinstance(schema["type"], str):
        raise _Unknown(schema["type"])
    return _TYPES[schema["type"]]


def _ref(schema: Schema, root: Schema) -> Check:
    place, _, name = schema["$ref"].rpartition("/")
    if place != "#/$defs":
        raise _Unknown(schema["$ref"])
    return _whole(root["$defs"][name], root)


def _choice(schema: Schema, root: Schema) -> Check:
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not all(isinstance(value, str) for value in values) or ("const" in schema and "enum" in schema):
        raise _Unknown(values)
    known = frozenset(values)
    return lambda value: isinstance(value, str) and value in known


def _pattern(schema: Schema, root: Schema) -> Check:
    search = strict(schema["pattern"]).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _format(schema: Schema, root: Schema) -> Check:
    name = schema["format"]
    return lambda value: _FORMATS.conforms(value, name)


def _length(schema: Schema, root: Schema) -> Check:
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    return lambda value: not isinstance(value, str) or least <= len(value) <= most


def _size(schema: Schema, root: Schema) -> Check:
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))
    return lambda value: not isinstance(value, list) or least <= len(value) <= most


def _bounds(schema: Schema, root: Schema) -> Check:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    above = schema.get("exclusiveMinimum", float("-inf"))
    return lambda value: not _is_number(value) or (least <= value <= most and value > above)


def _step(schema: Schema, root: Schema) -> Check:
    step = schema["multipleOf"]
    if float(step).as_integer_ratio()[0] != 1:
        raise _Unknown(step)  # only by a power of two division is exact
    return lambda value: not _is_number(value) or (value / step) % 1 == 0


def _properties(schema: Schema, root: Schema) -> Check:
    known = {name: _whole(one, root) for name, one in schema.get("properties", {}).items()}
    others = schema.get("additionalProperties", True)
    if not isinstance(others, bool):
        raise _Unknown(others)

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name, item in value.items():
            one = known.get(name)
            if not others if one is None else not one(item):
                return False
        return True

    return check


def _items(schema: Schema, root: Schema) -> Check:
    one = _whole(schema["items"], root)
    return lambda value: not isinstance(value, list) or all(one(item) for item in value)


def _required(schema: Schema, root: Schema) -> Check:
    names = tuple(schema["required"])
    return lambda value: not isinstance(value, dict) or all(name in value for name in names)


def _together(schema: Schema, root: Schema) -> Check:
    pairs = [(name, other) for name, others in schema["dependentRequired"].items() for other in others]
    return lambda value: (
        not isinstance(value, dict) or all(name not in value or other in value for name, other in pairs)
    )


def _if(schema: Schema, root: Schema) -> Check:
    asked, then = _whole(schema["if"], root), _whole(schema["then"], root)
    return lambda value: not asked(value) or then(value)


_CHECKS: dict[str, Callable[[Schema, Schema], Check]] = {
    "type": _type, "$ref": _ref, "const": _choice, "enum": _choice, "pattern": _pattern, "format": _format,
    "minLength": _length, "maxLength": _length, "minItems": _size, "maxItems": _size, "minimum": _bounds,
    "maximum": _bounds, "exclusiveMinimum": _bounds, "multipleOf": _step, "properties": _properties,
    "additionalProperties": _properties, "items": _items, "required": _required,
    "dependentRequired": _together, "if": _if,
}  # fmt: skip
_TOLD_BY = {"then": "if"}  # said by another word, and nothing without it
