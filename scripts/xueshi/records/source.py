"""Bytes of `records/` to a RecordSet, from the work tree or any revision. A file that cannot be read is a Problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from xueshi.git import END, Repository
from xueshi.model import Closing, History, Keys, Organisation, Policy, Problem, RecordSet, Roster, Study
from xueshi.records import build_policy
from xueshi.records.parsing import (
    KEYS,
    ORGANISATION,
    POLICY,
    Parsed,
    blob_id,
    kind_of,
    parse_file,
    plain_values,
    read_file,
    read_files,
)
from xueshi.speech import say

__all__ = [
    "KEYS",
    "ORGANISATION",
    "POLICY",
    "assemble",
    "kind_of",
    "load",
    "overlay",
    "parse_file",
    "plain_values",
    "proposed_files",
    "used_ids",
    "versions",
]

_EMPTY_ORGANISATION = Organisation("", (), (), ())


def load(repo: Repository, rev: str | None) -> RecordSet:
    """Everything under `records/` at a revision, or in the work tree (None). A symbolic link is no file."""
    if rev is None:
        contents = dict(_work_tree(repo))
        blobs = {path: blob_id(data) for path, data in contents.items()}
        found = _assembled(
            blobs, {path: read_file(path, data, blobs[path]) for path, data in contents.items()}
        )
        links = {p.relative_to(repo.path).as_posix() for p in _below(repo) if p.is_symlink()}
    else:
        links = _links(repo, rev)
        blobs = {path: blob for path, blob in repo.tree(rev, "records").items() if path not in links}
        found = assemble(repo, blobs)
    words = say("这是一个符号链接，不是文件，不算数；请删去链接，换上文件本身")
    told = (Problem(path, 0, "path-and-id-agree", words) for path in sorted(links))
    return replace(found, problems=(*found.problems, *told))


def _links(repo: Repository, rev: str) -> set[str]:
    """The symbolic links under `records/` of a revision."""
    entries = repo.run("ls-tree", "-r", "-z", "--full-tree", END, rev, "--", "records").split(b"\0")
    heads = (entry.partition(b"\t") for entry in entries if entry.startswith(b"120000 "))
    return {path.decode("utf-8", "surrogateescape") for _, _, path in heads}


def _below(repo: Repository) -> list[Path]:
    return sorted((repo.path / "records").rglob("*"))


def _work_tree(repo: Repository) -> Iterator[tuple[str, bytes]]:
    for path in _below(repo):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(repo.path).as_posix(), path.read_bytes()


def assemble(repo: Repository, blobs: Mapping[str, str]) -> RecordSet:
    """A RecordSet from paths and blob ids; whatever a RecordSet needs and has not becomes a Problem."""
    read = read_files(repo, blobs.items())
    return _assembled(blobs, {pair[0]: read[pair] for pair in blobs.items()})


def _assembled(blobs: Mapping[str, str], files: Mapping[str, Parsed]) -> RecordSet:
    values = dict(sorted(files.items()))
    problems = [problem for found in values.values() for problem in found.problems]
    organisation, policy, keys = values.get(ORGANISATION), values.get(POLICY), values.get(KEYS)
    for path, present in ((ORGANISATION, organisation), (POLICY, policy)):
        if present is None:
            words = say("没有这个文件，请新建，或从 xueshi sample 的样例复制一份")
            problems.append(Problem(path, 0, "schema", words))
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
        found: dict[str, bytes | None] = {p: d for p, d in files.items() if blob_id(d) != before.get(p)}
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
        blob = blob_id(data)
        found = read_file(path, data, blob)
        problems.extend(found.problems)
        lines[path], blobs[path] = found.lines, blob
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


def versions(repo: Repository, history: History, paths: Iterable[str]) -> dict[tuple[str, str], Study]:
    """Each record as every version on main had it, by (path, blob), and as it was proposed, by (path,
    `<commit>:<path>`). Unreadable ones are left out."""
    wanted: list[tuple[str, str]] = []
    for path in paths:
        for version in history.versions.get(path, ()):
            wanted += [(path, version.blob)] if version.blob else []
            wanted += [(path, f"{submission.commit}:{path}") for submission in version.submissions]
    read = read_files(repo, wanted)
    return {pair: parsed.value for pair, parsed in read.items() if isinstance(parsed.value, Study)}
