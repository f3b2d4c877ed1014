"""Strict reading, canonical writing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from conftest import School
from hypothesis import given
from hypothesis import strategies as st

from xueshi import project, records
from xueshi.git import Repository
from xueshi.model import SHANGHAI, Severity, Study
from xueshi.proposals import Sent, register
from xueshi.records import parse_file, study_file

PATH = "records/jg1/2026/01KJYKG9Z08M4T0V2N9X5B7CDE.yaml"
GOOD = """\
schema: study/1
id: "01KJYKG9Z08M4T0V2N9X5B7CDE"
member: m0012
kind: theme_day
title: 党章专题学习
start_date: "2026-03-05"
hours: 2
submitted: {by: m0012, at: "2026-03-05T16:58:21+08:00", via: link, notice: "2026-01"}
"""


def read(text: str) -> Study:
    parsed = parse_file(PATH, text.encode())
    assert isinstance(parsed.value, Study), parsed.problems
    return parsed.value


def test_a_canonical_record_is_written_as_the_same_bytes() -> None:
    assert study_file(read(GOOD)) == GOOD.encode()
    assert parse_file(PATH, GOOD.encode()).problems == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("hours: 2\n", "hours: 2\nhours: 3\n", 8, "写了两次"),
        ("m0012\nkind", "&a m0012\nkind", 3, "锚点"),
        ("theme_day", "!!str theme_day", 4, "类型标记"),
        ("hours: 2\n", "hours: 1:30\n", 7, "学时应为数字"),
        ("hours: 2\n", 'hours: "2"\n', 7, "学时应为数字"),
        ("hours: 2\n", "hours: 2.1\n", 7, "0.25 的整数倍"),
        ("hours: 2\n", "hours: 01E5\n", 7, "学时应为数字"),
        ('"2026-03-05"\n', '"2026-13-05"\n', 6, "存在的日期"),
        ('"2026-03-05"\n', '"20260305"\n', 6, "存在的日期"),
        ("kind: theme_day\n", "", 1, "缺少“学习类型”"),
        ("hours: 2\n", "hours: 2\nphone: 1\n", 8, "没有 'phone' 这个字段"),
        ("member: m0012", 'member: "m0012\\n"', 3, "写法不对"),
        ("title: 党章专题学习", 'title: "  "', 5, "不能只有空格"),
        ("hours: 2\n", "hours: 2\n---\na: 1\n", 8, "只能有一份"),
        ("hours: 2\n", "hours: [2\n", 7, "括号没有关上"),
    ],
)
def test_every_fault_names_its_line_and_cure(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    parsed = parse_file(PATH, GOOD.replace(old, new, 1).encode())
    assert parsed.value is None
    assert [(p.line, words in p.message) for p in parsed.problems] == [(line, True)], parsed.problems


def test_other_encodings_are_refused_by_name() -> None:
    assert "UTF-8" in parse_file(PATH, GOOD.encode("gb18030")).problems[0].message
    assert "BOM" in parse_file(PATH, b"\xef\xbb\xbf" + GOOD.encode()).problems[0].message


def test_right_but_not_canonical_is_accepted_with_a_note() -> None:
    parsed = parse_file(PATH, GOOD.replace("m0012\nkind", '"m0012"\nkind').encode())
    assert isinstance(parsed.value, Study)
    assert [(p.rule, str(p.severity)) for p in parsed.problems] == [("canonical", "note")]


@given(
    st.text(min_size=1, max_size=200).filter(
        lambda s: s.strip() and s.encode("utf-8", "ignore").decode() == s
    )
)
def test_any_text_survives_writing_and_reading(text: str) -> None:
    study = replace(read(GOOD), note=text)
    data = study_file(study)
    assert read(data.decode()).note == text
    assert yaml.safe_load(data)["note"] == text  # an ordinary reader agrees
    assert study_file(read(data.decode())) == data


@given(
    st.sampled_from(["no", "2026-03-05", "null", "是: 否", "- 1", "1:30", "010", "01E5", "=1+1", "y", "~"])
)
def test_words_that_yaml_guesses_at_stay_text(text: str) -> None:
    assert yaml.safe_load(study_file(replace(read(GOOD), title=text)))["title"] == text


def test_work_tree_and_revision_give_the_same_records(school: School, tmp_path: Path) -> None:
    school.merge(school.propose(school.study()))
    clone = tmp_path / "clone"
    Repository(tmp_path).run("clone", "--quiet", str(school.repo.path), str(clone))
    repo = Repository(clone)
    assert records.load(repo, None) == records.load(repo, "HEAD") == records.load(school.repo, "main")


def test_a_registration_becomes_the_record_it_claims() -> None:
    study = read(GOOD)
    sent = Sent(
        id=study.id, branch="jg1", member="m0012", via="link", notice="2026-01", at=study.submitted.at,
        kind="theme_day", title=study.title, start_date=date(2026, 3, 5), hours=Decimal(2),
    )  # fmt: skip
    assert register(sent) == study


MOMENTS = {
    "2026-08-05t17:10:03z": False,
    "2026-08-05t17:10:03+08:00": False,
    "2026-08-05T17:10:03z": False,
    "2026-08-05 17:10:03+08:00": False,
    "0001-01-01T00:00:00+08:00": False,
    "9999-12-31T23:59:59-08:00": False,
    "2200-01-01T00:00:00Z": False,
    "1899-12-31T23:59:59Z": False,
    "2026-06-30T23:59:60Z": False,
    "2026-02-30T10:00:00Z": False,
    "2026-08-05T24:00:00Z": False,
    "2026-08-05T10:00:00+24:00": False,
    "2026-08-05T10:00:00": False,
    "２026-08-05T10:00:00Z": False,
    "2026-08-05T10:00:00Z\\n": False,
    "2026-08-05T17:10:03Z": True,
    "2026-08-05T17:10:03.123456-11:30": True,
    "1900-01-01T00:00:00+14:00": True,
    "2199-12-31T23:59:59-12:00": True,
}


@pytest.mark.parametrize(("text", "sound"), MOMENTS.items())
def test_a_moment_is_one_that_everybody_can_read(text: str, sound: bool) -> None:
    parsed = parse_file(PATH, GOOD.replace("2026-03-05T16:58:21+08:00", text).encode())
    assert (parsed.value is not None) is sound
    assert all(p.line == 8 for p in parsed.problems if p.severity is Severity.ERROR)
    if isinstance(parsed.value, Study):
        assert parsed.value.submitted.at.astimezone(SHANGHAI)


def test_the_schema_alone_says_the_same_of_moments(tmp_path: Path) -> None:
    """What a checker beside us reads: every wrong file is named, and no right one."""
    for number, text in enumerate(MOMENTS):
        (tmp_path / f"{number}.yaml").write_text(GOOD.replace("2026-03-05T16:58:21+08:00", text), "utf-8")
    checker = Path(sys.executable).parent / "check-jsonschema"
    schema = project.root() / "schema" / "study.schema.json"
    for sound in (True, False):
        files = [str(tmp_path / f"{n}.yaml") for n, one in enumerate(MOMENTS.values()) if one is sound]
        asked = [checker, "--schemafile", schema, "--output-format", "json", *files]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        wrong = {fault["filename"] for fault in json.loads(done.stdout)["errors"]}
        assert wrong == (set() if sound else set(files))


@given(st.text(st.sampled_from("0129-:TtZz+. "), min_size=10, max_size=30))
def test_no_moment_or_date_breaks_the_reading(text: str) -> None:
    for old in ("2026-03-05T16:58:21+08:00", '"2026-03-05"'):
        parse_file(PATH, GOOD.replace(old, text if old[0] != '"' else f'"{text}"').encode())


def test_what_the_schema_lets_pass_and_nobody_can_build_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    for fault in (ValueError("year 0"), OverflowError("date value out of range")):

        def build(*_: object, fault: Exception = fault) -> Study:
            raise fault

        monkeypatch.setattr("xueshi.records.parsing.build.study", build)
        parsed = parse_file(PATH, GOOD.encode())
        assert parsed.value is None
        assert [(p.rule, str(fault) in p.message) for p in parsed.problems] == [("schema", True)]


def test_a_symbolic_link_is_told_and_is_no_record(school: School, tmp_path: Path) -> None:
    study = school.study()
    school.merge(school.propose(study))
    clone = tmp_path / "clone"
    Repository(tmp_path).run("clone", "--quiet", str(school.repo.path), str(clone))
    (clone / "other.yaml").write_bytes(study_file(study))
    (clone / study.path).unlink()
    (clone / study.path).symlink_to(clone / "other.yaml")
    repo = Repository(clone)
    repo.run("add", "-A")
    who = ("-c", "user.name=x", "-c", "user.email=x@x.x")
    repo.run(*who, "commit", "--quiet", "-m", "Link")
    for rev in (None, "HEAD"):
        found = records.load(repo, rev)
        assert found.studies == {}
        assert [(p.path, "符号链接" in p.message) for p in found.problems] == [(study.path, True)]
