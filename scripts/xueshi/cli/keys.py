"""Commands for the keys of the sealed site: keys make, derive, print; those that change which links hold: cli.generations.

The master key and the sheets are secret: they are written for their owner alone, and never into a repository."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from xueshi import records, sealing
from xueshi.changes import found_member
from xueshi.cli import generations
from xueshi.cli.common import open_repository, repo_option, rev_option, today, told
from xueshi.cli.generations import approved_at, canonical
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import MEMBER, OFFICER, Keys, RecordSet
from xueshi.records.source import KEYS
from xueshi.sealing import keys as derivation
from xueshi.sealing import moving
from xueshi.sealing.cards import KINDS, cards, chosen
from xueshi.sealing.moving import replacing

_LARGEST = 10_000  # bytes of a file that may hold a master key

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

    With both epochs given no repository is needed, so that it can be done on a machine without a network."""
    epochs = _epochs(folder, rev, link_epoch, content_epoch)
    key = secrets.token_bytes(derivation.SIZE)
    roots = _roots(key, *epochs)  # a wrong label is refused before there is a file
    _write_secret(master, derivation.master_text(key) + "\n")
    _tell_roots(roots, *epochs)
    click.echo(
        f"主密钥已写入 {master}。请抄写或复制两份，分别封存在两处，不联网；丢了就要重印全部链接，泄露了等于全部公开。\n"
        "上面两行放进 CI 的保密变量（只给受保护的 main 用），主密钥本身绝不放进 CI，也不放进仓库",
        err=True,
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
    """Print the two secrets for CI that belong to the epochs, from the master key in the file MASTER."""
    epochs = _epochs(folder, rev, link_epoch, content_epoch)
    _tell_roots(_roots(_read_master(master), *epochs), *epochs)


def _epochs(folder: Path, rev: str, link: str | None, content: str | None) -> tuple[str, str]:
    """Labels for links and contents; the repository is asked only for what was not given."""
    if link is None or content is None:
        keys = approved_at(open_repository(folder), rev).keys
        link, content = link or keys.link, content or keys.content_epoch(today())
    for label in (link, content):
        canonical(moving.file_data(Keys(link=label, content=label)))  # the labels that the file would take
    return link, content


def _roots(master: bytes, link: str, content: str) -> tuple[bytes, bytes]:
    return derivation.link_root(master, link), derivation.content_root(master, content)


def _tell_roots(roots: tuple[bytes, bytes], link: str, content: str) -> None:
    click.echo(f"{derivation.LINK_VARIABLE}={roots[0].hex()}")
    click.echo(f"{derivation.CONTENT_VARIABLE}={roots[1].hex()}")
    click.echo(f"链接期次 {link}，内容期次 {content}", err=True)


def _read_master(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("ascii")
        open_to_others = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} 读不出主密钥（{_why(error)}）") from None
    if open_to_others:
        click.echo(f"提醒：{path} 别的用户也读得到，请运行 chmod 600 {path}", err=True)
    try:
        return derivation.parsed_master(text)
    except UsageError as error:
        raise UsageError(f"{path}：{error}") from None


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
    found = list(cards(approved, kind, ids, _link_root(master, approved.keys), site, day))
    for ident in sorted(set(ids) - {card.reader.id for card in found}):
        click.echo(
            f"提醒：{ident} 的{KINDS[kind]}已停用，没有印；要恢复请运行 {replacing(kind, ident)}", err=True
        )
    if not found:
        raise UsageError("要印的链接都已停用，没有写文件")
    _tell_waiting(repo, approved)
    _write_secret(into, sealing.sheets(found))
    click.echo(f"{into}  {len(found)} 张")
    click.echo(
        "请用浏览器打开，按 A4、原大打印，沿虚线剪开，装进各人的信封封好；印完请删掉这个文件", err=True
    )


def _link_root(master: Path | None, keys: Keys) -> bytes:
    if master is None:
        return derivation.root_from(os.environ, derivation.LINK_VARIABLE)
    return derivation.link_root(_read_master(master), keys.link)


def _tell_waiting(repo: Repository, approved: RecordSet) -> None:
    """A word where the work tree has other links than those in force: they would be printed too early."""
    place = repo.path / KEYS
    if place.is_file() and records.parse_file(KEYS, place.read_bytes()).value != approved.keys:
        click.echo(f"提醒：{KEYS} 里的改动还没有生效，印的是现在有效的链接；请等它审核合并后再印", err=True)


def _write_secret(path: Path, text: str) -> None:
    """A new file that its owner alone can read. UsageError for one that is there, or inside a repository."""
    folder = path.parent.resolve()
    inside = next((place for place in (folder, *folder.parents) if _is_repository(place)), None)
    if inside is not None:
        raise UsageError(f"{path} 在仓库 {inside} 里，会被提交或发布；请写到仓库外面的地方")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} 已经存在，没有改动；请换一个文件名") from None
    except OSError as error:
        raise UsageError(f"{path} 写不了（{_why(error)}）") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)  # half a key is none
        raise UsageError(f"{path} 写不了（{_why(error)}）") from None


def _is_repository(place: Path) -> bool:
    return (place / ".git").exists() or ((place / "HEAD").is_file() and (place / "objects").is_dir())


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "不是文字"
