"""What changed since the last report, which was at the end of last month: decisions, and who met the requirement. Pure.

The state before is main's of then, its records and approvals both, judged by today's rosters and rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from xueshi.model import SHANGHAI, MemberTotals, Standing, Study, Totals, Version
from xueshi.records import kind_of
from xueshi.reports.source import Source
from xueshi.totals import total


@dataclass(frozen=True, slots=True)
class Changed:
    """Records approved for the first time, changed and voided; members (ids) who newly met the year's requirement, and
    who no longer do."""

    approved: int = 0
    corrected: int = 0
    voided: int = 0
    met: tuple[str, ...] = ()
    fell: tuple[str, ...] = ()

    def __add__(self, other: Changed) -> Changed:
        return Changed(
            self.approved + other.approved,
            self.corrected + other.corrected,
            self.voided + other.voided,
            self.met + other.met,
            self.fell + other.fell,
        )

    def __bool__(self) -> bool:
        return bool(self.approved or self.corrected or self.voided or self.met or self.fell)


@dataclass(slots=True)
class _Counts:
    approved: int = 0
    corrected: int = 0
    voided: int = 0
    met: list[str] = field(default_factory=list)
    fell: list[str] = field(default_factory=list)


def last_report(on: date) -> date:
    """The last day of the month before."""
    return on.replace(day=1) - timedelta(1)


def changed(source: Source) -> Mapping[str, Changed]:
    """Branch id → what changed in it; records by their folder, members by their branch of today."""
    found: dict[str, _Counts] = {}
    for branch, what in _decisions(source):
        counts = found.setdefault(branch, _Counts())
        setattr(counts, what, getattr(counts, what) + 1)
    before = _before(source)
    for ident, member in source.totals.members.items():
        had = _is_met(before.members[ident], source.on.year) if ident in before.members else False
        has = _is_met(member, source.on.year)
        if member.branch and had != has:
            counts = found.setdefault(member.branch, _Counts())
            (counts.met if has else counts.fell).append(ident)
    return {
        branch: Changed(c.approved, c.corrected, c.voided, tuple(c.met), tuple(c.fell))
        for branch, c in found.items()
    }


def _decisions(source: Source) -> Iterator[tuple[str, str]]:
    """(branch, approved | corrected | voided) of every approved version since then."""
    last = last_report(source.on)
    for path, versions in source.history.versions.items():
        if kind_of(path) != "study":
            continue
        before: Study | None = None
        known = False
        for version in versions:
            after = source.studies.get((path, version.blob or ""))
            if version.approved and after is not None:
                if _day(version) > last:
                    yield path.split("/")[1], _what(before, after, known=known)
                known = True
            before = after


def _what(before: Study | None, after: Study, *, known: bool) -> str:
    if after.void and not (before and before.void):
        return "voided"
    return "corrected" if known else "approved"


def _before(source: Source) -> Totals:
    last, records = last_report(source.on), source.records
    studies, approvals = {}, set()
    for path, versions in source.history.versions.items():
        then = next((v for v in reversed(versions) if _day(v) <= last), None)
        study = source.studies.get((path, then.blob or "")) if then else None
        if then and study:
            studies[path] = study
        if then and then.approved:
            approvals.add(path)
    return total(replace(records, studies=studies), records.policy, approvals, last, period="year")


def _day(version: Version) -> date:
    return version.at.astimezone(SHANGHAI).date()


def _is_met(member: MemberTotals, year: int) -> bool:
    """Whether the year's requirement is met, that of `year`."""
    standing = member.standing("year")
    return standing is not None and standing.start.year == year and standing.standing is Standing.MET
