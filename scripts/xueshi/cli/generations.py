"""Commands that change which links of the sealed site hold: keys replace, remove, new-year.

They write records/keys.yaml in the work tree and nothing else; the committee decides on it as on every file of its."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from xueshi import records, sealing
from xueshi.changes import found_member
from xueshi.cli.common import open_repository, repo_option, revision, today, told
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import MEMBER, OFFICER, Keys, RecordSet, Severity
from xueshi.records.source import KEYS
from xueshi.sealing import moving
from xueshi.sealing.cards import KINDS

_officer = click.option(
    "--officer", "of_officer", is_flag=True, help="Their link as an officer instead of their own."
)


@click.command("replace")
@repo_option
@_officer
@click.argument("member", metavar="ID")
@told
def replace_command(folder: Path, member: str, *, of_officer: bool) -> None:
    """Write into records/keys.yaml that the link of ID (a member's id or name) is replaced by a new one."""
    repo, approved, kind, ident = _holder(folder, member, of_officer=of_officer)
    _write_keys(repo, moving.replaced(_written(repo, approved.keys), [(kind, ident)]))
    printing = f"--member {ident}" + (" --officers" if of_officer else "")
    _next_steps(
        f"{ident} 的{KINDS[kind]}换成新的一代，还没有生效",
        "提交给党委审核：xueshi propose --by 您的编号",
        "合并并重新发布网站以后，旧链接就打不开了",
        f"印新的：xueshi keys print {printing} --into 仓库外的文件.html",
    )


@click.command("remove")
@repo_option
@_officer
@click.argument("member", metavar="ID")
@told
def remove_command(folder: Path, member: str, *, of_officer: bool) -> None:
    """Write into records/keys.yaml that the link of ID (a member's id or name) opens nothing any more.

    Whoever leaves by roster or organisation needs no such line."""
    repo, approved, kind, ident = _holder(folder, member, of_officer=of_officer)
    _write_keys(repo, moving.removed(_written(repo, approved.keys), kind, ident))
    _next_steps(
        f"{ident} 的{KINDS[kind]}停用，还没有生效",
        "提交给党委审核：xueshi propose --by 您的编号",
        "合并并重新发布网站以后，这个链接就打不开了；看过、存过的内容收不回来",
    )


@click.command("new-year")
@repo_option
@click.argument("year", type=click.IntRange(2000, 2099), required=False)
@click.option("--again", is_flag=True, help="One more epoch within the year: a key of contents leaked.")
@click.option("--links", "new_links", is_flag=True, help="New links for all, too: a key of links leaked.")
@click.option(
    "--keep-officers", is_flag=True, help="Officers keep their links (default: new ones each year)."
)
@told
def new_year_command(
    folder: Path, year: int | None, *, again: bool, new_links: bool, keep_officers: bool
) -> None:
    """Write into records/keys.yaml that contents get new keys for YEAR (default: this year), and officers new links."""
    repo = open_repository(folder)
    approved, year = approved_at(repo, "HEAD"), year or today().year
    if year > today().year + 1:
        raise UsageError(f"{year} 年太靠后，最多写到 {today().year + 1}；期次写了就退不回来")
    keys = moving.new_content(_written(repo, approved.keys), year, again=again)
    keys = moving.new_links(keys, year) if new_links else keys
    if not (keep_officers or new_links):  # new links for all are new ones for officers
        keys = moving.replaced(keys, _officers(approved, keys))
    _write_keys(repo, keys)
    printing = "全部链接要重印" if new_links else "审核人的链接要重印，党员的不变"
    _next_steps(
        f"内容期次改为 {keys.content}，链接期次 {keys.link}，还没有生效",
        "提交给党委审核：xueshi propose --by 您的编号",
        "合并时用主密钥取出新的两个值，换进 CI 的保密变量：xueshi keys derive 主密钥文件",
        "重新发布网站，删去旧的发布文件和缓存",
        "链接都不变" if keep_officers and not new_links else f"{printing}：xueshi keys print",
    )


def _officers(approved: RecordSet, keys: Keys) -> list[tuple[str, str]]:
    """Officers of today whose links were not removed."""
    held = sorted(sealing.holders(approved, today()))
    return [(kind, ident) for kind, ident in held if kind == OFFICER and not keys.held(kind, ident).removed]


def _holder(folder: Path, given: str, *, of_officer: bool) -> tuple[Repository, RecordSet, str, str]:
    """Whose link is meant, and where. Raises UsageError for an unknown person or one without such a link."""
    repo = open_repository(folder)
    approved = approved_at(repo, "HEAD")
    kind, ident = OFFICER if of_officer else MEMBER, found_member(approved, given, "命令")
    held = sealing.holders(approved, today())
    if (kind, ident) not in held:
        why = "不是审核人或支部书记" if of_officer else "不在任何支部的名册上"
        raise UsageError(f"{ident} 今天{why}，没有{KINDS[kind]}，旧的也已打不开")
    if kind == MEMBER and (OFFICER, ident) in held:
        click.echo(f"提醒：{ident} 另有一个审核人链接；要处理那一个，请加 --officer", err=True)
    return repo, approved, kind, ident


def approved_at(repo: Repository, rev: str) -> RecordSet:
    """The records of a revision, committee files as last approved."""
    return records.load_approved(repo, revision(repo, rev))[0]


def _written(repo: Repository, approved: Keys) -> Keys:
    """keys.yaml as it stands in the work tree; where there is none, as approved. UsageError for one with faults."""
    place = _keys_file(repo)
    if not place.is_file():
        return approved
    found = records.parse_file(KEYS, place.read_bytes())
    if not isinstance(found.value, Keys):
        raise UsageError(f"请先改好这个文件：{found.problems[0]}")
    return found.value


def _keys_file(repo: Repository) -> Path:
    """Where keys.yaml stands in the work tree. UsageError for a bare repository, or a link in its place."""
    if repo.is_bare:
        raise UsageError(f"{repo.path} 没有工作区，写不了 {KEYS}；请先 git clone 一份，在里面运行")
    place = repo.path / KEYS
    if place.is_symlink() or place.parent.is_symlink():
        raise UsageError(f"{place} 是符号链接，不写；请换成文件本身")
    return place


def _write_keys(repo: Repository, keys: Keys) -> None:
    """Put keys.yaml into the work tree, whole or not at all."""
    place, data = _keys_file(repo), canonical(moving.file_data(keys))
    aside = place.with_name(f"{place.name}.{os.getpid()}.new")
    try:
        place.parent.mkdir(exist_ok=True)
        aside.write_bytes(data)
        aside.replace(place)
    except OSError as error:
        raise UsageError(f"{place} 写不了（{error.strerror}）") from None
    finally:
        aside.unlink(missing_ok=True)
    click.echo(place)


def canonical(data: dict[str, Any]) -> bytes:
    """The file's canonical bytes. UsageError for values that it would not take."""
    written = records.render("keys", data)
    for fault in records.parse_file(KEYS, written).problems:
        if fault.severity is Severity.ERROR:
            raise UsageError(fault.message)
    return written


def _next_steps(done: str, *steps: str) -> None:
    click.echo(f"{done}。接下来：", err=True)
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}", err=True)


COMMANDS: tuple[click.Command, ...] = (replace_command, remove_command, new_year_command)
