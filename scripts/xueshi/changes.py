"""Changes to records, and the closing of a year, proposed from the command line: each is a commit on a fresh
`sub/<ULID>` ref, to be reviewed like any other. Nothing else in the repository moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from xueshi import records, ulids
from xueshi.checks import check, removed
from xueshi.checks.closing import closing_path
from xueshi.errors import UsageError
from xueshi.git import BRIDGE, NewCommit, RefUpdate, Repository
from xueshi.model import SHANGHAI, Change, Closing, History, RecordSet, Severity, Study, Void, years
from xueshi.proposals import changes_message, closing_message
from xueshi.records import kind_of, parse_file, render, study_file
from xueshi.records.source import POLICY, plain_values
from xueshi.totals import total
from xueshi.totals.closing import manifest, of_year

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
        words = f"record {record} is the same now as at {to[:10]}; nothing to restore"
        raise UsageError(f"{words} (xueshi confirm-record approves what stands)")
    if now is not None and (now.member, now.submitted) != (earlier.member, earlier.submitted):
        words = f"record {record} had another member or submission at {to[:10]}, and these never change"
        raise UsageError(f"{words}; void it and register again")
    restored = replace(earlier, change=Change("restore", by, at, reason))
    return _propose(repo, tip, {path: study_file(restored)}, "restore", [record], by, at)


def void(repo: Repository, tip: str, record: str, *, by: str, reason: str, at: datetime) -> str:
    """Propose that the record stays and counts nothing; the ref."""
    (study,), _ = _standing(repo, tip, [record], by, reason)
    if study.void is not None:
        raise UsageError(f"record {record} is void already")
    voided = replace(study, void=Void(by, at, reason))
    return _propose(repo, tip, {study.path: study_file(voided)}, "void", [record], by, at)


def confirm(repo: Repository, tip: str, wanted: Iterable[str], *, by: str, reason: str, at: datetime) -> str:
    """Propose records of one branch as they stand, so that a reviewer approves what nobody validly did; the ref."""
    ids = list(dict.fromkeys(wanted))
    studies, history = _standing(repo, tip, ids, by, reason)
    if len({study.branch for study in studies}) > 1:
        raise UsageError("these records are of several branches; confirm those of one branch at a time")
    approved = history.approvals()
    for study in studies:
        if study.path in approved:
            raise UsageError(f"record {study.id} is approved as it stands; leave it out")
    files = {s.path: study_file(replace(s, change=Change("confirm", by, at, reason))) for s in studies}
    return _propose(repo, tip, files, "confirm", ids, by, at)


def _standing(
    repo: Repository, tip: str, ids: list[str], by: str, reason: str
) -> tuple[list[Study], History]:
    """The records as they are on main, with nothing open on them, and its history."""
    standing, history = records.load_approved(repo, tip)
    _asked(standing, by, reason)
    paths = [_path(history, record) for record in ids]
    _not_waiting(repo, tip, paths)
    missing = [path for path in paths if path not in standing.studies]
    if missing:
        raise UsageError(f"{missing[0]} is gone or cannot be read; restore it first: xueshi restore-record")
    return [standing.studies[path] for path in paths], history


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
    asked = set(paths)
    for proposal in records.load_proposals(repo, tip):
        for path in sorted(asked & repo.changed(proposal.base, proposal.head).keys()):
            raise UsageError(f"{proposal.ref} is open on {path}; let it be decided first")


def _propose(
    repo: Repository, tip: str, files: Mapping[str, bytes], action: str, ids: list[str], by: str, at: datetime
) -> str:
    submission = ulids.new(at)
    return _commit(repo, tip, files, changes_message(action, submission, ids, by), submission, at)


def _commit(
    repo: Repository, tip: str, files: Mapping[str, bytes | None], message: str, submission: str, at: datetime
) -> str:
    for path, data in files.items():
        for fault in parse_file(path, data).problems if data is not None else ():
            if fault.severity is Severity.ERROR:
                raise UsageError(f"what this writes could not be read again, so nothing was written: {fault}")
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
    parted, now = (repo.tree(rev, "records") for rev in (repo.merge_base(tip, "HEAD") or tip, tip))
    moved = sorted(path for path in files if parted.get(path) != now.get(path))
    if moved:
        raise UsageError(f"main has changed {moved[0]} since this work tree was taken; pull, then edit again")
    submission = ulids.new(at)
    message = f"Change {len(files)} file{'s' if len(files) > 1 else ''} under records\n\nSubmission-Id: {submission}\nSubmitted-By: {by}\n"
    return _commit(repo, tip, files, message, submission, at)


# --- closing a year


def close(repo: Repository, tip: str, year: int, *, by: str, at: datetime, even_so: bool) -> str:
    """Propose the manifest of a year that is over; the ref. Errors in its records stop it; what is not decided yet
    too, unless `even_so`."""
    standing, history = records.load_approved(repo, tip)
    _asked(standing, by, "-")
    today = at.astimezone(SHANGHAI).date()
    if year >= today.year:
        raise UsageError(f"{year} is not over; only a year that has ended can be closed")
    if year in standing.closings:
        raise UsageError(f"{year} is closed already; open it again for one member with --adjust MEMBER")
    if POLICY not in standing.blobs:
        raise UsageError(f"no version of {POLICY} is approved, so nothing can be counted; have one approved")
    _not_waiting(repo, tip, [closing_path(year)])
    wrong = list(_errors(standing, year, today))
    if wrong:
        raise UsageError(_listing(f"{year} has records with errors; correct them first", wrong))
    left = [*_undecided(repo, standing, history, tip, year), *_deleted(repo, standing, history, year)]
    if left and not even_so:
        words = f"{year} has open ends; settle them, or close all the same with --even-so"
        raise UsageError(_listing(words, left))
    figures = total(standing, standing.policy, history.approvals(), date(year, 12, 31))
    return _close(repo, tip, year, manifest(standing, history, figures, year, by, at), by, at)


def _listing(words: str, lines: Iterable[str]) -> str:
    return "\n  ".join((f"{words}:", *lines))


def _errors(standing: RecordSet, year: int, today: date) -> Iterator[str]:
    """What the check finds wrong in the year's records, and in files that may be of the year but cannot be read."""
    paths = {study.path for study in of_year(standing.studies.values(), year)}
    for problem in check(standing, today):
        path = problem.path
        # A record is written in the year of its study or later.
        unread = kind_of(path) == "study" and path not in standing.studies and int(path.split("/")[2]) >= year
        if problem.severity is Severity.ERROR and (path in paths or (unread and path in standing.blobs)):
            yield str(problem)


def _undecided(repo: Repository, standing: RecordSet, history: History, tip: str, year: int) -> Iterator[str]:
    """The year's records that nobody validly approved, and open proposals that would add to them or change them."""
    paths = {study.path for study in of_year(standing.studies.values(), year)}
    for path in sorted(paths - history.approvals()):
        yield f"{path}: not approved"
    for proposal in records.load_proposals(repo, tip):
        brought = {study.path for study in of_year(proposal.studies, year)}
        for path in sorted(brought | paths & repo.changed(proposal.base, proposal.head).keys()):
            yield f"{path}: {proposal.ref} waits for a decision"


def _deleted(repo: Repository, standing: RecordSet, history: History, year: int) -> Iterator[str]:
    """Records of the year that main has had and that are gone."""
    gone = {problem.path: str(problem) for problem in removed(standing, history)}
    known = records.versions(repo, history, gone)
    for path, words in gone.items():
        if any(year in years(study) for (of, _), study in known.items() if of == path):
            yield words


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
        raise UsageError(f"no member {member!r} on any roster; give a member's id with --adjust")
    closing = standing.closings.get(year)
    if closing is None:
        raise UsageError(f"{year} is not closed; its records can be corrected as they are")
    today = at.astimezone(SHANGHAI).date()
    _worth_opening(closing, member, today, until)
    path = closing_path(year)
    _not_waiting(repo, tip, [path])
    entry: dict[str, Any] = {"member": member, "from": today.isoformat()}
    entry |= {"until": until.isoformat()} if until else {}
    entry |= {"reason": reason, "by": by, "at": at.isoformat(timespec="seconds")}
    (written,) = repo.blobs([standing.blobs[path]]).values()
    data = plain_values("closing", written)
    return _close(repo, tip, year, {**data, "adjustments": [*data["adjustments"], entry]}, by, at)


def _worth_opening(closing: Closing, member: str, today: date, until: date | None) -> None:
    if until is not None and until <= today:
        raise UsageError(
            f"--until {until} is not after today; give the first day on which it is closed again"
        )
    last = until - timedelta(1) if until else date.max
    if closing.adjusts(member, today) and closing.adjusts(member, last):
        raise UsageError(f"{closing.year} is open for {member} already; its records can be corrected now")


def _close(repo: Repository, tip: str, year: int, data: Mapping[str, Any], by: str, at: datetime) -> str:
    submission = ulids.new(at)
    files = {closing_path(year): render("closing", data)}
    return _commit(repo, tip, files, closing_message(year, submission, by), submission, at)
