"""Rules that keep a closed year as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from xueshi.checks.context import Context
from xueshi.checks.proposal import Proposed
from xueshi.model import Closing, Problem, years
from xueshi.records.source import kind_of
from xueshi.records.writer import study_path
from xueshi.speech import say
from xueshi.totals import total
from xueshi.totals.closing import shifted
from xueshi.ulids import year_of

_MOST = 5  # members named where a committee's change touches many


def closing_path(year: int) -> str:
    """Where the manifest of a closed year lies."""
    return f"records/closed-{year}.yaml"


def closing_stands(c: Context) -> Iterator[Problem]:
    """Every record of a closed year is what the manifest says, and there is no other, except of members for whom the
    year was opened again."""
    for year, closing in sorted(c.records.closings.items()):
        listed, open_to = _listed(closing), closing.adjusted()
        for path, blob in sorted(listed.items()):
            study = c.records.studies.get(path)
            if c.records.blobs.get(path) != blob and (study is None or study.member not in open_to):
                member, ident = study.member if study else None, path.rsplit("/", 1)[1].removesuffix(".yaml")
                words = say(
                    "%(year)s 年已结账，这条记录与结账时不同（应为 %(blob)s…）。%(cure)s，然后恢复：xueshi restore-record %(record)s --to %(commit)s",
                    year=year,
                    blob=blob[:10],
                    cure=_cure(year, member),
                    record=ident,
                    commit=closing.commit[:10],
                )
                yield Problem(path, 0, "", words)
        for study in c.studies:
            if study.path not in listed and study.member not in open_to and year in years(study):
                cure = _cure(year, study.member)
                words = say("%(year)s 年已结账，不能再有新的记录。%(cure)s", year=year, cure=cure)
                yield c.problem(study, "start_date", words)


def year_is_not_closed(p: Proposed) -> Iterator[Problem]:
    """A record of a closed year is neither added nor changed, unless the year is open again for its member today."""
    for path in sorted(p.changed):
        if kind_of(path) != "study":
            continue
        sides = [s for s in (p.base.studies.get(path), p.head.studies.get(path)) if s is not None]
        for year in sorted({year for study in sides for year in years(study)} & set(p.base.closings)):
            member = sides[0].member
            if not p.base.closings[year].adjusts(member, p.today):
                words = f"{year} 年已结账，不能改动。{_cure(year, member)}"
                yield Problem(path, p.head.line(path, "start_date"), "", words, "start_date")


def closed_years_keep_their_figures(p: Proposed) -> Iterator[Problem]:
    """A change of rosters, units or rules gives nobody another year than it was closed with, unless the year is open
    again for them today. Where the histories were not asked, every record is taken as approved."""
    touched = sorted(path for path in p.changed if kind_of(path) in ("roster", "organisation", "policy"))
    for year, closing in sorted(p.base.closings.items()) if touched else ():
        last, everything = date(year, 12, 31), frozenset(p.base.studies)
        sides = ((p.base, p.before), (p.judged(), p.after or p.before))
        before, after = (
            total(held, held.policy, history.approvals() if history else everything, last)
            for held, history in sides
        )
        found = [(m, told) for m, told in shifted(before, after, year) if not closing.adjusts(m, p.today)]
        for member, told in found[:_MOST]:
            words = f"{year} 年已结账，这样改以后 {member} 的这一年会不同（{told}）。{_cure(year, member)}"
            yield Problem(touched[0], 0, "", words)
        if len(found) > _MOST:
            yield Problem(touched[0], 0, "", f"{year} 年已结账，还有 {len(found) - _MOST} 人的这一年会不同")


def closing_only_grows(p: Proposed) -> Iterator[Problem]:
    """What a closed year says stays, and so does its file; only adjustments are added."""
    for year, before in sorted(p.base.closings.items()):
        path = closing_path(year)
        if path not in p.changed:
            continue
        after = p.head.closings.get(year)
        if path not in p.head.blobs or after is None or not _grew(before, after):
            yield Problem(
                path, 0, "", f"{year} 年已结账，只能在 adjustments 末尾加一条调整，其余不能改，也不能删"
            )


def closing_is_of_main(p: Proposed) -> Iterator[Problem]:
    """A year is closed once it is over, with exactly the records that main has of it by then."""
    for year in sorted(p.head.closings.keys() - p.base.closings.keys()):
        path, listed = closing_path(year), _listed(p.head.closings[year])
        if year >= p.today.year:
            yield Problem(path, 0, "", f"{year} 年还没有结束，年后再结账")
        held = {s.path: p.base.blobs[s.path] for s in p.base.studies.values() if year in years(s)}
        other = sorted(path for path, _ in listed.items() ^ held.items())
        if other:
            words = (
                f"清单与 main 上 {year} 年的记录不同，例如 {other[0]}；请退回，重新运行 xueshi close {year}"
            )
            yield Problem(path, 0, "", words)


def _cure(year: int, member: str | None) -> str:
    return say(
        "要改动，请先由党委登记调整：xueshi close %(year)s --adjust %(member)s",
        year=year,
        member=member or say("党员编号"),
    )


def _listed(closing: Closing) -> dict[str, str]:
    """The records of a manifest: path -> blob id."""
    return {
        study_path(branch, ident, year_of(ident)): blob
        for branch, held in closing.records.items()
        for ident, blob in held.items()
    }


def _grew(before: Closing, after: Closing) -> bool:
    kept = after.adjustments[: len(before.adjustments)] == before.adjustments
    return kept and replace(after, adjustments=()) == replace(before, adjustments=())
