"""What the doctor finds in a host's settings, and that it finds nothing where all is well."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from conftest import BRIDGE, DESK, committee_files

from xueshi.doctor import diagnose
from xueshi.hosts.base import Probe
from xueshi.model import Organisation
from xueshi.records import parse_file

ON = date(2026, 11, 26)
WELL = Probe(
    "gitea", "1.25.0", "study-bot", can_push=True, can_administer=False, private=True, main_protected=True,
    approvals_required=1, checks_required=("check",), merge_methods=("merge",), names_in_merge=False, scopes=("write:repository",),
)  # fmt: skip


@pytest.fixture
def organisation() -> Organisation:
    path = "records/organisation.yaml"
    value = parse_file(path, committee_files()[path] or b"").value
    assert isinstance(value, Organisation)
    return value


def worst(probe: Probe, organisation: Organisation, bridge: str = BRIDGE.email) -> list[tuple[str, str]]:
    found = diagnose(probe, organisation, ON, bridge=bridge, desk=DESK.email)
    assert all(one.cure for one in found if one.level != "ok")
    return [(one.level, one.what) for one in found if one.level != "ok"]


def test_a_sound_host_has_no_findings(organisation: Organisation) -> None:
    assert worst(WELL, organisation) == []


@pytest.mark.parametrize(
    ("change", "level", "word"),
    [
        ({"can_push": False}, "error", "may not push"),
        ({"can_push": None}, "unknown", "may push"),
        ({"can_administer": True}, "warning", "administers"),
        ({"scopes": ("write:repository", "admin:org")}, "warning", "admin:org"),
        ({"private": False}, "error", "public"),
        ({"main_protected": False}, "error", "not protected"),
        ({"main_protected": None}, "unknown", "protected"),
        ({"checks_required": ()}, "warning", "not required"),
        ({"merge_methods": ("merge", "squash")}, "error", "squash"),
        ({"merge_methods": ("merge", "rebase")}, "error", "rebase"),
        ({"merge_methods": ()}, "error", "not allowed"),
        ({"merge_methods": None}, "unknown", "ways to merge"),
        ({"names_in_merge": True}, "error", "names"),
        ({"names_in_merge": None}, "unknown", "names"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(
    organisation: Organisation, change: dict[str, object], level: str, word: str
) -> None:
    ((found, what),) = worst(replace(WELL, **change), organisation)  # type: ignore[arg-type]
    assert found == level and word in what


def test_identities_are_kept_apart(organisation: Organisation) -> None:
    assert [what for _, what in worst(WELL, organisation, DESK.email)] == [
        f"登记身份 {DESK.email} 也被当作审核台 the bridge is listed as a desk"
    ]
    own = next(one for one in organisation.reviewers if one.emails)
    assert any(own.member in what for _, what in worst(WELL, organisation, own.emails[0]))
    nobody = replace(organisation, desks=())
    assert [level for level, what in worst(WELL, nobody) if "desk is not listed" in what] == ["error"]


def test_without_a_desk_every_reviewer_needs_an_address(organisation: Organisation) -> None:
    found = diagnose(WELL, organisation, ON, bridge=BRIDGE.email, desk=None)
    assert [one.what.split("（")[0] for one in found if one.level == "warning"] == [
        "审核人 m0004",
        "审核人 m0005",
    ]
