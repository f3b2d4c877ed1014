"""What must hold of totals whatever the records are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from test_cases import ORGANISATION, figures, policy, rosters, study

from xueshi import totals
from xueshi.model import Policy, RecordSet, Study, Totals
from xueshi.records import build
from xueshi.totals.sums import apart, by_branch, by_kind, by_month, by_unit, by_year, whole

ON = date(2026, 12, 31)
QUARTER = Decimal("0.25")
CASE: dict[str, Any] = {
    "members": {"m1": {}, "m2": {"branch": "yjs"}},
    "policy": {
        "kinds": {"teaching": {"label": "讲授党课", "bucket": "centralised", "counts": True, "factor": 2}},
        "caps": [
            {"id": "per-day", "per": "day", "max": 8, "from": "2024-01-01"},
            {
                "id": "online",
                "where": {"bucket": ["online"]},
                "per": "year",
                "max": 10,
                "from": "2024-01-01",
            },
        ],
    },
}


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for _ in range(draw(st.integers(0, 12))):
        start = date(2025, 12, 20) + timedelta(draw(st.integers(0, 25)))
        said: dict[str, Any] = {
            "member": draw(st.sampled_from(["m1", "m1", "m1", "m2"])),
            "date": start.isoformat(),
            "kind": draw(
                st.sampled_from(["lecture", "lecture", "online_organised", "teaching", "self_study"])
            ),
            "hours": draw(st.integers(1, 80)) / 4,
        }
        said["branch"] = "jg1" if said["member"] == "m1" else "yjs"
        if draw(st.booleans()):
            said["end"] = (start + timedelta(draw(st.integers(0, 4)))).isoformat()
        if draw(st.booleans()):
            said["start"] = draw(st.sampled_from(["08:30", "14:30", "19:00"]))
        found.append(said)
    return found


def counted(said: list[dict[str, Any]], case: dict[str, Any] = CASE) -> Totals:
    return figures(case, [study(number, one) for number, one in enumerate(said)], ON)


def slowly(said: list[dict[str, Any]], rules: Policy) -> dict[str, Decimal]:
    """What each record is credited, a quarter of an hour at a time: each goes to the first day of its record that is
    not full, as long as no cap is; first with at most eight hours of a record on a day, then without."""
    studies = [study(number, one) for number, one in enumerate(said)]
    used: dict[object, Decimal] = {}
    credited: dict[str, Decimal] = {}

    def key(one: Study) -> tuple[object, ...]:
        online = one.kind == "online_organised"
        return online, one.start_date, one.start_time or "", one.id

    for one in sorted(studies, key=key):
        kind = rules.kinds[one.kind]
        left, own = one.hours * kind.factor, dict.fromkeys(one.days, Decimal(0))
        for most in (Decimal(8), Decimal(1000)):
            for day in one.days:
                places: list[tuple[object, Decimal]] = [((one.member, kind.counts, day), Decimal(8))]
                if one.kind == "online_organised":
                    places.append(((one.member, day.year), Decimal(10)))
                while left and own[day] < most and all(used.get(p, 0) < room for p, room in places):
                    for place, _ in places:
                        used[place] = used.get(place, Decimal(0)) + QUARTER
                    own[day] += QUARTER
                    left -= QUARTER
        credited[one.path] = sum(own.values(), Decimal(0))
    return credited


@given(records())
def test_it_is_what_counting_quarters_of_an_hour_gives(said: list[dict[str, Any]]) -> None:
    found = counted(said)
    assert {c.study.path: c.credited + c.apart for c in found.credits()} == slowly(
        said, policy(CASE["policy"])
    )


@given(records(), st.randoms())
def test_the_order_in_which_records_come_changes_nothing(said: list[dict[str, Any]], chance: Any) -> None:
    studies = [study(number, one) for number, one in enumerate(said)]
    shuffled = list(studies)
    chance.shuffle(shuffled)
    assert figures(CASE, studies, ON) == figures(CASE, shuffled, ON)


@given(records(), st.integers(0, 11))
def test_a_further_record_never_takes_hours_away(said: list[dict[str, Any]], place: int) -> None:
    """With a day's cap and one narrower one; with several narrower ones that share days it need not hold."""
    studies = [study(number, one) for number, one in enumerate(said)]
    without = [one for number, one in enumerate(studies) if number != place]
    for member in ("m1", "m2"):
        fewer, more = (figures(CASE, some, ON).members[member] for some in (without, studies))
        assert whole(fewer.credits) <= whole(more.credits)


@given(records())
def test_every_way_of_adding_up_gives_the_same(said: list[dict[str, Any]]) -> None:
    found = counted(said)
    credits = found.credits()
    total, organisation = whole(credits), build.organisation(ORGANISATION)
    sums: list[Callable[[], Decimal]] = [
        lambda: sum((whole(m.credits) for m in found.members.values()), Decimal(0)),
        lambda: sum(by_kind(credits).values(), Decimal(0)),
        lambda: sum(by_branch(credits).values(), Decimal(0)),
        lambda: by_unit(credits, organisation)["sample-art"],
        lambda: sum(by_year(credits).values(), Decimal(0)),
        lambda: sum((sum(by_month(credits, year), Decimal(0)) for year in (2025, 2026)), Decimal(0)),
        lambda: sum((c.credited for c in credits), Decimal(0)),
        lambda: sum(
            (m.hours(date(2025, 1, 1), date(2027, 1, 1)) for m in found.members.values()), Decimal(0)
        ),
    ]
    assert [add() for add in sums] == [total] * len(sums)
    assert sum(apart(credits).values(), Decimal(0)) == sum((c.apart for c in credits), Decimal(0))


@given(records())
def test_a_ledger_adds_up_to_what_counts(said: list[dict[str, Any]]) -> None:
    for member in counted(said).members.values():
        for standing in member.standings:
            if standing.lines and standing.measure != "days":
                assert standing.lines[-1].running == standing.counted
            assert all(line.credit.study.member == member.person.id for line in standing.lines)


@given(records(), st.integers(0, 40))
def test_a_lower_target_is_never_harder(said: list[dict[str, Any]], quarters: int) -> None:
    rank = {"behind": 0, "under_way": 1, "near": 2, "met": 3}
    rules = policy(CASE["policy"])
    year = rules.requirements[0]
    found = []
    for least in (Decimal(8), Decimal(8) + QUARTER * quarters):
        option = replace(year.options[0], min=least)
        found.append(_under(replace(rules, requirements=(replace(year, options=(option,)),)), said))
    assert rank[found[0]] >= rank[found[1]]


def _under(rules: Policy, said: list[dict[str, Any]]) -> str:
    studies = [study(number, one) for number, one in enumerate(said)]
    found = RecordSet(
        build.organisation(ORGANISATION), rules, rosters(CASE["members"]), {s.path: s for s in studies}
    )
    standing = totals.total(found, rules, {s.path for s in studies}, ON).members["m1"].standing("year")
    assert standing is not None
    return str(standing.standing)
