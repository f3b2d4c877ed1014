"""What must be looked at in a branch: faults, odd and late entries, doubles, what counts less, missing pictures. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xueshi import words
from xueshi.model import Credit, Problem, Severity, Study
from xueshi.records import kind_of
from xueshi.reports.source import Source, in_year
from xueshi.speech import many, say

_TOLD_ANYWAY = "late-entry"  # a note: such an entry is accepted, and the reviewer looks at it
_CHECKED = {
    "unknown-kind": "kind",
    "future": "start_date",
}  # why totals count nothing → where the check says so


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: a record, or a file that cannot be read; what about it; whether it counts."""

    what: str
    words: str
    state: str


def findings(source: Source, branch: str, credits: Iterable[Credit]) -> tuple[Finding, ...]:
    """`credits` are all of the branch's; what they say is told of this year, what the check says of every year."""
    found = tuple(credits)
    counted = frozenset(credit.study.path for credit in found if credit.credited)
    newest = sorted(in_year(found, source.on.year), key=lambda c: c.study.start_date, reverse=True)
    return (
        *_problems(source, branch, counted),
        *_credited_less(source, branch, newest),
        *_pictures(source, branch, newest),
    )


def _problems(source: Source, branch: str, counted: frozenset[str]) -> Iterator[Finding]:
    """What the check says of the branch's files: one with an error is not counted, and is not hidden either."""
    for problem in source.problems_of(branch):
        is_told = problem.severity is not Severity.NOTE or problem.rule == _TOLD_ANYWAY
        if is_told:
            study = source.records.studies.get(problem.path)
            what = _told(source, study) if study else _file(source, problem)
            state = say("已计入") if problem.path in counted else say("未计入")
            # A title must not turn the sentence around it.
            yield Finding(what, words.visible(problem.message), state)


def _file(source: Source, problem: Problem) -> str:
    """A file that cannot be read: its place, and whose and which record it is as far as main's history knows."""
    place = say("%(path)s，第 %(n)s 行", path=problem.path, n=problem.line) if problem.line else problem.path
    whose = say("名册") if kind_of(problem.path) == "roster" else _known(source, problem.path)
    return say("%(whose)s（%(place)s）", whose=whose, place=place) if whose else place


def _known(source: Source, path: str) -> str:
    """The newest version of a record that can be read, else who sent it; empty where nothing is known."""
    versions = source.history.versions.get(path, ())
    blobs = [(v.blob, *(f"{s.commit}:{path}" for s in reversed(v.submissions))) for v in reversed(versions)]
    readable = (source.studies.get((path, blob)) for each in blobs for blob in each if blob)
    study = next((study for study in readable if study), None)
    if study:
        return _told(source, study)
    sent = [submission.by for version in versions for submission in version.submissions]
    return say("%(who)s提交的记录", who=source.names.get(sent[-1], sent[-1])) if sent else ""


def _credited_less(source: Source, branch: str, credits: Iterable[Credit]) -> Iterator[Finding]:
    checked = {(problem.path, problem.field) for problem in source.problems_of(branch)}
    for credit in credits:
        if (credit.study.path, _CHECKED.get(credit.why)) in checked:
            continue
        if credit.state == "unapproved":
            last = source.history.last(credit.study.path)
            told = words.named(words.REASON, last.reason) if last else say("没有历史")
            yield Finding(
                _told(source, credit.study), say("没有有效的审核：%(why)s", why=told), say("未计入")
            )
        elif credit.why not in ("", "void", "kind-not-counted"):
            less = say(
                "%(why)s，申报 %(claimed)s，认定 %(credited)s",
                why=source.why(credit.why),
                claimed=words.value(credit.claimed),
                credited=words.value(credit.credited),
            )
            state = say("部分计入") if credit.credited else say("未计入")
            yield Finding(_told(source, credit.study), less, state)


def _pictures(source: Source, branch: str, credits: Iterable[Credit]) -> Iterator[Finding]:
    """Records without a picture: each that waits, and this year's by person. One that is gone is the check's."""
    for _, study in source.waiting(branch=branch):
        if not study.evidence:
            yield Finding(_told(source, study), say("没有照片"), say("待审核"))
    bare: dict[str, list[str]] = {}
    for credit in credits:
        if credit.credited and not credit.study.evidence:
            bare.setdefault(credit.study.member, []).append(_day(credit.study))
    for member, each in bare.items():
        name = source.names.get(member, member)
        days = [
            many("%(day)s %(n)s 条", n, day=day) if n > 1 else day
            for day, n in Counter(reversed(each)).items()
        ]
        told = many("%(n)s 条记录没有照片（%(days)s）", len(each), days=say("、").join(days))
        yield Finding(name, told, say("已计入"))


def _day(study: Study) -> str:
    day = study.start_date
    return say("%(month)d月%(day)d日", month=day.month, day=day.day)


def _told(source: Source, study: Study) -> str:
    """Who, when and what: a person recognises the record without its path."""
    name = source.names.get(study.member, study.member)
    return say("%(name)s %(day)s《%(title)s》", name=name, day=_day(study), title=study.title)
