"""Door: an invented organisation with its history, written as a repository that the embedded host serves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from xueshi import pictures, project, proposals
from xueshi.git import BRIDGE, Identity, NewCommit, RefUpdate, Repository
from xueshi.hosts.base import Pull
from xueshi.hosts.local import LocalHost
from xueshi.model import SHANGHAI, Evidence
from xueshi.records import evidence_path, render, study_file
from xueshi.sample import people as invented
from xueshi.sample.people import COMMITTEE, People
from xueshi.sample.scenes import scene
from xueshi.sample.story import MOVE_BACK, Act, Story, ulid_at
from xueshi.ulids import year_of
from xueshi.words import receipt_code

DESK = Identity("Xueshi desk", "desk@example.invalid")
_SOMEBODY = Identity("Somebody", "somebody@example.invalid")


@dataclass(frozen=True, slots=True)
class Sample:
    """The repository, and ids of people and a branch to try it as."""

    repo: Repository
    member: str
    branch: str
    reviewer: str
    officer: str


@dataclass(slots=True)
class _Draft:
    """Commits to be made in one go; a mark stands for each until they have ids."""

    commits: list[NewCommit]
    tip: str = ""

    def add(self, commit: NewCommit) -> str:
        self.commits.append(commit)
        return f":{len(self.commits)}"


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A pull request whose commits have only marks yet."""

    number: int
    submission: str
    head: str
    act: Act | None
    title: str
    opened_at: datetime
    decided_at: datetime
    decided_by: str


def write(folder: Path, *, members: int, records: int, seed: int, until: date) -> Sample:
    """Write the sample into `folder`; the same arguments give the same commits.

    `members` people, `records` record files on main, all of it before `until` begins (in Shanghai)."""
    rng = Random(f"{seed} {members} {records} {until}")
    who = invented.invent(members, rng)
    end = datetime.combine(until, time(0), SHANGHAI)
    album = _Album()
    acts = Story(who, end, rng, album).acts(records)
    host = LocalHost.create(folder, DESK)
    draft, drawn = _main(who, acts, end, rng)
    used = {e.sha256: year_of(a.study.id) for a in acts for e in a.study.evidence}
    evidence = {
        year: _evidence(draft, album.contents, [s for s, y in used.items() if y == year], end)
        for year in sorted(set(used.values()))
    }
    ids = host.repo.commits(draft.commits)
    host.repo.update_refs(
        [RefUpdate("refs/heads/main", _id(draft.tip, ids), None)]
        + [RefUpdate(f"refs/heads/evidence/{year}", _id(mark, ids), None) for year, mark in evidence.items()]
        + [RefUpdate(f"refs/heads/sub/{d.submission}", _id(d.head, ids), None) for d in drawn if _is_open(d)]
    )
    host.restore([_pull(d, ids) for d in drawn])
    jg1 = who.branches["jg1"]
    return Sample(host.repo, jg1[0], "jg1", who.secretary("jg1"), who.officer)


class _Album(dict[int, Evidence]):
    """Scenes drawn when first asked for; `contents` maps a picture's hash to its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, bytes] = {}

    def __missing__(self, number: int) -> Evidence:
        clean = pictures.clean(scene(number, outdoors=number % 4 == 0))
        self.contents[clean.sha256] = clean.data
        self[number] = Evidence(clean.sha256, clean.source_sha256, len(clean.data), clean.width, clean.height)
        return self[number]


def _main(who: People, acts: list[Act], end: datetime, rng: Random) -> tuple[_Draft, list[_Drawn]]:
    """Main from the root to the end, and every pull request, in the order in which things happened."""
    begin = min(act.sent_at for act in acts) - timedelta(days=20)
    files: dict[str, bytes | None] = {**project.files(), **_committee_files(who)}
    draft = _Draft([])
    draft.tip = draft.add(NewCommit((), files, "Begin\n", BRIDGE, begin))
    drawn: list[_Drawn] = []
    waiting: dict[int, tuple[Act, str]] = {}
    moments: list[tuple[datetime, int, int]] = []
    for number, act in enumerate(acts):
        moments += [(act.sent_at, number, 0), (act.decided_at, number, 1)]
    moments.append((end - timedelta(days=MOVE_BACK), -1, 0))
    for _, number, step in sorted(moments):
        if number < 0:
            drawn.append(_move(draft, who, len(drawn) + 1, end, rng))
        elif acts[number].outcome == "pushed":
            if step:
                act = acts[number]
                message = "Add a record by hand\n"
                draft.tip = draft.add(
                    NewCommit(
                        (draft.tip,),
                        {act.study.path: study_file(act.study)},
                        message,
                        _SOMEBODY,
                        act.decided_at,
                    )
                )
        elif step == 0:
            head = _propose(draft, acts[number], rng, waiting, number)
            drawn.append(_draw(who, acts[number], len(drawn) + 1, waiting[number][1], head))
        else:
            pull = next(d for d in drawn if d.submission == waiting[number][1])
            _decide(draft, pull)
    return draft, drawn


def _propose(draft: _Draft, act: Act, rng: Random, waiting: dict[int, tuple[Act, str]], number: int) -> str:
    submission = act.study.id if act.action == "register" else ulid_at(act.sent_at, rng)
    waiting[number] = (act, submission)
    message = proposals.commit_message(act.action, submission, act.study.id, act.by)
    return draft.add(
        NewCommit((draft.tip,), {act.study.path: study_file(act.study)}, message, BRIDGE, act.sent_at)
    )


def _draw(who: People, act: Act, number: int, submission: str, head: str) -> _Drawn:
    branch = next(plan.name for plan in invented.BRANCHES if plan.id == act.study.branch)
    told = proposals.Told(act.study, submission, receipt_code(submission), who.names[act.study.member])
    title = proposals.pull_title(branch, [told])
    secretary = who.secretary(act.study.branch)
    decider = who.officer if secretary in (act.by, act.study.member) else secretary
    return _Drawn(number, submission, head, act, title, act.sent_at, act.decided_at, decider)


def _decide(draft: _Draft, pull: _Drawn) -> None:
    if pull.act is None or pull.act.outcome not in ("approved", "granted"):
        return
    message = proposals.merge_message(pull.submission, pull.number, pull.decided_by)
    files = {pull.act.merged.path: study_file(pull.act.merged)}
    draft.tip = draft.add(NewCommit((draft.tip, pull.head), files, message, DESK, pull.decided_at))


def _move(draft: _Draft, who: People, number: int, end: datetime, rng: Random) -> _Drawn:
    """One member changes branch: a change of two rosters, sent and merged by the committee's officer."""
    at = end - timedelta(days=MOVE_BACK)
    day = at.date().isoformat()
    plain = invented.rosters(who)
    row = next(r for r in plain["bk1"]["members"] if r["id"] == who.moved)
    row["periods"][-1]["until"] = day
    arrived = {"id": who.moved, "name": who.names[who.moved], "periods": [{"from": day, "status": "full"}]}
    plain["yjs"]["members"].append(arrived)
    files: dict[str, bytes | None] = {
        f"records/{b}/roster.yaml": render("roster", plain[b]) for b in ("bk1", "yjs")
    }
    submission = ulid_at(at, rng)
    message = (
        f"Move {who.moved} from bk1 to yjs\n\nSubmission-Id: {submission}\nSubmitted-By: {who.officer}\n"
    )
    head = draft.add(NewCommit((draft.tip,), files, message, BRIDGE, at))
    merged_at = at + timedelta(hours=1)
    merge = proposals.merge_message(submission, number, who.officer)
    draft.tip = draft.add(NewCommit((draft.tip, head), files, merge, DESK, merged_at))
    return _Drawn(number, submission, head, None, "【待审核】组织关系转接", at, merged_at, who.officer)


def _committee_files(who: People) -> dict[str, bytes]:
    files = {
        "records/policy.yaml": project.policy_file(),
        "records/organisation.yaml": render("organisation", invented.organisation(who, DESK.email)),
    }
    for branch, plain in invented.rosters(who).items():
        files[f"records/{branch}/roster.yaml"] = render("roster", plain)
    return files


def _evidence(draft: _Draft, contents: dict[str, bytes], hashes: list[str], end: datetime) -> str:
    files: dict[str, bytes | None] = {evidence_path(sha): contents[sha] for sha in sorted(hashes)}
    return draft.add(NewCommit((), files, "Keep evidence\n", BRIDGE, end - timedelta(hours=1)))


def _is_open(drawn: _Drawn) -> bool:
    return drawn.act is not None and drawn.act.outcome == "open"


def _pull(drawn: _Drawn, ids: list[str]) -> Pull:
    outcome = drawn.act.outcome if drawn.act else "approved"
    state = {"open": "open", "returned": "closed"}.get(outcome, "merged")
    made: dict[str, Any] = {
        "number": drawn.number,
        "head_ref": f"sub/{drawn.submission}",
        "head": _id(drawn.head, ids),
        "title": drawn.title,
        "body": "",
        "state": state,
        "opened_at": drawn.opened_at.isoformat(timespec="seconds"),
    }
    if state != "open":
        made.update(decided_at=drawn.decided_at.isoformat(timespec="seconds"), decided_by=drawn.decided_by)
    if state == "closed" and drawn.act:
        made["reason"] = drawn.act.reason
    return Pull(**made)


def _id(mark: str, ids: list[str]) -> str:
    return ids[int(mark[1:]) - 1]


__all__ = ["COMMITTEE", "Sample", "write"]
