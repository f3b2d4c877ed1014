"""Command for whoever hands out links: links."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from xueshi import records
from xueshi import settings as told_settings
from xueshi.cli.common import today, told
from xueshi.connecting import connect
from xueshi.delivery import MAIN
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.links import Links, qr_svg, secret
from xueshi.model import SHANGHAI
from xueshi.outbox import Outbox
from xueshi.service import SECRET
from xueshi.tables import link_table


@click.command("links")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Settings (TOML) of the installation, as for serve.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Without --config: the installation's folder.",
)
@click.option(
    "--base-url",
    default=None,
    help="Without --config: where the bridge is reached, such as https://study.example.invalid",
)
@click.option("--branch", default=None, help="Only this branch (its id).")
@click.option(
    "--qr",
    "pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Also write QR codes there, as SVG.",
)
@click.option(
    "--replace", "member", default=None, metavar="ID", help="Make this member's older links worthless."
)
@click.option(
    "--desk", "of_desk", is_flag=True, help="With --replace: the desk of reviewer ID, its code too."
)
@click.option("--poster", "of_poster", is_flag=True, help="With --replace: the poster of branch ID.")
@told
def links_command(
    config: Path | None,
    folder: Path,
    base_url: str | None,
    branch: str | None,
    pictures: Path | None,
    member: str | None,
    *,
    of_desk: bool,
    of_poster: bool,
) -> None:
    """Print each branch's poster, each member's personal link and each reviewer's desk with its code, or replace one."""
    if (of_desk or of_poster) and (member is None or of_desk == of_poster):
        raise UsageError("--desk or --poster goes with --replace ID, one at a time")
    folder, url, repo = _installation(config, folder, base_url)
    doors = Outbox(folder / "outbox").doors
    made = Links(secret(folder / SECRET), url, doors.generation)
    approved = records.load_approved(repo, MAIN)[0]
    found = list(link_table(approved, made, today(), branch))
    if member is not None:
        kind = "desk" if of_desk else "poster" if of_poster else "member"
        if not any(row[:2] == (kind, member) for row in found):
            raise UsageError(f"no {kind} link of {member!r}")
        doors.replace({"desk": "desk", "poster": "b", "member": "m"}[kind], member, datetime.now(SHANGHAI))
        found = [row for row in link_table(approved, made, today(), branch) if row[:2] == (kind, member)][:1]
    if not found:
        raise UsageError(f"no branch {branch!r}")
    for kind, ident, words, link in found:
        click.echo(f"{kind}\t{ident}\t{words}\t{link}")
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            (pictures / f"{kind}-{ident}.svg").write_text(qr_svg(link), encoding="utf-8")


def _installation(config: Path | None, folder: Path, base_url: str | None) -> tuple[Path, str, Repository]:
    """Its folder, the bridge's address and the records: of the host as it stands now, where settings say which."""
    if config is not None:
        said = told_settings.load(config, os.environ)
        return said.folder.resolve(), said.base_url, connect(said)[2]
    if base_url is None:
        raise UsageError(
            "请写 --config 配置文件；没有的话写 --base-url 登记系统的网址 / name the settings by --config, or where the "
            "bridge is by --base-url"
        )
    for name in ("host.git", "clone.git"):  # the embedded host's own, or the clone of another
        repo = Repository(folder / name)
        if repo.path.is_dir() and repo.resolve(MAIN) is not None:
            return folder, base_url.rstrip("/"), repo
    raise UsageError(f"no installation in {folder}; start one with xueshi serve or xueshi demo")
