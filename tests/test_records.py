"""Strict reading, canonical writing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from conftest import School
from hypothesis import given
from hypothesis import strategies as st

from xueshi import records
from xueshi.git import Repository
from xueshi.model import Study
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
        ("hours: 2\n", "hours: [2\n", 8, "YAML 写法有误"),
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
