"""Rules that judge one study record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from xueshi.checks.context import Context, told_date
from xueshi.model import Problem, Severity, Study
from xueshi.ulids import year_of
from xueshi.words import plain


def path_and_id_agree(c: Context) -> Iterator[Problem]:
    """A record lies in its branch's folder, in the folder of its id's year in UTC, and is named by its id."""
    for study in c.studies:
        expected = f"records/{study.branch}/{year_of(study.id)}/{study.id}.yaml"
        if study.path != expected:
            yield c.problem(study, "id", f"记录编号与文件位置不一致，应放在 {expected}")


def branch_is_known(c: Context) -> Iterator[Problem]:
    """A record's folder is a branch of organisation.yaml."""
    known = {unit.id for unit in c.records.organisation.branches()}
    for study in c.studies:
        if study.branch not in known:
            yield c.problem(
                study, "schema", f"没有支部 {study.branch!r}，请在 organisation.yaml 中补上或移动文件"
            )


def member_is_on_roster(c: Context) -> Iterator[Problem]:
    """The member of a record was on the branch's roster on the study date."""
    for study in c.studies:
        person = c.people.get(study.member)
        day = told_date(study.start_date)
        if person is None:
            words = f"没有党员 {study.member!r}，请改正编号或在 records/{study.branch}/roster.yaml 中补上"
            yield c.problem(study, "member", words)
        elif person.membership(study.start_date, study.branch) is None:
            held = person.membership(study.start_date)
            where = f"当时在 {held.branch}" if held else "当时不在任何支部"
            words = f"党员 {study.member!r} {day}不在本支部名册上（{where}），请改正日期，或由党委更正名册"
            yield c.problem(study, "member", words)


def kind_is_known(c: Context) -> Iterator[Problem]:
    """A record's kind is one of policy.yaml's."""
    for study in c.studies:
        if study.kind not in c.records.policy.kinds:
            known = "、".join(c.records.policy.kinds)
            yield c.problem(study, "kind", f"没有学习类型 {study.kind!r}，请从这些中选：{known}")


def date_is_not_in_future(c: Context) -> Iterator[Problem]:
    """Nobody registers a study that has not begun."""
    for study in c.studies:
        if study.start_date > c.today:
            words = f"学习日期不能晚于今天（{told_date(c.today)}），请改成学习当天的日期"
            yield c.problem(study, "start_date", words)


def date_is_in_plan(c: Context) -> Iterator[Problem]:
    """A study before the first window of the policy counts towards nothing."""
    starts = [p.start for p in c.records.policy.periods.values() if p.start]
    for study in c.studies:
        if starts and study.start_date < min(starts):
            words = f"学习日期早于规划开始（{told_date(min(starts))}），不计入任何要求；请核对年份"
            yield c.problem(study, "start_date", words, Severity.WARNING)


def dates_are_in_order(c: Context) -> Iterator[Problem]:
    """A study ends on or after the day and time it begins, and lasts at most 31 days."""
    for study in c.studies:
        if study.end_date and study.end_date < study.start_date:
            yield c.problem(study, "end_date", "结束日期早于学习日期，请改正其中一个")
        elif study.end_date and study.end_date - study.start_date > timedelta(30):
            yield c.problem(study, "end_date", "一次学习最多 31 天，请分成几条")
        same_day = study.end_date in (None, study.start_date)
        if same_day and study.start_time and study.end_time and study.end_time <= study.start_time:
            yield c.problem(study, "end_time", "结束时间应晚于开始时间，请改正其中一个")


def hours_fit_the_days(c: Context) -> Iterator[Problem]:
    """Nobody studies more than 24 hours a day."""
    for study in c.studies:
        days = len(study.days)
        if days and study.hours > 24 * days:
            words = f"{days} 天不会有 {plain(study.hours)} 学时，请核对学时和日期（120 分钟是 2 学时）"
            yield c.problem(study, "hours", words)


def day_is_within_cap(c: Context) -> Iterator[Problem]:
    """What goes over the day's cap, over all records of a member that day, is accepted and not credited."""
    claimed: dict[tuple[str, object], Decimal] = {}
    for study in c.all_studies:
        if not study.void and len(study.days) == 1:
            key = (study.member, study.start_date)
            claimed[key] = claimed.get(key, Decimal(0)) + study.hours
    for study in c.studies:
        for cap in c.records.policy.caps:
            hours = claimed.get((study.member, study.start_date), study.hours)
            if len(study.days) == 1 and not study.void and hours > cap.max:
                words = f"{told_date(study.start_date)}共申报 {plain(hours)} 学时，每天最多计 {plain(cap.max)} 学时"
                yield c.problem(study, "hours", words, Severity.NOTE)


def evidence_exists(c: Context) -> Iterator[Problem]:
    """Every picture that a record names is kept."""
    for study in c.studies:
        for picture in study.evidence:
            if c.evidence is not None and picture.sha256 not in c.evidence:
                words = f"找不到照片 {picture.sha256[:12]}…，请重新上传，或先取回 evidence 引用"
                yield c.problem(study, "evidence", words)


def people_named_exist(c: Context) -> Iterator[Problem]:
    """Whoever submitted, changed or voided a record is on a roster."""
    for study in c.studies:
        acts = (("submitted", study.submitted), ("change", study.change), ("void", study.void))
        for name, act in acts:
            if act is not None and act.by not in c.people:
                yield c.problem(study, name, f"没有党员 {act.by!r}，请改正编号")


def ids_are_unique(c: Context) -> Iterator[Problem]:
    """No two files claim the same record id."""
    paths: dict[str, list[str]] = {}
    for study in c.all_studies:
        paths.setdefault(study.id, []).append(study.path)
    for study in c.studies:
        others = [path for path in paths[study.id] if path != study.path]
        if others:
            yield c.problem(study, "id", f"记录编号与 {others[0]} 重复，请删去新加的一份")


def same_event_once(c: Context) -> Iterator[Problem]:
    """One member's study is registered once: the same day with the same title is suspicious."""
    seen: dict[tuple[str, object, str], list[Study]] = {}
    for study in c.all_studies:
        if not study.void:
            seen.setdefault((study.member, study.start_date, _core(study.title)), []).append(study)
    for study in c.studies:
        twins = [
            s for s in seen.get((study.member, study.start_date, _core(study.title)), ()) if s.id < study.id
        ]
        if twins:
            words = f"同一天已有同样主题的登记《{twins[0].title}》，请确认不是重复"
            yield c.problem(study, "title", words, Severity.WARNING)


def is_same_event(one: Study, other: Study) -> bool:
    """Whether two records of one member look like the same study: same day, same title but for marks and spaces."""
    return one.start_date == other.start_date and _core(one.title) == _core(other.title)


def _core(title: str) -> str:
    return "".join(ch for ch in title if ch.isalnum())
