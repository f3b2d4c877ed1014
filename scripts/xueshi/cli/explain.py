"""Commands that open a figure: explain, effect."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

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
from xueshi.model import Severity
from xueshi.reports.effect import effect_data, effect_lines, effect_markdown, effects
from xueshi.tables import explained


@click.command("explain")
@repo_option
@rev_option
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day.")
@click.argument("member")
@told
def explain_command(folder: Path, rev: str, at: date | None, member: str) -> None:
    """Print the ledger of MEMBER (an id or a name): every requirement with the records and rules behind it."""
    repo = open_repository(folder)
    sha = as_of(repo, rev, at)
    approved, history = records.load_approved(repo, sha)
    people = approved.people()
    found = [person for person in people.values() if member in (person.id, person.name)]
    if not found:
        raise UsageError(f"no member {member!r} on any roster; `xueshi totals` lists them")
    caps = {cap.id: cap.source or "" for cap in approved.policy.caps}
    for person in found:  # several people may have one name
        figures = totals.total_of(approved, approved.policy, history.approvals(), person, at or today())
        unit = approved.organisation.unit(figures.branch or "")
        click.echo("\n".join(explained(figures, unit.name if unit else "已转出", caps)))


@click.command("effect")
@repo_option
@click.option(
    "--rev", default=None, help="The proposed revision (default: the work tree; a bare repository: HEAD)."
)
@click.option(
    "--base", required=True, help="The revision that the change is proposed to, such as origin/main."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", help="How to print."
)
@told
def effect_command(folder: Path, rev: str | None, base: str, form: str) -> None:
    """Print what a proposed change does to hours: who, before and after, thresholds crossed, caps, duplicates."""
    repo = open_repository(folder)
    change, history = proposed(repo, revision(repo, base), rev)
    unread = [p for p in change.head.problems if p.severity is Severity.ERROR]
    if unread:
        click.echo("\n".join(words.visible(str(problem)) for problem in unread))
        click.echo("有文件读不出来，算不出影响；请先改好上面的错误", err=True)
        sys.exit(1)
    names = {member: p.name for member, p in {**change.base.people(), **change.judged().people()}.items()}
    caps = {cap.id: cap.source or "" for cap in change.judged().policy.caps}
    data = effect_data(effects(change, history.approvals()), checks.check_change(change), names, caps)
    if form == "json":
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        click.echo(effect_markdown(data) if form == "markdown" else "\n".join(effect_lines(data)))
