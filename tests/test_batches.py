"""Many submissions at once: what goes together, what a host that limits or fails does to them, and who leaves a batch."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from conftest import BRIDGE, DESK, START, School, committee_files

from xueshi import records, ulids
from xueshi.delivery import MAIN, Delivery, leaving, open_clone, returning
from xueshi.delivery.proposing import Proposing
from xueshi.errors import HostDenied, HostLimited, HostRefused, HostUnavailable, HostUnknown
from xueshi.git import RefUpdate
from xueshi.hosts.base import Budget, Comment, Pull
from xueshi.hosts.local import LocalHost
from xueshi.model import Change, Organisation
from xueshi.outbox import Batch, Gathering, Outbox
from xueshi.outbox.gathering import gathered
from xueshi.proposals import Sent, granted, register
from xueshi.records import parse_file, study_file
from xueshi.words import receipt_code

NOW = START + timedelta(days=1)


@dataclass
class Faulty:
    """What the next calls to open a pull request do: an error before it is done, or after (`True`)."""

    plan: list[tuple[Exception, bool]] = field(default_factory=list)
    calls: int = 0


class FaultyHost(LocalHost):
    faulty: Faulty
    budget = Budget()

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        self.faulty.calls += 1
        error, after = self.faulty.plan.pop(0) if self.faulty.plan else (None, False)
        if error and not after:
            raise error
        pull = super().open(head_ref, title, body, at)
        if error:
            raise error
        return pull


@dataclass
class Rush:
    """A host, an outbox in front of it, and people who send."""

    host: FaultyHost
    outbox: Outbox
    folder: Path
    number: int = 0
    rules: Gathering = field(default_factory=Gathering)

    def send(self, many: int = 1, at: datetime = NOW, **more: object) -> list[Sent]:
        found = []
        for _ in range(many):
            self.number += 1
            said: dict[str, object] = {
                "id": ulids.new(at + timedelta(milliseconds=self.number)), "branch": "jg1", "member": "m0012",
                "via": "link", "notice": "2026-01", "at": at, "kind": "theme_day", "title": "党章专题学习",
                "start_date": date(2026, 3, 1), "hours": Decimal(2), **more,
            }  # fmt: skip
            sent = Sent(**said)  # type: ignore[arg-type]
            self.outbox.store(sent, f"key {self.number}", sent.path if sent.action == "register" else None)
            found.append(sent)
        return found

    def delivery(self) -> Delivery:
        clone = open_clone(self.host, self.folder / "clone.git")
        return Delivery(self.outbox, clone, self.host, BRIDGE, rules=self.rules)

    def state(self, sent: Sent) -> str:
        row = self.outbox.get(sent.id)
        assert row is not None
        return row.state

    def sizes(self) -> list[int]:
        return [len(batch.rows) for batch in self.outbox.batches.proposed()]


@pytest.fixture
def rush(tmp_path: Path) -> Rush:
    made = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(made.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    host = FaultyHost(made.repo, DESK)
    host.faulty, host.budget = Faulty(), Budget()
    return Rush(host, Outbox(tmp_path / "outbox"), tmp_path)


def test_at_rest_each_goes_alone_and_at_once(rush: Rush) -> None:
    sent = rush.send(3)
    assert rush.delivery().deliver(NOW) == 3
    assert rush.sizes() == [1, 1, 1]
    assert {pull.head_ref for pull in rush.host.open_pulls()} == {f"sub/{one.id}" for one in sent}


def test_three_hundred_who_leave_one_lecture_are_some_twenty_pull_requests(rush: Rush) -> None:
    delivery, at = rush.delivery(), NOW
    for _ in range(60):  # five every two seconds
        rush.send(5, at)
        delivery.deliver(at)
        at += timedelta(seconds=2)
    delivery.deliver(at + timedelta(minutes=2))
    pulls = rush.host.open_pulls()
    assert rush.outbox.counts() == {"pending": 300} and len(pulls) <= 22, len(pulls)
    assert sum(rush.sizes()) == 300 and max(rush.sizes()) == 20
    proposed = [s.id for p in records.load_proposals(rush.host.repo, "refs/heads/main") for s in p.studies]
    assert len(proposed) == len(set(proposed)) == 300
    rush.host.repo.run("fsck", "--strict", "--connectivity-only")


@pytest.mark.parametrize(
    ("waiting", "recent", "busy", "later", "sizes"),
    [
        (3, 3, False, 0, [1, 1, 1]),
        (5, 5, False, 0, [1] * 5),
        (6, 6, False, 0, []),  # a rush: they wait for others
        (6, 6, False, 61, [6]),  # but not for long
        (45, 45, False, 0, [20, 20]),
        (45, 45, False, 61, [20, 20, 5]),
        (2, 2, True, 0, []),
        (2, 2, True, 61, [2]),
        (45, 0, False, 3600, [20, 20, 5]),  # a backlog, after the bridge was down
    ],
)
def test_who_goes_together(
    rush: Rush, waiting: int, recent: int, busy: bool, later: int, sizes: list[int]
) -> None:
    rows = [row for one in rush.send(waiting) if (row := rush.outbox.get(one.id))]
    now = NOW.timestamp() + later
    found = gathered(rows, recent, busy=busy, now=now, rules=Gathering())
    assert [len(group) for group in found] == sizes
    assert len({row.sent.id for group in found for row in group}) == sum(sizes)


def test_people_of_one_event_lie_together_and_branches_apart(rush: Rush) -> None:
    for n in range(20):
        rush.send(title="甲讲座" if n % 2 else "乙讲座", branch="jg1" if n < 14 else "yjs")
    rush.delivery().deliver(NOW + timedelta(seconds=61))
    for batch in rush.outbox.batches.proposed():
        assert {row.sent.branch for row in batch.rows} == {batch.branch}
    rules = Gathering(records=7)
    rows = [
        row
        for one in rush.send(14, title="甲讲座") + rush.send(6, title="乙讲座")
        if (row := rush.outbox.get(one.id))
    ]
    groups = gathered(rows, 99, busy=True, now=NOW.timestamp() + 61, rules=rules)
    assert [Counter(row.sent.title for row in group) for group in groups] == [
        {"乙讲座": 6, "甲讲座": 1}, {"甲讲座": 7}, {"甲讲座": 6},
    ]  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "error", [HostUnavailable("502"), HostUnknown("timed out"), HostLimited("wait", NOW.timestamp() + 90)]
)
def test_a_host_that_fails_costs_nothing(rush: Rush, error: Exception, after: bool) -> None:
    (sent,) = rush.send()
    rush.host.faulty.plan = [(error, after)]
    delivery = rush.delivery()
    assert delivery.deliver(NOW) == 0 and rush.state(sent) == "received"
    assert delivery.deliver(NOW + timedelta(minutes=5)) == 1 and rush.state(sent) == "pending"
    assert [pull.head_ref for pull in rush.host.pulls()] == [f"sub/{sent.id}"]


def test_nothing_is_asked_of_a_host_that_wants_no_calls(rush: Rush) -> None:
    rush.send(3)
    until = NOW.timestamp() + 600
    rush.host.faulty.plan = [(HostLimited("secondary limit", until), False)]
    delivery = rush.delivery()
    for seconds in (0, 30, 300, 599):
        delivery.carry(NOW + timedelta(seconds=seconds))
    assert rush.host.faulty.calls == 1
    assert rush.outbox.limits.blocked(until - 1) == (until, "secondary limit")
    rush.send(30, NOW + timedelta(seconds=500))  # they gather meanwhile
    delivery.carry(NOW + timedelta(seconds=601))
    assert rush.outbox.counts() == {"pending": 33}
    assert sorted(rush.sizes()) == [1, 1, 1, 10, 20]


def test_calls_keep_their_distance_over_a_restart(rush: Rush) -> None:
    rush.host.budget = Budget(apart=3.0, per_minute=4)
    rush.send(5)
    made = []
    for second in range(80):
        before = rush.host.faulty.calls
        at = NOW + timedelta(seconds=second)
        Delivery(Outbox(rush.folder / "outbox"), rush.delivery().clone, rush.host, BRIDGE).deliver(at)
        made += [second] * (rush.host.faulty.calls - before)
    assert made == [0, 3, 6, 9, 60]


def test_a_refused_batch_waits_for_a_person_and_others_go_on(rush: Rush) -> None:
    first, second = rush.send(2)
    rush.host.faulty.plan = [(HostRefused("title too long"), False)]
    delivery = rush.delivery()
    assert delivery.deliver(NOW) == 1
    assert (rush.state(first), rush.state(second)) == ("parked", "pending")
    assert [batch.error for batch in rush.outbox.batches.parked()] == ["title too long"]
    assert rush.outbox.batches.unpark(first.id) and delivery.deliver(NOW) == 1
    assert rush.state(first) == "pending"


def test_a_token_that_is_not_let_in_parks_nothing(rush: Rush) -> None:
    sent = rush.send(2)
    rush.host.faulty.plan = [(HostDenied("401"), False)]
    delivery = rush.delivery()
    assert delivery.deliver(NOW) == 0 and [rush.state(one) for one in sent] == ["received", "received"]
    assert delivery.deliver(NOW + timedelta(seconds=1)) == 0 and rush.host.faulty.calls == 1
    assert delivery.deliver(NOW + timedelta(minutes=6)) == 2


def moving(rush: Rush, name: str) -> None:
    school = School(rush.host.repo, tip=rush.host.repo.resolve("main") or "")
    school.push({f"records/jg1/{name}.yaml": b"x: 1\n"})


def grouped(rush: Rush, many: int) -> tuple[list[Sent], Delivery]:
    """One pull request of so many records."""
    sent = rush.send(many)
    rush.rules = Gathering(rush=0, seconds=0)
    delivery = rush.delivery()
    assert delivery.deliver(NOW) == 1 and rush.sizes() == [many]
    return sent, delivery


def test_one_returned_leaves_and_the_rest_are_merged(rush: Rush) -> None:
    sent, delivery = grouped(rush, 4)
    rush.host.close(1, "m0003", leaving("退回", sent[1].id, "照片\n不符"), NOW)
    assert delivery.reconcile(NOW) == 1
    row = rush.outbox.get(sent[1].id)
    assert row is not None and (row.state, row.reason, row.decided_by) == ("returned", "照片 不符", "m0003")
    assert delivery.deliver(NOW) == 1
    (batch,) = rush.outbox.batches.proposed()
    assert [row.sent for row in batch.rows] == [sent[0], *sent[2:]]
    pull = rush.host.open_pulls()[0]
    rush.host.merge(pull.number, pull.head, "m0003", NOW)
    assert delivery.reconcile(NOW) == 3
    assert rush.outbox.counts() == {"approved": 3, "returned": 1}
    history = records.read_history(rush.host.repo, "main")
    assert {one.path for one in (sent[0], *sent[2:])} <= history.approvals()


def test_a_reviewers_comments_name_whom_to_return_and_a_strangers_do_not(
    rush: Rush, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, delivery = grouped(rush, 4)
    codes = [receipt_code(one.id) for one in sent]
    organisation = parse_file(
        "records/organisation.yaml", committee_files()["records/organisation.yaml"] or b""
    ).value
    assert isinstance(organisation, Organisation)
    known = [
        replace(one, logins={"gitea": "weicn"}) for one in organisation.reviewers if one.member == "m0003"
    ]
    listed = replace(organisation, reviewers=tuple(known))
    monkeypatch.setattr(
        "xueshi.delivery.settling.load", lambda repo, rev: SimpleNamespace(organisation=listed)
    )
    at = NOW.isoformat()
    said = [
        Comment("passer-by", f"退回 {codes[0]} 我乱写的", at),
        Comment(
            "weicn",
            f"你好\n退回 {codes[1].lower()}：日期有误\n退回 AAAAA-AAAAA 没有这一条\n撤回 {codes[2]}",
            at,
        ),
        Comment("study-bot", f"撤回 {codes[3]} 本人撤回", at, own=True),
    ]
    monkeypatch.setattr(rush.host, "name", "gitea")
    monkeypatch.setattr(rush.host, "comments", lambda number: said)
    rush.host.close(1, "m0012", "退回：撤回", NOW)
    assert delivery.reconcile(NOW) == 2
    rows = [rush.outbox.get(one.id) for one in sent]
    assert [(row.state, row.decided_by, row.reason) for row in rows if row] == [
        ("received", None, None), ("returned", "m0003", "日期有误"), ("received", None, None),
        ("withdrawn", "m0012", "本人撤回"),
    ]  # fmt: skip


def test_a_reviewers_comment_is_the_reason_where_whoever_closed_gave_none(
    rush: Rush, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's is not, nor a report of ours in which somebody's title has a line of its own."""
    sent, delivery = grouped(rush, 2)
    organisation = parse_file(
        "records/organisation.yaml", committee_files()["records/organisation.yaml"] or b""
    ).value
    assert isinstance(organisation, Organisation)
    known = [
        replace(one, logins={"gitea": "weicn"}) for one in organisation.reviewers if one.member == "m0003"
    ]
    listed = replace(organisation, reviewers=tuple(known))
    monkeypatch.setattr(
        "xueshi.delivery.settling.load", lambda repo, rev: SimpleNamespace(organisation=listed)
    )
    at = NOW.isoformat()
    said = [
        Comment("weicn", "<!-- 藏 -->日期有误，请改", at),
        Comment("mallory", "你被开除了", at),
        Comment("study-bot", f"检查：\n撤回 {receipt_code(sent[0].id)} 本人撤回\n", at, own=True),
    ]
    monkeypatch.setattr(rush.host, "name", "gitea")
    monkeypatch.setattr(rush.host, "comments", lambda number: said)
    closed = replace(rush.host.close(1, "weicn", "", NOW), reason=None)
    monkeypatch.setattr(rush.host, "get", lambda number: closed)
    assert delivery.reconcile(NOW) == 2
    rows = [rush.outbox.get(one.id) for one in sent]
    assert {(row.state, row.reason) for row in rows if row} == {("returned", "日期有误，请改")}


@pytest.mark.parametrize("words", ["{}", "两条都不行。\n{}", "  - {}\n请改"])
@pytest.mark.parametrize("line", ["撤回 {} 本人说不要了", "退回 {} 照片看不清", "退回：{}"])
def test_what_is_typed_at_the_desk_takes_no_single_record_out(rush: Rush, words: str, line: str) -> None:
    sent, delivery = grouped(rush, 2)
    line = line.format(receipt_code(sent[0].id))
    rush.host.close(1, "m0003", returning(words.format(line)), NOW)
    assert delivery.reconcile(NOW) == 2
    rows = [row for one in sent if (row := rush.outbox.get(one.id))]
    assert {(row.state, row.decided_by) for row in rows} == {("returned", "m0003")}
    assert all(line in (row.reason or "") for row in rows)
    assert returning("日期有误\n请改") == "日期有误\n请改"


@pytest.mark.parametrize(
    "text", ["\n" * 20_000 + "x", "退回" + " " * 20_000 + "x", "退回 ABCDE-FGHJK a" + " " * 20_000 + "b"]
)
def test_a_long_comment_holds_nothing_up(rush: Rush, text: str) -> None:
    sent, delivery = grouped(rush, 2)
    rush.host.close(1, "m0003", text, NOW)
    began = time.process_time()
    assert delivery.reconcile(NOW) == 2
    assert time.process_time() - began < 2, "seconds of our own"
    assert {rush.state(one) for one in sent} == {"returned"}


@pytest.mark.parametrize(
    "line", ["退回 {} 日期有误", "退回：{} 日期有误", "- 退回{}：日期有误", "1. 退回 {}，日期有误"]
)
def test_a_line_may_be_written_as_people_write(rush: Rush, line: str) -> None:
    sent, delivery = grouped(rush, 3)
    rush.host.close(1, "m0003", line.format(receipt_code(sent[0].id)), NOW)
    assert delivery.reconcile(NOW) == 1
    row = rush.outbox.get(sent[0].id)
    assert row is not None and (row.state, row.reason) == ("returned", "日期有误")


def test_a_line_that_is_quoted_returns_nothing(rush: Rush) -> None:
    sent, delivery = grouped(rush, 3)
    codes = [receipt_code(one.id) for one in sent]
    rush.host.close(1, "m0003", f"> 退回 {codes[0]} 日期有误\n看过了，不用退。\n退回 {codes[1]} 重复", NOW)
    assert delivery.reconcile(NOW) == 1
    assert [rush.state(one) for one in sent] == ["received", "returned", "received"]


def test_a_line_that_names_nobody_here_is_nobodys_reason(rush: Rush) -> None:
    sent, delivery = grouped(rush, 2)
    rush.host.close(1, "m0003", f"退回 {receipt_code(ulids.new(START))} 别人的事", NOW)
    assert delivery.reconcile(NOW) == 2
    assert all("别人的事" not in (rush.outbox.get(one.id).reason or "") for one in sent)  # type: ignore[union-attr]


def test_a_pull_request_that_is_opened_again_waits_again(rush: Rush) -> None:
    (sent,) = rush.send()
    delivery = rush.delivery()
    delivery.deliver(NOW)
    rush.host.close(1, "m0003", "请换一张照片", NOW)
    delivery.reconcile(NOW)
    assert rush.state(sent) == "returned"
    pull = rush.host.get(1)
    assert pull is not None
    meta = rush.host.repo.resolve("refs/pull/1/meta")
    again = replace(pull, state="open", decided_at=None, decided_by=None, reason=None)
    rush.host.repo.update_refs([rush.host._meta(again, meta, NOW)])
    delivery.reconcile(NOW)
    row = rush.outbox.get(sent.id)
    assert row is not None and (row.state, row.reason) == ("pending", None)
    rush.host.merge(1, pull.head, "m0003", NOW)
    assert delivery.reconcile(NOW) == 1 and rush.state(sent) == "approved"


@pytest.mark.parametrize("then", ["waits", "returned"])
def test_an_old_outbox_splits_again_into_the_same(rush: Rush, then: str) -> None:
    """The backup is of when four waited together; since then one was returned and the rest proposed again."""
    sent, delivery = grouped(rush, 4)
    place = rush.folder / "outbox" / "outbox.sqlite"
    with closing(sqlite3.connect(place)) as old, closing(sqlite3.connect(rush.folder / "backup")) as kept:
        old.backup(kept)
    rush.host.close(1, "m0003", leaving("退回", sent[1].id, "照片不符"), NOW)
    delivery.reconcile(NOW)
    moving(rush, "x")  # main moves: the same would not be built again
    delivery.deliver(NOW)
    if then == "returned":
        rush.host.close(2, "m0003", "都不行", NOW)
        delivery.carry(NOW)
    rush.outbox.close()
    for name in ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"):
        (rush.folder / "outbox" / name).unlink(missing_ok=True)
    (rush.folder / "backup").rename(place)
    rush.outbox = Outbox(rush.folder / "outbox")
    moving(rush, "y")
    delivery = rush.delivery()
    delivery.recover(NOW)
    for _ in range(3):
        delivery.carry(NOW + timedelta(hours=1))
    assert len(rush.host.pulls()) == 2, "nothing is proposed twice"
    assert rush.outbox.counts() == ({"returned": 4} if then == "returned" else {"returned": 1, "pending": 3})


def test_closed_without_a_name_all_are_returned(rush: Rush) -> None:
    sent, delivery = grouped(rush, 3)
    rush.host.close(1, "m0003", "都不是本支部的活动", NOW)
    assert delivery.reconcile(NOW) == 3
    assert [rush.outbox.get(one.id).reason for one in sent] == ["都不是本支部的活动"] * 3  # type: ignore[union-attr]


def test_what_is_withdrawn_leaves_like_what_is_returned(rush: Rush) -> None:
    sent, delivery = grouped(rush, 2)
    assert rush.outbox.withdraw(sent[0].id, NOW) == "pending"
    rush.host.close(1, "m0012", leaving("撤回", sent[0].id, "本人撤回"), NOW)
    delivery.reconcile(NOW)
    assert (rush.state(sent[0]), rush.state(sent[1])) == ("withdrawn", "received")
    (alone,) = rush.send(title="还没有送出")
    assert rush.outbox.withdraw(alone.id, NOW) == "withdrawn"
    delivery.deliver(NOW)
    assert rush.state(alone) == "withdrawn" and len(rush.host.open_pulls()) == 1


def test_a_merge_that_left_one_out_returns_it(rush: Rush) -> None:
    sent, delivery = grouped(rush, 2)
    school = School(rush.host.repo)
    pull = rush.host.open_pulls()[0]
    head = school.commit((pull.head,), {sent[0].path: None}, "Leave one out\n", DESK)
    rush.host.repo.run("update-ref", f"refs/heads/{pull.head_ref}", head)
    rush.host.merge(1, head, "m0003", NOW)
    assert delivery.reconcile(NOW) == 2
    assert (rush.state(sent[0]), rush.state(sent[1])) == ("returned", "approved")


def kept(rush: Rush) -> None:
    """A backup of the outbox as it is now."""
    place = rush.folder / "outbox" / "outbox.sqlite"
    with closing(sqlite3.connect(place)) as old, closing(sqlite3.connect(rush.folder / "backup")) as new:
        old.backup(new)


def put_back(rush: Rush) -> Delivery:
    """The outbox as it was in the backup, at the start of a bridge."""
    rush.outbox.close()
    for name in ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"):
        (rush.folder / "outbox" / name).unlink(missing_ok=True)
    (rush.folder / "backup").rename(rush.folder / "outbox" / "outbox.sqlite")
    rush.outbox = Outbox(rush.folder / "outbox")
    delivery = rush.delivery()
    delivery.recover(NOW)
    return delivery


def corrected(rush: Rush, delivery: Delivery) -> Sent:
    """A correction, sent, of a record on main."""
    (first,) = rush.send()
    delivery.deliver(NOW)
    rush.host.merge(1, rush.host.open_pulls()[0].head, "m0003", NOW)
    delivery.carry(NOW)
    (sent,) = rush.send(action="correct", record=first.id, reason="日期写错了", hours=Decimal(1))
    return sent


def opened_again(rush: Rush, number: int) -> None:
    """A pull request that a reviewer opens again on the host."""
    pull = rush.host.get(number)
    assert pull is not None
    meta = rush.host.repo.resolve(f"refs/pull/{number}/meta")
    again = replace(pull, state="open", decided_at=None, decided_by=None, reason=None)
    rush.host.repo.update_refs([rush.host._meta(again, meta, NOW)])


def from_elsewhere(rush: Rush, *sent: Sent) -> None:
    """Main gets these records just as they were sent, as by another pull request."""
    files: dict[str, bytes | None] = {one.path: study_file(register(one)) for one in sent}
    School(rush.host.repo, tip=rush.host.repo.resolve(MAIN) or "").push(files)


def died(*_: object) -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize("then", ["received", "sealed", "pushed"])
@pytest.mark.parametrize("action", ["register", "correct"])
def test_what_was_merged_after_the_backup_is_not_taken_for_left_out(
    rush: Rush, action: str, then: str
) -> None:
    delivery = rush.delivery()
    sent = rush.send()[0] if action == "register" else corrected(rush, delivery)
    if then == "sealed":
        rush.outbox.batches.seal(NOW, Gathering(), busy=False)
    elif then == "pushed":
        rush.host.faulty.plan = [(HostUnavailable("away"), False)]
        delivery.deliver(NOW)
    kept(rush)
    at = NOW + timedelta(minutes=10)
    delivery.carry(at)
    (pull,) = rush.host.open_pulls()
    rush.host.merge(pull.number, pull.head, "m0003", at)
    for _ in range(2):
        delivery.carry(at)
    assert rush.state(sent) == "approved"
    delivery = put_back(rush)
    for hours in range(1, 5):
        delivery.carry(at + timedelta(hours=hours))
    row = rush.outbox.get(sent.id)
    assert row is not None and (row.state, row.reason, row.decided_by) == ("approved", None, "m0003")


@pytest.mark.parametrize("dropped", [True, False])
def test_a_correction_found_again_after_a_backup_is_told_as_it_was_merged(
    rush: Rush, *, dropped: bool
) -> None:
    delivery = rush.delivery()
    sent = corrected(rush, delivery)
    kept(rush)
    delivery.deliver(NOW)
    delivery = put_back(rush)
    delivery.deliver(NOW)
    (pull,) = rush.host.open_pulls()
    head = pull.head
    if dropped:
        before = rush.host.repo.blobs([f"{MAIN}:{sent.path}"])[f"{MAIN}:{sent.path}"]
        head = School(rush.host.repo).commit((head,), {sent.path: before}, "As it was\n", DESK)
        rush.host.repo.run("update-ref", f"refs/heads/{pull.head_ref}", head)
    rush.host.merge(pull.number, head, "m0003", NOW)
    assert delivery.reconcile(NOW) == 1
    assert rush.state(sent) == ("returned" if dropped else "approved")


def test_what_another_pull_request_brought_to_main_waits_no_longer(rush: Rush) -> None:
    """One of three leaves, the others are proposed anew; then a reviewer opens the first again and merges it."""
    sent, delivery = grouped(rush, 3)
    rush.host.close(1, "m0003", leaving("退回", sent[1].id, "照片不符"), NOW)
    for _ in range(2):
        delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["pending", "returned", "pending"]
    opened_again(rush, 1)
    delivery.carry(NOW)
    pull = rush.host.get(1)
    assert pull is not None
    rush.host.merge(1, pull.head, "m0003", NOW)
    for _ in range(2):
        delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["approved"] * 3
    assert rush.host.open_pulls() == [] and rush.outbox.withdraw(sent[0].id, NOW) == "approved"
    assert rush.outbox.counts() == {"approved": 3}


def test_one_of_a_group_that_main_has_already_is_told_and_the_others_wait(rush: Rush) -> None:
    first, second = rush.send(2)
    kept(rush)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    alone = rush.host.find(f"sub/{first.id}")
    assert alone is not None
    rush.host.merge(alone.number, alone.head, "m0003", NOW)
    for one in (first, second):
        rush.host.repo.run("update-ref", "-d", f"refs/heads/sub/{one.id}")
    rush.rules = Gathering(rush=0, seconds=0)
    delivery = put_back(rush)
    for hours in range(1, 3):
        delivery.carry(NOW + timedelta(hours=hours))
    assert rush.sizes() == [1], "what main has is not written again"
    assert (rush.state(first), rush.state(second)) == ("approved", "pending")
    pull = rush.host.open_pulls()[-1]
    rush.host.merge(pull.number, pull.head, "m0003", NOW)
    delivery.carry(NOW + timedelta(hours=3))
    assert (rush.state(first), rush.state(second)) == ("approved", "approved")


@pytest.mark.parametrize("fails", ["away", "budget"])
def test_a_pull_request_with_nothing_left_is_closed_until_it_is(
    rush: Rush, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    sent, delivery = grouped(rush, 2)
    from_elsewhere(rush, *sent)
    close, calls = rush.host.close, [0]

    def away(number: int, by: str, reason: str, at: datetime) -> Pull:
        calls[0] += 1
        if calls[0] == 1:
            raise HostUnavailable("away")
        return close(number, by, reason, at)

    if fails == "away":
        monkeypatch.setattr(rush.host, "close", away)
    else:
        rush.host.budget = Budget(apart=3.0)
        rush.outbox.limits.spend(rush.host.budget, NOW.timestamp())
    delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["pending"] * 2
    delivery.carry(NOW + timedelta(minutes=10))
    assert rush.host.open_pulls() == [] and [rush.state(one) for one in sent] == ["approved"] * 2


@pytest.mark.parametrize("dies", [False, True])
def test_what_would_put_back_what_main_has_otherwise_is_closed_and_the_rest_proposed_anew(
    rush: Rush, monkeypatch: pytest.MonkeyPatch, *, dies: bool
) -> None:
    """Fewer hours were granted to one of two, through another pull request."""
    sent, delivery = grouped(rush, 2)
    less = study_file(replace(register(sent[0]), hours=Decimal(1)))
    School(rush.host.repo, tip=rush.host.repo.resolve(MAIN) or "").push({sent[0].path: less})
    if dies:
        split = rush.outbox.batches.split
        monkeypatch.setattr(rush.outbox.batches, "split", died)
        with pytest.raises(KeyboardInterrupt):
            delivery.carry(NOW)
        monkeypatch.setattr(rush.outbox.batches, "split", split)
    for _ in range(2):
        delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["approved", "pending"] and rush.sizes() == [1]
    (pull,) = rush.host.open_pulls()
    rush.host.merge(pull.number, pull.head, "m0003", NOW)
    delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["approved", "approved"]
    name = f"{MAIN}:{sent[0].path}"
    assert rush.host.repo.blobs([name])[name] == less


def test_what_main_has_just_so_goes_on_in_its_pull_request(rush: Rush) -> None:
    sent, delivery = grouped(rush, 2)
    from_elsewhere(rush, sent[0])
    delivery.carry(NOW)
    assert [rush.state(one) for one in sent] == ["approved", "pending"]
    assert [pull.number for pull in rush.host.open_pulls()] == [1]


def test_an_old_outbox_puts_no_granted_hours_back(rush: Rush) -> None:
    """One of two was granted fewer hours after the backup; then both go to the host together."""
    first, second = rush.send(2)
    kept(rush)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    pull = rush.host.find(f"sub/{first.id}")
    assert pull is not None
    less = study_file(granted(register(first), Decimal(1), Change("amend", "m0003", NOW, "实际一小时")))
    rush.host.merge(pull.number, pull.head, "m0003", NOW, grant={first.path: less})
    for one in (first, second):
        rush.host.repo.run("update-ref", "-d", f"refs/heads/sub/{one.id}")
    rush.rules = Gathering(rush=0, seconds=0)
    delivery = put_back(rush)
    for hours in range(1, 3):
        delivery.carry(NOW + timedelta(hours=hours))
    assert (rush.state(first), rush.state(second)) == ("approved", "pending")
    pull = rush.host.open_pulls()[-1]
    base = rush.host.repo.merge_base(MAIN, pull.head) or ""
    assert set(rush.host.repo.changed(base, pull.head)) == {second.path}


@pytest.mark.parametrize("action", ["register", "correct"])
@pytest.mark.parametrize("forgotten", [False, True])
def test_an_old_outbox_knows_its_ref_that_was_merged_and_not_tidied(
    rush: Rush, action: str, *, forgotten: bool
) -> None:
    delivery = rush.delivery()
    sent = rush.send()[0] if action == "register" else corrected(rush, delivery)
    kept(rush)
    delivery.deliver(NOW)
    (pull,) = rush.host.open_pulls()
    rush.host.merge(pull.number, pull.head, "m0003", NOW)
    if forgotten and action == "register":  # the host lost the pull request
        for name in rush.host.repo.refs(f"refs/pull/{pull.number}"):
            rush.host.repo.run("update-ref", "-d", name)
    moving(rush, "x")
    delivery = put_back(rush)
    for hours in range(1, 3):
        delivery.carry(NOW + timedelta(hours=hours))
    assert rush.state(sent) == "approved" and rush.outbox.batches.parked() == []
    delivery.carry(NOW + timedelta(hours=3))
    assert rush.host.repo.resolve(f"refs/heads/{pull.head_ref}") is None
    assert rush.host.open_pulls() == []


@pytest.mark.parametrize("named", [True, False])
def test_a_merge_that_git_does_not_have_yet_returns_nothing(
    rush: Rush, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    """The host tells of it, and of its commit or not, before git has it."""
    (sent,), delivery = rush.send(), rush.delivery()
    delivery.deliver(NOW)
    delivery.clone.fetch(rush.host.url, "+refs/heads/*:refs/heads/*")
    merge = rush.host.merge(1, rush.host.open_pulls()[0].head, "m0003", NOW)
    pull = rush.host.get(1)
    assert pull is not None
    merged = replace(pull, merge=merge if named else None)
    monkeypatch.setattr(rush.host, "get", lambda number: merged)
    with monkeypatch.context() as behind:
        behind.setattr(type(delivery.clone), "fetch", lambda *_: None)
        assert delivery.reconcile(NOW) == 0 and rush.state(sent) == "pending"
    assert delivery.reconcile(NOW + timedelta(minutes=11)) == 1 and rush.state(sent) == "approved"


@pytest.mark.parametrize("then", ["waits", "merged", "returned"])
def test_a_number_that_is_given_again_is_anothers(rush: Rush, then: str) -> None:
    """The host was put back from a backup of before the first pull request."""
    (first,), delivery = rush.send(), rush.delivery()
    delivery.deliver(NOW)
    for name in (*rush.host.repo.refs("refs/pull/1"), f"refs/heads/sub/{first.id}"):
        rush.host.repo.run("update-ref", "-d", name)
    (second,) = rush.send(member="m0003")
    delivery.carry(NOW)
    (pull,) = rush.host.open_pulls()
    assert (pull.number, pull.head_ref) == (1, f"sub/{second.id}")
    if then == "merged":
        rush.host.merge(1, pull.head, "m0005", NOW)
    elif then == "returned":
        rush.host.close(1, "m0005", "照片里不是本人", NOW)
    at = looks(delivery, 70)
    row = rush.outbox.get(first.id)
    assert row is not None and row.state == "parked" and "管理员会重新送审" in (row.reason or "")
    assert rush.state(second) == {"merged": "approved", "returned": "returned"}.get(then, "pending")
    looks(delivery, 20, at)
    assert rush.state(first) == "parked" and rush.outbox.batches.unpark(first.id)
    delivery.carry(at)
    found = rush.host.find(f"sub/{first.id}")
    assert found is not None and found.number == 2 and rush.state(first) == "pending"
    known = rush.outbox.batches.of_pull(1, pull.head_ref)
    assert known is not None and known.rows[0].sent.id == second.id


def test_a_list_of_a_moment_ago_takes_no_decision_back(rush: Rush, monkeypatch: pytest.MonkeyPatch) -> None:
    (sent,), delivery = rush.send(), rush.delivery()
    delivery.deliver(NOW)
    before = rush.host.open_pulls()
    rush.host.close(1, "m0003", "日期有误", NOW)
    delivery.reconcile(NOW)
    monkeypatch.setattr(rush.host, "open_pulls", lambda: before)
    delivery.reconcile(NOW)
    row = rush.outbox.get(sent.id)
    assert row is not None and (row.state, row.reason) == ("returned", "日期有误")


@pytest.mark.parametrize("until", ["pushed", "proposed", "merged"])
def test_an_outbox_put_back_from_a_backup_finds_what_the_host_has(rush: Rush, until: str) -> None:
    sent = rush.send(3)
    rush.outbox.close()
    place = rush.folder / "outbox" / "outbox.sqlite"
    with closing(sqlite3.connect(place)) as old, closing(sqlite3.connect(rush.folder / "backup")) as kept:
        old.backup(kept)
    rush.outbox = Outbox(rush.folder / "outbox")
    rush.rules = Gathering(rush=0, seconds=0)
    if until == "pushed":
        rush.host.faulty.plan = [(HostUnavailable("away"), False)]
    rush.delivery().deliver(NOW)
    if until == "merged":
        pull = rush.host.open_pulls()[0]
        rush.host.merge(1, pull.head, "m0003", NOW)
    rush.outbox.close()
    for name in ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm"):
        (rush.folder / "outbox" / name).unlink(missing_ok=True)
    (rush.folder / "backup").rename(place)
    rush.outbox = Outbox(rush.folder / "outbox")
    assert rush.outbox.counts() == {"received": 3}
    delivery = rush.delivery()
    delivery.recover(NOW)
    later = NOW + timedelta(hours=1)
    for _ in range(2):
        delivery.carry(later)
    assert len(rush.host.pulls()) == 1, "nothing is proposed twice"
    assert rush.outbox.counts() == {"approved" if until == "merged" else "pending": 3}
    assert len(sent) == 3


def test_a_stranger_on_our_ref_is_never_overwritten(rush: Rush) -> None:
    (sent,) = rush.send()
    school = School(rush.host.repo)
    tip = rush.host.repo.resolve("main") or ""
    head = school.commit((tip,), {"records/jg1/x.txt": b"x"}, "Mine\n", DESK)
    rush.host.repo.run("update-ref", f"refs/heads/sub/{sent.id}", head)
    rush.delivery().deliver(NOW)
    assert rush.state(sent) == "parked"
    assert rush.host.repo.resolve(f"refs/heads/sub/{sent.id}") == head
    assert "not ours" in (rush.outbox.batches.parked()[0].error or "")


def test_a_strangers_ref_outlives_the_withdrawal_of_what_met_it(rush: Rush) -> None:
    (sent,) = rush.send()
    head = School(rush.host.repo).commit(
        (rush.host.repo.resolve("main") or "",), {"records/jg1/x.txt": b"x"}, "Mine\n", DESK
    )
    rush.host.repo.run("update-ref", f"refs/heads/sub/{sent.id}", head)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    (held,) = rush.outbox.batches.parked()
    assert rush.outbox.batches.release(held, sent.id, NOW) and rush.state(sent) == "withdrawn"
    delivery.carry(NOW)
    assert rush.host.repo.resolve(f"refs/heads/sub/{sent.id}") == head


@pytest.mark.parametrize("meanwhile", ["retried", "taken", "released"])
def test_nothing_is_released_from_a_batch_that_moved_since_it_was_read(rush: Rush, meanwhile: str) -> None:
    first, second = rush.send(2)
    rush.rules = Gathering(rush=0, seconds=0)
    rush.host.faulty.plan = [(HostRefused("no"), False)] * 2
    delivery = rush.delivery()
    delivery.deliver(NOW)
    (held,) = rush.outbox.batches.parked()
    if meanwhile == "released":
        assert rush.outbox.batches.release(held, second.id, NOW)
    else:
        rush.outbox.batches.unpark(held.id)
    if meanwhile == "taken":
        delivery.deliver(NOW)  # refused again: as it was read, but for the fence
        assert [one.state for one in rush.outbox.batches.parked()] == ["parked"]
    assert not rush.outbox.batches.release(held, first.id, NOW)
    assert rush.state(first) != "withdrawn"


def test_a_correction_is_proposed_alone_and_on_top_of_main(rush: Rush) -> None:
    (first,) = rush.send()
    delivery = rush.delivery()
    delivery.deliver(NOW)
    rush.host.merge(1, rush.host.open_pulls()[0].head, "m0003", NOW)
    delivery.carry(NOW)
    rush.rules = Gathering(rush=0, seconds=0)
    rush.send(2)
    (sent,) = rush.send(action="correct", record=first.id, reason="日期写错了", hours=Decimal(1))
    rush.delivery().deliver(NOW + timedelta(seconds=1))
    assert sorted(rush.sizes()) == [1, 2]
    proposal = next(p for p in records.load_proposals(rush.host.repo, "main") if p.ref.endswith(sent.id))
    (study,) = proposal.studies
    assert (study.id, study.hours, study.change.reason if study.change else "") == (first.id, 1, "日期写错了")
    assert study.submitted.at == first.at


def test_what_breaks_when_pushed_together_is_pushed_one_by_one(
    rush: Rush, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, push, tried = rush.send(3), Proposing.push, []

    def broken(self: Proposing, taken: list[Batch]) -> None:
        tried.append(len(taken))
        if len(taken) > 1 or taken[0].rows[0].sent.id == sent[0].id:
            raise RuntimeError("a fault of ours")
        push(self, taken)

    monkeypatch.setattr(Proposing, "push", broken)
    assert rush.delivery().deliver(NOW) == 2 and tried == [3, 1, 1, 1]
    assert [rush.state(one) for one in sent] == ["parked", "pending", "pending"]


class Unreadable(FaultyHost):
    """A host that cannot tell of some pull requests and refs."""

    unreadable: frozenset[int | str] = frozenset()
    asked = 0

    def get(self, number: int) -> Pull | None:
        return self._told(number, super().get(number))

    def find(self, head_ref: str) -> Pull | None:
        return self._told(head_ref, super().find(head_ref))

    def _told(self, what: int | str, pull: Pull | None) -> Pull | None:
        self.asked += 1
        if what in self.unreadable:
            raise HostUnavailable("HTTP 500")
        return pull


@pytest.fixture
def unreadable(rush: Rush) -> Unreadable:
    made = Unreadable(rush.host.repo, DESK)
    made.faulty, made.budget = Faulty(), Budget()
    rush.host = made
    return made


def test_a_pull_request_that_cannot_be_read_holds_up_no_other(rush: Rush, unreadable: Unreadable) -> None:
    sent = rush.send(4)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    for pull in unreadable.open_pulls():
        unreadable.close(pull.number, "m0003", "重复", NOW)
    first = rush.outbox.batches.get(sent[0].id)
    assert first is not None and first.pull is not None
    unreadable.unreadable = frozenset({first.pull})
    assert delivery.reconcile(NOW) == 3
    assert [rush.state(one) for one in sent] == ["pending", "returned", "returned", "returned"]
    unreadable.unreadable = frozenset()
    assert delivery.reconcile(NOW) == 1


@pytest.mark.parametrize("bad", [3, 6])
def test_what_cannot_be_read_comes_after_the_others_the_next_time(
    rush: Rush, unreadable: Unreadable, bad: int
) -> None:
    sent, rush.rules = rush.send(8), Gathering(rush=8)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    for pull in unreadable.open_pulls():
        unreadable.close(pull.number, "m0003", "重复", NOW)
    held = [rush.outbox.batches.get(one.id) for one in sent]
    unreadable.unreadable = frozenset(one.pull for one in held[:bad] if one and one.pull)
    for _ in range(bad // 3 + 1):
        with suppress(HostUnavailable):
            delivery.reconcile(NOW)
    assert [rush.state(one) for one in sent] == ["pending"] * bad + ["returned"] * (8 - bad)
    unreadable.unreadable = frozenset()
    assert delivery.reconcile(NOW) == bad, "and is read as soon as it can be"


def test_refs_that_cannot_be_read_starve_no_other(rush: Rush, unreadable: Unreadable) -> None:
    (sent,) = rush.send()
    delivery = rush.delivery()
    delivery.deliver(NOW)
    unreadable.close(1, "m0003", "重复", NOW)
    delivery.reconcile(NOW)
    foreign = [f"sub/{n}{'0' * 25}" for n in range(3)]  # they come first
    tip = unreadable.repo.resolve(MAIN)
    unreadable.repo.update_refs([RefUpdate(f"refs/heads/{ref}", tip, None) for ref in foreign])
    unreadable.unreadable = frozenset(foreign)
    delivery.deliver(NOW)
    for _ in range(2):
        with suppress(HostUnavailable):
            delivery.tidy(NOW)
    assert unreadable.repo.resolve(f"refs/heads/sub/{sent.id}") is None


@pytest.mark.parametrize(
    "error",
    [
        sa.exc.OperationalError("UPDATE", {}, sqlite3.OperationalError("database or disk is full")),
        OSError(28, "No space left on device"),
    ],
)
def test_a_disk_that_fails_for_a_moment_sets_nothing_aside(
    rush: Rush, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (sent,), delivery = rush.send(), rush.delivery()
    propose, faults = rush.outbox.batches.propose, [error]

    def full(held: Batch, pull: int, url: str, at: datetime) -> bool:
        if faults:
            raise faults.pop()
        return propose(held, pull, url, at)

    monkeypatch.setattr(rush.outbox.batches, "propose", full)
    assert delivery.deliver(NOW) == 0 and rush.state(sent) == "received"
    assert delivery.deliver(NOW + timedelta(minutes=1)) == 1 and rush.state(sent) == "pending"


class Forgetful(FaultyHost):
    """A host where pull requests are not seen: not yet, or because they lead elsewhere now."""

    hidden: frozenset[int] = frozenset()

    def get(self, number: int) -> Pull | None:
        return None if number in self.hidden else super().get(number)

    def open_pulls(self) -> list[Pull]:
        return [pull for pull in super().open_pulls() if pull.number not in self.hidden]


def forgetful(rush: Rush) -> Forgetful:
    made = Forgetful(rush.host.repo, DESK)
    made.faulty, made.budget = Faulty(), Budget()
    rush.host = made
    return made


def looks(delivery: Delivery, minutes: int, at: datetime = NOW) -> datetime:
    """A look each minute; when the last one was."""
    for _ in range(minutes):
        at += timedelta(minutes=1)
        delivery.reconcile(at)
    return at


def test_a_deleted_pull_request_is_set_aside_after_an_hour_and_proposed_again_once(rush: Rush) -> None:
    (sent, other), delivery = rush.send(2), rush.delivery()
    delivery.deliver(NOW)
    held = rush.outbox.batches.get(sent.id)
    assert held is not None
    for name in rush.host.repo.refs(f"refs/pull/{held.pull}"):
        rush.host.repo.run("update-ref", "-d", name)
    at = looks(delivery, 50)
    assert rush.state(sent) == "pending", "a glance is not enough"
    at = looks(delivery, 20, at)
    row = rush.outbox.get(sent.id)
    assert row is not None and row.state == "parked" and "管理员会重新送审" in (row.reason or "")
    (parked,) = rush.outbox.batches.parked()
    assert "deleted, or leads to another ref" in (parked.error or "") and rush.state(other) == "pending"
    looks(delivery, 30, at)
    assert rush.state(sent) == "parked" and rush.outbox.batches.unpark(sent.id)
    assert not rush.outbox.batches.unpark(sent.id)
    for _ in range(3):
        delivery.carry(at)
    assert {pull.head_ref for pull in rush.host.open_pulls()} == {f"sub/{one.id}" for one in (sent, other)}
    assert len(rush.host.open_pulls()) == 2
    row = rush.outbox.get(sent.id)
    assert row is not None and (row.state, row.reason) == ("pending", None)
    pull = rush.host.find(f"sub/{sent.id}")
    assert pull is not None
    rush.host.merge(pull.number, pull.head, "m0003", at)
    delivery.reconcile(at)
    assert rush.state(sent) == "approved"


def test_a_pull_request_that_is_back_in_time_was_never_missing(rush: Rush) -> None:
    host, (sent,), delivery = forgetful(rush), rush.send(), rush.delivery()
    delivery.deliver(NOW)
    at = NOW
    for _ in range(3):  # never away for an hour
        host.hidden = frozenset({1})
        at = looks(delivery, 40, at)
        host.hidden = frozenset()
        at = looks(delivery, 1, at)
    held = rush.outbox.batches.get(sent.id)
    assert held is not None and (held.state, held.attempts, held.error) == ("proposed", 0, None)


@pytest.mark.parametrize("then", ["waits", "merged", "returned", "retried"])
def test_a_pull_request_that_was_led_elsewhere_and_back_goes_on(rush: Rush, then: str) -> None:
    host, (sent,), delivery = forgetful(rush), rush.send(), rush.delivery()
    delivery.deliver(NOW)
    host.hidden = frozenset({1})
    at = looks(delivery, 70)
    assert rush.state(sent) == "parked"
    host.hidden = frozenset()
    pull = host.get(1)
    assert pull is not None
    if then == "merged":
        host.merge(1, pull.head, "m0003", at)
    elif then == "returned":
        host.close(1, "m0003", "日期有误", at)
    elif then == "retried":
        assert rush.outbox.batches.unpark(sent.id)
        delivery.carry(at)
    looks(delivery, 15, at)
    row = rush.outbox.get(sent.id)
    assert row is not None
    expected = {"merged": ("approved", None), "returned": ("returned", "日期有误")}
    assert (row.state, row.reason) == expected.get(then, ("pending", None))
    assert [one.number for one in host.pulls()] == [1] and rush.outbox.batches.parked() == []


def test_a_host_that_answers_nothing_is_asked_three_times_a_pass(rush: Rush, unreadable: Unreadable) -> None:
    rush.send(5)
    delivery = rush.delivery()
    delivery.deliver(NOW)
    for pull in unreadable.open_pulls():
        unreadable.close(pull.number, "m0003", "重复", NOW)
    unreadable.unreadable, unreadable.asked = frozenset(range(1, 6)), 0
    with pytest.raises(HostUnavailable):
        delivery.reconcile(NOW)
    assert unreadable.asked == 3


def test_a_ref_that_the_host_refuses_keeps_no_other_from_being_tidied(
    rush: Rush, unreadable: Unreadable
) -> None:
    (sent,) = rush.send()
    delivery = rush.delivery()
    delivery.deliver(NOW)
    unreadable.close(1, "m0003", "重复", NOW)
    delivery.reconcile(NOW)
    foreign = f"sub/{'0' * 26}"
    unreadable.repo.update_refs([RefUpdate(f"refs/heads/{foreign}", unreadable.repo.resolve(MAIN), None)])
    unreadable.unreadable = frozenset({foreign})
    delivery.deliver(NOW)
    delivery.tidy(NOW)
    assert unreadable.repo.resolve(f"refs/heads/sub/{sent.id}") is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_correction_that_was_dropped_in_the_merge_is_told_as_returned(
    rush: Rush, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    (first,) = rush.send()
    delivery = rush.delivery()
    delivery.deliver(NOW)
    rush.host.merge(1, rush.host.open_pulls()[0].head, "m0003", NOW)
    delivery.carry(NOW)
    (sent,) = rush.send(action="correct", record=first.id, reason="日期写错了", hours=Decimal(1))
    delivery.deliver(NOW)
    (pull,) = rush.host.open_pulls()
    if kept:
        rush.host.merge(pull.number, pull.head, "m0003", NOW)
        merged = rush.host.get(pull.number)
    else:  # somebody took the change out again before it was merged
        merged = replace(pull, state="merged", decided_by="m0003", decided_at=NOW.isoformat())
    monkeypatch.setattr(rush.host, "open_pulls", list)
    monkeypatch.setattr(rush.host, "get", lambda number: merged)
    if kept:
        assert delivery.reconcile(NOW) == 1
    else:  # perhaps the host told it before git has it
        looks(delivery, 50)
        assert rush.state(sent) == "pending"
        looks(delivery, 20, NOW + timedelta(minutes=50))
    assert rush.state(sent) == ("approved" if kept else "returned")


def test_a_decision_waits_can_be_undone_and_is_made_once(rush: Rush) -> None:
    decisions = rush.outbox.decisions
    due = NOW.timestamp() + 600
    made = decisions.add(1, "a" * 40, "m0003", "approve", {}, NOW, due)
    assert made is not None and decisions.add(1, "a" * 40, "m0005", "return", {}, NOW, due) is None
    assert decisions.due(due - 1) == [] and [one.id for one in decisions.due(due)] == [made.id]
    assert not decisions.undo(made.id, "m0005") and decisions.undo(made.id, "m0003")
    assert decisions.due(due) == [] and not decisions.end(made.id, "done")
    again = decisions.add(1, "a" * 40, "m0003", "return", {"reason": "x"}, NOW, due)
    assert again is not None and decisions.hasten(again.id, "m0003", NOW.timestamp())
    assert decisions.end(again.id, "failed", "moved") and not decisions.undo(again.id, "m0003")
    assert [one.error for one in decisions.failed("m0003", NOW)] == ["moved"]


def test_nothing_waits_for_a_time_that_a_clock_ahead_wrote(rush: Rush) -> None:
    """It was set right by a year: steps that were put off, decisions, and what gathers in a rush."""
    (sent,), year, delivery = rush.send(), NOW + timedelta(days=365), rush.delivery()
    rush.host.faulty.plan = [(HostUnavailable("away"), False)]
    assert delivery.deliver(year) == 0 and delivery.deliver(NOW) == 1 and rush.state(sent) == "pending"
    made = rush.outbox.decisions.add(1, "a" * 40, "m0003", "approve", {}, year, year.timestamp() + 600)
    later = rush.outbox.decisions.add(2, "a" * 40, "m0003", "approve", {}, NOW, NOW.timestamp() + 3600)
    assert made is not None and later is not None
    assert [one.id for one in rush.outbox.decisions.due(NOW.timestamp())] == [made.id]
    rush.send(8, at=year)
    assert delivery.deliver(NOW) == 1, "a rush, but nobody is waited for"


def test_a_webhook_is_new_once(rush: Rush) -> None:
    limits = rush.outbox.limits
    assert limits.is_new("github", "d-1", 0.0) and not limits.is_new("github", "d-1", 1.0)
    assert limits.is_new("gitea", "d-1", 1.0)
