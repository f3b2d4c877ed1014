"""Commands that make or run an installation: sample, build, links, serve, demo."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click

from xueshi import demo, publish, records, sample
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, today, told
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.links import Links, qr_svg, secret
from xueshi.service import SECRET, Service
from xueshi.tables import link_table


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
    place = into or repo.path / "build" / "site"
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = publish.build(repo, wanted, place)
    click.echo(f"{place}  {wanted.commit}  {'built' if fresh else 'unchanged'}")


_dir = click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("build/demo"), show_default=True,
    help="The installation's folder.",
)  # fmt: skip


@click.command("links")
@_dir
@click.option(
    "--base-url", required=True, help="Where the bridge is reached, such as https://study.example.invalid"
)
@click.option("--branch", default=None, help="Only this branch (its id).")
@click.option(
    "--qr",
    "pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Also write QR codes there, as SVG.",
)
@told
def links_command(folder: Path, base_url: str, branch: str | None, pictures: Path | None) -> None:
    """Print each branch's poster, each member's personal link and each reviewer's desk."""
    host = Repository(folder / "host.git")
    if host.resolve("refs/heads/main") is None:
        raise UsageError(f"no installation in {folder}; start one with xueshi serve or xueshi demo")
    made = Links(secret(folder / SECRET), base_url.rstrip("/"))
    approved = records.load_approved(host, "refs/heads/main")[0]
    found = list(link_table(approved, made, today(), branch))
    if not found:
        raise UsageError(f"no branch {branch!r}")
    for kind, ident, words, url in found:
        click.echo(f"{kind}\t{ident}\t{words}\t{url}")
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            (pictures / f"{kind}-{ident}.svg").write_text(qr_svg(url), encoding="utf-8")


@click.command("serve")
@_dir
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port of 127.0.0.1."
)
@click.option("--base-url", default=None, help="Where people reach it (default: http://127.0.0.1:PORT).")
@told
def serve_command(folder: Path, port: int, base_url: str | None) -> None:
    """Serve bridge, embedded host and site of an installation."""
    with demo.listen(port) as sock:
        url = (base_url or f"http://127.0.0.1:{sock.getsockname()[1]}").rstrip("/")
        made = Service(folder, url)
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
    with demo.listen(port) as sock:
        ids = demo.prepare(folder, today())
        made = Service(folder, f"http://127.0.0.1:{sock.getsockname()[1]}")
        found = demo.links(made, ids)
        demo.run(made, sock, lambda: click.echo(json.dumps(found) if as_json else _welcome(found)))


def _welcome(found: dict[str, str]) -> str:
    lines = ["", "1  登记学习 Register   " + found["form"], "   支部海报 Poster     " + found["poster"]]
    lines += ["2  审核台 Review desk  " + found["desk"]]
    lines += ["3  本人报告 My report  " + found["report"], "   支部报告 Branch     " + found["branch"]]
    lines += ["   首页 Site           " + found["site"], "   git clone           " + found["repository"]]
    lines += [
        "",
        "按 1、2、3 走一遍；Ctrl-C 结束，再次运行会接着用同样的数据。",
        "Go 1, 2, 3; Ctrl-C ends it; run again to go on where it was.",
        "",
    ]
    return "\n".join(lines)
