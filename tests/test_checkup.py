"""The organisation check-up: edge cases of the sample organisation, each on the day that decides."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner
from conftest import School

from xueshi import project, totals
from xueshi.checkup import MEASURES, Finding, checkup
from xueshi.cli import main
from xueshi.model import (
    Membership,
    Norm,
    Organisation,
    Policy,
    RecordSet,
    Roster,
    RosterEntry,
    Span,
    Study,
    Submitted,
    Term,
    Unit,
    When,
    Where,
)
from xueshi.records import parse_file
from xueshi.reports.source import attainment

ON = date(2026, 11, 24)
BEGAN = date(2024, 1, 1)


def shipped() -> Policy:
    """The policy that everybody starts from."""
    value = parse_file("records/policy.yaml", project.policy_file()).value
    assert isinstance(value, Policy)
    return value


def members(full: int, probationary: int = 0, exempt: int = 0, branch: str = "jg1") -> Roster:
    free = (Span(BEGAN, None),)
    rows = [
        RosterEntry(
            f"{branch}-{number}", f"样{number}",
            (Membership(branch, BEGAN, None, "full" if number < full else "probationary"),),
            exempt=free if number < exempt else (),
        )
        for number in range(full + probationary)
    ]  # fmt: skip
    return Roster(branch, tuple(rows))


def school_of(roster: Roster, *studies: Study, **unit: object) -> RecordSet:
    """One branch under one committee."""
    committee = Unit("art", "committee", "党委")
    branch = replace(Unit(roster.branch, "branch", "支部", "art"), **unit)  # type: ignore[arg-type]
    return RecordSet(
        Organisation("学院", (committee, branch), (), ()), shipped(), {roster.branch: roster},
        {study.path: study for study in studies},
    )  # fmt: skip


def study(day: date, kind: str = "theme_day", title: str = "学习", **more: object) -> Study:
    number = f"{title}{day}{len(more)}{more.get('activity', '')}{more.get('member', '')}"
    values: dict[str, object] = {
        "path": f"records/jg1/2026/{number}.yaml", "branch": "jg1", "id": number, "member": "jg1-0", "kind": kind,
        "title": title, "start_date": day, "hours": Decimal(2),
        "submitted": Submitted("jg1-0", None, "link", ""),  # type: ignore[arg-type]
    }  # fmt: skip
    values.update(more)
    return Study(**values)  # type: ignore[arg-type]


def look(
    records: RecordSet, norm: str, on: date = ON, policy: Policy | None = None, unit: str = "jg1"
) -> Finding:
    (found,) = every(records, norm, on, policy, unit)
    return found


def every(
    records: RecordSet, norm: str, on: date = ON, policy: Policy | None = None, unit: str = "jg1"
) -> list[Finding]:
    used = policy or records.policy
    figures = totals.total(records, used, set(records.studies), on)
    found = checkup(records, used, figures, on)
    json.dumps([asdict(one) for one in found])
    return [one for one in found if one.norm == norm and one.unit == unit]


def with_norm(norm: Norm) -> Policy:
    return replace(shipped(), norms=(norm,))


def own(measure: str, **more: object) -> Norm:
    return Norm("own", "自定", ("branch",), measure, date(2024, 1, 1), None, "本单位", **more)  # type: ignore[arg-type]


# --- size


@pytest.mark.parametrize(
    ("full", "probationary", "verdict"),
    [(2, 0, "short"), (3, 0, "ok"), (2, 9, "short"), (6, 9, "ok"), (0, 0, "short")],
)
def test_a_branch_has_three_full_members_and_probationary_ones_never_count(
    full: int, probationary: int, verdict: str
) -> None:
    found = look(school_of(members(full, probationary)), "min-members")
    assert (found.value, found.required, found.verdict) == (f"{full} 人", "不少于 3 人", verdict)
    assert found.severity == "required" and "条例" in found.source
    assert any(f"预备党员 {probationary} 人" in line for line in found.details) == bool(probationary)


def test_a_joint_branch_that_is_too_small_is_told_what_it_may_do() -> None:
    told = look(school_of(members(2, 1), type="joint"), "min-members").details
    assert any(line.startswith("已是联合党支部") and "5 个单位" in line for line in told)
    assert any("可与邻近单位成立联合党支部" in d for d in look(school_of(members(2)), "min-members").details)
    assert not look(school_of(members(3), type="joint"), "min-members").details


@pytest.mark.parametrize(("count", "verdict"), [(50, "ok"), (51, "short")])
def test_a_branch_has_at_most_fifty_members_the_exempt_and_probationary_among_them(
    count: int, verdict: str
) -> None:
    found = look(school_of(members(count - 5, 5, exempt=4)), "max-members")
    assert (found.value, found.verdict) == (f"{count} 人", verdict)


@pytest.mark.parametrize(("kind", "asked"), [("teacher", 1), ("student", 0), (None, 0)])
def test_a_norm_for_teachers_asks_teachers_only(kind: str | None, asked: int) -> None:
    found = every(school_of(members(31), type=kind), "max-teachers")
    assert [one.verdict for one in found] == ["short"] * asked


@pytest.mark.parametrize(("full", "asked"), [(6, 0), (7, 1)])
def test_seven_full_members_need_a_committee(full: int, asked: int) -> None:
    assert len(every(school_of(members(full, 9)), "committee")) == asked


@pytest.mark.parametrize(
    ("size", "verdict"), [(None, "unknown"), (0, "short"), (2, "short"), (3, "ok"), (7, "ok"), (8, "short")]
)
def test_a_committee_has_three_to_seven(size: int | None, verdict: str) -> None:
    terms = (Term(date(2021, 1, 1), date(2024, 1, 1), 5), Term(date(2024, 6, 1), date(2027, 6, 1), size))
    assert look(school_of(members(7), terms=terms), "committee").verdict == verdict
    assert look(school_of(members(7)), "committee").verdict == "unknown"


def test_only_a_branch_with_a_committee_is_asked_for_its_meetings() -> None:
    norm = own("events", min=1, period="month", when=When(has_committee=True))
    terms = (Term(date(2024, 6, 1), None, 3),)
    assert every(school_of(members(7), terms=terms), "own", policy=with_norm(norm))
    assert not every(school_of(members(7)), "own", policy=with_norm(norm))


def test_a_committee_counts_everybody_below_it_once() -> None:
    records = school_of(members(5, 2))
    yjs, general = members(4, branch="yjs"), Unit("gen", "general_branch", "总支", "art")
    units = (*records.organisation.units, general, Unit("yjs", "branch", "研", "gen"))
    records = replace(
        records,
        organisation=replace(records.organisation, units=units),
        rosters={**records.rosters, "yjs": yjs},
    )
    norm = replace(own("members", max=100), subject=("committee", "general_branch"))
    assert look(records, "own", policy=with_norm(norm), unit="art").value == "11 人"
    assert look(records, "own", policy=with_norm(norm), unit="gen").value == "4 人"
    assert not every(records, "own", policy=with_norm(norm))


# --- term


@pytest.mark.parametrize(
    ("start", "until", "verdict", "words"),
    [
        (date(2024, 4, 24), None, "due", "请在 2026-12-24 前请示"),  # five months
        (
            date(2024, 3, 1),
            date(2027, 3, 1),
            "due",
            "应在 2026-11-01 前请示，请尽快",
        ),  # three, too late to apply
        (date(2024, 5, 24), None, "due", "还有 181 天期满"),  # six to the day
        (date(2024, 5, 25), None, "ok", ""),
        (date(2024, 6, 24), None, "ok", ""),  # seven months
        (date(2023, 11, 24), None, "overdue", "超期 1 天"),
        (date(2023, 11, 25), None, "due", "还有 1 天期满"),
        (date(2022, 6, 1), None, "overdue", "任期已满"),
        (date(2024, 6, 1), date(2028, 6, 1), "short", "延期一般不超过 1 年"),
        (date(2025, 1, 1), date(2027, 1, 1), "due", "请示"),  # teachers may have two years
    ],
)
def test_a_term_is_told_of_before_it_ends(start: date, until: date | None, verdict: str, words: str) -> None:
    found = look(school_of(members(7), terms=(Term(start, until, 3),)), "term")
    assert found.verdict == verdict
    assert words in "；".join(found.details)


def test_without_a_term_nobody_can_tell() -> None:
    assert look(school_of(members(7)), "term").verdict == "unknown"
    later = (Term(date(2027, 1, 1), None, 3),)
    assert look(school_of(members(7), terms=later), "term").verdict == "unknown"
    assert look(school_of(members(7)), "committee-term", unit="art").verdict == "unknown"


def test_a_new_term_ends_the_matter_of_the_old_one() -> None:
    terms = (Term(date(2022, 6, 1), date(2025, 6, 1), 3), Term(date(2026, 1, 1), None, 3))
    found = look(school_of(members(7), terms=terms), "term")
    assert (found.verdict, found.value) == ("ok", "2026-01-01 至 2028-12-31")


# --- meetings


def months(*numbers: int, kind: str = "theme_day") -> list[Study]:
    return [study(date(2026, number, 5), kind) for number in numbers]


def test_a_theme_day_is_asked_for_every_month_that_is_over() -> None:
    found = look(school_of(members(3), *months(1, 2, 4, 5, 6, 7, 8, 10)), "theme-day")
    assert (found.value, found.required, found.verdict) == (
        "10 个月中 8 个月达到",
        "每月不少于 1 次",
        "short",
    )
    assert found.details == ("2026 年 3 月：0 次", "2026 年 9 月：0 次", "2026 年 11 月：0 次，还没有结束")


def test_the_month_that_is_not_over_is_due_until_its_last_day() -> None:
    records = school_of(members(3), *months(*range(1, 11)))
    assert look(records, "theme-day").verdict == "due"
    assert look(records, "theme-day", date(2026, 11, 29)).verdict == "due"
    assert look(records, "theme-day", date(2026, 11, 30)).verdict == "short"
    assert look(school_of(members(3), *months(*range(1, 12))), "theme-day").verdict == "ok"


def test_quarters_are_named() -> None:
    found = look(school_of(members(3), *months(1, 8, kind="branch_meeting")), "general-meeting")
    assert (found.value, found.verdict) == ("3 个季度中 2 个季度达到", "short")
    assert found.details == ("2026 年第 2 季度：0 次", "2026 年第 4 季度：0 次，还没有结束")


def test_events_are_told_apart_by_activity_else_by_day_and_title() -> None:
    day = date(2026, 11, 5)
    same = [
        study(day, title="党章 学习", member="jg1-0"),
        study(day, title="党章学习。", member="jg1-1"),
        study(day, title="党章学习", member="jg1-2", activity="a"),
        study(day, title="另一个名字", activity="a"),
    ]
    norm = own("events", min=2, period="year", where=Where(kind=("theme_day",)))
    assert look(school_of(members(3), *same), "own", policy=with_norm(norm)).value == "1 次"
    two = [*same, study(day, title="另一个名字", activity="b")]
    assert look(school_of(members(3), *two), "own", policy=with_norm(norm)).verdict == "ok"


def test_what_is_void_unapproved_or_to_come_was_not_held() -> None:
    records = school_of(members(3), study(date(2026, 11, 5)), study(date(2026, 11, 25)))
    norm = own("events", min=1, period="month", where=Where(kind=("theme_day",)))
    figures = totals.total(records, records.policy, set(), ON)
    (found,) = checkup(records, with_norm(norm), figures, ON)
    assert found.value == "10 个月中 0 个月达到"
    figures = totals.total(records, records.policy, set(records.studies), date(2026, 11, 4))
    (found,) = checkup(records, with_norm(norm), figures, date(2026, 11, 4))
    assert "2026 年 11 月：0 次，还没有结束" in found.details


def test_a_branch_formed_this_year_is_asked_from_its_first_whole_month() -> None:
    young = Roster(
        "jg1", (RosterEntry("jg1-0", "样", (Membership("jg1", date(2026, 8, 20), None, "full"),)),)
    )
    found = look(school_of(young, *months(9)), "theme-day")
    assert (found.value, found.verdict) == ("2 个月中 1 个月达到", "short")
    assert found.details[0] == "2026 年 10 月：0 次"


def test_a_yearly_norm_is_judged_on_the_years_last_day() -> None:
    norm = own("events", min=1, period="year", where=Where(topic=("life_meeting",)))
    records = school_of(members(3))
    assert look(records, "own", policy=with_norm(norm)).verdict == "due"
    assert look(records, "own", date(2026, 12, 31), policy=with_norm(norm)).verdict == "short"


def test_too_many_cannot_become_fewer() -> None:
    norm = own("events", max=1, period="month", where=Where(kind=("theme_day",)))
    both = (study(date(2026, 11, 5)), study(date(2026, 11, 6)))
    assert look(school_of(members(3), *both), "own", policy=with_norm(norm)).verdict == "short"


def test_a_period_that_no_branch_has_cannot_be_judged() -> None:
    norm = own("events", min=1, period="year-after-full")
    assert look(school_of(members(3)), "own", policy=with_norm(norm)).verdict == "unknown"
    plan = own("events", min=3, period="plan", where=Where(kind=("theme_day",)))
    earlier = (study(date(2025, 1, 5)), study(date(2025, 2, 5)), study(date(2026, 2, 5)))
    assert look(school_of(members(3), *earlier), "own", policy=with_norm(plan)).verdict == "ok"


def test_kinds_without_an_hour_are_named_and_open_until_the_year_is_over() -> None:
    records = school_of(members(3), *months(1), *months(2, kind="lecture"))
    found = look(records, "kinds-without-hours")
    assert (found.value, found.verdict, found.required) == ("2 种没有学时", "due", "应为 0 种")
    assert found.details == ("支部会议", "党课")
    assert look(records, "kinds-without-hours", date(2026, 12, 31)).verdict == "short"


def test_who_is_behind_is_told_by_id_and_never_in_the_value() -> None:
    found = look(school_of(members(2, exempt=1)), "members-behind")
    assert (found.value, found.verdict) == ("1 人", "short")
    assert found.details == ("jg1-1：member-year",)
    assert look(school_of(members(1, exempt=1)), "members-behind").verdict == "ok"


def test_whoever_is_behind_only_in_another_requirement_is_not_counted() -> None:
    """The headline of the same page counts by the first requirement over the year."""
    rules = shipped()
    off_job = next(rule for rule in rules.requirements if rule.id == "secretary-off-job")
    asked = replace(off_job, who=rules.requirements[0].who)
    policy = replace(rules, requirements=tuple(asked if r is off_job else r for r in rules.requirements))
    days = [study(date(2026, 3, day), kind="lecture", hours=Decimal(8)) for day in (2, 3, 4, 5)]
    records = school_of(members(2), *days)
    figures = totals.total(records, policy, set(records.studies), ON)
    behind = {
        i: [s.requirement.id for s in m.standings if s.standing == "behind"]
        for i, m in figures.members.items()
    }
    assert [{off_job.id, "member-year"} & set(behind[i]) for i in ("jg1-0", "jg1-1")] == [
        {off_job.id},
        {off_job.id, "member-year"},
    ]
    found = look(records, "members-behind", policy=policy)
    assert (found.value, found.details) == ("1 人", ("jg1-1：member-year",))
    assert attainment(figures.members.values()).behind == 1


def test_norms_of_another_time_and_disabled_ones_are_not_asked() -> None:
    later = replace(own("members", min=1), start=date(2027, 1, 1))
    ended = replace(own("members", min=1), until=ON)
    off = replace(own("members", min=1), enabled=False)
    for norm in (later, ended, off):
        assert not every(school_of(members(3)), "own", policy=with_norm(norm))


def test_every_measure_of_the_schema_is_known() -> None:
    known = project.schema("policy")["properties"]["norms"]["items"]["properties"]["measure"]["enum"]
    assert set(known) == set(MEASURES)


# --- the command


def test_the_command_tells_what_is_short_by_its_exit_code(school: School) -> None:
    repo = ("checkup", "--repo", str(school.repo.path), "--on", "2026-11-24")
    result = CliRunner().invoke(main, [*repo, "--branch", "yjs"])
    assert result.exit_code == 1
    assert "未达到  yjs  正式党员不少于 3 人：2 人，不少于 3 人" in result.output
    result = CliRunner().invoke(main, [*repo, "--branch", "sample-art", "--format", "json"])
    told = json.loads(result.output)
    assert result.exit_code == 0 and told["on"] == "2026-11-24"
    assert [one["verdict"] for one in told["findings"]] == ["unknown"]
    assert "覃演禾" not in CliRunner().invoke(main, list(repo)).output
    result = CliRunner().invoke(main, [*repo, "--branch", "nowhere"])
    assert result.exit_code == 2 and "现有：sample-art" in result.output
