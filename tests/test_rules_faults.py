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


YEAR = '    from: "2024-01-01"\n    source: 中国共产党党员教育管理工作条例第二十条'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    min: 32", "    min：32", "用了中文冒号"),
        ("    min: 32", "    min:32", "冒号后面少一个空格"),
        ("    min: 32", "\tmin: 32", "用了 Tab 键"),
        ("    min: 32", "　　min: 32", "全角空格"),
        ("    min: 32", "      min: 32", "空格数（6 个）与上下行对不上"),
        ("    min: 32", "    min: ３２", "最少（min）应为数字，现为 '３２'；这是全角数字，请写半角的 32"),
        ("    min: 32", '    min: "32"', "数字不加引号"),
        (YEAR, YEAR.replace('"2024-01-01"', "“2024-01-01”"), "引号要用英文的"),
    ],
)
def test_a_slip_of_the_keyboard_is_told_in_the_officers_words(old: str, new: str, told: str) -> None:
    data = changed_policy(old, new)
    problems = parse_file("records/policy.yaml", data).problems
    line = data.decode().split(new)[0].count("\n") + 1
    found = [p for p in problems if told in p.message]
    assert found and found[0].line == line, [str(p) for p in problems]


def new_year(first: str, second: str) -> bytes:
    text = (committee_files()["records/policy.yaml"] or b"").decode()
    entry = text[text.index("  - id: member-year") : text.index("  - id: member-plan")]
    ended = entry.replace("    source", f"{first}    source", 1)
    begun = entry.replace("min: 32", "min: 40").replace('from: "2024-01-01"', f"from: {second}")
    return text.replace(entry, ended + begun).encode()


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("", '"2027-01-01"', '请给前一条写上 until: "2027-01-01"'),
        ('    until: "2028-01-01"\n', '"2027-01-01"', '请把前一条的 until 写成 "2027-01-01"'),
        ('    until: "2027-01-01"\n', '"2024-01-01"', "两条从同一天开始"),
        ('    until: "2026-12-31"\n', '"2027-01-01"', "until 写的是不再有效的第一天"),
    ],
)
def test_versions_that_do_not_meet_are_told(
    school: School, tmp_path: Path, first: str, second: str, told: str
) -> None:
    clone = work_tree(school, tmp_path)
    policy = clone / "records" / "policy.yaml"
    policy.write_bytes(new_year(first, second))
    out = run("policy", "try", str(policy), "--repo", str(clone))[1]
    assert told in out and "policy-spans-are-in-order" in out


def test_a_rule_changed_in_place_is_told_loudly(school: School, tmp_path: Path) -> None:
    clone = work_tree(school, tmp_path)
    policy = clone / "records" / "policy.yaml"
    policy.write_bytes(changed_policy("min: 32", "min: 40"))
    code, out = run("policy", "try", str(policy), "--repo", str(clone))
    assert code == 0 and "注意：要求 member-year 正在执行" in out
    policy.write_bytes(new_year('    until: "2027-01-01"\n', '"2027-01-01"'))
    assert "注意" not in run("policy", "try", str(policy), "--repo", str(clone))[1]
