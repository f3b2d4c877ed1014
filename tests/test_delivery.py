"""From the outbox to exactly one pull request, whatever dies when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import BRIDGE, DESK, START, School, committee_files
from test_pictures import photo

from xueshi import pictures, records, ulids
from xueshi.delivery import Delivery, Wording, open_clone
from xueshi.git import Repository
from xueshi.hosts.base import Pull
from xueshi.hosts.local import LocalHost
from xueshi.outbox import Outbox
from xueshi.proposals import Sent, register

NOW = START + timedelta(days=1)
WORDING = Wording(person={"m0012": "林样青"}.__getitem__, unit={"jg1": "教工第一党支部"}.__getitem__)


class Killed(BaseException):
    """Stands for the process dying at a step."""


class DyingClone(Repository):
    def push(self, url: str, *refspecs: str, leases: Mapping[str, str]) -> None:
        super().push(url, *refspecs, leases=leases)
        raise Killed


class DyingHost(LocalHost):
    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        super().open(head_ref, title, body, at)
        raise Killed


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    made = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(made.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    return made


def stored(outbox: Outbox) -> Sent:
    evidence = outbox.keep_picture(pictures.clean(photo()), START)
    sent = Sent(
        id=ulids.new(START), branch="jg1", member="m0012", via="link", notice="2026-01", at=START,
        kind="theme_day", title="党章专题学习", start_date=date(2026, 3, 1), hours=Decimal(2), evidence=(evidence,),
    )  # fmt: skip
    outbox.store(sent, sent.id, register(sent).path)
    return sent


@pytest.mark.parametrize("dies", ["never", "after the push", "after the pull was opened"])
def test_exactly_one_pull_request_whenever_it_dies(tmp_path: Path, host: LocalHost, dies: str) -> None:
    outbox = Outbox(tmp_path / "outbox")
    sent = stored(outbox)
    clone = open_clone(host, tmp_path / "clone.git")
    if dies == "after the push":
        with pytest.raises(Killed):
            Delivery(outbox, DyingClone(clone.path), host, BRIDGE).deliver(NOW)
    if dies == "after the pull was opened":
        with pytest.raises(Killed):
            Delivery(outbox, clone, DyingHost(host.repo, DESK), BRIDGE, WORDING).deliver(NOW)
    again = Delivery(Outbox(tmp_path / "outbox"), clone, host, BRIDGE, WORDING)
    assert again.deliver(NOW) == 1 and again.deliver(NOW) == 0
    assert [pull.head_ref for pull in host.open_pulls()] == [f"sub/{sent.id}"]
    row = outbox.get(sent.id)
    held = outbox.batches.get(sent.id)
    assert row is not None and row.state == "pending" and held is not None
    assert (held.pull, held.commit, held.rows) == (1, host.open_pulls()[0].head, (row,))
    assert host.open_pulls()[0].title == "【待审核】教工第一党支部 林样青 2026-03-01 党章专题学习 2 学时"
    assert records.evidence_hashes(host.repo) == {sent.evidence[0].sha256}


def test_a_decision_reaches_the_member(tmp_path: Path, host: LocalHost) -> None:
    outbox = Outbox(tmp_path / "outbox")
    sent = stored(outbox)
    delivery = Delivery(outbox, open_clone(host, tmp_path / "clone.git"), host, BRIDGE)
    delivery.deliver(NOW)
    assert delivery.reconcile(NOW) == 0
    host.close(1, "m0003", "请换一张照片", NOW)
    assert delivery.reconcile(NOW) == 1
    row = outbox.get(sent.id)
    assert row is not None and (row.state, row.reason, row.decided_by) == (
        "returned",
        "请换一张照片",
        "m0003",
    )


def test_a_merged_registration_counts_under_its_own_submission(tmp_path: Path, host: LocalHost) -> None:
    outbox = Outbox(tmp_path / "outbox")
    sent = stored(outbox)
    delivery = Delivery(outbox, open_clone(host, tmp_path / "clone.git"), host, BRIDGE)
    delivery.deliver(NOW)
    pull = host.open_pulls()[0]
    host.merge(1, pull.head, "m0003", NOW)
    assert delivery.reconcile(NOW) == 1
    version = records.read_history(host.repo, "main").last(register(sent).path)
    assert version is not None and version.approved and version.submissions[0].id == sent.id
