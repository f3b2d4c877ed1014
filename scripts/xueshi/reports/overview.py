"""What several reports draw on, counted once for all of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xueshi.reports.past import Day, as_closed, month_ends, year_ends
from xueshi.reports.since import Changed, changed
from xueshi.reports.source import Source
from xueshi.reports.usage import Usage, usage


@dataclass(frozen=True, slots=True)
class Overview:
    """Ends of months of this year and of earlier years of the plan, the `last` of these as it was closed; branch id →
    usage, and what changed."""

    months: tuple[Day, ...]
    years: tuple[Day, ...]
    last: tuple[Day, ...]
    usage: Mapping[str, Usage]
    changed: Mapping[str, Changed]

    @property
    def ends(self) -> tuple[Day, ...]:
        """What a unit looks back on: last year, which is reported in January, and this year's months."""
        return *self.last, *self.months


def overview(source: Source) -> Overview:
    years = year_ends(source)
    last = tuple(as_closed(source, day) for day in years[-1:])
    return Overview(month_ends(source), years, last, usage(source), changed(source))
