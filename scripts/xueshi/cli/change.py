"""Commands that propose a change: propose, restore-record, void-record, confirm-record, close."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path

import click

from xueshi import changes, checks, records, words
from xueshi.cli.common import Day, open_repository, proposed, repo_option, revision, told
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import SHANGHAI, Severity
from xueshi.totals import total
from xueshi.totals.closing import differences

_main = click.option(
    "--rev", default="main", show_default=True, help="The ref that the change is proposed to."
)
_by = click.option("--by", required=True, help="Member id of whoever asks for it.")
_reason = click.option(
    "--reason", required=True, help="Why, in a sentence; everybody who reads the record sees it."
)


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
@click.option("--to", required=True, help="The revision that has the record as it should be.")
@click.argument("record")
@told
def restore_command(folder: Path, rev: str, by: str, reason: str, to: str, record: str) -> None:
    """Propose RECORD (its id) as it was at an earlier revision, also one that was deleted or voided since."""
    repo = open_repository(folder)
    tip, then = revision(repo, rev), revision(repo, to)
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
@told
def propose_command(folder: Path, rev: str, by: str) -> None:
    """Propose what this work tree has changed under records/: policy, rosters, organisation. Checks it first."""
    repo = open_repository(folder)
    tip = revision(repo, rev)
    change, _ = proposed(repo, tip, None)
    errors = [p for p in checks.check_change(change) if p.severity is Severity.ERROR]
    if errors:
        click.echo("\n".join(str(problem) for problem in errors))
        click.echo(f"{len(errors)} 个错误，没有提交；改好后再运行一次", err=True)
        sys.exit(1)
    person = change.base.people().get(by)
    _told(repo, changes.propose_files(repo, tip, by=by, at=_now()))
    name = words.one_line(person.name) if person else by
    click.echo(f"提案人：{name}（{by}）；改动：{'、'.join(sorted(change.changed))}", err=True)


@click.command("close")
@repo_option
@_main
@click.option("--by", default=None, help="Member id of whoever closes it.")
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
        raise UsageError("say who closes the year with --by MEMBER")
    if member is None and (reason or until):
        raise UsageError(
            "--reason and --until say why and how long the year is open again: add --adjust MEMBER"
        )
    if member is None:
        _told(repo, changes.close(repo, tip, year, by=by, at=_now(), even_so=even_so))
    else:
        given = reason or ""
        _told(repo, changes.adjust(repo, tip, year, member, by=by, reason=given, at=_now(), until=until))


def _verify(repo: Repository, tip: str, year: int) -> None:
    standing, history = records.load_approved(repo, tip)
    closing = standing.closings.get(year)
    if closing is None:
        raise UsageError(f"{year} is not closed")
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
