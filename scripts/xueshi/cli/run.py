"""Commands that make or run an installation: sample, build, serve, demo."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import click

from xueshi import demo, observe, publish, sample, settings
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, today, told
from xueshi.errors import UsageError
from xueshi.service import Service, embedded


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


_dir = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("build/demo"), show_default=True,
    help="The installation's folder.",
)  # fmt: skip


@click.command("serve")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="Settings (TOML); variables XUESHI_… and the options below win over it.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The installation's folder.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="Port of 127.0.0.1; 0 takes a free one."
)
@click.option("--base-url", default=None, help="Where people reach it (default: http://127.0.0.1:PORT).")
@told
def serve_command(config: Path | None, folder: Path | None, port: int | None, base_url: str | None) -> None:
    """Serve the form, the review desk and the site of an installation, and carry what is sent to the Git host."""
    given = {
        "XUESHI_FOLDER": str(folder.resolve()) if folder else None,
        "XUESHI_LISTEN_PORT": str(port or demo.free_port()) if port is not None else None,
        "XUESHI_BASE_URL": base_url,
    }
    said = settings.load(config, {**os.environ, **{name: value for name, value in given.items() if value}})
    with demo.listen(said.listen.host, said.listen.port) as sock:
        observe.log_to(level=said.log.level, as_json=said.log.format == "json")
        made = Service(said)
        demo.run(made, sock, lambda: click.echo(made.page("home", "")))


@click.command("demo")
@_dir
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port of 127.0.0.1; 0 takes a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the links as one JSON line.")
@told
def demo_command(folder: Path, port: int, as_json: bool) -> None:
    """Make an invented organisation and serve it: form, review desk, site and repository on one port."""
    with demo.listen("127.0.0.1", port) as sock:
        observe.log_to(level="warning", as_json=False)
        ids = demo.prepare(folder, today())
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        # Who tries it out wants to see at once what a decision does.
        made = Service(embedded(folder, url, desk_undo_minutes="0"))
        found = demo.links(made, ids)
        demo.run(made, sock, lambda: click.echo(json.dumps(found) if as_json else _welcome(found)))


def _welcome(found: dict[str, str]) -> str:
    lines = ["", "1  登记学习 Register   " + found["form"], "   支部海报 Poster     " + found["poster"]]
    lines += ["2  审核台 Review desk  " + found["desk"], "   审核码 Code          " + found["code"]]
    lines += ["3  本人报告 My report  " + found["report"], "   支部报告 Branch     " + found["branch"]]
    lines += ["   首页 Site           " + found["site"], "   git clone           " + found["repository"]]
    lines += [
        "",
        "按 1、2、3 走一遍；Ctrl-C 结束，再次运行会接着用同样的数据。",
        "Go 1, 2, 3; Ctrl-C ends it; run again to go on where it was.",
        "",
    ]
    return "\n".join(lines)
