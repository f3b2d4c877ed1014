"""Bytes of `records/` to a RecordSet, from the work tree or any revision. A file that cannot be read is a Problem."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xueshi import project
from xueshi.git import Repository
from xueshi.model import (
    Closing,
    History,
    Keys,
    Organisation,
    Policy,
    Problem,
    RecordSet,
    Roster,
    Severity,
    Study,
)
from xueshi.records import build, build_policy, typed, writer
from xueshi.records.strict_yaml import Mapping as YamlMapping
from xueshi.records.strict_yaml import Node, Sequence, YamlFault, parse

ORGANISATION = "records/organisation.yaml"
POLICY = "records/policy.yaml"
KEYS = "records/keys.yaml"
_ROSTER = re.compile(r"records/([a-z][a-z0-9-]{1,31})/roster\.yaml")
_STUDY = re.compile(r"records/([a-z][a-z0-9-]{1,31})/([0-9]{4})/([0-9A-HJKMNP-TV-Z]{26})\.yaml")
_CLOSING = re.compile(r"records/closed-([0-9]{4})\.yaml")
_LIMIT = 200_000  # bytes; our largest record, 5,000 characters twice, is a third of that
_CACHED = 300_000  # parsed files kept, by path and blob: after one merge only one file is read anew
_EMPTY_ORGANISATION = Organisation("", (), (), ())


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file: its value if it is sound, what is wrong if not, and where its fields stand."""

    value: Study | Roster | Organisation | Policy | Closing | Keys | None
    problems: tuple[Problem, ...]
    lines: Mapping[str, int]


_PARSED: dict[tuple[str, str], Parsed] = {}


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


def load(repo: Repository, rev: str | None) -> RecordSet:
    """Everything under `records/` at a revision, or in the work tree (None). A symbolic link is no file."""
    if rev is None:
        contents = dict(_work_tree(repo))
        blobs = {path: _blob_id(data) for path, data in contents.items()}
        found = assemble(blobs, {blobs[path]: data for path, data in contents.items()})
        links = {p.relative_to(repo.path).as_posix() for p in _below(repo) if p.is_symlink()}
    else:
        links = _links(repo, rev)
        blobs = {path: blob for path, blob in repo.tree(rev, "records").items() if path not in links}
        unread = (blob for path, blob in blobs.items() if (path, blob) not in _PARSED)
        found = assemble(blobs, repo.blobs(unread))
    words = "这是一个符号链接，不是文件，不算数；请删去链接，换上文件本身"
    told = (Problem(path, 0, "path-and-id-agree", words) for path in sorted(links))
    return replace(found, problems=(*found.problems, *told))


def _links(repo: Repository, rev: str) -> set[str]:
    """The symbolic links under `records/` of a revision."""
    entries = repo.run("ls-tree", "-r", "-z", "--full-tree", rev, "--", "records").split(b"\0")
    heads = (entry.partition(b"\t") for entry in entries if entry.startswith(b"120000 "))
    return {path.decode("utf-8", "surrogateescape") for _, _, path in heads}


def _below(repo: Repository) -> list[Path]:
    return sorted((repo.path / "records").rglob("*"))


def _work_tree(repo: Repository) -> Iterator[tuple[str, bytes]]:
    for path in _below(repo):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(repo.path).as_posix(), path.read_bytes()


def _blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def assemble(blobs: Mapping[str, str], contents: Mapping[str, bytes]) -> RecordSet:
    """A RecordSet from paths and contents by blob id; whatever is missing becomes a Problem."""
    values: dict[str, Parsed] = {}
    problems: list[Problem] = []
    for path, blob in sorted(blobs.items()):
        found = parsed(path, blob, contents)
        values[path] = found
        problems.extend(found.problems)
    organisation, policy, keys = values.get(ORGANISATION), values.get(POLICY), values.get(KEYS)
    for path, present in ((ORGANISATION, organisation), (POLICY, policy)):
        if present is None:
            problems.append(
                Problem(path, 0, "schema", "没有这个文件，请新建，或从 xueshi sample 的样例复制一份")
            )
    studies = [p.value for p in values.values() if isinstance(p.value, Study)]
    return RecordSet(
        organisation=organisation.value
        if organisation and isinstance(organisation.value, Organisation)
        else _EMPTY_ORGANISATION,
        policy=policy.value
        if policy and isinstance(policy.value, Policy)
        else build_policy.policy(build_policy.EMPTY),
        rosters={p.value.branch: p.value for p in values.values() if isinstance(p.value, Roster)},
        studies={study.path: study for study in studies},
        problems=tuple(problems),
        lines={path: found.lines for path, found in values.items()},
        blobs=dict(blobs),
        closings={p.value.year: p.value for p in values.values() if isinstance(p.value, Closing)},
        keys=keys.value if keys and isinstance(keys.value, Keys) else Keys(),
    )


def proposed_files(repo: Repository, base: str, head: str | None) -> dict[str, bytes | None]:
    """Contents under records/ that `head` (None: the work tree) brings since it parted from `base`; None: removed."""
    parted = repo.merge_base(base, head or "HEAD")
    before = repo.tree(parted or base, "records")
    if head is None:
        files = dict(_work_tree(repo))
        found: dict[str, bytes | None] = {p: d for p, d in files.items() if _blob_id(d) != before.get(p)}
        return {**found, **dict.fromkeys(before.keys() - files.keys())}
    after = repo.tree(head, "records")
    changed = {path: blob for path, blob in after.items() if before.get(path) != blob}
    contents = repo.blobs(changed.values())
    found = {path: contents[blob] for path, blob in changed.items()}
    return {**found, **dict.fromkeys(before.keys() - after.keys())}


def used_ids(history: History) -> dict[str, str]:
    """Every record id that main has ever had -> its path."""
    return {
        path.rsplit("/", 1)[1].removesuffix(".yaml"): path
        for path in history.versions
        if kind_of(path) == "study"
    }


def overlay(base: RecordSet, files: Mapping[str, bytes | None]) -> RecordSet:
    """`base` as it would be with these files changed (None: removed); problems are those of the changed files."""
    studies, rosters = dict(base.studies), dict(base.rosters)
    lines, blobs = dict(base.lines), dict(base.blobs)
    organisation, policy, closings = base.organisation, base.policy, dict(base.closings)
    keys = base.keys
    problems: list[Problem] = []
    for path, data in files.items():
        studies.pop(path, None)
        blobs.pop(path, None)
        if data is None:
            continue
        found = parsed(path, _blob_id(data), {_blob_id(data): data})
        problems.extend(found.problems)
        lines[path], blobs[path] = found.lines, _blob_id(data)
        if isinstance(found.value, Study):
            studies[path] = found.value
        elif isinstance(found.value, Roster):
            rosters[found.value.branch] = found.value
        elif isinstance(found.value, Organisation):
            organisation = found.value
        elif isinstance(found.value, Policy):
            policy = found.value
        elif isinstance(found.value, Closing):
            closings[found.value.year] = found.value
        elif isinstance(found.value, Keys):
            keys = found.value
    return RecordSet(
        organisation, policy, rosters, studies, tuple(problems), lines, blobs, closings, keys, base.known
    )


def parsed(path: str, blob: str, contents: Mapping[str, bytes]) -> Parsed:
    """A file's value by path and blob id, parsed only once; `contents` maps blob ids to bytes."""
    if (path, blob) not in _PARSED:
        if len(_PARSED) >= _CACHED:
            _PARSED.clear()
        _PARSED[path, blob] = parse_file(path, contents[blob])
    return _PARSED[path, blob]


def versions(repo: Repository, history: History, paths: Iterable[str]) -> dict[tuple[str, str], Study]:
    """Each record as every version on main had it, by (path, blob), and as it was proposed, by (path,
    `<commit>:<path>`). Unreadable ones are left out."""
    wanted: list[tuple[str, str]] = []
    for path in paths:
        for version in history.versions.get(path, ()):
            wanted += [(path, version.blob)] if version.blob else []
            wanted += [(path, f"{submission.commit}:{path}") for submission in version.submissions]
    contents = repo.blobs(key for path, key in wanted if (path, key) not in _PARSED)
    found: dict[tuple[str, str], Study] = {}
    for path, key in wanted:
        if (path, key) in _PARSED or key in contents:
            value = parsed(path, key, contents).value
            if isinstance(value, Study):
                found[path, key] = value
    return found


def parse_file(path: str, data: bytes) -> Parsed:
    """One file's value, or everything that is wrong with it."""
    kind = kind_of(path)
    if kind is None:
        words = "records 下只放政策、组织、名册、keys.yaml 和 支部/年份/编号.yaml，请移走这个文件或改正路径"
        return Parsed(None, (Problem(path, 0, "path-and-id-agree", words),), {})
    limit = _LIMIT * 100 if kind == "closing" else _LIMIT  # a year of 100,000 records
    if len(data) > limit:
        return Parsed(
            None,
            (Problem(path, 0, "schema", f"文件有 {len(data)} 字节，最多 {limit} 字节，请缩短内容"),),
            {},
        )
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
        words = f"里面有读不出的时间、日期或数字（{error}），请改正"
        return Parsed(None, (Problem(path, 0, "schema", words),), tree.key_lines)
    if isinstance(value, Closing) and path != f"records/closed-{value.year}.yaml":
        words = f"文件名与其中的年度 {value.year} 不一致，请改回；已结账的年度不能改"
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
    words = "写法与系统写出的不同（内容没有问题），下次更正时会自动理顺"
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


def _line(tree: Node, place: typed.Place) -> int:
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
