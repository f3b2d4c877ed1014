"""First and last days, empty cases and order: what the worked examples leave open of docs/rules.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from test_cases import ORGANISATION, figures, policy, rosters, study

from xueshi import totals
from xueshi.model import (
    SHANGHAI,
    Adjustment,
    ClosedMember,
    Closing,
    Figure,
    History,
    Membership,
    Organisation,
    Period,
    Person,
    Policy,
    RecordSet,
    Role,
    Selector,
    Span,
    Standing,
    Standings,
    Totals,
)
from xueshi.records import build
from xueshi.totals import closing, sums
from xueshi.totals.convert import hours_of, stepped
from xueshi.totals.effect import Shift, crossed, effect, effect_of_rules
from xueshi.totals.selecting import anchor, calendar_span, fits, months, span_of
from xueshi.totals.standing import Case, share_target

DAY = date(2026, 3, 1)
END = date(2026, 12, 31)
YEAR = (date(2026, 1, 1), date(2027, 1, 1))
RULES: Policy = policy({})
COMMITTEE: Organisation = build.organisation(ORGANISATION)
AT = datetime(2027, 1, 5, 9, 30, tzinfo=SHANGHAI)


def records_of(*said: dict[str, Any], members: dict[str, Any] | None = None, **rules: Any) -> RecordSet:
    studies = [study(number, one) for number, one in enumerate(said)]
    return RecordSet(COMMITTEE, policy(rules), rosters(members or {}), {s.path: s for s in studies})


def person(*held: tuple[str, str | None, str], **more: Any) -> Person:
    """Somebody of jg1 with spans of (from, until, status)."""
    spans = [
        Membership("jg1", date.fromisoformat(a), date.fromisoformat(b) if b else None, status)
        for a, b, status in held
    ]
    made = Person("m1", "m1", tuple(spans), (), ())
    return replace(made, **more)


FULL = person(("2024-01-01", None, "full"))
SECRETARY = replace(FULL, roles=(Role("branch_secretary", date(2026, 2, 10), date(2026, 9, 1)),))


# --- time to hours


@pytest.mark.parametrize(("minutes", "hours"), [("0", "0"), ("0.5", "0"), ("1", "0.25"), ("15", "0.25"), ("16", "0.5")])  # fmt: skip
def test_the_online_table_begins_with_its_least_minutes(minutes: str, hours: str) -> None:
    assert hours_of(Decimal(minutes), RULES.kinds["online_self"], DAY, RULES) == Decimal(hours)


def test_minutes_become_hours_by_the_conversion_and_the_kind_of_their_day() -> None:
    old = {"from": "2024-01-01", "until": "2026-03-01", "minutes_per_hour": 60, "hours_per_half_day": 4}
    old |= {"hours_per_day": 8, "step": 0.5, "rounding": "down"}
    new = {**old, "from": "2026-03-01", "until": None, "minutes_per_hour": 45, "rounding": "nearest"}
    new |= {"online_table": [{"min_minutes": 45, "hours": 3}]}
    del new["until"]
    kind = {"label": "课", "bucket": "centralised", "counts": True}
    kind |= {"changes": [{"from": "2026-04-01", "convert": "online_table"}]}
    rules = policy({"conversion": [old, new], "kinds": {"course": kind}})
    course = rules.kinds["course"]
    before = DAY - timedelta(1)
    assert [hours_of(Decimal(m), course, before, rules) for m in (89, 90)] == [1, Decimal("1.5")]
    assert [hours_of(Decimal(m), course, DAY, rules) for m in (56, 57)] == [1, Decimal("1.5")]
    assert hours_of(Decimal(90), course, date(2026, 4, 1), rules) == 3
    assert stepped(Decimal("1.25"), rules.conversions[1]) == Decimal("1.5")


# --- whom a rule is for


def test_a_selector_that_is_not_there_or_rests_on_itself_takes_in_nobody() -> None:
    circle = {"a": Selector("a", include="b"), "b": Selector("b", include="a")}
    rules = replace(RULES, who={**RULES.who, **circle})
    assert not fits(FULL, "nobody", DAY, rules, COMMITTEE)
    assert not fits(FULL, "a", DAY, rules, COMMITTEE)
    assert not fits(FULL, "members", date(2023, 12, 31), rules, COMMITTEE)
    assert fits(FULL, "members", date(2024, 1, 1), rules, COMMITTEE)


def test_selectors_may_rest_on_each_other_as_deep_as_there_are_any() -> None:
    chain = {str(n): Selector(str(n), include=str(n + 1) if n < 4 else None) for n in range(5)}
    rules = replace(RULES, who=chain)
    assert all(fits(FULL, name, DAY, rules, COMMITTEE) for name in chain)


@pytest.mark.parametrize(
    ("selector", "whom"),
    [
        (Selector("s"), {"full", "trial", "secretary", "exempt"}),
        (Selector("s", status=("probationary",)), {"trial"}),
        (Selector("s", role=("branch_secretary", "other")), {"secretary"}),
        (Selector("s", not_role=("branch_secretary",)), {"full", "trial", "exempt"}),
        (Selector("s", unit=("jg1",)), {"full", "trial", "secretary", "exempt"}),
        (Selector("s", unit=("sample-art",)), {"full", "trial", "secretary", "exempt"}),
        (Selector("s", unit=("yjs",)), set()),
        (Selector("s", exempt=True), {"exempt"}),
        (Selector("s", exempt=False), {"full", "trial", "secretary"}),
        (Selector("s", joined_before=date(2024, 1, 2)), {"full", "secretary", "exempt"}),
        (Selector("s", joined_before=date(2024, 1, 1)), set()),
        (Selector("s", include="members", status=("full",)), {"full", "secretary", "exempt"}),
        (Selector("s", include="secretaries", status=("full",)), {"secretary"}),
    ],
)
def test_everything_that_a_selector_says_must_hold(selector: Selector, whom: set[str]) -> None:
    people = {
        "full": FULL,
        "trial": person(("2024-06-01", None, "probationary")),
        "secretary": SECRETARY,
        "exempt": replace(FULL, exempt=(Span(DAY, None),)),
    }
    rules = replace(RULES, who={**RULES.who, "s": selector})
    assert {name for name, one in people.items() if fits(one, "s", DAY, rules, COMMITTEE)} == whom


def firsts(*numbers: int) -> list[date]:
    return [date(2026, month, 1) for month in numbers]


def test_months_are_held_or_other_by_any_day_of_theirs() -> None:
    held, other, whole = months(SECRETARY, "secretaries", YEAR, RULES, COMMITTEE)
    assert (held, other, whole) == (firsts(*range(2, 9)), firsts(1, 9, 10, 11, 12), 12)
    assert months(FULL, "secretaries", YEAR, RULES, COMMITTEE) == ([], firsts(*range(1, 13)), 12)
    assert months(FULL, "ordinary", YEAR, RULES, COMMITTEE) == (firsts(*range(1, 13)), [], 12)
    assert months(FULL, "members", YEAR, RULES, COMMITTEE) == (firsts(*range(1, 13)), [], 12)
    assert months(FULL, "nobody", YEAR, RULES, COMMITTEE) == ([], [], 12)
    ours = {
        "ours": Selector("ours", unit=("jg1",)),
        "s": Selector("s", include="ours", role=("branch_secretary",)),
    }
    rules = replace(RULES, who=ours)
    assert months(SECRETARY, "s", YEAR, rules, COMMITTEE)[:2] == (held, other)


def test_an_exempt_day_is_no_day_of_a_month() -> None:
    resting = replace(FULL, exempt=(Span(date(2026, 3, 1), date(2026, 5, 31)),))
    held, other, _ = months(resting, "members", YEAR, RULES, COMMITTEE)
    assert (held, other) == (firsts(1, 2, 5, 6, 7, 8, 9, 10, 11, 12), [])
    through = replace(resting, exempt=(Span(date(2026, 3, 1), date(2026, 6, 1)),))
    assert months(through, "members", YEAR, RULES, COMMITTEE)[0] == firsts(1, 2, *range(6, 13))


def test_a_month_begun_within_counts_from_there() -> None:
    odd = (date(2026, 1, 15), date(2026, 3, 10))
    begins = [date(2026, 1, 15), date(2026, 2, 1), date(2026, 3, 1)]
    assert months(FULL, "members", odd, RULES, COMMITTEE) == (begins, [], 3)
    late = person(("2026-03-10", None, "full"))
    assert months(late, "members", odd, RULES, COMMITTEE) == ([], [], 3)
    left = person(("2024-01-01", "2026-01-16", "full"))
    assert months(left, "members", odd, RULES, COMMITTEE) == (begins[:1], [], 3)
    joined = person(("2026-01-31", None, "full"))
    assert months(joined, "members", odd, RULES, COMMITTEE) == (begins, [], 3)


# --- periods


TURNED = person(
    ("2024-03-10", "2025-03-10", "development_target"),
    ("2025-03-10", "2026-03-10", "probationary"),
    ("2026-03-10", "2026-06-01", "full"),
    ("2026-06-01", None, "full"),
)


def test_anchors_are_the_days_that_a_person_joined_turned_full_or_was_appointed() -> None:
    assert anchor(TURNED, "joined", (), END) == date(2025, 3, 10)
    assert anchor(TURNED, "full_member", (), END) == date(2026, 3, 10)
    assert anchor(FULL, "joined", (), END) == date(2024, 1, 1)
    assert anchor(FULL, "full_member", (), END) is None
    assert anchor(person(("2024-01-01", None, "development_target")), "joined", (), END) is None
    assert anchor(person(("2024-01-01", None, "probationary")), "full_member", (), END) is None


def test_the_newest_appointment_up_to_the_day_counts() -> None:
    roles = tuple(Role("secretary", date(year, 5, 1), None) for year in (2024, 2026, 2025))
    one = replace(FULL, roles=(*roles, Role("other", date(2026, 1, 1), None)))
    asked = ("secretary",)
    assert anchor(one, "appointed", asked, date(2026, 4, 30)) == date(2025, 5, 1)
    assert anchor(one, "appointed", asked, date(2026, 5, 1)) == date(2026, 5, 1)
    assert anchor(one, "appointed", asked, date(2024, 4, 30)) is None
    assert anchor(one, "appointed", ("nobody",), END) is None


PERIODS = {
    "rolling": Period("rolling", "rolling", months=2),
    "trial": Period("trial", "anchored", months=12, anchor="full_member"),
    "open": Period("open", "window", start=DAY),
    "term": Period("term", "window", start=DAY, until=date(2026, 6, 1)),
    "odd": Period("odd", "no-such-type"),
}
OWN = replace(RULES, periods={**RULES.periods, **PERIODS})


@pytest.mark.parametrize(
    ("period", "day", "span"),
    [
        ("year", "2026-12-31", "2026-01-01 2027-01-01"),
        ("quarter", "2026-03-31", "2026-01-01 2026-04-01"),
        ("quarter", "2026-04-01", "2026-04-01 2026-07-01"),
        ("quarter", "2026-12-31", "2026-10-01 2027-01-01"),
        ("month", "2026-12-01", "2026-12-01 2027-01-01"),
        ("month", "2026-02-28", "2026-02-01 2026-03-01"),
        ("rolling", "2026-03-31", "2026-02-01 2026-04-01"),
        ("rolling", "2026-04-29", "2026-02-28 2026-04-30"),
        ("term", "2026-02-28", None),
        ("term", "2026-03-01", "2026-03-01 2026-06-01"),
        ("term", "2026-05-31", "2026-03-01 2026-06-01"),
        ("term", "2026-06-01", None),
        ("open", "2026-04-01", None),
        ("odd", "2026-04-01", None),
        ("none", "2026-04-01", None),
        ("trial", "2026-03-09", None),
        ("trial", "2026-03-10", "2026-03-10 2027-03-10"),
        ("trial", "2027-12-31", "2026-03-10 2027-03-10"),
        ("trial", "2028-01-01", None),
    ],
)
def test_a_period_holds_its_first_day_and_not_its_end(period: str, day: str, span: str | None) -> None:
    found = span_of(TURNED, period, date.fromisoformat(day), OWN)
    assert (f"{found[0]} {found[1]}" if found else None) == span
    if period not in ("rolling", "trial"):
        assert calendar_span(OWN, period, date.fromisoformat(day)) == found
    assert span_of(FULL, "trial", date.fromisoformat(day), OWN) is None


def test_an_anchored_period_that_ends_with_a_year_holds_no_day_of_the_next() -> None:
    new_year = person(("2025-01-01", "2026-01-01", "probationary"), ("2026-01-01", None, "full"))
    assert span_of(new_year, "trial", date(2026, 12, 31), OWN) == YEAR
    assert span_of(new_year, "trial", date(2027, 1, 1), OWN) is None
    second = person(("2024-01-01", "2025-01-02", "probationary"), ("2025-01-02", None, "full"))
    assert span_of(second, "trial", date(2026, 12, 31), OWN) == (date(2025, 1, 2), date(2026, 1, 2))


# --- what a share of a target is


def case_of(one: Person, rules: Policy = RULES) -> Case:
    return Case(one, rules, COMMITTEE, ())


def test_a_share_is_taken_of_the_target_by_months() -> None:
    july = person(("2026-07-01", None, "full"))
    assert share_target(case_of(FULL), "member-year", DAY) == 32
    assert share_target(case_of(july), "member-year", DAY) == 16
    assert share_target(case_of(FULL), "secretary-off-job", DAY) == 40
    assert share_target(case_of(SECRETARY), "secretary-off-job", DAY) == 40
    plan = share_target(case_of(SECRETARY), "secretary-plan", DAY)
    assert plan == 160 + (280 - 160) * 7 // 60
    assert share_target(case_of(FULL), "member-year", date(2023, 12, 31)) is None
    assert share_target(case_of(FULL), "nothing", DAY) is None
    assert share_target(case_of(FULL), "member-plan", date(2029, 1, 1)) is None


def test_a_share_is_of_the_target_of_the_persons_own_branch() -> None:
    rule = {"id": "member-year", "label": "要求", "who": "ours", "period": "year", "from": "2024-01-01"}
    rule |= {"source": "x", "prorate": "by_month", "measure": "hours", "min": 32, "otherwise": 16}
    who = {"members": {"status": ["full"]}, "ours": {"include": "members", "unit": ["jg1"]}}
    online = {"date": "2026-03-01", "hours": 8, "kind": "online_organised"}
    members = {"m1": {}, "m2": {"branch": "yjs"}}
    rules = {"requirements": [rule], "who": who, "caps": [ONLINE]}
    found = records_of(online, {**online, "member": "m2"}, {**online, "date": "2026-03-02", "member": "m1"}, members=members, **rules)  # fmt: skip
    told = totals.total(found, found.policy, set(found.studies), END).members
    assert {name: sums.whole(one.credits) for name, one in told.items()} == {"m1": 8, "m2": 4}


def test_a_share_of_what_a_persons_own_period_asks_for() -> None:
    rule = replace(RULES.requirements[0], id="own", period="trial", prorate=False)
    rules = replace(OWN, requirements=(rule,))
    assert share_target(case_of(TURNED, rules), "own", date(2026, 3, 10)) == 32
    assert share_target(case_of(TURNED, rules), "own", date(2026, 3, 9)) is None
    assert share_target(case_of(FULL, rules), "own", date(2026, 3, 10)) is None


def test_a_share_of_a_prorated_target_cuts_what_goes_over_it() -> None:
    cap = {"id": "online-share", "where": {"bucket": ["online"]}, "per": "year", "from": "2024-01-01"}
    cap |= {"max_share_of": "member-year", "share": 0.25}
    july = {"m1": {"periods": [{"from": "2026-07-01", "status": "full"}]}}
    said = [{"date": f"2026-0{month}-03", "hours": 3, "kind": "online_organised"} for month in (7, 8)]
    found = figures(
        {"policy": {"caps": [cap]}, "members": july}, [study(n, one) for n, one in enumerate(said)], END
    )
    assert [(c.credited, c.why) for c in found.credits()] == [(3, ""), (1, "online-share")]


# --- standings


def standing_of(*said: dict[str, Any], on: date = END, of: str = "rule", **rule: Any) -> Standings:
    made = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    found = records_of(*said, requirements=[{**made, **rule}])
    standing = totals.total(found, found.policy, set(found.studies), on).members["m1"].of(of)
    assert standing is not None
    return standing


def test_records_of_the_first_and_the_last_day_of_a_period_count_and_no_others() -> None:
    said = [{"date": day, "hours": 1} for day in ("2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01")]
    for measure, counted in (("hours", "2"), ("records", "2"), ("days", "0.25")):
        found = standing_of(*said, on=date(2026, 12, 31), measure=measure, min=9)
        assert found.counted == Decimal(counted), measure
        assert [str(line.credit.study.start_date) for line in found.lines] == ["2026-01-01", "2026-12-31"]
        assert found.lines[-1].running == Decimal(counted)


def test_a_study_over_new_year_counts_on_each_side_what_its_days_hold() -> None:
    long = {"date": "2025-12-31", "end": "2026-01-02", "hours": 20}
    for on, counted in (("2025-12-31", 8), ("2026-01-02", 12), ("2026-12-31", 12)):
        found = standing_of(long, on=date.fromisoformat(on), measure="hours", min=40)
        assert (found.counted, [line.counted for line in found.lines]) == (counted, [counted])
    days = standing_of(long, measure="days", min=5)
    assert (days.counted, days.percent, days.short) == (Decimal("1.5"), 30, Decimal("3.5"))


def test_what_is_shown_is_never_better_than_what_is() -> None:
    found = standing_of({"date": "2026-03-01", "hours": 1}, measure="days", min=2)
    assert (found.counted, found.percent, found.short) == (Decimal("0.12"), Decimal("6.2"), Decimal("1.88"))
    assert (found.start, found.until, found.months) == (*YEAR, None)


def test_days_are_reckoned_by_the_conversion_of_each_records_day() -> None:
    old = {"from": "2024-01-01", "until": "2026-03-02", "minutes_per_hour": 60, "hours_per_half_day": 3}
    old |= {"hours_per_day": 6, "step": 0.5, "rounding": "down"}
    new = {**old, "from": "2026-03-02", "hours_per_day": 8}
    del new["until"]
    said = [{"date": f"2026-03-0{day}", "hours": 6} for day in (1, 2)]
    rule = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    found = records_of(*said, requirements=[{**rule, "measure": "days", "min": 5}], conversion=[old, new])
    standing = totals.total(found, found.policy, set(found.studies), END).members["m1"].of("rule")
    assert standing is not None and standing.counted == Decimal("1.75")
    assert [line.counted for line in standing.lines] == [1, Decimal("0.75")]


def test_a_record_is_of_its_kind_as_it_was_on_its_day() -> None:
    kinds = {"course": {**KIND, "changes": [{"from": "2026-03-02", "bucket": "online", "counts": True}]}}
    kinds["own"] = {**KIND, "counts": False, "changes": [{"from": "2026-03-02", "counts": True}]}
    said = [{"date": f"2026-03-0{day}", "hours": 1, "kind": kind} for kind in kinds for day in (1, 2)]
    said.append({"date": "2026-03-02", "hours": 1, "kind": "course", "void": True})
    rule = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    rule |= {"measure": "hours", "min": 5, "where": {"bucket": ["centralised"]}}
    found = records_of(*said, requirements=[rule], kinds=kinds)
    standing = totals.total(found, found.policy, set(found.studies), END).members["m1"].of("rule")
    assert standing is not None and standing.counted == 2
    told = [
        (line.credit.study.kind, line.credit.study.start_date.day, line.counted) for line in standing.lines
    ]
    assert sorted(told) == [("course", 1, 1), ("own", 1, 0), ("own", 2, 1)]


def test_records_are_events_and_one_event_counts_once() -> None:
    said = [
        {"date": "2026-03-01", "hours": 1, "activity": "a"},
        {"date": "2026-03-02", "hours": 1, "activity": "a"},
        {"date": "2026-03-03", "hours": 1},
        {"date": "2026-12-30", "hours": 1},
    ]
    found = standing_of(*said, measure="records", min=4, on=date(2026, 12, 29))
    assert (found.counted, [line.counted for line in found.lines]) == (2, [1, 0, 1, 0])
    assert standing_of(*said, measure="records", min=4).counted == 3
    again = standing_of(*said, {"date": "2026-03-04", "hours": 1, "activity": "a"}, measure="records", min=4)
    assert [line.counted for line in again.lines] == [1, 0, 1, 0, 1]


def test_a_study_whose_hours_all_fall_into_the_next_year_is_not_in_this_years_ledger() -> None:
    full = {"date": "2026-12-31", "hours": 8, "start": "08:00"}
    late = {"date": "2026-12-31", "end": "2027-01-01", "hours": 8, "start": "09:00"}
    rule = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    found = records_of(full, late, requirements=[{**rule, "measure": "hours", "min": 9}], caps=[PER_DAY])
    for day, number in ((END, "0"), (date(2027, 1, 1), "1")):
        standing = totals.total(found, found.policy, set(found.studies), day).members["m1"].of("rule")
        assert standing is not None and [line.credit.study.id[-1] for line in standing.lines] == [number]


def test_a_ledger_begins_with_the_first_day_of_its_period_counted_or_not() -> None:
    found = standing_of({"date": "2026-01-01", "hours": 1, "void": True}, measure="hours", min=4)
    assert [line.credit.why for line in found.lines] == ["void"]


def test_months_of_both_groups_share_a_target() -> None:
    one = {"roles": [{"role": "branch_secretary", "from": "2026-07-01"}]}
    rule = {"id": "rule", "label": "要求", "who": "secretaries", "period": "year", "from": "2024-01-01"}
    rule |= {"source": "x", "prorate": "by_month", "measure": "hours", "min": 24, "otherwise": 12}
    found = records_of(members={"m1": one}, requirements=[rule])
    standing = totals.total(found, found.policy, (), END).members["m1"].of("rule")
    assert standing is not None and (standing.target, standing.months) == (18, (6, 12))


def test_exactly_as_much_as_is_tolerated_is_not_behind() -> None:
    rule = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    alerts = {"near_ratio": 0.9, "behind_tolerance": 0.2, "waiting_days": 7}
    for hours, told in (("12.75", "behind"), ("12.8", "under_way"), ("14.4", "near")):
        said = {"date": "2026-03-01", "end": "2026-03-02", "hours": hours}
        found = records_of(said, requirements=[{**rule, "measure": "hours", "min": 16}], alerts=alerts)
        standing = totals.total(found, found.policy, set(found.studies), END).members["m1"].of("rule")
        assert standing is not None and standing.standing == told


def test_a_ledger_has_the_records_that_bring_nothing_with_their_reason() -> None:
    said = [
        {"date": "2026-03-01", "hours": 1},
        {"date": "2026-03-02", "hours": 1, "void": True},
        {"date": "2026-03-03", "hours": 1, "kind": "nothing"},
        {"date": "2026-03-04", "hours": 1, "kind": "self_study"},
        {"date": "2026-03-05", "hours": 1, "kind": "off_job"},
    ]

    def told(**rule: Any) -> list[tuple[str, str, Decimal]]:
        found = standing_of(*said, measure="hours", min=4, **rule)
        return [(line.credit.study.kind, line.credit.why, line.counted) for line in found.lines]

    assert told() == [
        ("lecture", "", 1),
        ("lecture", "void", 0),
        ("nothing", "unknown-kind", 0),
        ("self_study", "kind-not-counted", 0),
        ("off_job", "", 1),
    ]
    assert told(where={"kind": ["lecture"]}) == [("lecture", "", 1), ("lecture", "void", 0)]
    assert told(where={"counts": False}) == [("self_study", "kind-not-counted", 1)]
    never = {"measure": "records", "min": 9}
    only = [{"measure": "hours", "min": 4, "where": {"kind": ["off_job"]}}, never]
    found = standing_of(*said, any_of=only)
    assert [line.credit.study.kind for line in found.lines] == ["off_job"]
    apart = standing_of(*said, any_of=[{"measure": "hours", "min": 1, "where": {"counts": False}}, never])
    assert [(line.credit.study.kind, line.counted) for line in apart.lines] == [("self_study", 1)]
    assert (apart.counted, apart.standing) == (1, "met")


def test_of_several_measures_the_best_or_the_worst_is_told_and_the_first_on_ties() -> None:
    options = [
        {"measure": "days", "min": 2},
        {"measure": "hours", "min": 4},
        {"measure": "records", "min": 1},
    ]
    one = {"date": "2026-03-01", "hours": 2}
    any_, all_ = standing_of(one, any_of=options), standing_of(one, all_of=options)
    assert (any_.measure, any_.standing, all_.measure, all_.standing) == ("records", "met", "days", "behind")
    assert [(f.measure, f.counted, f.met) for f in all_.figures] == [
        ("days", Decimal("0.25"), False),
        ("hours", 2, False),
        ("records", 1, True),
    ]
    tied = [{"measure": "hours", "min": 8}, {"measure": "days", "min": 1}]
    assert standing_of(one, any_of=tied).measure == standing_of(one, all_of=tied).measure == "hours"


JUNE = {"m1": {"periods": [{"from": "2026-06-01", "status": "full"}]}}  # seven months of the year


def prorated(*said: dict[str, Any], **rule: Any) -> Standings:
    made = {"id": "rule", "who": "members", "period": "year", "from": "2024-01-01", "source": "x"}
    found = records_of(*said, members=JUNE, requirements=[{**made, "prorate": "by_month", **rule}])
    standing = totals.total(found, found.policy, set(found.studies), END).members["m1"].of("rule")
    assert standing is not None
    return standing


def test_measures_that_ask_for_the_same_are_tied_however_their_targets_were_rounded() -> None:
    """18.67 hours are shown as 18.66 and 2.333 days as 2.33, of which 10 hours are more."""
    options = [{"measure": "hours", "min": 32}, {"measure": "days", "min": 4}]
    said = {"date": "2026-07-01", "end": "2026-07-02", "hours": 10}
    for several in ("any_of", "all_of"):
        for first, second in (options, options[::-1]):
            told = prorated(said, **{several: [first, second]})
            shown = {f.measure: str(f.target) for f in told.figures}
            assert (shown, told.measure) == ({"hours": "18.66", "days": "2.33"}, first["measure"]), several


def test_of_several_measures_one_that_is_met_is_further_on_than_any_that_is_not() -> None:
    """2.33 of 2.333 days are met, as shown, though 13.99 of 14 hours are the greater part."""
    days = {"measure": "days", "min": 4, "where": {"kind": ["lecture"]}}
    hours = {"measure": "hours", "min": 24, "where": {"kind": ["theme_day"]}}
    said = [
        {"date": "2026-07-01", "end": "2026-07-03", "hours": 18.64},
        {"date": "2026-08-01", "end": "2026-08-02", "hours": 13.99, "kind": "theme_day"},
    ]
    any_, all_ = (prorated(*said, **{several: [days, hours]}) for several in ("any_of", "all_of"))
    assert [(f.target, f.met) for f in any_.figures] == [(Decimal("2.33"), True), (14, False)]
    assert (any_.measure, any_.standing, all_.measure, all_.standing) == ("days", "met", "hours", "near")


def test_a_target_of_nothing_is_met_and_full() -> None:
    """Secretary for December only and exempt in it: eleven months ask for nothing."""
    one = {"roles": [{"role": "branch_secretary", "from": "2026-12-01"}], "exempt": [{"from": "2026-12-01"}]}
    rule = {"id": "rule", "label": "要求", "who": "secretaries", "period": "year", "from": "2024-01-01"}
    rule |= {"source": "x", "prorate": "by_month"}
    both = [{"measure": "hours", "min": 4, "otherwise": 5}, {"measure": "records", "min": 3}]
    for options in ({"measure": "hours", "min": 12}, {"any_of": both}):
        found = records_of(members={"m1": one}, requirements=[{**rule, **options}])
        standing = totals.total(found, found.policy, (), END).members["m1"].of("rule")
        assert standing is not None and standing.months == (0, 12)
        assert (standing.target, standing.percent, standing.short, standing.figure.met) == (0, 100, 0, True)
        assert (standing.standing, standing.figures.index(standing.figure)) == ("exempt", "any_of" in options)


@pytest.mark.parametrize(
    ("day", "hours", "standing", "expected"),
    [
        ("2026-01-01", "0", "under_way", "0.04"),  # 16 / 365 = 0.0438
        ("2026-01-04", "0", "under_way", "0.18"),  # 64 / 365 = 0.1753
        ("2026-01-30", "0", "under_way", "1.32"),  # the last of thirty days in which nobody is behind
        ("2026-01-31", "0", "behind", "1.36"),
        ("2026-07-02", "6.42", "under_way", "8.02"),  # 183 of 365 days, a fifth less is 6.4175
        ("2026-07-02", "6.41", "behind", "8.02"),
        ("2026-12-31", "12.75", "behind", "16"),
        ("2026-12-31", "12.8", "near", "16"),
        ("2026-12-31", "16", "met", "16"),
    ],
)
def test_pace_is_by_days_over(day: str, hours: str, standing: str, expected: str) -> None:
    said = {"date": "2026-01-01", "end": "2026-01-03", "hours": hours}
    found = standing_of(said, on=date.fromisoformat(day), measure="hours", min=16)
    assert (found.standing, found.expected) == (standing, Decimal(expected))


def not_behind(member: dict[str, Any], days: int | None, *, period: str = "year", **rule: Any) -> list[date]:
    """The days of 2026 on which one who has no hours is asked for some and is not behind; `days` of grace."""
    made = {"id": "rule", "who": "members", "period": period, "from": "2024-01-01", "source": "x"}
    made |= {"measure": "hours", "min": 32, **rule}
    grace = {} if days is None else {"behind_grace_days": days}
    periods = {
        "year": {"type": "calendar_year"},
        "month": {"type": "calendar_month"},
        "rolling": {"type": "rolling", "months": 6},
        "plan": {"type": "window", "from": "2026-01-01", "until": "2031-01-01"},
        "first-year": {"type": "anchored", "anchor": "joined", "months": 6},
    }
    rules = policy(
        {"requirements": [made], "periods": periods, "caps": [], "carry_over": [], **QUIET}
        | {"alerts": {**QUIET["alerts"], **grace}}
    )
    found = RecordSet(COMMITTEE, rules, rosters({"m1": member}), {})
    told = {}
    for number in range(365):
        day = YEAR[0] + timedelta(number)
        one = totals.total_of(found, rules, (), found.people()["m1"], day).of("rule")
        told[day] = str(one.standing) if one else ""
    assert set(told.values()) <= {"behind", "under_way", "exempt", ""}
    return [day for day, standing in told.items() if standing == "under_way"]


def days_from(first: str, count: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(n) for n in range(count)]


JOINED: dict[str, Any] = {"periods": [{"from": "2024-01-01", "status": "full"}]}


@pytest.mark.parametrize(
    ("days", "period", "first"),
    [
        (None, "year", days_from("2026-01-01", 30)),
        (0, "year", []),
        (10, "year", days_from("2026-01-01", 10)),
        (365, "year", days_from("2026-01-01", 91)),  # a quarter of 365 days
        (None, "plan", days_from("2026-01-01", 30)),
        (None, "rolling", []),  # always over
        (7, "month", [day for m in range(1, 13) for day in days_from(f"2026-{m:02}-01", 7)]),
        (8, "month", [day for m in range(1, 13) for day in days_from(f"2026-{m:02}-01", 7)]),
    ],
)
def test_in_the_first_days_of_a_period_nobody_is_behind(
    days: int | None, period: str, first: list[date]
) -> None:
    assert not_behind(JOINED, days, period=period) == first


@pytest.mark.parametrize(
    ("member", "rule", "first"),
    [
        # who joins on the last of May is asked for a whole month of May, and not called behind the day after
        ({"periods": [{"from": "2026-05-31", "status": "full"}]}, {"prorate": "by_month"}, days_from("2026-05-31", 30)),
        ({"periods": [{"from": "2026-05-31", "status": "full"}]}, {}, days_from("2026-05-31", 30)),
        # twelve days are left of the year: three of them
        ({"periods": [{"from": "2026-12-20", "status": "full"}]}, {"prorate": "by_month"}, days_from("2026-12-20", 3)),
        # whom the requirement asks for the first time; coming back is no beginning
        ({**JOINED, "roles": [{"role": "branch_secretary", "from": "2026-03-10", "until": "2026-04-01"}, {"role": "branch_secretary", "from": "2026-06-01"}]}, {"who": "secretaries", "otherwise": 16, "prorate": "by_month"}, days_from("2026-03-10", 22)),
        # who was exempt until then
        ({**JOINED, "exempt": [{"from": "2026-01-01", "until": "2026-06-15"}]}, {}, days_from("2026-06-15", 30)),
        # the period begins with them
        ({"periods": [{"from": "2026-02-10", "status": "full"}]}, {"period": "first-year"}, days_from("2026-02-10", 30)),
    ],
)  # fmt: skip
def test_the_first_days_are_those_of_the_person(
    member: dict[str, Any], rule: dict[str, Any], first: list[date]
) -> None:
    assert not_behind(member, None, **rule) == first


def weighed(weights: list[int], day: date, *, members: dict[str, Any] | None = None, **rule: Any) -> Decimal:
    made = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    made |= {"measure": "hours", "min": 36, **rule}
    names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    pace = {"model": "weighted_months", "weights": dict(zip(names, weights, strict=True))}
    windows = {"odd": {"type": "window", "from": "2026-01-16", "until": "2026-03-11"}}
    periods = {**{"year": {"type": "calendar_year"}}, **windows}
    plain = policy({"requirements": [made], "periods": periods, "caps": [], "pace": pace, **QUIET})
    found = RecordSet(COMMITTEE, plain, rosters(members or {}), {})
    standing = totals.total(found, plain, (), day).members["m1"].of("rule")
    assert standing is not None
    return standing.expected


QUIET: dict[str, Any] = {
    "norms": [],
    "alerts": {"near_ratio": 0.8, "behind_tolerance": 0.2, "waiting_days": 7},
}


def test_a_weighted_pace_takes_a_months_share_of_its_weight() -> None:
    weights = [0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0, 6]
    days = {"2026-02-28": "0", "2026-03-01": "0.39", "2026-03-31": "12", "2026-06-30": "12", "2026-12-30": "35.42", "2026-12-31": "36"}  # fmt: skip
    for day, expected in days.items():
        assert weighed(weights, date.fromisoformat(day)) == Decimal(expected), day
    # 16 of 31 days of January at 31, all of February at 14, 10 of 31 days of March at 62: 16 + 14 + 20
    odd = [31, 14, 62, *[1] * 9]
    for day, share in {"2026-01-16": 1, "2026-01-31": 16, "2026-02-28": 30, "2026-03-10": 50}.items():
        assert weighed(odd, date.fromisoformat(day), period="odd") == Decimal(36) * share / 50, day


def test_a_prorated_pace_begins_with_the_first_month_that_counts() -> None:
    july = {"m1": {"periods": [{"from": "2026-07-20", "status": "full"}]}}
    assert weighed([1] * 12, date(2026, 9, 30), members=july, prorate="by_month") == 9
    assert weighed([1] * 12, date(2026, 9, 30), members=july) == 27
    roles = [{"role": "branch_secretary", "from": "2026-07-01"}]
    other = {"m1": {"periods": [{"from": "2026-04-01", "status": "full"}], "roles": roles}}
    asked = {"who": "secretaries", "prorate": "by_month", "otherwise": 12}
    assert weighed([1] * 12, date(2026, 6, 30) + timedelta(1), members=other, **asked) < 8


def test_months_that_weigh_nothing_are_linear() -> None:
    nothing = [0, 0, 0, 9, *[0] * 8]
    assert weighed(nothing, date(2026, 2, 11), period="odd") == 18  # 27 of 54 days


def test_what_was_over_is_carried_only_from_a_period_that_applied() -> None:
    def carried(first: str, on: date = END, **more: Any) -> tuple[Decimal, Decimal, Decimal]:
        rule = {"id": "member-year", "label": "要求", "who": "members", "period": "year", "source": "x"}
        rule |= {"measure": "hours", "min": 10, "from": "2024-01-01", "prorate": "by_month"}
        rules = {"requirements": [{**rule, **more}]}
        rules["carry_over"] = [
            {"requirement": "other", "max": 99, "from": "2024-01-01"},
            {"requirement": "member-year", "max": 3, "from": "2026-01-01", "until": "2027-01-01"},
        ]
        said = [{"date": "2025-12-31", "hours": 8}, {"date": "2025-01-01", "hours": 4}, {"date": "2024-12-31", "hours": 8}, {"date": "2026-01-01", "hours": 1}]  # fmt: skip
        found = records_of(*said, members={"m1": {"periods": [{"from": first, "status": "full"}]}}, **rules)
        standing = totals.total(found, found.policy, set(found.studies), on).members["m1"].of("member-year")
        assert standing is not None
        running = standing.lines[-1].running if standing.lines else Decimal(0)
        return standing.figure.carried, standing.counted, running

    assert carried("2024-01-01") == (2, 3, 3)
    assert carried("2025-07-01") == (3, 4, 4)  # half a target, at most three hours
    assert carried("2026-01-01") == (0, 1, 1)
    assert carried("2024-01-01", min=13) == (0, 1, 1)
    assert carried("2024-01-01", date(2025, 12, 31))[0] == 0  # the rule begins a year later
    assert carried("2024-01-01", date(2027, 12, 31)) == (0, 0, 0)
    assert carried("2024-01-01", **{"from": "2026-01-01"}) == (0, 1, 1)
    assert carried("2024-01-01", measure="records", min=1) == (0, 1, 1)


def carried_of(rules: list[dict[str, Any]], on: date, first: str = "2024-01-01", hours: str = "6.25", **carry: str) -> Standings:  # fmt: skip
    made = {"id": "rule", "label": "要求", "who": "members", "period": "year", "source": "x"}
    made |= {"measure": "hours", "min": 12, "from": "2024-01-01"}
    listed = [{**made, **rule} for rule in rules]
    over = [{"requirement": "rule", "max": 3, "from": "2024-01-01", **carry}]
    said = [{"date": f"{year}-03-0{day}", "hours": hours} for year in (2024, 2025, 2026) for day in (1, 2)]
    members = {"m1": {"periods": [{"from": first, "status": "full"}]}}
    found = records_of(*said, members=members, requirements=listed, carry_over=over)
    standing = totals.total(found, found.policy, set(found.studies), on).members["m1"].of("rule")
    assert standing is not None
    return standing


def test_hours_are_carried_over_only_into_periods_that_begin_under_the_rule() -> None:
    span = {"from": "2026-01-01", "until": "2027-01-01"}
    told = [carried_of([{}], date(year, 12, 31), **span) for year in (2025, 2026, 2027)]
    assert [(one.figure.carried, one.counted) for one in told] == [(0, Decimal("12.5")), (Decimal("0.5"), 13), (0, 0)]  # fmt: skip


def test_what_is_carried_over_may_meet_a_requirement() -> None:
    assert (
        carried_of([{"min": 12, "until": "2026-01-01"}, {"min": 13, "from": "2026-01-01"}], END).standing
        == "met"
    )


def test_the_version_in_force_on_the_last_day_says_what_was_over() -> None:
    turned = [{"until": "2025-12-31", "min": 20}, {"from": "2025-12-31"}]
    assert carried_of(turned, END).figure.carried == Decimal("0.5")
    whole = carried_of([{}], END, "2025-07-01")  # nothing is prorated
    assert whole.figure.carried == Decimal("0.5")
    days = [{"until": "2026-01-01", "measure": "days", "min": 1}, {"from": "2026-01-01"}]
    assert (carried_of(days, END).figure.carried, carried_of(days, END).counted) == (0, Decimal("12.5"))


def test_carried_hours_are_those_of_the_first_option_in_hours_and_none_are_carried_into_days() -> None:
    options = [{"measure": "days", "min": 9}, {"measure": "hours", "min": 6}, {"measure": "hours", "min": 4}]
    rule = {
        "id": "rule",
        "label": "要求",
        "who": "members",
        "period": "year",
        "from": "2024-01-01",
        "source": "x",
    }
    rules = {"requirements": [{**rule, "all_of": options}]}
    rules["carry_over"] = [{"requirement": "rule", "max": 9, "from": "2024-01-01"}]
    found = records_of({"date": "2025-05-01", "hours": 8}, {"date": "2026-05-01", "hours": 1}, **rules)
    standing = totals.total(found, found.policy, set(found.studies), END).members["m1"].of("rule")
    assert standing is not None
    assert [(f.carried, f.counted) for f in standing.figures] == [(0, Decimal("0.12")), (2, 3), (2, 3)]
    assert [(line.counted, line.running) for line in standing.lines] == [(Decimal("0.12"), Decimal("0.12"))]


# --- credits


def credited(*said: dict[str, Any], **rules: Any) -> list[tuple[Decimal, str]]:
    found = records_of(*said, **rules)
    credits = totals.total(found, found.policy, set(found.studies), END).credits()
    by_path = {c.study.path: (c.credited + c.apart, c.why) for c in credits}
    return [by_path[path] for path in found.studies]


def test_a_ledger_goes_by_day_time_and_id() -> None:
    said = [
        {"date": "2026-03-02", "hours": 1},
        {"date": "2026-03-01", "hours": 1, "start": "14:00"},
        {"date": "2026-03-01", "hours": 1, "start": "08:00"},
        {"date": "2026-03-01", "hours": 1},
        {"date": "2026-03-01", "hours": 1},
    ]
    found = records_of(*said)
    credits = totals.total(found, found.policy, set(found.studies), END).members["m1"].credits
    assert [int(c.study.id[-1]) for c in credits] == [3, 4, 2, 1, 0]


def test_a_day_has_room_for_the_first_of_its_records() -> None:
    said = [{"date": "2026-03-01", "hours": 5, "start": start} for start in ("14:00", "08:00")]
    assert credited(*said) == [(3, "per-day"), (5, "")]
    assert credited({"date": "2026-12-31", "hours": 1}, {"date": "2027-01-01", "hours": 1}) == [(1, ""), (0, "future")]  # fmt: skip


KIND = {"label": "课", "bucket": "centralised", "counts": True}


def test_the_limits_of_a_kind_are_per_record_and_per_year_of_that_kind() -> None:
    kinds = {"course": {**KIND, "factor": 2, "max_per_record": 5, "max_per_year": 8}}
    kinds["other"] = {**KIND, "max_per_year": 8}
    said = [{"date": day, "hours": 3, "kind": "course"} for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2025-12-31")]  # fmt: skip
    said.append({"date": "2026-03-04", "hours": 8, "kind": "other"})
    assert credited(*said, kinds=kinds) == [
        (5, "max-per-record"),
        (3, "max-per-year"),
        (0, "max-per-year"),
        (5, "max-per-record"),
        (8, ""),
    ]


def test_the_limit_that_leaves_the_least_room_is_named_and_the_first_of_equals() -> None:
    caps = [
        {"id": "six", "per": "record", "max": 6, "from": "2024-01-01"},
        {"id": "four", "per": "day", "max": 4, "from": "2024-01-01"},
        {"id": "too", "per": "day", "max": 4, "from": "2024-01-01"},
        {"id": "off", "per": "day", "max": 1, "from": "2024-01-01", "enabled": False},
        {"id": "old", "per": "day", "max": 1, "from": "2024-01-01", "until": "2026-03-01"},
        {"id": "new", "per": "day", "max": 1, "from": "2026-03-02"},
    ]
    said = [{"date": day, "hours": 8} for day in ("2026-02-28", "2026-03-01", "2026-03-02")]
    assert credited(*said, caps=caps) == [(1, "old"), (4, "four"), (1, "new")]
    assert credited({"date": "2026-03-01", "hours": 4}, caps=caps) == [(4, "")]


def test_what_is_under_a_narrowing_cap_comes_last_whatever_its_period() -> None:
    online = {"id": "online", "where": {"bucket": ["online"]}, "max": 2, "from": "2024-01-01"}
    said = [{"date": "2026-03-01", "hours": 8, "start": "08:00", "kind": "online_organised"}, {"date": "2026-03-01", "hours": 7, "start": "09:00"}]  # fmt: skip
    day = {"id": "per-day", "per": "day", "max": 8, "from": "2024-01-01"}
    for per in ("year", "month", "plan"):
        assert credited(*said, caps=[day, {**online, "per": per}]) == [(1, "per-day"), (7, "")]
    for per in ("day", "record"):
        assert credited(*said, caps=[day, {**online, "per": per}])[1] == (6, "per-day")
    ended = {**online, "per": "year", "until": "2026-03-01"}
    assert credited(*said, caps=[day, ended]) == [(8, ""), (0, "per-day")]


def test_kinds_that_do_not_count_have_buckets_of_their_own() -> None:
    said = [{"date": "2026-03-01", "hours": 6, "kind": kind} for kind in ("lecture", "self_study", "online_self", "volunteer")]  # fmt: skip
    assert [hours for hours, _ in credited(*said)] == [6, 6, 2, 6]
    found = records_of(*said)
    credits = totals.total(found, found.policy, set(found.studies), END).credits()
    assert {c.study.kind: (c.credited, c.apart, c.why) for c in credits if c.credited != 6} == {
        "self_study": (0, 6, "kind-not-counted"),
        "online_self": (0, 2, "kind-not-counted"),
        "volunteer": (0, 6, "kind-not-counted"),
    }


def test_days_are_filled_in_two_rounds_and_parts_are_told_by_day() -> None:
    long = {"date": "2026-03-01", "end": "2026-03-03", "hours": 20}
    busy = {"date": "2026-03-01", "hours": 6, "start": "07:00"}
    loose = {"caps": [{"id": "per-day", "per": "day", "max": 10, "from": "2024-01-01"}]}
    found = records_of(long, **loose)
    (credit,) = totals.total(found, found.policy, set(found.studies), END).credits()
    assert [(day.day, hours) for day, hours in credit.parts] == [(1, 8), (2, 8), (3, 4)]
    found = records_of({**long, "hours": 26}, {**busy, "start": None}, **loose)
    one, two = totals.total(found, found.policy, set(found.studies), END).credits()
    assert [(day.day, hours) for day, hours in one.parts] == [(1, 10), (2, 8), (3, 8)]
    assert (two.parts, two.why) == ((), "per-day")
    start = records_of(long, crossing=[{"from": "2024-01-01", "mode": "start"}], **loose)
    (credit,) = totals.total(start, start.policy, set(start.studies), END).credits()
    assert credit.parts == ((date(2026, 3, 1), Decimal(20)),) and credit.credited == 20
    assert credited({**long, "end": "2026-02-01", "hours": 9}) == [(8, "per-day")]


ONLINE = {"id": "online", "where": {"bucket": ["online"]}, "per": "year", "from": "2024-01-01"}
ONLINE |= {"max_share_of": "member-year", "share": 0.25}
PER_DAY = {"id": "per-day", "per": "day", "max": 8, "from": "2024-01-01"}


def test_a_credit_says_all_that_made_it() -> None:
    kinds = {"course": {**KIND, "factor": 2, "changes": [{"from": "2026-03-02", "factor": 3}]}}
    said = [
        {"date": "2026-03-01", "hours": 1, "kind": "course"},
        {"date": "2026-03-02", "hours": 1, "kind": "course"},
        {"date": "2026-03-02", "hours": 9, "start": "08:00"},
        {"date": "2026-03-02", "hours": 2, "start": "09:00"},
        {"date": "2026-03-03", "hours": 2, "void": True},
        {"date": "2026-03-04", "hours": 2, "kind": "nothing"},
        {"date": "2027-01-01", "hours": 2},
        {"date": "2026-03-05", "hours": 2},
        {"date": "2026-03-06", "hours": 2, "kind": "volunteer"},
    ]
    found = records_of(*said, kinds=kinds)
    approved = {path for path in found.studies if "0007" not in path}
    members = totals.total(found, found.policy, approved, END).members
    told = {int(c.study.id[-1]): c for c in members["m1"].credits}
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    assert {
        n: (c.state, c.claimed, c.factor, c.credited, c.apart, c.parts, c.why) for n, c in told.items()
    } == {
        0: ("counted", 1, 2, 2, 0, ((first, 2),), ""),
        1: ("counted", 1, 3, 3, 0, ((second, 3),), ""),
        2: ("counted", 9, 1, 5, 0, ((second, 5),), "per-day"),
        3: ("counted", 2, 1, 0, 0, (), "per-day"),
        4: ("void", 2, 1, 0, 0, (), "void"),
        5: ("counted", 2, 1, 0, 0, (), "unknown-kind"),
        6: ("counted", 2, 1, 0, 0, (), "future"),
        7: ("unapproved", 2, 1, 0, 0, (), "unapproved"),
        8: ("counted", 2, 1, 0, 2, ((date(2026, 3, 6), 2),), "kind-not-counted"),
    }
    assert all(isinstance(c.credited, Decimal) and isinstance(c.apart, Decimal) for c in told.values())


def test_what_has_a_limit_a_year_of_its_own_comes_last_and_a_cap_narrows_only_in_force() -> None:
    kinds = {"course": {**KIND, "max_per_year": 8}}
    both = [{"date": "2026-03-01", "hours": 8, "start": "08:00", "kind": "course"}, {"date": "2026-03-01", "hours": 7, "start": "09:00"}]  # fmt: skip
    assert credited(*both, kinds=kinds) == [(1, "per-day"), (7, "")]
    online = [{**both[0], "kind": "online_organised"}, both[1]]
    late = {"id": "late", "where": {"kind": ["online_organised"]}, "per": "year", "max": 3}
    assert credited(*online, caps=[PER_DAY, {**late, "from": "2026-03-02"}]) == [(8, ""), (0, "per-day")]
    assert credited(*online, caps=[PER_DAY, {**late, "from": "2026-03-01"}]) == [(1, "per-day"), (7, "")]


def test_two_days_are_filled_in_two_rounds_by_the_conversion_of_the_first() -> None:
    loose = {**PER_DAY, "max": 10}
    long = {"date": "2026-03-01", "end": "2026-03-02", "hours": 12}

    def parts(*said: dict[str, Any], **rules: Any) -> list[list[Decimal]]:
        found = records_of(*said, **rules)
        credits = totals.total(found, found.policy, set(found.studies), END).credits()
        return [[hours for _, hours in c.parts] for c in credits]

    assert parts(long, caps=[loose]) == [[8, 4]]
    old = {"from": "2024-01-01", "until": "2026-03-02", "minutes_per_hour": 60, "hours_per_half_day": 4}
    old |= {"hours_per_day": 6, "step": 0.5, "rounding": "down"}
    new = {**old, "from": "2026-03-02", "hours_per_day": 8}
    del new["until"]
    later = {**long, "date": "2026-03-05", "end": "2026-03-06"}
    assert parts(long, later, caps=[loose], conversion=[old, new]) == [[6, 6], [8, 4]]


def test_what_finds_room_on_another_day_is_not_cut() -> None:
    busy = {"date": "2026-03-01", "hours": 6, "start": "00:00"}
    long = {"date": "2026-03-01", "end": "2026-03-02", "hours": 10, "start": "08:00"}
    assert credited(busy, long) == [(6, ""), (10, "")]


def test_a_year_of_a_cap_is_that_of_the_day_or_of_the_first_day() -> None:
    course = {"date": "2025-12-31", "end": "2026-01-01", "hours": 16, "kind": "online_organised"}
    year = {"id": "five", "where": {"bucket": ["online"]}, "per": "year", "max": 5, "from": "2024-01-01"}
    assert credited(course, caps=[year]) == [(10, "five")]
    assert credited(course, caps=[year], crossing=[]) == [(5, "five")]
    begun = {**year, "from": "2026-01-01"}
    assert credited(course, caps=[begun, PER_DAY]) == [(13, "five")]
    assert credited(course, caps=[begun], crossing=[]) == [(16, "")]


def test_a_share_is_rounded_down_and_a_cap_that_does_not_reach_hides_no_other() -> None:
    online = {"date": "2026-03-01", "hours": 10, "kind": "online_organised"}
    assert credited(online, caps=[{**ONLINE, "share": 0.2999}]) == [(Decimal("9.59"), "online")]
    nothing = {**ONLINE, "id": "plan", "per": "plan", "from": "2024-01-01", "until": "2026-01-01"}
    assert credited(online, caps=[nothing, PER_DAY]) == [(8, "per-day")]
    gone = {"date": "2030-03-01", "hours": 10}
    found = records_of(gone, caps=[{"id": "plan", "per": "plan", "max": 1, "from": "2024-01-01"}, PER_DAY])
    (credit,) = totals.total(found, found.policy, set(found.studies), date(2030, 12, 31)).credits()
    assert (credit.credited, credit.why) == (8, "per-day")


# --- everybody, and those on no roster


def test_strangers_are_told_apart_by_id_and_are_asked_nothing() -> None:
    said = [{"date": "2026-03-01", "hours": 9, "member": member} for member in ("z9", "b2", "m1")]
    found = records_of(*said)
    told = totals.total(found, found.policy, set(found.studies), END)
    assert [(c.study.member, c.credited, c.why) for c in told.strangers] == [("b2", 8, "per-day"), ("z9", 8, "per-day")]  # fmt: skip
    assert list(told.members) == ["m1"] and told.members["m1"].branch == "jg1" and told.on == END
    assert totals.total(found, found.policy, (), date(2023, 1, 1)).members["m1"].branch is None
    online = {"date": "2026-03-01", "hours": 8, "kind": "online_organised", "member": "z9"}
    found = records_of({**online, "hours": 5}, {**online, "date": "2026-03-02"}, caps=[ONLINE])
    told = totals.total(found, found.policy, set(found.studies), END)
    assert [(c.credited, c.why) for c in told.strangers] == [
        (5, ""),
        (3, "online"),
    ]  # a quarter of the whole 32


def test_one_persons_figures_are_the_same_alone() -> None:
    said = [{"date": "2026-03-01", "hours": 9, "member": member} for member in ("m1", "m2")]
    found = records_of(*said, members={"m1": {}, "m2": {"branch": "yjs"}})
    paths = set(found.studies)
    under = replace(found.policy.who["members"], unit=("sample-art",))
    rules = replace(found.policy, who={**found.policy.who, "members": under})
    whole = totals.total(found, rules, paths, END)
    for one in whole.members.values():
        assert totals.total_of(found, rules, paths, one.person, END) == one
        assert [c.study.member for c in one.credits] == [one.person.id] and one.standing("year") is not None


# --- sums


def test_sums_are_of_a_year_and_the_most_come_first() -> None:
    said = [
        {"date": "2026-01-01", "hours": 1, "kind": "field_study"},
        {"date": "2026-12-31", "hours": 3},
        {"date": "2026-05-01", "hours": 1, "kind": "off_job"},
        {"date": "2025-05-01", "hours": 4, "kind": "off_job"},
        {"date": "2026-05-02", "hours": 2, "kind": "volunteer"},
        {"date": "2026-05-03", "hours": 2, "kind": "self_study"},
        {"date": "2025-05-03", "hours": 5, "kind": "self_study"},
        {"date": "2026-05-04", "hours": 2, "void": True},
        {"date": "2026-05-05", "hours": 7, "member": "m2", "branch": "yjs"},
    ]
    found = records_of(*said, members={"m1": {}, "m2": {"branch": "yjs"}})
    credits = totals.total(found, found.policy, set(found.studies), END).credits()
    assert list(sums.by_kind(credits, 2026).items()) == [("lecture", 10), ("field_study", 1), ("off_job", 1)]
    assert list(sums.by_kind(credits)) == ["lecture", "off_job", "field_study"]
    assert sums.by_month(credits, 2026) == (1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 3)
    assert sums.by_branch(credits, 2026) == {"jg1": 5, "yjs": 7} and sums.by_branch(credits, 2025) == {
        "jg1": 4
    }
    assert sums.by_unit(credits, COMMITTEE, 2025) == {"sample-art": 4, "jg1": 4, "yjs": 0}
    assert (sums.whole(credits, 2026), sums.whole(credits), sums.whole(())) == (12, 16, Decimal(0))
    assert isinstance(sums.whole(()), Decimal)
    assert list(sums.by_year(credits).items()) == [(2025, 4), (2026, 12)]
    assert list(sums.apart(credits, 2026).items()) == [("self_study", 2), ("volunteer", 2)]
    assert sums.apart(credits) == {"self_study": 7, "volunteer": 2} and sums.apart(credits, 2024) == {}


def test_credits_within_a_span_are_those_with_a_day_in_it() -> None:
    said = [
        {"date": "2026-03-01", "end": "2026-03-02", "hours": 16},
        {"date": "2026-03-01", "hours": 1, "void": True},
        {"date": "2026-03-03", "hours": 1, "void": True},
        {"date": "2026-03-03", "hours": 1},
    ]
    found = records_of(*said)
    credits = totals.total(found, found.policy, set(found.studies), END).credits()

    def days(first: int, until: int) -> list[int]:
        some = sums.within(credits, date(2026, 3, first), date(2026, 3, until))
        return [int(c.study.id[-1]) for c in some]

    assert (days(1, 2), days(2, 3), days(3, 4), days(1, 4)) == ([0, 1], [0], [2, 3], [0, 1, 2, 3])


# --- effects


def standing_as(standing: Standing, counted: int = 0) -> Standings:
    zero = Decimal(0)
    figure = Figure("hours", Decimal(32), Decimal(counted), zero, zero, zero, zero, False)
    return Standings(RULES.requirements[0], *YEAR, standing, figure, (figure,), ())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("behind", "under_way", ""),
        ("behind", "near", "near"),
        ("under_way", "met", "met"),
        ("near", "met", "met"),
        ("near", "near", ""),
        ("met", "near", "fell_back"),
        ("near", "behind", "fell_back"),
        ("met", "under_way", "fell_back"),
        ("exempt", "met", ""),
        ("met", "exempt", ""),
        (None, "met", ""),
        ("met", None, ""),
        (None, None, ""),
    ],
)
def test_a_threshold_lies_between_two_standings_or_none_does(
    before: str | None, after: str | None, told: str
) -> None:
    pair = [standing_as(Standing(one)) if one else None for one in (before, after)]
    assert crossed(*pair) == told
    assert Shift(*pair, told).changes is (before != after)
    assert Shift(standing_as(Standing.MET), standing_as(Standing.MET, 1), "").changes


def test_the_effect_of_a_proposal_is_told_for_each_member_on_the_years_last_day() -> None:
    old = [
        {"date": "2025-03-01", "hours": 2, "start": "12:00"},
        {"date": "2026-03-01", "hours": 8, "start": "12:00"},
    ]
    other = {"date": "2026-03-01", "hours": 8, "start": "13:00", "member": "m2", "branch": "yjs"}
    found = records_of(*old, other, members={"m1": {}, "m2": {"branch": "yjs"}})
    early = replace(study(10, {"date": "2026-03-01", "hours": 3, "start": "08:00"}))
    spare = replace(study(11, {"date": "2026-04-01", "hours": 3}))
    past = study(12, {"date": "2025-04-01", "hours": 8, "member": "nobody"})
    on = date(2027, 2, 1)
    one, none = effect(found, found.policy, set(found.studies), [early, spare, past], on)
    assert (one.member, one.on, none.member, none.on) == ("m1", END, "nobody", date(2025, 12, 31))
    assert one.before is not None and one.after is not None
    assert (one.before.counted, one.after.counted) == (8, 11)
    assert [(c.study.path, c.credited) for c in one.credits] == [(early.path, 3), (spare.path, 3)]
    assert [(c.study.id[-1], c.credited, c.why) for c in one.lost] == [("1", 5, "per-day")]
    assert [s.after.requirement.id for s in one.shifts if s.after] == ["member-year", "member-plan"]
    assert all(s.before and s.after and s.before.requirement == s.after.requirement for s in one.shifts)
    assert [s.crossed for s in one.shifts] == ["", ""]
    assert (none.before, none.after, none.shifts, none.lost) == (None, None, (), ())
    assert [(c.study.path, c.credited, c.why) for c in none.credits] == [(past.path, 8, "")]
    (today,) = effect(found, found.policy, set(found.studies), [spare], date(2026, 11, 1))
    assert today.on == date(2026, 11, 1)
    unapproved = next(iter(found.studies))
    (same,) = effect(found, found.policy, set(found.studies) - {unapproved}, [spare], on)
    assert same.shifts[1].before is not None and same.shifts[1].before.counted == 8


def test_a_correction_is_compared_with_what_stood_before() -> None:
    found = records_of({"date": "2026-03-01", "hours": 8})
    (old,) = found.studies.values()
    (one,) = effect(found, found.policy, set(found.studies), [replace(old, hours=Decimal(2))], END)
    assert one.before is not None and one.after is not None
    assert (one.before.counted, one.after.counted, one.credits[0].credited, one.lost) == (8, 2, 2, ())


def test_a_proposal_that_reaches_a_threshold_says_which() -> None:
    found = records_of({"date": "2026-03-01", "end": "2026-03-03", "hours": 24})
    for hours, told in ((1, ""), (2, "near"), (8, "met")):
        (one,) = effect(found, found.policy, set(found.studies), [study(9, {"date": "2026-05-01", "hours": hours})], END)  # fmt: skip
        assert one.shifts[0].crossed == told


def test_other_rules_are_told_only_for_those_whose_figures_they_change() -> None:
    members = {"m1": {}, "m2": {"branch": "yjs"}}
    said = [
        {"date": "2026-03-01", "hours": 8},
        {"date": "2026-03-01", "hours": 2, "member": "m2", "branch": "yjs"},
    ]
    before = records_of(*said, members=members)
    half = [{"id": "per-day", "per": "day", "max": 4, "from": "2024-01-01"}]
    after = replace(before, policy=policy({"caps": half}))
    paths = set(before.studies)
    (one,) = effect_of_rules(before, after, paths, ["m2", "m1", "nobody"], END)
    assert (one.member, one.on, one.credits) == ("m1", END, ())
    assert one.before is not None and one.after is not None
    assert (one.before.counted, one.after.counted) == (8, 4)
    assert [(c.study.member, c.credited, c.why) for c in one.lost] == [("m1", 4, "per-day")]
    assert effect_of_rules(before, before, paths, ["m1", "m2"], END) == ()
    assert effect_of_rules(before, after, (), ["m1", "m2"], END) == ()
    (lost,) = effect_of_rules(before, before, paths, ["m1", "m2"], END, paths - {said_of("m2", before)})
    assert lost.member == "m2" and lost.before is not None and lost.after is not None
    assert (lost.before.counted, lost.after.counted, lost.lost[0].why) == (2, 0, "unapproved")


def said_of(member: str, found: RecordSet) -> str:
    return next(path for path, study in found.studies.items() if study.member == member)


def test_other_rosters_are_an_effect_for_who_comes_and_who_goes() -> None:
    before = records_of({"date": "2026-03-01", "hours": 8}, members={"m1": {}})
    ended = {"periods": [{"from": "2024-01-01", "until": "2026-12-31", "status": "full"}]}
    for after in (rosters({"m1": ended, "m2": {}}), rosters({"m2": {}})):
        found = effect_of_rules(
            before, replace(before, rosters=after), set(before.studies), ["m2", "m1"], END
        )
        came, left = found
        assert (came.member, came.before is None, came.after is not None) == ("m2", True, True)
        assert (left.member, left.before is not None, left.after is None) == ("m1", True, True)
        assert not left.lost and [shift.crossed for shift in left.shifts] == ["", ""]


# --- a closed year


def closed(*said: dict[str, Any], members: dict[str, Any]) -> tuple[RecordSet, Totals, dict[str, Any]]:
    found = records_of(*said, members=members)
    blobs = {path: f"blob{number}" for number, path in enumerate(found.studies)}
    found = replace(found, blobs={**blobs, "records/policy.yaml": "rules"})
    told = totals.total(found, found.policy, set(found.studies), END)
    history = History("tip", AT, {}, {})
    return found, told, closing.manifest(found, history, told, 2026, "m1", AT)


def read(manifest: dict[str, Any], *open_to: str) -> Closing:
    members = {
        member: ClosedMember(
            held["hours"],
            {name: (r["target"], r["counted"], r["standing"]) for name, r in held["requirements"].items()},
        )
        for member, held in manifest["totals"].items()
    }
    opened = tuple(Adjustment(member, DAY, None, "补登", "m1", AT) for member in open_to)
    return Closing(
        2026, manifest["commit"], manifest["policy"], "m1", AT, manifest["records"], members, opened
    )


MANY = {"m1": {}, "m2": {"branch": "yjs"}, "z": {"periods": [{"from": "2024-01-01", "status": "applicant"}]}}
SAID = [
    {"date": "2026-03-02", "hours": "2.50"},
    {"date": "2025-12-31", "end": "2026-01-01", "hours": 12},
    {"date": "2026-03-01", "hours": 1, "member": "m2", "branch": "yjs"},
    {"date": "2025-12-31", "hours": 1},
    {"date": "2027-01-01", "hours": 1},
    {"date": "2025-06-01", "hours": 1, "member": "z"},
]


def test_a_closed_years_manifest_lists_its_records_and_everybodys_figures() -> None:
    found, _, manifest = closed(*SAID, members=MANY)
    ids = [s.id for s in found.studies.values()]
    assert manifest["records"] == {"jg1": {ids[0]: "blob0", ids[1]: "blob1"}, "yjs": {ids[2]: "blob2"}}
    assert [s.id for s in closing.of_year(found.studies.values(), 2026)] == ids[:3]
    assert [s.id for s in closing.of_year(reversed(found.studies.values()), 2025)] == [ids[1], ids[3], ids[5]]
    told = {name: manifest[name] for name in ("schema", "year", "commit", "policy", "closed", "adjustments")}
    assert told == {
        "schema": "closing/1",
        "year": 2026,
        "commit": "tip",
        "policy": "rules",
        "closed": {"by": "m1", "at": "2027-01-05T09:30:00+08:00"},
        "adjustments": [],
    }
    assert list(manifest["totals"]) == ["m1", "m2"]  # nothing was asked of z, who has nothing
    assert manifest["totals"]["m1"]["hours"] == "6.5"
    year = {"target": "32", "counted": "6.5", "standing": "behind"}
    assert manifest["totals"]["m1"]["requirements"]["member-year"] == year
    assert set(manifest["totals"]["m1"]["requirements"]) == {"member-year", "member-plan"}


def test_a_closed_year_that_is_figured_as_it_was_has_no_differences() -> None:
    _, told, manifest = closed(*SAID, members=MANY)
    assert closing.differences(read(manifest), told) == ()


def test_the_differences_from_a_closed_year_are_told_by_member() -> None:
    _, _, manifest = closed(*SAID, members=MANY)
    more = {"date": "2026-05-01", "hours": 1}
    _, now, _ = closed(*SAID, more, {**more, "member": "z"}, members={**MANY, "a": {}})
    assert closing.differences(read(manifest, "m1"), now) == (
        ("a", "结账时 无，现在算出 0 学时", False),
        ("m1", "结账时 6.5 学时，现在算出 7.5 学时", True),
        ("z", "结账时 无，现在算出 1 学时", False),
    )
    _, fewer, _ = closed(*SAID, members={"m1": {"exempt": [{"from": "2026-06-01"}]}})
    assert closing.differences(read(manifest, "m2"), fewer) == (
        ("m1", "学时相同，要求或结论不同", False),
        ("m2", "结账时 1 学时，现在算出 无", True),
    )


def test_hours_of_a_closed_year_are_those_of_its_days_whoever_asks() -> None:
    """Somebody who has hours and of whom nothing is asked stands in the manifest, too."""
    _, _, manifest = closed({"date": "2026-12-31", "hours": 1}, {"date": "2025-12-31", "hours": 1}, members={"m1": {"periods": [{"from": "2024-01-01", "status": "applicant"}]}})  # fmt: skip
    assert manifest["totals"] == {"m1": {"hours": "1", "requirements": {}}}


def test_a_study_over_new_year_brings_a_closed_year_its_own_days_only() -> None:
    long = {"date": "2026-12-31", "end": "2027-01-02", "hours": 20}
    _, told, manifest = closed(long, members={"m1": {}})
    assert manifest["totals"]["m1"]["hours"] == "8" and whole_of(told) == 20


def whole_of(told: Totals) -> Decimal:
    return sums.whole(told.credits())
