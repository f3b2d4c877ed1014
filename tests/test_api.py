"""The static API: its own schema holds, and its figures are those of the command."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import figures
from jsonschema import Draft202012Validator

from xueshi import project, publish, records, sample
from xueshi.builder import Builder
from xueshi.cli import main
from xueshi.git import Repository
from xueshi.reports.address import address
from xueshi.totals.sums import by_unit, whole
from xueshi.words import plain

ON, SECRET = date(2026, 11, 24), b"s" * 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, builder: Builder) -> tuple[Repository, Path]:
    folder = tmp_path_factory.mktemp("api")
    made = sample.write(folder / "host.git", members=20, records=80, seed=7, until=ON)
    publish.build(
        made.repo,
        publish.inputs(made.repo, "main", on=ON, secret=SECRET, edition="open"),
        folder / "site",
        builder,
    )
    return made.repo, folder / "site"


def read(site: Path, path: str) -> Any:
    return json.loads((site / path).read_text(encoding="utf-8"))


def test_every_file_keeps_its_schema(site: tuple[Repository, Path]) -> None:
    folder = site[1]
    published = read(folder, "api/v1/schema.json")
    assert published == project.schema("api")
    check = Draft202012Validator(published)
    files = [*(folder / "api" / "v1").glob("[!s]*.json"), *folder.glob("*/*/v1.json")]
    assert len(files) == 3 + 1 + 8 + 20
    for path in files:
        assert not list(check.iter_errors(json.loads(path.read_text(encoding="utf-8")))), path
    assert not check.is_valid({"version": 1, "kind": "member"})


def test_members_figures_are_those_of_the_command(site: tuple[Repository, Path]) -> None:
    repo, folder = site
    for member, totals in figures(repo, ON).members.items():
        told = read(folder, f"{address(SECRET, 'member', member)}v1.json")
        run = CliRunner().invoke(
            main,
            [
                "totals",
                "--repo",
                str(repo.path),
                "--member",
                member,
                "--at",
                "2026-11-24",
                "--format",
                "json",
            ],
        )
        printed = json.loads(run.output)["members"][member]
        assert told["ledger"] == printed["ledger"] and told["requirements"] == printed["requirements"]
        assert told["hours"]["by_year"].get("2026", "0") == plain(whole(totals.credits, 2026))


def test_open_files_name_nobody_and_add_up(site: tuple[Repository, Path]) -> None:
    repo, folder = site
    found = figures(repo, ON)
    told = read(folder, "api/v1/organisation.json")
    assert told["hours"]["by_year"]["2026"] == plain(whole(found.credits(), 2026))
    units = by_unit(found.credits(), records.load_approved(repo, "main")[0].organisation, 2026)
    shown = {u["id"]: u["hours"] for u in told["units"] if u["people"] >= 5}
    assert shown == {u: plain(h) for u, h in units.items() if u in shown} and len(shown) >= 3
    few = [u for u in told["units"] if u["people"] < 5]
    assert few and all(u["attainment"] is None and u["hours"] is None for u in few)
    text = "".join(path.read_text(encoding="utf-8") for path in (folder / "api").rglob("*.json"))
    for member, totals in found.members.items():
        assert totals.person.name not in text and f'"{member}"' not in text
    assert not any(credit.study.id in text for credit in found.credits())
