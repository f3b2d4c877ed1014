"""Organisation → CODEOWNERS: whom each Git host asks to review which file. Makes text only; no host is asked.

The same people as the approval that is read from history: a branch's records are decided on by its reviewers and those
of every unit above it, its roster by those above it, everything else by the committee at the top."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff

from xueshi.errors import UsageError
from xueshi.model import Organisation, Problem, Reviewer, Severity, contains
from xueshi.records import kind_of
from xueshi.records.history import is_committee_file

_LOGIN = re.compile(r"[A-Za-z0-9_.-]+")
_SOURCE = "records/organisation.yaml"
_APART = "records-and-code-apart"
Logins = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owners:
    """Logins on one host on one day: of the committee, and by branch of its records and its roster. `without` are the
    branches none of whose own reviewers has a login there."""

    committee: Logins
    records: Mapping[str, Logins]
    rosters: Mapping[str, Logins]
    without: tuple[str, ...]


def owners(organisation: Organisation, host: str, day: date) -> Owners:
    """Who is asked on `day`. Raises UsageError for a login that is none, and where nobody of the committee has one: a
    line without a name would let anybody decide."""
    held = [r for r in organisation.reviewers if contains(r.start, r.until, day)]
    roots = {u.id for u in organisation.units if u.parent is None and u.kind != "branch"}
    logins = _logins_of(organisation, host)
    committee = _told(logins, (r for r in held if r.unit in roots))
    if not committee:
        raise UsageError(
            f"{_SOURCE}: {day} 在任的党委审核人都没有 {host} 账号；请给其中一人写上 logins: {{{host}: 账号}}"
        )
    records, rosters, without = {}, {}, []
    for branch in (unit.id for unit in organisation.branches()):
        deciding = organisation.reviewers_of(branch, day)
        records[branch] = _told(logins, deciding) or committee
        rosters[branch] = _told(logins, (r for r in deciding if r.unit != branch)) or committee
        if not _told(logins, (r for r in deciding if r.unit == branch)):
            without.append(branch)
    return Owners(committee, records, rosters, tuple(without))


def _logins_of(organisation: Organisation, host: str) -> dict[str, str]:
    """The login of each member: it may stand with any of their terms of office, the last one counts."""
    found: dict[str, str] = {}
    for reviewer in organisation.reviewers:
        login = reviewer.logins.get(host)
        if login is not None and not _LOGIN.fullmatch(login):
            raise UsageError(
                f"{_SOURCE}: {reviewer.member} 的 {host} 账号 {login!r} 不是账号名；"
                "请改成平台上的账号名，只能有字母、数字和 - _ ."
            )
        if login is not None:
            found[reviewer.member] = login
    return found


def _told(logins: Mapping[str, str], reviewers: Iterable[Reviewer]) -> Logins:
    return tuple(dict.fromkeys(logins[r.member] for r in reviewers if r.member in logins))


# --- the dialects


def _globs(found: Owners) -> Iterator[tuple[str, Logins]]:
    """GitHub and GitLab: of the patterns that match a file the last one counts."""
    yield "*", found.committee
    for branch in found.records:
        yield f"/records/{branch}/", found.records[branch]
        yield f"/records/{branch}/roster.yaml", found.rosters[branch]


def _expressions(found: Owners) -> Iterator[tuple[str, Logins]]:
    """Gitea and Forgejo: Go regular expressions of the whole path; every line that matches asks its people, so each
    file is matched by one alone. `!` is "all other files"."""
    if found.records:
        known = "|".join(found.records)
        yield rf"!records/({known})/([0-9]+/.*|roster[.]yaml)", found.committee
    else:
        yield ".*", found.committee
    for branch in found.records:
        yield rf"records/{branch}/[0-9]+/.*", found.records[branch]
        yield rf"records/{branch}/roster[.]yaml", found.rosters[branch]


@dataclass(frozen=True, slots=True)
class _Dialect:
    """Where a host looks for the file, how it names files there, and what stands before the first line."""

    path: str
    patterns: Callable[[Owners], Iterator[tuple[str, Logins]]]
    opening: tuple[str, ...] = ()


_DIALECTS = {
    "github": _Dialect(".github/CODEOWNERS", _globs),
    "gitea": _Dialect(".gitea/CODEOWNERS", _expressions),
    "forgejo": _Dialect(".forgejo/CODEOWNERS", _expressions),
    # Every section that matches a file wants an approval of its own: all lines stand in one, where the last one counts.
    "gitlab": _Dialect(".gitlab/CODEOWNERS", _globs, ("[Xueshi]",)),
}
HOSTS = tuple(_DIALECTS)


def codeowners(found: Owners, host: str) -> str:
    """The file as `host` reads it."""
    dialect = _DIALECTS[host]
    head = f"# From {_SOURCE}: xueshi owners --host {host} > {dialect.path}"
    lines = (" ".join([what, *(f"@{login}" for login in logins)]) for what, logins in dialect.patterns(found))
    return "\n".join([head, *dialect.opening, *lines, ""])


def warnings(found: Owners, host: str, day: date) -> Iterator[str]:
    """What whoever writes the file should know."""
    for branch in found.without:
        yield (
            f"{_SOURCE}: {branch} 在 {day} 没有带 {host} 账号的审核人，这个支部的记录改由上级审核；"
            f"请给其中一人写上 logins: {{{host}: 账号}}"
        )


def differences(written: str, wanted: str) -> list[str]:
    """Lines to take away (`-`) and to add (`+`) until the file is as it should be; none when it is current."""
    found = list(unified_diff(written.split("\n"), wanted.split("\n"), n=0, lineterm=""))
    return [
        line for line in found[2:] if not line.startswith("@@")
    ]  # after the two lines that name the files


# --- what a change may touch together


def beside(paths: Collection[str], ref: str) -> Iterator[Problem]:
    """A change that brings records, or that the bridge proposed (`sub/…`), touches nothing outside records/: whoever
    decides on records must not decide with the same click on the code that judges them."""
    outside = sorted(path for path in paths if not path.startswith("records/"))
    if ref.startswith("sub/") or any(kind_of(path) == "study" for path in paths):
        for path in outside:
            words = f"登记不能同时改动程序、网站或设置，请去掉 {path}，由党委的维护人另行提交"
            yield Problem(path, 0, _APART, words)


def for_the_committee(paths: Collection[str]) -> Iterator[Problem]:
    """Whoever reads a change is told what only the committee may merge: no check can know who will."""
    files = sorted(p for p in paths if not p.startswith("records/") or is_committee_file(p))
    if files:
        words = f"有 {len(files)} 个文件只能由党委审核人看过后合并；组织、名册和规则由别人合并的不生效"
        yield Problem(files[0], 0, "for-the-committee", words, severity=Severity.WARNING)
