"""One file's bytes to its value, or to everything that is wrong with it; each content once in a process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xueshi import project
from xueshi.git import Repository
from xueshi.model import Closing, Keys, Organisation, Policy, Problem, Roster, Severity, Study
from xueshi.records import build, build_policy, typed, writer
from xueshi.records.schema_words import Place
from xueshi.records.strict_yaml import Mapping as YamlMapping
from xueshi.records.strict_yaml import Node, Sequence, YamlFault, parse
from xueshi.speech import language, say

ORGANISATION = "records/organisation.yaml"
POLICY = "records/policy.yaml"
KEYS = "records/keys.yaml"
_ROSTER = re.compile(r"records/([a-z][a-z0-9-]{1,31})/roster\.yaml")
_STUDY = re.compile(r"records/([a-z][a-z0-9-]{1,31})/([0-9]{4})/([0-9A-HJKMNP-TV-Z]{26})\.yaml")
_CLOSING = re.compile(r"records/closed-([0-9]{4})\.yaml")
_LIMIT = 200_000  # bytes; our largest record, 5,000 characters twice, is a third of that
_CACHED = 300_000  # parsed files kept


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file: its value if it is sound, what is wrong if not, and where its fields stand."""

    value: Study | Roster | Organisation | Policy | Closing | Keys | None
    problems: tuple[Problem, ...]
    lines: Mapping[str, int]


def kind_of(path: str) -> str | None:
    """study | roster | organisation | policy | keys | closing, or None for a path that is none of ours."""
    if path == ORGANISATION:
        return "organisation"
    if path == POLICY:
        return "policy"
    if path == KEYS:
        return "keys"
    if _ROSTER.fullmatch(path):
        return "roster"
    if _CLOSING.fullmatch(path):
        return "closing"
    return "study" if _STUDY.fullmatch(path) else None


# --- what was read before: after one merge only one file is read anew

_PARSED: dict[
    tuple[str, str, str], Parsed
] = {}  # by path, blob id and the language that its faults are told in
_BLOBS: dict[str, str] = {}  # `<commit>:<path>` -> blob id: a proposal's file is mostly the one that main got


def read_files(repo: Repository, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Parsed]:
    """Files by (path, blob id) or (path, `<commit>:<path>`); what is not there is left out. Git is asked only for what
    was not read before, in one go."""
    asked, told = list(dict.fromkeys(wanted)), language()
    known = {pair: _PARSED.get((pair[0], _BLOBS.get(pair[1], pair[1]), told)) for pair in asked}
    contents = repo.blobs(key for (_, key), value in known.items() if value is None)
    found: dict[tuple[str, str], Parsed] = {}
    for pair, value in known.items():
        if value is not None:
            found[pair] = value
        elif pair[1] in contents:
            found[pair] = _read(*pair, contents[pair[1]])
    return found


def _read(path: str, key: str, data: bytes) -> Parsed:
    if ":" not in key:
        return read_file(path, data, key)
    value = read_file(path, data, blob := blob_id(data))
    _BLOBS[key] = blob
    return value


def read_file(path: str, data: bytes, blob: str) -> Parsed:
    """What parse_file says; `blob` is the id of `data`."""
    key = (path, blob, language())
    found = _PARSED.get(key)
    if found is None:
        if len(_PARSED) >= _CACHED:
            _PARSED.clear()
            _BLOBS.clear()
        found = _PARSED[key] = parse_file(path, data)
    return found


def blob_id(data: bytes) -> str:
    """What git calls these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def parse_file(path: str, data: bytes) -> Parsed:
    """One file's value, or everything that is wrong with it."""
    kind = kind_of(path)
    if kind is None:
        words = say(
            "records 下只放政策、组织、名册、keys.yaml 和 支部/年份/编号.yaml，请移走这个文件或改正路径"
        )
        return Parsed(None, (Problem(path, 0, "path-and-id-agree", words),), {})
    limit = _LIMIT * 100 if kind == "closing" else _LIMIT  # a year of 100,000 records
    if len(data) > limit:
        words = say("文件有 %(n)s 字节，最多 %(limit)s 字节，请缩短内容", n=len(data), limit=limit)
        return Parsed(None, (Problem(path, 0, "schema", words),), {})
    try:
        tree = parse(data)
    except YamlFault as fault:
        return Parsed(None, (Problem(path, fault.line, "yaml", fault.message),), {})
    return _typed(kind, tree, path, data)


def plain_values(kind: str, data: bytes) -> build.Data:
    """What a sound file says, as it was written: for writing it again with something added."""
    values: build.Data = typed.value(parse(data), project.schema(kind), project.schema(kind))
    return values


def _typed(kind: str, tree: YamlMapping, path: str, data: bytes) -> Parsed:
    plain = typed.value(tree, project.schema(kind), project.schema(kind))
    faults = [
        Problem(path, _line(tree, fault.place), "schema", fault.message, fault.field)
        for fault in typed.faults(plain, kind)
    ]
    if faults:
        return Parsed(None, tuple(faults), tree.key_lines)
    try:
        value = _build(kind, plain, path)
    except (
        ValueError,
        OverflowError,
    ) as error:  # history holds whatever was ever pushed, and must be read on
        words = say("里面有读不出的时间、日期或数字（%(error)s），请改正", error=error)
        return Parsed(None, (Problem(path, 0, "schema", words),), tree.key_lines)
    if isinstance(value, Closing) and path != f"records/closed-{value.year}.yaml":
        words = say("文件名与其中的年度 %(year)s 不一致，请改回；已结账的年度不能改", year=value.year)
        return Parsed(None, (Problem(path, tree.key_lines["year"], "path-and-id-agree", words, "year"),), {})
    lines = tree.key_lines if kind == "study" else dict(_places(tree))
    return Parsed(value, _canonical(kind, plain, path, data), lines)


def _build(
    kind: str, plain: build.Data, path: str
) -> Study | Roster | Organisation | Policy | Closing | Keys:
    if kind == "study":
        return build.study(plain, path)
    if kind == "roster":
        return build.roster(plain, path.split("/")[1])
    if kind == "closing":
        return build.closing(plain)
    if kind == "keys":
        return build.keys(plain)
    return build.organisation(plain) if kind == "organisation" else build_policy.policy(plain)


def _canonical(kind: str, plain: build.Data, path: str, data: bytes) -> tuple[Problem, ...]:
    if kind != "study" or writer.render(kind, plain) == data:
        return ()
    words = say("写法与系统写出的不同（内容没有问题），下次更正时会自动理顺")
    return (Problem(path, 0, "canonical", words, severity=Severity.NOTE),)


def _places(tree: Node, at: str = "") -> Iterator[tuple[str, int]]:
    """The line of every value inside, by its place: `requirements.0.who`."""
    if isinstance(tree, YamlMapping):
        for key, inner in tree.items.items():
            yield f"{at}{key}", tree.key_lines[key]
            yield from _places(inner, f"{at}{key}.")
    elif isinstance(tree, Sequence):
        for number, inner in enumerate(tree.items):
            yield f"{at}{number}", inner.line
            yield from _places(inner, f"{at}{number}.")


def _line(tree: Node, place: Place) -> int:
    """The line of the value at `place`, or of the nearest thing around it that stands in the file."""
    line = tree.line
    for step in place:
        if isinstance(tree, YamlMapping) and step in tree.items:
            line, tree = tree.key_lines[str(step)], tree.items[str(step)]
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
            line = tree.line
        else:
            break
    return line
