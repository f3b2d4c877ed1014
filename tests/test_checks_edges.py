"""What each rule lets pass and where it points, on the first and last days and in the middle of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from test_cases import ORGANISATION, policy, rosters

from xueshi import checks, ulids
from xueshi.checks import closing, duplicates, organisation, proposal, record
from xueshi.checks import policy as rules_of_policy
from xueshi.checks.context import Context
from xueshi.checks.proposal import Proposed
from xueshi.model import (
    SHANGHAI,
    Adjustment,
    Alerts,
    Cap,
    CarryOver,
    Change,
    Closing,
    Crossing,
    Desk,
    Evidence,
    History,
    Kept,
    KindChange,
    Membership,
    Norm,
    Option,
    Period,
    Picture,
    Policy,
    Problem,
    RecordSet,
    Requirement,
    Reviewer,
    Role,
    RosterEntry,
    Selector,
    Severity,
    Span,
    Study,
    Submission,
    Submitted,
    Term,
    Unit,
    Version,
    Void,
    Where,
)
from xueshi.records import build

TODAY = date(2026, 11, 19)
DAY = date(2026, 3, 2)
BEGIN = date(2024, 1, 1)
AT = datetime(2026, 3, 2, 18, 0, tzinfo=SHANGHAI)
VOID = Void("m1", AT, "重复")
POLICY, UNITS, JG1 = "records/policy.yaml", "records/organisation.yaml", "records/jg1/roster.yaml"
RULES: Policy = policy({})
MEMBERS = {"m1": {}, "m2": {"branch": "yjs"}}
SOUND = RecordSet(
    build.organisation(ORGANISATION), RULES, rosters(MEMBERS), {}, blobs={POLICY: "p", JG1: "r"}
)
Told = list[tuple[str, str, Severity]]


def study(number: int, **changes: object) -> Study:
    ident = ulids.new(AT + timedelta(seconds=number))
    branch = changes.get("branch", "jg1")
    made = Study(f"records/{branch}/2026/{ident}.yaml", str(branch), ident, "m1", "lecture", f"学习{number}", DAY, Decimal(2), Submitted("m1", AT, "link", "2026-01"))  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def with_(found: RecordSet, *studies: Study) -> RecordSet:
    lines = {s.path: {"hours": 9, "start_date": 7, "change": 20, "id": 2, "member": 3} for s in studies}
    blobs = {s.path: f"blob {s.id}" for s in studies}
    more = {"studies": {s.path: s for s in studies}, "lines": {**found.lines, **lines}}
    return replace(found, blobs={**found.blobs, **blobs}, **more)


def judge(rule: Callable[[Context], Iterator[Problem]], found: RecordSet, *studies: Study) -> list[Problem]:
    held = with_(found, *studies) if studies else found
    everything = tuple(held.studies.values())
    found = list(rule(Context(held, everything, everything, held.people(), TODAY, None)))
    assert all(p.message and "None" not in p.message for p in found)
    return found


def told(problems: Iterable[Problem]) -> Told:
    return [(p.path, p.field, p.severity) for p in problems]


def error(*places: tuple[str, str]) -> Told:
    return [(path, field, Severity.ERROR) for path, field in places]


# --- one record


def test_a_record_lies_where_its_branch_its_ids_year_and_its_id_say() -> None:
    right = study(1)
    assert judge(record.path_and_id_agree, SOUND, right) == []
    for wrong in ("/yjs/2026/", "/jg1/2025/"):
        moved = replace(right, path=right.path.replace("/jg1/2026/", wrong))
        (problem,) = judge(record.path_and_id_agree, SOUND, moved)
        assert (problem.path, problem.field, problem.line) == (moved.path, "id", 2)
        assert f"应放在 {right.path}" in problem.message


def test_a_member_is_looked_for_on_the_days_roster_of_the_branch() -> None:
    periods = (Membership("jg1", BEGIN, DAY, "full"), Membership("yjs", DAY, date(2026, 3, 4), "full"))
    entry = replace(SOUND.rosters["jg1"].members[0], id="m3", periods=periods)
    jg1 = replace(SOUND.rosters["jg1"], members=(*SOUND.rosters["jg1"].members, entry))
    found = replace(SOUND, rosters={**SOUND.rosters, "jg1": jg1})
    days = [study(n, member="m3", start_date=DAY + timedelta(n)) for n in (-1, 0, 1, 2)]
    problems = judge(record.member_is_on_roster, found, *days)
    assert told(problems) == error(*((one.path, "member") for one in days[1:]))
    assert ["（当时在 yjs）" in p.message for p in problems] == [True, True, False]
    assert "当时不在任何支部" in problems[2].message and "2026年3月4日" in problems[2].message
    other = [replace(one, branch="yjs") for one in days]
    assert [p.path for p in judge(record.member_is_on_roster, found, *other)] == [days[0].path, days[3].path]
    (problem,) = judge(record.member_is_on_roster, found, study(5, member="zz"), study(6))
    assert "没有党员 'zz'" in problem.message and JG1 in problem.message and problem.line == 3


def test_branches_and_kinds_are_known_ones() -> None:
    odd = study(1, branch="sample-art", kind="nothing")
    assert told(judge(record.branch_is_known, SOUND, odd, study(2))) == error((odd.path, "schema"))
    (problem,) = judge(record.kind_is_known, SOUND, odd, study(2))
    assert (problem.path, problem.field) == (odd.path, "kind")
    assert problem.message.endswith("、".join(RULES.kinds))


def test_today_is_not_the_future_and_the_first_day_is_in_the_plan() -> None:
    today, next_day = study(1, start_date=TODAY), study(2, start_date=TODAY + timedelta(1))
    problems = judge(record.date_is_not_in_future, SOUND, today, next_day)
    assert told(problems) == error((next_day.path, "start_date")) and "2026年11月19日" in problems[0].message
    later = replace(
        RULES, earliest=None, periods={**RULES.periods, "next": Period("next", "window", date(2025, 1, 1))}
    )
    found = replace(SOUND, policy=later)
    first = study(3, start_date=BEGIN)
    early, void = (
        study(4, start_date=BEGIN - timedelta(1)),
        study(5, start_date=BEGIN - timedelta(1), void=VOID),
    )
    problems = judge(record.date_is_in_plan, found, void, first, early)
    assert told(problems) == [(early.path, "start_date", Severity.WARNING)]
    assert "2024年1月1日" in problems[0].message
    bare = replace(SOUND, policy=replace(RULES, earliest=None, periods={}))
    assert judge(record.date_is_in_plan, bare, early) == []
    assert told(judge(record.date_is_in_plan, SOUND, void, first, early)) == error((early.path, "start_date"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end_date": DAY}, None),
        ({"end_date": DAY + timedelta(30)}, None),
        ({"end_date": DAY + timedelta(31)}, "end_date"),
        ({"end_date": DAY - timedelta(1)}, "end_date"),
        ({"start_time": "09:00", "end_time": "09:01"}, None),
        ({"start_time": "09:00", "end_time": "09:00"}, "end_time"),
        ({"start_time": "09:00", "end_time": "08:00", "end_date": DAY}, "end_time"),
        ({"start_time": "09:00", "end_time": "08:00", "end_date": DAY + timedelta(1)}, None),
        ({"end_time": "08:00"}, None),
        ({"start_time": "09:00"}, None),
    ],
)
def test_a_study_ends_after_it_begins(changes: dict[str, object], field: str | None) -> None:
    one = study(1, **changes)
    assert told(judge(record.dates_are_in_order, SOUND, one)) == (error((one.path, field)) if field else [])


@pytest.mark.parametrize(("hours", "days", "wrong"), [("24", 0, False), ("24.5", 0, True), ("48", 1, False), ("48.5", 1, True), ("99", -1, False)])  # fmt: skip
def test_a_day_has_twenty_four_hours(hours: str, days: int, wrong: bool) -> None:
    one = study(1, hours=Decimal(hours), end_date=DAY + timedelta(days))
    problems = [p for p in judge(record.hours_fit_the_days, SOUND, one) if p.severity is Severity.ERROR]
    assert told(problems) == (error((one.path, "hours")) if wrong else [])
    assert all(p.message.startswith(f"{days + 1} 天不会有 {hours} 学时") and p.line == 9 for p in problems)


@pytest.mark.parametrize(
    ("hours", "days", "told_so"), [("24", 0, False), ("24", 2, False), ("24.5", 2, True), ("72", 2, True)]
)
def test_several_days_hold_hardly_more_than_whole_days_of_study(hours: str, days: int, told_so: bool) -> None:
    one = study(1, hours=Decimal(hours), end_date=DAY + timedelta(days))
    problems = judge(record.hours_fit_the_days, SOUND, one)
    assert [p.severity for p in problems] == [Severity.WARNING] * told_so
    assert all("最多 24 学时" in p.message for p in problems)
    assert judge(record.hours_fit_the_days, SOUND, replace(one, void=VOID)) == []


@pytest.mark.parametrize(
    ("ident", "wrong"),
    [("7" + "Z" * 25, True), ("0" * 26, True), (ulids.new(datetime(1999, 12, 31, tzinfo=UTC)), True), (ulids.new(datetime(2200, 1, 1, tzinfo=UTC)), True), (ulids.new(datetime(2000, 1, 1, tzinfo=UTC)), False), (ulids.new(datetime(2199, 12, 31, tzinfo=UTC)), False)],
    ids=("last", "first", "1999", "2200", "2000", "2199"),
)  # fmt: skip
def test_an_id_carries_a_time_that_can_be(ident: str, wrong: bool) -> None:
    one = study(1, id=ident, path=f"records/jg1/{ulids.year_of(ident)}/{ident}.yaml")
    problems = judge(record.path_and_id_agree, SOUND, one)
    assert ["记录编号里的时间不对" in p.message for p in problems] == [True] * wrong


def test_nothing_is_sent_changed_or_voided_later_than_tomorrow() -> None:
    tomorrow = datetime.combine(TODAY + timedelta(1), time(23, 59), SHANGHAI)
    later = tomorrow + timedelta(minutes=1)
    acts = {"submitted": Submitted("m1", later, "link", "2026-01"), "change": Change("correct", "m1", later, "x"), "void": Void("m1", later, "x")}  # fmt: skip
    for name, act in acts.items():
        wrong, right = study(1, **{name: act}), study(2, **{name: replace(act, at=tomorrow)})
        assert told(judge(record.moments_are_past, SOUND, wrong, right)) == error((wrong.path, name))


@pytest.mark.parametrize(
    ("title", "blank"),
    [("\u200b\u200d", True), ("\u3000\u2060", True), ("\u2800", True), ("\u3164", True), ("学", False), ("\u200b学", False), ("?", False)],
)  # fmt: skip
def test_a_title_can_be_seen(title: str, blank: bool) -> None:
    one = study(1, title=title)
    assert told(judge(record.title_is_not_blank, SOUND, one)) == (error((one.path, "title")) * blank)


def test_a_record_replaces_another_that_there_is() -> None:
    old = study(1)
    fine, itself, unknown = study(2, replaces=old.id), study(3), study(4, replaces=study(9).id)
    itself = replace(itself, replaces=itself.id)
    problems = judge(record.replaces_another_record, SOUND, old, fine, itself, unknown)
    assert told(problems) == [(itself.path, "replaces", Severity.ERROR), (unknown.path, "replaces", Severity.WARNING)]  # fmt: skip


def test_the_length_of_a_study_of_unknown_kind_or_void_is_nobodys_business() -> None:
    long = {"hours": Decimal(9), "duration_minutes": 1}
    void, unknown = study(1, void=VOID, **long), study(2, kind="nothing", **long)
    last = study(3, **long)
    problems = judge(record.hours_agree_with_duration, SOUND, void, unknown, study(4), last)
    assert told(problems) == [(last.path, "hours", Severity.WARNING)]
    minute = {"start_time": "09:00", "end_time": "10:59"}
    (problem,) = judge(record.hours_agree_with_duration, SOUND, study(5, **minute))
    assert "09:00—10:59（119 分钟）折算成 1.5 学时" in problem.message
    assert (
        judge(record.hours_agree_with_duration, SOUND, study(6, start_time="09:00", hours=Decimal(9))) == []
    )


def test_the_days_cap_is_asked_of_what_counts_and_of_its_own_records() -> None:
    caps = (
        Cap("all", "day", Decimal(8), BEGIN, None),
        Cap("meeting", "day", Decimal(2), DAY, DAY + timedelta(1), where=Where(kind=("theme_day",))),
        Cap("share", "day", None, BEGIN, None, share_of="member-year", share=Decimal(1)),
    )
    double = replace(RULES.kinds["lecture"], factor=Decimal(1), changes=(KindChange(DAY, factor=Decimal(2)),))
    found = replace(SOUND, policy=replace(RULES, caps=caps, kinds={**RULES.kinds, "lecture": double}))
    three = study(1, hours=Decimal(3))
    assert judge(record.day_is_within_cap, found, three, study(2, hours=Decimal(1))) == []
    more = study(3, hours=Decimal("1.5"))
    problems = judge(record.day_is_within_cap, found, three, more, study(4, kind="nothing"))
    assert told(problems) == [(one.path, "hours", Severity.NOTE) for one in (three, more)]
    assert all("2026年3月2日共申报 9 学时，每天最多计 8 学时" in p.message for p in problems)
    before = [replace(one, start_date=DAY - timedelta(1)) for one in (three, more)]
    assert judge(record.day_is_within_cap, found, *before) == []
    assert judge(record.day_is_within_cap, found, three, replace(more, member="m2")) == []
    meeting = study(5, kind="theme_day", hours=Decimal(3))
    (problem,) = judge(record.day_is_within_cap, found, meeting)
    assert "共申报 3 学时，每天最多计 2 学时" in problem.message
    for day in (-1, 1):
        other = replace(meeting, start_date=DAY + timedelta(day))
        assert judge(record.day_is_within_cap, found, other) == []
    assert judge(record.day_is_within_cap, found, replace(meeting, end_date=DAY + timedelta(1))) == []


def test_everybody_who_acted_on_a_record_is_on_a_roster() -> None:
    change = Change("correct", "z2", AT, "写错")
    one = study(
        1, submitted=Submitted("z1", AT, "link", "2026-01"), change=change, void=replace(VOID, by="z3")
    )
    problems = judge(record.people_named_exist, SOUND, study(2), one)
    assert told(problems) == error(*((one.path, name) for name in ("submitted", "change", "void")))
    assert [p.message[:10] for p in problems] == [f"没有党员 'z{n}'，" for n in (1, 2, 3)]


def test_hours_are_compared_by_the_conversion_of_the_day() -> None:
    first = replace(CONVERSION, until=DAY, minutes_per_hour=Decimal(30))
    found = replace(SOUND, policy=replace(RULES, conversions=(first, replace(CONVERSION, start=DAY))))
    days = [study(n, start_date=DAY - timedelta(n), duration_minutes=60) for n in (0, 1)]
    assert [p.path for p in judge(record.hours_agree_with_duration, found, *days)] == [days[0].path]


def test_a_late_entry_points_at_the_day() -> None:
    late = study(1, start_date=date(2025, 12, 31))
    assert told(judge(record.late_entry, SOUND, late)) == [(late.path, "start_date", Severity.NOTE)]


# --- records beside each other


def test_two_files_with_one_id_each_name_the_other() -> None:
    one = study(1)
    copy = replace(one, path=one.path.replace("jg1", "yjs"))
    found = judge(duplicates.ids_are_unique, SOUND, one, study(2), copy)
    assert told(found) == error((one.path, "id"), (copy.path, "id"))
    assert copy.path in found[0].message and one.path in found[1].message


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("党章学习", "主题党日：党章学习", True),  # four characters say enough
        ("学党章", "主题党日：学党章", False),
        ("学习党章", "学习新的党章", True),  # eight of ten characters
        ("学习党章", "学习新的的党章", False),
    ],
)
def test_four_characters_tell_and_four_fifths_are_alike(one: str, other: str, alike: bool) -> None:
    assert duplicates.is_same_event(study(1, title=one), study(2, title=other)) is alike


def test_a_study_without_length_overlaps_nothing() -> None:
    long = study(1, start_time="14:30", end_time="16:30")
    moment = study(2, start_time="15:00", end_time="15:00")
    assert judge(duplicates.times_do_not_overlap, SOUND, long, moment) == []
    assert len(judge(duplicates.times_do_not_overlap, SOUND, long, replace(moment, end_time="15:01"))) == 1


# --- organisation and rosters


def units(*more: Unit, **parents: str | None) -> RecordSet:
    held = [replace(u, parent=parents.get(u.id, u.parent)) for u in SOUND.organisation.units]
    return replace(SOUND, organisation=replace(SOUND.organisation, units=(*held, *more)), lines={UNITS: {"units": 4, "reviewers": 30, **{f"units.{n}": 5 + n for n in range(4)}}})  # fmt: skip


def test_units_form_a_tree() -> None:
    assert judge(organisation.units_form_a_tree, units()) == []
    (problem,) = judge(organisation.units_form_a_tree, units(jg1="nowhere"))
    assert (problem.path, problem.line, problem.field) == (UNITS, 6, "units")
    assert "教工第一党支部的上级 'nowhere'" in problem.message
    twice = judge(organisation.units_form_a_tree, units(Unit("jg1", "branch", "又一个", "sample-art")))
    assert [(p.field, p.line, "'jg1' 用了 2 次" in p.message) for p in twice] == [("units", 8, True)]
    circle = judge(organisation.units_form_a_tree, units(**{"sample-art": "jg1"}))
    assert [p.message.partition("的上级绕成了一圈：")[0] for p in circle] == [
        "党委",
        "教工第一党支部",
        "研究生党支部",
        "没有最上级的党组织，请把党委的 parent 删去",
    ]
    assert "jg1 → sample-art，" in circle[1].message
    assert len(judge(organisation.units_form_a_tree, units(jg1="jg1"))) == 1


def test_one_committee_stands_above_all() -> None:
    (second,) = judge(organisation.units_form_a_tree, units(jg1=None))
    assert second.line == 6 and "教工第一党支部（jg1）没有写上级" in second.message
    (other,) = judge(organisation.units_form_a_tree, units(Unit("art-2", "committee", "又一个党委")))
    assert other.line == 8 and "又一个党委（art-2）" in other.message and "parent" in other.message
    held = units().organisation
    branch = replace(held, units=(replace(held.units[0], kind="general_branch"), *held.units[1:]))
    (kind,) = judge(organisation.units_form_a_tree, replace(units(), organisation=branch))
    assert kind.line == 5 and "committee" in kind.message


def manned(*reviewers: Reviewer, desks: tuple[Desk, ...] = ()) -> RecordSet:
    held = replace(units().organisation, reviewers=reviewers, desks=desks)
    return replace(units(), organisation=held)


CHAIR = Reviewer("m1", "sample-art", BEGIN, None)
OWN = replace(CHAIR, emails=("a@b.c",))
TABLE = Desk("desk@b.c", BEGIN, None)


@pytest.mark.parametrize(
    ("reviewers", "desks", "lines"),
    [
        ((OWN,), (), []),
        ((replace(CHAIR, logins={"gitea": "m1"}),), (), []),
        ((CHAIR,), (TABLE,), []),
        ((CHAIR,), (), [30]),
        ((CHAIR,), (replace(TABLE, until=TODAY),), [30]),
        ((CHAIR,), (replace(TABLE, start=TODAY + timedelta(1)),), [30]),
        ((replace(OWN, until=TODAY),), (TABLE,), [30, 6, 7]),
        ((replace(OWN, start=TODAY + timedelta(1)),), (TABLE,), [30, 6, 7]),
        ((), (TABLE,), [30, 6, 7]),
        ((replace(OWN, unit="jg1"),), (TABLE,), [30, 7]),
        ((OWN, replace(OWN, member="m2", unit="jg1")), (), [30]),
        ((OWN, replace(OWN, member="m2", unit="jg1", until=TODAY)), (), []),
        ((OWN, replace(OWN, unit="jg1")), (), []),
    ],
)
def test_somebody_can_always_decide(
    reviewers: tuple[Reviewer, ...], desks: tuple[Desk, ...], lines: list[int]
) -> None:
    problems = judge(organisation.somebody_can_decide, manned(*reviewers, desks=desks))
    assert [p.line for p in problems] == lines
    assert all(p.path == UNITS and p.severity is Severity.ERROR for p in problems)


def test_terms_appointments_and_desks_end_after_they_begin() -> None:
    held = manned(replace(CHAIR, until=BEGIN), CHAIR, desks=(TABLE, replace(TABLE, until=BEGIN)))
    terms = (Term(BEGIN, DAY, 3), Term(DAY, DAY, 3))
    first = replace(held.organisation, units=(*held.organisation.units[:2], replace(held.organisation.units[2], terms=terms)))  # fmt: skip
    lines = {"units.2.terms.1.until": 41, "reviewers.0.until": 42, "desks.1.until": 43}
    found = replace(held, organisation=first, lines={UNITS: lines})
    problems = judge(organisation.organisation_spans_are_in_order, found)
    assert [(p.line, p.field) for p in problems] == [(41, "units"), (42, "reviewers"), (43, "desks")]


def test_a_desk_has_an_address_of_its_own() -> None:
    both = manned(OWN, desks=(TABLE, Desk("a@b.c", BEGIN, None)))
    (problem,) = judge(organisation.desks_have_their_own_address, replace(both, lines={UNITS: {"desks.1.email": 50}}))  # fmt: skip
    assert problem.line == 50 and "'m1'" in problem.message and problem.severity is Severity.ERROR


def test_one_id_with_two_names_is_told() -> None:
    jg1 = SOUND.rosters["jg1"]
    yjs = SOUND.rosters["yjs"]
    twin = replace(jg1.members[0], name="另一个人")
    found = replace(SOUND, rosters={"jg1": jg1, "yjs": replace(yjs, members=(*yjs.members, twin))}, lines={"records/yjs/roster.yaml": {"members.1.name": 12}})  # fmt: skip
    (problem,) = judge(organisation.one_id_is_one_person, found)
    assert (problem.path, problem.line) == ("records/yjs/roster.yaml", 12)
    assert problem.severity is Severity.WARNING and "另一个人" in problem.message
    same = replace(yjs, members=(*yjs.members, jg1.members[0]))
    assert judge(organisation.one_id_is_one_person, replace(found, rosters={"jg1": jg1, "yjs": same})) == []


def test_a_roster_is_of_a_branch() -> None:
    jg1 = SOUND.rosters["jg1"]
    found = replace(SOUND, rosters={"sample-art": jg1, "zz": jg1, **SOUND.rosters})
    problems = judge(organisation.rosters_have_a_branch, found)
    assert [(p.path, p.line, p.field) for p in problems] == [(f"records/{b}/roster.yaml", 1, "") for b in ("sample-art", "zz")]  # fmt: skip


def entered(*periods: Membership, ident: str = "m3") -> RecordSet:
    entry = RosterEntry(ident, ident, periods)
    jg1 = replace(SOUND.rosters["jg1"], members=(*SOUND.rosters["jg1"].members, entry))
    return replace(SOUND, rosters={**SOUND.rosters, "jg1": jg1}, lines={JG1: {"members": 3}})


def test_periods_follow_each_other() -> None:
    one = Membership("jg1", BEGIN, DAY, "full")
    next_day = DAY + timedelta(1)
    for following in (Membership("jg1", DAY, None, "full"), Membership("yjs", next_day, None, "full")):
        assert judge(organisation.roster_periods_are_in_order, entered(one, following)) == []
    for end in (BEGIN, BEGIN - timedelta(1)):
        (problem,) = judge(organisation.roster_periods_are_in_order, entered(replace(one, until=end)))
        assert (problem.path, problem.line, problem.field) == (JG1, 3, "members")
        assert "m3 的时段止于" in problem.message
    assert (
        judge(organisation.roster_periods_are_in_order, entered(replace(one, until=BEGIN + timedelta(1))))
        == []
    )
    for until in (None, next_day):
        late = Membership("jg1", DAY, None, "full")
        (problem,) = judge(
            organisation.roster_periods_are_in_order, entered(replace(one, branch="yjs", until=until), late)
        )
        assert (problem.path, problem.line, problem.field) == (JG1, 3, "members")
        assert "m3 自 2026年3月2日起同时在 yjs 和 jg1" in problem.message


def test_every_overlap_is_told_at_its_own_line() -> None:
    at = [BEGIN, BEGIN + timedelta(9), BEGIN + timedelta(10)]
    found = entered(Membership("jg1", at[0], None, "full"), *(Membership("jg1", day, day + timedelta(1), "full") for day in at[1:]))  # fmt: skip
    lines = {f"members.{len(SOUND.rosters['jg1'].members)}.periods.{n}": 20 + n for n in range(3)}
    problems = judge(organisation.roster_periods_are_in_order, replace(found, lines={JG1: lines}))
    assert [p.line for p in problems] == [21, 22]


@pytest.mark.parametrize("name", ["roles", "exempt"])
def test_roles_and_exemptions_end_after_they_begin(name: str) -> None:
    found = entered(Membership("jg1", BEGIN, None, "full"))
    *others, entry = found.rosters["jg1"].members
    made = {"roles": (Role("staff", BEGIN, DAY), Role("staff", DAY, DAY)), "exempt": (Span(BEGIN, DAY), Span(DAY, DAY))}  # fmt: skip
    roster = replace(found.rosters["jg1"], members=(*others, replace(entry, **{name: made[name]})))
    place = f"members.{len(others)}.{name}.1.until"
    wrong = replace(found, rosters={**found.rosters, "jg1": roster}, lines={JG1: {place: 33}})
    (problem,) = judge(organisation.roster_periods_are_in_order, wrong)
    assert (problem.line, problem.field) == (33, "members") and "m3 的" in problem.message


def test_an_id_stands_once_in_a_roster() -> None:
    jg1 = SOUND.rosters["jg1"]
    members = (*jg1.members, *(replace(jg1.members[0], id=ident) for ident in ("z", "b", "z", "b", "c")))
    found = replace(
        SOUND, rosters={**SOUND.rosters, "jg1": replace(jg1, members=members)}, lines={JG1: {"members": 3}}
    )
    problems = judge(organisation.members_stand_once, found)
    assert [(p.path, p.line, p.field, p.message[:8]) for p in problems] == [
        (JG1, 3, "members", f"党员编号 '{ident}'") for ident in "zb"
    ]


def test_a_reviewer_is_somebody_and_reviews_something() -> None:
    listed = tuple(Reviewer(member, unit, BEGIN, None) for member, unit in (("m1", "jg1"), ("zz", "jg1"), ("m2", "nowhere")))  # fmt: skip
    found = replace(units(), organisation=replace(units().organisation, reviewers=listed))
    problems = judge(organisation.reviewers_are_members, found)
    assert [(p.path, p.line, p.field) for p in problems] == [(UNITS, 30, "reviewers")] * 2
    assert "'zz' 不在" in problems[0].message and "'m2' 的党组织 'nowhere'" in problems[1].message


# --- policy


def ruled(**changes: Any) -> RecordSet:
    return replace(SOUND, policy=replace(RULES, **changes))


def places(rule: Callable[[Context], Iterator[Problem]], found: RecordSet) -> list[str]:
    """Where a rule points in policy.yaml: every place has a line of its own."""
    parts = [
        ("requirements", ("who", "period", "where", "from", "until")),
        ("norms", ("period", "where", "from", "until")),
    ]
    parts += [("caps", ("per", "where", "max_share_of", "from", "until")), ("carry_over", ("from", "until"))]
    parts += [("conversion", ("from", "until")), ("crossing", ("from", "until"))]
    names = [
        f"{part}.{n}{f'.{name}' if name else ''}"
        for part, own in parts
        for n in range(6)
        for name in ("", *own)
    ]
    names += ["alerts", "alerts.of", "pace", "pace.weights"]
    names += [f"who.{name}{more}" for name in found.policy.who for more in ("", ".include", ".unit")]
    names += [f"kinds.{name}.changes" for name in found.policy.kinds]
    names += [f"periods.{name}.until" for name in found.policy.periods]
    lines = {name: number for number, name in enumerate(names, 1)}
    problems = judge(rule, replace(found, lines={POLICY: lines}))
    back = {number: name for name, number in lines.items()}
    assert all(p.path == POLICY and p.field == back[p.line].partition(".")[0] for p in problems)
    return [back[p.line] + ("?" if p.severity is Severity.WARNING else "") for p in problems]


REQUIREMENT = Requirement("r", "要求", "members", (Option("hours", Decimal(1)),), "year", BEGIN, None, "x")
NORM = Norm("n", "体检", ("branch",), "members", BEGIN, None, "x", min=1)
CAP = Cap("c", "day", Decimal(8), BEGIN, None)
NO_KIND = Where(kind=("lecture", "nothing"))
OPTIONS = (Option("hours", Decimal(1)), Option("days", Decimal(1), where=NO_KIND))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"requirements": (REQUIREMENT, replace(REQUIREMENT, id="s", who="nobody"))}, "requirements.1.who"),
        ({"requirements": (REQUIREMENT, replace(REQUIREMENT, id="s", period="week"))}, "requirements.1.period"),
        ({"requirements": (REQUIREMENT, replace(REQUIREMENT, where=NO_KIND))}, "requirements.1.where"),
        ({"requirements": (REQUIREMENT, replace(REQUIREMENT, options=OPTIONS))}, "requirements.1.where"),
        ({"caps": (CAP, replace(CAP, per="first-half-year"))}, "caps.1.per"),
        ({"caps": (CAP, replace(CAP, per="last-year"))}, "caps.1.per"),
        ({"caps": (CAP, replace(CAP, where=NO_KIND))}, "caps.1.where"),
        ({"caps": (CAP, replace(CAP, share_of="nothing"))}, "caps.1.max_share_of"),
        ({"carry_over": (CarryOver("r", Decimal(1), BEGIN, None), CarryOver("z", Decimal(1), BEGIN, None))}, "carry_over.1"),
        ({"alerts": Alerts(Decimal(1), Decimal(0), 7, ("r", "z"))}, "alerts.of"),
        ({"norms": (NORM, replace(NORM, period="week"))}, "norms.1.period"),
        ({"norms": (NORM, replace(NORM, where=NO_KIND))}, "norms.1.where"),
        ({"caps": (CAP, *(replace(CAP, per=per, share_of="r") for per in ("record", "year", "plan")))}, None),
        ({"norms": (NORM, replace(NORM, period="year"))}, None),
    ],
)  # fmt: skip
def test_what_a_rule_names_stands_in_the_policy(changes: dict[str, Any], place: str | None) -> None:
    rolling = Period("last-year", "rolling", months=12)
    quiet = {
        "requirements": (REQUIREMENT,),
        "caps": (),
        "norms": (),
        "alerts": Alerts(Decimal(1), Decimal(0)),
    }
    found = ruled(**{**quiet, "periods": {**RULES.periods, "last-year": rolling}, **changes})
    assert places(rules_of_policy.policy_names_exist, found) == ([place] if place else [])


def test_what_could_be_named_instead_is_told() -> None:
    found = ruled(
        requirements=(replace(REQUIREMENT, period="week"),), alerts=Alerts(Decimal(1), Decimal(0)), caps=()
    )
    (problem,) = judge(rules_of_policy.policy_names_exist, found)
    assert (
        "要求 'r' 的周期 'week' 没有定义" in problem.message and "、".join(RULES.periods) in problem.message
    )
    caps = ruled(caps=(replace(CAP, per="week"),))
    (problem,) = judge(rules_of_policy.policy_names_exist, caps)
    assert "可用：record、day、year、quarter、month、plan）" in problem.message
    nothing = ruled(requirements=(), caps=(), alerts=Alerts(Decimal(1), Decimal(0)), carry_over=CARRIED)
    (problem,) = judge(rules_of_policy.policy_names_exist, nothing)
    assert problem.message == "结转的要求 'r' 没有定义，请改正（现在一个也没有）"


@pytest.mark.parametrize(
    ("who", "found"),
    [
        ([Selector("a", include="b"), Selector("b")], []),
        ([Selector("a", include="z")], ["who.a.include"]),
        ([Selector("a", unit=("jg1", "nowhere"))], ["who.a.unit"]),
        ([Selector("a", include="a")], ["who.a"]),
        ([Selector("a", include="b"), Selector("b", include="a")], ["who.a", "who.b"]),
        ([Selector("a", include="b"), Selector("b", include="b")], ["who.a", "who.b"]),
        ([Selector("a", include="b"), Selector("b", include="z")], ["who.b.include"]),
    ],
)
def test_groups_rest_on_groups(who: list[Selector], found: list[str]) -> None:
    assert places(rules_of_policy.policy_groups_are_sound, ruled(who={s.id: s for s in who})) == found


def test_a_circle_of_groups_is_told_in_order() -> None:
    who = {name: Selector(name, include=inner) for name, inner in ("ab", "bc", "ca")}
    first = judge(rules_of_policy.policy_groups_are_sound, ruled(who=who))[0]
    assert "'a' 绕成了一圈：a → b → c → a，" in first.message


CONVERSION = RULES.conversions[0]
VERSIONED: list[tuple[str, Any]] = [
    ("requirements", REQUIREMENT),
    ("caps", CAP),
    ("norms", NORM),
    ("conversions", CONVERSION),
    ("crossing", Crossing(BEGIN, None, "split")),
    ("carry_over", CarryOver("r", Decimal(1), BEGIN, None)),
]


@pytest.mark.parametrize(("field", "rule"), VERSIONED)
def test_versions_of_a_rule_follow_each_other(field: str, rule: Any) -> None:
    place = "conversion" if field == "conversions" else field
    check = rules_of_policy.policy_spans_are_in_order
    next_day = DAY + timedelta(1)

    def of(*spans: tuple[date, date | None]) -> list[str]:
        return places(check, ruled(**{field: tuple(replace(rule, start=a, until=b) for a, b in spans)}))

    assert of((BEGIN, DAY), (DAY, None)) == []
    assert of((BEGIN, BEGIN + timedelta(1))) == []
    assert of((BEGIN, BEGIN)) == of((BEGIN, BEGIN - timedelta(1))) == [f"{place}.0.until"]
    assert of((BEGIN, None), (DAY, None)) == of((BEGIN, next_day), (DAY, None)) == [f"{place}.1.from"]
    assert of((DAY, None), (BEGIN, None)) == [f"{place}.0.from"]
    assert of((BEGIN, DAY), (next_day, None)) == [f"{place}.0.until?"]
    assert of((BEGIN, None), (BEGIN, None), (BEGIN, None)) == [
        f"{place}.1.from",
        f"{place}.2.from",
        f"{place}.2.from",
    ]
    if hasattr(rule, "id"):
        two = (rule, replace(rule, id="other"))
        assert places(check, ruled(**{field: two})) == []
    if field == "carry_over":
        assert places(check, ruled(carry_over=(rule, replace(rule, requirement="s")))) == []


def test_the_cure_for_two_versions_at_once_says_what_to_write() -> None:
    def told_of(*spans: tuple[date, date | None]) -> str:
        caps = tuple(replace(CAP, start=a, until=b) for a, b in spans)
        lines = {POLICY: {"caps.0": 3, "caps.1": 9}}
        (problem,) = judge(rules_of_policy.policy_spans_are_in_order, replace(ruled(caps=caps), lines=lines))
        return problem.message

    assert told_of((BEGIN, None), (DAY, None)).startswith(
        "上限 'c'自 2026年3月2日起有两条同时有效（第 3、9 行起）"
    )
    assert told_of((BEGIN, DAY), (TODAY, None)).endswith('，要接上请写 "2026-11-19"')

    assert told_of((BEGIN, None), (DAY, None)).endswith('，请给前一条写上 until: "2026-03-02"')
    assert told_of((BEGIN, TODAY), (DAY, None)).endswith('，请把前一条的 until 写成 "2026-03-02"')
    assert told_of((DAY, TODAY), (DAY, None)).endswith("请改正其中一条的 from")
    assert "从 2026年3月2日到 2026年11月19日前，没有上限 'c'" in told_of((BEGIN, DAY), (TODAY, None))


def test_a_window_ends_after_it_begins() -> None:
    def of(until: date | None) -> list[str]:
        periods = {**RULES.periods, "term": Period("term", "window", DAY, until)}
        return places(rules_of_policy.policy_spans_are_in_order, ruled(periods=periods))

    assert of(DAY) == of(BEGIN) == ["periods.term.until"]
    assert of(DAY + timedelta(1)) == of(None) == []


HOURLESS = replace(REQUIREMENT, options=(Option("days", Decimal(1)), Option("records", Decimal(1))))
MIXED = replace(REQUIREMENT, options=(Option("days", Decimal(1)), Option("hours", Decimal(1))))
CARRIED = (CarryOver("r", Decimal(1), BEGIN, None),)
CHANGES = (KindChange(BEGIN), KindChange(DAY))


def changed_kind(*changes: KindChange) -> dict[str, Any]:
    return {"kinds": {**RULES.kinds, "lecture": replace(RULES.kinds["lecture"], changes=changes)}}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"norms": (NORM,)}, []),
        ({"norms": (replace(NORM, min=None, max=1),)}, []),
        ({"norms": (replace(NORM, max=1),)}, []),
        ({"norms": (NORM, replace(NORM, min=None))}, ["norms.1"]),
        ({"norms": (NORM, replace(NORM, min=2, max=1))}, ["norms.1"]),
        ({"norms": (NORM, replace(NORM, measure="term", term_years=3, min=None))}, []),
        ({"norms": (NORM, replace(NORM, measure="term"))}, ["norms.1"]),
        ({"norms": (NORM, replace(NORM, measure="events"))}, ["norms.1"]),
        ({"norms": (NORM, replace(NORM, measure="events", period="month"))}, []),
        ({"weights": (Decimal(0),) * 12}, ["pace.weights"]),
        ({"weights": (Decimal(0),) * 11 + (Decimal(1),)}, []),
        (changed_kind(*CHANGES), []),
        (changed_kind(*reversed(CHANGES)), ["kinds.lecture.changes"]),
        (changed_kind(CHANGES[0], CHANGES[0]), ["kinds.lecture.changes"]),
        ({"requirements": (HOURLESS,), "carry_over": CARRIED}, ["carry_over.0"]),
        ({"requirements": (MIXED,), "carry_over": CARRIED}, []),
        ({"requirements": (HOURLESS, REQUIREMENT), "carry_over": CARRIED}, []),
        ({"requirements": (replace(HOURLESS, id="s"),), "carry_over": CARRIED}, []),
    ],
)
def test_a_rule_says_all_that_it_needs(changes: dict[str, Any], found: list[str]) -> None:
    assert places(rules_of_policy.policy_rules_are_whole, ruled(**changes)) == found


def test_what_a_norm_lacks_is_named() -> None:
    norms = (
        replace(NORM, measure="term"),
        replace(NORM, min=None),
        replace(NORM, measure="events"),
        replace(NORM, min=3, max=2),
    )
    words = [p.message for p in judge(rules_of_policy.policy_rules_are_whole, ruled(norms=norms))]
    assert all(
        told in said
        for told, said in zip(("term_years", "min 或 max", "period", "min 大于 max"), words, strict=True)
    )


LECTURE = RULES.kinds["lecture"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"caps": (CAP,)}, {"caps": (CAP,)}, []),
        ({"caps": (CAP,)}, {"caps": (replace(CAP, max=Decimal(9)),)}, ["caps.0"]),
        ({"caps": (CAP,)}, {"caps": ()}, ["caps"]),
        ({"caps": (CAP,)}, {"caps": (replace(CAP, source="别处"),)}, []),
        ({"caps": (CAP,)}, {"caps": (replace(CAP, until=TODAY),)}, []),
        ({"caps": (CAP,)}, {"caps": (replace(CAP, until=TODAY - timedelta(1)),)}, ["caps.0"]),
        ({"caps": (replace(CAP, until=TODAY),)}, {"caps": (CAP,)}, []),
        ({"caps": (replace(CAP, until=DAY),)}, {"caps": (CAP,)}, ["caps.0"]),
        ({"caps": (replace(CAP, enabled=False),)}, {"caps": ()}, []),
        ({"caps": (CAP,)}, {"caps": (replace(CAP, enabled=False),)}, ["caps.0"]),
        ({"caps": (replace(CAP, start=TODAY),)}, {"caps": ()}, []),
        ({"caps": (replace(CAP, start=TODAY - timedelta(1)),)}, {"caps": ()}, ["caps"]),
        ({"requirements": (REQUIREMENT,)}, {"requirements": (replace(REQUIREMENT, label="别名", severity="local"),)}, []),
        ({"requirements": (REQUIREMENT,)}, {"requirements": (replace(REQUIREMENT, prorate=True),)}, ["requirements.0"]),
        ({}, {"conversions": (replace(CONVERSION, step=Decimal(1)),)}, ["conversion.0"]),
        ({"crossing": (Crossing(BEGIN, None, "split"),)}, {"crossing": (Crossing(BEGIN, None, "start"),)}, ["crossing.0"]),
        ({"carry_over": CARRIED}, {"carry_over": ()}, ["carry_over"]),
        ({}, {"carry_over": CARRIED}, []),
        ({}, {"who": {**RULES.who, "members": Selector("members")}}, ["who.members"]),
        ({}, {"who": {**RULES.who, "more": Selector("more")}}, []),
        ({}, {"periods": {name: p for name, p in RULES.periods.items() if name != "plan"}}, ["periods.plan"]),
        ({}, {"baseline": "f" * 40}, ["baseline"]),
        ({}, changed_kind(KindChange(TODAY, factor=Decimal(2))), []),
        (changed_kind(KindChange(BEGIN)), changed_kind(KindChange(BEGIN), KindChange(TODAY)), []),
        ({}, changed_kind(KindChange(TODAY - timedelta(1), factor=Decimal(2))), ["kinds.lecture"]),
        ({}, {"kinds": {name: k for name, k in RULES.kinds.items() if name != "lecture"}}, ["kinds.lecture"]),
        ({}, {"kinds": {**RULES.kinds, "lecture": replace(LECTURE, label="讲座", needs=("place",))}}, []),
        *[
            ({}, {"kinds": {**RULES.kinds, "lecture": replace(LECTURE, **{name: value})}}, ["kinds.lecture"])
            for name, value in (("bucket", "online"), ("counts", False), ("factor", Decimal(2)), ("max_per_record", Decimal(1)), ("max_per_year", Decimal(1)))
        ],
        ({}, {"alerts": Alerts(Decimal(1), Decimal(0)), "norms": (), "latest_days": 1}, []),
    ],
)  # fmt: skip
def test_what_was_keeps_its_figures(old: dict[str, Any], new: dict[str, Any], found: list[str]) -> None:
    before, after = replace(RULES, **old), replace(RULES, **{**old, **new})
    altered = list(rules_of_policy.altered_past(before, after, TODAY))
    assert [place for place, _ in altered] == found
    names = {"caps": "上限 c", "requirements": "要求 r", "conversion": "折算", "crossing": "跨年办法", "carry_over": "结转", "who.members": "对象 members", "periods.plan": "周期 plan", "kinds.lecture": "学习类型 lecture", "baseline": "基线提交"}  # fmt: skip
    assert [words for _, words in altered] == [names[place.removesuffix(".0")] for place in found]


# --- proposals


def proposed(base: RecordSet, head: RecordSet, *changed: str, **facts: Any) -> Proposed:
    return Proposed(base, head, changed, TODAY, **facts)


ONE, TWO = study(1), study(2)
OTHER = study(3, branch="yjs", member="m2")
BASE = with_(SOUND, ONE, TWO)


def rule(found: Callable[[Proposed], Iterator[Problem]], p: Proposed) -> list[tuple[str, int, str]]:
    problems = list(found(p))
    assert all(problem.message and "None" not in problem.message for problem in problems)
    return [(problem.path, problem.line, problem.field) for problem in problems]


def test_records_of_one_branch_change_alone() -> None:
    three = proposed(BASE, BASE, ONE.path, TWO.path, OTHER.path, "README.md", JG1)
    assert rule(proposal.touches_one_branch, three) == [(OTHER.path, 0, "")]
    assert "（这里有 jg1、yjs）" in next(iter(proposal.touches_one_branch(three))).message
    assert rule(proposal.touches_one_branch, replace(three, changed=(ONE.path, TWO.path))) == []
    assert rule(proposal.touches_one_branch, replace(three, changed=(OTHER.path, "README.md"))) == []
    assert rule(proposal.only_records_change, three) == [("README.md", 0, ""), (JG1, 0, "")]
    assert rule(proposal.only_records_change, replace(three, changed=(JG1, POLICY, "README.md"))) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"id": "x"}, ["id"]),
        ({"member": "m2"}, ["member"]),
        ({"submitted": Submitted("m2", AT, "link", "2026-01")}, ["submitted"]),
        ({"id": "x", "member": "m2"}, ["id", "member"]),
        ({"hours": Decimal(1), "title": "别的"}, []),
    ],
)
def test_identity_never_changes(changes: dict[str, Any], fields: list[str]) -> None:
    head = with_(BASE, replace(ONE, **changes), TWO)
    found = rule(proposal.identity_never_changes, proposed(BASE, head, ONE.path, TWO.path, OTHER.path))
    assert found == [(ONE.path, {"id": 2, "member": 3}.get(name, 1), name) for name in fields]


def without(found: RecordSet, *paths: str) -> RecordSet:
    studies = {path: one for path, one in found.studies.items() if path not in paths}
    return replace(found, studies=studies, blobs={p: b for p, b in found.blobs.items() if p not in paths})


def test_only_what_is_ours_and_was_there_can_be_deleted_wrongly() -> None:
    base = replace(BASE, blobs={**BASE.blobs, "records/notes.txt": "n"})
    head = without(base, ONE.path, JG1, "records/notes.txt")
    change = proposed(base, head, ONE.path, TWO.path, JG1, "records/notes.txt", OTHER.path)
    found = list(proposal.nothing_is_deleted(change))
    assert [(p.path, p.line) for p in found] == sorted([(ONE.path, 0), (JG1, 0)])
    assert ["void" in p.message for p in found] == [True, False]


@pytest.mark.parametrize(
    ("changes", "used", "wrong"),
    [
        ({"change": Change("correct", "m1", AT, "x")}, False, True),
        ({"change": Change("restore", "m1", AT, "x")}, False, True),
        ({"change": Change("restore", "m1", AT, "x")}, True, False),
        ({"change": Change("confirm", "m1", AT, "x")}, False, False),
        ({"change": Change("amend", "m1", AT, "x")}, False, False),
        ({"change": Change("correct", "m1", AT, "x"), "submitted": Submitted("m1", AT, "import", "2026-01")}, False, False),
        ({}, False, False),
    ],
)  # fmt: skip
def test_a_first_version_corrects_nothing(changes: dict[str, Any], used: bool, wrong: bool) -> None:
    new = study(7, **changes)
    change = proposed(SOUND, with_(SOUND, new), new.path, used={new.id: new.path} if used else {})
    assert rule(proposal.first_versions_are_unchanged, change) == [(new.path, 20, "change")] * wrong


def sent(record: str, by: str = "m1", ident: str = "S", amended: str | None = None) -> Submission:
    return Submission("c" * 40, ident, (record,), "register", by, amended, AT)


def test_commits_name_the_record_and_whoever_the_file_says_acted() -> None:
    new = study(7)
    change = proposed(SOUND, with_(SOUND, new), new.path)
    said = proposal.commits_say_who_sent_it
    assert rule(said, change) == []  # a form, or a work tree: there is no commit yet
    for fine in ((sent(new.id),), (sent("x"), sent(new.id)), (sent(new.id, "m2", amended="m1"),)):
        assert rule(said, replace(change, submissions=fine)) == []
    for silent in ((), (sent("x"),), (sent(new.id, ident=""),)):
        (problem,) = said(replace(change, submissions=silent))
        assert problem.line == 0 and new.id in problem.message and "Submitted-By: m1" in problem.message
    (problem,) = said(replace(change, submissions=(sent(new.id, "m2"),)))
    assert problem.field == "submitted" and "m1" in problem.message and "m2" in problem.message
    assert rule(said, replace(change, head=SOUND, submissions=())) == []  # removed: another rule's business


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ({}, {"change": Change("correct", "m2", AT, "x")}, "change"),
        ({}, {"void": Void("m2", AT, "x")}, "void"),
        ({"change": Change("amend", "m1", AT, "x")}, {"change": Change("amend", "m1", AT, "x"), "void": Void("m2", AT, "x")}, "void"),
        ({"void": VOID}, {"void": VOID, "change": Change("restore", "m2", AT, "x")}, "change"),
    ],
)  # fmt: skip
def test_who_acted_last_is_who_the_commit_names(old: dict[str, Any], new: dict[str, Any], field: str) -> None:
    one = study(7)
    change = proposed(with_(SOUND, replace(one, **old)), with_(SOUND, replace(one, **new)), one.path)
    said = proposal.commits_say_who_sent_it
    assert rule(said, replace(change, submissions=(sent(one.id, "m2"),))) == []
    (problem,) = said(replace(change, submissions=(sent(one.id, "m1"),)))
    assert problem.field == field


def test_main_taken_in_is_told_with_its_danger() -> None:
    change = proposed(BASE, BASE, ONE.path, taken_in=("d" * 40,))
    (problem,) = proposal.main_is_not_merged_inside(change)
    assert problem.severity is Severity.WARNING and "快进" in problem.message


def judged_as(*approved: tuple[str, str, str], blobs: dict[str, str] | None = None) -> History:
    """A history of one version of each file: path, reason (empty: approved), how."""
    found = {path: (Version(path, "x", "c" * 40, AT, not reason, reason, "m1", how=how),) for path, reason, how in approved}  # fmt: skip
    return History("tip", AT, found, blobs or {})


def test_approvals_that_a_change_takes_away_are_told_with_whose_they_are() -> None:
    before = judged_as((ONE.path, "", "desk"), (TWO.path, "", "author"), (OTHER.path, "x", ""), (JG1, "", "desk"), blobs={JG1: "x"})  # fmt: skip
    after = judged_as((ONE.path, "y", ""), (TWO.path, "y", ""), (OTHER.path, "y", ""), (JG1, "y", ""))
    change = proposed(BASE, BASE, UNITS, before=before, after=after)
    (problem,) = proposal.approvals_stay(change)
    assert (problem.path, problem.field, problem.severity) == (UNITS, "desks", Severity.ERROR)
    for words in ("2 条记录和 1 个党委文件", "m1 用本人邮箱合并的 1 个", "经审核台合并的 2 个", "请保留旧邮箱/旧审核台，加 until"):  # fmt: skip
        assert words in problem.message
    assert rule(proposal.approvals_stay, replace(change, after=before)) == []
    assert rule(proposal.approvals_stay, replace(change, after=None)) == []
    (policy,) = proposal.approvals_stay(replace(change, changed=(POLICY,)))
    assert (policy.path, policy.field) == (POLICY, "baseline") and "baseline" in policy.message


def changed(action: str = "correct", **more: Any) -> dict[str, Any]:
    return {"change": Change(action, "m1", AT, "写错"), **more}


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ({}, {"hours": Decimal(1)}, True),
        ({}, changed(hours=Decimal(1)), False),
        ({}, {"void": VOID}, False),
        (changed(), changed(hours=Decimal(1)), True),
        (changed(), {"hours": Decimal(1)}, True),  # taking away what a reviewer wrote says nothing
        (changed(), {}, True),
        (changed(), {"void": VOID}, False),
        (changed(void=VOID), changed(), True),
        ({"void": VOID}, {}, True),
        ({"void": VOID}, changed(), True),
        ({"void": VOID}, changed("restore"), False),
        ({"void": VOID}, changed(void=VOID), False),
        ({"void": VOID}, {"void": replace(VOID, reason="别的")}, False),
    ],
)
def test_a_change_says_why_and_only_a_restore_undoes_a_void(old: Any, new: Any, wrong: bool) -> None:
    base = with_(SOUND, replace(ONE, **old))
    change = proposed(base, with_(SOUND, replace(ONE, **new)), ONE.path, TWO.path)
    assert rule(proposal.changes_say_why, change) == ([(ONE.path, 20, "change")] if wrong else [])


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ({}, changed("confirm"), False),
        ({}, changed("confirm", hours=Decimal(1)), True),
        ({}, changed("correct", hours=Decimal(1)), False),
        (
            changed("confirm"),
            changed("confirm", hours=Decimal(1)),
            False,
        ),  # no new change: another rule's business
        (changed("correct"), changed("confirm"), False),
    ],
)
def test_a_confirmation_changes_nothing_else(old: Any, new: Any, wrong: bool) -> None:
    base = with_(SOUND, replace(ONE, **old))
    change = proposed(base, with_(SOUND, replace(ONE, **new)), ONE.path)
    assert rule(proposal.confirming_changes_nothing, change) == ([(ONE.path, 20, "change")] if wrong else [])


def test_an_id_that_main_has_had_is_taken() -> None:
    base = without(BASE, ONE.path, TWO.path)
    used = {ONE.id: "records/jg1/2025/gone.yaml", TWO.id: TWO.path}
    change = proposed(base, without(BASE, TWO.path), ONE.path, TWO.path, POLICY, used=used)
    assert rule(proposal.ids_are_never_reused, change) == [(ONE.path, 2, "id")]
    assert "已用于 records/jg1/2025/gone.yaml" in next(iter(proposal.ids_are_never_reused(change))).message
    assert rule(proposal.ids_are_never_reused, replace(change, base=BASE)) == []
    assert rule(proposal.ids_are_never_reused, replace(change, used={TWO.id: TWO.path})) == []


@pytest.mark.parametrize(("action", "was", "taken"), [("restore", ONE.path, False), ("correct", ONE.path, True), ("restore", TWO.path, True), (None, ONE.path, True)], ids=("restored", "corrected", "as another", "anew"))  # fmt: skip
def test_a_record_that_is_gone_comes_back_only_as_itself(action: str | None, was: str, taken: bool) -> None:
    back = replace(ONE, **changed(action)) if action else ONE
    change = proposed(without(BASE, ONE.path), with_(BASE, back, TWO), ONE.path, used={ONE.id: was})
    assert rule(proposal.ids_are_never_reused, change) == ([(ONE.path, 2, "id")] if taken else [])
    unread = replace(change, head=replace(change.head, studies={}))
    assert rule(proposal.ids_are_never_reused, unread) == [(ONE.path, 2, "id")]


def test_a_merge_from_the_other_side_is_told_at_the_first_path() -> None:
    change = proposed(BASE, BASE, TWO.path, ONE.path, merges=("a" * 40, "b" * 40))
    found = list(proposal.main_is_not_merged_inside(change))
    assert [(p.path, p.line) for p in found] == [(min(ONE.path, TWO.path), 0)] * 2
    assert [p.message[:16] for p in found] == [f"提案中的提交 {letter * 10}"[:16] for letter in "ab"]
    assert [p.path for p in proposal.main_is_not_merged_inside(replace(change, changed=()))] == [
        "records"
    ] * 2


def test_a_committees_change_names_five_of_the_records_that_it_breaks() -> None:
    def broken(number: int, **more: Any) -> list[Problem]:
        base = with_(
            SOUND, *(study(n) for n in range(number)), study(20, void=VOID), study(21, member="gone")
        )
        head = replace(base, rosters=rosters({"m2": MEMBERS["m2"]}))
        return list(
            proposal.committee_changes_break_no_record(
                proposed(base, head, *more.get("changed", (JG1, ONE.path)))
            )
        )

    five, seven = broken(5), broken(7)
    assert [(p.path, p.line) for p in five] == [(JG1, 0)] * 5 and len(seven) == 6
    assert study(0).branch == "jg1" and "没有党员 'm1'" in five[0].message
    assert "还有 2 条记录" in seven[5].message and (seven[5].path, seven[5].line) == (JG1, 0)
    assert broken(0) == [] and broken(5, changed=(ONE.path,)) == []
    assert [p.path for p in broken(1, changed=(JG1, "records/closed-2024.yaml", UNITS))] == [JG1]


def test_rules_branches_and_kinds_of_a_committees_change_are_the_new_ones() -> None:
    kinds = {name: kind for name, kind in RULES.kinds.items() if name != "lecture"}
    base = with_(SOUND, ONE)
    fewer = replace(base, policy=replace(RULES, kinds=kinds))
    assert len(list(proposal.committee_changes_break_no_record(proposed(base, fewer, POLICY)))) == 1
    assert list(proposal.committee_changes_break_no_record(proposed(base, fewer, JG1))) == []
    gone = replace(base.organisation, units=base.organisation.units[:1])
    closed = replace(base, organisation=gone)
    assert [p.path for p in proposal.committee_changes_break_no_record(proposed(base, closed, UNITS))] == [
        UNITS
    ]
    assert list(proposal.committee_changes_break_no_record(proposed(base, closed, JG1))) == []


def test_a_change_is_judged_by_its_own_committee_files_and_mains_others() -> None:
    other = replace(RULES, latest_days=1)
    head = replace(BASE, policy=other, rosters={"yjs": SOUND.rosters["jg1"]}, organisation=replace(SOUND.organisation, name="别的"))  # fmt: skip
    plain = proposed(BASE, head, ONE.path).judged()
    assert (plain.policy, plain.rosters, plain.organisation) == (RULES, SOUND.rosters, SOUND.organisation)
    assert plain.studies == head.studies
    own = proposed(BASE, head, POLICY, UNITS, JG1).judged()
    assert (own.policy, own.organisation.name) == (other, "别的")
    assert own.rosters == {"yjs": SOUND.rosters["yjs"]}
    new = replace(head, rosters={"zz": SOUND.rosters["jg1"]})
    assert set(proposed(BASE, new, "records/zz/roster.yaml").judged().rosters) == {"jg1", "yjs", "zz"}
    both = proposed(BASE, head, JG1, "records/yjs/roster.yaml").judged()
    assert both.rosters == {"yjs": SOUND.rosters["jg1"]}


def test_a_rule_in_force_that_changes_is_warned_of_where_it_stands() -> None:
    new = replace(
        RULES, caps=(), kinds={name: kind for name, kind in RULES.kinds.items() if name != "lecture"}
    )
    head = replace(SOUND, policy=new, lines={POLICY: {"caps": 30, "kinds": 12}})
    found = list(proposal.rules_in_force_are_ended_not_changed(proposed(SOUND, head, POLICY)))
    assert [(p.path, p.line, p.field, p.severity) for p in found] == [
        (POLICY, 30, "caps", Severity.WARNING),
        (POLICY, 12, "kinds", Severity.WARNING),
    ]
    assert list(proposal.rules_in_force_are_ended_not_changed(proposed(SOUND, head, JG1))) == []


def test_problems_of_other_files_are_left_out_of_a_changes() -> None:
    wrong = [replace(one, kind="nothing", title=f"题目{one.id}") for one in (ONE, TWO)]
    unread = (Problem(ONE.path, 1, "schema", "unreadable"), Problem(OTHER.path, 1, "schema", "unreadable"))
    head = replace(with_(SOUND, *wrong), problems=unread)
    found = checks.check_change(proposed(SOUND, head, ONE.path))
    assert {p.path for p in found} == {ONE.path}
    assert [p.rule for p in found] == ["kind-is-known", "schema"] and list(found) == sorted(found)
    whole = checks.check(head, TODAY)
    assert [p.rule for p in whole].count("kind-is-known") == 2 and set(unread) <= set(whole)
    assert list(whole) == sorted(whole)
    assert checks.rule_id(record.late_entry) == "late-entry"


def test_a_changed_record_is_told_of_a_later_one_that_it_resembles() -> None:
    early, late = study(1, title="党章专题学习"), study(2, title="党章专题学习")
    base = with_(SOUND, replace(early, title="读书分享会"), late)
    (found,) = checks.check_change(
        proposed(base, with_(SOUND, replace(early, **changed()), late), early.path)
    )
    assert (found.path, found.rule) == (early.path, "same-event-once") and late.id in found.message


def test_the_pictures_of_a_change_are_looked_for_where_they_are_kept() -> None:
    shown = study(1, evidence=(Evidence("a" * 64, "b" * 64, 1, 1, 1),))
    change = proposed(SOUND, with_(SOUND, shown), shown.path)
    assert checks.check_change(change) == checks.check_change(change, Kept(frozenset({"a" * 64}))) == ()
    assert [p.rule for p in checks.check_change(change, Kept(frozenset()))] == ["evidence-exists"]


def test_a_record_that_main_has_had_is_missed_with_its_cure() -> None:
    def version(path: str, blob: str | None, commit: str) -> Version:
        return Version(path, blob, commit * 40, AT, True)

    gone, never, junk = study(8), study(9), study(10)
    versions = {
        never.path: (version(never.path, None, "d"),),
        junk.path: (
            replace(version(junk.path, "x", "a"), approved=False),
            replace(version(junk.path, None, "b"), approved=False),
        ),
        gone.path: (
            version(gone.path, "x", "a"),
            version(gone.path, "y", "b"),
            version(gone.path, None, "c"),
        ),
        ONE.path: (version(ONE.path, "x", "a"),),
        JG1: (version(JG1, None, "a"),),
    }
    found = list(checks.removed(BASE, History("tip", AT, versions, {})))
    assert [(p.path, p.line, p.rule) for p in found] == [(gone.path, 0, "records-are-never-removed")]
    assert f"xueshi restore-record {gone.id} --to bbbbbbbbbb --by" in found[0].message


def test_history_tells_what_the_files_do_not() -> None:
    others = ((path, "", "desk") for path in BASE.studies if path != TWO.path)
    found = judged_as(*others, (TWO.path, "direct-push", ""))
    (open_one,) = checks.of_history(BASE, found, TODAY)
    assert open_one.severity is Severity.WARNING and "1 条记录" in open_one.message
    assert TWO.path in open_one.message
    sound = judged_as(*((path, "", "desk") for path in BASE.studies))
    assert list(checks.of_history(BASE, sound, TODAY)) == []
    late = datetime(2099, 1, 1, tzinfo=SHANGHAI)
    (wrong,) = checks.of_history(BASE, replace(sound, ahead={"e" * 40: late}), TODAY)
    assert wrong.severity is Severity.WARNING and "eeeeeeeeee 的时间是 2099年1月1日" in wrong.message
    (tip,) = checks.of_history(BASE, replace(sound, at=late), TODAY)
    assert tip.message.startswith("提交 tip ")


@pytest.mark.parametrize("path", [UNITS, POLICY])
def test_what_follows_from_a_broken_file_is_not_told(path: str) -> None:
    broken = Problem(path, 3, "yaml", "坏了")
    found = checks.check(replace(BASE, problems=(broken,), rosters={}), TODAY)
    assert [(p.path, p.severity) for p in found] == [(path, Severity.NOTE), (path, Severity.ERROR)]
    assert found[0].message == "其余检查要等它改好"
    noted = replace(broken, severity=Severity.NOTE)
    assert len(checks.check(replace(BASE, problems=(noted,), rosters={}), TODAY)) > 2


# --- closed years


MANIFEST = Closing(2026, "c" * 40, "p", "m1", AT, {"jg1": {ONE.id: "blob " + ONE.id}}, {})
NOTED = Adjustment("m1", date(2026, 11, 1), TODAY + timedelta(1), "补登", "m1", AT)
CLOSED = "records/closed-2026.yaml"


def shut(manifest: Closing = MANIFEST, *studies: Study) -> RecordSet:
    found = with_(SOUND, *studies)
    return replace(found, closings={2026: manifest}, blobs={**found.blobs, CLOSED: "m"})


def test_a_closed_year_has_its_records_and_no_others() -> None:
    assert judge(closing.closing_stands, shut(MANIFEST, ONE)) == []
    old, over = (
        study(5, start_date=date(2025, 12, 31)),
        study(6, start_date=date(2025, 12, 31), end_date=date(2026, 1, 1)),
    )
    found = judge(closing.closing_stands, shut(MANIFEST, ONE, old, over))
    assert [(p.path, p.line, p.field) for p in found] == [(over.path, 7, "start_date")]
    assert "xueshi close 2026 --adjust m1" in found[0].message
    (gone,) = judge(closing.closing_stands, shut(MANIFEST))
    assert (gone.path, gone.line) == (ONE.path, 0)
    assert (
        f"restore-record {ONE.id} --to cccccccccc" in gone.message
        and "xueshi close 2026 --adjust 党员编号" in gone.message
    )
    altered = replace(MANIFEST, records={"jg1": {ONE.id: "other"}})
    (differs,) = judge(closing.closing_stands, shut(altered, ONE))
    assert (differs.path, differs.line) == (ONE.path, 0) and "--adjust m1" in differs.message
    assert judge(closing.closing_stands, shut(replace(altered, adjustments=(NOTED,)), ONE, over)) == []
    still = shut(replace(MANIFEST, adjustments=(NOTED,)))
    assert [p.path for p in judge(closing.closing_stands, still)] == [ONE.path]  # nobody knows whose it was


@pytest.mark.parametrize(("until", "free"), [(TODAY + timedelta(1), True), (TODAY, False), (None, True)])
def test_a_closed_year_is_open_for_an_adjusted_member_as_long_as_it_says(
    until: date | None, free: bool
) -> None:
    manifest = replace(MANIFEST, adjustments=(replace(NOTED, until=until),))
    base = shut(manifest, ONE, TWO)
    head = with_(base, replace(ONE, hours=Decimal(1)), replace(TWO, start_date=date(2027, 1, 1)))
    change = proposed(base, head, "README.md", ONE.path, TWO.path, JG1)
    found = rule(closing.year_is_not_closed, change)
    cure = "xueshi close 2026 --adjust m1"
    assert all(cure in problem.message for problem in closing.year_is_not_closed(change))
    assert found == ([] if free else [(ONE.path, 7, "start_date"), (TWO.path, 7, "start_date")])
    stranger = replace(manifest, adjustments=(replace(NOTED, member="m2"),))
    assert (
        len(rule(closing.year_is_not_closed, replace(change, base=replace(base, closings={2026: stranger}))))
        == 2
    )


def test_a_new_record_of_a_closed_year_is_refused_and_one_of_another_is_not() -> None:
    base = shut(MANIFEST, ONE)
    new, other = study(7), study(8, start_date=date(2025, 3, 1))
    change = proposed(base, with_(base, ONE, new, other), new.path, other.path)
    assert [path for path, *_ in rule(closing.year_is_not_closed, change)] == [new.path]


def test_only_adjustments_are_added_to_a_closed_year() -> None:
    base = shut(replace(MANIFEST, adjustments=(NOTED,)), ONE)
    more = replace(NOTED, member="m2")

    def grown(manifest: Closing | None, *paths: str) -> list[tuple[str, int, str]]:
        closings = {2026: manifest} if manifest else {}
        return rule(closing.closing_only_grows, proposed(base, replace(base, closings=closings), *paths))

    wrong = [(CLOSED, 0, "")]
    assert grown(replace(MANIFEST, adjustments=(NOTED, more)), CLOSED) == []
    assert grown(replace(MANIFEST, adjustments=(more, NOTED)), CLOSED) == wrong
    assert grown(replace(MANIFEST, adjustments=()), CLOSED) == wrong
    assert grown(replace(MANIFEST, adjustments=(NOTED, more), commit="d" * 40), CLOSED) == wrong
    assert grown(None, CLOSED) == wrong and grown(None, JG1) == []
    gone = replace(base, blobs={})
    assert rule(closing.closing_only_grows, proposed(base, gone, CLOSED)) == wrong
    two = replace(base, closings={2025: replace(MANIFEST, year=2025), **base.closings})
    assert rule(closing.closing_only_grows, proposed(two, replace(two, closings={}), CLOSED)) == wrong


@pytest.mark.parametrize("year", [2025, 2026, 2027])
def test_a_year_is_closed_when_it_is_over_with_what_main_has(year: int) -> None:
    one = study(1, start_date=date(year, 3, 1))
    base = with_(SOUND, one, study(2, start_date=date(2024, 3, 1)))
    manifest = replace(MANIFEST, year=year, records={"jg1": {one.id: f"blob {one.id}"}})
    path = f"records/closed-{year}.yaml"

    def found(closed: Closing) -> list[str]:
        head = replace(base, closings={year: closed})
        problems = list(closing.closing_is_of_main(proposed(base, head, path)))
        assert all((p.path, p.line) == (path, 0) for p in problems)
        return [p.message for p in problems]

    early = [f"{year} 年还没有结束，年后再结账"] if year >= 2026 else []
    assert found(manifest) == early
    for records in ({}, {"jg1": {one.id: "other"}}, {"jg1": {**manifest.records["jg1"], TWO.id: "more"}}):
        told = found(replace(manifest, records=records))
        assert told[:-1] == early and f"xueshi close {year}" in told[-1]
        assert (TWO.path if "more" in str(records) else one.path) in told[-1]


# --- what a likeness names


def test_a_likeness_names_the_first_of_several_and_each_is_told() -> None:
    clock = {"start_time": "14:30", "end_time": "16:30", "title": "党章专题学习"}
    listed = [study(n, **clock) for n in (3, 2, 1)]
    third, second, first = listed
    for rule_, field in (
        (duplicates.same_event_once, "title"),
        (duplicates.times_do_not_overlap, "start_time"),
    ):
        found = judge(rule_, SOUND, *listed)
        assert told(found) == [(one.path, field, Severity.WARNING) for one in (third, second)]
        assert all(f"（{first.id}）" in p.message for p in found)


def test_a_picture_of_several_days_names_the_first_record_of_it() -> None:
    shown = (Evidence("a" * 64, "b" * 64, 1, 1, 1),)
    days = {1: DAY + timedelta(7), 2: DAY, 3: DAY + timedelta(14)}
    first, second, third = (study(n, start_date=day, evidence=shown) for n, day in days.items())
    found = judge(duplicates.picture_of_one_day, SOUND, third, second, first)
    assert told(found) == [(one.path, "evidence", Severity.WARNING) for one in (third, second)]
    assert all(f"（{first.id}）" in p.message for p in found)


def test_the_same_characters_in_another_order_are_another_title() -> None:
    assert not duplicates.is_same_event(study(1, title="甲乙丙丁戊己"), study(2, title="己戊丁丙乙甲"))


def test_faults_of_pictures_point_at_the_evidence() -> None:
    gone, wrong, telling, erased = (Evidence(letter * 64, "b" * 64, 1, 1, 1) for letter in "acde")
    pictures_ = {
        wrong.sha256: Picture("f" * 64, 1, "WEBP", 1, 1),
        telling.sha256: Picture(telling.sha256, 1, "WEBP", 1, 1, ("exif", "xmp")),
    }
    kept = Kept(frozenset({wrong.sha256, telling.sha256}), frozenset({erased.sha256}), pictures_)
    one = study(1, evidence=(gone, wrong, telling, erased))
    found = [
        p for p in checks.check(with_(SOUND, one), TODAY, kept) if "picture" in p.rule or "evidence" in p.rule
    ]
    assert sorted((p.rule, p.field, str(p.severity)) for p in found) == [
        ("evidence-exists", "evidence", "error"),
        ("evidence-exists", "evidence", "note"),
        ("picture-carries-no-metadata", "evidence", "error"),
        ("picture-is-what-it-says", "evidence", "error"),
    ]
    assert any("EXIF（可能有拍摄时间和地点）、XMP" in p.message for p in found)


def test_a_void_or_unknown_record_hides_no_other_that_lacks_its_fields() -> None:
    lacking = study(3, kind="off_job")
    listed = (study(1, kind="off_job", void=VOID), study(2, kind="nothing"), lacking)
    found = judge(record.kind_needs_its_fields, SOUND, *listed)
    assert told(found) == [(lacking.path, "organiser_level", Severity.WARNING)]


def test_a_days_cap_may_be_of_a_group_of_kinds() -> None:
    cap = Cap("online", "day", Decimal(1), BEGIN, None, where=Where(bucket=("online",)))
    found = replace(SOUND, policy=replace(RULES, caps=(cap,)))
    online = study(1, kind="online_organised")
    assert told(judge(record.day_is_within_cap, found, online, study(2))) == [
        (online.path, "hours", Severity.NOTE)
    ]


def test_a_circle_points_at_the_units() -> None:
    found = judge(organisation.units_form_a_tree, units(**{"sample-art": "jg1"}))
    assert {(p.path, p.line, p.field) for p in found} == {(UNITS, line, "units") for line in (4, 5, 6, 7)}
