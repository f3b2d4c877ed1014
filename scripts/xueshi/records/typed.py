"""A tree of text to typed values, the types taken from the schema, and the schema's verdict in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from xueshi import project
from xueshi.records import shape
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
            yield from _explain(error, project.schema(kind))


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
                    title = lists[others[0]].get("title", others[0])
                    yield (name, number), f"这一段像是“{title}”，请移到 {others[0]}: 下面"


def _has_fields(entry: dict[str, Any], schema: dict[str, Any]) -> bool:
    return set(schema.get("required", ())) <= set(entry) <= set(schema["properties"])


def _explain(error: Any, schema: dict[str, Any]) -> Iterator[Fault]:
    place: Place = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        place = (*place, str(error.instance))
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
    return f"{name}不能是 {_short(error.instance)}，应为：{'、'.join(str(v) for v in values)}{_comma(error.instance)}"


def _comma(instance: Any) -> str:
    return "；用了中文逗号“，”，请改成英文逗号“,”，后面空一格" if "，" in str(instance) else ""


_TYPES = {
    "string": "文字", "number": "数字", "integer": "整数", "boolean": "true 或 false", "array": "列表（每项前加 -）",
    "object": "若干字段", "null": "null",
}  # fmt: skip


def _type(name: str, error: Any) -> str:
    wanted = error.validator_value
    return f"{name}应为{_TYPES.get(str(wanted), str(wanted))}，现为 {_short(error.instance)}{_slip(error)}"


def _slip(error: Any) -> str:
    """What was most likely meant by a text where a number, or true or false, is wanted."""
    text = error.instance.strip() if isinstance(error.instance, str) else ""
    if error.validator_value == "boolean":
        return f"；请写 {_TRUTH[text.lower()]}，不加引号" if text.lower() in _TRUTH else ""
    if error.validator_value == "array" and text:
        return f"；只有一项也要写成 [{text}]"
    half = unicodedata.normalize("NFKC", text)
    found = _WITH_UNIT.fullmatch(half)
    if error.validator_value not in ("number", "integer") or found is None:
        return ""
    number, unit = found.groups()
    if unit == "%":
        return f"；百分数写成小数 {Decimal(number) / 100}"
    if unit:
        return f"；请去掉单位“{unit}”，只写 {number}"
    return f"；这是全角数字，请写半角的 {half}" if half != text else "；数字不加引号"


_WITH_UNIT = re.compile(r"(-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,3})?)\s*(%|[\u4e00-\u9fff]{1,3})?", re.ASCII)
_TRUTH = {
    **dict.fromkeys(("是", "计入", "真", "yes", "y", "on", "true", "1"), "true"),
    **dict.fromkeys(("否", "不计入", "不", "假", "no", "n", "off", "false", "0"), "false"),
}


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


def _id_of(others: str, example: str) -> str:
    return f"，编号只能用小写英文字母、{others}，以字母开头，2 到 32 个字符，例如 {example}"


_PATTERNS = {
    "\\S": "，不能只有空格",
    "^(19|20|21|(?![0-9]{4}-))": "，年份应在 1900 到 2199 之间；一直有效就不写 until",
    "^[a-z][a-z0-9-]{1,31}$": _id_of("数字和 -", "jg1"),
    "^[a-z][a-z0-9_]{1,31}$": _id_of("数字和下划线 _", "theme_day"),
    "^[a-z][a-z0-9_-]{1,31}$": _id_of("数字、- 和下划线 _", "member-year"),
    "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$": (
        "，应写成 2026-03-05T16:58:21+08:00 的样子（大写 T，带时区）"
    ),
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": "，应写成 14:30 的样子",
    "^[0-9]{4}-[0-9]{2}$": "，应写成 2026-01 的样子",
    "^20[0-9]{2}(-[2-9]|-[1-9][0-9])?$": "，应写成 2026 的样子，同一年再换写 2026-2",
    "^[0-9a-f]{64}$": "，应为照片的 SHA-256（64 位，只有 0 到 9 和 a 到 f）",
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$": "，应为 26 位的记录编号（数字和大写字母，没有 I、L、O、U）",
    "^[0-9a-f]{40}$": "，应为提交的完整编号（40 位，只有 0 到 9 和 a 到 f）",
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
