"""Rules that keep a closed year as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xueshi.checks.context import Context
from xueshi.checks.proposal import Proposed
from xueshi.model import Closing, Problem, Study
from xueshi.records.source import kind_of
from xueshi.records.writer import study_path
from xueshi.ulids import year_of


def closing_path(year: int) -> str:
    """Where the manifest of a closed year lies."""
    return f"records/closed-{year}.yaml"


def closing_stands(c: Context) -> Iterator[Problem]:
    """Every record of a closed year is what the manifest says, and there is no other, except of members for whom the
    year was opened again."""
    for year, closing in sorted(c.records.closings.items()):
        path, open_to = closing_path(year), closing.adjusted()
        if path not in c.records.blobs:
            yield Problem(path, 0, "", f"{year} 年的结账文件应放在 {path}")
        listed = {
            study_path(branch, ident, year_of(ident)): blob
            for branch, held in closing.records.items()
            for ident, blob in held.items()
        }
        for study_file, blob in sorted(listed.items()):
            study = c.records.studies.get(study_file)
            if c.records.blobs.get(study_file) != blob and (study is None or study.member not in open_to):
                words = f"{year} 年已结账，但这条记录与结账时不同（应为 {blob[:10]}…），请恢复到结账时的版本"
                yield Problem(study_file, 0, "", words)
        for study in c.studies:
            if study.path not in listed and study.member not in open_to and year in _years(study):
                words = f"{year} 年已结账，不能再有新的记录；请由党委为该党员登记调整：xueshi close {year} --adjust {study.member}"
                yield c.problem(study, "start_date", words)


def year_is_not_closed(p: Proposed) -> Iterator[Problem]:
    """A record of a closed year is neither added nor changed, unless the year is open again for its member today."""
    for path in sorted(p.changed):
        if kind_of(path) != "study":
            continue
        sides = [s for s in (p.base.studies.get(path), p.head.studies.get(path)) if s is not None]
        for year in sorted({year for study in sides for year in _years(study)} & set(p.base.closings)):
            member = sides[0].member
            if not p.base.closings[year].adjusts(member, p.today):
                words = f"{year} 年已结账；要改动请先由党委登记调整：xueshi close {year} --adjust {member}"
                yield Problem(path, p.head.line(path, "start_date"), "", words, "start_date")


def closing_only_grows(p: Proposed) -> Iterator[Problem]:
    """What a closed year says stays; only adjustments are added."""
    for year, before in sorted(p.base.closings.items()):
        path = closing_path(year)
        if path not in p.changed or path not in p.head.blobs:
            continue
        after = p.head.closings.get(year)
        if after is None or not _grew(before, after):
            yield Problem(path, 0, "", f"{year} 年已结账，只能在 adjustments 末尾加一条调整，其余不能改")


def _grew(before: Closing, after: Closing) -> bool:
    kept = after.adjustments[: len(before.adjustments)] == before.adjustments
    return kept and replace(after, adjustments=()) == replace(before, adjustments=())


def _years(study: Study) -> set[int]:
    """The years that a study may count in."""
    return {study.start_date.year, (study.end_date or study.start_date).year}
