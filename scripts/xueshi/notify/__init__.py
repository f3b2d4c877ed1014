"""Where a notice goes. A channel carries text and knows nothing of records.

A channel is a file here and a line in `CHANNELS`. What was sent already is kept by `notify.sent`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from xueshi.errors import XueshiError


class NotSent(XueshiError):
    """A notice did not go out. `certain`: surely not delivered, may be tried again; else nobody knows."""

    def __init__(self, words: str, *, certain: bool) -> None:
        super().__init__(words)
        self.certain = certain


class Channel(Protocol):
    """One way to reach people."""

    def send(self, text: str) -> None:
        """Return once the whole text is delivered; otherwise raise `NotSent`."""


from xueshi.notify.dry_run import DryRun  # noqa: E402 - the channels need the names above
from xueshi.notify.wecom import Wecom, make_client  # noqa: E402

# A channel's name, and how to open it from its one setting: the robot's url, or the file to write to.
CHANNELS: Mapping[str, Callable[[str], Channel]] = {
    "wecom": lambda url: Wecom(url, make_client()),
    "dry-run": lambda path: DryRun(Path(path)),
}
