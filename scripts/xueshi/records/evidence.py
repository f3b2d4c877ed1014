"""Pictures on the evidence refs, by hash."""

from __future__ import annotations

import re

from xueshi.git import Repository

_PATH = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})\.webp")


def evidence_blobs(repo: Repository) -> dict[str, str]:
    """Every kept picture: hash -> blob id, over the evidence refs of all years."""
    found: dict[str, str] = {}
    for prefix in ("refs/remotes/origin/evidence", "refs/heads/evidence"):
        for tip in repo.refs(prefix).values():
            found.update(
                {m[1]: blob for path, blob in repo.tree(tip).items() if (m := _PATH.fullmatch(path))}
            )
    return found


def evidence_hashes(repo: Repository) -> frozenset[str]:
    """Hashes of every kept picture; empty when this clone has no evidence refs."""
    return frozenset(evidence_blobs(repo))


def evidence_path(sha256: str) -> str:
    """Where a picture lies on its evidence ref."""
    return f"{sha256[:2]}/{sha256}.webp"
