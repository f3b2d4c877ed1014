"""Commands that open a figure: explain, effect."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from xueshi import checks, policy, records, totals, words
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
from xueshi.model import MemberTotals, RecordSet, Severity
from xueshi.reports.effect import effect_data, effect_lines, effect_markdown, effects
from xueshi.tables import explained
from xueshi.words import plain


@click.command("explain")
@repo_option
@rev_option
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day, as main was then.")
@click.option(
    "--year",
    type=click.IntRange(1900, 2199),
    default=None,
    help="As of the last day of this year, as main is now.",
)
@click.argument("member")
@told
def explain_command(folder: Path, rev: str, at: date | None, year: int | None, member: str) -> None:
    """Print the ledger of MEMBER (an id or a name): every requirement with the records and rules behind it."""
    if at and year:
        raise UsageError(
            "--at 和 --year 只能写一个：--at 按当时的 main 算，--year 按现在的 main 算到那年最后一天"
        )
    repo = open_repository(folder)
    sha, on = as_of(repo, rev, at), at or (date(year, 12, 31) if year else today())
    approved, history = records.load_approved(repo, sha)
    people = approved.people()
    found = [person for person in people.values() if member in (person.id, person.name)]
    if not found:
        raise UsageError(f"名册上没有 {member!r}；xueshi totals 会列出所有人")
    caps = {cap.id: cap.source or "" for cap in approved.policy.caps}
    for person in found:  # several people may have one name
        figures = totals.total_of(approved, approved.policy, history.approvals(), person, on)
        unit = approved.organisation.unit(figures.branch or "")
        head, *ledger = explained(figures, unit.name if unit else "已转出", caps, on, today())
        click.echo("\n".join([head, *_measures(approved, figures), *ledger, *_crowded(approved, figures)]))


def _measures(approved: RecordSet, figures: MemberTotals) -> Iterator[str]:
    """Requirements with several measures, each of these with its own figures."""
    for s in figures.standings:
        if found := policy.parts(s, approved.policy, approved.organisation):
            told = policy.parts_text(found, every=s.requirement.every)
            yield words.visible(f"  {s.requirement.label}（{s.requirement.id}）：{told}")


def _crowded(approved: RecordSet, figures: MemberTotals) -> Iterator[str]:
    """Records that a cap per day cut, each with what else took of that day."""
    daily = {cap.id for cap in approved.policy.caps if cap.per == "day"}
    for credit in figures.credits:
        days = {credit.study.start_date, *(day for day, _ in credit.parts)}
        others = [
            f"{other.study.id}（{plain(other.credited)} 学时）"
            for other in figures.credits
            if other is not credit and any(day in days for day, _ in other.parts)
        ]
        if credit.why in daily and others:
            yield f"  {credit.study.start_date} 的 {credit.study.id} 超出每天的上限，同一天已计：{'、'.join(others)}"


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
