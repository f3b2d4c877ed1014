"""Commands that propose a change: propose, restore-record, void-record, confirm-record, close."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import click

from xueshi import changes, checks, policy, records, words
from xueshi.checks.proposal import Proposed
from xueshi.cli.common import Day, as_of, open_repository, proposed, repo_option, revision, told
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import SHANGHAI, Problem, Severity
from xueshi.records.source import POLICY
from xueshi.totals import total
from xueshi.totals.closing import differences

_main = click.option(
    "--rev", default="main", show_default=True, help="The ref that the change is proposed to."
)
_by = click.option("--by", required=True, help="Who asks for it: a member's id, or a name that only one has.")
_reason = click.option(
    "--reason", required=True, help="Why, in a sentence; everybody who reads the record sees it."
)


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _now() -> datetime:
    return datetime.now(SHANGHAI).replace(microsecond=0)


def _told(repo: Repository, ref: str) -> None:
    """The ref on stdout; on stderr what is left to do: in a copy of another repository, to push it there."""
    click.echo(ref)
    remotes = repo.run("remote").decode().split()
    if remotes:
        origin = "origin" if "origin" in remotes else remotes[0]
        click.echo(f"提案已写好，还在本机；推送后由审核人合并：git push {origin} {ref}", err=True)
    else:
        click.echo("提案已写好，等审核人合并", err=True)


@click.command("restore-record")
@repo_option
@_main
@_by
@_reason
@click.option(
    "--to",
    required=True,
    help="Where the record is as it should be: a revision, or a day (as main was at its end).",
)
@click.argument("record")
@told
def restore_command(folder: Path, rev: str, by: str, reason: str, to: str, record: str) -> None:
    """Propose RECORD (its id) as it was at an earlier revision, also one that was deleted or voided since."""
    repo = open_repository(folder)
    tip = revision(repo, rev)
    then = as_of(repo, tip, Day().convert(to, None, None)) if _DAY.fullmatch(to) else revision(repo, to)
    _told(repo, changes.restore(repo, tip, record.upper(), to=then, by=by, reason=reason, at=_now()))


@click.command("void-record")
@repo_option
@_main
@_by
@_reason
@click.argument("record")
@told
def void_command(folder: Path, rev: str, by: str, reason: str, record: str) -> None:
    """Propose that RECORD (its id) stays and counts nothing."""
    repo = open_repository(folder)
    _told(repo, changes.void(repo, revision(repo, rev), record.upper(), by=by, reason=reason, at=_now()))


@click.command("confirm-record")
@repo_option
@_main
@_by
@_reason
@click.argument("record", nargs=-1, required=True)
@told
def confirm_command(folder: Path, rev: str, by: str, reason: str, record: tuple[str, ...]) -> None:
    """Propose RECORDs of one branch as they stand: the cure for what came to main without a valid approval."""
    repo = open_repository(folder)
    ids = [one.upper() for one in record]
    _told(repo, changes.confirm(repo, revision(repo, rev), ids, by=by, reason=reason, at=_now()))


@click.command("propose")
@repo_option
@_main
@_by
@click.option("--even-so", is_flag=True, help="Propose although a rule is in force on no day for a while.")
@told
def propose_command(folder: Path, rev: str, by: str, even_so: bool) -> None:
    """Propose what this work tree has changed under records/: policy, rosters, organisation. Checks it first."""
    repo = open_repository(folder)
    tip = revision(repo, rev)
    change, history = proposed(repo, tip, None)
    notices = _notices(repo, change)
    errors = _errors(notices) or _errors(checks.check_change(change))
    if errors:
        click.echo("\n".join(words.visible(str(problem)) for problem in errors))
        click.echo(f"{len(errors)} 个错误，没有提交；改好后再运行一次", err=True)
        sys.exit(1)
    for notice in notices:
        click.echo(words.visible(str(notice)), err=True)
    if not even_so and policy.gaps(change.base, notices, change.today):
        click.echo("中间有日子没有这条规则，没有提交；请按上面的提示接上，确实要空开的加 --even-so", err=True)
        sys.exit(1)
    person = change.base.people()[changes.found_member(change.base, by, "--by")]
    _told(repo, changes.propose_files(repo, tip, by=person.id, at=_now()))
    click.echo(
        f"提案人：{words.one_line(person.name)}（{person.id}）；改动：{'、'.join(sorted(change.changed))}",
        err=True,
    )
    if POLICY in change.changed:
        found = policy.trial(change.base, change.head.policy, history.approvals(), change.today)
        click.echo(f"{policy.trial_summary(found)}（xueshi policy try {POLICY} 列出是谁）", err=True)


def _notices(repo: Repository, change: Proposed) -> tuple[Problem, ...]:
    """What is to be said of a changed policy; nothing where another file is changed, or this one removed."""
    if POLICY not in change.changed or POLICY not in change.head.blobs:
        return ()
    return policy.notices(change.base, change.head, (repo.path / POLICY).read_bytes(), change.today)


def _errors(found: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.severity is Severity.ERROR]


@click.command("close")
@repo_option
@_main
@click.option("--by", default=None, help="Who closes it: a member's id, or a name that only one has.")
@click.option("--even-so", is_flag=True, help="Close although something is open.")
@click.option("--adjust", "member", default=None, help="Open the closed year again for this member (its id).")
@click.option("--reason", default=None, help="Why it is opened again.")
@click.option(
    "--until", type=Day(), default=None, help="The first day on which it is closed again (default: open)."
)
@click.option("--verify", is_flag=True, help="Compare the closed figures with what would be counted today.")
@click.argument("year", type=click.IntRange(2000, 2999))
@told
def close_command(
    folder: Path,
    rev: str,
    by: str | None,
    even_so: bool,
    member: str | None,
    reason: str | None,
    until: date | None,
    verify: bool,
    year: int,
) -> None:
    """Propose the manifest of YEAR: every record's hash, every member's figures. From then on the year stays."""
    repo = open_repository(folder)
    tip = revision(repo, rev)
    if verify:
        _verify(repo, tip, year)
        return
    if by is None:
        raise UsageError("请用 --by 写明由谁结账（党员编号或姓名）")
    if member is None and (reason or until):
        raise UsageError("--reason 和 --until 说的是为什么、到哪天为止重新打开：请再写 --adjust 编号")
    if member is None:
        _told(repo, changes.close(repo, tip, year, by=by, at=_now(), even_so=even_so))
    else:
        given = reason or ""
        _told(repo, changes.adjust(repo, tip, year, member, by=by, reason=given, at=_now(), until=until))


def _verify(repo: Repository, tip: str, year: int) -> None:
    standing, history = records.load_approved(repo, tip)
    closing = standing.closings.get(year)
    if closing is None:
        raise UsageError(f"{year} 年没有结账")
    figures = total(standing, standing.policy, history.approvals(), date(year, 12, 31))
    found = differences(closing, figures)
    people = standing.people()
    for member, differs, adjusted in found:
        name = people[member].name if member in people else member
        click.echo(f"{name}（{member}）：{differs}{'（已登记调整）' if adjusted else ''}")
    wrong = [member for member, _, adjusted in found if not adjusted]
    click.echo(
        f"{len(closing.totals)} 人，{len(found)} 人与结账时不同，其中 {len(found) - len(wrong)} 人已登记调整",
        err=True,
    )
    sys.exit(1 if wrong else 0)
