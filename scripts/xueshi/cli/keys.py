"""Commands for the keys of the sealed site: keys make, derive, print; those that change keys.yaml: cli.generations."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from xueshi import records, sealing
from xueshi.changes import found_member
from xueshi.cli import generations
from xueshi.cli.common import open_repository, repo_option, rev_option, today, told
from xueshi.cli.generations import approved_at, canonical, write_keys, written
from xueshi.cli.masters import Roots, read_master, write_secret
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import MEMBER, OFFICER, Keys, RecordSet
from xueshi.records.source import KEYS
from xueshi.sealing import keys as derivation
from xueshi.sealing import moving
from xueshi.sealing.cards import KINDS, cards, chosen
from xueshi.sealing.fingerprints import refuse_other_link_root
from xueshi.sealing.moving import replacing

_master = click.argument("master", type=click.Path(dir_okay=False, path_type=Path))
_link_epoch = click.option(
    "--link-epoch", default=None, metavar="LABEL", help="Epoch of links (default: as records/keys.yaml says)."
)
_content_epoch = click.option(
    "--content-epoch",
    default=None,
    metavar="LABEL",
    help="Epoch of contents, a year (default: as records/keys.yaml says).",
)


@click.group("keys", commands=generations.COMMANDS)
def keys_group() -> None:
    """The keys and links of the sealed site."""


# --- the master key, on a machine of its own


@keys_group.command("make")
@_master
@repo_option
@rev_option
@_link_epoch
@_content_epoch
@told
def make_command(
    master: Path, folder: Path, rev: str, link_epoch: str | None, content_epoch: str | None
) -> None:
    """Make a master key in the new file MASTER, outside any repository, and print the two secrets for CI.

    Their fingerprints go into records/keys.yaml. With both epochs given no repository is needed, so that it can be done on
    a machine without a network; then a word says how to note them."""
    repo, link, content = _epochs(folder, rev, link_epoch, content_epoch)
    made = Roots(secrets.token_bytes(derivation.SIZE), link, content)
    keys = _with_new(repo, rev, made)
    write_secret(master, derivation.master_text(made.master) + "\n")
    made.tell()
    click.echo(
        f"主密钥已写入 {master}。请抄写或复制两份，分别封存在两处，不联网；丢了就要重印全部链接，泄露了等于全部公开。\n"
        "上面两行放进 CI 的保密变量（只给受保护的 main 用），主密钥本身绝不放进 CI，也不放进仓库",
        err=True,
    )
    if repo is None or keys is None:
        click.echo(f"请在数据仓库的工作区里记下指纹：{noting(made)}", err=True)
    else:
        click.echo(
            f"指纹已写入 {write_keys(repo, keys)}，提交给党委审核：xueshi propose --by 您的编号", err=True
        )


@keys_group.command("derive")
@_master
@repo_option
@rev_option
@_link_epoch
@_content_epoch
@told
def derive_command(
    master: Path, folder: Path, rev: str, link_epoch: str | None, content_epoch: str | None
) -> None:
    """Print the two secrets for CI that belong to the epochs, from the master key in the file MASTER.

    Another master key than the one whose fingerprints records/keys.yaml holds is refused."""
    repo, link, content = _epochs(folder, rev, link_epoch, content_epoch)
    found = Roots(read_master(master), link, content)
    keys = approved_at(repo, rev).keys if repo is not None else Keys()
    found.refuse_other(keys, master)
    found.tell()
    if repo is not None and {*found.noted()} - {*keys.roots}:
        click.echo(f"提醒：{KEYS} 里还没有这两个的指纹，放错了不会有人发现；请运行 {noting(found)}", err=True)


def _epochs(
    folder: Path, rev: str, link: str | None, content: str | None
) -> tuple[Repository | None, str, str]:
    """The repository, and labels for links and contents; there need be none where both were given."""
    try:
        repo = open_repository(folder)
    except UsageError:
        if link is None or content is None:
            raise
        repo = None
    if repo is not None and (link is None or content is None):
        keys = approved_at(repo, rev).keys
        link, content = link or keys.link, content or keys.content_epoch(today())
    assert link is not None and content is not None
    for label in (link, content):
        canonical(moving.file_data(Keys(link=label, content=label)))  # the labels that the file would take
    return repo, link, content


def _with_new(repo: Repository | None, rev: str, made: Roots) -> Keys | None:
    """keys.yaml with a new master's roots; None where there is no work tree. Raises UsageError for epochs that have roots
    already: links of the same epoch would stop to open without anybody having said so."""
    if repo is None:
        return None
    held = approved_at(repo, rev).keys
    if any(held.fingerprint(root.kind, root.epoch) for root in made.noted()):
        year = today().year
        raise UsageError(
            f"{KEYS} 里这一期已有主密钥；只取出两个值，用 xueshi keys derive。主密钥丢了或泄露了要换新的，请同时换期次，例如："
            f"--link-epoch {moving.new_links(held, year).link} "
            f"--content-epoch {moving.new_content(held, year, again=True).content}"
        )
    return None if repo.is_bare else moving.noted(written(repo, held), *made.noted())


def noting(roots: Roots) -> str:
    """The command that notes their fingerprints."""
    prints = " ".join(root.fingerprint for root in roots.noted())
    return f"xueshi keys note {prints} --link-epoch {roots.link} --content-epoch {roots.content}"


# --- links on paper


@keys_group.command("print")
@repo_option
@rev_option
@click.option("--member", "members", multiple=True, metavar="ID", help="Only this person; may be repeated.")
@click.option("--branch", default=None, metavar="ID", help="Only this branch.")
@click.option("--officers", is_flag=True, help="The links of officers instead of members' own.")
@click.option(
    "--site-url",
    envvar="XUESHI_SITE_URL",
    default=None,
    help="The site's address (default: XUESHI_SITE_URL).",
)
@click.option(
    "--master",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The master key's file (default: the secret in XUESHI_LINK_ROOT).",
)
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The new HTML file, outside any repository.",
)
@told
def print_command(
    folder: Path,
    rev: str,
    members: tuple[str, ...],
    branch: str | None,
    site_url: str | None,
    master: Path | None,
    into: Path,
    *,
    officers: bool,
) -> None:
    """Write sheets of QR codes to print and cut, one piece for each reader: of --member, --branch or --officers."""
    if not (members or branch or officers):
        raise UsageError("请说明印谁的：--member 编号、--branch 支部编号，或 --officers（审核人）")
    if not site_url:
        raise UsageError("不知道网站的地址；请用 --site-url 写明，或设置 XUESHI_SITE_URL")
    site = sealing.site_address(site_url)
    repo, kind, day = open_repository(folder), OFFICER if officers else MEMBER, today()
    approved = approved_at(repo, rev)
    asked = [found_member(approved, given, "--member") for given in members]
    ids = chosen(approved, kind, day, members=asked, branch=branch)
    root = _link_root(master, approved.keys)
    refuse_other_link_root(approved.keys, root)
    found = list(cards(approved, kind, ids, root, site, day))
    for ident in sorted(set(ids) - {card.reader.id for card in found}):
        click.echo(
            f"提醒：{ident} 的{KINDS[kind]}已停用，没有印；要恢复请运行 {replacing(kind, ident)}", err=True
        )
    if not found:
        raise UsageError("要印的链接都已停用，没有写文件")
    _tell_waiting(repo, approved)
    write_secret(into, sealing.sheets(found))
    click.echo(f"{into}  {len(found)} 张")
    click.echo(
        "请用浏览器打开，按 A4、原大打印，沿虚线剪开，装进各人的信封封好；印完请删掉这个文件", err=True
    )


def _link_root(master: Path | None, keys: Keys) -> bytes:
    if master is None:
        return derivation.root_from(os.environ, derivation.LINK_VARIABLE)
    return derivation.link_root(read_master(master), keys.link)


def _tell_waiting(repo: Repository, approved: RecordSet) -> None:
    """A word where the work tree has other links than those in force: they would be printed too early."""
    place = repo.path / KEYS
    if place.is_file() and records.parse_file(KEYS, place.read_bytes()).value != approved.keys:
        click.echo(f"提醒：{KEYS} 里的改动还没有生效，印的是现在有效的链接；请等它审核合并后再印", err=True)
