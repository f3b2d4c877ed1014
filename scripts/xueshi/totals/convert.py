"""Time to hours, by the policy of the day."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from xueshi.model import Conversion, Kind, Policy

_ROUNDING = {"down": ROUND_DOWN, "nearest": ROUND_HALF_UP}


def hours_of(minutes: Decimal, kind: Kind, day: date, policy: Policy) -> Decimal:
    """Study hours that so many minutes of this kind are worth on a day."""
    conversion = policy.conversion(day)
    if kind.on(day).convert == "online_table":
        return next((hours for least, hours in conversion.online_table if minutes >= least), Decimal(0))
    return stepped(minutes / conversion.minutes_per_hour, conversion)


def stepped(hours: Decimal, conversion: Conversion) -> Decimal:
    """Hours rounded to the policy's step."""
    steps = (hours / conversion.step).to_integral_value(_ROUNDING[conversion.rounding])
    return steps * conversion.step
