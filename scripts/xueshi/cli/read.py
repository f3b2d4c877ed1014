"""Commands that read records: check, totals, history."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import click

from xueshi import checks, records, totals, words
from xueshi.cli.common import (
    Day,
    as_of,
    open_repository,
    proposed,
    repo_option,
    rev_option,
    revision,
    today,
    told,
)
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import Problem, Severity, Study
from xueshi.tables import history_lines, totals_data, totals_table


@click.command("check")
@repo_option
@click.option(
    "--rev", default=None, help="Check this revision instead of the work tree (a bare repository: HEAD)."
)
@click.option(
    "--base", default=None, help="Judge only what differs from this revision, as a proposed change to it."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@told
def check_command(folder: Path, rev: str | None, base: str | None, form: str) -> None:
    """Print every problem in the records, one a line; exit 1 when there is an error."""
    repo = open_repository(folder)
    found = _problems(repo, rev, base)
    if form == "json":
        click.echo(json.dumps([_problem_data(p) for p in found], ensure_ascii=False, indent=1))
    else:
        for problem in found:
            mark = "" if problem.severity is Severity.ERROR else f"{_SEVERITY[problem.severity]}："
            click.echo(words.visible(str(problem).replace(": ", f": {mark}", 1)))
        errors = sum(p.severity is Severity.ERROR for p in found)
        click.echo(f"{errors} 个错误，{len(found) - errors} 个提示", err=True)
    sys.exit(1 if any(p.severity is Severity.ERROR for p in found) else 0)


_SEVERITY = {Severity.WARNING: "提醒", Severity.NOTE: "说明"}


def _problems(repo: Repository, rev: str | None, base: str | None) -> tuple[Problem, ...]:
    if base is None:
        rev = rev or ("HEAD" if repo.is_bare else None)
        head = records.load(repo, rev)
        found = checks.check(head, today(), records.kept(repo, _pictures(head.studies.values())))
        history = records.read_history(repo, revision(repo, rev or "HEAD"))
        return tuple(sorted({*found, *checks.of_history(head, history, today())}))
    change = proposed(repo, revision(repo, base), rev)[0]
    judged = (study for path, study in change.head.studies.items() if path in change.changed)
    return checks.check_change(change, records.kept(repo, _pictures(judged)))


def _pictures(studies: Iterable[Study]) -> set[str]:
    """Hashes of the pictures that these records name."""
    return {picture.sha256 for study in studies for picture in study.evidence}


def _problem_data(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("path", "line", "rule", "severity", "field", "message")}


@click.command("totals")
@repo_option
@rev_option
@click.option("--branch", default=None, help="Only members of this branch (its id).")
@click.option("--member", default=None, help="Only this member (its id), with the ledger.")
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@told
def totals_command(
    folder: Path, rev: str, branch: str | None, member: str | None, at: date | None, form: str
) -> None:
    """Print hours and requirements of all members."""
    repo = open_repository(folder)
    sha = as_of(repo, rev, at)
    approved, history = records.load_approved(repo, sha)
    figures = totals.total(approved, approved.policy, history.approvals(), at or today())
    chosen = totals_data(approved, figures, branch=branch, member=member)
    head = {"commit": sha, "on": figures.on.isoformat()}
    if form == "json":
        click.echo(json.dumps({**head, **chosen}, ensure_ascii=False, indent=1))
    else:
        click.echo(totals_table({**head, **chosen}, today()))


@click.command("history")
@repo_option
@rev_option
@click.argument("record")
@told
def history_command(folder: Path, rev: str, record: str) -> None:
    """Print who submitted, decided and changed RECORD (its id), oldest first."""
    repo = open_repository(folder)
    sha = revision(repo, rev)
    approved, history = records.load_approved(repo, sha)
    lines = list(history_lines(repo, approved, history, record.upper()))
    if not lines:
        raise UsageError(f"{rev} 上没有记录 {record!r}；xueshi totals --member 编号 会列出一个人的记录")
    click.echo("\n".join(lines))
