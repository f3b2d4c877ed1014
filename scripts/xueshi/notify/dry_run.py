"""A channel that reaches nobody: a file to read before the robot is switched on."""

from __future__ import annotations

import os
from pathlib import Path

from xueshi.notify import NotSent
from xueshi.notify.wecom import parts

SEPARATOR = "-" * 40


class DryRun:
    """Writes what the group would have seen, message by message, each followed by `SEPARATOR`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, text: str) -> None:
        """Append the text's messages; they are on the disk when this returns."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{message}\n{SEPARATOR}\n" for message in parts(text))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            words = f"{self._path}: cannot be written ({error.strerror}); free space or correct the rights"
            raise NotSent(words, certain=True) from error
