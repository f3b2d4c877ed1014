"""From a repository to what reports, exports and sheets are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date

from xueshi import checks, records, totals
from xueshi.checkup import checkup
from xueshi.git import Repository
from xueshi.reports.source import Source


def read(
    repo: Repository,
    commit: str,
    on: date,
    *,
    address: Callable[[str, str], str] = lambda kind, ident: "",
    histories: bool = False,
    judged: bool = False,
) -> Source:
    """Main as approved at `commit`, judged on `on`, and what waits beside it. `address` is the site's, and its
    pictures are added by whoever publishes some. What takes long is read only where it is asked for: `histories`, every
    version of every record; `judged`, what the check and the check-up say."""
    approved, history = records.load_approved(repo, commit)
    approvals, people = history.approvals(), approved.people()
    figures = totals.total(approved, approved.policy, approvals, on)
    paths = [path for path in history.versions if records.kind_of(path) == "study"] if histories else []
    return Source(
        approved,
        history,
        approvals,
        figures,
        records.load_proposals(repo, commit),
        records.versions(repo, history, paths),
        people,
        {ident: person.name for ident, person in people.items()},
        address,
        frozenset(),
        checks.check(approved, on, records.kept(repo)) if judged else (),
        checkup(approved, approved.policy, figures, on) if judged else (),
    )


def pictures(repo: Repository, wanted: Iterable[str]) -> dict[str, bytes]:
    """Those of the pictures (hashes) that are kept, by hash."""
    evidence = records.evidence_blobs(repo)
    held = {sha256: evidence[sha256] for sha256 in sorted(set(wanted) & evidence.keys())}
    blobs = repo.blobs(held.values())
    return {sha256: blobs[blob] for sha256, blob in held.items() if blob in blobs}
