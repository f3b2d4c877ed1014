"""How registering and reviewing go: what was sent each month, and how long it waited for its decision. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from xueshi.model import SHANGHAI, Study, Version
from xueshi.records import kind_of
from xueshi.reports.source import TENTH, Source

_DAY = 86400  # seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """This year: records `sent` in each of the twelve months, and from first sending to approval every wait, shortest
    first."""

    sent: tuple[int, ...] = (0,) * 12
    waits: tuple[timedelta, ...] = ()

    def __add__(self, other: Usage) -> Usage:
        sent = tuple(one + another for one, another in zip(self.sent, other.sent, strict=True))
        return Usage(sent, tuple(sorted(self.waits + other.waits)))

    @property
    def median(self) -> Decimal | None:
        """Days, to 0.1; of an even number the mean of the two in the middle."""
        if not self.waits:
            return None
        middle = len(self.waits) // 2
        return _days((self.waits[middle] + self.waits[-middle - 1]) / 2)

    @property
    def longest(self) -> Decimal | None:
        """Days, to 0.1."""
        return _days(self.waits[-1]) if self.waits else None


def _days(wait: timedelta) -> Decimal:
    seconds = Decimal(wait.days * _DAY + wait.seconds)
    return (seconds / _DAY).quantize(TENTH, ROUND_HALF_UP)


def usage(source: Source) -> Mapping[str, Usage]:
    """Branch id → its usage, for branches with any."""
    sent: dict[str, list[int]] = {}
    waits: dict[str, list[timedelta]] = {}
    for study in _sent(source):
        at = study.submitted.at.astimezone(SHANGHAI)
        if at.year == source.on.year:
            sent.setdefault(study.branch, [0] * 12)[at.month - 1] += 1
    for path, versions in source.history.versions.items():
        if kind_of(path) == "study":
            found = waits.setdefault(path.split("/")[1], [])
            found += (_wait(v) for v in versions if _is_decided(v, source.on.year))
    return {
        branch: Usage(tuple(sent.get(branch, [0] * 12)), tuple(sorted(waits.get(branch, ()))))
        for branch in sorted(sent.keys() | waits.keys())
    }


def _sent(source: Source) -> Iterator[Study]:
    """Every record once: on main, or new and waiting."""
    yield from source.records.studies.values()
    fresh = {study.path: study for _, study in source.waiting()}
    yield from (study for path, study in fresh.items() if path not in source.records.studies)


def _is_decided(version: Version, year: int) -> bool:
    at = version.at.astimezone(SHANGHAI)
    return version.approved and bool(version.submissions) and at.year == year


def _wait(version: Version) -> timedelta:
    """A clock that was wrong makes no wait shorter than none."""
    return max(version.at - min(s.at for s in version.submissions), timedelta(0))
