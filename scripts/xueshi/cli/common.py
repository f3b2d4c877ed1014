"""What the commands share: options, opening a repository, and expected faults as one line."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from xueshi import records
from xueshi.checks.proposal import Proposed
from xueshi.errors import UsageError, XueshiError
from xueshi.git import Repository
from xueshi.model import SHANGHAI, History
from xueshi.records.source import ORGANISATION, POLICY

P = ParamSpec("P")
_DAY = re.compile(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)


def today() -> date:
    """The date in Asia/Shanghai."""
    return datetime.now(SHANGHAI).date()


def told(command: Callable[P, None]) -> Callable[P, None]:
    """Expected faults become one line on stderr and exit code 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except XueshiError as error:
            click.echo(f"xueshi: {error}", err=True)
            sys.exit(2)

    return run


repo_option = click.option(
    "--repo",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The repository of records (default: this folder).",
)
rev_option = click.option("--rev", default="HEAD", help="Revision to read (default: HEAD).")


class Day(click.ParamType[date]):
    """A date such as 2026-03-05."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        if _DAY.fullmatch(value):
            with contextlib.suppress(ValueError):
                return date.fromisoformat(value)
        raise click.BadParameter(f"{value!r} is not a date from 1900 to 2199 such as 2026-03-05", ctx, param)


def open_repository(folder: Path) -> Repository:
    """The repository that `folder` lies in. Raises UsageError when there is none."""
    places = (folder.resolve(), *folder.resolve().parents)
    repo = Repository(next((place for place in places if _is_repository(place)), folder))
    if repo.resolve("HEAD") is None:
        raise UsageError(
            f"{folder.resolve()} 不是有提交的 git 仓库；请进到数据文件夹里，或用 --repo 写明它在哪里"
        )
    return repo


def _is_repository(place: Path) -> bool:
    return (place / ".git").exists() or ((place / "HEAD").is_file() and (place / "objects").is_dir())


def revision(repo: Repository, rev: str) -> str:
    sha = repo.resolve(rev)
    if sha is None:
        raise UsageError(f"{repo.path} 里没有版本 {rev!r}；git log --oneline main 会列出各次提交")
    return sha


def proposed(repo: Repository, base: str, rev: str | None) -> tuple[Proposed, History]:
    """What a revision (or the work tree) would change on `base`, and the history of `base`. What `base` has had since
    the two parted is left out: a merge keeps it."""
    before, history = records.load_approved(repo, base)
    if rev is None and repo.is_bare:
        rev = "HEAD"
    head = revision(repo, rev) if rev is not None else None
    files = records.proposed_files(repo, base, head)
    after = records.overlay(before, files)
    rules = {ORGANISATION, POLICY} & files.keys()
    change = Proposed(
        before,
        after,
        frozenset(files),
        today(),
        records.used_ids(history),
        records.forged_merges(repo, base, head) if head else (),
        taken_in=records.taken_in(repo, base, head) if head else (),
        submissions=records.submissions(repo, base, head) if head else None,
        before=history,
        after=records.foresee(repo, base, after.organisation, after.policy) if rules else history,
    )
    return change, history


def as_of(repo: Repository, rev: str, at: date | None) -> str:
    """The commit of `rev`, or main's last one by the end of the day `at`. UsageError when main began later."""
    sha = revision(repo, rev)
    if at is None:
        return sha
    earlier = records.commit_at(repo, sha, at)
    if earlier is None:
        raise UsageError(f"到 {at} 为止 main 还没有提交，历史是从以后开始的")
    return earlier


def write(place: Path, data: bytes) -> None:
    """A file where somebody asked for it. Raises UsageError with the cure."""
    try:
        place.write_bytes(data)
    except OSError as error:
        raise UsageError(f"写不到 {place}：{error.strerror}；请换一个位置，或先关闭打开它的程序") from error
