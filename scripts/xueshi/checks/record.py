"""Rules that judge one study record."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from xueshi.checks.context import Context, told_date
from xueshi.model import SHANGHAI, Cap, Change, Problem, Severity, Study, Submitted, Void, contains
from xueshi.project import schema
from xueshi.speech import many, say
from xueshi.totals.convert import hours_of
from xueshi.ulids import is_sensible, year_of
from xueshi.words import plain

_BLANK = "\u2800\u115f\u1160\u3164\uffa0"  # letters and signs that show nothing


def path_and_id_agree(c: Context) -> Iterator[Problem]:
    """A record lies in its branch's folder, in the folder of its id's year in UTC, and is named by its id; that year is
    one from 2000 to 2199."""
    for study in c.studies:
        if not is_sensible(study.id):
            yield c.problem(study, "id", say("记录编号里的时间不对，请重新登记，由系统给出新的编号"))
            continue
        expected = f"records/{study.branch}/{year_of(study.id)}/{study.id}.yaml"
        if study.path != expected:
            words = say("记录编号与文件位置不一致，应放在 %(path)s", path=expected)
            yield c.problem(study, "id", words)


def branch_is_known(c: Context) -> Iterator[Problem]:
    """A record's folder is a branch of organisation.yaml."""
    known = {unit.id for unit in c.records.organisation.branches()}
    for study in c.studies:
        if study.branch not in known:
            words = say("没有支部 %(branch)r，请在 organisation.yaml 中补上或移动文件", branch=study.branch)
            yield c.problem(study, "schema", words)


def member_is_on_roster(c: Context) -> Iterator[Problem]:
    """The member of a record was on the branch's roster on the study date."""
    for study in c.studies:
        person = c.people.get(study.member)
        day = told_date(study.start_date)
        if person is None:
            words = say(
                "没有党员 %(member)r，请改正编号或在 records/%(branch)s/roster.yaml 中补上",
                member=study.member,
                branch=study.branch,
            )
            yield c.problem(study, "member", words)
        elif person.membership(study.start_date, study.branch) is None:
            held = person.membership(study.start_date)
            where = say("当时在 %(branch)s", branch=held.branch) if held else say("当时不在任何支部")
            words = say(
                "党员 %(member)r %(day)s不在本支部名册上（%(where)s），请改正日期，或由党委更正名册",
                member=study.member,
                day=day,
                where=where,
            )
            yield c.problem(study, "member", words)


def kind_is_known(c: Context) -> Iterator[Problem]:
    """A record's kind is one of policy.yaml's."""
    for study in c.studies:
        if study.kind not in c.records.policy.kinds:
            known = say("、").join(c.records.policy.kinds)
            words = say("没有学习类型 %(kind)r，请从这些中选：%(kinds)s", kind=study.kind, kinds=known)
            yield c.problem(study, "kind", words)


def date_is_not_in_future(c: Context) -> Iterator[Problem]:
    """Nobody registers a study that has not begun."""
    for study in c.studies:
        if study.start_date > c.today:
            words = say("学习日期不能晚于今天（%(today)s），请改成学习当天的日期", today=told_date(c.today))
            yield c.problem(study, "start_date", words)


def moments_are_past(c: Context) -> Iterator[Problem]:
    """Nothing was submitted, changed or voided later than tomorrow: clocks differ, but not by days."""
    for study in c.studies:
        for name, act in _acts(study):
            day = act.at.astimezone(SHANGHAI).date()
            if day > c.today + timedelta(1):
                words = say(
                    "写的时间（%(day)s）晚于今天（%(today)s），请改成实际的时间",
                    day=told_date(day),
                    today=told_date(c.today),
                )
                yield c.problem(study, name, words)


def title_is_not_blank(c: Context) -> Iterator[Problem]:
    """A title has a character that can be seen."""
    for study in c.studies:
        if not any(unicodedata.category(ch)[0] in "LNPSM" and ch not in _BLANK for ch in study.title):
            yield c.problem(study, "title", say("学习主题里没有看得见的文字，请填写"))


def replaces_another_record(c: Context) -> Iterator[Problem]:
    """A record replaces another one that there is."""
    known = {study.id for study in c.all_studies}
    for study in c.studies:
        if study.replaces == study.id:
            words = say("替代的记录就是它自己，请改成已作废的那一条的编号，或删去")
            yield c.problem(study, "replaces", words)
        elif study.replaces is not None and study.replaces not in known:
            words = say("没有记录 %(record)s，请核对所替代的那一条的编号", record=study.replaces)
            yield c.problem(study, "replaces", words, Severity.WARNING)


def date_is_in_plan(c: Context) -> Iterator[Problem]:
    """A study before the policy's earliest day is not accepted; one before the first window counts towards nothing."""
    earliest = c.records.policy.earliest
    starts = [p.start for p in c.records.policy.periods.values() if p.start]
    for study in c.studies:
        if study.void:
            continue
        if earliest is not None and study.start_date < earliest:
            words = say(
                "学习日期（%(day)s）早于 %(earliest)s，请核对年份",
                day=told_date(study.start_date),
                earliest=told_date(earliest),
            )
            yield c.problem(study, "start_date", words)
        elif starts and study.start_date < min(starts):
            first = told_date(min(starts))
            words = say("学习日期早于规划开始（%(day)s），不计入任何要求；请核对年份", day=first)
            yield c.problem(study, "start_date", words, Severity.WARNING)


def late_entry(c: Context) -> Iterator[Problem]:
    """A study that was registered long after it ended is accepted and marked as late."""
    limit = c.records.policy.latest_days
    for study in c.studies if limit is not None else ():
        sent = study.submitted.at.astimezone(SHANGHAI).date()
        after = (sent - (study.end_date or study.start_date)).days
        if limit is not None and after > limit and not study.void:
            words = many("学习结束 %(n)s 天后才登记（超过 %(limit)s 天算补登），请核实", after, limit=limit)
            yield c.problem(study, "start_date", words, Severity.NOTE)


def dates_are_in_order(c: Context) -> Iterator[Problem]:
    """A study ends on or after the day and time it begins, and lasts at most 31 days."""
    for study in c.studies:
        if study.end_date and study.end_date < study.start_date:
            yield c.problem(study, "end_date", say("结束日期早于学习日期，请改正其中一个"))
        elif study.end_date and study.end_date - study.start_date > timedelta(30):
            yield c.problem(study, "end_date", say("一次学习最多 31 天，请分成几条"))
        same_day = study.end_date in (None, study.start_date)
        if same_day and study.start_time and study.end_time and study.end_time <= study.start_time:
            yield c.problem(study, "end_time", say("结束时间应晚于开始时间，请改正其中一个"))


def hours_fit_the_days(c: Context) -> Iterator[Problem]:
    """Nobody studies more than 24 hours a day, and over several days hardly more than whole days of study."""
    for study in c.studies:
        days, most = _length(study), c.records.policy.conversion(study.start_date).hours_per_day
        if days > 0 and study.hours > 24 * days:
            words = many(
                "%(n)s 天不会有 %(hours)s 学时，请核对学时和日期（120 分钟是 2 学时）",
                days,
                hours=plain(study.hours),
            )
            yield c.problem(study, "hours", words)
        elif days > 1 and study.hours > most * days and not study.void:
            words = say(
                "%(n)s 天申报 %(hours)s 学时，每天按 %(daily)s 学时最多 %(most)s 学时，请核对学时和日期",
                n=days,
                hours=plain(study.hours),
                daily=plain(most),
                most=plain(most * days),
            )
            yield c.problem(study, "hours", words, Severity.WARNING)


def hours_agree_with_duration(c: Context) -> Iterator[Problem]:
    """Where a record says how long the study took, it claims no more hours than the policy converts that into."""
    for study in c.studies:
        kind, (minutes, told) = c.records.policy.kinds.get(study.kind), _duration(study)
        if kind is None or not minutes or study.void:
            continue
        worth = hours_of(Decimal(minutes), kind, study.start_date, c.records.policy)
        if study.hours > worth:
            words = say(
                "申报 %(hours)s 学时，而%(time)s折算成 %(worth)s 学时，请核对学时和时长",
                hours=plain(study.hours),
                time=told,
                worth=plain(worth),
            )
            yield c.problem(study, "hours", words, Severity.WARNING)


def day_is_within_cap(c: Context) -> Iterator[Problem]:
    """What goes over the day's cap, over all records of a member that day, is accepted and not credited."""
    days = {(study.member, study.start_date) for study in c.studies}
    claimed: dict[tuple[str, str, date], Decimal] = {}
    for study in c.all_studies:
        if (study.member, study.start_date) in days:
            for cap, hours in _taken(study, c):
                key = (cap.id, study.member, study.start_date)
                claimed[key] = claimed.get(key, Decimal(0)) + hours
    for study in c.studies:
        for cap, _ in _taken(study, c):
            hours = claimed[cap.id, study.member, study.start_date]
            if cap.max is not None and hours > cap.max:
                words = say(
                    "%(day)s共申报 %(hours)s 学时，每天最多计 %(most)s 学时",
                    day=told_date(study.start_date),
                    hours=plain(hours),
                    most=plain(cap.max),
                )
                yield c.problem(study, "hours", words, Severity.NOTE)


def kind_needs_its_fields(c: Context) -> Iterator[Problem]:
    """A record says what the policy asks of its kind, for example who organised an off-job training."""
    titles = schema("study")["properties"]
    for study in c.studies:
        kind = c.records.policy.kinds.get(study.kind)
        if kind is None or study.void:
            continue
        for field in kind.needs:
            if getattr(study, field) in (None, ()):
                title = titles[field]["title"]
                words = say(
                    "%(kind)s要写明%(title)s，请补上 %(field)s",
                    kind=kind.label,
                    title=say(title),
                    field=field,
                )
                yield c.problem(study, field, words, Severity.WARNING)


def people_named_exist(c: Context) -> Iterator[Problem]:
    """Whoever submitted, changed or voided a record is on a roster."""
    for study in c.studies:
        for name, act in _acts(study):
            if act.by not in c.people:
                yield c.problem(study, name, say("没有党员 %(member)r，请改正编号", member=act.by))


def _acts(study: Study) -> Iterator[tuple[str, Submitted | Change | Void]]:
    """What was done to a record, by the field that says so."""
    acts = (("submitted", study.submitted), ("change", study.change), ("void", study.void))
    return ((name, act) for name, act in acts if act is not None)


def _length(study: Study) -> int:
    """How many days a study lasts; none or fewer when it ends before it begins."""
    return ((study.end_date or study.start_date) - study.start_date).days + 1


def _duration(study: Study) -> tuple[int, str]:
    """How many minutes a study says it took, and the words for it; 0 when it does not say."""
    if study.duration_minutes:
        return study.duration_minutes, many(" %(n)s 分钟", study.duration_minutes)
    if not study.start_time or not study.end_time or _length(study) != 1:
        return 0, ""
    start, end = (int(time[:2]) * 60 + int(time[3:]) for time in (study.start_time, study.end_time))
    span = many(" %(start)s—%(end)s（%(n)s 分钟）", end - start, start=study.start_time, end=study.end_time)
    return max(end - start, 0), span


def _taken(study: Study, c: Context) -> list[tuple[Cap, Decimal]]:
    """The day's caps that a record of one day uses up, with the hours it asks of each."""
    kind, day = c.records.policy.kinds.get(study.kind), study.start_date
    if kind is None or study.void or _length(study) != 1 or not kind.on(day).counts:
        return []
    kind = kind.on(day)
    caps = [cap for cap in c.records.policy.caps if cap.enabled and cap.per == "day" and cap.max is not None]
    return [
        (cap, study.hours * kind.factor)
        for cap in caps
        if contains(cap.start, cap.until, day) and cap.where.matches(study, kind)
    ]
