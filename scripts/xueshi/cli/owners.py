"""Command that says whom a Git host asks to review what: owners."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from xueshi import owners, records, words
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, revision, today, told
from xueshi.errors import UsageError


@click.command("owners")
@repo_option
@rev_option
@click.option("--host", type=click.Choice(owners.HOSTS), required=True, help="The host that reads it.")
@click.option(
    "--on", "on", type=Day(), default=None, help="Only reviewers in office on this day (default: today)."
)
@click.option(
    "--check",
    "written",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Print how this file differs instead, and exit 1 if it does.",
)
@told
def owners_command(folder: Path, rev: str, host: str, on: date | None, written: Path | None) -> None:
    """Print the CODEOWNERS of a host, from the last approved records/organisation.yaml."""
    repo, day = open_repository(folder), on or today()
    approved = records.load_approved(repo, revision(repo, rev))[0]
    found = owners.owners(approved.organisation, host, day)
    for warning in owners.warnings(found, host, day):
        click.echo(f"提醒：{warning}", err=True)
    wanted = owners.codeowners(found, host)
    if written is None:
        click.echo(wanted, nl=False)
        return
    differs = owners.differences(_text(written), wanted)
    if differs:
        click.echo("\n".join([f"{written} 与组织文件不一致：", *(words.visible(line) for line in differs)]))
        click.echo(f"请运行 xueshi owners --host {host} > {written}，再提交", err=True)
    sys.exit(1 if differs else 0)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} 读不出来（{error}）；请用 xueshi owners 重新写一份") from None
