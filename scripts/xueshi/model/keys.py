"""Which links hold and which epoch the sealed site is in. Nothing here is secret: docs/decisions/0013."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

LINK_EPOCH = (
    "2026"  # where no keys.yaml says another; links outlive years, so it does not follow the calendar
)
MEMBER, OFFICER = "member", "officer"
LINK, CONTENT = "link", "content"


@dataclass(frozen=True, slots=True, order=True)
class Reader:
    """Somebody's link. `kind`: member | officer; `id` a member id, also of an officer: whoever is both has two links.
    A link of an older `generation` opens nothing."""

    kind: str
    id: str
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """What keys.yaml says of one reader."""

    kind: str
    id: str
    generation: int
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """Which root belongs to an epoch, so that a build notices another. `kind`: link | content; `fingerprint` 16
    hexadecimal digits, from which nothing of the root can be told."""

    kind: str
    epoch: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Keys:
    """keys.yaml, and what holds without it. `link` and `content` are epoch labels ("2026", after a leak "2026-2"); a
    `content` of None follows the calendar. `roots` names those that are known, of earlier epochs too."""

    link: str = LINK_EPOCH
    content: str | None = None
    readers: tuple[Held, ...] = ()
    roots: tuple[Root, ...] = ()
    _by_reader: Mapping[tuple[str, str], Held] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One entry a reader is a rule of the check; where a file breaks it all the same the newest link holds.
        found: dict[tuple[str, str], Held] = {}
        for held in sorted(self.readers, key=lambda held: (held.generation, held.removed)):
            found[held.kind, held.id] = held
        object.__setattr__(self, "_by_reader", found)

    def held(self, kind: str, ident: str) -> Held:
        """What holds for one reader; generation 0 where the file does not name them."""
        return self._by_reader.get((kind, ident)) or Held(kind, ident, 0)

    def reader(self, kind: str, ident: str) -> Reader | None:
        """The reader with the generation that holds; None for one who was removed."""
        held = self.held(kind, ident)
        return None if held.removed else Reader(kind, ident, held.generation)

    def content_epoch(self, day: date) -> str:
        """The label of the content's epoch for a build of `day`."""
        return self.content or str(day.year)

    def fingerprint(self, kind: str, epoch: str) -> str | None:
        """What the root of an epoch is known by; None where the file does not say."""
        return next((r.fingerprint for r in self.roots if (r.kind, r.epoch) == (kind, epoch)), None)

    def root(self, fingerprint: str) -> Root | None:
        """The root that is known by a fingerprint, of whatever epoch."""
        return next((root for root in self.roots if root.fingerprint == fingerprint), None)


def epoch_order(label: str) -> tuple[int, int]:
    """Epoch labels in the order they follow each other: "2026" is the first of its year, "2026-2" the second."""
    year, _, number = label.partition("-")
    return int(year), int(number or 1)
