"""Worked examples, one behaviour a file: records in, figures out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from xueshi import project, totals
from xueshi.model import SHANGHAI, RecordSet, Study, Submitted, Totals, Void
from xueshi.records import build, build_policy
from xueshi.records.typed import faults
from xueshi.reports.source import attainment
from xueshi.totals.convert import hours_of
from xueshi.totals.sums import by_branch, by_unit, by_year, whole

CASES = sorted((Path(__file__).parent / "cases" / "totals").glob("*.yaml"))
AT = datetime(2024, 1, 1, tzinfo=SHANGHAI)
ORGANISATION = {
    "name": "示例大学艺术学院党委",
    "units": [
        {"id": "sample-art", "kind": "committee", "name": "党委"},
        {"id": "jg1", "kind": "branch", "parent": "sample-art", "name": "教工第一党支部"},
        {"id": "yjs", "kind": "branch", "parent": "sample-art", "name": "研究生党支部"},
    ],
    "reviewers": [],
}


def policy(changes: dict[str, Any]) -> Any:
    """The policy that everybody has, with some of its parts replaced (of kinds, added). Made once for equal changes:
    properties ask for the same one hundreds of times."""
    key = repr(changes)
    if key not in _POLICIES:
        _POLICIES[key] = _policy(changes)
    return _POLICIES[key]


_POLICIES: dict[str, Any] = {}


def _policy(changes: dict[str, Any]) -> Any:
    plain = yaml.safe_load(project.policy_file())
    kinds = {**plain["kinds"], **changes.get("kinds", {})}
    data = {**plain, **changes, "kinds": kinds}
    assert not list(faults(data, "policy"))
    return build_policy.policy(data)


def rosters(members: dict[str, Any]) -> dict[str, Any]:
    by_branch: dict[str, list[Any]] = {"jg1": [], "yjs": []}
    for member, said in (members or {"m1": {}}).items():
        periods = said.get("periods") or [{"from": "2024-01-01", "status": "full"}]
        for branch in by_branch:
            own = [
                {k: v for k, v in p.items() if k != "branch"}
                for p in periods
                if p.get("branch", said.get("branch", "jg1")) == branch
            ]
            more = {k: said[k] for k in ("roles", "exempt") if k in said}
            if own:
                by_branch[branch].append(
                    {"id": member, "name": said.get("name", member), "periods": own, **more}
                )
    return {branch: build.roster({"members": listed}, branch) for branch, listed in by_branch.items()}


def study(number: int, said: dict[str, Any]) -> Study:
    branch, ident = said.get("branch", "jg1"), f"01J0000000000000000000{number:04d}"
    found = Study(
        path=f"records/{branch}/2024/{ident}.yaml",
        branch=branch,
        id=ident,
        member=said.get("member", "m1"),
        kind=said.get("kind", "lecture"),
        title="学习",
        start_date=date.fromisoformat(said["date"]),
        hours=Decimal(str(said["hours"])),
        submitted=Submitted("m1", AT, "link", "2026-01"),
        end_date=date.fromisoformat(said["end"]) if "end" in said else None,
        start_time=said.get("start"),
        end_time=said.get("end_time"),
        organiser_level=said.get("organiser_level"),
        activity=said.get("activity"),
    )
    return replace(found, void=Void("m1", AT, "重复")) if said.get("void") else found


def figures(case: dict[str, Any], studies: list[Study], on: date) -> Totals:
    rules = policy(case.get("policy", {}))
    records = RecordSet(
        build.organisation(ORGANISATION),
        rules,
        rosters(case.get("members", {})),
        {s.path: s for s in studies},
    )
    refused = {n for n, said in enumerate(case.get("records", [])) if said.get("approved") is False}
    approvals = {s.path for n, s in enumerate(studies) if n not in refused}
    return totals.total(records, rules, approvals, on)


def asserted(found: Totals, expected: dict[str, Any]) -> None:
    for member, requirements in expected.items():
        for requirement, values in requirements.items():
            standing = found.members[member].of(requirement)
            assert standing is not None, requirement
            for name, value in values.items():
                got = standing.figure.carried if name == "carried" else getattr(standing, name)
                got = len(got) if name == "lines" else got
                assert got == (value if isinstance(value, str) else Decimal(str(value))), (requirement, name)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_worked_example(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    for kind, pairs in case.get("minutes", {}).items():
        rules = policy(case.get("policy", {}))
        for minutes, hours in pairs.items():
            got = hours_of(
                Decimal(minutes),
                rules.kinds[kind],
                date.fromisoformat(case.get("minutes_day", "2026-03-01")),
                rules,
            )
            assert got == Decimal(str(hours)), (kind, minutes)
    if "day" not in case:
        assert case["minutes"]
        return
    said = case.get("records", [])
    said += [
        {"date": str(date(2026, 3, 1) + timedelta(7 * n)), "hours": 1} for n in range(case.get("evenings", 0))
    ]
    studies = [study(number, one) for number, one in enumerate(said)]
    found = figures(case, studies, date.fromisoformat(case["day"]))
    credits = {credit.study.path: credit for credit in found.credits()}
    for one, record in zip(said, studies, strict=True):
        credit = credits[record.path]
        for name in ("credited", "apart"):
            assert name not in one or getattr(credit, name) == Decimal(str(one[name])), one
        assert credit.why == one.get("why", credit.why), one
        if "parts" in one:
            assert {str(day): hours for day, hours in credit.parts} == one["parts"]
    asserted(found, case["expect"])
    for member, requirements in case.get("absent", {}).items():
        assert all(found.members[member].of(requirement) is None for requirement in requirements)
    for day, expected in case.get("later", {}).items():
        asserted(figures(case, studies, date.fromisoformat(day)), expected)
    for member, years in case.get("years", {}).items():
        assert by_year(found.members[member].credits) == years
    if "branches" in case:
        assert by_branch(found.credits()) == case["branches"]
    if "units" in case:
        assert by_unit(found.credits(), build.organisation(ORGANISATION)) == case["units"]
        assert whole(found.credits()) == case["units"]["sample-art"]
    if "attainment" in case:
        counted = attainment(found.members.values())
        assert {"people": counted.people, "exempt": counted.exempt} == case["attainment"]


def test_every_worked_example_has_its_case() -> None:
    numbers = {path.stem[:2] for path in CASES}
    assert {f"{n:02d}" for n in range(1, 22)} - {"20"} <= numbers  # 20 stands in 05
