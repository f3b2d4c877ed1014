"""What many reports and files show is counted once for all of them: computations are counted here, not time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date
from typing import Any

import pytest
from conftest import School

from xueshi import exports, sources, totals
from xueshi.editions import Open
from xueshi.exports import Scope
from xueshi.offers import Offers
from xueshi.reports.contents import reports
from xueshi.reports.source import Source

IN_FEBRUARY = date(2027, 2, 15)  # last year's files are offered too
Asked = tuple[str, date, str | None]  # member, day, period


def source_of(school: School) -> Source:
    for number in range(3):
        school.merge(school.propose(school.study(hours=str(number + 1))))
    commit = school.repo.resolve("main")
    assert commit is not None
    places = {"address": lambda kind, ident: f"{kind}/{ident}/"}
    return sources.read(school.repo, commit, IN_FEBRUARY, histories=True, judged=True, **places)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[Asked]:
    """How often somebody's figures were counted, by whose and as of when."""
    found: Counter[Asked] = Counter()
    really = totals._member

    def member(person: Any, studies: Any, *others: Any) -> Any:
        *_, on, period = others if len(others) == 5 else (*others, None)
        found[person.id, on, period] += 1
        return really(person, studies, *others)

    monkeypatch.setattr(totals, "_member", member)
    return found


def test_all_reports_and_files_count_a_day_once(school: School, counted: Counter[Asked]) -> None:
    source = source_of(school)
    open_edition = Open(source.address, lambda folder, title, fragment: fragment, {})
    offers, files = Offers(source, ""), []
    for report in reports(source):
        links = open_edition.links(report)
        offers.of(report, links)
        files += [file for file in open_edition.publish(report, "", links) if file.path.endswith(".xlsx")]
    people = source.people.keys()
    assert len(files) > 2 * len(people) > 4, "last year's and this year's of each"

    last_month, last_year = date(2027, 1, 31), date(2026, 12, 31)
    earlier = [(date(year, 12, 31), "year", 1) for year in (2024, 2025)]  # of the plan
    assert counted == {
        (ident, day, period): times
        for ident in people
        for day, period, times in [
            (IN_FEBRUARY, None, 1),  # today
            (last_month, "year", 2),  # by the records of today, and by those of then
            (last_year, "year", 1),
            (last_year, None, 1),  # with every requirement, for the files
            *earlier,
        ]
    }


def test_an_earlier_days_file_is_the_same_beside_others_and_alone(school: School) -> None:
    def made(source: Source, scope: Scope) -> bytes:
        return exports.workbook(exports.export(source, scope, exports.year(2026)))

    source = source_of(school)
    scopes = [
        Scope("committee"),
        Scope("branch", "jg1"),
        *(Scope("member", ident) for ident in source.people),
    ]
    together = [made(source, scope) for scope in scopes]
    commit = source.history.tip
    for scope, data in zip(reversed(scopes), reversed(together), strict=True):
        alone = sources.read(school.repo, commit, IN_FEBRUARY, histories=True, judged=True)
        assert made(alone, scope) == data
    assert len(set(together)) == len(scopes)


def test_the_process_that_builds_looks_for_rubbish_as_seldom_as_the_command() -> None:
    """What was read stays for the next site; to walk all of it again and again was a fifth of a build."""
    said = "import gc, sys; from xueshi import builder; builder.main(); print(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", said], input="", capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["100000"]
