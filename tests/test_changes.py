"""Corrections proposed from the command line: totals follow, history tells."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, figures

from xueshi import changes, checks, records
from xueshi.checks.proposal import Proposed
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.hosts.local import LocalHost
from xueshi.model import SHANGHAI, Change, Study
from xueshi.records import study_file

ON = date(2027, 2, 1)
NOW = datetime(2027, 2, 1, 10, tzinfo=SHANGHAI)
SAID: dict[str, Any] = {"by": "m0012", "reason": "登记有误", "at": NOW}


def hours(school: School, member: str = "m0012") -> Decimal:
    standing = figures(school.repo, date(2026, 12, 31)).members[member].standing("year")
    assert standing is not None
    return standing.counted


def merged(school: School, ref: str, by: str = "m0003") -> str:
    sha = school.repo.resolve(f"refs/heads/{ref}")
    assert sha is not None
    assert [p.ref for p in records.load_proposals(school.repo, school.tip)] == [ref]
    return school.merge(sha, by=by)


def registered(school: School, **more: Any) -> Study:
    study = school.study(**more)
    school.merge(school.propose(study), by="m0005" if study.branch == "yjs" else "m0003")
    return study


def test_a_void_takes_the_hours_and_a_restore_brings_them_back(school: School) -> None:
    study = registered(school)
    approved = school.tip
    merged(school, changes.void(school.repo, school.tip, study.id, **SAID))
    assert hours(school) == 0
    with pytest.raises(UsageError, match="void already"):
        changes.void(school.repo, school.tip, study.id, **SAID)
    merged(school, changes.restore(school.repo, school.tip, study.id, to=approved, **SAID))
    assert hours(school) == 2
    out = CliRunner().invoke(main, ["history", "--repo", str(school.repo.path), study.id]).output
    assert "申请作废" in out and "申请恢复" in out and "登记有误" in out


def test_an_earlier_version_comes_back_as_it_was(school: School) -> None:
    study = registered(school)
    first = school.tip
    change = Change("correct", "m0012", school.at, "写错")
    school.merge(
        school.propose(replace(study, hours=Decimal(3), title="另一个主题", change=change), "correct")
    )
    assert hours(school) == 3
    merged(school, changes.restore(school.repo, school.tip, study.id, to=first, **SAID))
    now = records.load(school.repo, "main").studies[study.path]
    assert replace(now, change=None) == study and now.change == Change("restore", "m0012", NOW, "登记有误")
    with pytest.raises(UsageError, match="nothing to restore"):
        changes.restore(school.repo, school.tip, study.id, to=first, **SAID)


def test_a_deleted_record_is_told_and_comes_back_only_as_itself(school: School) -> None:
    study = registered(school)
    before = school.tip
    school.push({study.path: None})
    assert hours(school) == 0
    result = CliRunner().invoke(main, ["check", "--repo", str(school.repo.path)])
    assert result.exit_code == 1 and f"xueshi restore-record {study.id}" in result.output
    again = school.commit((school.tip,), {study.path: study_file(study)}, "Again\n", BRIDGE)
    assert "ids-are-never-reused" in rules(school, again)
    ref = changes.restore(school.repo, school.tip, study.id, to=before, **SAID)
    assert rules(school, ref) == set()
    merged(school, ref)
    assert hours(school) == 2


def rules(school: School, head: str, today: date = ON) -> set[str]:
    base, history = records.load_approved(school.repo, "main")
    files = records.proposed_files(school.repo, school.tip, school.repo.resolve(head))
    used = records.used_ids(history)
    change = Proposed(base, records.overlay(base, files), set(files), today, used)
    return {problem.rule for problem in checks.check_change(change)} - {"late-entry"}


def test_confirming_cures_what_came_without_a_decision(school: School) -> None:
    one, two = school.study(), school.study(title="读书分享会", start_date=date(2026, 3, 2))
    school.push({one.path: study_file(one), two.path: study_file(two)})
    assert hours(school) == 0
    ref = changes.confirm(school.repo, school.tip, [one.id, two.id], **SAID)
    assert rules(school, ref) == set()
    merged(school, ref)
    assert hours(school) == 4


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda s, r: changes.void(s.repo, s.tip, "01KJYKG9Z08M4T0V2N9X5B7CDE", **SAID), "no record"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "by": "nobody"}), "no member 'nobody'"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "reason": "  "}), "say why"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "reason": "x" * 501}), "1 to 500"),
        (lambda s, r: changes.restore(s.repo, s.tip, r, to=f"{s.tip}~2", **SAID), "has no record"),
    ],
)
def test_what_cannot_be_asked_for_says_why(school: School, act: Any, words: str) -> None:
    study = registered(school)
    refs = school.repo.refs("refs")
    with pytest.raises(UsageError, match=words):
        act(school, study.id)
    assert school.repo.refs("refs") == refs


def test_one_proposal_a_record_at_a_time(school: School) -> None:
    study = registered(school)
    ref = changes.void(school.repo, school.tip, study.id, **SAID)
    with pytest.raises(UsageError, match=ref):
        changes.confirm(school.repo, school.tip, [study.id], **SAID)


def test_the_command_writes_a_ref_that_the_host_opens(school: School) -> None:
    study = registered(school)
    args = ["--repo", str(school.repo.path), "--by", "m0012", "--reason", "重复"]
    done = CliRunner().invoke(main, ["void-record", *args, study.id])
    ref = done.stdout.strip()
    assert done.exit_code == 0 and ref.startswith("sub/") and "git push" not in done.stderr
    host = LocalHost(school.repo, BRIDGE)
    pull = host.open(ref, "作废", "", NOW)
    assert pull.head == school.repo.resolve(f"refs/heads/{ref}")


def test_a_record_of_another_member_does_not_come_back(school: School) -> None:
    study = registered(school)
    before = school.tip
    school.push({study.path: study_file(replace(study, member="m0003"))})
    with pytest.raises(UsageError, match="void it and register again"):
        changes.restore(school.repo, school.tip, study.id, to=before, **SAID)


def test_what_is_approved_or_unreadable_is_told_before_anything_is_written(school: School) -> None:
    study = registered(school)
    broken = school.push({study.path: b"schema: study/1\n"})
    other = registered(school, title="读书分享会", start_date=date(2026, 3, 2))
    refs = school.repo.refs("refs")
    with pytest.raises(UsageError, match=f"{other.id} is approved as it stands"):
        changes.confirm(school.repo, school.tip, [other.id], **SAID)
    with pytest.raises(UsageError, match="restore it first"):
        changes.void(school.repo, school.tip, study.id, **SAID)
    with pytest.raises(UsageError, match="cannot be read as it was"):
        changes.restore(school.repo, school.tip, study.id, to=broken, **SAID)
    with pytest.raises(UsageError, match="nothing was written"):  # a terminal's bytes that are no UTF-8
        changes.void(school.repo, school.tip, other.id, **{**SAID, "reason": "\udcff"})
    assert school.repo.refs("refs") == refs


def test_a_clone_keeps_its_work_tree_and_is_told_to_push(school: School, tmp_path: Path) -> None:
    study = registered(school)
    clone = tmp_path / "clone"
    git = ["git", "-C", str(clone)]
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    (clone / study.path).write_text("half an edit", encoding="utf-8")
    asked = (["status", "--porcelain"], ["rev-parse", "HEAD"], ["stash", "list"])
    before = [subprocess.check_output([*git, *ask]) for ask in asked]
    args = ["void-record", "--repo", str(clone), "--by", "m0012", "--reason", "重复", study.id.lower()]
    done = CliRunner().invoke(main, args)
    ref = done.stdout.strip()
    assert f"git push origin {ref}" in done.stderr
    assert [subprocess.check_output([*git, *ask]) for ask in asked] == before
    subprocess.run([*git, "push", "-q", "origin", ref], check=True)
    merged(school, ref)
    assert hours(school) == 0


# --- committee files from a work tree


def test_a_policy_changed_in_a_work_tree_is_proposed_once_it_is_sound(school: School, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    args = ["propose", "--repo", str(clone), "--by", "m0005"]
    assert CliRunner().invoke(main, args).exit_code == 2  # nothing changed
    policy = clone / "records" / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    policy.write_text(
        text.replace("who: members\n    measure: hours", "who: nobody\n    measure: hours", 1),
        encoding="utf-8",
    )
    wrong = CliRunner().invoke(main, args)
    line = text[: text.index("who: members\n    measure")].count("\n") + 1
    assert (
        wrong.exit_code == 1
        and f"records/policy.yaml:{line}: " in wrong.output
        and "'nobody'" in wrong.output
    )
    old = '    from: "2024-01-01"\n    source: 中国共产党党员教育管理工作条例第二十条\n'
    new = old.replace("    source", '    until: "2027-01-01"\n    source')
    again = text[text.index("  - id: member-year") : text.index("  - id: member-plan")]
    later = again.replace("min: 32", "min: 40").replace("2024-01-01", "2027-01-01")
    policy.write_text(
        text.replace(old, new, 1).replace("  - id: member-plan", f"{later}  - id: member-plan", 1),
        encoding="utf-8",
    )
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    ref = done.stdout.strip()
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", ref], check=True)
    school.merge(school.repo.resolve(f"refs/heads/{ref}") or "", by="m0005")
    year = [
        figures(school.repo, day).members["m0012"].of("member-year")
        for day in (date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert [s.target for s in year if s] == [32, 40]


def test_an_older_work_tree_takes_nothing_back(school: School, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    path = "records/yjs/roster.yaml"
    data = school.repo.blobs([f"{school.tip}:{path}"])[f"{school.tip}:{path}"]
    head = school.commit(
        (school.tip,), {path: data.replace("王演".encode(), "王演禾".encode())}, "Name\n", BRIDGE
    )
    school.merge(head, by="m0005")
    subprocess.run(["git", "-C", str(clone), "fetch", "-q"], check=True)
    policy = clone / "records" / "policy.yaml"
    policy.write_text(
        policy.read_text(encoding="utf-8").replace("near_ratio: 0.8", "near_ratio: 0.9"), encoding="utf-8"
    )
    args = ["propose", "--repo", str(clone), "--by", "m0005", "--rev", "origin/main"]
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    changed = subprocess.run(
        ["git", "-C", str(clone), "diff", "--name-only", "origin/main", done.stdout.strip()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert changed.stdout.split() == ["records/policy.yaml"]
    (clone / path).write_bytes(data.replace("王演".encode(), "王演演".encode()))
    again = CliRunner().invoke(main, args)
    assert again.exit_code == 2 and path in again.output and "pull" in again.output
