"""What the doctor finds in a host's settings, and that it finds nothing where all is well."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, DESK, START, School, committee_files

from xueshi import ulids
from xueshi.cli import main
from xueshi.doctor import diagnose
from xueshi.hosts.base import Probe
from xueshi.hosts.local import LocalHost
from xueshi.model import Organisation
from xueshi.outbox import Gathering, Outbox
from xueshi.proposals import Sent
from xueshi.records import parse_file
from xueshi.sealing.fingerprints import fingerprint

ON = date(2026, 11, 26)
WELL = Probe(
    "gitea", "1.25.0", "study-bot", can_push=True, can_administer=False, private=True, main_protected=True,
    approvals_required=1, checks_required=("check",), merge_methods=("merge",), names_in_merge=False, scopes=("write:repository",),
    desk_account="study-desk",
)  # fmt: skip
GRANTING = ("unknown", "看不到：审核台能否推送合并提交 whether the desk may push its merges")


@pytest.fixture
def organisation() -> Organisation:
    path = "records/organisation.yaml"
    value = parse_file(path, committee_files()[path] or b"").value
    assert isinstance(value, Organisation)
    return value


def worst(probe: Probe, organisation: Organisation, bridge: str = BRIDGE.email) -> list[tuple[str, str]]:
    found = diagnose(probe, organisation, ON, bridge=bridge, desk=DESK.email)
    assert all(one.cure for one in found if one.level != "ok")
    told = [(one.level, one.what) for one in found if one.level != "ok"]
    assert told.pop() == GRANTING
    return told


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
        ({"account": ""}, "error", "whose token host.account is"),
        ({"desk_account": ""}, "error", "whose token desk.account is"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(
    organisation: Organisation, change: dict[str, object], level: str, word: str
) -> None:
    ((found, what),) = worst(replace(WELL, **change), organisation)  # type: ignore[arg-type]
    assert found == level and word in what


def test_only_a_desk_on_a_real_host_needs_to_push_its_merges(organisation: Organisation) -> None:
    def told(probe: Probe, desk: str | None) -> bool:
        found = diagnose(probe, organisation, ON, bridge=BRIDGE.email, desk=desk)
        return any("docs/hosting.md" in one.cure and (one.level, one.what) == GRANTING for one in found)

    local = replace(WELL, name="local", desk_account=None)
    assert [told(WELL, DESK.email), told(WELL, None), told(local, DESK.email)] == [True, False, False]


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


def bridge(*args: str) -> tuple[int, str]:
    answer = CliRunner().invoke(main, ["bridge", *args])
    return answer.exit_code, answer.output


def test_operators_see_settings_state_and_what_is_parked(tmp_path: Path) -> None:
    host = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(host.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    here = ("--dir", str(tmp_path))
    code, told = bridge("doctor", *here)
    assert code == 0 and "main 受保护" in told
    assert "desk.undo_minutes = 10" in bridge("settings", *here)[1]
    assert bridge("parked", *here)[0] == 2, "nothing was ever served from here"
    outbox = Outbox(tmp_path / "outbox")
    sent = Sent(
        id=ulids.new(START), branch="jg1", member="m0012", via="link", notice="2026-01", at=START, kind="theme_day",
        title="党章专题学习", start_date=ON, hours=Decimal(2),
    )  # fmt: skip
    outbox.store(sent, "key", sent.path)
    outbox.batches.seal(START, Gathering(), busy=False)
    outbox.batches.park(outbox.batches.due(0.0)[0], "too long a title")
    code, told = bridge("parked", *here)
    assert code == 0 and told.split("\t") == [sent.id, "0", sent.id, "too long a title\n"]
    assert bridge("retry", sent.id, *here) == (0, f"{sent.id}\n") and bridge("retry", sent.id, *here)[0] == 2


def test_the_doctor_says_whether_the_site_can_be_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(host.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    for name in ("XUESHI_LINK_ROOT", "XUESHI_CONTENT_ROOT", "XUESHI_EDITION"):
        monkeypatch.delenv(name, raising=False)

    def told(code: int) -> str:
        found = bridge("doctor", "--dir", str(tmp_path))
        assert found[0] == code, found[1]
        return found[1]

    assert "installation's own key" in told(0)
    roots = {"link": bytes(range(32)), "content": bytes(range(1, 33))}
    lines = [
        f'  - {{kind: {kind}, epoch: "2026", fingerprint: "{fingerprint(root)}"}}\n'
        for kind, root in roots.items()
    ]
    file = 'schema: keys/1\nepochs: {content: "2026"}\nroots:\n' + "".join(lines)
    head = school.commit((school.tip,), {"records/keys.yaml": file.encode()}, "Keys\n", BRIDGE)
    school.merge(head, by="m0005")
    assert "xueshi keys derive" in told(1)
    for kind, root in roots.items():
        monkeypatch.setenv(f"XUESHI_{kind.upper()}_ROOT", root.hex())
    assert "the roots agree with keys.yaml" in told(0)
    monkeypatch.setenv("XUESHI_CONTENT_ROOT", "ab" * 32)
    assert "XUESHI_CONTENT_ROOT is not the root of epoch 2026" in told(1)
    monkeypatch.setenv("XUESHI_EDITION", "open")
    assert "open edition" in told(0)


def test_a_host_that_cannot_be_reached_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        f'folder = "{tmp_path}"\n[host]\nkind = "gitea"\napi_url = "http://127.0.0.1:9/api/v1"\nrepository = "a/b"\n'
        'token = "abcdefgh12345678"\n'
    )
    (tmp_path / "x.toml").chmod(0o600)
    code, told = bridge("doctor", "--config", str(tmp_path / "x.toml"))
    assert code == 1 and "连不上代码托管" in told and "abcdefgh12345678" not in told
