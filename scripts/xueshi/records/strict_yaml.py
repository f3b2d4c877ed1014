"""Bytes to a tree of values with line numbers. YAML's guesses, anchors, tags and repeated keys are refused here;
what a scalar means is decided later by the schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import yaml

from xueshi.records.yaml_hints import hint, slip, unreadable
from xueshi.speech import say

_slip = lru_cache(512)(slip)  # fields are few
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_IN_LIST = 2  # as deep as the fields of an entry of a list lie at least
_DEPTH = 12  # our deepest file has 6 levels; a bomb of brackets has thousands


class YamlFault(Exception):
    """The file is not the YAML we keep. `message` says why and how to cure it, `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text as written; `plain` when it stood without quotes."""

    line: int
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    line: int
    items: dict[str, Node] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def parse(data: bytes) -> Mapping:
    """The one document of a file, which must be a mapping. Raises YamlFault."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlFault(line, say("文件不是 UTF-8 编码，请另存为 UTF-8")) from None
    if text.startswith("\ufeff"):
        raise YamlFault(1, say("文件开头有 BOM，请另存为不带 BOM 的 UTF-8"))
    try:
        node = _document(_events(text))
    except yaml.MarkedYAMLError as error:
        raise YamlFault(*hint(text, error)) from None
    except yaml.YAMLError:
        raise YamlFault(*unreadable(text)) from None
    if not isinstance(node, Mapping):
        raise YamlFault(node.line, say("文件应当是“字段: 值”的形式"))
    return node


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=_Loader)


def _document(events: Iterator[yaml.Event]) -> Node:
    node: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if node is not None:
                raise YamlFault(_line(event), say("一个文件只能有一份内容，请去掉多余的 ---"))
            node = _node(next(events), events, 0)
    if node is None:
        raise YamlFault(1, say("文件是空的"))
    return node


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
    line = _line(event)
    _refuse(event, line, depth)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(line, event.value, not event.style)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(following := next(events), yaml.SequenceEndEvent):
            items.append(_node(following, events, depth + 1))
        return Sequence(line, items)
    return _mapping(line, events, depth)


def _mapping(line: int, events: Iterator[yaml.Event], depth: int) -> Mapping:
    found = Mapping(line)
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        at = _line(event)
        key = _node(event, events, depth + 1)
        if not isinstance(key, Scalar):
            raise YamlFault(at, say("字段名只能是一个词"))
        if key.plain and (words := _slip(key.text)):
            raise YamlFault(at, say(words))
        if key.text in found.items:
            raise YamlFault(at, _twice(key.text, found, depth))
        found.key_lines[key.text] = at
        found.items[key.text] = _node(next(events), events, depth + 1)
    return found


def _twice(name: str, found: Mapping, depth: int) -> str:
    """A repeated field; where it is the one that entries of a list begin with, the next entry may have lost its dash."""
    first = found.key_lines[name]
    if depth < _IN_LIST or name != next(iter(found.items)):
        return say("字段 %(name)r 写了两次（第 %(first)s 行已有），请只留一个", name=name, first=first)
    return say(
        "字段 %(name)r 写了两次（第 %(first)s 行已有），可能漏了行首的 '- '：如果从这一行起是另一条，请补上",
        name=name,
        first=first,
    )


def _refuse(event: yaml.Event, line: int, depth: int) -> None:
    if depth > _DEPTH:
        raise YamlFault(line, say("嵌套太深，请检查括号和缩进"))
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        words = say("不能用锚点和引用（& 和 *），请把内容直接写出来；文字以这些符号开头时请加引号")
        raise YamlFault(line, words)
    if getattr(event, "tag", None):
        raise YamlFault(line, say("不能用类型标记（!），请直接写值；文字以 ! 开头时请加引号"))
