"""Rules that compare records with each other. Of two that are alike the later one is reported, unless only the
earlier one is judged; a void record is like no other."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from difflib import SequenceMatcher
from functools import lru_cache

from xueshi.checks.context import Context, told_date
from xueshi.model import Problem, Severity, Study
from xueshi.speech import later, say

_LONGEST = 31  # days of a study that are compared; more is an error of its own
_ALIKE = 0.8  # of two titles' characters in common
_TELLING = 4  # characters of a title that say enough when another title contains them


def ids_are_unique(c: Context) -> Iterator[Problem]:
    """No two files claim the same record id."""
    judged = {study.id for study in c.studies}
    paths: dict[str, list[str]] = {}
    for study in c.all_studies:
        if study.id in judged:
            paths.setdefault(study.id, []).append(study.path)
    for study in c.studies:
        others = [path for path in paths[study.id] if path != study.path]
        if others:
            yield c.problem(study, "id", say("记录编号与 %(path)s 重复，请删去新加的一份", path=others[0]))


def same_event_once(c: Context) -> Iterator[Problem]:
    """One member's study is registered once: two with nearly the same title on one day are suspicious."""
    for study, others in _beside(c):
        other = next((one for one in others if _titles_alike(study.title, one.title)), None)
        if other is not None:
            same = study.start_date == other.start_date
            day = told_date(other.start_date)
            words = say(
                later("同一天已有相近主题的登记《%(title)s》（%(record)s），请确认不是重复")
                if same
                else later("%(day)s起的几天里已有相近主题的登记《%(title)s》（%(record)s），请确认不是重复"),
                day=day,
                title=other.title,
                record=other.id,
            )
            yield c.problem(study, "title", words, Severity.WARNING)


def times_do_not_overlap(c: Context) -> Iterator[Problem]:
    """Nobody is at two studies at one time of a day."""
    for study, others in _beside(c):
        mine = _clock(study)
        for other in others if mine else ():
            theirs = _clock(other)
            if mine and theirs and mine[0] < theirs[1] and theirs[0] < mine[1]:
                words = say(
                    "%(mine)s 与本人同一天的《%(title)s》（%(record)s）%(theirs)s 时间重叠，请核对时间，或确认不是重复",
                    mine="—".join(mine),
                    title=other.title,
                    record=other.id,
                    theirs="—".join(theirs),
                )
                yield c.problem(study, "start_time", words, Severity.WARNING)
                break


def picture_of_one_day(c: Context) -> Iterator[Problem]:
    """One picture proves one occasion: records that name it share a day, whoever they belong to."""
    judged = {study.path for study in c.studies}
    used = _by_picture(c, judged)
    for study in c.studies:
        for sent, kept in _pictures(study).items():
            others = (one for one in used[sent] if _apart(study, one) and _is_told_of(study, one, judged))
            other = next(others, None)
            if other is not None:
                words = say(
                    "照片 %(picture)s… 也用在%(day)s的登记（%(record)s）上，请核对照片和学习日期",
                    picture=kept[:12],
                    day=told_date(other.start_date),
                    record=other.id,
                )
                yield c.problem(study, "evidence", words, Severity.WARNING)


def is_same_event(one: Study, other: Study) -> bool:
    """Whether two records look like one study: of one member, sharing a day, with nearly the same title."""
    return (
        one.member == other.member
        and not one.void
        and not other.void
        and not _apart(one, other)
        and _titles_alike(one.title, other.title)
    )


def _beside(c: Context) -> Iterator[tuple[Study, list[Study]]]:
    """Each judged record with its member's others that share a day with it and that it is told of, in order of id."""
    judged, members = {study.path for study in c.studies}, {study.member for study in c.studies}
    by_day: dict[tuple[str, date], list[Study]] = {}
    for study in c.all_studies:
        if study.member in members and not study.void:
            for day in _days(study):
                by_day.setdefault((study.member, day), []).append(study)
    for study in c.studies:
        if study.void:
            continue
        near = [by_day[study.member, day] for day in _days(study)]
        others = {one.path: one for day in near if len(day) > 1 for one in day}
        told = [one for one in others.values() if _is_told_of(study, one, judged)]
        if told:
            yield study, sorted(told, key=lambda one: one.id)


def _is_told_of(study: Study, other: Study, judged: Collection[str]) -> bool:
    """Whether a likeness of the two is reported on the first. Two files with one id are another rule's business."""
    return other.id < study.id or (other.id != study.id and other.path not in judged)


def _by_picture(c: Context, judged: Collection[str]) -> dict[str, list[Study]]:
    """Each picture of the judged records (by the hash of what was sent) with the records that name it, in order of id.
    Of those that last the same days only the first stands for all, and the first that is not judged."""
    wanted = {sent for study in c.studies for sent in _pictures(study)}
    firsts: dict[tuple[str, date, date, bool], Study] = {}
    for study in c.all_studies if wanted else ():
        for sent in _pictures(study):
            if sent in wanted:
                key = (sent, study.start_date, _last(study), study.path in judged)
                if key not in firsts or study.id < firsts[key].id:
                    firsts[key] = study
    found: dict[str, list[Study]] = {}
    for key, study in sorted(firsts.items(), key=lambda item: item[1].id):
        found.setdefault(key[0], []).append(study)
    return found


def _pictures(study: Study) -> dict[str, str]:
    """Hashes of what was sent and of what is kept of it; a void record shows nothing."""
    return {} if study.void else {one.source_sha256: one.sha256 for one in study.evidence}


def _last(study: Study) -> date:
    return max(study.start_date, study.end_date or study.start_date)


def _days(study: Study) -> Iterator[date]:
    for n in range(min((_last(study) - study.start_date).days + 1, _LONGEST)):
        yield study.start_date + timedelta(n)


def _apart(one: Study, other: Study) -> bool:
    """Whether two studies share no day."""
    return _last(one) < other.start_date or _last(other) < one.start_date


def _clock(study: Study) -> tuple[str, str] | None:
    """From when to when a study of one day lasted, if it says so."""
    if study.start_time and study.end_time and study.start_time < study.end_time:
        return (study.start_time, study.end_time) if _last(study) == study.start_date else None
    return None


def _titles_alike(one: str, other: str) -> bool:
    """Whether two titles name one study but for marks, spaces, widths, cases and a few characters."""
    short, long = sorted((_core(one), _core(other)), key=lambda core: (len(core), core))
    if short == long or (len(short) >= _TELLING and short in long):
        return True
    if 2 * len(short) < _ALIKE * (len(short) + len(long)):
        return False
    match = SequenceMatcher(None, short, long, autojunk=False)
    return match.quick_ratio() >= _ALIKE and match.ratio() >= _ALIKE


@lru_cache(maxsize=4096)
def _core(title: str) -> str:
    """A title's letters and digits; the title itself where it has none."""
    flat = unicodedata.normalize("NFKC", title).casefold()
    return "".join(ch for ch in flat if ch.isalnum()) or title
