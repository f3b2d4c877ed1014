"""Commands that make something of nothing but a repository: sample, build."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from xueshi import publish, sample
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, today, told
from xueshi.errors import UsageError
from xueshi.git import END
from xueshi.model import SHANGHAI


@click.command("sample")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--members", type=click.IntRange(10, 2000), default=42, show_default=True, help="How many people."
)
@click.option(
    "--records", type=click.IntRange(60, 100_000), default=110, show_default=True, help="How many records."
)
@click.option(
    "--seed", type=int, default=42, show_default=True, help="The same seed gives the same repository."
)
@click.option("--until", type=Day(), default=None, help="The last day of its history (default: today).")
@told
def sample_command(folder: Path, members: int, records: int, seed: int, until: date | None) -> None:
    """Write an invented organisation with its history into FOLDER, a new bare repository."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; give a new folder")
    made = sample.write(folder, members=members, records=records, seed=seed, until=until or today())
    click.echo(f"{folder}  {made.repo.resolve('refs/heads/main')}")


@click.command("build")
@repo_option
@rev_option
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the site is shown (default: build/site).",
)
@click.option("--on", "on", type=Day(), default=None, help="Judge as of this day (default: today).")
@told
def build_command(folder: Path, rev: str, into: Path | None, on: date | None) -> None:
    """Build the site of a revision aside and swap it in."""
    repo = open_repository(folder)
    wanted = publish.inputs(repo, rev, on=on or today(), secret=publish.site_secret(repo.path))
    stamp = int(repo.run("show", "--no-patch", "--format=%ct", END, wanted.commit))
    if on is not None and on < (known := datetime.fromtimestamp(stamp, SHANGHAI).date()):
        click.echo(
            f"提醒：按 {on} 计算，记录却到 {known} 为止，后来的也在里面；要当时的样子，用 --rev 选那时的提交 / "
            "records are newer than the day; choose that time's commit with --rev",
            err=True,
        )
    place = (
        into or repo.path / "build" / "site"
    ).absolute()  # git is called in another folder; what is there is a link
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = publish.build(repo, wanted, place)
    if wanted.edition == "sealed" and not wanted.roots:
        click.echo(
            "提醒：没有给出密钥，这个密封版网站只供试看，印出的链接打不开它；正式发布见 xueshi keys make",
            err=True,
        )
    click.echo(f"{place}  {wanted.commit}  {'built' if fresh else 'unchanged'}")
