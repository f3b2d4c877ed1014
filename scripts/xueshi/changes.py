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
    by = _asked(standing, by, reason)
    path = _path(history, record)
    _not_waiting(repo, tip, [path])
    then = repo.blobs([f"{to}:{path}"])
    if not then:
        raise UsageError(f"{to[:10]} 里没有记录 {record}；xueshi history {record} 会列出它的各个版本")
    earlier = parse_file(path, next(iter(then.values()))).value
    if not isinstance(earlier, Study):
        raise UsageError(f"记录 {record} 在 {to[:10]} 的样子读不出来，请换一个版本")
    now = standing.studies.get(path)
    if now is not None and replace(now, change=None) == replace(earlier, change=None):
        words = f"记录 {record} 现在和 {to[:10]} 时一样，不用恢复"
        raise UsageError(f"{words}；要确认现在的样子，用 xueshi confirm-record {record}")
    if now is not None and (now.member, now.submitted) != (earlier.member, earlier.submitted):
        words = f"记录 {record} 在 {to[:10]} 时的党员或登记信息不同，这些不能改"
        raise UsageError(f"{words}；请作废这一条，重新登记")
    restored = replace(earlier, change=Change("restore", by, at, reason))
    return _propose(repo, tip, {path: study_file(restored)}, "restore", [record], by, at)


def void(repo: Repository, tip: str, record: str, *, by: str, reason: str, at: datetime) -> str:
    """Propose that the record stays and counts nothing; the ref."""
    (study,), _, by = _standing(repo, tip, [record], by, reason)
    if study.void is not None:
        raise UsageError(f"记录 {record} 已经作废")
    voided = replace(study, void=Void(by, at, reason))
    return _propose(repo, tip, {study.path: study_file(voided)}, "void", [record], by, at)


def confirm(repo: Repository, tip: str, wanted: Iterable[str], *, by: str, reason: str, at: datetime) -> str:
    """Propose records of one branch as they stand, so that a reviewer approves what nobody validly did; the ref."""
    ids = list(dict.fromkeys(wanted))
    studies, history, by = _standing(repo, tip, ids, by, reason)
    if len({study.branch for study in studies}) > 1:
        raise UsageError("这些记录属于几个支部，请一次只确认一个支部的")
    approved = history.approvals()
    for study in studies:
        if study.path in approved:
            raise UsageError(f"记录 {study.id} 已经有效，不用确认，请去掉它")
    files = {s.path: study_file(replace(s, change=Change("confirm", by, at, reason))) for s in studies}
    return _propose(repo, tip, files, "confirm", ids, by, at)


def _standing(
    repo: Repository, tip: str, ids: list[str], by: str, reason: str
) -> tuple[list[Study], History, str]:
    """The records as they are on main, with nothing open on them, its history, and the id of who asks."""
    standing, history = records.load_approved(repo, tip)
    by = _asked(standing, by, reason)
    paths = [_path(history, record) for record in ids]
    _not_waiting(repo, tip, paths)
    missing = [path for path in paths if path not in standing.studies]
    if missing:
        raise UsageError(f"{missing[0]} 已被删除或读不出来，请先恢复：xueshi restore-record")
    return [standing.studies[path] for path in paths], history, by


def found_member(standing: RecordSet, given: str, option: str) -> str:
    """The id of a member given by id, or by a name that only one has. UsageError says why not."""
    people = standing.people()
    if given in people:
        return given
    found = [person.id for person in people.values() if person.name == given]
    if not found:
        raise UsageError(f"名册上没有 {given!r}；请在 {option} 后面写名册里的编号（如 m0001）或姓名")
    if len(found) > 1:
        raise UsageError(
            f"名册上有 {len(found)} 个“{given}”，请写编号（{'、'.join(found)}）：{option} {found[0]}"
        )
    return found[0]


def _asked(standing: RecordSet, by: str, reason: str) -> str:
    """The id of whoever asks, for a reason that can be kept."""
    member = found_member(standing, by, "--by")
    if not reason.strip() or len(reason) > _REASON:
        raise UsageError(f"请用 --reason 写明原因，1 到 {_REASON} 个字")
    return member


def _path(history: History, record: str) -> str:
    path = records.used_ids(history).get(record)
    if path is None:
        raise UsageError(f"没有记录 {record!r}；xueshi totals --member 编号 会列出一个人的记录")
    return path


def _not_waiting(repo: Repository, tip: str, paths: Iterable[str]) -> None:
    asked = set(paths)
    for proposal in records.load_proposals(repo, tip):
        for path in sorted(asked & repo.changed(proposal.base, proposal.head).keys()):
            raise UsageError(
                f"{proposal.ref} 正在改 {path}，请等审核人处理以后再提{_unpushed(repo, proposal.ref)}"
            )


def _unpushed(repo: Repository, ref: str) -> str:
    """What to do about a proposal that only this copy of the repository has; nothing where others see it."""
    seen = any(name.endswith(f"/{ref}") for name in repo.refs("refs/remotes"))
    if seen or not repo.run("remote").strip():
        return ""
    return f"；它还没推送（git push origin {ref}），不要了就运行 git branch -D {ref}"


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
                raise UsageError(f"写出来的内容读不回去，所以什么也没有写：{fault}")
    sha = repo.commits([NewCommit((tip,), dict(files), message, BRIDGE, at)])[0]
    ref = f"refs/heads/sub/{submission}"
    repo.update_refs([RefUpdate(ref, sha, None)])
    return ref.removeprefix("refs/heads/")


def propose_files(repo: Repository, tip: str, *, by: str, at: datetime) -> str:
    """Propose what the work tree has changed under records/, for the committee to decide; the ref."""
    standing, _ = records.load_approved(repo, tip)
    by = _asked(standing, by, "-")
    brought = records.proposed_files(repo, tip, None)
    if not brought:
        raise UsageError("records/ 下面和 main 没有不同；请先改好文件并保存")
    files = _substance(repo, tip, brought)
    if not files:
        raise UsageError(f"没有实质改动：{'、'.join(sorted(brought))} 只有空格、空行或换行符和 main 不同")
    parted, now = (repo.tree(rev, "records") for rev in (repo.merge_base(tip, "HEAD") or tip, tip))
    moved = sorted(path for path in files if parted.get(path) != now.get(path))
    if moved:
        raise UsageError(f"您取得这份副本以后，main 已经改过 {moved[0]}；请先 git pull，再改一次")
    _not_proposed(repo, tip, files)
    submission = ulids.new(at)
    message = f"Change {len(files)} file{'s' if len(files) > 1 else ''} under records\n\nSubmission-Id: {submission}\nSubmitted-By: {by}\n"
    return _commit(repo, tip, files, message, submission, at)


def _substance(repo: Repository, tip: str, files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The files as they are kept, with line feeds alone, without those that differ from main only in blanks."""
    found: dict[str, bytes | None] = {}
    for path, data in files.items():
        kept = data if data is None or kind_of(path) not in _BY_HAND else data.replace(b"\r\n", b"\n")
        standing = next(iter(repo.blobs([f"{tip}:{path}"]).values()), None)
        if kept is None or standing is None or _words(kept) != _words(standing):
            found[path] = kept
    return found


_BY_HAND = ("policy", "organisation", "roster")


def _words(data: bytes) -> list[bytes]:
    """The lines that say something, without blanks at their ends."""
    return [line.rstrip() for line in data.splitlines() if line.strip()]


def _not_proposed(repo: Repository, tip: str, files: Mapping[str, bytes | None]) -> None:
    for proposal in records.load_proposals(repo, tip):
        changed = repo.changed(proposal.base, proposal.head)
        contents = repo.blobs(blob for blob in changed.values() if blob)
        if {path: contents[blob] if blob else None for path, blob in changed.items()} == files:
            raise UsageError(f"和 {proposal.ref} 内容相同，没有再提{_unpushed(repo, proposal.ref)}")


# --- closing a year


def close(repo: Repository, tip: str, year: int, *, by: str, at: datetime, even_so: bool) -> str:
    """Propose the manifest of a year that is over; the ref. Errors in its records stop it; what is not decided yet
    too, unless `even_so`."""
    standing, history = records.load_approved(repo, tip)
    by = _asked(standing, by, "-")
    today = at.astimezone(SHANGHAI).date()
    if year >= today.year:
        raise UsageError(f"{year} 年还没有过完，过完以后才能结账")
    if year in standing.closings:
        raise UsageError(f"{year} 年已经结账；要更正某个人的，用 --adjust 编号 为他重新打开")
    if POLICY not in standing.blobs:
        raise UsageError(f"{POLICY} 没有一个版本经过审核，算不出学时；请先让党委审核通过一次")
    _not_waiting(repo, tip, [closing_path(year)])
    wrong = list(_errors(standing, year, today))
    if wrong:
        raise UsageError(_listing(f"{year} 年有出错的记录，请先改正", wrong))
    left = [*_undecided(repo, standing, history, tip, year), *_deleted(repo, standing, history, year)]
    if left and not even_so:
        words = f"{year} 年还有没办完的事，请先办完；确实要现在结账，加 --even-so"
        raise UsageError(_listing(words, left))
    figures = total(standing, standing.policy, history.approvals(), date(year, 12, 31))
    return _close(repo, tip, year, manifest(standing, history, figures, year, by, at), by, at)


def _listing(words: str, lines: Iterable[str]) -> str:
    return "\n  ".join((f"{words}：", *lines))


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
        yield f"{path}：没有经过审核"
    for proposal in records.load_proposals(repo, tip):
        brought = {study.path for study in of_year(proposal.studies, year)}
        for path in sorted(brought | paths & repo.changed(proposal.base, proposal.head).keys()):
            yield f"{path}：{proposal.ref} 还没有审核"


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
    by, member = _asked(standing, by, reason), found_member(standing, member, "--adjust")
    closing = standing.closings.get(year)
    if closing is None:
        raise UsageError(f"{year} 年没有结账，它的记录可以照常更正")
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
        raise UsageError(f"--until {until} 不晚于今天；请写重新关上的那一天")
    last = until - timedelta(1) if until else date.max
    if closing.adjusts(member, today) and closing.adjusts(member, last):
        raise UsageError(f"{closing.year} 年已经为 {member} 重新打开，现在就可以更正")


def _close(repo: Repository, tip: str, year: int, data: Mapping[str, Any], by: str, at: datetime) -> str:
    submission = ulids.new(at)
    files = {closing_path(year): render("closing", data)}
    return _commit(repo, tip, files, closing_message(year, submission, by), submission, at)
