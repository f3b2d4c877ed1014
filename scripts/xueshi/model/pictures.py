"""Pictures on the evidence refs, as they were found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Picture:
    """What the bytes kept under a hash turned out to be. `sha256` is that of the content; `metadata` names what it
    carries beside its pixels (exif, xmp, icc, trailing, or another chunk's name); `fault` says why it is no picture of
    ours, and is empty when it is one."""

    sha256: str
    size: int
    format: str = ""
    width: int = 0
    height: int = 0
    metadata: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """The pictures of a clone: hashes of those kept and of those erased, and what was found in those looked into."""

    hashes: frozenset[str]
    erased: frozenset[str] = frozenset()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
