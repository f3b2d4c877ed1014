"""What a rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from xueshi.model import Kept, Person, Problem, RecordSet, Severity, Study
from xueshi.speech import say


@dataclass(frozen=True, slots=True)
class Context:
    """The records, what is judged of them (`studies`; `all_studies` for comparison), today's date in Shanghai and
    what is known of kept pictures (None: not looked at)."""

    records: RecordSet
    studies: tuple[Study, ...]
    all_studies: tuple[Study, ...]
    people: Mapping[str, Person]
    today: date
    evidence: Kept | None

    def problem(self, study: Study, field: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
        """A fault of one field of a record; the table of rules adds the rule's id."""
        return Problem(study.path, self.records.line(study.path, field), "", message, field, severity)


def told_date(day: date) -> str:
    """A date as people read it: 2026年3月5日."""
    return say("%(year)d年%(month)d月%(day)d日", year=day.year, month=day.month, day=day.day)
