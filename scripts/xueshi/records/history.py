"""Who submitted, who decided and what main became, read from history alone. The contract's chapter "Approval"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from xueshi.git import Repository
from xueshi.model import (
    Change,
    History,
    Organisation,
    Policy,
    Study,
    Submission,
    Submitted,
    Version,
    Void,
    contains,
)
from xueshi.records.commits import (
    Commit,
    Edit,
    Rests,
    Step,
    commit_at,
    forged_merges,
    is_member,
    read_commits,
    read_line,
    submission,
    submissions,
    taken_in,
    trailers,
)
from xueshi.records.parsing import ORGANISATION, POLICY, kind_of, read_files

__all__ = [
    "Commit",
    "commit_at",
    "deciding_unit",
    "foresee",
    "forged_merges",
    "is_committee_file",
    "may_decide",
    "read_commits",
    "read_history",
    "submission",
    "submissions",
    "taken_in",
    "trailers",
]

_NOBODY = Organisation("", (), (), ())


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a walk takes for granted. `names`: whose addresses and desks are believed (None: those of each first
    parent); `both`: those of the first parent too; `trusted`: commits up to the baseline."""

    names: Organisation | None = None
    both: bool = False
    trusted: frozenset[str] = frozenset()


def read_history(repo: Repository, rev: str) -> History:
    """Every version of every file under `records/`, with the contract's approval. Three passes over git in all. What
    the files hold, or an author wrote, raises nothing."""
    line = read_line(repo, rev)
    files = _Files(repo, line)
    ground, settled = _settle(line, files, both=False)
    if not settled:
        # Somebody replaced the very address that the replacement was merged with: by the new file's addresses it is not
        # approved, by the old one's it is. Then an address is believed also where it was listed at the time.
        ground, _ = _settle(line, files, both=True)
    return _history(line, files, ground)


def foresee(repo: Repository, rev: str, organisation: Organisation, policy: Policy) -> History:
    """The history of `rev` as it will be judged once these are the newest approved files: by the addresses and desks
    of this organisation and the baseline of this policy."""
    line = read_line(repo, rev)
    return _history(line, _Files(repo, line), _Ground(organisation, trusted=_trusted(line, policy)))


def _history(line: list[Step], files: _Files, ground: _Ground) -> History:
    versions, approved = _walk(line, files, ground)
    last = line[-1].commit
    ahead = {step.commit.sha: step.ahead for step in line if step.ahead is not None}
    return History(last.sha, last.at, {p: tuple(found) for p, found in versions.items()}, approved, ahead)


def _settle(line: list[Step], files: _Files, *, both: bool) -> tuple[_Ground, bool]:
    """Names and baseline are those of the newest approved files; naming an address later may cure older decisions, so
    committee files are judged again until the newest stay the same (twice in practice). False when they never do."""
    told = [replace(step, edits=own) for step in line if (own := _committee_edits(step))]
    ground = _Ground(both=both)
    asked: tuple[str | None, str | None] = ("", "")
    seen = {asked}
    while True:
        _, approved = _walk(told, files, ground)
        newest = (approved.get(ORGANISATION), approved.get(POLICY))
        if newest in seen:
            return ground, newest == asked
        seen.add(newest)
        asked = newest
        names, policy = files.organisation(newest[0]), files.policy(newest[1])
        ground = _Ground(names, both, _trusted(line, policy))


def _committee_edits(step: Step) -> tuple[Edit, ...]:
    return tuple(edit for edit in step.edits if is_committee_file(edit.path))


class _Files:
    """Parsed versions of the files that history speaks of, each read once."""

    def __init__(self, repo: Repository, line: list[Step]) -> None:
        # By path and blob: the same bytes may lie at the path of a record and at that of the organisation.
        wanted = (
            (path, blob)
            for step in line
            for path, blob in (*((edit.path, edit.blob) for edit in step.edits), *step.mixed.items())
            if blob is not None and kind_of(path)
        )
        self._values = {pair: parsed.value for pair, parsed in read_files(repo, wanted).items()}

    def organisation(self, blob: str | None) -> Organisation:
        value = self._values.get((ORGANISATION, blob or ""))
        return value if isinstance(value, Organisation) else _NOBODY

    def policy(self, blob: str | None) -> Policy | None:
        value = self._values.get((POLICY, blob or ""))
        return value if isinstance(value, Policy) else None

    def study(self, path: str, blob: str | None) -> Study | None:
        """A version of a record; None for other files and where it cannot be read."""
        value = self._values.get((path, blob or ""))
        return value if isinstance(value, Study) else None

    def sound(self, edit: Edit) -> bool:
        """Whether the version can be used. Of records the reading itself judges; of files unknown here, nobody."""
        if edit.odd:
            return False
        if edit.blob is None or kind_of(edit.path) in ("study", None):
            return True
        return self._values.get((edit.path, edit.blob)) is not None


def is_committee_file(path: str) -> bool:
    """Whether the last approved version of this file is in force, whatever came to main since."""
    return kind_of(path) not in ("study", None)


def _trusted(line: list[Step], policy: Policy | None) -> frozenset[str]:
    """Commits up to the policy's baseline; none when it names no commit of this line."""
    shas = [step.commit.sha for step in line]
    if policy is None or policy.baseline not in shas:
        return frozenset()
    return frozenset(shas[: shas.index(policy.baseline) + 1])


# --- judging


@dataclass(frozen=True, slots=True)
class _Decision:
    """What can be said of a step as a whole. `trust`: root | baseline when nothing needs to be asked; `roles`: the last
    approved organisation at the first parent; `how` the decider is known: desk | author; `submitters`: who sent, amended
    or wrote what it brought."""

    step: Step
    trust: str
    day: date
    roles: Organisation
    decider: str | None
    how: str
    submitters: frozenset[str]
    pull: int | None
    by_record: Mapping[str, tuple[Submission, ...]]

    def submissions(self, path: str) -> tuple[Submission, ...]:
        """Those that speak of this record; of another file, all."""
        if kind_of(path) != "study":
            return self.step.submissions
        return self.by_record.get(path.rsplit("/", 1)[1].removesuffix(".yaml"), ())


def _walk(
    line: list[Step], files: _Files, ground: _Ground
) -> tuple[dict[str, list[Version]], dict[str, str]]:
    """The versions of each path, and the last approved blob of each committee file."""
    versions: dict[str, list[Version]] = {}
    approved: dict[str, str] = {}
    for step in line:
        # Roles are those of the first parent: what a proposal itself changes gives nobody a right yet.
        decision = _decision(step, files.organisation(approved.get(ORGANISATION)), ground)
        for edit in step.edits:
            known = versions.setdefault(edit.path, [])
            version = _version(edit, decision, known, files)
            known.append(version)
            # Trusted or not: what cannot be read is never in force, else nobody could decide from then on.
            if version.approved and is_committee_file(edit.path) and files.sound(edit):
                approved.pop(edit.path, None)
                approved.update({edit.path: edit.blob} if edit.blob is not None else {})
    return versions, approved


def _decision(step: Step, roles: Organisation, ground: _Ground) -> _Decision:
    commit, day = step.commit, step.commit.at.date()
    trust = "root" if step.number == 0 else "baseline" if commit.sha in ground.trusted else ""
    believed = (ground.names or roles, *((roles,) if ground.both else ()))
    decider, how = None, ""
    if not trust and len(commit.parents) == 2:
        for names in believed:
            decider, how = (decider, how) if decider is not None else _decider(commit, names, day)
    authors = (_holders(email, names, day) for email in step.authors for names in believed)
    submitters = step.submitters.union(*authors)
    return _Decision(step, trust, day, roles, decider, how, submitters, step.pull(), step.by_record())


def _version(edit: Edit, decision: _Decision, known: Sequence[Version], files: _Files) -> Version:
    study = files.study(edit.path, edit.blob)
    member = study.member if study else known[-1].member if known else None
    reason, unit = ("", "") if decision.trust else _verdict(edit, decision, known, files, member)
    return Version(
        path=edit.path,
        blob=edit.blob,
        commit=decision.step.commit.sha,
        at=decision.step.commit.at,
        approved=not reason,
        reason=reason,
        decided_by=decision.decider,
        pull=decision.pull,
        submissions=decision.submissions(edit.path),
        how=decision.trust or decision.how,
        unit=unit,
        member=member,
        step=decision.step.number,
    )


def _verdict(
    edit: Edit, decision: _Decision, known: Sequence[Version], files: _Files, member: str | None
) -> tuple[str, str]:
    """Why this version is not approved ("" when it is), and through which unit its decider could decide."""
    path, decider = edit.path, decision.decider
    if len(decision.step.commit.parents) != 2:
        return "direct-push", ""
    if decider is None:
        return "unknown-decider", ""
    unit = deciding_unit(decision.roles, decider, path, decision.day)
    if unit is None:
        return "not-reviewer", ""
    if not files.sound(edit):
        return "unreadable", unit
    if kind_of(path) != "study":
        return "", unit
    brought = decision.step.mixed.get(path, edit.blob)
    claimed = files.study(path, brought)
    if decider == member or decider in decision.submitters | _actors(claimed, known, files):
        return "own-record", unit
    as_brought = brought == edit.blob or _granted(claimed, files.study(path, edit.blob), decider)
    return (
        "" if as_brought and _is_touched(path, brought, decision.step.rests, known) else "edited-in-merge"
    ), unit


def _is_touched(path: str, brought: str | None, rests: Rests, known: Sequence[Version]) -> bool:
    """Whether the proposal itself made the file what it brought. A merge that takes an old version from the second
    parent, which the proposal only stood on, is an edit of its own."""
    if rests.touched is not None:
        return path in rests.touched
    begun = next((version.blob for version in reversed(known) if version.step <= rests.number), None)
    return begun != brought


def _actors(claimed: Study | None, known: Sequence[Version], files: _Files) -> set[str]:
    """Who acted on the record as it was brought, by its own words: they are submitters, whatever a commit says. Of a
    record that was approved before, only what is new."""
    if claimed is None:
        return set()
    before = files.study(claimed.path, known[-1].blob) if known else None
    acts: list[Change | Void | Submitted | None] = []
    if before is None or claimed.change != before.change:
        acts.append(claimed.change)
    if before is None or claimed.void != before.void:
        acts.append(claimed.void)
    if not any(version.approved for version in known):
        acts.append(claimed.submitted)
    return {act.by for act in acts if act is not None}


def _granted(claimed: Study | None, merged: Study | None, decider: str) -> bool:
    """Whether a merge only grants fewer hours than it brought, in its decider's own name: docs/decisions/0001."""
    if claimed is None or merged is None or merged.change is None or merged.hours >= claimed.hours:
        return False
    own = merged.change.action == "amend" and merged.change.by == decider
    return own and merged == replace(claimed, hours=merged.hours, change=merged.change)


def _decider(commit: Commit, names: Organisation, day: date) -> tuple[str | None, str]:
    """The desk's word if the author is a listed desk, else the member the author's address belongs to."""
    if any(desk.email == commit.email and contains(desk.start, desk.until, day) for desk in names.desks):
        told = commit.sole("Approved-By") or ""
        return (told if is_member(told) else None), "desk"
    members = _holders(commit.email, names, day)
    return (next(iter(members)), "author") if len(members) == 1 else (None, "")


def _holders(email: str, names: Organisation, day: date) -> frozenset[str]:
    """Whose address it is; of several, those who are in office on the day: an office's address goes with the office."""
    found = [r for r in names.reviewers if email in r.emails]
    if len({r.member for r in found}) > 1:
        found = [r for r in found if contains(r.start, r.until, day)]
    return frozenset(r.member for r in found)


def may_decide(organisation: Organisation, member: str, path: str, day: date) -> bool:
    """Whether `member` was a reviewer for a file on `day`: a branch's for its records, a committee's for the rest."""
    return deciding_unit(organisation, member, path, day) is not None


def deciding_unit(organisation: Organisation, member: str, path: str, day: date) -> str | None:
    """The unit by whose appointment `member` may decide on a file on `day`, the nearest first."""
    held = {r.unit for r in organisation.reviewers if r.member == member and contains(r.start, r.until, day)}
    return next((unit for unit in _deciding(organisation, path) if unit in held), None)


def _deciding(organisation: Organisation, path: str) -> Iterable[str]:
    kind = kind_of(path)
    if kind == "study":
        return organisation.above(path.split("/")[1])
    if kind == "roster":
        return organisation.above(path.split("/")[1])[1:]
    return (unit.id for unit in organisation.units if unit.parent is None and unit.kind != "branch")
