"""Command that writes a report to a file: export."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from xueshi import checks, exports, records, totals
from xueshi.cli.common import Day, as_of, open_repository, repo_option, rev_option, today, told
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
    source = read_source(repo, as_of(repo, rev, at), at or today(), histories=form == "zip")
    made = exports.export(source, scope, _span(source, period, first, last))
    place = output / exports.file_name(made, form) if output.is_dir() else output
    _write(place, _content(repo, source, made, form))
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


def read_source(repo: Repository, commit: str, on: date, *, histories: bool) -> Source:
    """What the site is made from, for one commit and day; the versions of records only where they are asked for."""
    approved, history = records.load_approved(repo, commit)
    approvals, people = history.approvals(), approved.people()
    figures = totals.total(approved, approved.policy, approvals, on)
    paths = [path for path in history.versions if records.kind_of(path) == "study"] if histories else []
    return Source(
        approved,
        history,
        approvals,
        figures,
        records.load_proposals(repo, commit),
        records.versions(repo, history, paths),
        people,
        {ident: person.name for ident, person in people.items()},
        lambda kind, ident: "",
        frozenset(),
        checks.check(approved, on, records.kept(repo)),
    )


def _content(repo: Repository, source: Source, made: Export, form: str) -> bytes:
    if form != "zip":
        return {"xlsx": exports.workbook, "csv": exports.lines}[form](made)
    wanted, evidence = exports.needs(source, made), records.evidence_blobs(repo)
    held = {sha: evidence[sha] for sha in wanted.pictures & evidence.keys()}
    blobs = repo.blobs([*wanted.files.values(), *held.values()])
    files = {path: blobs[blob] for path, blob in wanted.files.items()}
    return exports.archive(source, made, files, {sha: blobs[b] for sha, b in held.items() if b in blobs})


def _write(place: Path, data: bytes) -> None:
    try:
        place.write_bytes(data)
    except OSError as error:
        raise UsageError(f"写不到 {place}：{error.strerror}；请换一个位置，或先关闭打开它的程序") from error
