"""What the host lets us do: calls that change something are counted for all processes, over restarts."""

from __future__ import annotations

import sqlalchemy as sa

from xueshi.hosts.base import Budget
from xueshi.outbox.store import Store
from xueshi.outbox.tables import call, hook, host

_HOUR, _MINUTE = 3600.0, 60.0
_KEPT = 30 * 86_400.0  # seconds that a webhook's delivery is remembered, against replays


class Limits:
    def __init__(self, store: Store) -> None:
        self._store = store

    def ready(self, budget: Budget, now: float) -> float:
        """When the next call may be made that changes something: `now`, or later (seconds since 1970)."""
        with self._store.reading() as connection:
            blocked = connection.execute(sa.select(sa.func.max(host.c.blocked_until))).scalar() or 0.0
            query = sa.select(call.c.at).where(call.c.at > now - _HOUR).order_by(call.c.at.desc())
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
            connection.execute(call.delete().where(call.c.at < now - _HOUR))
            connection.execute(call.insert().prefix_with("OR IGNORE").values(at=now))
        return True

    def block(self, name: str, until: float, reason: str) -> None:
        """The host wants no calls before `until`."""
        with self._store.writing() as connection:
            connection.execute(host.delete().where(host.c.host == name))
            connection.execute(host.insert().values(host=name, blocked_until=until, reason=reason))

    def blocked(self, now: float) -> tuple[float, str] | None:
        """Until when the host wants no calls, and why; None when it does not mind."""
        query = sa.select(host).where(host.c.blocked_until > now).order_by(host.c.blocked_until.desc())
        with self._store.reading() as connection:
            found = connection.execute(query).mappings().first()
        return (found["blocked_until"], found["reason"]) if found else None

    def is_new(self, name: str, delivery: str, now: float) -> bool:
        """Whether a webhook comes for the first time; the next time it does not."""
        with self._store.writing() as connection:
            connection.execute(hook.delete().where(hook.c.at < now - _KEPT))
            told = hook.insert().prefix_with("OR IGNORE").values(host=name, delivery=delivery, at=now)
            return connection.execute(told).rowcount == 1
