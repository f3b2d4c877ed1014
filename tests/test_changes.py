"""Corrections proposed from the command line: totals follow, history tells."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, figures

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
    with pytest.raises(UsageError, match="已经作废"):
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
    with pytest.raises(UsageError, match="不用恢复"):
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
        (lambda s, r: changes.void(s.repo, s.tip, "01KJYKG9Z08M4T0V2N9X5B7CDE", **SAID), "没有记录"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "by": "nobody"}), "名册上没有 'nobody'"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "reason": "  "}), "写明原因"),
        (lambda s, r: changes.void(s.repo, s.tip, r, **{**SAID, "reason": "x" * 501}), "1 到 500"),
        (lambda s, r: changes.restore(s.repo, s.tip, r, to=f"{s.tip}~2", **SAID), "里没有记录"),
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
    with pytest.raises(UsageError, match="请作废这一条，重新登记"):
        changes.restore(school.repo, school.tip, study.id, to=before, **SAID)


def test_what_is_approved_or_unreadable_is_told_before_anything_is_written(school: School) -> None:
    study = registered(school)
    broken = school.push({study.path: b"schema: study/1\n"})
    other = registered(school, title="读书分享会", start_date=date(2026, 3, 2))
    refs = school.repo.refs("refs")
    with pytest.raises(UsageError, match=f"{other.id} 已经有效"):
        changes.confirm(school.repo, school.tip, [other.id], **SAID)
    with pytest.raises(UsageError, match="请先恢复"):
        changes.void(school.repo, school.tip, study.id, **SAID)
    with pytest.raises(UsageError, match="读不出来"):
        changes.restore(school.repo, school.tip, study.id, to=broken, **SAID)
    with pytest.raises(UsageError, match="什么也没有写"):  # a terminal's bytes that are no UTF-8
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


def copy_of(school: School, tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    return clone


def proposing(clone: Path, *more: str, by: str = "m0005") -> Any:
    return CliRunner().invoke(main, ["propose", "--repo", str(clone), "--by", by, *more])


def rewritten(clone: Path, old: str, new: str) -> None:
    policy = clone / "records" / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    assert old in text
    policy.write_bytes(text.replace(old, new, 1).encode())


def test_proposing_tells_what_trying_tells(school: School, tmp_path: Path) -> None:
    clone = copy_of(school, tmp_path)
    rewritten(clone, "min: 32", "min: 40")
    done = proposing(clone, by="罗例言")
    assert done.exit_code == 0 and done.stdout.strip().startswith("sub/")
    assert "注意：要求 member-year 正在执行" in done.stderr
    assert "\n5 人的数字会变" in done.stderr and "提案人：罗例言（m0005）" in done.stderr
    assert "林样青" not in done.stderr
    school.repo.run("fetch", "-q", str(clone), f"{done.stdout.strip()}:refs/heads/x")
    assert "Submitted-By: m0005" in school.repo.run("log", "-1", "--format=%B", "x").decode()


def test_days_without_a_rule_are_proposed_only_on_purpose(school: School, tmp_path: Path) -> None:
    clone = copy_of(school, tmp_path)
    text = (clone / "records/policy.yaml").read_text(encoding="utf-8")
    entry = text[text.index("  - id: member-year") : text.index("  - id: member-plan")]
    ended = entry.replace("    source", '    until: "2026-12-31"\n    source', 1)
    rewritten(clone, entry, ended + entry.replace("2024-01-01", "2027-01-01"))
    done = proposing(clone)
    assert done.exit_code == 1 and not done.stdout and "没有要求 'member-year'" in done.stderr
    assert "--even-so" in done.stderr
    done = proposing(clone, "--even-so")
    assert done.exit_code == 0 and "没有要求 'member-year'" in done.stderr
    ref = done.stdout.strip()
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", ref], check=True)
    school.merge(school.repo.resolve(f"refs/heads/{ref}") or "", by="m0005")
    subprocess.run(["git", "-C", str(clone), "commit", "-qam", "x"], check=True, env=WHO)
    subprocess.run(["git", "-C", str(clone), "pull", "-q", "--rebase"], check=True, env=WHO)
    rewritten(clone, "near_ratio: 0.8", "near_ratio: 0.9")
    done = proposing(clone, "--rev", "origin/main")  # a gap that main has already asks for nothing
    assert done.exit_code == 0, done.output


WHO = {
    **os.environ,
    **{
        f"GIT_{who}_{what}": "x@example.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def test_the_same_is_not_proposed_twice(school: School, tmp_path: Path) -> None:
    clone = copy_of(school, tmp_path)
    rewritten(clone, "near_ratio: 0.8", "near_ratio: 0.9")
    ref = proposing(clone).stdout.strip()
    again = proposing(clone)
    assert again.exit_code == 2 and f"和 {ref} 内容相同，没有再提" in again.stderr
    assert f"git branch -D {ref}" in again.stderr
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", ref], check=True)
    subprocess.run(["git", "-C", str(clone), "branch", "-q", "-D", ref], check=True)
    again = proposing(clone)
    assert f"和 {ref} 内容相同" in again.stderr and "branch -D" not in again.stderr
    rewritten(clone, "near_ratio: 0.9", "near_ratio: 0.85")
    assert proposing(clone).exit_code == 0


def test_a_proposal_that_was_never_pushed_says_how_to_drop_it(school: School, tmp_path: Path) -> None:
    study = registered(school)
    clone = copy_of(school, tmp_path)
    args = ["void-record", "--repo", str(clone), "--by", "m0012", "--reason", "重复", study.id]
    ref = CliRunner().invoke(main, args).stdout.strip()
    blocked = CliRunner().invoke(main, args)
    assert (
        blocked.exit_code == 2
        and f"还没推送（git push origin {ref}），不要了就运行 git branch -D {ref}" in blocked.stderr
    )
    subprocess.run(["git", "-C", str(clone), "branch", "-q", "-D", ref], check=True)
    assert CliRunner().invoke(main, args).exit_code == 0


def test_line_ends_and_blanks_are_no_change(school: School, tmp_path: Path) -> None:
    clone = copy_of(school, tmp_path)
    policy = clone / "records" / "policy.yaml"
    data = policy.read_bytes()
    for same in (data.replace(b"\n", b"\r\n"), data.replace(b"min: 32\n", b"min: 32  \n\n") + b"\n"):
        policy.write_bytes(same)
        done = proposing(clone)
        assert done.exit_code == 2 and "没有实质改动：records/policy.yaml" in done.stderr
    policy.write_bytes(data.replace(b"near_ratio: 0.8", b"near_ratio: 0.9").replace(b"\n", b"\r\n"))
    ref = proposing(clone).stdout.strip()
    shown = subprocess.run(
        ["git", "-C", str(clone), "diff", "--numstat", "main", ref], capture_output=True, check=True
    )
    assert shown.stdout.split() == [b"1", b"1", b"records/policy.yaml"]


def test_who_asks_may_be_named(school: School) -> None:
    study = registered(school)
    ref = changes.void(school.repo, school.tip, study.id, **{**SAID, "by": "林样青"})
    voided = records.load(school.repo, f"refs/heads/{ref}").studies[study.path].void
    assert voided is not None and voided.by == "m0012"
    path = "records/yjs/roster.yaml"
    roster = (committee_files()[path] or b"").replace("王演".encode(), "林样青".encode())
    school.merge(school.commit((school.tip,), {path: roster}, "Roster\n", BRIDGE), by="m0005")
    with pytest.raises(UsageError, match=r"名册上有 2 个“林样青”.*m0012、m0006"):
        changes.void(school.repo, school.tip, study.id, **{**SAID, "by": "林样青"})


def test_a_record_comes_back_as_it_was_on_a_day(school: School) -> None:
    study = registered(school)
    day = school.at.date()
    school.at += timedelta(days=2)
    school.push({study.path: None})
    args = [
        "restore-record",
        "--repo",
        str(school.repo.path),
        "--by",
        "m0012",
        "--reason",
        "误删",
        study.id,
        "--to",
    ]
    merged(school, CliRunner().invoke(main, [*args, day.isoformat()]).stdout.strip())
    assert hours(school) == 2
    for wrong in ("2020-01-01", "2026-02-30", "nowhere"):
        assert CliRunner().invoke(main, [*args, wrong]).exit_code == 2
