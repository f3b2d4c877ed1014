"""Faults that a stranger found, each seen to fail before it was mended."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files, figures

from xueshi import records
from xueshi.cli import main
from xueshi.cli.common import today
from xueshi.records import parse_file
from xueshi.tables import totals_data, totals_table


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


PLAN = "  - id: member-plan"
THEME = "theme_day: {label: 主题党日, bucket: centralised, counts: true}"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (THEME, THEME.replace("主题党日, ", "主题党日，"), "中文逗号"),
        (THEME, THEME.replace("centralised, ", "centralised，"), "中文逗号"),
        ("[full, probationary]", "[full，probationary]", "中文逗号"),
        (THEME, THEME.replace("主题党日, ", "主题党日 "), "bucket 前面少了英文逗号"),
        (THEME, THEME.replace("主题党日, bucket: centralised", "主题党日"), "缺少“归类”"),
        (THEME, THEME.rstrip("}"), "括号没有关上"),
        ("    min: 32", "\u00a0\u00a0\u00a0\u00a0min: 32", "特殊空格"),
        ("    min: 32", "  \u00a0\u00a0min: 32", "特殊空格"),
        (PLAN, "\u00a0 - id: member-plan", "特殊空格"),
        (PLAN, "  -id: member-plan", "“-”后面少一个空格"),
        (PLAN, "  － id: member-plan", "全角的横线"),
        (PLAN, f"<<<<<<< HEAD\n{PLAN}", "合并冲突"),
        (PLAN, f"=======\n{PLAN}", "合并冲突"),
        (PLAN, f">>>>>>> main\n{PLAN}", "合并冲突"),
        (PLAN, "    id: member-plan", "可能漏了行首的 '- '"),
        (PLAN, "  id: member-plan", "可能漏了行首的 '- '"),
        (YEAR, YEAR.replace('01"', "01"), "引号没有关上"),
        ('earliest: "2024-01-01"', 'earliest: "2024-01-01', "引号没有关上"),
        ("label: 年度学时", "label: '年度学时", "引号没有关上"),
        ("label: 年度学时", 'label: "年度"学时', "引号后面还有文字"),
        ("label: 年度学时", "label: 年度: 学时", "文字里有冒号加空格"),
        ("source: 跨年培训", "source: 跨年: 培训", "文字里有冒号加空格"),
        ("source: 跨年培训", "source: 跨年 #培训", "被当成注释"),
        ("    min: 32", "    min: ]", "少了内容"),
        ("[full, probationary]", "[full, , probationary]", "少了内容"),
        ("    min: 32", "    min 32", "少了英文冒号"),
        ("    min: 32", "    min: - 32", "另起一行"),
        ("label: 年度学时", "label: @年度学时", "特殊符号"),
        ("label: 年度学时", "label: &年度学时", "& 或 *"),
        ("label: 年度学时", "label: !年度学时", "以 ! 开头"),
        ("label: 年度学时", "label: |年度学时", "| 或 >"),
        ("label: 年度学时", 'label: "年度\\学时"', "反斜线"),
        ("label: 年度学时", "label: 年度\x07学时", "控制字符（U+0007）"),
        ("    min: 32", "    ? [min]\n    : 32", "字段名只能是一个词"),
        ("    min: 32", "    }", "读不懂"),
        ("near_ratio: 0.8", "near_ratio: 75%", "小数 0.75"),
        ("    min: 32", "    min: 40学时", "去掉单位“学时”，只写 40"),
        (THEME, THEME.replace("true", "是"), "请写 true"),
        ("id: member-year", "id: 年度学时", "编号只能用小写英文字母"),
        (THEME, THEME.replace("theme_day", "主题党日"), "编号只能用小写英文字母"),
    ],
)
def test_every_slip_names_its_own_line_and_its_cure_without_english(old: str, new: str, told: str) -> None:
    data = changed_policy(old, new)
    problems = parse_file("records/policy.yaml", data).problems
    line = data.decode().split(new)[0].count("\n") + 1
    assert (line, True) in [(p.line, told in p.message) for p in problems], [str(p) for p in problems]
    for problem in problems:
        assert not re.search("expected|found|while|allowed|cannot|match", problem.message), problem


SECTIONS = {
    "caps": '  - {id: new-cap, per: day, max: 6, from: "2027-01-01", source: 会议}\n',
    "requirements": (
        "  - id: new-one\n    label: 新的\n    who: members\n    measure: hours\n    min: 40\n    period: year\n"
        '    from: "2027-01-01"\n    source: 会议\n'
    ),
}


@pytest.mark.parametrize(
    ("entry", "section", "told"),
    [
        ("requirements", "caps", "像是“学时要求”，请移到 requirements: 下面"),
        ("requirements", "norms", "像是“学时要求”，请移到 requirements: 下面"),
        ("caps", "requirements", "像是“上限”，请移到 caps: 下面"),
    ],
)
def test_an_entry_in_a_wrong_section_is_told_where_it_belongs(entry: str, section: str, told: str) -> None:
    data = changed_policy(f"\n{section}:\n", f"\n{section}:\n{SECTIONS[entry]}")
    (problem,) = parse_file("records/policy.yaml", data).problems
    line = data.decode().split(SECTIONS[entry])[0].count("\n") + 1
    assert told in problem.message and problem.line == line


def test_a_text_cut_by_a_hash_is_told(school: School, tmp_path: Path) -> None:
    policy = work_tree(school, tmp_path) / "records" / "policy.yaml"
    policy.write_bytes(changed_policy("工作条例第二十条", "工作条例 #12 号"))
    code, out = run("policy", "try", str(policy), "--repo", str(school.repo.path))
    assert code == 0 and ":79: source 只读到“中国共产党党员教育管理工作条例”，后面的“#12 号”被当成注释" in out
    policy.write_bytes(
        changed_policy("source: 中国共产党党员教育管理工作条例第二十条", 'source: "条例 #12 号"')
    )
    assert "注释" not in run("policy", "try", str(policy), "--repo", str(school.repo.path))[1]


NEXT = f'"{today().year + 1}-01-01"'


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("", f"请保留这一类型；以后不再计入的，在里面写 changes: [{{from: {NEXT}, counts: false}}]"),
        (
            f"  {THEME.replace('theme_day', 'party_day')}\n",
            "2 条记录还在用 theme_day（主题党日），不能删去或改编号",
        ),
    ],
)
def test_a_kind_in_use_is_kept(school: School, tmp_path: Path, new: str, told: str) -> None:
    for number in (1, 2):
        school.merge(school.propose(school.study(start_date=date(2026, 3, number))))
    clone = work_tree(school, tmp_path)
    policy = clone / "records" / "policy.yaml"
    old = f"  {THEME}\n"
    line = policy.read_text(encoding="utf-8").split(old)[0].count("\n") + 1
    data = changed_policy(old, new).decode().replace("{kind: [theme_day]}", "{kind: [lecture]}")
    policy.write_text(data.replace("kind: [theme_day, ", "kind: ["), encoding="utf-8")
    for command in (
        ("policy", "try", str(policy), "--repo", str(clone)),
        ("propose", "--repo", str(clone), "--by", "m0005"),
    ):
        code, out = run(*command)
        assert code == 1 and f"policy.yaml:{line}: " in out and told in out, out
        assert out.count("2 条记录还在用 theme_day") == 1 and ".yaml 会出错" not in out


def test_a_kind_changed_in_place_is_cured_by_its_changes(school: School, tmp_path: Path) -> None:
    policy = work_tree(school, tmp_path) / "records" / "policy.yaml"
    policy.write_bytes(
        changed_policy(THEME, THEME.replace("counts: true", "counts: true, factor: 1.5, max_per_year: 8"))
    )
    out = run("policy", "try", str(policy), "--repo", str(school.repo.path))[1]
    cure = f"在这一类型里加 changes: [{{from: {NEXT}, factor: 1.5, max_per_year: 8}}]"
    assert ":22: 注意：学习类型 theme_day 正在执行" in out and cure in out and "until" not in out
    policy.write_bytes(changed_policy("members: {status: [full, probationary]}", "members: {status: [full]}"))
    out = run("policy", "try", str(policy), "--repo", str(school.repo.path))[1]
    assert "对象 members 正在执行" in out and "另起一个编号" in out


def test_a_policy_that_is_gone_is_found_again(school: School, tmp_path: Path) -> None:
    clone = work_tree(school, tmp_path)
    (clone / "records" / "policy.yaml").unlink()
    code, out = run("policy", "try", str(clone / "records/policy.yaml"), "--repo", str(clone))
    assert code == 2 and "git checkout records/policy.yaml" in out and "No such file" not in out
    code, out = run("propose", "--repo", str(clone), "--by", "m0005")
    assert code == 1 and "不要删去文件" in out


BOTH = """\
  - id: secretary-year
    label: 书记年度学时
    who: secretaries
    all_of:
      - {measure: hours, min: 56}
      - {measure: hours, min: 24, where: {kind: [off_job]}}
    period: year
    from: "2024-01-01"
    source: 会议
"""


def test_every_part_of_a_requirement_is_shown_with_its_own_figures(school: School, tmp_path: Path) -> None:
    study = school.study("m0003", hours="8")
    school.merge(school.propose(study), by="m0005")
    data = changed_policy(PLAN, BOTH + PLAN)
    school.merge(school.commit((school.tip,), {"records/policy.yaml": data}, "Rules\n", BRIDGE), by="m0005")
    out = run("explain", "m0003", "--repo", str(school.repo.path), "--year", "2026")[1]
    told = "56 学时（已有 8）并且 24 学时（只算学习类型是脱产培训的记录，已有 0）"
    assert f"书记年度学时（secretary-year）：{told}" in out
    policy = tmp_path / "new.yaml"
    policy.write_bytes(data.replace(b"min: 56", b"min: 60"))
    out = run("policy", "try", str(policy), "--repo", str(school.repo.path), "--on", "2026-12-31")[1]
    assert f"标准 {told} → {told.replace('56', '60')}" in out
    told_data = json.loads(
        run("policy", "try", str(policy), "--repo", str(school.repo.path), "--format", "json")[1]
    )
    (member,) = told_data["days"][0]["members"]
    assert [(p["target"], p["counted"]) for p in member["new"]["parts"]] == [("60", "8"), ("24", "0")]
    assert member["new"]["every"] is True


def test_a_year_is_explained_from_what_main_has_now(school: School) -> None:
    study = school.study(start_date=date(2025, 3, 1))
    school.merge(school.propose(study))
    repo = str(school.repo.path)
    out = run("explain", "m0012", "--year", "2025", "--repo", repo)[1]
    assert study.id in out and "2 / 32 学时" in out and "2025-01-01 至 2025-12-31" in out
    told = re.compile(r"member-year）.*，(未达标|进度滞后)$", re.MULTILINE)
    assert told.findall(out) == ["未达标"], "the year is over"
    approved = records.load_approved(school.repo, "main")[0]
    for day, stands in ((date(2025, 12, 31), "未达标"), (date(2025, 12, 30), "进度滞后")):
        data = totals_data(approved, figures(school.repo, day), branch="jg1", member=None)
        table = totals_table({"commit": school.tip, "on": day.isoformat(), **data}, today())
        assert told.findall(table) == [stands] * 3
    code, out = run("explain", "m0012", "--year", "2025", "--at", "2026-03-05", "--repo", repo)
    assert code == 2 and "只能写一个" in out


def test_what_filled_the_day_is_named(school: School) -> None:
    first, second = school.study(hours="6"), school.study(hours="6", title="另一场")
    for study in (first, second):
        school.merge(school.propose(study))
    out = run("explain", "m0012", "--repo", str(school.repo.path))[1]
    assert f"2026-03-01 的 {second.id} 超出每天的上限，同一天已计：{first.id}（6 学时）" in out


def test_a_cap_that_begins_within_a_year_leaves_what_was_before(school: School, tmp_path: Path) -> None:
    cap = '  - {id: online, per: year, max: 8, from: "FROM", source: 会议}\n'
    policy = tmp_path / "new.yaml"
    for start, told in (("2026-07-01", True), ("2026-01-01", False)):
        policy.write_bytes(changed_policy("\ncaps:\n", f"\ncaps:\n{cap.replace('FROM', start)}"))
        out = run("policy", "explain", str(policy))[1]
        assert ("起始日以前的学习不占这个上限" in out) is told


def test_the_command_runs_as_a_module_in_the_data_folder(school: School, tmp_path: Path) -> None:
    clone = work_tree(school, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "xueshi", "policy", "explain"], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("学时规则的意思"), done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("explain", "nobody"), "名册上没有 'nobody'"),
        (("totals", "--at", "2020-01-01"), "到 2020-01-01 为止 main 还没有提交"),
        (("totals", "--rev", "nowhere"), "没有版本 'nowhere'"),
        (("close", "2026", "--verify"), "2026 年没有结账"),
        (("close", "2999", "--by", "m0005"), "2999 年还没有过完"),
        (("close", "2025", "--by", "nobody"), "名册上没有 'nobody'"),
        (("history", "nothing"), "没有记录 'nothing'"),
        (("checkup", "--branch", "nowhere"), "没有支部或党委 'nowhere'"),
        (("audit", "--member", "m9999"), "名册上没有 'm9999'"),
    ],
)
def test_a_refusal_is_in_the_officers_language(school: School, command: tuple[str, ...], told: str) -> None:
    code, out = run(*command, "--repo", str(school.repo.path))
    assert code == 2 and told in out
