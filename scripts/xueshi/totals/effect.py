"""What a proposal would do to the hours of the members it touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from xueshi.model import Credit, History, RecordSet, Standings, Study, Version
from xueshi.totals import total_of


@dataclass(frozen=True, slots=True)
class Effect:
    """One member's standing over the year before and after; `credits` are the proposed records as credited."""

    member: str
    before: Standings | None
    after: Standings | None
    credits: tuple[Credit, ...]


def effect(records: RecordSet, history: History, proposed: Iterable[Study], on: date) -> tuple[Effect, ...]:
    """The effect of merging `proposed` as it is, a member at a time. The year is that of each member's study."""
    found, people = [], records.people()
    by_member: dict[str, list[Study]] = {}
    for study in proposed:
        by_member.setdefault(study.member, []).append(study)
    for member, studies in by_member.items():
        # Only this member's records matter, and an earlier year is judged as at its end.
        own = {path: study for path, study in records.studies.items() if study.member == member}
        day = min(on, date(max(s.start_date for s in studies).year, 12, 31))
        small = replace(records, studies=own)
        merged = replace(records, studies={**own, **{s.path: s for s in studies}})
        person = people.get(member)
        before = total_of(small, history, person, day) if person else None
        after = total_of(merged, _as_if_approved(history, studies), person, day) if person else None
        paths = {study.path for study in studies}
        found.append(
            Effect(
                member,
                before.standing("year") if before else None,
                after.standing("year") if after else None,
                tuple(c for c in after.credits if c.study.path in paths) if after else (),
            )
        )
    return tuple(found)


def _as_if_approved(history: History, studies: Iterable[Study]) -> History:
    versions: dict[str, tuple[Version, ...]] = dict(history.versions)
    for study in studies:
        assumed = Version(study.path, "proposed", history.tip, history.at, approved=True)
        versions[study.path] = (*versions.get(study.path, ()), assumed)
    return replace(history, versions=versions)
