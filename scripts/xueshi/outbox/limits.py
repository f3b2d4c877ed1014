"""What the host lets us do: calls that change something are counted for all processes, over restarts.

A moment that lies further ahead than any that is noted was noted by a clock that ran ahead; it counts for nothing."""

from __future__ import annotations

import sqlalchemy as sa

from xueshi.hosts.base import LONGEST_BLOCK, Budget
from xueshi.outbox.store import Store
from xueshi.outbox.tables import call, hook, host

_HOUR, _MINUTE = 3600.0, 60.0
_AHEAD = 600.0  # seconds that a pass which began later may be ahead of one that still runs
_KEPT = 30 * 86_400.0  # seconds that a webhook's delivery is remembered, against replays


class Limits:
    def __init__(self, store: Store) -> None:
        self._store = store

    def ready(self, budget: Budget, now: float) -> float:
        """When the next call may be made that changes something: `now`, or later (seconds since 1970)."""
        with self._store.reading() as connection:
            query = sa.select(sa.func.max(host.c.blocked_until)).where(host.c.blocked_until <= _until(now))
            blocked = connection.execute(query).scalar() or 0.0
            query = (
                sa.select(call.c.at)
                .where(call.c.at > now - _HOUR, call.c.at <= now + _AHEAD)
                .order_by(call.c.at.desc())
            )
            made = [one.at for one in connection.execute(query)]
        waits = [now, blocked]
        if made:
            waits.append(made[0] + budget.apart)
        for many, span in ((budget.per_minute, _MINUTE), (budget.per_hour, _HOUR)):
            if many is not None and len(made) >= many:
                waits.append(made[many - 1] + span)
        return float(max(waits))

    def spend(self, budget: Budget, now: float) -> bool:
        """Count one call, if it may be made now; False when it may not."""
        if self.ready(budget, now) > now:
            return False
        with self._store.writing() as connection:
            connection.execute(call.delete().where(_no_longer(call.c.at, now, _HOUR)))
            connection.execute(host.delete().where(host.c.blocked_until > _until(now)))
            connection.execute(call.insert().prefix_with("OR IGNORE").values(at=now))
        return True

    def block(self, name: str, until: float, reason: str) -> None:
        """The host wants no calls before `until`."""
        with self._store.writing() as connection:
            connection.execute(host.delete().where(host.c.host == name))
            connection.execute(host.insert().values(host=name, blocked_until=until, reason=reason))

    def blocked(self, now: float) -> tuple[float, str] | None:
        """Until when the host wants no calls, and why; None when it does not mind."""
        believed = sa.and_(host.c.blocked_until > now, host.c.blocked_until <= _until(now))
        query = sa.select(host).where(believed).order_by(host.c.blocked_until.desc())
        with self._store.reading() as connection:
            found = connection.execute(query).mappings().first()
        return (found["blocked_until"], found["reason"]) if found else None

    def is_new(self, name: str, delivery: str, now: float) -> bool:
        """Whether a webhook comes for the first time; the next time it does not."""
        with self._store.writing() as connection:
            connection.execute(hook.delete().where(_no_longer(hook.c.at, now, _KEPT)))
            told = hook.insert().prefix_with("OR IGNORE").values(host=name, delivery=delivery, at=now)
            return connection.execute(told).rowcount == 1


def _until(now: float) -> float:
    """The last moment until which a host may have said that it wants no calls."""
    return now + LONGEST_BLOCK + _AHEAD


def _no_longer(at: sa.Column[float], now: float, kept: float) -> sa.ColumnElement[bool]:
    """What is too old to matter, or of a clock that ran ahead."""
    return sa.or_(at < now - kept, at > now + _AHEAD)
