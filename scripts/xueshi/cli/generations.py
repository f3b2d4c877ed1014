"""Commands that change what keys.yaml says: keys replace, remove, new-year, note.

They write records/keys.yaml in the work tree and nothing else; the committee decides on it as on every file of its."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from xueshi import records, sealing
from xueshi.changes import found_member
from xueshi.cli.common import open_repository, repo_option, revision, today, told
from xueshi.cli.masters import Roots, read_master
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import CONTENT, LINK, MEMBER, OFFICER, Keys, RecordSet, Root, Severity
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
    _write(repo, moving.replaced(written(repo, approved.keys), [(kind, ident)]))
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
    _write(repo, moving.removed(written(repo, approved.keys), kind, ident))
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
@click.option(
    "--master",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The master key's file: also note the new roots' fingerprints, and print the two secrets for CI.",
)
@told
def new_year_command(
    folder: Path, year: int | None, master: Path | None, *, again: bool, new_links: bool, keep_officers: bool
) -> None:
    """Write into records/keys.yaml that contents get new keys for YEAR (default: this year), and officers new links."""
    repo = open_repository(folder)
    approved, year = approved_at(repo, "HEAD"), year or today().year
    if year > today().year + 1:
        raise UsageError(f"{year} 年太靠后，最多写到 {today().year + 1}；期次写了就退不回来")
    keys = moving.new_content(written(repo, approved.keys), year, again=again)
    keys = moving.new_links(keys, year) if new_links else keys
    if not (keep_officers or new_links):  # new links for all are new ones for officers
        keys = moving.replaced(keys, _officers(approved, keys))
    roots = Roots(read_master(master), keys.link, keys.content_epoch(today())) if master else None
    if master and roots:
        roots.refuse_other(keys, master)
        keys = moving.noted(keys, *roots.noted())
    _write(repo, keys)
    if roots:
        roots.tell()
    printing = (
        "全部链接要重印：xueshi keys print --branch 支部编号 --into 仓库外的文件.html，每个支部一次；审核人的加印 --officers"
        if new_links
        else "审核人的链接要重印，党员的不变：xueshi keys print --officers --into 仓库外的文件.html"
    )
    _next_steps(
        f"内容期次改为 {keys.content}，链接期次 {keys.link}，还没有生效",
        "提交给党委审核：xueshi propose --by 您的编号",
        "合并后马上"
        + ("把上面两个值" if roots else "用主密钥取出新的两个值（xueshi keys derive 主密钥文件），")
        + "换进 CI 的保密变量；换好以前网站停在旧的一版",
        "重新发布网站，删去旧的发布文件和缓存",
        "链接都不变" if keep_officers and not new_links else printing,
    )


@click.command("note")
@repo_option
@click.argument("link")
@click.argument("content")
@click.option(
    "--link-epoch", default=None, metavar="LABEL", help="Epoch of links (default: as records/keys.yaml says)."
)
@click.option(
    "--content-epoch",
    default=None,
    metavar="LABEL",
    help="Epoch of contents, a year (default: as records/keys.yaml says).",
)
@told
def note_command(
    folder: Path, link: str, content: str, link_epoch: str | None, content_epoch: str | None
) -> None:
    """Write the fingerprints LINK and CONTENT of the two roots, as keys make and derive tell them, into records/keys.yaml.

    From then on a build with other roots is refused."""
    repo = open_repository(folder)
    keys = written(repo, approved_at(repo, "HEAD").keys)
    links = Root(LINK, link_epoch or keys.link, link.lower())
    contents = Root(CONTENT, content_epoch or keys.content_epoch(today()), content.lower())
    for root in (links, contents):
        canonical(moving.file_data(Keys(roots=(root,))))  # labels and fingerprints that the file would take
    _write(repo, moving.noted(keys, links, contents))
    _next_steps("指纹已记下，还没有生效", "提交给党委审核：xueshi propose --by 您的编号")


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


def written(repo: Repository, approved: Keys) -> Keys:
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


def write_keys(repo: Repository, keys: Keys) -> Path:
    """Put keys.yaml into the work tree, whole or not at all; where it is."""
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
    return place


def _write(repo: Repository, keys: Keys) -> None:
    click.echo(write_keys(repo, keys))


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


COMMANDS: tuple[click.Command, ...] = (replace_command, remove_command, new_year_command, note_command)
