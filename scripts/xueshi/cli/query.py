"""Command that looks up records: query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from xueshi import records, totals, words
from xueshi.cli.common import Day, as_of, open_repository, repo_option, rev_option, today, told
from xueshi.errors import UsageError
from xueshi.model import RecordSet
from xueshi.reports.query import STATES, Asked, Row, matching, rows
from xueshi.words import plain


class Hours(click.ParamType[Decimal]):
    """An amount such as 1.5."""

    name = "hours"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if found.is_finite() and found >= 0:
            return found
        raise click.BadParameter(f"{value!r} is not an amount such as 1.5", ctx, param)


@click.command("query")
@repo_option
@rev_option
@click.option("--name", default="", help="A name or part of one, its pinyin or initials, or a member's id.")
@click.option("--branch", default="", help="Records of this branch (its id).")
@click.option("--kind", default="", help="Records of this kind (its id in policy.yaml).")
@click.option("--from", "start", type=Day(), default=None, help="The first study date.")
@click.option("--to", "last", type=Day(), default=None, help="The last study date.")
@click.option("--min", "least", type=Hours(), default=None, help="At least so many hours.")
@click.option("--max", "most", type=Hours(), default=None, help="At most so many hours.")
@click.option("--text", default="", help="Words that all stand in the title, the content or the place.")
@click.option("--state", type=click.Choice(list(STATES)), default=None, help="How they stand.")
@click.option("--at", "at", type=Day(), default=None, help="As of the end of this day, as main was then.")
@click.option(
    "--format", "form", type=click.Choice(["table", "ids", "json"]), default="table", help="How to print."
)
@told
def query_command(folder: Path, rev: str, at: date | None, form: str, **asked: Any) -> None:
    """Print the records that meet every condition, newest first: the same as the query page of the site finds."""
    repo = open_repository(folder)
    sha = as_of(repo, rev, at)
    approved, history = records.load_approved(repo, sha)
    wanted = _known(approved, Asked(**{**asked, "state": asked["state"] or ""}))
    figures = totals.total(approved, approved.policy, history.approvals(), at or today())
    waiting = (study for proposal in records.load_proposals(repo, sha) for study in proposal.studies)
    names = {ident: person.name for ident, person in approved.people().items()}
    found = list(matching(rows(figures.credits(), waiting), wanted, names))
    if form == "ids":
        click.echo("".join(f"{row.study.id}\n" for row in found), nl=False)
    elif form == "json":
        click.echo(json.dumps([_data(row, names) for row in found], ensure_ascii=False, indent=1))
    else:
        _print(approved, found, names)


def _known(approved: RecordSet, asked: Asked) -> Asked:
    """The same. Raises UsageError for a branch or a kind that nobody has, which would find nothing."""
    branches = [unit.id for unit in approved.organisation.branches()]
    if asked.branch and asked.branch not in branches:
        raise UsageError(f"没有编号 {asked.branch!r} 的党支部；有：{'、'.join(branches)}")
    if asked.kind and asked.kind not in approved.policy.kinds:
        raise UsageError(f"没有学习类型 {asked.kind!r}；有：{'、'.join(approved.policy.kinds)}")
    return asked


def _data(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    study = row.study
    return {
        "record": study.id,
        "member": study.member,
        "name": names.get(study.member, study.member),
        "branch": study.branch,
        "date": study.start_date.isoformat(),
        "kind": study.kind,
        "title": study.title,
        "claimed": plain(study.hours),
        "hours": plain(row.hours),
        "state": row.state,
    }


def _print(approved: RecordSet, found: list[Row], names: Mapping[str, str]) -> None:
    kinds = approved.policy.kinds
    for row in found:
        study = row.study
        kind = kinds[study.kind].label if study.kind in kinds else study.kind
        told = (
            study.id, study.start_date.isoformat(), study.branch, names.get(study.member, study.member), kind,
            plain(row.hours), STATES[row.state], study.title,
        )  # fmt: skip
        click.echo(words.visible("  ".join(told)))
    counted = sum((row.hours for row in found if row.state == "counted"), Decimal(0))
    waiting = sum(row.state == "waiting" for row in found)
    people = len({row.study.member for row in found})
    after = f"；其中待审核 {waiting} 条，未计入合计" if waiting else ""
    click.echo(f"{plain(counted)} 学时，{len(found)} 条，{people} 人{after}", err=True)
