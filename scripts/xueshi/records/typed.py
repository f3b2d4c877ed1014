"""A tree of text to typed values, the types taken from the schema, and what the schema refuses of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from xueshi import project
from xueshi.records import shape
from xueshi.records.schema_words import Fault, Place, called, explain
from xueshi.records.strict_yaml import Mapping, Node, Scalar, Sequence
from xueshi.speech import say

# At most 15 digits, so that binary and decimal readings agree.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})", re.ASCII)


def value(node: Node, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """The node as plain values: str, int, float, bool, None, list, dict. A scalar that its type cannot be read
    from stays text, for the schema to refuse."""
    schema = resolved(schema, root)
    if isinstance(node, Mapping):
        known: dict[str, Any] = schema.get("properties", {})
        other = schema.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        return {key: value(item, known.get(key, other), root) for key, item in node.items.items()}
    if isinstance(node, Sequence):
        return [value(item, schema.get("items", {}), root) for item in node.items]
    return _scalar(node, _types(schema, root))


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own `$ref` followed; what stands beside the reference is kept."""
    name = schema.get("$ref")
    if name is None:
        return schema
    target = root["$defs"][name.removeprefix("#/$defs/")]
    return {**resolved(target, root), **{k: v for k, v in schema.items() if k != "$ref"}}


def _types(schema: dict[str, Any], root: dict[str, Any]) -> set[str]:
    if "anyOf" in schema:
        return {name for one in schema["anyOf"] for name in _types(resolved(one, root), root)}
    named = schema.get("type", "string")
    return set(named) if isinstance(named, list) else {named}


def _scalar(node: Scalar, types: set[str]) -> Any:
    text = node.text
    if not node.plain:
        return text
    if "null" in types and text in ("null", "~", ""):
        return None
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if ("integer" in types or "number" in types) and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text)
    return text


def _pattern(
    validator: Any, pattern: str, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not shape.strict(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


@cache
def validator(kind: str) -> Any:
    """The validator of a kind of file, formats on."""
    return _Validator(project.schema(kind), format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(data: Any, kind: str) -> Iterator[Fault]:
    """Everything the schema of this kind refuses in `data`, in the file's order. Of an entry that stands in a wrong
    section only that is told."""
    if shape.keeps(kind)(data):
        return
    errors = sorted(validator(kind).iter_errors(data), key=lambda e: [str(p) for p in e.absolute_path])
    astray = dict(_astray(data, project.schema(kind))) if errors else {}
    for place, message in astray.items():
        yield Fault(place, message)
    misshapen = {tuple(error.absolute_path) for error in errors if error.validator == "format"}
    for error in errors:
        place = tuple(error.absolute_path)
        said = error.validator == "pattern" and place in misshapen  # once is enough
        if place[:2] not in astray and not said:
            yield from explain(error, project.schema(kind))


def _astray(data: Any, schema: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Entries of a file's lists that have not the fields of their own list, but those of another one."""
    lists = {
        name: resolved(inner["items"], schema)
        for name, inner in schema.get("properties", {}).items()
        if "properties" in resolved(inner.get("items", {}), schema)
    }
    for name in lists if isinstance(data, dict) else ():
        entries = data.get(name)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and not _has_fields(entry, lists[name]):
                others = [other for other in lists if other != name and _has_fields(entry, lists[other])]
                if len(others) == 1:
                    other = others[0]
                    title = called(lists[other], other)
                    words = say("这一段像是“%(title)s”，请移到 %(section)s: 下面", title=title, section=other)
                    yield (name, number), words


def _has_fields(entry: dict[str, Any], schema: dict[str, Any]) -> bool:
    return set(schema.get("required", ())) <= set(entry) <= set(schema["properties"])
