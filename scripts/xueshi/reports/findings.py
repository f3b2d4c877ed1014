"""What must be looked at in a branch: faults, odd and late entries, doubles, what counts less, missing pictures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xueshi import words
from xueshi.model import Credit, Severity, Study
from xueshi.reports.source import Source, in_year

_TOLD_ANYWAY = "late-entry"  # a note: such an entry is accepted, and the reviewer looks at it


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
        *_credited_less(source, newest),
        *_pictures(source, branch, newest),
    )


def _problems(source: Source, branch: str, counted: frozenset[str]) -> Iterator[Finding]:
    """What the check says of the branch's files: one with an error is not counted, and is not hidden either."""
    for problem in source.problems:
        is_told = problem.severity is not Severity.NOTE or problem.rule == _TOLD_ANYWAY
        if problem.path.startswith(f"records/{branch}/") and is_told:
            study = source.records.studies.get(problem.path)
            what = _told(source, study) if study else f"{problem.path}，第 {problem.line} 行"
            yield Finding(what, problem.message, "已计入" if problem.path in counted else "未计入")


def _credited_less(source: Source, credits: Iterable[Credit]) -> Iterator[Finding]:
    for credit in credits:
        if credit.state == "unapproved":
            last = source.history.last(credit.study.path)
            told = words.REASON.get(last.reason, last.reason) if last else "没有历史"
            yield Finding(_told(source, credit.study), f"没有有效的审核：{told}", "未计入")
        elif credit.why not in ("", "void", "kind-not-counted"):
            less = f"申报 {words.value(credit.claimed)}，认定 {words.value(credit.credited)}"
            state = "部分计入" if credit.credited else "未计入"
            yield Finding(_told(source, credit.study), f"{source.why(credit.why)}，{less}", state)


def _pictures(source: Source, branch: str, credits: Iterable[Credit]) -> Iterator[Finding]:
    """Records without a picture: each that waits, and this year's by person. One that is gone is the check's."""
    for _, study in source.waiting(branch=branch):
        if not study.evidence:
            yield Finding(_told(source, study), "没有照片", "待审核")
    bare: dict[str, list[str]] = {}
    for credit in credits:
        if credit.credited and not credit.study.evidence:
            bare.setdefault(credit.study.member, []).append(_day(credit.study))
    for member, days in bare.items():
        name = source.names.get(member, member)
        yield Finding(name, f"{len(days)} 条记录没有照片（{'、'.join(reversed(days))}）", "已计入")


def _day(study: Study) -> str:
    return f"{study.start_date.month}月{study.start_date.day}日"


def _told(source: Source, study: Study) -> str:
    """Who, when and what: a person recognises the record without its path."""
    return f"{source.names.get(study.member, study.member)} {_day(study)}《{study.title}》"
