"""A small organisation in a real bare repository, and the acts that make its history."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings

from xueshi import project, proposals, records, totals, ulids
from xueshi.builder import Builder
from xueshi.git import Identity, NewCommit, RefUpdate, Repository, init_bare
from xueshi.model import SHANGHAI, Study, Totals
from xueshi.proposals import Sent
from xueshi.records import render, study_file

BRIDGE = Identity("Xueshi bridge", "bridge@example.invalid")
DESK = Identity("Xueshi desk", "desk@example.invalid")
START = datetime(2026, 3, 1, 9, 0, tzinfo=SHANGHAI)

_LOGGERS = ("", "httpx2", "httpcore2", "git", "PIL", "uvicorn.access")


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """What a command set up for its own logs ends with the test that ran it."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    held = [(log, log.level, log.disabled, list(log.handlers)) for log in loggers]
    yield
    for log, level, disabled, handlers in held:
        log.setLevel(level)
        log.disabled, log.handlers = disabled, handlers


# Where several workers take a file each, these begin: whoever came to one of them last would be waited for.
LONG = (
    "test_query.py",
    "test_paper.py",
    "test_theme.py",
    "test_job.py",
    "test_handbook.py",
    "test_kill.py",
    "test_workflows.py",
    "test_site.py",
    "test_loader.py",
    "test_batches.py",
    "test_second_program.py",
    "test_storm.py",
)
FOUND = "found"  # what a test tells beside passing, by `record_property`


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first; each keeps its order."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests found, whichever worker they ran in."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == FOUND and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid.partition('::')[0]}: {value}")


settings.register_profile(
    "any speed", deadline=None
)  # speed is measured by scripts/bench, never by a unit test
settings.load_profile("any speed")


def person(member: str, name: str, **more: object) -> dict[str, object]:
    return {"id": member, "name": name, "periods": [{"from": "2024-01-01", "status": "full"}], **more}


def committee_files() -> dict[str, bytes | None]:
    organisation = {
        "schema": "organisation/1",
        "name": "示例大学艺术学院党委",
        "units": [
            {"id": "sample-art", "kind": "committee", "name": "示例大学艺术学院党委"},
            {"id": "jg1", "kind": "branch", "parent": "sample-art", "name": "教工第一党支部"},
            {"id": "yjs", "kind": "branch", "parent": "sample-art", "name": "研究生党支部"},
        ],
        "reviewers": [
            {"member": "m0003", "unit": "jg1", "from": "2024-06-01", "emails": ["weicn@example.invalid"]},
            {"member": "m0004", "unit": "yjs", "from": "2024-06-01"},
            {"member": "m0005", "unit": "sample-art", "from": "2024-06-01"},
        ],
        "desks": [{"email": DESK.email, "from": "2026-01-01"}],
    }
    secretary = [{"role": "branch_secretary", "from": "2025-01-01"}]
    jg1 = [person("m0012", "林样青"), person("m0003", "韦测宁", roles=secretary), person("m0005", "罗例言")]
    yjs = [person("m0004", "覃演禾"), person("m0006", "王演")]
    return {
        "records/policy.yaml": project.policy_file(),
        "records/organisation.yaml": render("organisation", organisation),
        "records/jg1/roster.yaml": render("roster", {"schema": "roster/1", "members": jg1}),
        "records/yjs/roster.yaml": render("roster", {"schema": "roster/1", "members": yjs}),
    }


@dataclass
class School:
    """The repository and a clock that moves an hour with every act."""

    repo: Repository
    at: datetime = START
    pulls: int = 0
    tip: str = field(default="")

    def tick(self) -> datetime:
        self.at += timedelta(hours=1)
        return self.at

    def commit(
        self, parents: tuple[str, ...], files: Mapping[str, bytes | None], message: str, who: Identity
    ) -> str:
        return self.repo.commits([NewCommit(parents, files, message, who, self.tick())])[0]

    def to_main(self, sha: str) -> str:
        self.repo.update_refs([RefUpdate("refs/heads/main", sha, self.tip or None)])
        self.tip = sha
        return sha

    def push(self, files: Mapping[str, bytes | None], who: Identity = BRIDGE) -> str:
        return self.to_main(self.commit((self.tip,), files, "Push directly\n", who))

    def study(self, member: str = "m0012", branch: str = "jg1", hours: str = "2", **more: object) -> Study:
        at = self.tick()
        values: dict[str, object] = {
            "kind": "theme_day",
            "title": "党章专题学习",
            "start_date": date(2026, 3, 1),
        }
        values.update(more)
        sent = Sent(
            id=ulids.new(at), branch=branch, member=member, via="link", notice="2026-01", at=at,
            hours=Decimal(hours), **values,  # type: ignore[arg-type]
        )  # fmt: skip
        return proposals.register(sent)

    def propose(self, study: Study, action: str = "register") -> str:
        message = proposals.commit_message(action, study.id, study.id, study.submitted.by)
        return self.commit((self.tip,), {study.path: study_file(study)}, message, BRIDGE)

    def merge(
        self,
        head: str,
        by: str = "m0003",
        who: Identity = DESK,
        edit: Mapping[str, bytes | None] | None = None,
    ) -> str:
        self.pulls += 1
        base = self.repo.merge_base(self.tip, head) or head
        changed = self.repo.changed(base, head)
        contents = self.repo.blobs(blob for blob in changed.values() if blob)
        files = {path: contents[blob] if blob else None for path, blob in changed.items()}
        message = proposals.merge_message("01KJYKG9Z08M4T0V2N9X5B7CDE", self.pulls, by)
        return self.to_main(self.commit((self.tip, head), {**files, **(edit or {})}, message, who))


def figures(repo: Repository, on: date, rev: str = "main") -> Totals:
    """Totals of a revision with the policy and the approvals that it has."""
    approved, history = records.load_approved(repo, rev)
    return totals.total(approved, approved.policy, history.approvals(), on)


@pytest.fixture(scope="session")
def builder() -> Iterator[Builder]:
    """Builds the sites of many tests in one process, as a bridge does. A test of what a single build makes has its own."""
    with closing(Builder()) as made:
        yield made


@pytest.fixture
def school(tmp_path: Path) -> School:
    made = School(init_bare(tmp_path / "school.git"))
    made.to_main(made.commit((), committee_files(), "Begin\n", BRIDGE))
    return made
