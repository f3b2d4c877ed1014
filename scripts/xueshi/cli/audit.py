"""Command that says of every version on main whether its approval is valid, and why: audit."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from xueshi import records
from xueshi.audit import Chosen, audit_csv, audit_lines, audit_table
from xueshi.cli.common import open_repository, repo_option, rev_option, revision, told


@click.command("audit")
@repo_option
@rev_option
@click.option("--branch", default=None, help="Only files of this branch (its id).")
@click.option("--member", default=None, help="Only records of this member (its id).")
@click.option("--record", default=None, help="Only this record (its id).")
@click.option(
    "--only-invalid", is_flag=True, help="Leave out what is valid, and print the commands that cure."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", help="How to print."
)
@told
def audit_command(
    folder: Path,
    rev: str,
    branch: str | None,
    member: str | None,
    record: str | None,
    only_invalid: bool,
    form: str,
) -> None:
    """Print who decided on every version of every file, and whether that is valid.

    Exit 1 when the newest version of a file is not."""
    repo = open_repository(folder)
    approved, history = records.load_approved(repo, revision(repo, rev))
    names = {member: person.name for member, person in approved.people().items()}
    lines = audit_lines(history, names, Chosen(branch, member, record.upper() if record else None))
    invalid = [line for line in lines if not line["valid"]]
    still = sum(line["state"] == "open" for line in invalid)
    shown = invalid if only_invalid else lines
    if form == "csv":
        click.echo(audit_csv(shown), nl=False)
    elif form == "json":
        # A path may hold bytes that are no text; written so, they are escapes that JSON knows.
        click.echo(json.dumps(shown, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))
    else:
        for text in audit_table(shown, commands=only_invalid):
            click.echo(text)
    click.echo(f"{len(lines)} 个版本，{len(invalid)} 个无效，{still} 个需要处理", err=True)
    sys.exit(1 if still else 0)
