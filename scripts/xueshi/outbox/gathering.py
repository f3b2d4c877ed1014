"""Which waiting submissions go to the host together. Pure.

At rest each goes alone and at once. In a rush, or while the host wants fewer calls, those of one branch gather for a
little while: people who leave one lecture become few pull requests, and a reviewer reads them as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xueshi.outbox.rows import Row


@dataclass(frozen=True, slots=True)
class Gathering:
    """At most so many `records` and `pictures` a pull request; a rush is more than `rush` submissions of a branch
    within two minutes; in one, nobody waits longer than `seconds` for others to come."""

    records: int = 20
    pictures: int = 25
    seconds: float = 60.0
    rush: int = 5


WINDOW = 120.0  # seconds that are looked back on to tell a rush
AHEAD = 600.0  # seconds that what came may be ahead of a pass; beyond, it came while the clock ran ahead


def gathered(
    waiting: Sequence[Row], recent: int, *, busy: bool, now: float, rules: Gathering
) -> list[tuple[Row, ...]]:
    """Batches to seal now, out of one branch's waiting registrations, oldest first; what is left out waits for more.

    `recent`: how many of the branch came within the window, `busy`: the host has more to do than it lets us."""
    if not busy and max(recent, len(waiting)) <= rules.rush:
        return [(row,) for row in waiting]
    ready = []
    for group in _filled(sorted(waiting, key=_event), rules):
        waited = now - min(row.sent.at.timestamp() for row in group)
        full = len(group) == rules.records or _pictures(group) > rules.pictures - 3
        if full or waited >= rules.seconds or waited < -AHEAD:
            ready.append(tuple(sorted(group, key=lambda row: row.sent.id)))
    return ready


def _event(row: Row) -> tuple[object, ...]:
    """What people attended together lies together."""
    return row.sent.start_date, row.sent.title, row.sent.id


def _filled(rows: Iterable[Row], rules: Gathering) -> list[list[Row]]:
    groups: list[list[Row]] = [[]]
    for row in rows:
        group = groups[-1]
        if group and (
            len(group) == rules.records or _pictures(group) + len(row.sent.evidence) > rules.pictures
        ):
            groups.append(group := [])
        group.append(row)
    return [group for group in groups if group]


def _pictures(group: Iterable[Row]) -> int:
    return sum(len(row.sent.evidence) for row in group)
