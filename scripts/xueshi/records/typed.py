"""A tree of text to typed values, the types taken from the schema, and the schema's verdict in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from xueshi import project
from xueshi.records.strict_yaml import Mapping, Node, Scalar, Sequence

# At most 15 digits, so that binary and decimal readings agree.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?", re.ASCII)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})", re.ASCII)

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing the schema does not allow, at a place in the file."""

    place: Place
    message: str

    @property
    def field(self) -> str:
        return str(self.place[0]) if self.place else ""


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
    """`$` means the end, not "before a last line break", and digits are ASCII, as every other checker reads it."""
    strict = pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(strict, instance, re.ASCII if "\\S" not in pattern else 0):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


@cache
def validator(kind: str) -> Any:
    """The validator of a kind of file, formats on."""
    return _Validator(project.schema(kind), format_checker=Draft202012Validator.FORMAT_CHECKER)


def faults(data: Any, kind: str) -> Iterator[Fault]:
    """Everything the schema of this kind refuses in `data`, in the file's order."""
    errors = sorted(validator(kind).iter_errors(data), key=lambda e: [str(p) for p in e.absolute_path])
    for error in errors:
        yield from _explain(error, project.schema(kind))


def _explain(error: Any, schema: dict[str, Any]) -> Iterator[Fault]:
    place: Place = tuple(error.absolute_path)
    told = _WORDS.get(str(error.validator))
    name = _name(schema, error.absolute_schema_path) or "文件"
    if place and isinstance(place[-1], str) and schema["$id"] == "urn:xueshi:schema:policy:1":
        name = f"{name}（{place[-1]}）"  # officers edit this one by hand and look for the field's own name
    if error.validator == "required":
        for missing in error.validator_value:
            if missing not in error.instance:
                yield Fault((*place, missing), f"缺少{_title_of(error, missing)}，请补上 {missing}")
        return
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for extra in [key for key in error.instance if key not in known]:
            yield Fault(
                (*place, extra), f"没有 {extra!r} 这个字段，请删去或改正拼写（可用：{'、'.join(known)}）"
            )
        return
    if told is None:
        yield Fault(place, f"{name}不合要求：{_short(error.instance)}")
        return
    yield Fault(place, told(name, error))


def _name(schema: dict[str, Any], path: Iterable[str | int]) -> str:
    """What people call the innermost field on a path through the schema: its title, also where the rest is a $ref."""
    found, node, before = "", schema, None
    for part in path:
        if part == "$ref" or (isinstance(node, dict) and part not in node):
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
        if part != "$ref":
            node = node[part]  # type: ignore[index]
        if before == "properties":
            found = node.get("title", str(part))
        before = part
    return found


def _title_of(error: Any, missing: str) -> str:
    title = error.schema.get("properties", {}).get(missing, {}).get("title", "")
    return f"“{title}”" if title else "字段"


def _short(instance: Any) -> str:
    text = repr(instance) if isinstance(instance, str) else str(instance)
    return text if len(text) <= 60 else text[:57] + "…"


def _choices(name: str, error: Any) -> str:
    values = [error.validator_value] if error.validator == "const" else error.validator_value
    return f"{name}不能是 {_short(error.instance)}，应为：{'、'.join(str(v) for v in values)}"


_TYPES = {
    "string": "文字", "number": "数字", "integer": "整数", "boolean": "true 或 false", "array": "列表（每项前加 -）",
    "object": "若干字段", "null": "null",
}  # fmt: skip


def _type(name: str, error: Any) -> str:
    wanted = error.validator_value
    return f"{name}应为{_TYPES.get(str(wanted), str(wanted))}，现为 {_short(error.instance)}{_slip(error)}"


def _slip(error: Any) -> str:
    """What was most likely meant by a text where a number is wanted."""
    text = error.instance if isinstance(error.instance, str) else ""
    half = unicodedata.normalize("NFKC", text)
    if error.validator_value not in ("number", "integer") or not _NUMBER.fullmatch(half):
        return ""
    return f"；这是全角数字，请写半角的 {half}" if half != text else "；数字不加引号"


_FORMATS = {
    "date": "“2026-03-05”这样存在的日期，并加引号",
    "date-time": "“2026-03-05T16:58:21+08:00”这样的时间，并加引号",
    "email": "邮箱地址",
}


def _together(error: Any) -> str:
    """Fields of which one without the other says nothing."""
    missing = (
        [name, *needed]
        for name, needed in error.validator_value.items()
        if name in error.instance and not set(needed) <= set(error.instance)
    )
    properties = error.schema.get("properties", {})
    return "和".join(properties.get(name, {}).get("title", name) for name in next(missing, ()))


def _ways(error: Any) -> str:
    """The fields of which exactly one is wanted."""
    return "、".join(name for way in error.validator_value for name in way.get("required", ()))


_PATTERNS = {
    "\\S": "，不能只有空格",
    "^(19|20|21|(?![0-9]{4}-))": "，年份应在 1900 到 2199 之间；一直有效就不写 until",
}

_WORDS: dict[str, Callable[[str, Any], str]] = {
    "type": _type,
    "enum": _choices,
    "const": _choices,
    "anyOf": lambda name, e: f"{name}不合要求：{_short(e.instance)}",
    "format": lambda name, e: (
        f"{name}应为{_FORMATS.get(e.validator_value, e.validator_value)}，现为 {_short(e.instance)}"
        + ("；引号要用英文的" if isinstance(e.instance, str) and set("“”") & set(e.instance) else "")
    ),
    "pattern": lambda name, e: (
        f"{name}写法不对：{_short(e.instance)}"
        + _PATTERNS.get(e.validator_value, f"，应符合 {e.validator_value}")
    ),
    "minLength": lambda name, e: f"{name}不能为空，请填写",
    "maxLength": lambda name, e: f"{name}有 {len(e.instance)} 个字，最多 {e.validator_value} 个，请缩短",
    "minItems": lambda name, e: f"{name}至少要有 {e.validator_value} 项",
    "maxItems": lambda name, e: f"{name}有 {len(e.instance)} 项，最多 {e.validator_value} 项，请减少",
    "minimum": lambda name, e: f"{name}不能小于 {e.validator_value}，现为 {e.instance}",
    "maximum": lambda name, e: f"{name}不能大于 {e.validator_value}，现为 {e.instance}",
    "exclusiveMinimum": lambda name, e: f"{name}应大于 {e.validator_value}，现为 {e.instance}",
    "exclusiveMaximum": lambda name, e: f"{name}应小于 {e.validator_value}，现为 {e.instance}",
    "multipleOf": lambda name, e: f"{name}应为 {e.validator_value} 的整数倍，现为 {e.instance}",
    "dependentRequired": lambda name, e: f"{_together(e)} 要一起填写",
    "oneOf": lambda name, e: f"{name}要写 {_ways(e)} 中的一种，而且只写一种",
    "minProperties": lambda name, e: f"{name}不能为空",
}
