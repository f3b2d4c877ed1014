"""The bridge's clone of the host: a cache that is made anew when it is missing or broken."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from xueshi.errors import GitError
from xueshi.git import END, Repository, clone_bare
from xueshi.hosts.base import Host

MAIN = "refs/heads/main"
REFSPECS = (
    f"+{MAIN}:{MAIN}",
    "+refs/heads/evidence/*:refs/heads/evidence/*",
    "+refs/heads/sub/*:refs/heads/sub/*",
)
_LOG = logging.getLogger("xueshi.delivery")


def open_clone(host: Host, path: Path) -> Repository:
    """The bare clone at `path`, brought up to date. One that is missing or broken is made anew: it is only a cache of
    the host. While the host is away the clone stays what it was; without one HostUnavailable or GitError is raised."""
    clone = Repository(path, host.git_environment())
    try:
        clone.fetch(host.url, *REFSPECS)
        return clone
    except GitError as error:
        if _is_sound(clone):
            _LOG.warning("the host is away: %s", error)
            return clone
    shutil.rmtree(path, ignore_errors=True)
    return clone_bare(host.url, path, host.git_environment())


def _is_sound(clone: Repository) -> bool:
    try:
        clone.run("rev-parse", "--verify", "--quiet", END, f"{MAIN}^{{tree}}")
        clone.run("fsck", "--connectivity-only", "--no-dangling")
        return True
    except (GitError, OSError):
        return False
