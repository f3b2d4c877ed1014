"""Totals and checks of a large organisation, each beside a plain loop over the same rows in the same run.

`scripts/bench figures [--members N] [--records M]`."""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from test_cases import ORGANISATION, policy

from xueshi import checks, totals, ulids
from xueshi.model import SHANGHAI, RecordSet, Study, Submitted
from xueshi.records import build

KINDS = ("theme_day", "lecture", "online_organised", "self_study", "off_job")


def large(members: int, records: int) -> RecordSet:
    """Members of one branch with records of almost three years, all sound."""
    rng, at = random.Random(1), datetime(2024, 1, 1, tzinfo=SHANGHAI)
    people = [_person(number) for number in range(members)]
    studies = {}
    for number in range(records):
        start = date(2024, 1, 1) + timedelta(rng.randrange(1050))
        sent = at + timedelta(seconds=number)
        ident = ulids.new(sent)
        path = f"records/jg1/{ulids.year_of(ident)}/{ident}.yaml"
        member, hours = f"m{rng.randrange(members):05d}", Decimal(rng.randrange(1, 33)) / 4
        said = Submitted(member, datetime(2026, 11, 19, tzinfo=SHANGHAI), "link", "2026-01")
        studies[path] = Study(
            path, "jg1", ident, member, rng.choice(KINDS), f"学习{number}", start, hours, said
        )
    rosters = {"jg1": build.roster({"members": people}, "jg1")}
    return RecordSet(build.organisation(ORGANISATION), policy({}), rosters, studies)


def _person(number: int) -> dict[str, Any]:
    person: dict[str, Any] = {"id": f"m{number:05d}", "name": f"样{number}"}
    person["periods"] = [{"from": "2024-01-01", "status": "full"}]
    if number % 30 == 0:
        person["roles"] = [{"role": "branch_secretary", "from": "2025-03-01"}]
    return person


def timed(what: str, act: Callable[[], Any], floor: float | None = None) -> float:
    begun = time.perf_counter()
    act()
    took = time.perf_counter() - begun
    beside = f", {took / floor:.0f} times the plain loop" if floor else ""
    print(f"{what}: {took:.2f} s{beside}", flush=True)
    return took


def plain(records: RecordSet) -> dict[tuple[str, int], Decimal]:
    """The floor: a dict of sums, with no rule at all."""
    sums: dict[tuple[str, int], Decimal] = {}
    for study in records.studies.values():
        key = (study.member, study.start_date.year)
        sums[key] = sums.get(key, Decimal(0)) + study.hours
    return sums


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=200_000)
    told = parser.parse_args()
    gc.set_threshold(100_000)  # as the command does
    records, on = large(told.members, told.records), date(2026, 11, 19)
    print(f"{told.members} members, {told.records} records")
    floor = timed("plain loop", lambda: plain(records))
    approvals = frozenset(records.studies)
    timed("totals", lambda: totals.total(records, records.policy, approvals, on), floor)
    timed("checks", lambda: checks.check(records, on), floor)


if __name__ == "__main__":
    main()
