"""Faults that a stranger found, each seen to fail before it was mended."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import School, committee_files

from xueshi.cli import main
from xueshi.records import parse_file


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(args))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def changed_policy(old: str, new: str) -> bytes:
    text = (committee_files()["records/policy.yaml"] or b"").decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_a_window_to_the_end_of_time_is_refused_with_its_cure() -> None:
    data = changed_policy('until: "2029-01-01"', 'until: "9999-12-31"')
    (problem,) = parse_file("records/policy.yaml", data).problems
    assert "1900 到 2199" in problem.message and "不写 until" in problem.message and problem.line > 1


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-W10-4", "20260305", "2026-02-30"])
@pytest.mark.parametrize(
    "command", [["totals", "--at"], ["checkup", "--on"], ["alerts", "--on"], ["explain", "m0012", "--at"]]
)
def test_an_odd_day_is_a_wrong_use(school: School, command: list[str], day: str) -> None:
    code, out = run(*command, day, "--repo", str(school.repo.path))
    assert code == 2 and "is not a date" in out


def work_tree(school: School, tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(school.repo.path), str(clone)], check=True)
    return clone


def test_an_effect_that_cannot_be_read_is_not_none(school: School, tmp_path: Path) -> None:
    clone = work_tree(school, tmp_path)
    (clone / "records" / "policy.yaml").write_bytes("schema: policy/1".encode("utf-16"))
    code, out = run("effect", "--repo", str(clone), "--base", "HEAD")
    assert code == 1 and "records/policy.yaml" in out and "算不出影响" in out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("members: {status: [full, probationary]}", "members: {status: [activist]}", "对象 members"),
        ('plan: {type: window, from: "2024-01-01"', 'plan: {type: window, from: "2025-01-01"', "周期 plan"),
        ("baseline: null", f"baseline: {'f' * 40}", "基线提交"),
    ],
)
def test_what_alters_the_past_is_told(school: School, tmp_path: Path, old: str, new: str, told: str) -> None:
    clone = work_tree(school, tmp_path)
    (clone / "records" / "policy.yaml").write_bytes(changed_policy(old, new))
    code, out = run("check", "--repo", str(clone), "--base", "HEAD")
    assert code == 0 and told in out and "rules-in-force-are-ended-not-changed" in out


def test_no_text_steers_the_terminal(school: School) -> None:
    evil = "x\x1b]0;pwn\x07\nrecords/a.yaml:1: 假 \u202e"
    study = school.study(title=evil)
    school.merge(school.propose(study))
    twin = school.study(title=evil)
    school.merge(school.propose(twin))
    repo = str(school.repo.path)
    commands = [
        ("check", "--rev", "main"),
        ("totals", "--member", "m0012"),
        ("explain", "m0012"),
        ("history", study.id),
    ]
    for command in commands:
        out = run(*command, "--repo", repo)[1]
        assert not any(ch in out for ch in "\x1b\x07\u202e"), command
        assert not any(line.startswith("records/a.yaml") for line in out.splitlines()), command


def test_a_study_over_new_year_says_where_the_rest_counts(school: School) -> None:
    study = replace(
        school.study(start_date=date(2025, 12, 31)),
        end_date=date(2026, 1, 1),
        hours=Decimal(16),
        kind="off_job",
    )
    school.merge(school.propose(study))
    out = run("explain", "m0012", "--repo", str(school.repo.path), "--at", "2026-12-31")[1]
    assert "计 8 学时（2025 年 8，2026 年 8）" in out
