"""What a schema refuses, in the words of whoever wrote the file: the field, the value and the cure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xueshi.speech import CHINESE, language, later, later_in, say, say_in

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing the schema does not allow, at a place in the file."""

    place: Place
    message: str

    @property
    def field(self) -> str:
        return str(self.place[0]) if self.place else ""


def explain(error: Any, schema: dict[str, Any]) -> Iterator[Fault]:
    """One error of the validator, or each field of which it speaks, as whoever wrote the file can cure it."""
    place: Place = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        place = (*place, str(error.instance))
    told = _WORDS.get(str(error.validator))
    name = _name(schema, error.absolute_schema_path) or say("文件")
    by_hand = schema["$id"] == "urn:xueshi:schema:policy:1"  # officers look for the field's own name
    if by_hand and place and isinstance(place[-1], str) and (language() == CHINESE or name != place[-1]):
        name = say("%(title)s（%(name)s）", title=name, name=place[-1])
    if error.validator == "required":
        for missing in error.validator_value:
            if missing not in error.instance:
                words = say("缺少%(title)s，请补上 %(field)s", title=_title_of(error, missing), field=missing)
                yield Fault((*place, missing), words)
        return
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for extra in [key for key in error.instance if key not in known]:
            words = say(
                "没有 %(field)r 这个字段，请删去或改正拼写（可用：%(known)s）",
                field=extra,
                known=say("、").join(known),
            )
            yield Fault((*place, extra), words)
        return
    yield Fault(place, told(name, error) if told else _refused(name, error))


def _name(schema: dict[str, Any], path: Iterable[str | int]) -> str:
    """What the innermost field on a path through the schema is called (see _called), also where the rest is a $ref."""
    found, node, before = "", schema, None
    for part in path:
        if part == "$ref" or (isinstance(node, dict) and part not in node):
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
        if part != "$ref":
            node = node[part]  # type: ignore[index]
        if before == "properties":
            found = called(node, str(part))
        before = part
    return found


def called(schema: dict[str, Any], name: str) -> str:
    """A field as people call it: by its title, which is Chinese; in another language by its name in the file."""
    return str(schema.get("title", name)) if language() == CHINESE else name


def _title_of(error: Any, missing: str) -> str:
    title = called(error.schema.get("properties", {}).get(missing, {}), "")
    return f"“{title}”" if title else say("字段")


def _short(instance: Any) -> str:
    text = repr(instance) if isinstance(instance, str) else str(instance)
    return text if len(text) <= 60 else text[:57] + "…"


def _choices(name: str, error: Any) -> str:
    values = [error.validator_value] if error.validator == "const" else error.validator_value
    words = say(
        "%(name)s不能是 %(value)s，应为：%(choices)s",
        name=name,
        value=_short(error.instance),
        choices=say("、").join(str(v) for v in values),
    )
    comma = "，" in str(error.instance)
    return _with_cure(words, say("用了中文逗号“，”，请改成英文逗号“,”，后面空一格") if comma else "")


def _with_cure(words: str, cure: str) -> str:
    """What is wrong, and what was most likely meant where that is known."""
    return say("%(words)s；%(cure)s", words=words, cure=cure) if cure else words


_TYPES = {
    "string": later_in("type", "文字"), "number": later_in("type", "数字"), "integer": later_in("type", "整数"),
    "boolean": later_in("type", "true 或 false"), "array": later_in("type", "列表（每项前加 -）"),
    "object": later_in("type", "若干字段"), "null": later_in("type", "null"),
}  # fmt: skip


def _type(name: str, error: Any) -> str:
    return _with_cure(_should_be(name, error, _TYPES), _slip(error))


def _should_be(name: str, error: Any, known: dict[str, str]) -> str:
    wanted = str(error.validator_value)
    told = say_in("type", known[wanted]) if wanted in known else wanted
    value = _short(error.instance)
    return say("%(name)s应为%(wanted)s，现为 %(value)s", name=name, wanted=told, value=value)


def _slip(error: Any) -> str:
    """What was most likely meant by a text where a number, or true or false, is wanted."""
    text = error.instance.strip() if isinstance(error.instance, str) else ""
    if error.validator_value == "boolean":
        meant = _TRUTH.get(text.lower())
        return say("请写 %(meant)s，不加引号", meant=meant) if meant else ""
    if error.validator_value == "array" and text:
        return say("只有一项也要写成 [%(text)s]", text=text)
    half = unicodedata.normalize("NFKC", text)
    found = _WITH_UNIT.fullmatch(half)
    if error.validator_value not in ("number", "integer") or found is None:
        return ""
    number, unit = found.groups()
    if unit == "%":
        return say("百分数写成小数 %(fraction)s", fraction=Decimal(number) / 100)
    if unit:
        return say("请去掉单位“%(unit)s”，只写 %(number)s", unit=unit, number=number)
    return say("这是全角数字，请写半角的 %(half)s", half=half) if half != text else say("数字不加引号")


_WITH_UNIT = re.compile(r"(-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,3})?)\s*(%|[\u4e00-\u9fff]{1,3})?", re.ASCII)
_TRUTH = {
    **dict.fromkeys(("是", "计入", "真", "yes", "y", "on", "true", "1"), "true"),
    **dict.fromkeys(("否", "不计入", "不", "假", "no", "n", "off", "false", "0"), "false"),
}


_FORMATS = {
    "date": later_in("type", "“2026-03-05”这样存在的日期，并加引号"),
    "date-time": later_in("type", "“2026-03-05T16:58:21+08:00”这样的时间，并加引号"),
    "email": later_in("type", "邮箱地址"),
}


def _format(name: str, error: Any) -> str:
    quotes = set("“”") & set(error.instance)
    return _with_cure(_should_be(name, error, _FORMATS), say("引号要用英文的") if quotes else "")


def _together(name: str, error: Any) -> str:
    """Fields of which one without the other says nothing."""
    missing = (
        [one, *needed]
        for one, needed in error.validator_value.items()
        if one in error.instance and not set(needed) <= set(error.instance)
    )
    properties = error.schema.get("properties", {})
    fields = (called(properties.get(one, {}), one) for one in next(missing, ()))
    return say("%(fields)s 要一起填写", fields=say("和").join(fields))


def _one_of(name: str, error: Any) -> str:
    """The fields of which exactly one is wanted."""
    ways = (field for way in error.validator_value for field in way.get("required", ()))
    return say("%(name)s要写 %(fields)s 中的一种，而且只写一种", name=name, fields=say("、").join(ways))


_PATTERNS = {
    "\\S": later("不能只有空格"),
    "^(19|20|21|(?![0-9]{4}-))": later("年份应在 1900 到 2199 之间；一直有效就不写 until"),
    "^[a-z][a-z0-9-]{1,31}$": later("编号只能用小写英文字母、数字和 -，以字母开头，2 到 32 个字符，例如 jg1"),
    "^[a-z][a-z0-9_]{1,31}$": later(
        "编号只能用小写英文字母、数字和下划线 _，以字母开头，2 到 32 个字符，例如 theme_day"
    ),
    "^[a-z][a-z0-9_-]{1,31}$": later(
        "编号只能用小写英文字母、数字、- 和下划线 _，以字母开头，2 到 32 个字符，例如 member-year"
    ),
    "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$": (
        later("应写成 2026-03-05T16:58:21+08:00 的样子（大写 T，带时区）")
    ),
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": later("应写成 14:30 的样子"),
    "^[0-9]{4}-[0-9]{2}$": later("应写成 2026-01 的样子"),
    "^20[0-9]{2}(-[2-9]|-[1-9][0-9])?$": later("应写成 2026 的样子，同一年再换写 2026-2"),
    "^[0-9a-f]{64}$": later("应为照片的 SHA-256（64 位，只有 0 到 9 和 a 到 f）"),
    "^[0-7][0-9A-HJKMNP-TV-Z]{25}$": later("应为 26 位的记录编号（数字和大写字母，没有 I、L、O、U）"),
    "^[0-9a-f]{40}$": later("应为提交的完整编号（40 位，只有 0 到 9 和 a 到 f）"),
}


def _pattern_of(name: str, error: Any) -> str:
    known = _PATTERNS.get(error.validator_value)
    cure = say(known) if known else say("应符合 %(pattern)s", pattern=error.validator_value)
    return say("%(name)s写法不对：%(value)s，%(cure)s", name=name, value=_short(error.instance), cure=cure)


def _refused(name: str, error: Any) -> str:
    return say("%(name)s不合要求：%(value)s", name=name, value=_short(error.instance))


def _bound(sentence: str) -> Callable[[str, Any], str]:
    """Tells a value and the bound that it does not keep."""
    return lambda name, e: say(sentence, name=name, bound=e.validator_value, value=e.instance)


def _length(sentence: str) -> Callable[[str, Any], str]:
    """Tells a length and the bound that it does not keep."""
    return lambda name, e: say(sentence, name=name, bound=e.validator_value, n=len(e.instance))


_WORDS: dict[str, Callable[[str, Any], str]] = {
    "type": _type,
    "enum": _choices,
    "const": _choices,
    "anyOf": _refused,
    "format": _format,
    "pattern": _pattern_of,
    "minLength": _length(later("%(name)s不能为空，请填写")),
    "maxLength": _length(later("%(name)s有 %(n)s 个字，最多 %(bound)s 个，请缩短")),
    "minItems": _length(later("%(name)s至少要有 %(bound)s 项")),
    "maxItems": _length(later("%(name)s有 %(n)s 项，最多 %(bound)s 项，请减少")),
    "minimum": _bound(later("%(name)s不能小于 %(bound)s，现为 %(value)s")),
    "maximum": _bound(later("%(name)s不能大于 %(bound)s，现为 %(value)s")),
    "exclusiveMinimum": _bound(later("%(name)s应大于 %(bound)s，现为 %(value)s")),
    "exclusiveMaximum": _bound(later("%(name)s应小于 %(bound)s，现为 %(value)s")),
    "multipleOf": _bound(later("%(name)s应为 %(bound)s 的整数倍，现为 %(value)s")),
    "dependentRequired": _together,
    "oneOf": _one_of,
    "minProperties": _length(later("%(name)s不能为空")),
}
