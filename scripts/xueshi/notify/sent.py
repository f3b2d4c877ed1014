"""What was sent already, so that no notice goes out twice. The only writer of that file.

One JSON line each: `{"id": …, "state": "begun" | "sent" | "failed"}`, the last one of an id counts, and
`{"commit": …}`, how far the history was read. What a method wrote is on the disk when it returns. A crash
between `begin` and the outcome leaves an event begun, and it is not sent again: a notice lost is a smaller harm
than a group told everything twice."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from xueshi.errors import UsageError

_STATES = ("begun", "sent", "failed")


class Sent:
    """The file, held by one process at a time: `with Sent(path) as sent:` waits until it is free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._end = 0  # behind the last whole line
        self._states: dict[str, str] = {}
        self._since: str | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                file = stack.enter_context(FileIO(self._path, "a+"))
                fcntl.flock(file, fcntl.LOCK_EX)
                self._load(file)
                stack.pop_all()
        except OSError as error:
            raise self._unusable(error) from error
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
        self._file = None

    @property
    def since(self) -> str | None:
        """The commit reached last; None before the first."""
        return self._since

    def fresh(self, ids: Iterable[str]) -> list[str]:
        """Those that may be sent, in their order and each once: never begun, or surely not delivered."""
        self._held()
        return [event for event in dict.fromkeys(ids) if self._states.get(event, "failed") == "failed"]

    def begin(self, ids: Iterable[str]) -> None:
        """Before sending: from here on these are not fresh."""
        self._note(ids, "begun")

    def done(self, ids: Iterable[str]) -> None:
        """These were delivered."""
        self._note(ids, "sent")

    def failed(self, ids: Iterable[str]) -> None:
        """These were surely not delivered (`NotSent.certain`) and are fresh again."""
        self._note(ids, "failed")

    def reached(self, commit: str) -> None:
        """Everything up to this commit has been looked at."""
        self._append([{"commit": commit}])

    def _note(self, ids: Iterable[str], state: str) -> None:
        self._append([{"id": event, "state": state} for event in dict.fromkeys(ids)])

    def _append(self, entries: list[dict[str, str]]) -> None:
        data = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        try:
            _write(self._held(), self._end, data)
        except OSError as error:
            raise self._unusable(error) from error
        self._end += len(data)
        for entry in entries:
            self._take(entry)

    def _load(self, file: FileIO) -> None:
        """Read every line; finish or drop a last one that a crash left without its end."""
        self._states, self._since = {}, None
        file.seek(0)
        *lines, rest = file.readall().split(b"\n")
        for number, line in enumerate(lines, 1):
            self._take(self._entry(line, number))
        self._end = sum(len(line) + 1 for line in lines)
        last = _parsed(rest)
        _write(file, self._end, rest + b"\n" if last else b"")
        if last:
            self._end += len(rest) + 1
            self._take(last)
        _sync_name(self._path)

    def _entry(self, line: bytes, number: int) -> dict[str, str]:
        if entry := _parsed(line):
            return entry
        raise UsageError(
            f"{self._path}:{number}: not a line of sent notices; restore the file from a copy, "
            "or delete this line if its notice may be sent again"
        )

    def _take(self, entry: dict[str, str]) -> None:
        if "commit" in entry:
            self._since = entry["commit"]
        else:
            self._states[entry["id"]] = entry["state"]

    def _held(self) -> FileIO:
        if self._file is None:
            raise RuntimeError("Sent is used inside `with Sent(path) as sent:` only")
        return self._file

    def _unusable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self._path}: cannot be used ({error.strerror}); free space, correct the rights or name another file"
        )


def _parsed(line: bytes) -> dict[str, str] | None:
    """The line's entry, or None if it is not one."""
    try:
        entry = json.loads(line.decode())
    except ValueError:
        return None
    if not isinstance(entry, dict) or not all(isinstance(value, str) and value for value in entry.values()):
        return None
    if entry.keys() == {"commit"} or (entry.keys() == {"id", "state"} and entry["state"] in _STATES):
        return entry
    return None


def _write(file: FileIO, end: int, data: bytes) -> None:
    """Drop whatever stands behind the last whole line, add the data there and wait for the disk."""
    file.truncate(end)
    while data:
        data = data[file.write(data) :]
    os.fsync(file.fileno())


def _sync_name(path: Path) -> None:
    """Make a new file's name survive a power cut."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
