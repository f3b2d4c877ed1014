"""Door: the command `xueshi`. Translates arguments and errors; holds no rules.

Exit codes: 0 clean, 1 problems found, 2 could not run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from xueshi import checks, demo, publish, records, sample, totals
from xueshi.errors import UsageError, XueshiError
from xueshi.git import Repository
from xueshi.links import Links, qr_svg, secret
from xueshi.model import SHANGHAI, Problem, RecordSet, Severity
from xueshi.records import evidence_hashes
from xueshi.service import SECRET, Service
from xueshi.tables import history_lines, link_table, totals_data, totals_table

P = ParamSpec("P")


def today() -> date:
    """The date in Asia/Shanghai."""
    return datetime.now(SHANGHAI).date()


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Expected faults become one line on stderr and exit code 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except XueshiError as error:
            click.echo(f"xueshi: {error}", err=True)
            sys.exit(2)

    return run


_repo = click.option(
    "--repo",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The repository of records (default: this folder).",
)
_rev = click.option("--rev", default="HEAD", help="Revision to read (default: HEAD).")


class Day(click.ParamType[date]):
    """A date such as 2026-03-05."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-03-05", param, ctx)


def open_repository(folder: Path) -> Repository:
    """The repository that `folder` lies in. Raises UsageError when there is none."""
    places = (folder.resolve(), *folder.resolve().parents)
    repo = Repository(next((place for place in places if _is_repository(place)), folder))
    if repo.resolve("HEAD") is None:
        raise UsageError(
            f"{folder.resolve()} is not a git repository with a commit; give one with --repo DIR"
        )
    return repo


def _is_repository(place: Path) -> bool:
    return (place / ".git").exists() or ((place / "HEAD").is_file() and (place / "objects").is_dir())


def _revision(repo: Repository, rev: str) -> str:
    sha = repo.resolve(rev)
    if sha is None:
        raise UsageError(f"no revision {rev!r} in {repo.path}")
    return sha


@click.group()
@click.version_option(package_name="xueshi")
def main() -> None:
    """Study records (学时) of an organisation, kept in Git."""


@main.command()
@_repo
@click.option(
    "--rev", default=None, help="Check this revision instead of the work tree (a bare repository: HEAD)."
)
@click.option(
    "--base", default=None, help="Judge only what differs from this revision, as a proposed change to it."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@_told
def check(folder: Path, rev: str | None, base: str | None, form: str) -> None:
    """Print every problem in the records, one a line; exit 1 when there is an error."""
    repo = open_repository(folder)
    found = _problems(repo, rev, base)
    if form == "json":
        click.echo(json.dumps([_problem_data(p) for p in found], ensure_ascii=False, indent=1))
    else:
        for problem in found:
            mark = "" if problem.severity is Severity.ERROR else f"{_SEVERITY[problem.severity]}："
            click.echo(str(problem).replace(": ", f": {mark}", 1))
        errors = sum(p.severity is Severity.ERROR for p in found)
        click.echo(f"{errors} 个错误，{len(found) - errors} 个提示", err=True)
    sys.exit(1 if any(p.severity is Severity.ERROR for p in found) else 0)


_SEVERITY = {Severity.WARNING: "提醒", Severity.NOTE: "说明"}


def _problems(repo: Repository, rev: str | None, base: str | None) -> tuple[Problem, ...]:
    head = records.load(repo, rev or ("HEAD" if repo.is_bare else None))
    evidence = evidence_hashes(repo)
    if base is None:
        return checks.check(head, today(), evidence or None)
    before = records.load_approved(repo, _revision(repo, base))[0]
    return checks.check_change(before, head, _changed(before, head), today=today(), evidence=evidence or None)


def _changed(before: RecordSet, head: RecordSet) -> set[str]:
    paths = set(before.blobs) | set(head.blobs)
    return {path for path in paths if before.blobs.get(path) != head.blobs.get(path)}


def _problem_data(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("path", "line", "rule", "severity", "field", "message")}


@main.command("totals")
@_repo
@_rev
@click.option("--branch", default=None, help="Only members of this branch (its id).")
@click.option("--member", default=None, help="Only this member (its id), with the ledger.")
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@_told
def totals_command(
    folder: Path, rev: str, branch: str | None, member: str | None, at: date | None, form: str
) -> None:
    """Print hours and requirements of all members."""
    repo = open_repository(folder)
    sha = _revision(repo, rev)
    if at is not None:
        earlier = records.commit_at(repo, sha, at)
        if earlier is None:
            raise UsageError(f"main has no commit by {at}; its history begins later")
        sha = earlier
    approved, history = records.load_approved(repo, sha)
    figures = totals.total(approved, history, at or today())
    chosen = totals_data(approved, figures, branch=branch, member=member)
    head = {"commit": sha, "on": figures.on.isoformat()}
    if form == "json":
        click.echo(json.dumps({**head, **chosen}, ensure_ascii=False, indent=1))
    else:
        click.echo(totals_table({**head, **chosen}))


@main.command("history")
@_repo
@_rev
@click.argument("record")
@_told
def history_command(folder: Path, rev: str, record: str) -> None:
    """Print who submitted, decided and changed RECORD (its id), oldest first."""
    repo = open_repository(folder)
    sha = _revision(repo, rev)
    approved, history = records.load_approved(repo, sha)
    lines = list(history_lines(repo, approved, history, record.upper()))
    if not lines:
        raise UsageError(
            f"no record {record!r} on {rev}; `xueshi totals --member ID` lists a member's records"
        )
    click.echo("\n".join(lines))


@main.command("sample")
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
@_told
def sample_command(folder: Path, members: int, records: int, seed: int, until: date | None) -> None:
    """Write an invented organisation with its history into FOLDER, a new bare repository."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; give a new folder")
    made = sample.write(folder, members=members, records=records, seed=seed, until=until or today())
    click.echo(f"{folder}  {made.repo.resolve('refs/heads/main')}")


@main.command("build")
@_repo
@_rev
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the site is shown (default: build/site).",
)
@click.option("--on", "on", type=Day(), default=None, help="Judge as of this day (default: today).")
@_told
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


@main.command("links")
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
@_told
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


@main.command("serve")
@_dir
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port of 127.0.0.1."
)
@click.option("--base-url", default=None, help="Where people reach it (default: http://127.0.0.1:PORT).")
@_told
def serve_command(folder: Path, port: int, base_url: str | None) -> None:
    """Serve bridge, embedded host and site of an installation."""
    with demo.listen(port) as sock:
        url = (base_url or f"http://127.0.0.1:{sock.getsockname()[1]}").rstrip("/")
        made = Service(folder, url)
        demo.run(made, sock, lambda: click.echo(made.page("home", "")))


@main.command("demo")
@_dir
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port of 127.0.0.1; 0 takes a free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the links as one JSON line.")
@_told
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
