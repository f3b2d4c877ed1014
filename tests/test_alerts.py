"""Who is told what, once: worked examples 1 to 3, 12 and 18 of the hour rules, through real git."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files

from xueshi import alerts, proposals, records, totals
from xueshi.alerts import Alert
from xueshi.cli import main, watch
from xueshi.git import RefUpdate
from xueshi.model import SHANGHAI, Change, Study, Void
from xueshi.notify import NotSent
from xueshi.notify.dry_run import SEPARATOR
from xueshi.notify.sent import Sent
from xueshi.records import study_file

ON = date(2026, 3, 20)
YEAR = "2026-01-01:member-year:m0012"
VOID = Void("m0003", datetime(2026, 3, 9, tzinfo=SHANGHAI), "重复")


def add(
    school: School, hours: str, member: str = "m0012", branch: str = "jg1", by: str = "m0003", **more: object
) -> Study:
    """Hours approved as one record a day, at most eight each; the last record."""
    left, last = Decimal(hours), None
    while left:
        part = min(left, Decimal(8))
        day = date(school.at.year, 1, 2) + timedelta(school.pulls)  # a day of its own for each
        values = {"start_date": day, **more}
        last = school.study(member, branch, str(part), **values)
        school.merge(school.propose(last), by)
        left -= part
    assert last is not None
    return last


def void(school: School, study: Study) -> str:
    return school.merge(school.propose(replace(study, void=VOID), "void"))


def restore(school: School, study: Study) -> str:
    change = Change("restore", study.member, school.at, "有误")
    return school.merge(school.propose(replace(study, change=change), "restore"))


def crossed(school: School, since: str | None = None) -> list[str]:
    """The ids of what was crossed after a commit."""
    return [alert.id for alert in told(school, since)]


def told(school: School, since: str | None = None) -> list[Alert]:
    loaded, history = records.load_approved(school.repo, "main")
    line = school.repo.run("rev-list", "--first-parent", "--reverse", "main").decode().split()
    step = line.index(since) if since else -1
    versions = records.versions(school.repo, history, alerts.touched(history, since=step))
    return list(alerts.crossings(loaded, loaded.policy, history, versions, since=step))


# --- thresholds


def test_below_eighty_in_a_hundred_nothing_is_told(school: School) -> None:
    add(school, "25.5")
    assert crossed(school) == []


def test_near_and_met_are_told_once_each_and_a_second_run_tells_nothing(school: School) -> None:
    add(school, "25.5")
    before = school.tip
    add(school, "0.5")
    assert crossed(school, before) == [f"{YEAR}:near"]
    (near,) = told(school, before)
    assert (near.counted, near.target, near.commit, near.branch) == (26, 32, school.tip, "jg1")
    assert crossed(school, school.tip) == []
    before = school.tip
    add(school, "6")
    assert crossed(school, before) == [f"{YEAR}:met"]
    assert crossed(school) == [f"{YEAR}:near", f"{YEAR}:met"]
    assert crossed(school, school.tip) == []


def test_more_hours_after_the_target_tell_nothing(school: School) -> None:
    add(school, "32")
    before = school.tip
    add(school, "8")
    assert crossed(school, before) == []


def test_one_leap_over_both_thresholds_is_one_notice(school: School) -> None:
    add(school, "24")
    before, day = school.tip, date(2026, 2, 20)
    two = [school.study(hours="8", start_date=day + timedelta(n)) for n in range(2)]
    files = {study.path: study_file(study) for study in two}
    message = proposals.commit_message("register", two[0].id, two[0].id, "m0012")
    message += f"Record-Id: {two[1].id}\n"
    school.merge(school.commit((school.tip,), files, message, BRIDGE))
    assert crossed(school, before) == [f"{YEAR}:met"]


def test_what_waits_or_came_without_approval_crosses_nothing(school: School) -> None:
    add(school, "25.5")
    before = school.tip
    waiting = school.study(hours="8", start_date=date(2026, 2, 20))
    school.repo.update_refs([RefUpdate(f"refs/heads/sub/{waiting.id}", school.propose(waiting), None)])
    pushed = school.study(hours="8", start_date=date(2026, 2, 21))
    school.push({pushed.path: study_file(pushed)})
    assert crossed(school, before) == []
    before = school.tip
    confirmed = replace(pushed, change=Change("confirm", "m0012", school.at, "补审核"))
    school.merge(school.propose(confirmed, "confirm"))
    assert crossed(school, before) == [f"{YEAR}:met"]


def test_a_fall_is_told_once_and_a_return_to_met_never(school: School) -> None:
    add(school, "30")
    last = add(school, "2")
    met = school.tip
    assert crossed(school)[-1] == f"{YEAR}:met"
    fell = void(school, last)
    (back,) = told(school, met)
    assert (back.id, back.level, back.fallen, back.counted) == (
        f"{YEAR}:fell_back:met",
        "fell_back",
        "met",
        30,
    )
    regained = restore(school, last)
    assert crossed(school, fell) == []
    void(school, last)
    assert crossed(school, regained) == []
    assert crossed(school) == [f"{YEAR}:near", f"{YEAR}:met", f"{YEAR}:fell_back:met"]


def test_each_level_is_fallen_below_once(school: School) -> None:
    add(school, "24")
    first, second = add(school, "4"), add(school, "4")
    before = school.tip
    void(school, second)
    void(school, first)
    assert crossed(school, before) == [f"{YEAR}:fell_back:met", f"{YEAR}:fell_back:near"]
    restore(school, first)
    void(school, first)
    assert len(crossed(school, before)) == 2


def test_a_fall_from_met_to_nothing_is_one_notice(school: School) -> None:
    add(school, "24")
    last = add(school, "8")
    before = school.tip
    void(school, last)
    restore(school, last)
    void(school, last)
    assert crossed(school, before) == [f"{YEAR}:fell_back:met"]


def test_a_later_correction_of_the_roster_announces_nothing_again(school: School) -> None:
    add(school, "32")
    before = school.tip
    roster = committee_files()["records/jg1/roster.yaml"]
    assert roster is not None
    changed = roster.replace("林样青".encode(), "林样清".encode())
    head = school.commit((school.tip,), {"records/jg1/roster.yaml": changed}, "Roster\n", BRIDGE)  # type: ignore[arg-type]
    school.merge(head, "m0005")
    assert crossed(school, before) == []


def test_a_new_year_is_a_new_period(school: School) -> None:
    add(school, "26")
    school.at = datetime(2027, 3, 1, tzinfo=SHANGHAI)
    before = school.tip
    add(school, "26")
    assert crossed(school, before) == ["2027-01-01:member-year:m0012:near"]


def test_december_approved_in_january_is_told_of_the_old_year(school: School) -> None:
    add(school, "25.5")
    school.at = datetime(2027, 1, 4, tzinfo=SHANGHAI)
    before = school.tip
    add(school, "6.5", start_date=date(2026, 12, 28))
    (late,) = told(school, before)
    assert (late.id, late.on) == (f"{YEAR}:met", date(2026, 12, 31))
    before = school.tip
    school.at = datetime(2028, 1, 4, tzinfo=SHANGHAI)
    add(school, "8", start_date=date(2026, 12, 29))  # two years ago is no news
    assert crossed(school, before) == []


def test_only_watched_requirements_are_told(school: School) -> None:
    """A secretary's day of training crosses nothing of the plan; five days meet what is watched."""
    trained = {"kind": "off_job"}
    for _ in range(5):
        study = school.study(
            "m0003", "jg1", "8", start_date=date(2026, 1, 1) + timedelta(school.pulls), **trained
        )
        school.merge(school.propose(replace(study, organiser_level="county_plus")), "m0005")
    assert crossed(school) == [
        "2026-01-01:member-year:m0003:met",
        "2026-01-01:secretary-off-job:m0003:near",
        "2026-01-01:secretary-off-job:m0003:met",
    ]


def test_without_a_list_every_yearly_requirement_is_watched(school: School) -> None:
    policy = records.load(school.repo, "main").policy
    policy = replace(policy, alerts=replace(policy.alerts, of=()))
    assert alerts.is_watched(policy, "anything", "year")
    assert not alerts.is_watched(policy, "anything", "plan")


# --- behind and waiting


def test_who_is_behind_is_told_once_a_month(school: School) -> None:
    loaded, history = records.load_approved(school.repo, "main")

    def behind(on: date) -> list[str]:
        figures = totals.total(loaded, loaded.policy, history.approvals(), on)
        return [alert.id for alert in alerts.behind(loaded.policy, figures) if alert.member == "m0012"]

    assert behind(date(2026, 11, 3)) == behind(date(2026, 11, 24)) == [f"{YEAR}:behind:2026-11"]
    assert behind(date(2026, 12, 1)) == [f"{YEAR}:behind:2026-12"]


def test_on_new_years_day_nobody_is_told_to_be_behind(school: School) -> None:
    loaded, history = records.load_approved(school.repo, "main")

    def behind(on: date, days: int) -> int:
        policy = replace(loaded.policy, alerts=replace(loaded.policy.alerts, behind_grace_days=days))
        figures = totals.total(loaded, policy, history.approvals(), on)
        return len(list(alerts.behind(policy, figures)))

    first, day_30, day_31 = date(2027, 1, 1), date(2027, 1, 30), date(2027, 1, 31)
    everybody = behind(first, 0)
    assert everybody > 1
    assert [behind(first, 30), behind(day_30, 30), behind(day_31, 30)] == [0, 0, everybody]


@pytest.mark.parametrize(("days", "late"), [(7, 0), (8, 1)])
def test_a_proposal_is_late_after_the_days_the_policy_says(school: School, days: int, late: int) -> None:
    study = school.study()
    ref = f"sub/{study.id}"
    school.repo.update_refs([RefUpdate(f"refs/heads/{ref}", school.propose(study), None)])
    loaded = records.load(school.repo, "main")
    on = date(2026, 3, 1) + timedelta(days)
    waits = list(alerts.waiting(loaded, records.load_proposals(school.repo, "main"), on))
    assert [(one.id, one.branch, one.days) for one in waits] == [(f"{ref}:waiting", "jg1", days)]
    assert len(list(alerts.late(loaded.policy, waits))) == late


def test_a_proposal_without_records_waits_at_the_committee(school: School) -> None:
    study = school.study()
    roster = committee_files()["records/jg1/roster.yaml"]
    message = proposals.commit_message("correct", study.id, study.id, "m0012")
    head = school.commit((school.tip,), {"records/jg1/roster.yaml": (roster or b"") + b"\n"}, message, BRIDGE)  # type: ignore[arg-type]
    school.repo.update_refs([RefUpdate(f"refs/heads/sub/{study.id}", head, None)])
    found = alerts.waiting(records.load(school.repo, "main"), records.load_proposals(school.repo, "main"), ON)
    assert [one.branch for one in found] == ["sample-art"]


# --- the commands


def run(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(args))
    return result.exit_code, result.stdout, result.stderr


def test_alerts_are_printed_as_a_table_and_as_data(school: School) -> None:
    add(school, "26")
    repo = ("alerts", "--repo", str(school.repo.path), "--on", ON.isoformat())
    code, out, _ = run(*repo)
    assert code == 0 and f"林样青  年度学时  接近达标  26 / 32  [{YEAR}:near]" in out
    code, out, _ = run(*repo, "--format", "json")
    data = json.loads(out)
    assert (data["commit"], data["since"], data["on"]) == (school.tip, None, "2026-03-20")
    near = next(one for one in data["alerts"] if one["level"] == "near")
    assert (near["id"], near["counted"], near["target"]) == (f"{YEAR}:near", "26", "32")
    assert "林样青" not in out
    data = json.loads(run(*repo, "--since", school.tip, "--format", "json")[1])
    assert {one["level"] for one in data["alerts"]} == {"behind"}


def test_a_revision_that_is_not_on_main_is_refused_with_its_cure(school: School) -> None:
    first = add(school, "2")
    head = school.propose(first)
    repo = ("alerts", "--repo", str(school.repo.path))
    assert run(*repo, "--since", "nowhere")[0] == 2
    code, _, err = run(*repo, "--since", head)
    assert code == 2 and "请用 --since 写 main 上的一个提交" in err
    code, _, err = run(*repo, "--rev", f"{school.tip}^1", "--since", school.tip)
    assert code == 2 and "不在 main 的合并线上" in err


@dataclass
class Group:
    """A channel that remembers, and refuses or breaks as told."""

    faults: list[Exception] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def send(self, text: str) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.texts.append(text)


@dataclass
class Desk:
    """The notify command with a state file of its own."""

    school: School
    folder: Path
    extra: tuple[str, ...] = ()

    @property
    def state(self) -> Path:
        return self.folder / "sent.jsonl"

    def run(self, *more: str, on: date = ON) -> tuple[int, list[str], str]:
        """Exit code, the messages of this run, and stderr."""
        out = self.folder / "out.txt"
        out.unlink(missing_ok=True)
        code, _, err = run(
            "notify", "--repo", str(self.school.repo.path), "--on", on.isoformat(), "--channel", "dry-run",
            "--to", str(out), "--state", str(self.state), *more,
        )  # fmt: skip
        text = out.read_text(encoding="utf-8") if out.exists() else ""
        return code, [one.strip("\n") for one in text.split(SEPARATOR) if one.strip("\n")], err


@pytest.fixture
def desk(school: School, tmp_path: Path) -> Desk:
    return Desk(school, tmp_path)


def everybody_on_pace(school: School, but: Iterable[str] = ()) -> None:
    """Hours for all, so that nobody is behind in March."""
    units = {"m0012": "jg1", "m0003": "jg1", "m0005": "jg1", "m0004": "yjs", "m0006": "yjs"}
    for member, branch in units.items():
        if member not in but:
            add(school, "8", member, branch, "m0005" if member != "m0005" else "m0003")
            if member == "m0003":
                study = school.study(member, branch, "8", start_date=date(2026, 2, 27), kind="off_job")
                school.merge(school.propose(replace(study, organiser_level="county_plus")), "m0005")


def test_a_branch_reads_one_message_in_counts(desk: Desk) -> None:
    school = desk.school
    everybody_on_pace(school)
    add(school, "18", "m0012")
    add(school, "18", "m0005")
    add(school, "16", "m0003", by="m0005")
    for _ in range(3):
        study = school.study(start_date=date(2026, 2, 28))
        school.repo.update_refs([RefUpdate(f"refs/heads/sub/{study.id}", school.propose(study), None)])
    on = school.at.date() + timedelta(9)
    code, messages, _ = desk.run("--site-url", "https://study.example.invalid/", on=on)
    assert code == 0 and messages == [
        "教工第一党支部：3 条待审核（最久 9 天），2 人接近年度学时（≥80%），1 人已达标。\n"
        "查看：https://study.example.invalid/"
    ]


def test_a_second_run_sends_nothing_and_a_return_to_met_neither(desk: Desk) -> None:
    everybody_on_pace(desk.school)
    last = add(desk.school, "24")
    assert desk.run()[1] == ["教工第一党支部：1 人年度学时已达标。"]
    assert desk.run()[1] == []
    void(desk.school, last)
    assert desk.run()[1] == ["教工第一党支部：1 人年度学时回落。"]
    restore(desk.school, last)
    assert desk.run()[1] == []


def test_every_branch_reads_its_own_message(desk: Desk) -> None:
    assert desk.run()[1] == [
        "教工第一党支部：3 人年度学时进度滞后，1 人书记脱产培训进度滞后。",
        "研究生党支部：2 人年度学时进度滞后。",
    ]
    assert desk.run(on=ON + timedelta(3))[1] == []
    assert len(desk.run(on=date(2026, 4, 1))[1]) == 2


def test_names_stand_only_where_somebody_asked(desk: Desk) -> None:
    everybody_on_pace(desk.school)
    add(desk.school, "18")
    assert "林样青" not in desk.run()[1][0]
    desk.state.unlink()
    assert desk.run("--names")[1] == ["教工第一党支部：1 人接近年度学时（≥80%）：林样青。"]


def test_the_old_year_is_named_in_a_message(desk: Desk) -> None:
    school = desk.school
    add(school, "25.5")
    school.at = datetime(2027, 1, 4, tzinfo=SHANGHAI)
    add(school, "6.5", start_date=date(2026, 12, 28))  # and on 5 January nobody is behind yet
    assert desk.run(on=date(2027, 1, 5))[1] == ["教工第一党支部：1 人 2026 年年度学时已达标。"]


def test_a_run_begins_where_the_last_one_ended(desk: Desk) -> None:
    everybody_on_pace(desk.school)
    desk.run()
    with Sent(desk.state) as sent:
        assert sent.since == desk.school.tip
    desk.state.write_text(json.dumps({"commit": "0" * 40}) + "\n")
    code, _, err = desk.run()
    assert code == 2 and "--since" in err


def send(desk: Desk, group: Group, monkeypatch: pytest.MonkeyPatch, *more: str) -> tuple[int, str]:
    monkeypatch.setitem(watch.CHANNELS, "dry-run", lambda _: group)  # type: ignore[misc]
    code, _, err = desk.run(*more)
    return code, err


def test_what_surely_did_not_arrive_is_sent_by_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group([NotSent("the robot is gone", certain=True)])
    code, err = send(desk, group, monkeypatch)
    assert code == 0 and "xueshi: jg1: not sent: the robot is gone" in err
    assert [text[:3] for text in group.texts] == ["研究生"]
    add(desk.school, "26")  # main goes on; nothing of before is lost
    assert send(desk, group, monkeypatch)[0] == 0
    assert [text[:3] for text in group.texts] == ["研究生", "教工第"]
    assert "接近年度学时" in group.texts[1] and "进度滞后" in group.texts[1]
    send(desk, group, monkeypatch)
    assert len(group.texts) == 2


def test_crossings_that_did_not_arrive_are_looked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody_on_pace(desk.school)
    group = Group()
    send(desk, group, monkeypatch)
    add(desk.school, "18")
    group.faults = [NotSent("no network", certain=True)]
    send(desk, group, monkeypatch)
    add(desk.school, "1", "m0006", "yjs", "m0004")
    send(desk, group, monkeypatch)
    assert group.texts == ["教工第一党支部：1 人接近年度学时（≥80%）。"]


def test_what_may_have_arrived_is_not_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group([NotSent("no answer", certain=False)])
    code, err = send(desk, group, monkeypatch)
    assert code == 0 and "no answer" in err
    send(desk, group, monkeypatch)
    assert [text[:3] for text in group.texts] == ["研究生"]


def test_a_crash_while_sending_never_repeats_a_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group([KeyboardInterrupt()])  # type: ignore[list-item]
    send(desk, group, monkeypatch)
    assert group.texts == []
    with Sent(desk.state) as sent:
        assert sent.since is None
        assert sent.fresh([f"{YEAR}:behind:2026-03"]) == []
    send(desk, group, monkeypatch)
    assert [text[:3] for text in group.texts] == ["研究生"]


def test_the_robots_url_comes_from_the_environment_and_is_never_printed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, group = "http://127.0.0.1:9/send?key=693a91f6", Group()
    opened: list[str] = []
    monkeypatch.setitem(watch.CHANNELS, "wecom", lambda url: opened.append(url) or group)  # type: ignore[misc, func-returns-value]
    common = ("notify", "--repo", str(desk.school.repo.path), "--on", str(ON), "--state", str(desk.state))
    code, out, err = run(*common, "--channel", "wecom")
    assert code == 2 and "XUESHI_NOTIFY_URL" in err
    monkeypatch.setenv("XUESHI_NOTIFY_URL", secret)
    code, out, err = run(*common, "--channel", "wecom")
    assert code == 0 and opened == [secret] and len(group.texts) == 2 and "693a91f6" not in out + err
    code, out, err = run(*common, "--channel", "dry-run")
    assert code == 2 and "--to" in err and "693a91f6" not in out + err
    code, out, err = run(*common, "--channel", "dry-run", "--to", secret)
    assert code == 2 and "693a91f6" not in out + err


def test_a_robot_that_is_away_never_fails_the_build(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XUESHI_NOTIFY_URL", "http://127.0.0.1:9/send?key=693a91f6")
    code, out, err = run(
        "notify", "--repo", str(desk.school.repo.path), "--on", str(ON), "--state", str(desk.state), "--channel", "wecom"
    )  # fmt: skip
    assert code == 0 and "not sent" in err and "693a91f6" not in out + err
    assert len(desk.run()[1]) == 2  # and nothing was lost
