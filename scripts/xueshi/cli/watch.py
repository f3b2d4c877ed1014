"""Commands that watch: checkup, alerts, notify."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from xueshi import alerts, checkup, digest, records, totals, words
from xueshi.alerts import Alert
from xueshi.cli.common import Day, open_repository, repo_option, rev_option, revision, today, told
from xueshi.errors import UsageError
from xueshi.git import END, Repository
from xueshi.model import RecordSet
from xueshi.notify import CHANNELS, Channel, NotSent
from xueshi.notify.sent import Sent
from xueshi.words import plain

_ENV = "XUESHI_NOTIFY_URL"
_HONEST = {"GIT_NO_REPLACE_OBJECTS": "1"}  # commits as they are, as the history is read
on_option = click.option("--on", type=Day(), default=None, help="The day to judge on (default: today).")
since_option = click.option(
    "--since", default=None, help="Tell what main became after this commit (default: since the year began)."
)
form_option = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to print."
)


@click.command("checkup")
@repo_option
@rev_option
@click.option("--branch", "unit", default=None, help="Only this branch or committee (its id).")
@on_option
@form_option
@told
def checkup_command(folder: Path, rev: str, unit: str | None, on: date | None, form: str) -> None:
    """Print how every branch and committee stands against the norms; exit 1 when one is short or overdue."""
    repo, day = open_repository(folder), on or today()
    sha = revision(repo, rev)
    approved, history = records.load_approved(repo, sha)
    known = [one.id for one in approved.organisation.units]
    if unit is not None and unit not in known:
        raise UsageError(f"没有支部或党委 {unit!r}；现有：{'、'.join(known)}")
    figures = totals.total(approved, approved.policy, history.approvals(), day)
    every = checkup.checkup(approved, approved.policy, figures, day)
    found = [finding for finding in every if unit in (None, finding.unit)]
    if form == "json":
        head = {"commit": sha, "on": day.isoformat()}
        told = {**head, "findings": [asdict(finding) for finding in found]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join([f"截至 {day}（提交 {sha[:7]}）", *(_finding_line(f) for f in found)]))
    sys.exit(1 if any(finding.asks for finding in found) else 0)


def _finding_line(f: checkup.Finding) -> str:
    details = f"（{'；'.join(f.details)}）" if f.details else ""
    return f"{words.VERDICT[f.verdict]}  {f.unit}  {f.label}：{f.value}，{f.required}{details}  [{f.norm}] {f.source}"


@click.command("alerts")
@repo_option
@rev_option
@since_option
@on_option
@form_option
@told
def alerts_command(folder: Path, rev: str, since: str | None, on: date | None, form: str) -> None:
    """Print thresholds that members crossed for the first time, who is behind, and what waits too long."""
    repo, day = open_repository(folder), on or today()
    watch = _watch(repo, rev, since, day)
    if form == "json":
        head = {"commit": watch.commit, "since": watch.since, "on": day.isoformat()}
        told = {**head, "alerts": [_alert_data(alert) for alert in watch.news]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        title = f"截至 {day}（提交 {watch.commit[:7]}）：{len(watch.news)} 条"
        click.echo(
            "\n".join(
                [title, *(words.visible(_alert_line(watch.records, alert, day)) for alert in watch.news)]
            )
        )


def _alert_data(alert: Alert) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(alert).items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return plain(value) if isinstance(value, Decimal) else value


def _alert_line(approved: RecordSet, alert: Alert, day: date) -> str:
    level, end = words.LEVEL[alert.level], f"[{alert.id}]"
    if alert.level == alerts.WAITING:
        return f"{alert.on}  {alert.branch}  {level} {alert.days} 天  {end}"
    people = approved.people()
    name = people[alert.member].name if alert.member in people else alert.member
    label = digest.label_of(approved.policy, alert, day).strip()
    figures = f"{_plain(alert.counted)} / {_plain(alert.target)}"
    return f"{alert.on}  {alert.branch}  {name}  {label}  {level}  {figures}  {end}"


@click.command("notify")
@repo_option
@rev_option
@click.option(
    "--since",
    default=None,
    help="Tell what main became after this commit (default: where the last run ended, else since the year began).",
)
@on_option
@click.option("--channel", type=click.Choice(list(CHANNELS)), required=True, help="How to send.")
@click.option(
    "--to",
    default=None,
    help=f"The robot's url (wecom; better in the environment: {_ENV}), or the file to write to (dry-run).",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file that remembers what was sent; one for each group.",
)
@click.option("--site-url", default="", help="The site's address, for the link in each message.")
@click.option("--names", is_flag=True, help="Name the members; without it there are counts only.")
@told
def notify_command(
    folder: Path,
    rev: str,
    since: str | None,
    on: date | None,
    channel: str,
    to: str | None,
    state: Path,
    site_url: str,
    names: bool,
) -> None:
    """Send every branch's news once, a message a branch. What cannot be sent is told on stderr and exits 0."""
    repo = open_repository(folder)
    setting = digest.Setting(on or today(), site_url, names)
    opened = _channel(channel, to)
    with Sent(state) as sent:
        watch = _watch(repo, rev, since or sent.since, setting.on)
        fresh = set(sent.fresh(alert.id for alert in watch.news))
        news = [alert for alert in watch.news if alert.id in fresh]
        outcomes = [
            _send(message, opened, sent)
            for message in digest.messages(watch.records, news, watch.waits, setting)
        ]
        if all(outcomes):
            sent.reached(watch.commit)
    click.echo(f"{len(outcomes)} 条通知", err=True)


def _channel(name: str, to: str | None) -> Channel:
    """The channel, opened. The robot's url is a secret and never repeated; that it is no file is seen to."""
    to = to or (os.environ.get(_ENV) if name == "wecom" else None)
    if not to:
        cure = (
            f"give the robot's url with --to or in {_ENV}" if name == "wecom" else "give the file with --to"
        )
        raise UsageError(f"{name}: nowhere to send to; {cure}")
    if name == "dry-run" and "://" in to:
        raise UsageError("dry-run: --to is a web address; give a file, or use --channel wecom")
    return CHANNELS[name](to)


def _send(message: digest.Message, channel: Channel, sent: Sent) -> bool:
    """Whether the message need not be tried again: it went out, or nobody knows."""
    sent.begin(message.alerts)
    try:
        channel.send(message.text)
    except NotSent as error:
        click.echo(f"xueshi: {message.branch}: not sent: {error}", err=True)
        if error.certain:
            sent.failed(message.alerts)
        return not error.certain
    sent.done(message.alerts)
    return True


# --- what both tell


@dataclass(frozen=True, slots=True)
class _Watch:
    """News of a revision since another, and all that waits."""

    records: RecordSet
    commit: str
    since: str | None
    news: tuple[Alert, ...]
    waits: tuple[Alert, ...]


def _watch(repo: Repository, rev: str, since: str | None, on: date) -> _Watch:
    sha = revision(repo, rev)
    start = _resolved(repo, since) if since else records.commit_at(repo, sha, date(on.year - 1, 12, 31))
    step = _step(repo, sha, start) if start else -1
    approved, history = records.load_approved(repo, sha)
    policy = approved.policy
    versions = records.versions(repo, history, alerts.touched(history, since=step))
    figures = totals.total(approved, policy, history.approvals(), on)
    waits = tuple(alerts.waiting(approved, records.load_proposals(repo, sha), on))
    crossed = alerts.crossings(approved, policy, history, versions, since=step)
    news = (*crossed, *alerts.behind(policy, figures), *alerts.late(policy, waits))
    return _Watch(approved, sha, start, news, waits)


def _resolved(repo: Repository, since: str) -> str:
    sha = repo.resolve(since)
    if sha is None:
        raise UsageError(f"{repo.path} 里没有版本 {since!r}；请用 --since 写 main 上的一个提交")
    return sha


def _step(repo: Repository, rev: str, since: str) -> int:
    """The place of a commit on the first-parent line that ends in `rev`, the oldest being 0."""
    ask = ("rev-list", "--first-parent", "--reverse", END, rev, "--")
    line = repo.run(*ask, env=_HONEST).decode().split()
    if since not in line:
        raise UsageError(
            f"{since[:12]} 不在 main 的合并线上（到 {rev[:12]} 为止）；"
            "请用 --since 写 main 上的一个提交（git log --first-parent 会列出来）"
        )
    return line.index(since)
