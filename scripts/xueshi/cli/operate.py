"""Commands for whoever runs the bridge: bridge doctor, parked, retry, settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from xueshi import publish
from xueshi import settings as told_settings
from xueshi.cli.common import revision, today, told
from xueshi.connecting import connect
from xueshi.delivery import MAIN
from xueshi.doctor import Finding, diagnose, sealing
from xueshi.errors import UsageError, XueshiError
from xueshi.git import Repository
from xueshi.outbox import Outbox
from xueshi.records import load, load_approved
from xueshi.sealing.keys import CONTENT_VARIABLE, LINK_VARIABLE
from xueshi.settings import Settings

_MARK = {"ok": "好 ok", "unknown": "不明 unknown", "warning": "提醒 warning", "error": "错误 error"}

_config = click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="Settings (TOML); variables XUESHI_… win over it.",
)  # fmt: skip
_folder = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=None,
    help="The installation's folder.",
)  # fmt: skip


def _settings(config: Path | None, folder: Path | None) -> Settings:
    given = {"XUESHI_FOLDER": str(folder.resolve())} if folder else {}
    return told_settings.load(config, {**os.environ, **given})


@click.command("doctor")
@_config
@_folder
@told
def doctor_command(config: Path | None, folder: Path | None) -> None:
    """Say whether the repository on its host is set up so that approval holds; exit 1 when it is not."""
    said = _settings(config, folder)
    found: list[Finding] = []
    try:
        host, _, clone = connect(said)
        desk = said.desk.email if said.desk.enabled else None
        organisation = load(clone, MAIN).organisation
        found += diagnose(host.probe(), organisation, today(), bridge=said.bridge.email, desk=desk)
        found.append(_sealing(clone))
    except UsageError:
        raise
    except XueshiError as error:
        cure = "请核对地址、仓库和令牌 / check address, repository and token"
        found.append(Finding("error", f"连不上代码托管 the host cannot be used：{error}", cure))
    for one in found:
        click.echo(f"{_MARK[one.level]}  {one.what}" + (f"\n    → {one.cure}" if one.cure else ""))
    sys.exit(1 if any(one.level == "error" for one in found) else 0)


def _sealing(clone: Repository) -> Finding:
    """Whether the site of main can be sealed with what this environment holds, as `xueshi serve` would."""
    fault, edition = "", publish.edition_of(clone, revision(clone, MAIN))
    given = any(name in os.environ for name in (LINK_VARIABLE, CONTENT_VARIABLE))
    try:
        if edition == "sealed":
            keys = load_approved(clone, MAIN)[0].keys
            publish.keyring(os.environ, b"", keys, today())  # whose secret it would be is all one here
    except UsageError as error:
        fault = str(error)
    return sealing(edition, fault, given=given)


@click.command("settings")
@_config
@_folder
@told
def settings_command(config: Path | None, folder: Path | None) -> None:
    """Print the settings in force; of a secret only whether it is set."""
    click.echo(told_settings.describe(_settings(config, folder)))


@click.command("parked")
@_config
@_folder
@told
def parked_command(config: Path | None, folder: Path | None) -> None:
    """List what waits for an operator: batch, attempts, receipts, and why."""
    for held in _outbox(_settings(config, folder)).batches.parked():
        receipts = " ".join(row.sent.id for row in held.rows)
        click.echo(f"{held.id}\t{held.attempts}\t{receipts}\t{held.error or ''}")


@click.command("retry")
@click.argument("batch")
@_config
@_folder
@told
def retry_command(batch: str, config: Path | None, folder: Path | None) -> None:
    """Try a parked BATCH again."""
    if not _outbox(_settings(config, folder)).batches.unpark(batch.upper()):
        raise UsageError(f"没有搁置的 {batch}；xueshi bridge parked 会列出 / {batch} is not parked")
    click.echo(batch.upper())


def _outbox(said: Settings) -> Outbox:
    if not (said.folder / "outbox" / "outbox.sqlite").is_file():
        raise UsageError(f"{said.folder} 里没有登记服务的数据 / no installation in {said.folder}")
    return Outbox(said.folder / "outbox")
