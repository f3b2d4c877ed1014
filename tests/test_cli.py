"""Door: the command, through its exit codes and its output."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from conftest import School

from xueshi.cli import main
from xueshi.records import study_file


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(args))
    return result.exit_code, result.output


def test_check_tells_clean_problems_and_could_not_run_apart(school: School, tmp_path: Path) -> None:
    repo = str(school.repo.path)
    assert run("check", "--repo", repo, "--rev", "main")[0] == 0
    study = school.study()
    school.push({study.path: study_file(study).replace(b"hours: 2", b"hours: 2.1")})
    code, out = run("check", "--repo", repo, "--rev", "main")
    assert code == 1 and f"{study.path}:7: 学时应为 0.25 的整数倍，现为 2.1 [schema]" in out
    code, out = run("check", "--repo", repo, "--rev", "main", "--format", "json")
    assert code == 1 and json.loads(out[: out.rindex("]") + 1])[0]["line"] == 7
    assert run("check", "--repo", str(tmp_path))[0] == 2


def test_totals_and_history_open_a_number_into_its_records(school: School) -> None:
    repo = str(school.repo.path)
    study, pushed = school.study(), school.study(title="直接推送")
    merge = school.merge(school.propose(study))
    school.push({pushed.path: study_file(pushed)})
    code, out = run("totals", "--repo", repo, "--member", "m0012", "--at", "2026-03-02", "--format", "json")
    told = json.loads(out)
    assert code == 0 and told["members"]["m0012"]["requirements"]["member-year"]["counted"] == "2"
    assert told["branches"] == {"jg1": "2", "yjs": "0"}
    assert [line["record"] for line in told["uncounted"]] == [pushed.id]
    assert "未经审核人通过" in run("totals", "--repo", repo, "--branch", "jg1", "--at", "2026-03-02")[1]
    code, out = run("history", "--repo", repo, study.id)
    assert code == 0 and merge in out and "韦测宁（m0003）通过，合并请求 1" in out
    assert run("history", "--repo", repo, "nothing")[0] == 2
    assert run("totals", "--repo", repo, "--branch", "nope")[0] == 2
