"""Credited hours and standings; numbers from the worked examples of the hour rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from conftest import School, figures
from hypothesis import given
from hypothesis import strategies as st

from xueshi import records
from xueshi.model import Credit, Standing, Standings, Study
from xueshi.totals.effect import effect
from xueshi.totals.sums import by_branch, by_kind, by_month
from xueshi.words import plain

ON = date(2026, 11, 19)


def approved(school: School, *studies: Study) -> None:
    for study in studies:
        school.merge(school.propose(study))


def year(school: School, member: str = "m0012") -> Standings:
    standing = figures(school.repo, ON).members[member].standing("year")
    assert standing is not None
    return standing


def credits_of(school: School) -> list[Credit]:
    return [line.credit for line in year(school).lines]


def test_two_records_over_the_day_are_credited_eight_in_all(school: School) -> None:
    approved(school, school.study(hours="5"), school.study(hours="4", title="读书分享会"))
    assert [(c.credited, c.why) for c in credits_of(school)] == [(5, ""), (3, "per-day")]


def test_a_study_of_two_days_fills_both(school: School) -> None:
    study = school.study(hours="12")
    approved(school, replace(study, end_date=date(2026, 3, 2)))
    assert year(school).counted == 12


def test_self_study_appears_and_counts_nothing(school: School) -> None:
    approved(school, school.study(hours="3", kind="online_self"), school.study(hours="8"))
    assert [(c.credited, c.why) for c in credits_of(school)] == [(0, "kind-not-counted"), (8, "")]


@pytest.mark.parametrize(
    ("hours", "standing", "percent"),
    [
        ("15", Standing.BEHIND, "46.8"),
        ("25.5", Standing.UNDER_WAY, "79.6"),
        ("25.75", Standing.NEAR, "80.4"),
        ("32", Standing.MET, "100"),
    ],
)
def test_thresholds_are_exact(school: School, hours: str, standing: Standing, percent: str) -> None:
    left, day, studies = Decimal(hours), 1, []
    while left:
        part = min(left, Decimal(8))
        studies.append(school.study(hours=str(part), start_date=date(2026, 3, day)))
        left, day = left - part, day + 1
    approved(school, *studies)
    assert (year(school).standing, plain(year(school).percent)) == (standing, percent)


def test_a_secretary_has_the_secretarys_plan_only(school: School) -> None:
    members = figures(school.repo, ON).members
    assert [s.requirement.id for s in members["m0003"].standings] == [
        "member-year",
        "secretary-plan",
        "secretary-off-job",
    ]
    assert [s.requirement.id for s in members["m0012"].standings] == ["member-year", "member-plan"]


def test_the_effect_of_a_proposal_is_told_before_it_is_merged(school: School) -> None:
    approved(school, school.study(hours="7"))
    loaded, history = records.load_approved(school.repo, "main")
    (told,) = effect(
        loaded, loaded.policy, history.approvals(), [school.study(hours="4", title="读书分享会")], ON
    )
    assert told.before is not None and told.after is not None
    assert (told.before.counted, told.after.counted, told.credits[0].why) == (7, 8, "per-day")


def test_sums_by_kind_month_and_branch_reconcile(school: School) -> None:
    approved(
        school, school.study(hours="1.5"), school.study("m0012", hours="2", kind="lecture", title="讲座")
    )
    credits = figures(school.repo, ON).credits()
    whole = sum((c.credited for c in credits), Decimal(0))
    assert whole == Decimal("3.5") == sum(by_kind(credits).values()) == sum(by_month(credits, 2026))
    assert by_branch(credits) == {"jg1": whole}


@given(st.integers(min_value=0, max_value=4000))
def test_hours_are_written_plainly(quarters: int) -> None:
    text = plain(Decimal(quarters) / 4)
    assert Decimal(text) == Decimal(quarters) / 4
    assert "E" not in text and not text.endswith(".")
