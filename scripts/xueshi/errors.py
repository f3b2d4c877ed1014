"""Faults of use, configuration or the outside. Faults in records are values: see `model.Problem`."""

from __future__ import annotations


class XueshiError(Exception):
    """Something an operator or a member can act on; its text says what and how, never a traceback."""


class UsageError(XueshiError):
    """The command or its settings cannot be carried out as given."""


class GitError(XueshiError):
    """Git refused; carries git's own words."""

    def __init__(self, command: str, words: str) -> None:
        super().__init__(f"git {command}: {words.strip() or 'no message'}")
        self.words = words


class RefMoved(GitError):
    """A ref was not where we last saw it, so nothing was written."""


class PictureRefused(XueshiError):
    """A sent file is not a picture we can keep; the text is for the person who sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LinkRefused(XueshiError):
    """A link is forged, altered, expired or replaced. `reason`: damaged | expired | replaced."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HostError(XueshiError):
    """A Git host did not do what was asked."""


class HostUnavailable(HostError):
    """It did not answer or was busy, and did nothing; trying again later is right."""


class HostUnknown(HostUnavailable):
    """The answer was lost after the request was sent: it may have been done. Ask before doing it again."""


class HostLimited(HostUnavailable):
    """Too many calls; nothing may be asked of it before `until` (seconds since 1970)."""

    def __init__(self, words: str, until: float) -> None:
        super().__init__(words)
        self.until = until


class HostDenied(HostError):
    """The token is wrong, too old or lacks a right, or a signature does not hold: an operator must look."""


class HostRefused(HostError):
    """It understood and said no; a person must look."""


class HostConflict(HostRefused):
    """What was asked for is there already, or is not as it was last seen. Look, then go on."""


class HostProtected(HostConflict):
    """What protects main is not satisfied yet. `wants`: approvals | checks, which its words name as missing."""

    def __init__(self, words: str, wants: str) -> None:
        super().__init__(words)
        self.wants = wants
