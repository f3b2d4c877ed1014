"""Changes to records, and the closing of a year, proposed from the command line: each is a commit on a fresh
`sub/<ULID>` ref, to be reviewed like any other. Nothing else in the repository moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from xueshi import records, ulids
from xueshi.checks import check
from xueshi.checks.closing import closing_path
from xueshi.errors import UsageError
from xueshi.git import BRIDGE, NewCommit, RefUpdate, Repository
from xueshi.model import (
    Change,
    Closing,
    Credit,
    History,
    MemberTotals,
    RecordSet,
    Severity,
    Study,
    Totals,
    Void,
)
from xueshi.proposals import changes_message, closing_message
from xueshi.records import parse_file, render, study_file
from xueshi.totals import total
from xueshi.words import plain

_REASON = 500  # characters, as the schema allows


def restore(repo: Repository, tip: str, record: str, *, to: str, by: str, reason: str, at: datetime) -> str:
    """Propose the record as it was at the revision `to`; the ref. UsageError says why not."""
    standing, history = records.load_approved(repo, tip)
    _asked(standing, by, reason)
    path = _path(history, record)
    _not_waiting(repo, tip, [path])
    then = repo.blobs([f"{to}:{path}"])
    if not then:
        raise UsageError(f"{to[:10]} has no record {record}; `xueshi history {record}` lists its versions")
    earlier = parse_file(path, next(iter(then.values()))).value
    if not isinstance(earlier, Study):
        raise UsageError(f"record {record} cannot be read as it was at {to[:10]}; choose another version")
    now = standing.studies.get(path)
    if now is not None and replace(now, change=None) == replace(earlier, change=None):
        raise UsageError(f"record {record} is the same now as at {to[:10]}; nothing to restore")
    restored = replace(earlier, change=Change("restore", by, at, reason))
    return _propose(repo, tip, {path: study_file(restored)}, "restore", [record], by, at)


def void(repo: Repository, tip: str, record: str, *, by: str, reason: str, at: datetime) -> str:
    """Propose that the record stays and counts nothing; the ref."""
    study = _standing(repo, tip, [record], by, reason)[0]
    if study.void is not None:
        raise UsageError(f"record {record} is void already")
    voided = replace(study, void=Void(by, at, reason))
    return _propose(repo, tip, {study.path: study_file(voided)}, "void", [record], by, at)


def confirm(repo: Repository, tip: str, wanted: Iterable[str], *, by: str, reason: str, at: datetime) -> str:
    """Propose records of one branch as they stand, so that a reviewer approves what nobody validly did; the ref."""
    ids = list(dict.fromkeys(wanted))
    studies = _standing(repo, tip, ids, by, reason)
    if len({study.branch for study in studies}) > 1:
        raise UsageError("these records are of several branches; confirm those of one branch at a time")
    files = {s.path: study_file(replace(s, change=Change("confirm", by, at, reason))) for s in studies}
    return _propose(repo, tip, files, "confirm", ids, by, at)


def _standing(repo: Repository, tip: str, ids: list[str], by: str, reason: str) -> list[Study]:
    """The records as they are on main, with nothing open on them."""
    standing, history = records.load_approved(repo, tip)
    _asked(standing, by, reason)
    paths = [_path(history, record) for record in ids]
    _not_waiting(repo, tip, paths)
    missing = [path for path in paths if path not in standing.studies]
    if missing:
        raise UsageError(f"{missing[0]} is gone or cannot be read; restore it first: xueshi restore-record")
    return [standing.studies[path] for path in paths]


def _asked(standing: RecordSet, by: str, reason: str) -> None:
    if by not in standing.people():
        raise UsageError(f"no member {by!r} on any roster; give the id of whoever asks for this with --by")
    if not reason.strip() or len(reason) > _REASON:
        raise UsageError(f"say why in 1 to {_REASON} characters with --reason")


def _path(history: History, record: str) -> str:
    path = records.used_ids(history).get(record)
    if path is None:
        raise UsageError(f"no record {record!r}; `xueshi totals --member ID` lists a member's records")
    return path


def _not_waiting(repo: Repository, tip: str, paths: Iterable[str]) -> None:
    for proposal in records.load_proposals(repo, tip):
        for study in proposal.studies:
            if study.path in paths:
                raise UsageError(f"{proposal.ref} is open on record {study.id}; let it be decided first")


def _propose(
    repo: Repository, tip: str, files: Mapping[str, bytes], action: str, ids: list[str], by: str, at: datetime
) -> str:
    submission = ulids.new(at)
    return _commit(repo, tip, files, changes_message(action, submission, ids, by), submission, at)


def _commit(
    repo: Repository, tip: str, files: Mapping[str, bytes | None], message: str, submission: str, at: datetime
) -> str:
    sha = repo.commits([NewCommit((tip,), dict(files), message, BRIDGE, at)])[0]
    ref = f"refs/heads/sub/{submission}"
    repo.update_refs([RefUpdate(ref, sha, None)])
    return ref.removeprefix("refs/heads/")


def propose_files(repo: Repository, tip: str, *, by: str, at: datetime) -> str:
    """Propose what the work tree has changed under records/, for the committee to decide; the ref."""
    standing, _ = records.load_approved(repo, tip)
    _asked(standing, by, "-")
    files = records.proposed_files(repo, tip, None)
    if not files:
        raise UsageError("nothing under records/ differs from main; edit a file first")
    submission = ulids.new(at)
    message = f"Change {len(files)} file{'s' if len(files) > 1 else ''} under records\n\nSubmission-Id: {submission}\nSubmitted-By: {by}\n"
    return _commit(repo, tip, files, message, submission, at)


# --- closing a year


def close(repo: Repository, tip: str, year: int, *, by: str, at: datetime, even_so: bool) -> str:
    """Propose the manifest of a year that is over; the ref. What is still open stops it, unless `even_so`."""
    standing, history = records.load_approved(repo, tip)
    _asked(standing, by, "-")
    if year >= at.date().year:
        raise UsageError(f"{year} is not over; only a year that has ended can be closed")
    if year in standing.closings:
        raise UsageError(f"{year} is closed already; open it again for one member with --adjust MEMBER")
    figures = total(standing, standing.policy, history.approvals(), date(year, 12, 31))
    left = list(_open_ends(repo, standing, figures, tip, year, at.date()))
    if left and not even_so:
        raise UsageError(
            f"{year} has open ends; settle them, or close all the same with --even-so:\n" + "\n".join(left)
        )
    data = manifest(standing, history, figures, year, by, at)
    return _close(repo, tip, year, data, by, at)


def _close(repo: Repository, tip: str, year: int, data: Mapping[str, Any], by: str, at: datetime) -> str:
    submission = ulids.new(at)
    files = {closing_path(year): render("closing", data)}
    return _commit(repo, tip, files, closing_message(year, submission, by), submission, at)


def _open_ends(
    repo: Repository, standing: RecordSet, figures: Totals, tip: str, year: int, today: date
) -> Iterator[str]:
    for credit in _of_year(figures, year):
        if credit.state == "unapproved":
            yield f"  {credit.study.path}: not approved"
    for proposal in records.load_proposals(repo, tip):
        for study in proposal.studies:
            if study.start_date.year == year:
                yield f"  {proposal.ref}: waits for a decision ({study.id})"
    paths = {credit.study.path for credit in _of_year(figures, year)}
    for problem in check(standing, today):
        if problem.severity is Severity.ERROR and problem.path in paths:
            yield f"  {problem}"


def manifest(
    standing: RecordSet, history: History, figures: Totals, year: int, by: str, at: datetime
) -> dict[str, Any]:
    """records/closed-<year>.yaml as plain values: every record of the year by its hash, every member's figures."""
    listed: dict[str, dict[str, str]] = {}
    for study in sorted((credit.study for credit in _of_year(figures, year)), key=lambda s: s.path):
        listed.setdefault(study.branch, {})[study.id] = standing.blobs[study.path]
    members = {member: _closed(m, year) for member, m in sorted(figures.members.items())}
    return {
        "schema": "closing/1",
        "year": year,
        "commit": history.tip,
        "policy": standing.blobs["records/policy.yaml"],
        "closed": {"by": by, "at": at.isoformat(timespec="seconds")},
        "records": listed,
        "totals": {member: closed for member, closed in members.items() if closed is not None},
        "adjustments": [],
    }


def _of_year(figures: Totals, year: int) -> list[Credit]:
    """Every record that begins in the year or counts in it."""
    return [
        credit
        for credit in figures.credits()
        if credit.study.start_date.year == year or any(day.year == year for day, _ in credit.parts)
    ]


def _closed(member: MemberTotals, year: int) -> dict[str, Any] | None:
    hours = member.hours(date(year, 1, 1), date(year + 1, 1, 1))
    if not hours and not member.standings:
        return None
    return {
        "hours": plain(hours),
        "requirements": {
            s.requirement.id: {
                "target": plain(s.target),
                "counted": plain(s.counted),
                "standing": str(s.standing),
            }
            for s in member.standings
        },
    }


def adjust(
    repo: Repository,
    tip: str,
    year: int,
    member: str,
    *,
    by: str,
    reason: str,
    at: datetime,
    until: date | None,
) -> str:
    """Propose that one member's records of a closed year may change again from today on; the ref."""
    standing, _ = records.load_approved(repo, tip)
    _asked(standing, by, reason)
    if member not in standing.people():
        raise UsageError(f"no member {member!r} on any roster")
    closing = standing.closings.get(year)
    if closing is None:
        raise UsageError(f"{year} is not closed; its records can be corrected as they are")
    entry: dict[str, Any] = {"member": member, "from": at.date().isoformat()}
    entry |= {"until": until.isoformat()} if until else {}
    entry |= {"reason": reason, "by": by, "at": at.isoformat(timespec="seconds")}
    data = _plain(closing)
    return _close(repo, tip, year, {**data, "adjustments": [*data["adjustments"], entry]}, by, at)


def _plain(closing: Closing) -> dict[str, Any]:
    names = ("target", "counted", "standing")
    return {
        "schema": "closing/1",
        "year": closing.year,
        "commit": closing.commit,
        "policy": closing.policy,
        "closed": {"by": closing.by, "at": closing.at.isoformat(timespec="seconds")},
        "records": {branch: dict(held) for branch, held in closing.records.items()},
        "totals": {
            member: {
                "hours": m.hours,
                "requirements": {i: dict(zip(names, r, strict=True)) for i, r in m.requirements.items()},
            }
            for member, m in closing.totals.items()
        },
        "adjustments": [
            {
                "member": a.member,
                "from": a.start.isoformat(),
                **({"until": a.until.isoformat()} if a.until else {}),
                "reason": a.reason,
                "by": a.by,
                "at": a.at.isoformat(timespec="seconds"),
            }
            for a in closing.adjustments
        ],
    }


def differences(closing: Closing, figures: Totals) -> tuple[tuple[str, str, bool], ...]:
    """Members whose year would be figured otherwise today than it was closed: id, what differs in words, and whether
    the year was opened again for them. `figures` are those of 31 December of the year by today's records and rules."""
    open_to, found = closing.adjusted(), []
    for member in sorted(closing.totals.keys() | figures.members.keys()):
        now = figures.members.get(member)
        fresh = _closed(now, closing.year) if now is not None else None
        then = closing.totals.get(member)
        old = None if then is None else (then.hours, dict(then.requirements))
        new = (
            None
            if fresh is None
            else (fresh["hours"], {i: tuple(r.values()) for i, r in fresh["requirements"].items()})
        )
        if old != new:
            words = f"结账时 {then.hours if then else '没有'} 学时，现在算出 {fresh['hours'] if fresh else '没有'} 学时"
            if then and fresh and then.hours == fresh["hours"]:
                words = "学时相同，要求或结论不同"
            found.append((member, words, member in open_to))
    return tuple(found)
