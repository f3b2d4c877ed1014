"""Command that writes a report to a file: export."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from xueshi import exports, sources
from xueshi.cli.common import Day, as_of, open_repository, repo_option, rev_option, today, told, write
from xueshi.errors import UsageError
from xueshi.exports import Export, Range, Scope
from xueshi.git import Repository
from xueshi.reports.source import Source


@click.command("export")
@repo_option
@rev_option
@click.option("--member", default=None, metavar="ID", help="One member (an id), over all branches.")
@click.option("--branch", default=None, metavar="ID", help="One branch (its id).")
@click.option("--all", "everybody", is_flag=True, help="The whole organisation.")
@click.option("--period", default=None, help="A year such as 2026, plan or all (default: this year).")
@click.option(
    "--from", "first", type=Day(), default=None, help="With --to instead of --period: the first day."
)
@click.option("--to", "last", type=Day(), default=None, help="The last day.")
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day, as main was then.")
@click.option(
    "--format", "form", type=click.Choice(list(exports.FORMATS)), default="xlsx", show_default=True,
    help="Workbook, records only, or the archive of a member or branch with pictures.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path(), help="A file, or a folder to put it in (default: this one)."
)  # fmt: skip
@told
def export_command(
    folder: Path, rev: str, member: str | None, branch: str | None, period: str | None, first: date | None,
    last: date | None, at: date | None, form: str, output: Path, *, everybody: bool,
) -> None:  # fmt: skip
    """Write hours and records of a member, a branch or everybody to a file, and print where it is."""
    scope = _scope(member, branch, everybody=everybody)
    repo = open_repository(folder)
    source = sources.read(repo, as_of(repo, rev, at), at or today(), histories=form == "zip", judged=True)
    made = exports.export(source, scope, _span(source, period, first, last))
    place = output / exports.file_name(made, form) if output.is_dir() else output
    write(place, _content(repo, source, made, form))
    click.echo(f"{place}  {len(made.details)} 条记录")


def _scope(member: str | None, branch: str | None, *, everybody: bool) -> Scope:
    if (member is not None) + (branch is not None) + everybody != 1:
        raise UsageError("请写明导出谁的学时，三选一：--member 编号、--branch 编号，或 --all（全组织）")
    if member is not None:
        return Scope("member", member)
    return Scope("committee") if branch is None else Scope("branch", branch)


def _span(source: Source, period: str | None, first: date | None, last: date | None) -> Range:
    if first is None and last is None:
        return exports.named(period or str(source.on.year), source.records.policy)
    if first is None or last is None or period is not None:
        raise UsageError("--from 和 --to 要一起写，并且不能和 --period 同时写")
    return exports.between(first, last)


def _content(repo: Repository, source: Source, made: Export, form: str) -> bytes:
    if form != "zip":
        return {"xlsx": exports.workbook, "csv": exports.lines}[form](made)
    wanted = exports.needs(source, made)
    blobs = repo.blobs(wanted.files.values())
    files = {path: blobs[blob] for path, blob in wanted.files.items()}
    return exports.archive(source, made, files, sources.pictures(repo, wanted.pictures))
