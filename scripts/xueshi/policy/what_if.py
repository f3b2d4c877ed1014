"""The rules of a later day, as if they had come earlier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from xueshi.model import Cap, CarryOver, Conversion, Crossing, Kind, KindChange, Policy, Requirement, contains

R = TypeVar("R", Cap, CarryOver, Conversion, Crossing, Requirement)


def as_if(policy: Policy, day: date, since: date) -> Policy:
    """The policy in which the rules of `day` hold from `since` on; what was before `since` stays as it is."""
    used = policy.conversion(day)
    return replace(
        policy,
        conversions=_moved(policy.conversions, since, lambda rule: rule is used),
        kinds={name: _kind(kind, day, since) for name, kind in policy.kinds.items()},
        caps=_moved(policy.caps, since, _in_force(day)),
        requirements=_moved(policy.requirements, since, _in_force(day)),
        crossing=_moved(policy.crossing, since, _in_force(day)),
        carry_over=_moved(policy.carry_over, since, _in_force(day)),
    )


def _in_force(day: date) -> Callable[[Cap | CarryOver | Crossing | Requirement], bool]:
    return lambda rule: contains(rule.start, rule.until, day)


def _moved(rules: tuple[R, ...], since: date, holds: Callable[[R], bool]) -> tuple[R, ...]:
    found = []
    for rule in rules:
        if holds(rule):
            found.append(replace(rule, start=min(rule.start, since), until=None))
        elif rule.start < since:
            found.append(replace(rule, until=min(rule.until or since, since)))
    return tuple(found)


def _kind(kind: Kind, day: date, since: date) -> Kind:
    then = kind.on(day)
    now = KindChange(
        since, then.bucket, then.counts, then.factor, then.max_per_record, then.max_per_year, then.convert
    )
    return replace(kind, changes=(*(change for change in kind.changes if change.start < since), now))
