"""What several reports draw on, counted once for all of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xueshi.reports.past import Day, month_ends, year_ends
from xueshi.reports.since import Changed, changed
from xueshi.reports.source import Source
from xueshi.reports.usage import Usage, usage


@dataclass(frozen=True, slots=True)
class Overview:
    """Ends of months of this year and of earlier years of the plan; branch id → usage, and what changed."""

    months: tuple[Day, ...]
    years: tuple[Day, ...]
    usage: Mapping[str, Usage]
    changed: Mapping[str, Changed]


def overview(source: Source) -> Overview:
    return Overview(month_ends(source), year_ends(source), usage(source), changed(source))
