"""Command that prints a year's study sheets: sheet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import click

from xueshi import sheets, sources
from xueshi.cli.common import Day, as_of, open_repository, repo_option, rev_option, today, told, write
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import years
from xueshi.reports.source import Source


@click.command("sheet")
@repo_option
@rev_option
@click.option("--member", default=None, metavar="ID", help="The sheet of one member (an id).")
@click.option("--branch", default=None, metavar="ID", help="The sheets of everybody in one branch (its id).")
@click.option(
    "--year", type=click.IntRange(1900, 2199), default=None, help="The calendar year (default: this year)."
)
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day, as main was then.")
@click.option("--pending", is_flag=True, help="Also list what waits for review, marked 待审核.")
@click.option("--content", "full", is_flag=True, help="Also print what was studied, not its title alone.")
@click.option(
    "--check", default="", metavar="URL", help="Where sheets can be checked: for the foot and a QR code."
)
@click.option(
    "--fonts", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None,
    help="A folder of fonts for characters that the installed ones lack.",
)  # fmt: skip
@click.option("--allow-missing", is_flag=True, help="Print 〓 for a character that no font has, and say so.")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The PDF to write, or a folder for it."
)
@told
def sheet_command(
    folder: Path, rev: str, member: str | None, branch: str | None, year: int | None, at: date | None, check: str,
    fonts: Path | None, output: Path, *, pending: bool, full: bool, allow_missing: bool,
) -> None:  # fmt: skip
    """Write the study sheet (党员学习登记表) of a member or a whole branch as PDF, and print where it is."""
    if (member is None) == (branch is None):
        raise UsageError("请写明打印谁的登记表，二选一：--member 编号，或 --branch 编号（全支部）")
    repo = open_repository(folder)
    source = sources.read(repo, as_of(repo, rev, at), at or today())
    asked = year or source.on.year
    told_how = {"pending": pending, "full": full, "allow_missing": allow_missing}
    if member is not None:
        pictures = _pictures(repo, source, {member}, asked)
        data = sheets.sheet(source, pictures, member, asked, check=check, fonts=fonts, **told_how)
    else:
        people = {person.id for person in sheets.people_of(source, branch or "", asked)}
        pictures = _pictures(repo, source, people, asked)
        data = sheets.branch_sheet(
            source, pictures, branch or "", asked, check=lambda _: check, fonts=fonts, **told_how
        )
    place = output / f"学习登记表_{member or branch}_{asked}.pdf" if output.is_dir() else output
    write(place, data)
    click.echo(f"{place}  {len(data) // 1024} KB")


def _pictures(repo: Repository, source: Source, members: Collection[str], year: int) -> dict[str, bytes]:
    """The pictures of these people's records of a year, those that wait among them, by hash."""
    studies = [*source.records.studies.values(), *(study for _, study in source.waiting())]
    meant = (study for study in studies if study.member in members and year in years(study))
    return sources.pictures(repo, (one.sha256 for study in meant for one in study.evidence))
