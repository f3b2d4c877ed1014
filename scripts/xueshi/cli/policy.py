"""Commands about the hour rules: what they mean, and whom a change would affect before it is merged."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from xueshi import policy, records
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, revision, today, told
from xueshi.errors import UsageError
from xueshi.model import Organisation, Policy, Problem
from xueshi.records.source import POLICY

on_option = click.option("--on", "on", type=Day(), default=None, help="Judge by this day (default: today).")


@click.group("policy")
def policy_command() -> None:
    """Say what the hour rules mean, and try a change before it is merged."""


@policy_command.command("explain")
@repo_option
@rev_option
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--lang", type=click.Choice(list(policy.LANGUAGES)), default="zh", help="Chinese or English.")
@on_option
@told
def explain_command(folder: Path, rev: str, file: Path | None, lang: str, on: date | None) -> None:
    """Print in plain words what the approved policy, or the one in FILE, means."""
    if file is None:
        found, organisation = _approved(folder, rev)
    else:
        found, organisation = _from_file(file, folder, rev)
    click.echo(policy.explain(found, organisation, lang, on or today()))


def _approved(folder: Path, rev: str) -> tuple[Policy, Organisation | None]:
    repo = open_repository(folder)
    approved = records.load_approved(repo, revision(repo, rev))[0]
    _refuse(problem for problem in approved.problems if problem.path == POLICY)
    return approved.policy, approved.organisation


def _from_file(file: Path, folder: Path, rev: str) -> tuple[Policy, Organisation | None]:
    """The policy in a file, and the organisation of the repository around; without one units go by their ids."""
    parsed = records.parse_file(POLICY, _read(file))
    _refuse(replace(problem, path=str(file)) for problem in parsed.problems)
    if not isinstance(parsed.value, Policy):
        raise UsageError(f"{file} 不是学时规则")
    try:
        repo = open_repository(folder)
    except UsageError:
        return parsed.value, None
    return parsed.value, records.load(repo, revision(repo, rev)).organisation


@policy_command.command("try")
@repo_option
@rev_option
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--on",
    "on",
    type=Day(),
    default=None,
    help="Compare on this day (default: today and each coming day from which the rules differ).",
)
@click.option("--names", is_flag=True, help="Name everybody, also where the same happens to many.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@told
def try_command(folder: Path, rev: str, new: Path, on: date | None, names: bool, form: str) -> None:
    """Print what the changed policy file NEW would do to whom, against the approved one; exit 1 if it has errors."""
    data = _read(new)
    repo = open_repository(folder)
    sha = revision(repo, rev)
    approved, history = records.load_approved(repo, sha)
    proposed = records.overlay(approved, {POLICY: data})
    found = policy.notices(approved, proposed, data, today())
    problems = [replace(problem, path=str(new)) for problem in found]
    head = {"commit": sha, "file": str(new), "problems": [_problem_data(problem) for problem in problems]}
    if form == "text":
        _refuse(problems)
    elif policy.has_errors(problems):
        click.echo(json.dumps(head, ensure_ascii=False, indent=1))
        sys.exit(1)
    trial = policy.trial(approved, proposed.policy, history.approvals(), today(), on)
    if form == "json":
        click.echo(json.dumps({**head, **policy.trial_data(trial)}, ensure_ascii=False, indent=1))
    else:
        click.echo(policy.trial_text(trial, approved.organisation, names=names))


def _refuse(problems: Iterable[Problem]) -> None:
    """Print every problem, and end with exit code 1 when one is an error."""
    found = list(problems)
    for problem in found:
        click.echo(policy.one_line(str(problem)))
    if policy.has_errors(found):
        sys.exit(1)


def _problem_data(problem: Problem) -> dict[str, object]:
    names = ("path", "line", "rule", "severity", "field", "message")
    return {name: getattr(problem, name) for name in names}


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        cure = "请写明改好的 policy.yaml 在哪里；误删了的，用 git checkout records/policy.yaml 找回"
        raise UsageError(f"读不到 {file}，{cure}") from error
