"""The hour rules in words, and what a change to them would do."""

from __future__ import annotations

import copy
import json
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files

from xueshi import policy, project, records
from xueshi.cli import main
from xueshi.cli.common import today
from xueshi.model import Crossing, Organisation, Policy, Unit
from xueshi.policy.explain import SECTIONS
from xueshi.policy.phrases import Phrases
from xueshi.records.typed import resolved

YEAR = today().year
SINCE = "2024-01-01"
WHERE = {
    "kind": ["theme_day"],
    "bucket": ["online"],
    "topic": ["development"],
    "mode": ["onsite"],
    "organiser_level": ["county_plus"],
    "origin": ["external"],
    "counts": False,
}
SPAN = {"from": SINCE, "until": "2029-01-01"}
# Every word of the language, each list with one value.
FULL: dict[str, Any] = {
    "schema": "policy/1",
    "baseline": "a" * 40,
    "conversion": [
        {
            **SPAN,
            "minutes_per_hour": 45,
            "hours_per_half_day": 4,
            "hours_per_day": 8,
            "step": 0.5,
            "rounding": "down",
            "online_table": [{"min_minutes": 30, "hours": 1}],
        }
    ],
    "kinds": {
        "theme_day": {
            "label": "主题党日",
            "bucket": "centralised",
            "counts": True,
            "factor": 2,
            "max_per_record": 8,
            "max_per_year": 16,
            "convert": "online_table",
            "needs": ["organiser_level"],
            "changes": [
                {
                    "from": "2027-01-01",
                    "bucket": "online",
                    "counts": False,
                    "factor": 1.5,
                    "max_per_record": 4,
                    "max_per_year": 12,
                    "convert": "minutes",
                }
            ],
        },
        "lecture": {"label": "专题讲座", "bucket": "centralised", "counts": True},
    },
    "crossing": [{**SPAN, "mode": "split", "source": "跨年办法"}],
    "entry": {"earliest": SINCE, "latest_days": 60},
    "caps": [
        {"id": "per-day", "per": "year", "max": 8, "where": WHERE, **SPAN, "source": "甲", "enabled": True},
        {"id": "share", "per": "year", "max_share_of": "whole", "share": 0.25, "from": SINCE},
    ],
    "periods": {
        "year": {"type": "calendar_year"},
        "quarter": {"type": "calendar_quarter"},
        "plan": {"type": "window", **SPAN},
        "recent": {"type": "rolling", "months": 12},
        "start": {"type": "anchored", "anchor": "appointed", "role": ["branch_secretary"], "months": 6},
    },
    "who": {
        "members": {"status": ["full"]},
        "others": {
            "include": "members",
            "status": ["full"],
            "role": ["staff"],
            "not_role": ["branch_secretary"],
            "unit": ["jg1"],
            "exempt": False,
            "joined_before": "2020-01-01",
        },
    },
    "requirements": [
        {
            "id": "whole",
            "label": "年度学时",
            "who": "others",
            "measure": "hours",
            "min": 32,
            "otherwise": 16,
            "where": WHERE,
            "period": "year",
            "prorate": "by_month",
            "severity": "generally",
            **SPAN,
            "source": "乙",
            "enabled": True,
        },
        {
            "id": "second",
            "label": "规划",
            "who": "members",
            "any_of": [
                {"measure": "hours", "min": 160, "where": WHERE},
                {"measure": "days", "min": 20},
            ],
            "period": "plan",
            "from": SINCE,
            "source": "丙",
        },
        {
            "id": "third",
            "who": "members",
            "all_of": [{"measure": "hours", "min": 8}, {"measure": "records", "min": 2}],
            "period": "start",
            "from": SINCE,
            "source": "丁",
        },
    ],
    "carry_over": [{"requirement": "whole", "max": 8, **SPAN, "source": "戊"}],
    "pace": {
        "model": "weighted_months",
        "weights": {
            name: number
            for number, name in enumerate(
                ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 20
            )
        },
    },
    "alerts": {
        "near_ratio": 0.8,
        "behind_tolerance": 0.2,
        "behind_grace_days": 30,
        "waiting_days": 7,
        "of": ["whole"],
    },
    "norms": [
        {
            "id": "meetings",
            "label": "每月一次",
            "subject": ["branch"],
            "when": {
                "type": ["teacher"],
                "min_full_members": 3,
                "max_full_members": 30,
                "has_committee": True,
            },
            "measure": "events",
            "min": 1,
            "max": 4,
            "period": "quarter",
            "where": WHERE,
            "severity": "generally",
            **SPAN,
            "source": "己",
            "enabled": True,
        },
        {
            "id": "term",
            "label": "任期",
            "subject": ["branch"],
            "measure": "term",
            "term_years": 3,
            "remind_months": 6,
            "apply_months": 4,
            "from": SINCE,
            "source": "庚",
        },
    ],
}
UNITS = Organisation(
    "示例", (Unit("jg1", "branch", "教工第一党支部"), Unit("yjs", "branch", "研究生党支部")), (), ()
)
OTHER = {
    "who": "members", "include": "others", "period": "recent", "per": "day", "max_share_of": "second",
    "requirement": "second", "of": "second", "kind": "lecture", "topic": "other", "unit": "yjs", "baseline": "b" * 40,
}  # fmt: skip


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(args), catch_exceptions=False)
    return result.exit_code, result.output


def made(data: dict[str, Any]) -> Policy:
    parsed = records.parse_file("records/policy.yaml", json.dumps(data).encode())  # JSON is YAML
    assert isinstance(parsed.value, Policy), parsed.problems
    return parsed.value


def told(data: dict[str, Any], lang: str) -> str:
    return policy.explain(made(data), UNITS, lang, date(2026, 6, 1))


@pytest.mark.parametrize(("days", "sound"), [(0, True), (365, True), (-1, False), (366, False), (1.5, False)])
def test_the_days_of_grace_are_whole_and_at_most_a_year(days: float, sound: bool) -> None:
    data = put(FULL, ("alerts", "behind_grace_days"), days)
    parsed = records.parse_file("records/policy.yaml", json.dumps(data).encode())
    assert (not parsed.problems) is sound, parsed.problems
    assert not sound or made(data).alerts.behind_grace_days == days


def test_a_policy_without_days_of_grace_has_thirty() -> None:
    without = copy.deepcopy(FULL)
    del without["alerts"]["behind_grace_days"]
    none = {key: value for key, value in FULL.items() if key != "alerts"}
    assert [made(data).alerts.behind_grace_days for data in (without, none)] == [30, 30]
    assert told(without, "zh") == told(FULL, "zh")


def test_grace_is_said_where_there_is_any() -> None:
    def behind(days: int, lang: str) -> str:
        text = told(put(FULL, ("alerts", "behind_grace_days"), days), lang)
        return next(line for line in text.splitlines() if "“进度滞后”" in line or "“behind”" in line)

    assert "45 天" in behind(45, "zh") and "四分之一" in behind(45, "zh")
    assert "45 days" in behind(45, "en") and "quarter" in behind(45, "en")
    assert "天" not in behind(0, "zh") and "days" not in behind(0, "en")


# --- explain


def leaves(
    data: Any, schema: dict[str, Any], at: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of the policy with another one that the schema allows there; None: only its absence differs."""
    schema = resolved(schema, project.schema("policy"))
    if isinstance(data, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for key, inner in data.items():
            yield from leaves(inner, known.get(key, rest), (*at, key))
    elif isinstance(data, list):
        for number, inner in enumerate(data):
            yield from leaves(inner, schema["items"], (*at, number))
    elif "const" not in schema:
        yield at, another(data, schema, next(part for part in reversed(at) if isinstance(part, str)))


def another(value: Any, schema: dict[str, Any], name: str) -> Any:
    if isinstance(value, bool):
        return not value
    if "enum" in schema:
        return next((one for one in schema["enum"] if one != value), None)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value + schema["multipleOf"] if "multipleOf" in schema else value / 2
    if schema.get("format") == "date":
        return (date.fromisoformat(value) + timedelta(1)).isoformat()
    if name in OTHER:
        return OTHER[name] if OTHER[name] != value else "others"
    return f"{value}-x" if name == "id" else f"{value}改"


def put(data: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(data)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    if value is None:
        *around, key = place[:-1] if isinstance(place[-1], int) else place
        inner = changed
        for part in around:
            inner = inner[part]
        del inner[key]
    else:
        inner[place[-1]] = value
    return changed


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_value_of_the_language_is_said(lang: str) -> None:
    base, silent = told(FULL, lang), []
    for place, value in leaves(FULL, project.schema("policy")):
        if told(put(FULL, place, value), lang) == base:
            silent.append((place, value))
    known = [] if "source" in Crossing.__dataclass_fields__ else [("crossing", 0, "source")]
    assert [place for place, _ in silent] == known


def test_the_full_policy_uses_the_whole_language() -> None:
    said: set[tuple[str, ...]] = set()
    for place, _ in leaves(FULL, project.schema("policy")):
        said |= {tuple(p for p in place[:n] if isinstance(p, str)) for n in range(1, len(place) + 1)}
    root = project.schema("policy")
    named = {"kinds": "theme_day"}
    for section, schema in root["properties"].items():
        schema = schema.get("additionalProperties") or schema.get("items") or {}
        if section in ("periods", "who") or not isinstance(schema, dict):
            continue
        start = (section, named[section]) if section in named else (section,)
        for field in resolved(schema, root).get("properties", {}):
            assert (*start, field) in said, f"{section}.{field}"


def test_both_languages_say_the_same_with_the_same_places() -> None:
    chinese, english = policy.LANGUAGES["zh"], policy.LANGUAGES["en"]
    assert list(chinese) == list(english)

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key in chinese:
        same = {"month", "name"} if key == "date" else set()  # 3 or March
        assert places(chinese[key]) - same == places(english[key]) - same, key


WORDS = {
    "field": "kinds.*.needs.items",
    "bucket": "kinds.*.bucket",
    "worth.convert": "kinds.*.convert",
    "rounding": "conversion.items.rounding",
    "crossing": "crossing.items.mode",
    "period": "periods.*.type",
    "anchor": "periods.*.anchor",
    "status": "who.*.status.items",
    "role": "who.*.role.items",
    "unit": "requirements.items.measure",
    "severity": "requirements.items.severity",
    "mode": "requirements.items.where.mode.items",
    "organiser_level": "requirements.items.where.organiser_level.items",
    "origin": "requirements.items.where.origin.items",
    "subject": "norms.items.subject.items",
    "type": "norms.items.when.type.items",
    "measure": "norms.items.measure",
}


@pytest.mark.parametrize("table", WORDS)
def test_every_choice_of_the_schema_has_its_words(table: str) -> None:
    root = project.schema("policy")
    schema = root
    for step in WORDS[table].split("."):
        schema = resolved(schema, root)
        special = {"*": "additionalProperties", "items": "items"}.get(step)
        schema = schema[special] if special else schema["properties"][step]
    assert {f"{table}.{value}" for value in schema["enum"]} <= set(policy.LANGUAGES["zh"])


def test_the_usual_policy_in_words() -> None:
    text = told(yaml.safe_load(project.policy_file()), "zh")
    expected = "党员（正式党员、预备党员）每个公历年一般应当至少 32 学时；中途加入的按月折算，不满一个月算一个月。依据："
    assert expected in text
    assert "- per-day：每人每天最多认定 8 学时，超过的不计。" in text
    assert "自2024年1月1日起。" in text
    assert "（只算学习类型是脱产培训，并且主办层级是县级以上党委的记录）" in text
    english = told(yaml.safe_load(project.policy_file()), "en")
    assert (
        "members (full, probationary) should in general reach, in each calendar year, at least 32 hours"
        in english
    )
    assert "主题党日 (theme_day)" in english


def test_rules_not_in_force_are_marked_and_come_last() -> None:
    data = copy.deepcopy(FULL)
    rule = {k: v for k, v in FULL["requirements"][1].items() if k not in ("label", "from")}
    data["requirements"] = [
        {**rule, "id": "ended", "from": "2024-01-01", "until": "2026-06-01"},
        {**rule, "id": "coming", "from": "2026-06-02"},
        {**rule, "id": "off", "from": "2024-01-01", "enabled": False},
        {**rule, "id": "whole", "from": "2026-06-01"},
    ]
    lines = told(data, "zh").split("学时要求\n")[1].splitlines()[:4]
    heads = [line.split("：")[0] for line in lines]
    assert heads == ["- whole", "- 【还没有开始】coming", "- 【已经结束】ended", "- 【没有启用】off"]
    assert "[ended] ended: " in told(data, "en")


def test_a_conversion_goes_on_until_another_begins() -> None:
    found = told({**FULL, "conversion": [{**FULL["conversion"][0], "until": "2025-01-01"}]}, "zh")
    assert "【已经结束】学习" not in found and "到2024年12月31日为止" in found


def test_what_a_policy_leaves_out_is_said_too() -> None:
    left = {k: FULL[k] for k in ("schema", "conversion", "kinds")}
    text = told({**left, "requirements": []}, "zh")
    assert "结转\n- 没有规定：超出的学时不算到下一周期。" in text
    assert "没有人有学时要求" in text and "写了但没有规则用到的" in text
    assert set(SECTIONS) >= {"conversion", "caps", "requirements", "norms"}


def test_groups_in_a_circle_end() -> None:
    data = copy.deepcopy(FULL)
    data["who"]["members"] = {"include": "others", "role": ["staff"]}
    assert "没有定义的对象" in Phrases(policy.LANGUAGES["zh"], made(data)).who("others")


def test_foreign_text_stays_on_one_line() -> None:
    data = copy.deepcopy(FULL)
    data["kinds"]["lecture"]["label"] = "讲\n- 假\u202e的"
    data["requirements"][0]["source"] = "甲\x85- 乙\u2028丙"
    text = told(data, "zh")
    assert "讲 - 假的（lecture）" in text and "依据：甲 - 乙 丙。" in text


def test_explain_reads_a_revision_or_a_file(school: School, tmp_path: Path) -> None:
    repo = str(school.repo.path)
    code, out = run("policy", "explain", "--repo", repo, "--rev", "main", "--on", "2026-03-01")
    assert code == 0 and out.startswith("学时规则的意思（按 2026年3月1日 看）\n\n折算\n- 学习 60 分钟")
    file = tmp_path / "policy.yaml"
    file.write_bytes(project.policy_file().replace(b"targets: {", b"targets: {unit: [yjs], "))
    code, out = run("policy", "explain", str(file), "--repo", repo, "--lang", "en")
    assert code == 0 and "development targets who belong to 研究生党支部 or below" in out
    assert (
        "belong to yjs or below"
        in run("policy", "explain", str(file), "--repo", str(tmp_path), "--lang", "en")[1]
    )
    file.write_bytes(project.policy_file().replace(b"min: 32", b"min: x"))
    code, out = run("policy", "explain", str(file))
    assert code == 1 and out.startswith(f"{file}:") and "最少（min）应为数字" in out
    code, out = run("policy", "explain", str(tmp_path / "none.yaml"))
    assert code == 2 and "读不到" in out


# --- try


def closed(until: str, least: str = "40") -> bytes:
    """The usual policy with the year's requirement ended and followed by another, as an officer should do it."""
    text = project.policy_file().decode()
    start = text.index("  - id: member-year\n")
    end = text.index("  - id: member-plan\n")
    old = text[start:end]
    ended = old.replace('    from: "2024-01-01"\n', f'    from: "2024-01-01"\n    until: "{until}"\n')
    new = old.replace("min: 32", f"min: {least}").replace('from: "2024-01-01"', f'from: "{until}"')
    return (text[:start] + ended + new + text[end:]).encode()


@pytest.fixture
def tried(school: School, tmp_path: Path) -> Any:
    """Runs `policy try` on the bytes of a new policy, on a school with hours of last year and this one."""
    for day, hours in ((date(YEAR - 1, 5, 1), 5), (date(YEAR, 1, 2), 5)):
        for member, branch, by in (("m0012", "jg1", "m0003"), ("m0006", "yjs", "m0004")):
            for number in range(hours):
                study = school.study(member, branch, hours="7", start_date=day + timedelta(number))
                school.merge(school.propose(study), by)

    def act(data: bytes, *more: str) -> tuple[int, str]:
        file = tmp_path / "new.yaml"
        file.write_bytes(data)
        return run("policy", "try", str(file), "--repo", str(school.repo.path), *more)

    return act


def test_a_requirement_ended_and_followed_changes_no_past(tried: Any) -> None:
    """The officer's way: until the new year, and another entry from it on."""
    new_year = f"{YEAR + 1}-01-01"
    code, out = tried(closed(new_year))
    assert code == 0
    assert f"到{YEAR}年12月31日为止（含当天）" in out and "- 学时要求，新增：" in out
    assert f"{YEAR + 1}年1月1日：5 人的数字不同（全部 5 人；教工第一党支部 3 人，研究生党支部 2 人）" in out
    assert "林样青（m0012）  年度学时（member-year）：标准 32 学时 → 40 学时，计入 0 学时" in out
    assert f"如果今年就按 {YEAR + 1}年1月1日的规则" in out
    assert "现在达标的 2 人中有 2 人达不到，另有 0 人变成达标" in out
    assert "以前各年的数字不变。" in out and "警告" not in out

    told_days = json.loads(tried(closed(new_year), "--format", "json")[1])
    assert [day["on"] for day in told_days["days"]] == [today().isoformat(), new_year]
    now, later = told_days["days"]
    assert now["affected"] == 0 and now["as_if"] is None
    assert later["affected"] == 5 and later["branches"] == {"jg1": 3, "yjs": 2}
    assert all((m["old"]["target"], m["new"]["target"]) == ("32", "40") for m in later["members"])
    met = later["as_if"]["requirements"][0]
    assert (met["requirement"], met["met"], met["no_longer_met"], met["newly_met"]) == (
        "member-year",
        2,
        2,
        0,
    )
    assert {m["member"] for m in later["as_if"]["members"] if m["old"]["standing"] == "met"} == {
        "m0012",
        "m0006",
    }
    assert told_days["past"] == [] and told_days["changed"] is True and told_days["problems"] == []


def test_a_number_changed_in_place_is_told_to_change_the_past(tried: Any) -> None:
    code, out = tried(project.policy_file().replace(b"min: 32", b"min: 40"))
    assert code == 0
    assert f"！！！警告：以前年份的数字会变（{YEAR - 1} 年 5 人）" in out and "until" in out
    assert "- 学时要求，改动：" in out and "至少 32 学时" in out and "至少 40 学时" in out
    data = json.loads(tried(project.policy_file().replace(b"min: 32", b"min: 40"), "--format", "json")[1])
    assert data["past"] == [{"year": YEAR - 1, "people": 5}]
    assert [day["on"] for day in data["days"]] == [today().isoformat()]


def test_no_change_says_so(tried: Any) -> None:
    code, out = tried(project.policy_file() + b"# a remark\n")
    assert code == 0 and out.startswith("没有变化")
    assert json.loads(tried(project.policy_file(), "--format", "json")[1])["changed"] is False


def test_errors_come_first_and_alone(tried: Any, school: School, tmp_path: Path) -> None:
    code, out = tried(project.policy_file().replace(b"min: 32", b"min: [32]"))
    assert code == 1 and len(out.splitlines()) == 1 and "new.yaml:" in out and "最少（min）应为数字" in out
    code, out = tried(project.policy_file().replace(b"who: targets", b"who: nobody"))
    assert code == 1 and "'nobody'" in out and "规则的变化" not in out
    code, out = tried(project.policy_file().replace(b"who: targets", b"who: nobody"), "--format", "json")
    assert code == 1 and json.loads(out)["problems"][0]["rule"] == "policy-names-exist"
    code, out = run("policy", "try", str(tmp_path / "none.yaml"), "--repo", str(school.repo.path))
    assert code == 2 and "读不到" in out
    assert (
        run("policy", "try", str(tmp_path / "new.yaml"), "--repo", str(school.repo.path), "--rev", "no")[0]
        == 2
    )


def test_one_day_can_be_asked_for(tried: Any) -> None:
    data = json.loads(tried(closed(f"{YEAR + 1}-01-01"), "--format", "json", "--on", f"{YEAR + 1}-06-01")[1])
    assert [day["on"] for day in data["days"]] == [f"{YEAR + 1}-06-01"]
    assert data["days"][0]["affected"] == 5


def test_a_coming_rule_that_changes_is_judged_on_its_first_day(school: School, tried: Any) -> None:
    """Its date stands in both policies, and still nothing differs before it."""
    new_year = f"{YEAR + 1}-01-01"
    school.push({"records/policy.yaml": closed(new_year)}, who=BRIDGE)
    school.merge(
        school.commit((school.tip,), {"records/policy.yaml": closed(new_year, "36")}, "Rules\n", who=BRIDGE),
        by="m0005",
    )
    data = json.loads(tried(closed(new_year, "44"), "--format", "json")[1])
    assert [day["on"] for day in data["days"]] == [today().isoformat(), new_year]
    assert all(m["old"]["target"] == "36" for m in data["days"][1]["members"])


def test_kinds_caps_and_order_are_told(tried: Any) -> None:
    text = project.policy_file().decode()
    text = text.replace(
        "theme_day: {label: 主题党日, bucket: centralised, counts: true}",
        f'theme_day: {{label: 主题党日, bucket: centralised, counts: true, changes: [{{from: "{YEAR + 1}-01-01", counts: false}}]}}',
    )
    first, second = "  seminar: {label: 专题研讨", "  field_study: {label: 现场教学"
    lines = text.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(first))
    assert lines[at + 1].startswith(second)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    code, out = tried("".join(lines).encode())
    assert code == 0, out
    assert "- 学习类型，新增：" in out and "改为：不计入学时要求，另外统计" in out
    assert "- 学习类型，换了先后：" in out and "field_study、seminar" in out
    assert "以前各年的数字不变。" in out
    assert "现在达标的 2 人中有 2 人达不到" in out and "标准 32 学时，计入 35 学时 → 0 学时" in out


def test_a_dropped_rule_and_a_new_order_are_changes(tried: Any) -> None:
    lines = project.policy_file().decode().splitlines(keepends=True)
    cap = next(n for n, line in enumerate(lines) if "id: per-day" in line)
    code, out = tried("".join(lines[:cap] + lines[cap + 1 :]).encode())
    assert code == 0 and "- 上限，删去：\n    原来：per-day：每人每天最多认定 8 学时" in out
    kind = next(n for n, line in enumerate(lines) if line.startswith("  seminar:"))
    lines[kind : kind + 2] = reversed(lines[kind : kind + 2])
    code, out = tried("".join(lines).encode())
    assert code == 0 and "- 学习类型，换了先后：" in out and "没有人的数字不同" in out


def test_hours_that_no_requirement_asks_for_are_told_too(school: School, tried: Any) -> None:
    tried(project.policy_file())
    approved, history = records.load_approved(school.repo, "main")
    old = replace(approved.policy, requirements=())
    double = replace(old.kinds["theme_day"], factor=Decimal(2))
    new = replace(old, kinds={**old.kinds, "theme_day": double})
    found = policy.trial(replace(approved, policy=old), new, history.approvals(), today())
    assert {(s.member, s.requirement) for s in found.effects[0].shifts} == {("m0006", ""), ("m0012", "")}
    text = policy.trial_text(found, approved.organisation)
    assert "林样青（m0012）  当年认定的学时：计入 35 学时 → 40 学时" in text
    assert found.past == {YEAR - 1: 2}


def test_reminders_have_no_past(tried: Any) -> None:
    """A standing between met and not met is a matter of the day, not of a closed year."""
    code, out = tried(project.policy_file().replace(b"near_ratio: 0.8", b"near_ratio: 0.1"))
    assert code == 0 and "以前各年的数字不变。" in out and "达到标准的 10%" in out


def test_names_of_people_stay_on_one_line(school: School, tmp_path: Path) -> None:
    roster = committee_files()["records/yjs/roster.yaml"]
    assert roster is not None
    school.to_main(
        school.commit(
            (),
            {
                **committee_files(),
                "records/yjs/roster.yaml": roster.replace("王演".encode(), '"王\\n假"'.encode()),
            },
            "Anew\n",
            BRIDGE,
        )
    )
    file = tmp_path / "new.yaml"
    file.write_bytes(project.policy_file().replace(b"min: 32", b"min: 40"))
    code, out = run("policy", "try", str(file), "--repo", str(school.repo.path))
    assert code == 0 and "王 假（m0006）" in out


def test_rules_of_a_later_day_hold_since_the_new_year_and_never_before() -> None:
    """What was before stays: an earlier version keeps its days, a kind its earlier changes."""
    data = copy.deepcopy(FULL)
    data["requirements"][0].update({"from": "2024-01-01", "until": "2027-01-01"})
    data["requirements"].append(
        {**data["requirements"][0], "min": 40, "from": "2027-01-01", "until": "2028-01-01"}
    )
    found = policy.as_if(made(data), date(2027, 3, 1), date(2026, 1, 1))
    versions = [(r.start, r.until, r.options[0].min) for r in found.requirements if r.id == "whole"]
    assert versions == [(date(2024, 1, 1), date(2026, 1, 1), 32), (date(2026, 1, 1), None, 40)]
    kind = found.kinds["theme_day"]
    assert (kind.on(date(2025, 12, 31)).counts, kind.on(date(2026, 1, 1)).counts) == (True, False)


def test_many_to_whom_the_same_happens_are_counted(school: School, tried: Any) -> None:
    path = "records/yjs/roster.yaml"
    roster = yaml.safe_load(committee_files()[path] or b"")
    roster["members"].append({**roster["members"][1], "id": "m0007", "name": "覃例"})
    data = records.render("roster", roster)
    school.merge(school.commit((school.tip,), {path: data}, "Roster\n", BRIDGE), by="m0005")
    rules = closed(f"{YEAR + 1}-01-01")
    out = tried(rules)[1]
    assert "  6 人  年度学时（member-year）：标准 32 学时 → 40 学时\n" in out and "超过 5 人的只报人数" in out
    assert "林样青（m0012）  年度学时（member-year）：标准 32 学时 → 40 学时，计入 0 学时" not in out
    assert (
        "林样青（m0012）  年度学时（member-year）：标准 32 学时 → 40 学时，计入 35 学时，已达标" in out
    )  # two of them
    out = tried(rules, "--names")[1]
    assert "林样青（m0012）  年度学时（member-year）：标准 32 学时 → 40 学时，计入 0 学时" in out
    assert "--names" not in out


def test_years_without_records_are_not_said_to_be_the_same(school: School, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_bytes(project.policy_file().replace(b"min: 32", b"min: 40"))
    args = ("policy", "try", str(file), "--repo", str(school.repo.path))
    school.merge(school.propose(school.study(start_date=date(YEAR, 1, 2))))
    out = run(*args)[1]
    assert f"{YEAR - 1} 年没有记录，没有比较以前的数字。" in out and "数字不变" not in out
    out = run(*args, "--on", f"{YEAR + 1}-02-01")[1]  # seen from there, this year is an earlier one
    assert f"以前年份的数字会变（{YEAR} 年 5 人）" in out
    assert json.loads(run(*args, "--format", "json")[1])["compared"] == []


def test_a_rule_that_comes_or_goes_is_told_in_the_same_words(tried: Any) -> None:
    text = project.policy_file().decode()
    start, end = text.index("  - id: secretary-off-job"), text.index("  - id: target-training")
    out = tried((text[:start] + text[end:]).replace(", secretary-off-job]", "]").encode())[1]
    told = "40 学时（已有 0）或者 5 天（已有 0）"
    assert f"不再有这条要求，以前标准 {told}" in out
    out = tried(text.replace("measure: days, min: 5}", "measure: days, min: 6}").encode())[1]
    assert f"标准 {told} → {told.replace('5 天', '6 天')}" in out


def recipes() -> list[dict[str, Any]]:
    """The pieces of policy that the handbook tells officers to copy."""
    text = Path("site/pages/handbook/policy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .*\n)+", text, re.M)
    found = [yaml.safe_load(block) for block in blocks if re.match(r"    (who|requirements|caps):\n", block)]
    assert len(found) == 4
    return found


@pytest.mark.parametrize("recipe", recipes())
def test_what_the_handbook_tells_to_copy_changes_only_what_comes(tried: Any, recipe: dict[str, Any]) -> None:
    data = yaml.safe_load(project.policy_file())
    for section, more in recipe.items():
        data[section] = {**data[section], **more} if isinstance(more, dict) else [*data[section], *more]
    code, out = tried(json.dumps(data, ensure_ascii=False).encode())
    assert code == 0 and "新增：" in out and "注意" not in out and "以前各年的数字不变。" in out, out


def test_the_handbooks_commands_exist() -> None:
    text = Path("site/pages/handbook/policy.md").read_text(encoding="utf-8")
    lines = [line.split() for line in re.findall(r"^    xueshi (.*)$", text, re.M)]
    assert {line[0] for line in lines} >= {
        "restore-record",
        "void-record",
        "confirm-record",
        "audit",
        "alerts",
        "checkup",
    }
    for name, *rest in lines:
        names = [name, rest[0]] if name == "policy" else [name]
        told = CliRunner().invoke(main, [*names, "--help"]).output
        for option in (word for word in rest if word.startswith("--")):
            assert option in told, (name, option)
