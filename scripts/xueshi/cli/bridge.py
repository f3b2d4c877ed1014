"""Commands that CI runs on a pull request: bridge judge, bridge comment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from xueshi import checks, owners, records, words
from xueshi.cli.common import open_repository, proposed, repo_option, revision, told
from xueshi.cli.lazy import LazyGroup
from xueshi.errors import UsageError
from xueshi.hosts import from_ci
from xueshi.model import Problem, Severity
from xueshi.reports.effect import effect_data, effect_markdown, effects

_MOST = 60_000  # characters; GitHub takes 65,536 with the mark
_OPERATING = {name: f"operate:{name}_command" for name in ("doctor", "settings", "parked", "retry")}


@click.group("bridge", cls=LazyGroup, lazy=_OPERATING)
def bridge_group() -> None:
    """What CI does on a pull request."""


@bridge_group.command("judge")
@repo_option
@click.option("--rev", required=True, help="The proposed revision.")
@click.option("--base", required=True, help="The revision that it is proposed to, such as origin/main.")
@click.option("--ref", default="", help="The git branch it comes from: sub/… may touch records/ only.")
@told
def judge_command(folder: Path, rev: str, base: str, ref: str) -> None:
    """Print, as Markdown, what a proposal does to hours and what the check says; exit 1 when there is an error.

    The same problems, with path and line, go to stderr."""
    repo = open_repository(folder)
    start, head = revision(repo, base), revision(repo, rev)
    change, history = proposed(repo, start, head)
    judged = (study for path, study in change.head.studies.items() if path in change.changed)
    pictures = {picture.sha256 for study in judged for picture in study.evidence}
    paths = repo.changed(repo.merge_base(start, head) or start, head)
    found = (
        *checks.check_change(change, records.kept(repo, pictures)),
        *owners.beside(paths, ref),
        *owners.for_the_committee(paths),
    )
    unread = any(p.severity is Severity.ERROR for p in change.head.problems)
    names = {m: p.name for m, p in {**change.base.people(), **change.judged().people()}.items()}
    caps = {cap.id: cap.source or "" for cap in change.judged().policy.caps}
    shifts = () if unread else effects(change, history.approvals())
    _tell(found, effect_markdown(effect_data(shifts, found, names, caps)), unread=unread)


def _tell(found: tuple[Problem, ...], text: str, *, unread: bool) -> None:
    """Print what was found; exit 1 when there is an error."""
    # Behind a mark: a line of the log that began with the name of somebody's file could be a command to CI.
    for problem in found:
        click.echo(f"| {words.visible(str(problem))}", err=True)
    errors = sum(p.severity is Severity.ERROR for p in found)
    click.echo(
        f"**{'检查没有通过' if errors else '检查通过'}**：{errors} 个错误，{len(found) - errors} 个提示\n"
    )
    effect, _, rest = text.partition("\n\n")
    click.echo("有文件读不出来，算不出对学时的影响。" if unread else effect)
    click.echo(f"\n{rest}", nl=False)
    sys.exit(1 if errors else 0)


@bridge_group.command("comment")
@click.option("--number", type=click.IntRange(1), required=True, help="The pull request.")
@click.option("--marker", required=True, help="A word of ours: the comment that has it is replaced.")
@click.option(
    "--body-file",
    "body",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The comment, as Markdown.",
)
@told
def comment_command(number: int, marker: str, body: Path) -> None:
    """Write below a pull request of the host that runs this job, in place of what stood there."""
    try:
        text = body.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{body} 读不出来（{error}）") from None
    from_ci(os.environ).comment(number, marker, _shortened(text))


def _shortened(text: str) -> str:
    """As much as every host takes, in whole lines."""
    if len(text) <= _MOST:
        return text
    return text[:_MOST].rpartition("\n")[0] + "\n\n……太长，其余见检查的日志。\n"
