"""What most likely broke a YAML file, in an officer's words. The parser notices a slip late, and says it in English."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import yaml

from xueshi.speech import later, say

Told = tuple[int, str]  # a line, counted from 0, and what to do about it


@dataclass(frozen=True, slots=True)
class _Broken:
    """Where the parser stopped (`at`, `column`, from 0), what it missed there, and the line on which the thing that it
    was reading begins (`since`, at `indent`)."""

    lines: Sequence[str]
    at: int
    column: int
    since: int
    indent: int
    problem: str
    context: str

    @property
    def before(self) -> str:
        """The text of the line up to where the parser stopped."""
        return self.line(self.at)[: self.column]

    def line(self, number: int) -> str:
        return self.lines[number] if 0 <= number < len(self.lines) else ""


def hint(text: str, error: yaml.MarkedYAMLError) -> Told:
    """The line, from 1, that most likely broke the file, and what to do about it."""
    broken = _broken(text, error)
    for find in _FINDERS:
        found = find(broken)
        if found is not None:
            return found[0] + 1, found[1]
    return broken.at + 1, say(_GENERAL)


def _broken(text: str, error: yaml.MarkedYAMLError) -> _Broken:
    mark = error.problem_mark or error.context_mark
    since = error.context_mark or mark
    lines = text.split("\n")
    at, column = (min(mark.line, len(lines) - 1), mark.column) if mark else (0, 0)
    start, indent = (since.line, since.column) if since else (at, column)
    return _Broken(lines, at, column, start, indent, error.problem or "", error.context or "")


_NOT_YAML = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def unreadable(text: str) -> Told:
    """The same for a character that no YAML file may hold."""
    found = _NOT_YAML.search(text)
    if found is None:
        return 1, say(_GENERAL)
    words = say("这一行有看不见的控制字符（U+%(code)04X），请删去后重新输入这一行", code=ord(found[0]))
    return text.count("\n", 0, found.start()) + 1, words


# --- slips at the beginning of a line

_STARTS = (
    (re.compile(r"[ -]*\t"), later("行首用了 Tab 键，请改用空格，和上下行对齐")),
    (re.compile(r"[ -]*\u3000"), later("行首有全角空格，请改成半角空格，和上下行对齐")),
    (
        re.compile(r"[ -]*[\u00a0\u2000-\u200b\u202f]"),
        later("行首有从网页或 Word 复制来的特殊空格，请删去，改用空格键输入，和上下行对齐"),
    ),
    (re.compile(r" *[－—–−]"), later("行首用了全角的横线，请改成英文的“-”，后面空一格")),
    (re.compile(r" *-[^\s\-\d]"), later("行首的“-”后面少一个空格，请补上")),
    (re.compile(r"[ -]*[A-Za-z_]+\s*："), later("用了中文冒号“：”，请改成英文冒号“:”，后面空一格")),
    (re.compile(r"[ -]*[A-Za-z_]+:[^\s:]"), later("冒号后面少一个空格，请补上")),
)


def slip(line: str) -> str:
    """What is wrong with how a line (or a field's name) begins, still to be said; or nothing."""
    return next((words for pattern, words in _STARTS if pattern.match(line)), "")


def _start(b: _Broken) -> Told | None:
    for number in (b.at, b.at - 1, b.since):
        if words := slip(b.line(number)):
            return number, say(words)
    return None


_CONFLICT = re.compile(r"(<{7}|={7}|>{7})(\s|$)")


def _conflict(b: _Broken) -> Told | None:
    found = next((number for number, line in enumerate(b.lines) if _CONFLICT.match(line)), None)
    if found is None:
        return None
    return found, say(
        "这里有 Git 合并冲突的记号，请在两份里留下要的一份，再把 %(marks)s 三行删去",
        marks=say("、").join(("<" * 7, "=" * 7, ">" * 7)),
    )


# --- quotes and brackets that stay open


def _quote(b: _Broken) -> Told | None:
    """The first line, up to where the parser stopped, whose quote is not closed on it."""
    for number, line in enumerate(b.lines[: b.at + 1]):
        if _stays_open(line):
            return number, say("从第 %(n)s 行开始的引号没有关上，请在这段文字后面补上引号", n=number + 1)
    if b.problem.startswith("did not find expected") and b.before.rstrip().endswith(('"', "'")):
        return b.at, say("引号后面还有文字，请把整段文字放进同一对引号里")
    return None


def _stays_open(line: str) -> bool:
    quote, before, skip = "", ":", False
    for number, ch in enumerate(line):
        if skip:
            skip = False
        elif quote:
            skip = (quote == '"' and ch == "\\") or (quote == "'" and line[number : number + 2] == "''")
            quote = "" if ch == quote and not skip else quote
        elif ch == "#" and (not number or line[number - 1] == " "):
            return False
        elif ch in "\"'" and before in ":[{,-":
            quote = ch
        before = ch if ch != " " else before
    return bool(quote)


def _bracket(b: _Broken) -> Told | None:
    """A list or group in brackets that the parser could not read to its end."""
    if "while parsing a flow" not in b.context or "node content" in b.problem:
        return None
    part = re.split(r"[,{\[]", b.before)[-1]
    if "，" in part:
        return b.at, say("括号里用了中文逗号“，”，请改成英文逗号“,”，后面空一格")
    if (name := re.search(r"\s([a-z_]+)$", part)) and ": " in part:
        return b.at, say("%(word)s 前面少了英文逗号“,”，请补上", word=name[1])
    if ": " in part:
        return b.at, say(_COLON)
    if b.at == b.since:
        return b.at, say("括号里少了英文逗号“,”，或括号没有关上，请补上")
    if re.search(r"[{\[].* #", b.line(b.since)):
        return b.since, say(_HASH)
    return b.since, say("从第 %(n)s 行开始的括号没有关上，请补上 } 或 ]", n=b.since + 1)


_COLON = later("文字里有冒号加空格，请给整段文字加上引号")
_HASH = later("空格加 # 后面的文字被当成注释略去了；文字里有 # 时，请给整段文字加上引号")


# --- spaces at the beginning of lines


def _colon(b: _Broken) -> Told | None:
    inner = b.problem.startswith("mapping values") and ": " in b.before
    return (b.at, say(_COLON)) if inner else None


def _dash(b: _Broken) -> Told | None:
    lost = "'-' indicator" in b.problem and b.column == b.indent
    if not lost:
        return None
    return b.at, say("可能漏了行首的 '- '：列表里每一条都以它开头，请补上；如果属于上一条，请和上一行对齐")


_ALIGNED = ("did not find expected key", "did not find expected '-'", "mapping values")


def _indent(b: _Broken) -> Told | None:
    if not b.at or not b.problem.startswith(_ALIGNED):
        return None
    deep, before = (len(one) - len(one.lstrip(" ")) for one in (b.line(b.at), b.line(b.at - 1)))
    if deep == before:
        return None
    return b.at, say(
        "行首的空格数（%(deep)s 个）与上下行对不上（上一行 %(before)s 个），请对齐；编辑前的写法可作参照",
        deep=deep,
        before=before,
    )


# --- everything else

_GENERAL = later("这一行的写法读不懂，请对照上下行检查冒号、引号、括号和行首的空格")
_ESCAPE = later("双引号里不能这样用反斜线 \\，请改用单引号")
_PROBLEMS = (
    ("found unexpected end of stream", later("引号没有关上，请补上")),
    ("did not find expected node content", later("这里少了内容，或者多写了逗号、括号，请改正")),
    ("found character that cannot start", later("文字以特殊符号（如 @、%%、`）开头时，请给整段文字加上引号")),
    ("did not find expected alphabetic or numeric", later("文字以 & 或 * 开头时，请给整段文字加上引号")),
    ("did not find expected whitespace or line break", later("文字以 ! 开头时，请给整段文字加上引号")),
    ("did not find expected comment or line break", later("文字以 | 或 > 开头时，请给整段文字加上引号")),
    ("block sequence entries are not allowed", later("列表的“-”要另起一行写，和上下行对齐")),
    ("found unknown escape character", _ESCAPE),
    ("did not find expected hexdecimal number", _ESCAPE),
    ("found a tab character", later("用了 Tab 键，请改用空格，和上下行对齐")),
    ("found unexpected document indicator", later("引号没有关上，或多写了一行 ---，请改正")),
)


def _known(b: _Broken) -> Told | None:
    if b.problem.startswith("could not find expected ':'"):
        return b.since, say("这一行少了英文冒号，应写成“字段: 值”")
    return next(((b.at, say(words)) for start, words in _PROBLEMS if b.problem.startswith(start)), None)


_FINDERS: tuple[Callable[[_Broken], Told | None], ...] = (
    _conflict,
    _start,
    _quote,
    _bracket,
    _colon,
    _dash,
    _indent,
    _known,
)
