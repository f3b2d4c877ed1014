"""The closing of a year: what it says, what it refuses, and how it is opened again."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, DESK, School, figures
from test_changes import NOW, ON, SAID, merged, registered, rules

from xueshi import changes, checks, records, ulids
from xueshi.cli import main
from xueshi.errors import UsageError
from xueshi.git import RefUpdate
from xueshi.hosts.local import LocalHost
from xueshi.model import SHANGHAI, Change, Study
from xueshi.records import study_file
from xueshi.totals.closing import manifest

FILE = "records/closed-2026.yaml"


def close(school: School, year: int = 2026, *, even_so: bool = False, at: datetime = NOW) -> str:
    return changes.close(school.repo, school.tip, year, by="m0005", at=at, even_so=even_so)


def adjust(school: School, until: date | None = None, member: str = "m0012") -> str:
    asked = {"by": "m0005", "reason": "漏记一条", "at": NOW, "until": until}
    return changes.adjust(school.repo, school.tip, 2026, member, **asked)  # type: ignore[arg-type]


def written(school: School, rev: str = "main") -> bytes:
    (data,) = school.repo.blobs([f"{rev}:{FILE}"]).values()
    return data


def pushed(school: School, study: Study, action: str = "register") -> str:
    """An open proposal."""
    ref = f"refs/heads/sub/{ulids.new(school.tick())}"
    school.repo.update_refs([RefUpdate(ref, school.propose(study, action), None)])
    return ref


def standing_errors(school: School) -> list[str]:
    loaded = records.load(school.repo, "main")
    return [p.path for p in checks.check(loaded, ON) if p.rule == "closing-stands"]


def closed(school: School) -> Study:
    study = registered(school)
    merged(school, close(school), by="m0005")
    return study


def corrected(school: School, study: Study) -> str:
    change = Change("correct", "m0012", NOW, "漏记")
    return school.propose(replace(study, hours=Decimal(3), change=change), "correct")


def test_a_closed_year_is_as_it_was_and_says_so(school: School) -> None:
    study = closed(school)
    loaded = records.load(school.repo, "main")
    closing = loaded.closings[2026]
    assert closing.records == {"jg1": {study.id: loaded.blobs[study.path]}}
    assert closing.totals["m0012"].hours == "2"
    assert closing.totals["m0012"].requirements["member-year"] == ("32", "2", "behind")
    assert not [p for p in checks.check(loaded, ON) if p.rule == "closing-stands"]
    verify = CliRunner().invoke(main, ["close", "2026", "--verify", "--repo", str(school.repo.path)])
    assert verify.exit_code == 0
    with pytest.raises(UsageError, match="已经结账"):
        close(school)


def test_the_manifest_is_the_same_bytes_each_time(school: School) -> None:
    registered(school)
    loaded, history = records.load_approved(school.repo, "main")
    found = figures(school.repo, date(2026, 12, 31))
    made = [records.render("closing", manifest(loaded, history, found, 2026, "m0005", NOW)) for _ in "ab"]
    assert made[0] == made[1]
    assert not records.parse_file(FILE, made[0]).problems


def test_a_closed_year_takes_no_change_without_an_adjustment(school: School) -> None:
    study = closed(school)
    late = school.study(title="补登", start_date=date(2026, 5, 1))
    assert rules(school, school.propose(late)) == {"year-is-not-closed", "closing-stands"}
    assert rules(school, corrected(school, study)) >= {"year-is-not-closed"}
    this_year = school.study(title="今年", start_date=date(2027, 1, 10))
    assert rules(school, school.propose(this_year)) == set()

    ref = adjust(school, date(2027, 3, 1))
    assert rules(school, ref) == set()
    merged(school, ref, by="m0005")
    assert rules(school, corrected(school, study)) == set()
    assert "year-is-not-closed" in rules(school, corrected(school, study), date(2027, 3, 1))
    school.merge(corrected(school, study))
    verify = CliRunner().invoke(main, ["close", "2026", "--verify", "--repo", str(school.repo.path)])
    assert (
        verify.exit_code == 0
        and "已登记调整" in verify.output
        and "结账时 2 学时，现在算出 3 学时" in verify.output
    )


def test_what_was_changed_all_the_same_is_found(school: School) -> None:
    study = closed(school)
    school.merge(corrected(school, study))
    loaded = records.load(school.repo, "main")
    assert [p.path for p in checks.check(loaded, ON) if p.rule == "closing-stands"] == [study.path]
    verify = CliRunner().invoke(main, ["close", "2026", "--verify", "--repo", str(school.repo.path)])
    assert verify.exit_code == 1


def test_a_manifest_only_grows(school: School) -> None:
    closed(school)
    wrong = school.commit(
        (school.tip,), {FILE: written(school).replace(b'hours: "2"', b'hours: "40"')}, "x\n", BRIDGE
    )
    assert rules(school, wrong) == {"closing-only-grows"}
    gone = school.commit((school.tip,), {FILE: None}, "x\n", BRIDGE)
    assert rules(school, gone) == {"nothing-is-deleted", "closing-only-grows"}


def test_open_ends_stop_a_closing(school: School) -> None:
    study = school.study()
    school.push({study.path: study_file(study)})
    with pytest.raises(UsageError, match="没有经过审核"):
        close(school)
    with pytest.raises(UsageError, match="还没有过完"):
        close(school, 2027)
    assert close(school, even_so=True)


def test_git_alone_verifies_a_closed_record(school: School, tmp_path: Path) -> None:
    study = closed(school)
    file = tmp_path / "record.yaml"
    file.write_bytes(study_file(study))
    told = subprocess.run(["git", "hash-object", str(file)], check=True, capture_output=True, text=True)
    assert f"{study.id}: {told.stdout.strip()}" in written(school).decode().replace('"', "")


def test_the_host_merges_a_closing_and_an_adjustment(school: School) -> None:
    registered(school)
    host = LocalHost(school.repo, DESK)
    for number in (1, 2):
        ref = close(school) if number == 1 else adjust(school)
        pull = host.open(ref, "结账", "", NOW)
        school.tip = host.merge(pull.number, pull.head, "m0005", NOW)
    assert records.load(school.repo, "main").closings[2026].adjusted() == {"m0012"}


def test_an_adjustment_leaves_every_other_byte(school: School) -> None:
    closed(school)
    before = written(school).decode()
    after = written(school, adjust(school)).decode()
    assert before.endswith("adjustments: []\n") and after.startswith(before.removesuffix(" []\n"))


def over_new_year(school: School, hours: str = "8") -> Study:
    study = replace(school.study(hours=hours, start_date=date(2025, 12, 30)), end_date=date(2026, 1, 2))
    school.merge(school.propose(study))
    return study


@pytest.mark.parametrize("how", ["cut before New Year", "void", "unapproved"])
def test_what_lies_over_new_year_belongs_to_both_years_whatever_it_counts(school: School, how: str) -> None:
    study = over_new_year(school)
    if how == "void":
        merged(school, changes.void(school.repo, school.tip, study.id, **SAID))
    if how == "unapproved":
        school.push({study.path: study_file(replace(study, note="补充"))})
    merged(school, close(school, even_so=how == "unapproved"), by="m0005")
    assert study.id in records.load(school.repo, "main").closings[2026].records["jg1"]
    assert standing_errors(school) == []
    late = replace(study, hours=Decimal(24), void=None, change=Change("restore", "m0012", NOW, "x"))
    assert "year-is-not-closed" in rules(school, school.propose(late, "restore"))


def test_moving_a_record_into_or_out_of_a_closed_year_is_refused(school: School) -> None:
    inside, outside = registered(school), registered(school, title="另", start_date=date(2025, 5, 1))
    merged(school, close(school), by="m0005")
    change = Change("correct", "m0012", NOW, "日期写错")
    out = replace(inside, start_date=date(2025, 6, 1), change=change)
    into = replace(outside, start_date=date(2026, 6, 1), change=change)
    for study in (out, into):
        assert "year-is-not-closed" in rules(school, school.propose(study, "correct"))


def test_a_manifest_does_not_become_that_of_another_year(school: School) -> None:
    closed(school)
    moved = written(school).replace(b"year: 2026", b"year: 2024")
    assert "path-and-id-agree" in rules(school, school.commit((school.tip,), {FILE: moved}, "x\n", BRIDGE))
    school.push({FILE: moved})  # all the same: the last approved one stays in force
    assert list(records.load_approved(school.repo, "main")[0].closings) == [2026]


def test_a_manifest_that_main_has_outrun_is_refused(school: School) -> None:
    registered(school)
    ref = close(school)
    assert rules(school, ref) == set()
    registered(school, title="后来批准的", start_date=date(2026, 5, 1))
    assert rules(school, ref) == {"closing-is-of-main"}


def test_a_year_that_is_not_over_is_closed_by_nobody(school: School) -> None:
    registered(school)
    ref = close(school)
    assert rules(school, ref, date(2026, 12, 31)) == {"closing-is-of-main"}
    new_year = datetime(2027, 1, 1, 0, 30, tzinfo=SHANGHAI)  # 2026 still in Greenwich
    assert close(school, 2025, at=new_year)
    school.repo.update_refs([RefUpdate(f"refs/heads/{ref}", None, school.repo.resolve(ref))])
    assert close(school, at=new_year.astimezone(UTC))


def test_a_pending_change_is_an_open_end_wherever_it_leads(school: School) -> None:
    study = registered(school)
    school.at = NOW
    out = replace(study, start_date=date(2025, 6, 1), change=Change("correct", "m0012", NOW, "日期写错"))
    for ref in (pushed(school, out, "correct"), pushed(school, school.study(start_date=date(2026, 4, 1)))):
        with pytest.raises(UsageError, match=f"{ref.removeprefix('refs/heads/')} 还没有审核"):
            close(school)
    assert close(school, even_so=True)


def test_errors_in_the_years_records_stop_a_closing_always(school: School) -> None:
    stranger = registered(school, member="m0006")
    for even_so in (False, True):
        with pytest.raises(UsageError, match=f"{stranger.id}.*member-is-on-roster"):
            close(school, even_so=even_so)


def test_a_record_that_cannot_be_read_is_not_passed_over(school: School) -> None:
    study = registered(school)
    school.push({study.path: b"schema: study/1\n"})
    with pytest.raises(UsageError, match=study.id):
        close(school, even_so=True)
    assert close(school, 2027, at=NOW.replace(year=2028))  # written in 2026, so of no later year


def test_a_record_that_was_deleted_is_an_open_end(school: School) -> None:
    study = registered(school)
    school.push({study.path: None})
    with pytest.raises(UsageError, match=f"restore-record {study.id}"):
        close(school)
    assert close(school, 2025) and close(school, even_so=True)


def test_nothing_is_closed_by_rules_that_nobody_approved(school: School) -> None:
    registered(school)
    school.merge(school.commit((school.tip,), {"records/policy.yaml": None}, "x\n", BRIDGE), by="m0005")
    with pytest.raises(UsageError, match=r"records/policy.yaml 没有一个版本经过审核"):
        close(school, even_so=True)


def test_one_proposal_for_a_year_at_a_time(school: School) -> None:
    registered(school)
    ref = close(school)
    with pytest.raises(UsageError, match=ref):
        close(school)
    merged(school, ref, by="m0005")
    ref = adjust(school)
    with pytest.raises(UsageError, match=ref):
        adjust(school, member="m0003")


def test_the_command_closes_and_opens_again(school: School) -> None:
    registered(school)
    args = ["close", "2025", "--repo", str(school.repo.path)]
    for wrong, words in (
        (args, "请用 --by"),
        ([*args, "--by", "m0005", "--reason", "x"], "--adjust 编号"),
        ([*args, "--by", "m0005", "--adjust", "m0012"], "没有结账|写明原因"),
        ([*args, "--verify"], "没有结账"),
    ):
        done = CliRunner().invoke(main, wrong)
        assert done.exit_code == 2 and re.search(words, done.stderr)
    ref = CliRunner().invoke(main, [*args, "--by", "m0005"]).stdout.strip()
    merged(school, ref, by="m0005")
    done = CliRunner().invoke(main, [*args, "--by", "m0005", "--adjust", "m0012", "--reason", "补登"])
    assert done.exit_code == 0 and done.stdout.startswith("sub/")


def test_an_adjustment_that_opens_nothing_is_refused(school: School) -> None:
    with pytest.raises(UsageError, match="没有结账"):
        adjust(school)
    closed(school)
    with pytest.raises(UsageError, match="不晚于今天"):
        adjust(school, NOW.date())
    with pytest.raises(UsageError, match="名册上没有 'm9999'"):
        adjust(school, member="m9999")
    merged(school, adjust(school, date(2027, 3, 1)), by="m0005")
    with pytest.raises(UsageError, match="已经为 m0012 重新打开"):
        adjust(school, date(2027, 2, 15))
    ref = adjust(school, date(2027, 6, 1))  # longer than before
    assert rules(school, ref) == set()


def test_the_cure_that_the_check_names_cures(school: School) -> None:
    study = closed(school)
    school.push({study.path: None})
    (problem,) = (
        p for p in checks.check(records.load(school.repo, "main"), ON) if p.rule == "closing-stands"
    )
    ident, commit = re.findall(r"restore-record (\w+) --to (\w+)", problem.message)[0]
    merged(school, adjust(school), by="m0005")
    then = school.repo.resolve(commit)
    assert then is not None
    ref = changes.restore(school.repo, school.tip, ident, to=then, **SAID)
    assert rules(school, ref) == set()
    merged(school, ref)
    assert standing_errors(school) == []
    verify = CliRunner().invoke(main, ["close", "2026", "--verify", "--repo", str(school.repo.path)])
    assert verify.exit_code == 0
