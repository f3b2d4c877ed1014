"""Reports against the totals they are made from: levels add up, ends of months are totals of that day, days are records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import generate
import pytest
from conftest import BRIDGE, School, committee_files

from xueshi import checks, project, proposals, records, sample, totals
from xueshi.checkup import checkup
from xueshi.editions.fragments import fragments
from xueshi.git import RefUpdate, Repository
from xueshi.model import SHANGHAI, Change, ClosedMember, Closing, Problem, Standing, Void
from xueshi.records import render
from xueshi.reports import data
from xueshi.reports.branch import branch
from xueshi.reports.committee import Committee, Figures, committee
from xueshi.reports.contents import reports
from xueshi.reports.home import Home, home
from xueshi.reports.member import member
from xueshi.reports.overview import overview
from xueshi.reports.source import Source, attainment, mean
from xueshi.reports.usage import Usage
from xueshi.totals.effect import effect
from xueshi.totals.sums import by_branch, by_month, by_unit, parts
from xueshi.words import ENDED, STANDING

ON = date(2026, 11, 24)
SEEDS = range(6)
ZERO = Decimal(0)


def source_of(repo: Repository, on: date) -> Source:
    """As the site reads it, without pictures."""
    approved, history = records.load_approved(repo, "main")
    people, approvals = approved.people(), history.approvals()
    figures = totals.total(approved, approved.policy, approvals, on)
    paths = [path for path in history.versions if records.kind_of(path) == "study"]
    return Source(
        records=approved,
        history=history,
        approvals=approvals,
        totals=figures,
        proposals=records.load_proposals(repo, "main"),
        studies=records.versions(repo, history, paths),
        people=people,
        names={ident: person.name for ident, person in people.items()},
        address=lambda kind, ident: f"{kind}/{ident}/",
        pictures=frozenset(),
        problems=checks.check(approved, on),
        findings=checkup(approved, approved.policy, figures, on),
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Generated repositories on each of their days, and the sample."""
    folder = tmp_path_factory.mktemp("reports")
    found = []
    for seed in SEEDS:
        days = generate.write(folder / f"{seed}.git", seed)
        found += [source_of(Repository(folder / f"{seed}.git"), day) for day in days]
    made = sample.write(folder / "sample.git", members=42, records=110, seed=42, until=ON)
    return [*found, source_of(made.repo, ON)]


def committees(source: Source) -> Iterator[Committee]:
    for report in reports(source):
        if isinstance(report.value, Committee):
            yield report.value


def test_every_level_is_the_sum_of_the_next(sources: list[Source]) -> None:
    between = 0
    for source in sources:
        for report in committees(source):
            known = {row.unit.id: row.figures for row in report.rows} | {report.unit.id: report.figures}
            for ident, figures in known.items():
                unit = source.records.organisation.unit(ident)
                assert unit is not None
                if unit.kind != "branch":
                    below = [known[row.unit.id] for row in report.rows if row.unit.parent == ident]
                    assert figures == sum(below, Figures())
                    between += ident != report.unit.id
    assert between  # a level between is among what was generated


def test_a_units_figures_are_the_totals(sources: list[Source]) -> None:
    for source in sources:
        hours = by_unit(source.totals.credits(), source.records.organisation, source.on.year)
        for report in committees(source):
            for unit, figures in [(report.unit, report.figures), *((r.unit, r.figures) for r in report.rows)]:
                below = source.below(unit.id)
                members = [m for m in source.totals.members.values() if m.branch in below]
                assert figures.members == len(members)
                assert figures.attainment == attainment(members)
                assert figures.mean == mean(members, "year")
                assert figures.waiting == sum(len(source.waiting(branch=b)) for b in below)
            assert (
                report.total == hours[report.unit.id] == sum(report.months) == sum(h for _, h in report.kinds)
            )
            assert report.ends[-1].met == report.figures.attainment.met
            assert report.ends[-1].percent == report.figures.attainment.percent
            assert report.ends[-1].hours == report.total


def test_what_a_source_has_of_one_is_what_is_theirs_of_all(sources: list[Source]) -> None:
    waiting = changed = 0
    for source in sources:
        credits, everything = source.totals.credits(), source.waiting()
        for unit in source.units():
            inside = f"records/{unit.id}/"
            assert list(source.credits_of(unit.id)) == [c for c in credits if c.study.branch == unit.id]
            assert list(source.findings_of(unit.id)) == [f for f in source.findings if f.unit == unit.id]
            assert list(source.problems_of(unit.id)) == [
                p for p in source.problems if p.path.startswith(inside)
            ]
            assert source.waiting(branch=unit.id) == [w for w in everything if w[1].branch == unit.id]
            everybody = source.totals.members.values()
            assert list(source.totals.of_branch(unit.id)) == [m for m in everybody if m.branch == unit.id]
        for ident in source.people:
            own = source.waiting(member=ident)
            assert own == [w for w in everything if w[1].member == ident]
            for unit in source.units():
                both = [w for w in own if w[1].branch == unit.id]
                assert source.waiting(member=ident, branch=unit.id) == both
            studies = [study for _, study in own if study.start_date.year == source.on.year]
            rules = source.records.policy
            found = effect(source.records, rules, source.approvals, studies, source.on)
            after = source.after(ident)
            assert after == (found[0].after if found else None)
            waiting, changed = waiting + len(own), changed + (after is not None)
        assert replace(source, proposals=()).waiting() == []
        assert (
            source.credits_of("nobody") == source.findings_of("nobody") == source.problems_of("nobody") == ()
        )
    assert waiting and changed


def test_ends_of_months_are_the_totals_of_that_day(sources: list[Source]) -> None:
    for source in sources:
        ends = overview(source).months
        last = [date(source.on.year, n + 1, 1) - timedelta(1) for n in range(1, source.on.month)]
        assert [day.on for day in ends] == [*last, source.on]
        for end in ends:
            figures = totals.total(source.records, source.records.policy, source.approvals, end.on)
            hours = by_branch(figures.credits(), end.on.year)
            for unit in source.records.organisation.branches():
                told, then = end.reached((unit.id,)), attainment(figures.of_branch(unit.id))
                assert (told.met, told.people) == (then.met, then.people)
                assert told.hours == hours.get(unit.id, ZERO)
            for ident, person in figures.members.items():
                year, moment = person.standing("year"), end.members[ident]
                assert moment.branch == person.branch
                assert (moment.standing, moment.counted) == (
                    (year.standing, year.counted) if year else (None, ZERO)
                )


def test_the_days_of_the_calendar_are_those_of_the_records(sources: list[Source]) -> None:
    both = 0
    for source in sources:
        known = overview(source)
        for ident, person in source.people.items():
            credits = source.totals.members[ident].credits
            report = member(source, known, person)
            squares = [s for month in report.calendar for week in month.weeks for s in week if s]
            days = [s.day for s in squares]
            assert days == [date(source.on.year, 1, 1) + timedelta(n) for n in range(len(days))]
            counted: dict[date, Decimal] = {}
            for _, day, hours in parts(credits, source.on.year):
                counted[day] = counted.get(day, ZERO) + hours
            inside = {day: hours for day, hours in counted.items() if day.month <= source.on.month}
            assert {s.day: s.hours for s in squares if s.hours} == inside
            paths = {credit.study.path for credit in credits}
            fresh = [s for _, s in source.waiting(member=ident) if s.path not in paths]
            both += len(fresh)
            assert all(s.record for s in squares if s.hours or s.waits)
            assert {s.day for s in squares if s.waits} <= {day for study in fresh for day in study.days}
    assert both


def test_a_ledgers_years_hold_every_record_once(sources: list[Source]) -> None:
    for source in sources:
        known = overview(source)
        for ident, person in source.people.items():
            report = member(source, known, person)
            held = [entry.study.path for year in report.ledger for entry in year.entries]
            waits = {study.path for _, study in source.waiting(member=ident)}
            assert sorted(held) == sorted(
                {c.study.path for c in source.totals.members[ident].credits} | waits
            )
            assert [y.year for y in report.ledger] == sorted({y.year for y in report.ledger}, reverse=True)


def test_what_changed_is_what_main_decided(sources: list[Source]) -> None:
    for source in sources:
        first = datetime(source.on.year, source.on.month, 1, tzinfo=SHANGHAI)
        decided = [
            version
            for path, versions in source.history.versions.items()
            for version in versions
            if records.kind_of(path) == "study" and version.approved and version.at >= first
        ]
        readable = [v for v in decided if (v.path, v.blob) in source.studies]
        changes = overview(source).changed.values()
        assert sum(c.approved + c.corrected + c.voided for c in changes) == len(readable)
        met = [ident for c in changes for ident in c.met]
        standings = (source.totals.members[ident].standing("year") for ident in met)
        assert all(s and s.standing is Standing.MET for s in standings)


# --- a small history, told by hand


def short(source: Source) -> Committee:
    unit = source.records.organisation.unit("sample-art")
    assert unit is not None
    return committee(source, overview(source), unit)


def test_what_changed_since_the_last_report(school: School) -> None:
    kept = school.study(hours="30")
    school.merge(school.propose(kept))  # in March
    wrong = school.study(title="登错的一次", start_date=date(2026, 3, 1))
    school.merge(school.propose(wrong))
    school.at = datetime(2026, 4, 2, 9, tzinfo=SHANGHAI)
    fresh = school.study(title="四月学习", start_date=date(2026, 4, 1))
    school.merge(school.propose(fresh))
    at = school.tick()
    better = replace(kept, hours=Decimal(31), change=Change("correct", "m0012", at, "漏计"))
    school.merge(school.propose(better, "correct"))
    voided = replace(wrong, void=Void("m0012", school.tick(), "登错"))
    school.merge(school.propose(voided, "void"))
    found = short(source_of(school.repo, date(2026, 4, 3)))
    changed = found.figures.changed
    assert (changed.approved, changed.corrected, changed.voided) == (1, 1, 1)
    # Of eight hours a day all 30 and 31 are one day's; who has not met is not told of.
    assert changed.met == () and changed.fell == () and found.since == date(2026, 3, 31)


def test_who_newly_met_and_who_no_longer_does(school: School) -> None:
    studies = [
        school.study(hours="8", start_date=date(2026, 1, day), title=f"集中学习{day}") for day in range(5, 9)
    ]
    for study in studies[:3]:
        school.merge(school.propose(study))
    school.at = datetime(2026, 4, 2, 9, tzinfo=SHANGHAI)
    school.merge(school.propose(studies[3]))  # a study of January, approved in April
    april = short(source_of(school.repo, date(2026, 4, 3)))
    assert april.figures.changed.met == ("m0012",)
    assert [end.on for end in april.ends[:2]] == [date(2025, 12, 31), date(2026, 1, 31)]
    assert april.ends[1].met == 1  # by the day of study it was so in January
    school.at = datetime(2026, 5, 4, 9, tzinfo=SHANGHAI)
    gone = replace(studies[0], void=Void("m0012", school.tick(), "登错"))
    school.merge(school.propose(gone, "void"))
    may = short(source_of(school.repo, date(2026, 5, 5)))
    assert may.figures.changed.met == () and may.figures.changed.fell == ("m0012",)


def test_waits_are_from_the_first_sending_to_approval(school: School) -> None:
    for days in (1, 2, 9):
        study = school.study(title=f"学习{days}", start_date=date(2026, 2, days))
        head = school.propose(study)
        school.at += timedelta(days=days) - timedelta(hours=1)
        school.merge(head)
    waits = overview(source_of(school.repo, date(2026, 4, 1))).usage["jg1"]
    assert (waits.median, waits.longest) == (Decimal("2.0"), Decimal("9.0"))
    assert waits.sent == (0, 0, 3, *[0] * 9)
    two = Usage(waits=(timedelta(days=1), timedelta(days=2)))
    assert (two + Usage()).median == Decimal("1.5") and Usage().median is None


def test_what_waits_is_oldest_first_and_late_after_the_policys_days(school: School) -> None:
    ids = []
    for number, days in enumerate((0, 6)):
        school.at += timedelta(days=days)
        study = school.study(title=f"等待{number}")
        ids.append(study.id)
        ref = f"refs/heads/sub/01KJYKG9Z08M4T0V2N9X5B7CD{number}"
        school.repo.update_refs([RefUpdate(ref, school.propose(study), None)])
    source = source_of(school.repo, date(2026, 3, 9))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    found = branch(source, overview(source), unit)
    assert [(w.study.id, w.days, w.late) for w in found.waiting] == [(ids[0], 8, True), (ids[1], 2, False)]
    assert found.oldest == 8 and short(source).figures.oldest == 8
    assert member(source, overview(source), source.people["m0012"]).waiting == 2


def test_a_closed_year_stands_as_it_was_closed(school: School) -> None:
    study = school.study(start_date=date(2025, 12, 1), hours="2")
    school.merge(school.propose(study))
    source = source_of(school.repo, date(2026, 3, 9))
    closed = ClosedMember("40", {"member-year": ("32", "40", "met")})
    closing = Closing(2025, "0" * 40, "0" * 40, "m0005", school.at, {}, {"m0012": closed})
    before = short(source).ends[0]
    source = replace(source, records=replace(source.records, closings={2025: closing}))
    after = short(source).ends[0]
    assert (before.on, before.met, after.on, after.met) == (date(2025, 12, 31), 0, date(2025, 12, 31), 1)
    assert after.people == before.people
    ends = {end.on: end for end in member(source, overview(source), source.people["m0012"]).ends}
    told = ends[date(2025, 12, 31)]
    assert told.closed and told.now == 2
    assert (told.moment.counted, told.moment.target, told.moment.standing) == (40, 32, Standing.MET)
    assert not ends[date(2024, 12, 31)].closed and not ends[date(2026, 2, 28)].closed


def test_of_an_ended_year_nobody_is_told_to_be_behind(school: School) -> None:
    source = source_of(school.repo, date(2026, 3, 9))
    ends = member(source, overview(source), source.people["m0012"]).ends
    assert [(end.on.year, end.over) for end in ends] == [(2024, True), (2025, True), *[(2026, False)] * 3]
    assert {end.moment.standing for end in ends} == {Standing.BEHIND}
    templates = fragments(project.root() / "site" / "templates", {})
    told = [str(templates.get_template("macros.html").module.standing(Standing.BEHIND, e.over)) for e in ends]
    assert ["未达标" in one for one in told] == [True, True, False, False, False]
    assert ["进度滞后" in one for one in told] == [False, False, True, True, True]
    assert set(ENDED) == set(STANDING) == set(Standing)


def test_days_are_never_added_to_hours(school: School) -> None:
    """Whichever of its measures decides a requirement, a mean of hours takes the hours."""
    school.merge(school.propose(school.study(hours="8")))
    source = source_of(school.repo, ON)

    def told(period: str, **figures: Any) -> tuple[Home, Committee]:
        own = source.totals.members["m0012"]
        standings = tuple(replace(s, **figures) if s is own.standing(period) else s for s in own.standings)
        everybody = {**source.totals.members, "m0012": replace(own, standings=standings)}
        other = replace(source, totals=replace(source.totals, members=everybody))
        return home(other), short(other)

    plan = source.totals.members["m0012"].standing("plan")
    assert plan is not None
    days = next(figure for figure in plan.figures if figure.measure == "days")
    before = home(source)
    assert (before.plan_mean, before.plan_target) == (Decimal("1.6"), Decimal("179.2"))
    assert told("plan", figure=days)[0] == before
    without = told("plan", figure=days, figures=(days,))[0]
    assert (without.plan_mean, without.plan_target, without.plan_others) == (0, Decimal(184), 1)
    hours = source.totals.members["m0012"].standing("year")
    assert hours is not None
    assert told("year", figure=days, figures=(hours.figure, days))[1] == short(source)
    assert short(source).figures.mean == Decimal("1.6")
    assert told("year", figure=days, figures=(days,))[1].figures.mean == 0


def test_what_would_be_needed_is_enough(school: School) -> None:
    source = source_of(school.repo, date(2026, 7, 1))
    found = member(source, overview(source), source.people["m0012"])
    assert (found.weeks, found.weekly, found.monthly) == (26, Decimal("1.3"), Decimal("5.4"))
    assert found.weekly * 26 >= 32 and found.monthly * 6 >= 32


def test_a_branch_is_told_of_empty_odd_double_and_late_entries(school: School) -> None:
    for _ in range(2):
        school.merge(school.propose(school.study(title="消防安全知识学习")))
    school.at += timedelta(days=9)
    school.merge(school.propose(school.study(title="很久以前", start_date=date(2026, 1, 2))))
    school.merge(school.propose(school.study(hours="9", title="很长的一次")))
    source = source_of(school.repo, date(2026, 3, 20))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    told = [finding.words for finding in branch(source, overview(source), unit).findings]
    for words in ("没有照片", "请确认不是重复", "算补登", "超出上限"):
        assert any(words in one for one in told), words


def test_days_that_come_twice_are_told_once_with_how_many(school: School) -> None:
    for day, title in ((2, "一次"), (3, "上午"), (3, "下午")):
        school.merge(school.propose(school.study(title=title, start_date=date(2026, 3, day))))
    source = source_of(school.repo, date(2026, 3, 20))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    told = [finding.words for finding in branch(source, overview(source), unit).findings]
    assert "3 条记录没有照片（3月2日、3月3日 2 条）" in told


def test_a_committee_is_told_where_files_are_wrong(school: School) -> None:
    source = source_of(school.repo, date(2026, 3, 20))
    assert short(source).faulty == ()
    path = "records/yjs/2026/broken.yaml"
    wrong = (Problem(path, 1, "yaml", "坏了"), Problem(path, 2, "schema", "也坏了"))
    (unit, files), *others = short(replace(source, problems=wrong)).faulty
    assert (unit.id, files, others) == ("yjs", 1, [])


def test_home_names_the_requirements_that_people_are_judged_by(school: School) -> None:
    source = source_of(school.repo, date(2026, 3, 20))
    found = home(source)
    asked = [s.requirement.id for m in source.totals.members.values() for s in m.standings]
    assert "secretary-off-job" in asked, "a second requirement over the year, of some"
    assert [rule.id for rule in found.year_rules] == ["member-year"]
    first = {s.requirement.id for m in source.totals.members.values() if (s := m.standing("plan"))}
    assert {rule.id for rule in found.plan_rules} == first and first


def test_what_the_check_says_of_a_record_is_said_once(school: School) -> None:
    school.merge(school.propose(school.study(kind="no_such_kind", title="说不清的学习")))
    school.merge(school.propose(school.study(start_date=date(2026, 4, 1), title="还没到的学习")))
    source = source_of(school.repo, date(2026, 3, 20))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    found = [f for f in branch(source, overview(source), unit).findings if f.state == "未计入"]
    for title, words in (("说不清", "没有学习类型"), ("还没到", "不能晚于今天")):
        (one,) = (finding for finding in found if title in finding.what)
        assert words in one.words


def test_a_broken_file_is_told_with_whose_record_it_is(school: School) -> None:
    good, bad = school.study(title="原来的标题"), school.study(member="m0003")
    school.merge(school.propose(good))
    school.push({good.path: b"schema: study/1\ntitle: [broken\n"})
    message = proposals.commit_message("register", bad.id, bad.id, "m0003")
    school.merge(school.commit((school.tip,), {bad.path: b"nothing: [\n"}, message, BRIDGE))
    school.push({"records/jg1/2026/01KYPNZZB84Z5JQTFVME8MXN11.yaml": b"nothing: [\n"})
    source = source_of(school.repo, date(2026, 3, 20))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    told = {f.what for f in branch(source, overview(source), unit).findings if ".yaml" in f.what}
    assert any(what.startswith(f"林样青 3月1日《原来的标题》（{good.path}，第 ") for what in told), told
    assert any(what.startswith(f"韦测宁提交的记录（{bad.path}") for what in told), told
    assert any(what.startswith("records/jg1/2026/01KYPNZZB84Z5JQTFVME8MXN11.yaml") for what in told), told


def test_a_title_does_not_turn_around_the_sentence_it_stands_in(school: School) -> None:
    for _ in range(2):
        school.merge(school.propose(school.study(title="消防\u202e安全\u2066知识")))
    source = source_of(school.repo, date(2026, 3, 20))
    unit = source.records.organisation.unit("jg1")
    assert unit is not None
    told = [finding.words for finding in branch(source, overview(source), unit).findings]
    assert any("消防 安全 知识" in words for words in told)
    assert not any(set("\u202e\u2066") & set(words) for words in told)


def test_the_check_up_begins_with_what_is_not_in_order(sources: list[Source]) -> None:
    order = ("overdue", "short", "due", "unknown")
    found = [asked for asked in short(sources[-1]).norms if asked.open]
    worst = [order.index(asked.open[0].verdict) for asked in found]
    assert worst and worst == sorted(worst)


def test_the_check_up_says_of_every_unit_what_it_found_and_nothing_twice(sources: list[Source]) -> None:
    source = sources[-1]
    names = {unit.id: unit.name for unit in source.units()}
    told: list[tuple[str, str, str, str, tuple[str, ...]]] = []
    for asked in short(source).norms:
        assert len({(alike.verdict, alike.value) for alike in asked.open}) == len(asked.open)
        told += [(asked.label, name, "ok", "", ()) for name in asked.kept]
        for alike in asked.open:
            missing = {name: details for units, details in alike.details for name in units}
            assert set(missing) <= set(alike.units)
            told += [
                (asked.label, name, alike.verdict, alike.value, missing.get(name, ())) for name in alike.units
            ]
    assert sorted(told) == sorted(
        (f.label, names[f.unit], f.verdict, *(("", ()) if f.verdict == "ok" else (f.value, f.details)))
        for f in source.findings
    )
    alike = max((alike for asked in short(source).norms for alike in asked.open), key=lambda a: len(a.units))
    assert len(alike.units) >= 5 and len(alike.details) == 1, "one sentence for all of them"


def test_branches_are_compared_unless_the_organisation_says_not(school: School) -> None:
    source = source_of(school.repo, ON)
    assert len(home(source).rows) == 2
    plain = committee_files()["records/organisation.yaml"]
    assert plain is not None
    school.push({"records/organisation.yaml": plain + b"comparison: false\n"})
    # Nobody approved the push: roles and settings are those of the newest approved file.
    assert home(source_of(school.repo, ON)).comparison
    organisation = replace(source.records.organisation, comparison=False)
    quiet = replace(source, records=replace(source.records, organisation=organisation))
    assert home(quiet).rows == () and not home(quiet).comparison
    assert [unit["id"] for unit in data.organisation_data(quiet)["units"]] == ["sample-art"]
    assert short(quiet).rows == short(source).rows
    assert home(quiet).attainment == home(source).attainment


def test_the_setting_is_read_from_the_file(school: School) -> None:
    text = render("organisation", {"schema": "organisation/1", "name": "示例", "comparison": False, "units": [
        {"id": "sample-art", "kind": "committee", "name": "党委"}], "reviewers": []})  # fmt: skip
    school.push({"records/organisation.yaml": text})
    assert records.load(school.repo, "main").organisation.comparison is False


def test_a_home_with_months_adds_up(sources: list[Source]) -> None:
    for source in sources:
        found = home(source)
        assert found.total == sum(found.months) == sum(hours for _, hours in found.kinds)
        assert found.months == by_month(source.totals.credits(), source.on.year)
        assert found.waiting == len(source.waiting())
