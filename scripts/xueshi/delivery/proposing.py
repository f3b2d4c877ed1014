"""Proposing what waits: commits and pictures pushed together, and one pull request for each ref."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from xueshi.delivery.clone import MAIN
from xueshi.delivery.settling import on_main, part
from xueshi.errors import HostConflict, HostRefused, HostUnavailable
from xueshi.git import Identity, NewCommit, Repository
from xueshi.hosts.base import Host
from xueshi.model import Study
from xueshi.outbox import Batch, Outbox, Row
from xueshi.proposals import Told, changes_message, corrected, pull_body, pull_title, register
from xueshi.records import evidence_path, parse_file, read_commits, study_file, submission
from xueshi.ulids import year_of
from xueshi.words import receipt_code

_NEWEST = ("--first-parent", "-100")  # commits of a merged ref among which ours are


@dataclass(frozen=True, slots=True)
class Wording:
    """What a pull request says beside the facts: a record's `effect` on hours in Markdown, where its `pictures` can be
    seen, and the names of a `person` and a `unit`. Whoever `reviews` may not decide on their
    own record, which must not keep the rest of a group from them: it goes alone."""

    effect: Callable[[Study], str] = lambda study: ""
    pictures: Callable[[Study], Sequence[str]] = lambda study: ()
    person: Callable[[str], str] = lambda member: member
    unit: Callable[[str], str] = lambda branch: branch
    reviews: Callable[[str], bool] = lambda member: False


@dataclass(frozen=True, slots=True)
class Proposing:
    """Pushes batches of `outbox` from `clone` to `host` in the name of `bridge`, and opens their pull requests."""

    outbox: Outbox
    clone: Repository
    host: Host
    bridge: Identity
    wording: Wording

    def push(self, batches: Sequence[Batch]) -> None:
        """Commits of every batch, and the pictures of all, in one create-only push."""
        begun = [self._begun(held) for held in batches]
        commits = self._commits(begun)
        there = self.clone.refs("refs/heads/sub")
        leases: dict[str, str] = {}
        specs: list[str] = []
        for held, commit in zip(begun, commits, strict=True):
            name = f"refs/heads/{held.ref}"
            if name not in there:
                leases[name] = ""
                specs.append(f"{commit}:{name}")
            elif not self.holds(held, commit, there[name]):
                raise HostRefused(f"{held.ref} holds {there[name]}, which is not ours; look who pushed it")
        if specs:
            kept, guards = self._evidence([row for held in begun for row in held.rows])
            self.clone.push(self.host.url, *kept, *specs, leases={**leases, **guards})
        for held, commit in zip(begun, commits, strict=True):
            self.outbox.batches.advance(held, state="pushed", commit=commit, attempts=0, error=None)

    def holds(self, held: Batch, commit: str | None, there: str) -> bool:
        """Whether a ref (at `there`) holds what we would push or have pushed (`commit`), perhaps amended, or from another
        base by an outbox that was lost, perhaps merged since; if not, it is a stranger's."""
        known = self.clone.resolve(commit) if commit else None
        if known is not None and self.clone.is_ancestor(known, there):
            return True
        merged = self.clone.is_ancestor(there, MAIN)
        revs, options = ((there,), _NEWEST) if merged else ((there, f"^{MAIN}"), ())
        commits = read_commits(self.clone, *revs, options=options)
        sent = {told.id for one in commits if (told := submission(one))}
        return {row.sent.id for row in held.rows} <= sent

    def _begun(self, held: Batch) -> Batch:
        """With its base recorded before anything is built, so that building again gives the same commits."""
        if held.base is not None:
            return held
        base = self.clone.resolve(MAIN)
        if base is None:
            raise HostUnavailable("the host has no main")
        self.outbox.batches.advance(held, base=base)
        return self.outbox.batches.get(held.id) or held

    def _commits(self, batches: Iterable[Batch]) -> list[str]:
        """The last commit of each batch: one commit a submission, each on the one before."""
        new: list[NewCommit] = []
        last = []
        for held in batches:
            parent = held.base or ""
            for row in held.rows:
                sent = row.sent
                study = self._study(row, held.base or "")
                message = changes_message(sent.action, sent.id, (study.id,), sent.member)
                new.append(
                    NewCommit((parent,), {study.path: study_file(study)}, message, self.bridge, sent.at)
                )
                parent = f":{len(new)}"
            last.append(len(new) - 1)
        made = self.clone.commits(new)
        return [made[number] for number in last]

    def _study(self, row: Row, base: str) -> Study:
        sent = row.sent
        if sent.action == "register":
            return register(sent)
        found = self.clone.blobs([f"{base}:{sent.path}"])
        before = parse_file(sent.path, next(iter(found.values()))).value if found else None
        if not isinstance(before, Study):
            raise HostRefused(f"{sent.path} is not on main, so it cannot be corrected")
        return corrected(sent, before)

    def _evidence(self, rows: Iterable[Row]) -> tuple[list[str], dict[str, str]]:
        """What to push so that the evidence refs hold these submissions' pictures, and the leases of that."""
        wanted: dict[int, dict[str, bytes | None]] = {}
        at: dict[int, datetime] = {}
        for row in rows:
            year = year_of(row.sent.record_id)
            for evidence in row.sent.evidence:
                found = self.outbox.picture(evidence.sha256)
                if found is not None:
                    wanted.setdefault(year, {})[evidence_path(evidence.sha256)] = found[1]
                    at[year] = max(at.get(year, row.sent.at), row.sent.at)
        specs, leases = [], {}
        for year, files in wanted.items():
            ref = f"refs/heads/evidence/{year}"
            tip = self.clone.resolve(ref)
            present = self.clone.tree(tip, *files) if tip else {}
            fresh = {path: data for path, data in files.items() if path not in present}
            if fresh:
                message = f"Keep {len(fresh)} pictures\n"
                new = NewCommit((tip,) if tip else (), fresh, message, self.bridge, at[year])
                specs.append(f"{self.clone.commits([new])[0]}:{ref}")
                leases[ref] = tip or ""
        return specs, leases

    def open(self, held: Batch, now: datetime) -> None:
        """Find, open, find again: whatever was lost on the way, one ref has one pull request."""
        pull = self.host.find(held.ref)
        if pull is None and (found := on_main(self.clone, held)):
            part(self.outbox, held, found, now)  # an outbox put back from a backup proposes nothing twice
            return
        if pull is None:
            if not self.outbox.limits.spend(self.host.budget, now.timestamp()):
                return
            try:
                pull = self.host.open(held.ref, *self._words(held), now)
            except HostConflict:
                pull = self.host.find(held.ref)
                if pull is None:
                    raise
        self.outbox.batches.propose(held, pull.number, pull.url, now)

    def _words(self, held: Batch) -> tuple[str, str]:
        told = [self._told(row, held) for row in held.rows]
        return pull_title(self.wording.unit(held.branch), told), pull_body(told)

    def _told(self, row: Row, held: Batch) -> Told:
        study = self._study(row, held.base or "")
        return Told(
            study=study,
            submission=row.sent.id,
            code=receipt_code(row.sent.id),
            name=self.wording.person(study.member),
            effect=self.wording.effect(study),
            pictures=self.wording.pictures(study),
        )
