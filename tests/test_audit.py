"""What the audit says of each version, in words and as data, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, DESK, School, committee_files

from xueshi import records
from xueshi.audit import Chosen, audit_csv, audit_lines, audit_table
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.git import Identity
from xueshi.model import Change
from xueshi.records import study_file

WEI = Identity("韦测宁", "weicn@example.invalid")
ORGANISATION, POLICY = "records/organisation.yaml", "records/policy.yaml"
NAMES = {"m0003": "韦测宁", "m0012": "林样青"}
KEYS = [
    "at", "path", "record", "branch", "member", "version", "newest", "removed", "actions", "submitters", "decided_by",
    "decider", "how", "commit", "pull", "valid", "own_change", "reason", "why", "state", "cured_by", "cure",
    "command",
]  # fmt: skip


def run(school: School, *args: str) -> tuple[int, bytes]:
    result = CliRunner().invoke(main, ["audit", "--repo", str(school.repo.path), "--rev", "main", *args])
    return result.exit_code, result.stdout_bytes


def lines(school: School, **chosen: str) -> list[dict[str, Any]]:
    return audit_lines(records.read_history(school.repo, "main"), NAMES, Chosen(**chosen))


def of(school: School, path: str) -> list[dict[str, Any]]:
    return [line for line in lines(school) if line["path"] == path]


def change(school: School, path: str, by: str, content: bytes | None = None, submitter: str = "") -> None:
    data = content if content is not None else (committee_files()[path] or b"") + b"# changed\n"
    message = f"Change\n\nAction: correct\nSubmitted-By: {submitter or by}\n"
    school.merge(school.commit((school.tip,), {path: data}, message, BRIDGE), by=by)


def test_a_valid_version_says_who_decided_by_what_right(school: School) -> None:
    study = school.study()
    merge = school.merge(school.propose(study))
    (line,) = lines(school, record=study.id)
    assert list(line) == KEYS
    assert line == {
        "at": "2026-03-01T13:00:00+08:00", "path": study.path, "record": study.id, "branch": "jg1", "member": "m0012",
        "version": 1, "newest": True, "removed": False, "actions": ["register"], "submitters": ["m0012"],
        "decided_by": "m0003", "decider": "韦测宁", "how": "desk", "commit": merge, "pull": 1, "valid": True,
        "own_change": False, "reason": "", "why": "审核台合并，m0003 当时是 jg1 的审核人", "state": "valid",
        "cured_by": None, "cure": "", "command": "",
    }  # fmt: skip


def test_each_way_of_being_valid_has_its_words(school: School) -> None:
    mailed, pushed = school.study(), school.study()
    sha = school.push({pushed.path: study_file(pushed)})
    school.merge(school.propose(mailed), who=WEI)
    policy = (committee_files()[POLICY] or b"").replace(b"baseline: null", f'baseline: "{sha}"'.encode())
    change(school, POLICY, "m0005", policy)
    change(school, ORGANISATION, "m0005", submitter="m0004")
    assert [line["why"] for line in of(school, mailed.path)] == ["本人邮箱合并，m0003 当时是 jg1 的审核人"]
    assert [line["why"] for line in of(school, pushed.path)] == ["在基线之内，视为可信"]
    root, own = of(school, POLICY)
    assert root["why"] == "第一个提交，视为可信" and not root["own_change"]
    assert (
        own["why"] == "审核台合并，m0005 当时是 sample-art 的审核人（本人改动，允许）" and own["own_change"]
    )
    assert not of(school, ORGANISATION)[1]["own_change"]


def unknown(school: School, message: str, who: Identity) -> str:
    study = school.study()
    head = school.propose(study)
    school.to_main(school.commit((school.tip, head), {study.path: study_file(study)}, message, who))
    return study.path


def merged(school: School, member: str, by: str) -> str:
    study = school.study(member)
    school.merge(school.propose(study), by=by)
    return study.path


def proxy(school: School) -> str:
    study = school.study()
    message = f"Register\n\nRecord-Id: {study.id}\nAction: register\nSubmitted-By: m0003\n"
    school.merge(school.commit((school.tip,), {study.path: study_file(study)}, message, BRIDGE))
    return study.path


def pushed(school: School) -> str:
    study = school.study()
    school.push({study.path: study_file(study)})
    return study.path


def deleted(school: School) -> str:
    path = merged(school, "m0012", "m0003")
    school.push({path: None})
    return path


def committee(school: School, path: str) -> str:
    change(school, path, "m0003")
    return path


def broken(school: School) -> str:
    change(school, POLICY, "m0005", b"schema: none/1\n")
    return POLICY


CONFIRM = "由 jg1 或上级的审核人用 action: confirm 的提案确认"
INVALID = {
    "push": (pushed, "不是通过合并进入的（直接推送、快进、压缩或变基）", CONFIRM),
    "deleted": (deleted, "不是通过合并进入的（直接推送、快进、压缩或变基）", "由 jg1 或上级的审核人合并 action: restore 的提案恢复"),
    "address": (
        lambda s: unknown(s, "Merge\n", BRIDGE),
        "合并者的邮箱不属于任何审核人",
        f"{CONFIRM}；合并者若是审核人，也可在 organisation.yaml 补上其邮箱",
    ),
    "desk": (lambda s: unknown(s, "Merge\n", DESK), "审核台的合并没有恰好写明一位决定者", CONFIRM),
    "role": (lambda s: merged(s, "m0012", "m0004"), "m0004 当时不是 jg1 或上级的审核人", CONFIRM),
    "own": (
        lambda s: merged(s, "m0003", "m0003"),
        "m0003 是本人，不能审核自己的记录",
        "由 jg1 或上级的另一位审核人用 action: confirm 的提案确认",
    ),
    "proxy": (
        proxy,
        "m0003 是提交或改动它的人，不能审核自己的记录",
        "由 jg1 或上级的另一位审核人用 action: confirm 的提案确认",
    ),
    "policy": (
        lambda s: committee(s, POLICY),
        "m0003 当时不是党委的审核人",
        "由党委的审核人合并一次改动此文件的提案",
    ),
    "roster": (
        lambda s: committee(s, "records/jg1/roster.yaml"),
        "m0003 当时不是上级党组织的审核人",
        "由上级党组织的审核人合并一次改动此文件的提案",
    ),
    "broken": (broken, "文件有误", "由党委的审核人合并改正此文件的提案"),
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
def test_each_way_of_being_invalid_has_its_words_and_its_cure(school: School, name: str) -> None:
    make, why, cure = INVALID[name]
    path = make(school)
    last = of(school, path)[-1]
    assert (last["valid"], last["why"], last["cure"], last["state"]) == (False, why, cure, "open")
    assert run(school)[0] == 1
    assert f"无效：{why}；{cure}" in "\n".join(audit_table([last]))


def test_what_was_cured_says_by_what(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    again = replace(study, change=Change("confirm", "m0003", school.at, "属实"))
    school.merge(school.propose(again, "confirm"), by="m0004")
    assert [line["state"] for line in of(school, study.path)] == ["replaced", "open"]
    last = replace(study, change=Change("confirm", "m0012", school.at, "属实"))
    merge = school.merge(school.propose(last, "confirm"))
    found = of(school, study.path)
    assert [(line["state"], line["cured_by"]) for line in found] == [
        ("cured", merge),
        ("cured", merge),
        ("valid", None),
    ]
    assert f"后来的版本已有效：{merge[:10]}" in next(audit_table(found))
    assert found[-1]["actions"] == ["confirm"] and run(school)[0] == 0


def test_what_was_pushed_by_mistake_and_taken_away_is_nothing_to_cure(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    school.push({study.path: None})
    assert [(line["state"], line["removed"]) for line in of(school, study.path)] == [
        ("moot", False),
        ("moot", True),
    ]
    code, out = run(school, "--only-invalid")
    assert code == 0 and "（移除）" in out.decode() and "没有影响" in out.decode()


def test_lines_are_in_the_order_of_main_whatever_the_clocks_said(school: School) -> None:
    first, second = school.study(), school.study()
    later, earlier = max(first, second, key=lambda s: s.path), min(first, second, key=lambda s: s.path)
    school.at += timedelta(days=30)
    school.merge(school.propose(later))
    school.at -= timedelta(days=20)
    school.merge(school.propose(earlier))
    assert [line["record"] for line in lines(school)][-2:] == [later.id, earlier.id]


def test_a_selection_is_of_a_branch_a_member_or_a_record(school: School) -> None:
    own, other = school.study(), school.study("m0006", "yjs")
    school.merge(school.propose(own))
    school.push({other.path: study_file(other)})
    assert {line["path"] for line in lines(school, branch="yjs")} == {"records/yjs/roster.yaml", other.path}
    assert [line["record"] for line in lines(school, member="m0006")] == [other.id]
    assert lines(school, member="m0003") == [] == lines(school, member="m0012", branch="yjs")
    assert run(school, "--record", own.id.lower())[0] == 0
    assert run(school, "--branch", "jg1")[0] == 0 and run(school, "--branch", "yjs")[0] == 1
    for chosen in ({"branch": "nope"}, {"member": "m9999"}, {"record": "X"}):
        with pytest.raises(UsageError, match=next(iter(chosen.values()))):
            lines(school, **chosen)
    assert run(school, "--member", "m9999") == (2, b"") and run(school, "--rev", "nowhere") == (2, b"")


def test_json_is_one_list_and_a_deleted_record_still_has_its_member(school: School) -> None:
    path = deleted(school)
    school.push({"records/\udcff": b"x\n"})
    code, out = run(school, "--format", "json")
    told = json.loads(out)
    assert code == 1 and {tuple(line) for line in told} == {tuple(KEYS)}
    assert told[-1]["path"] == "records/\udcff"
    assert run(school, "--format", "json", "--only-invalid", "--member", "m0012")[0] == 1
    only = json.loads(run(school, "--format", "json", "--only-invalid", "--member", "m0012")[1])
    assert [(line["path"], line["removed"]) for line in only] == [(path, True)]


def test_a_spreadsheet_opens_it_without_running_anything(school: School) -> None:
    for name in ("records/\x1b[2J\n=1", "records/\udcff"):
        school.push({name: b"x\n"})
    line = lines(school)[-1]
    odd = [{**line, "actions": [text]} for text in ("=1+1", "+1", "-1", "@x", "\t=1", "confirm", 'a"b')]
    data = audit_csv(odd)
    assert data.startswith("\ufeff时间,路径,".encode()) and data.count(b"\r\n") == len(odd) + 1
    cells = [row["动作"] for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "\\t=1", "申请确认", 'a"b']
    code, out = run(school, "--format", "csv")
    assert code == 1 and b"\x1b" not in out and "records/\\x1b[2J\\n=1" in out.decode("utf-8-sig")
    assert b"\x1b" not in run(school)[1] and "records/\\udcff" in run(school)[1].decode()


def test_what_is_invalid_comes_with_the_command_that_cures(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    command = f"xueshi confirm-record {study.id} --by 编号 --reason 原因"
    assert command in run(school, "--only-invalid")[1].decode()
    assert "xueshi " not in run(school)[1].decode()
    path = deleted(school)
    (line,) = (one for one in lines(school) if one["path"] == path and one["state"] == "open")
    assert line["command"].startswith(f"xueshi restore-record {line['record']} --to ")
    commit = line["command"].split()[4]
    assert school.repo.blobs([f"{school.repo.resolve(commit)}:{path}"])
