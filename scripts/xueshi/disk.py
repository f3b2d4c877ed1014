"""Whether there is room to keep what people send."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


def free(folder: Path) -> int:
    """Bytes that we may still write where `folder` lies. Raises OSError when it does not exist."""
    return shutil.disk_usage(folder).free


def room(folder: Path, floor: int) -> bool:
    """Whether more than `floor` bytes, and another file at all, can be written in `folder`."""
    found = os.statvfs(folder)
    return free(folder) >= floor and (found.f_favail > 0 or found.f_files == 0)  # some systems count no files


def full(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that the disk is full: a file's or SQLite's own."""
    seen: list[BaseException] = []
    while error not in seen:
        seen.append(error)
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if isinstance(error, sqlite3.Error) and _primary(error) == sqlite3.SQLITE_FULL:
            return True
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__ or error
    return False


def _primary(error: sqlite3.Error) -> int:
    """SQLite's result code without the extension that says where it happened."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
