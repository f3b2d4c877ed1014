"""What members do after sending: take back, correct, register again, ask how it stands, get a new link."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import BRIDGE
from test_batches import opened_again
from test_bridge import GOOD, NOW, Desk, bridge
from test_pictures import photo

from xueshi import proposals, records
from xueshi.bridge import carry_out
from xueshi.cli import main
from xueshi.delivery.carrying import MISSING
from xueshi.errors import HostDenied, HostRefused, HostUnavailable
from xueshi.hosts.base import Budget
from xueshi.model import Closing, Void
from xueshi.outbox import Gathering
from xueshi.words import receipt_code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with bridge(tmp_path) as made:
        yield made


def approved(desk: Desk, **more: str) -> str:
    """A registration that counts; its receipt."""
    receipt = desk.sent(**more)  # type: ignore[arg-type]
    desk.deliver()
    number = desk.host.open_pulls()[-1].number
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(number)})
    desk.deliver()
    assert "已通过" in desk.client.get(receipt).text
    return receipt


def ticket(receipt: str) -> str:
    return receipt.rpartition("/")[2]


# --- withdraw


def test_what_has_not_gone_to_the_host_is_withdrawn_at_once(desk: Desk) -> None:
    receipt = desk.sent()
    assert f"{receipt}/withdraw" in desk.client.get(receipt).text
    asked = desk.client.get(f"{receipt}/withdraw").text
    assert "撤回这条登记？" in asked and "党章专题学习" in asked
    page = desk.client.post(f"{receipt}/withdraw").text
    assert "已撤回" in page and "修改后重新提交" in page and f"{receipt}/withdraw" not in page
    desk.deliver()
    assert desk.host.open_pulls() == []
    assert "已撤回" in desk.client.get(f"{desk.member()}/mine").text


def test_what_waits_on_the_host_is_withdrawn_through_it(desk: Desk) -> None:
    receipt = desk.sent()
    desk.deliver()
    page = desk.client.post(f"{receipt}/withdraw").text
    assert "正在撤回" in page and "<h1" in page and "已撤回</h1>" not in page
    carry_out(desk.office, NOW)
    assert desk.host.get(1).state == "closed"  # type: ignore[union-attr]
    desk.deliver()
    row = desk.outbox.get(ticket(receipt))
    assert row is not None and (row.state, row.decided_by) == ("withdrawn", "m0012")
    assert "已撤回</h1>" in desk.client.get(receipt).text
    again = re.search(r'href="([^"]+\?again=[^"]+)"', desk.client.get(receipt).text)
    assert again is not None and "党章专题学习" in desk.client.get(again[1]).text


def test_one_leaves_a_group_and_the_others_stay(desk: Desk) -> None:
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    mine = desk.sent(key="a")
    others = [desk.sent(desk.member(m), key=m) for m in ("m0005", "m0003")]
    desk.deliver()
    desk.client.post(f"{mine}/withdraw")
    desk.client.post(f"{others[0]}/withdraw")  # before the first is through
    for _ in range(3):
        carry_out(desk.office, NOW)
        desk.deliver()
    desk.deliver()
    states = [desk.outbox.get(ticket(r)).state for r in (mine, *others)]  # type: ignore[union-attr]
    assert states == ["withdrawn", "withdrawn", "pending"]


def test_a_withdrawal_waits_for_the_way_out_and_for_a_host_that_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = desk.sent()
    desk.outbox.batches.seal(NOW, Gathering(), busy=False)  # on its way, no pull request yet
    assert "正在撤回" in desk.client.post(f"{receipt}/withdraw").text

    def away(*_: object, **__: object) -> None:
        raise HostUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(desk.host, "close", away)
        desk.deliver()
        carry_out(desk.office, NOW)
        assert "正在撤回" in desk.client.get(receipt).text
        assert "正在撤回" in desk.client.get(f"{desk.member()}/mine").text
    carry_out(desk.office, NOW)
    desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text


def test_who_is_too_late_is_told_that_it_was_approved(desk: Desk) -> None:
    receipt = desk.sent()
    desk.deliver()
    desk.host.merge(1, desk.pull()[2:], "m0003", NOW)
    desk.client.post(f"{receipt}/withdraw")
    desk.deliver()
    page = desk.client.get(receipt).text
    assert "已通过</h1>" in page and "您要撤回时，审核人已经通过了这一条" in page


def test_a_withdrawn_one_cannot_be_approved_by_a_decision_that_waits(desk: Desk) -> None:
    desk.office.undo = timedelta(minutes=10)
    receipt = desk.sent()
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    desk.client.post(f"{receipt}/withdraw")
    desk.office.now = lambda: NOW + timedelta(minutes=10)
    carry_out(desk.office, desk.office.now())
    desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text
    assert "党章专题学习 2 学时：已被本人撤回" in desk.client.get(desk.reviewer()).text


def parked(desk: Desk, *receipts: str) -> None:
    """What was sent goes together, and the host refuses to open it."""

    def refuse(*_: object) -> None:
        raise HostRefused("title too long")

    desk.delivery.rules = Gathering(rush=0, seconds=0)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(desk.host, "open", refuse)
        desk.deliver()
    assert {desk.outbox.get(ticket(one)).state for one in receipts} == {"parked"}  # type: ignore[union-attr]


def test_what_was_set_aside_is_withdrawn_in_the_next_pass_and_the_rest_goes_on(desk: Desk) -> None:
    mine, other = desk.sent(key="a"), desk.sent(desk.member("m0005"), key="b")
    parked(desk, mine, other)
    (before,) = desk.outbox.batches.parked()
    page = desk.client.post(f"{mine}/withdraw").text
    assert "连上审核台就撤回" in page and 'data-state="received"' in page, "it looks again by itself"
    carry_out(desk.office, NOW)
    page = desk.client.get(mine).text
    assert "已撤回</h1>" in page and "修改后重新提交" in page and "正在" not in page
    assert desk.outbox.withdrawals.open() == []
    assert not desk.outbox.batches.unpark(before.id), "nobody retries what holds it"
    for _ in range(2):
        desk.deliver()
    (pull,) = desk.host.open_pulls()
    assert pull.head_ref != before.ref
    waiting = next(iter(records.load_proposals(desk.school.repo, "main")))
    assert [study.id for study in waiting.studies] == [ticket(other)]
    assert desk.school.repo.resolve(f"refs/heads/{before.ref}") is None  # it held both


def test_the_last_one_set_aside_leaves_nothing_to_retry(desk: Desk) -> None:
    receipt = desk.sent()
    parked(desk, receipt)
    desk.client.post(f"{receipt}/withdraw")
    carry_out(desk.office, NOW)
    held = desk.outbox.batches.get(ticket(receipt))
    assert held is not None and held.state == "decided" and desk.outbox.batches.parked() == []
    desk.deliver()
    assert desk.host.open_pulls() == [] and desk.outbox.counts() == {"withdrawn": 1}


def test_set_aside_though_it_was_opened_is_withdrawn_through_its_pull_request(desk: Desk) -> None:
    """The host had opened it when its answer was lost: what is closed there cannot be merged there."""
    receipt = desk.sent()
    opened = desk.host.open

    def lost(*args: object) -> None:
        opened(*args)  # type: ignore[arg-type]
        raise ValueError("an answer that nobody can read")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(desk.host, "open", lost)
        desk.deliver()
    assert desk.outbox.get(ticket(receipt)).state == "parked"  # type: ignore[union-attr]
    assert "正在撤回" in desk.client.post(f"{receipt}/withdraw").text
    for _ in range(2):
        desk.deliver()
        carry_out(desk.office, NOW)
    desk.deliver()
    assert desk.host.get(1).state == "closed"  # type: ignore[union-attr]
    assert "已撤回</h1>" in desk.client.get(receipt).text


def test_a_host_that_is_away_is_asked_again_before_what_was_set_aside_is_withdrawn(desk: Desk) -> None:
    receipt = desk.sent()
    parked(desk, receipt)

    def away(*_: object) -> None:
        raise HostUnavailable("away")

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(desk.host, "find", away)
        desk.client.post(f"{receipt}/withdraw")
        carry_out(desk.office, NOW)
        page = desk.client.get(receipt).text
    assert "连上审核台就撤回" in page and "管理员会处理" not in page
    carry_out(desk.office, NOW)
    assert "已撤回</h1>" in desk.client.get(receipt).text


def test_a_decision_is_told_that_its_record_was_withdrawn(desk: Desk) -> None:
    desk.office.undo = timedelta(minutes=10)
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    alone = desk.sent(key="a")
    desk.deliver()
    mine, _ = desk.sent(key="b", title="另一次学习"), desk.sent(desk.member("m0005"), key="c")
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": [desk.pull(1), desk.pull(2)]})
    for receipt in (alone, mine):
        desk.client.post(f"{receipt}/withdraw")
    assert desk.client.get(desk.reviewer()).text.count("本人正在撤回") == 2
    carry_out(desk.office, NOW)
    page = desk.client.get(desk.reviewer()).text
    assert "刚才的决定" not in page and desk.outbox.decisions.waiting() == []
    assert "：已被本人撤回，不用再审" in page and "其中一条已被本人撤回，其余 1 条会重新送来" in page
    late = desk.client.post(f"{desk.reviewer()}/1/return", data={"words": "x"}).text
    assert "已被本人撤回：不用再审" in late and "这条已经审完" not in late


def test_a_decision_waits_for_a_withdrawal_that_was_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.office.undo = timedelta(minutes=10)
    receipt = desk.sent()
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})

    def away(*_: object) -> None:
        raise HostUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(desk.host, "close", away)
        desk.client.post(f"{receipt}/withdraw")
        carry_out(desk.office, NOW)
        assert "本人正在撤回" in desk.client.get(desk.reviewer()).text
        assert carry_out(desk.office, NOW + timedelta(minutes=10)) == 1
        assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    carry_out(desk.office, NOW + timedelta(minutes=10))
    assert desk.host.get(1).state == "closed"  # type: ignore[union-attr]
    assert "已被本人撤回" in desk.client.get(desk.reviewer()).text


@pytest.mark.parametrize(
    ("fault", "minutes", "state"),
    [
        (HostDenied("host.account"), 10, "merged"),
        (HostRefused("422: locked"), 10, "merged"),
        (HostUnavailable("away"), 30, "open"),
        (HostUnavailable("away"), 31, "merged"),
    ],
)
def test_a_wish_that_comes_to_nothing_keeps_nobody_else_from_being_approved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: Exception, minutes: int, state: str
) -> None:
    desk.office.undo = timedelta(minutes=10)
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    mine, other = desk.sent(key="a"), desk.sent(desk.member("m0005"), key="b")
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})

    def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr(desk.host, "close", refuse)
    assert "正在撤回" in desk.client.post(f"{mine}/withdraw").text
    carry_out(desk.office, NOW + timedelta(minutes=minutes))
    assert desk.host.get(1).state == state  # type: ignore[union-attr]
    if state == "merged":
        desk.deliver()
        told = [desk.client.get(receipt).text for receipt in (mine, other)]
        assert all("已通过</h1>" in page for page in told) and "您要撤回时" in told[0]


def test_a_wish_that_was_kept_by_a_clock_ahead_of_time_keeps_no_decision_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = desk.sent()
    desk.deliver()
    monkeypatch.setattr(desk.host, "close", away)
    desk.office.now = lambda: NOW + timedelta(days=400)
    desk.client.post(f"{receipt}/withdraw")
    desk.office.now = lambda: NOW
    desk.office.undo = timedelta(minutes=10)
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    carry_out(desk.office, NOW + timedelta(minutes=10))
    assert desk.host.get(1).state == "merged"  # type: ignore[union-attr]


def away(*_: object) -> None:
    raise HostUnavailable("away")


def given_again(desk: Desk) -> tuple[str, str]:
    """The host was put back from a backup without pull request 1, and another member's got its number: the receipts of
    the one that is gone and of the one that is there."""
    mine = desk.sent(key="a")
    desk.deliver()
    for name in ("refs/pull/1/head", "refs/pull/1/meta", f"refs/heads/sub/{ticket(mine)}"):
        desk.school.repo.run("update-ref", "-d", name)
    other = desk.sent(desk.member("m0005"), key="b")
    desk.deliver()
    pull = desk.host.get(1)
    assert pull is not None and pull.head_ref == f"sub/{ticket(other)}"
    return mine, other


def test_a_withdrawal_closes_nothing_of_others_that_was_given_its_number(desk: Desk) -> None:
    mine, other = given_again(desk)
    desk.client.post(f"{mine}/withdraw")
    carry_out(desk.office, NOW)
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    assert "正在撤回" in desk.client.get(mine).text
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    assert desk.host.get(1).state == "merged", "nor does it keep a decision on it waiting"  # type: ignore[union-attr]
    desk.deliver()
    assert "已通过</h1>" in desk.client.get(other).text


def test_what_was_decided_under_a_number_given_again_is_not_told_as_withdrawn(desk: Desk) -> None:
    mine, _ = given_again(desk)
    desk.client.post(f"{mine}/withdraw")
    seen = desk.pull()
    desk.host.close(1, "m0005", "日期有误", NOW)
    late = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": seen}).text
    assert "这条已经审完了" in late and "已被本人撤回" not in late


def test_a_request_keeps_the_wish_and_leaves_the_host_to_the_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [desk.sent(key=key, title=key) for key in ("甲", "乙", "丙")]
    desk.deliver()
    calls, woken = [], []

    def slow(*_: object) -> None:
        calls.append(1)
        raise HostUnavailable("a minute, then nothing")

    desk.office.wake = lambda: woken.append(1)
    with monkeypatch.context() as broken:
        for name in ("get", "find", "close", "open_pulls"):
            broken.setattr(desk.host, name, slow)
        for receipt in (*receipts, receipts[0]):
            assert "正在撤回" in desk.client.post(f"{receipt}/withdraw").text
    assert calls == [] and len(woken) == 3, "what is wanted already is nothing new"
    carry_out(desk.office, NOW)
    assert desk.host.open_pulls() == []


def test_what_its_member_took_back_is_not_approved_when_it_is_opened_again(desk: Desk) -> None:
    receipt = desk.sent()
    desk.deliver()
    withdrawn(desk, receipt)
    opened_again(desk, 1)  # type: ignore[arg-type]  # its host is all it needs
    desk.deliver()
    refused = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    assert refused.status_code == 409 and "已被本人撤回：不用再审" in refused.text
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    carry_out(desk.office, NOW)
    pull = desk.host.get(1)
    assert pull is not None and (pull.state, pull.decided_by) == ("closed", "m0012")
    assert pull.reason == f"撤回 {receipt_code(ticket(receipt))} 本人撤回"
    desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text


def test_a_decision_made_before_it_was_taken_back_is_not_carried_out_when_it_is_opened_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = desk.sent()
    desk.deliver()
    withdrawn(desk, receipt)
    opened_again(desk, 1)  # type: ignore[arg-type]  # its host is all it needs
    pull = desk.host.get(1)
    assert pull is not None
    desk.outbox.decisions.add(1, pull.head, "m0003", "approve", {"title": "旧的"}, NOW, NOW.timestamp())
    with monkeypatch.context() as broken:
        broken.setattr(desk.host, "close", away)
        carry_out(desk.office, NOW)
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    assert "旧的：已被本人撤回" in desk.client.get(desk.reviewer()).text


def test_who_stayed_in_a_group_goes_on_when_its_first_pull_request_is_opened_again(desk: Desk) -> None:
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    mine, other = desk.sent(key="a"), desk.sent(desk.member("m0005"), key="b")
    desk.deliver()
    withdrawn(desk, mine)
    opened_again(desk, 1)  # type: ignore[arg-type]  # its host is all it needs
    for _ in range(2):
        carry_out(desk.office, NOW)
        desk.deliver()
    (pull,) = desk.host.open_pulls()
    assert pull.head_ref == desk.outbox.batches.get(desk.outbox.get(ticket(other)).batch).ref  # type: ignore[union-attr, arg-type]
    assert [desk.outbox.get(ticket(one)).state for one in (mine, other)] == ["withdrawn", "pending"]  # type: ignore[union-attr]


def withdrawn(desk: Desk, receipt: str) -> None:
    """Taken back, all the way."""
    desk.client.post(f"{receipt}/withdraw")
    for _ in range(2):
        carry_out(desk.office, NOW)
        desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text


@pytest.mark.parametrize("undo", [0, 10])
def test_nothing_is_approved_at_once_over_a_wish_that_is_on_its_way(desk: Desk, undo: int) -> None:
    desk.office.undo = timedelta(minutes=undo)
    receipt = desk.sent()
    desk.deliver()
    if undo:
        desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    desk.client.post(f"{receipt}/withdraw")
    if undo:
        (made,) = desk.outbox.decisions.waiting()
        page = desk.client.post(f"{desk.reviewer()}/at-once", data={"decision": str(made.id)}).text
    else:
        page = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()}).text
    assert "本人正在撤回，撤回后这个决定不再生效" in page and "已通过 1 条" not in page
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    carry_out(desk.office, NOW)
    desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text
    assert "已被本人撤回，不用再审" in desk.client.get(desk.reviewer()).text


def test_what_is_taken_back_while_its_pull_request_is_missing_is_told_what_it_waits_for(desk: Desk) -> None:
    receipt = desk.sent()
    desk.deliver()
    held = desk.outbox.batches.get(ticket(receipt))
    assert held is not None
    desk.outbox.batches.park(held, "pull 1 is not on the host", MISSING)
    code = receipt_code(ticket(receipt))
    page, status = desk.client.get(receipt).text, desk.client.get(f"/s/{code}").text
    assert "管理员会重新送审" in page and "管理员会重新送审" in status
    assert not any("正在送到审核台" in text for text in (page, status))
    desk.client.post(f"{receipt}/withdraw")
    page, status = desk.client.get(receipt).text, desk.client.get(f"/s/{code}").text
    for text in (page, status):
        assert "审核台上的这一条被删掉或移走了" in text and "管理员处理后就撤回" in text
        assert "连上审核台" not in text and "还没有送到" not in text and "重新送审" not in text
    assert desk.outbox.batches.unpark(held.id)  # what the page says of the administrator holds
    for _ in range(2):
        desk.deliver()
        carry_out(desk.office, NOW)
    desk.deliver()
    assert "已撤回</h1>" in desk.client.get(receipt).text


def test_a_full_disk_is_told_to_who_takes_back_in_words_of_taking_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [True]
    monkeypatch.setattr("xueshi.disk.room", lambda *_: room[0])
    with bridge(tmp_path) as desk:
        receipt = desk.sent()
        room[0] = False
        refused = desk.client.post(f"{receipt}/withdraw")
        assert refused.status_code == 507 and "暂时不能撤回" in refused.text and "照片" not in refused.text
        assert "照片要重新选" in desk.client.post(desk.member(), data=GOOD).text


def test_only_the_own_receipt_is_withdrawn(desk: Desk) -> None:
    receipt = desk.sent()
    assert desk.client.post(f"{desk.member('m0005')}/r/{ticket(receipt)}/withdraw").status_code == 404
    poster = desk.path(desk.office.links.poster("jg1"))
    assert desk.client.post(f"{poster}/r/{ticket(receipt)}/withdraw").status_code == 404
    by_poster = desk.sent(poster, member="m0005", key="p")
    assert "已撤回" in desk.client.post(f"{by_poster}/withdraw").text
    assert desk.outbox.get(ticket(receipt)).state == "received"  # type: ignore[union-attr]


# --- correct


def correction(**more: str) -> dict[str, str]:
    return {**GOOD, "start_date": "other", "start_date_other": "2026-03-04", "reason": "日期写错了", **more}


def test_an_approved_record_is_corrected_through_review(desk: Desk) -> None:
    receipt = approved(desk, photos=(photo(),), content="逐条讨论")  # type: ignore[arg-type]
    path = f"{desk.member()}/correct/{ticket(receipt)}"
    assert "更正这条记录" in desk.client.get(receipt).text
    form = desk.client.get(path).text
    assert "更正原因" in form and "逐条讨论" in form and form.count('name="kept"') == 1
    kept = re.search(r'name="kept" value="([^"]+)"', form)
    assert kept is not None
    answer = desk.client.post(path, data=correction(kept=kept[1], content="逐条讨论", reason=""))
    assert answer.status_code == 422 and "请写明为什么更正" in answer.text and "2026-03-04" in answer.text
    answer = desk.client.post(path, data=correction(kept=kept[1], content="逐条讨论", hours="1.5"))
    new = str(answer.url.path)
    assert "更正的内容" in answer.text and "2026年3月5日" in answer.text and "2026年3月4日" in answer.text
    assert "日期写错了" in answer.text and "2 → 1.5" in answer.text  # what it does to the year's hours
    desk.deliver()
    page = desk.client.get(f"{desk.reviewer()}/2").text
    table = page[page.index("更正了什么") : page.index("更正了什么") + 900]
    assert "学习日期" in table and "2026年3月4日" in table and ">1.5<" in table and "学习内容" not in table
    assert "更正已有记录：日期写错了" in page
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(2)})
    desk.deliver()
    study = next(iter(desk.office.current().records.studies.values()))
    assert (study.start_date.isoformat(), study.hours, study.id) == ("2026-03-04", 1.5, ticket(receipt))
    assert study.change is not None and (study.change.action, study.change.by) == ("correct", "m0012")
    assert len(study.evidence) == 1
    page = desk.client.get(new).text
    assert "已通过</h1>" in page and "2026年3月5日" in page  # what it was stays to be seen


def test_a_second_correction_is_shown_the_first(desk: Desk) -> None:
    receipt = approved(desk)
    path = f"{desk.member()}/correct/{ticket(receipt)}"
    first = desk.client.post(path, data=correction(), follow_redirects=False)
    assert first.status_code == 303
    again = desk.client.post(path, data=correction(), follow_redirects=False)  # a double tap
    assert ticket(again.headers["location"]) == ticket(first.headers["location"])
    for answer in (desk.client.get(path), desk.client.post(path, data=correction(hours="1"))):
        assert answer.status_code == 409 and "已经有一份更正" in answer.text
        assert ticket(first.headers["location"]) in answer.text
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/2/return", data={"words": "没有错"})
    desk.deliver()
    page = desk.client.get(first.headers["location"]).text
    back = re.search(r'href="([^"]+/correct/[^"]+)"', page)
    assert back is not None and "日期写错了" in desk.client.get(back[1].replace("&amp;", "&")).text
    assert desk.client.post(path, data=correction(hours="1"), follow_redirects=False).status_code == 303


def test_corrections_sent_at_once_are_one(desk: Desk) -> None:
    receipt = approved(desk)
    path = f"{desk.member()}/correct/{ticket(receipt)}"
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda n: desk.client.post(path, data=correction(hours=str(n)), follow_redirects=False),
            (1, 3, 4, 8),
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    rows = [row for row in desk.outbox.of_member("m0012") if row.sent.action == "correct"]
    assert len(rows) == 1


def test_a_change_proposed_on_the_host_comes_first(desk: Desk) -> None:
    receipt = approved(desk)
    study = next(iter(desk.office.current().records.studies.values()))
    ident = "01KJYKG9Z08M4T0V2N9X5B7CD1"
    message = proposals.commit_message("void", ident, study.id, "m0005")
    void = proposals.voided(study, Void("m0005", NOW, "不该登记"))
    desk.school.tip = desk.office.current().tip
    head = desk.school.commit((desk.school.tip,), {study.path: records.study_file(void)}, message, BRIDGE)
    desk.school.repo.run("update-ref", f"refs/heads/sub/{ident}", head)
    desk.deliver()
    answer = desk.client.get(f"{desk.member()}/correct/{ticket(receipt)}")
    assert answer.status_code == 409 and "正在被更正" in answer.text
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(2)})
    answer = desk.client.get(f"{desk.member()}/correct/{ticket(receipt)}")
    assert answer.status_code == 409 and "已经作废，不能更正" in answer.text
    assert "更正这条记录" not in desk.client.get(receipt).text


def test_foreign_and_unchanged_records_are_not_corrected(desk: Desk) -> None:
    receipt = approved(desk)
    foreign = desk.client.get(f"{desk.member('m0005')}/correct/{ticket(receipt)}")
    assert foreign.status_code == 404 and "只能更正本人已经通过的记录" in foreign.text
    assert "党章" not in foreign.text
    poster = desk.path(desk.office.links.poster("jg1"))
    assert desk.client.get(f"{poster}/correct/{ticket(receipt)}").status_code == 404
    same = desk.client.post(f"{desk.member()}/correct/{ticket(receipt)}", data={**GOOD, "reason": "没有改"})
    assert same.status_code == 422 and "还没有改动任何一项" in same.text


def test_a_closed_year_is_not_corrected(desk: Desk) -> None:
    receipt = approved(desk, start_date="other", start_date_other="2025-12-05")
    desk.office.now = lambda: NOW
    current = desk.office.current()
    closing = Closing(2025, current.tip, "0" * 40, "m0005", NOW, {}, {})
    desk.office._current = replace(current, records=replace(current.records, closings={2025: closing}))
    answer = desk.client.get(f"{desk.member()}/correct/{ticket(receipt)}")
    assert answer.status_code == 409 and "2025 年已经结账，不能更正" in answer.text


def test_a_course_of_several_days_keeps_them(desk: Desk) -> None:
    school = desk.school
    course = school.study(
        kind="off_job",
        title="集中培训",
        hours="40",
        start_date=date(2026, 2, 2),
        organiser_level="university",
    )
    course = replace(course, end_date=date(2026, 2, 6))
    school.merge(school.propose(course))
    path = f"{desk.member()}/correct/{course.id}"
    assert "别处登记的记录" in desk.client.get(f"{desk.member()}/mine").text
    said = {
        **GOOD, "kind": "off_job", "title": "集中培训班", "start_date": "other", "start_date_other": "2026-02-02",
        "hours": "other", "hours_other": "40", "organiser_level": "university", "reason": "名称不全",
    }  # fmt: skip
    answer = desk.client.post(path, data=said)
    assert answer.status_code == 200 and "更正的内容" in answer.text and "集中培训班" in answer.text
    desk.deliver()
    (study,) = next(iter(records.load_proposals(desk.school.repo, "main"))).studies
    assert (study.end_date, study.hours, study.title) == (date(2026, 2, 6), 40, "集中培训班")


def test_a_correction_that_could_not_be_stored_gives_the_form_back(desk: Desk) -> None:
    receipt = approved(desk)
    path = f"{desk.member()}/correct/{ticket(receipt)}"
    held = sqlite3.connect(desk.outbox.folder / "outbox.sqlite", isolation_level=None)
    with contextlib.closing(held):
        held.execute("BEGIN IMMEDIATE")
        busy = desk.client.post(path, data=correction(), follow_redirects=False)
        held.execute("ROLLBACK")
    assert busy.status_code == 503 and "还没有存下</h2>" in busy.text and "更正记录" in busy.text
    assert desk.client.post(path, data=correction(), follow_redirects=False).status_code == 303


def squashed(desk: Desk) -> str:
    """What was sent, merged on the host in a way that does not tell who reviewed it; the receipt's path."""
    receipt = desk.sent()
    desk.deliver()
    study = next(iter(records.load_proposals(desk.school.repo, "main"))).studies[0]
    desk.school.push({study.path: records.study_file(study)})
    held = desk.outbox.batches.get(ticket(receipt))
    assert held is not None
    told = {"state": "approved", "decided_at": NOW.isoformat(), "decided_by": "m0003", "reason": None}
    assert desk.outbox.batches.decide(held, {ticket(receipt): told})
    return receipt


def test_what_was_merged_without_a_review_that_counts_is_nowhere_told_as_approved(desk: Desk) -> None:
    receipt = squashed(desk)
    pages = [receipt, f"{desk.member()}/mine", f"/s/{receipt_code(ticket(receipt))}"]
    for page in pages:
        text = desk.client.get(page).text
        assert "已合并，没有计入" in text and "支部组织委员，由审核人再确认一次" in text, page
        assert "已通过" not in text and "已经计入学时" not in text, page
    other = bridge_without_memory(desk)
    assert "没有计入学时" in other.client.get(f"{other.member()}/mine").text


def test_records_from_elsewhere_are_listed_and_keep_their_pictures(desk: Desk) -> None:
    receipt = approved(desk, photos=(photo(),))  # type: ignore[arg-type]
    other = bridge_without_memory(desk)
    page = other.client.get(f"{other.member()}/mine").text
    path = f"{other.member()}/correct/{ticket(receipt)}"
    assert "别处登记的记录" in page and f"/correct/{ticket(receipt)}" in page
    form = other.client.get(path).text
    kept = re.search(r'name="kept" value="([^"]+)"', form)
    assert kept is not None and other.client.get(f"/p/{kept[1]}?small").status_code == 200
    answer = other.client.post(path, data=correction(kept=kept[1]))
    assert answer.status_code == 200 and "更正的内容" in answer.text
    assert len(other.outbox.of_member("m0012")[0].sent.evidence) == 1


def bridge_without_memory(desk: Desk) -> Desk:
    """The same installation with an empty outbox: it knows only what the repository says."""
    desk.office.outbox = type(desk.outbox)(desk.outbox.folder.parent / "fresh")
    return desk


# --- register again


def test_the_next_one_begins_like_the_last_with_todays_date(desk: Desk) -> None:
    receipt = desk.sent(start_date="other", start_date_other="2026-03-02", place="会议室", content="逐条讨论")
    for page in (desk.client.get(receipt).text, desk.client.get(f"{desk.member()}/mine").text):
        again = re.search(r'href="([^"]+\?again=[^"]+)"', page)
        assert again is not None
        form = desk.client.get(again[1]).text
        assert 'value="2026-03-05" data-told="2026年3月5日（星期四）" checked' in form
        assert "党章专题学习" in form and "会议室" in form and "逐条讨论" not in form


# --- links that are replaced


def test_a_replaced_link_says_so_and_the_new_one_holds(desk: Desk) -> None:
    old, other = desk.member(), desk.member("m0005")
    receipt = desk.sent(old)
    page = desk.client.get(f"{old}/mine").text
    assert "不是我的链接？" in page and "支部组织委员" in page
    assert desk.outbox.doors.replace("m", "m0012", NOW) == 1
    for path in (old, receipt, f"{old}/mine", f"{old}/correct/x"):
        answer = desk.client.get(path)
        assert answer.status_code == 404 and "这个链接已经换成新的" in answer.text
    assert desk.client.post(old, data=GOOD).status_code == 404
    assert ticket(receipt) in desk.client.get(f"{desk.member()}/mine").text
    assert desk.client.get(other).status_code == 200
    assert desk.client.get(desk.path(desk.office.links.poster("jg1"))).status_code == 200


def test_the_command_replaces_one_link(tmp_path: Path) -> None:
    def run(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, list(args))
        return done.exit_code, done.output

    run("sample", str(tmp_path / "host.git"), "--members", "12", "--records", "60", "--until", "2026-11-24")
    links = ("links", "--dir", str(tmp_path), "--base-url", "https://study.example.invalid")
    before = {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in run(*links)[1].splitlines()}
    member = next(ident for kind, ident in before if kind == "member")
    reviewer = next(ident for kind, ident in before if kind == "desk")
    assert re.search(r"审核码 \d{6}$", before["desk", reviewer][0])
    code, out = run(*links, "--replace", member)
    assert code == 0 and out.startswith(f"member\t{member}\t") and len(out.splitlines()) == 1
    assert run(*links, "--replace", "jg1", "--poster")[1].startswith("poster\tjg1\t")
    code, out = run(*links, "--replace", reviewer, "--desk")
    assert code == 0 and out.split("\t")[2] != before["desk", reviewer][0]  # the code is another, too
    for wrong in (("--replace", "m9999"), ("--desk",), ("--replace", "jg1", "--poster", "--desk")):
        assert run(*links, *wrong)[0] == 2


# --- how it stands, without a link


def test_a_receipts_code_tells_state_and_dates_and_nothing_about_anybody(desk: Desk) -> None:
    receipt = desk.sent(content="逐条讨论", place="会议室")
    code = receipt_code(ticket(receipt))
    assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", code)
    page = desk.client.get(receipt).text
    assert code in page and f"/s/{code}/qr.svg" in page and f"http://bridge.test/s/{code}" in page
    told = []
    for step in ("received", "pending", "returned"):
        shown = desk.client.get(f"/s/{code}")
        assert shown.status_code == 200 and shown.headers["cache-control"] == "no-store"
        told.append(shown.text)
        for secret in (
            "林样青",
            "m0012",
            "党章",
            "教工",
            "会议室",
            "逐条",
            "学时</title",
            "2 学时",
            ticket(receipt),
            "/m/",
        ):
            assert secret not in shown.text, (step, secret)
        if step == "received":
            desk.deliver()
        elif step == "pending":
            desk.client.post(f"{desk.reviewer()}/1/return", data={"words": "照片里没有林样青"})
            desk.deliver()
    assert "已收到</h1>" in told[0] and "待审核</h1>" in told[1] and "已退回</h1>" in told[2]
    assert "3月5日 09:00" in told[2] and "看退回的原因" in told[2]
    picture = desk.client.get(f"/s/{code}/qr.svg")
    assert picture.headers["content-type"].startswith("image/svg") and picture.text.startswith("<?xml")


def test_a_code_is_found_however_it_is_typed(desk: Desk) -> None:
    code = receipt_code(ticket(desk.sent()))
    likes = {"0": "O", "1": "l"}
    typed = [
        "".join(likes.get(c, c) for c in code).lower(),
        code.replace("-", ""),
        f" {code[:5]} {code[6:]} ",
    ]
    for text in typed:
        answer = desk.client.get("/s", params={"code": text})
        assert answer.status_code == 200 and answer.url.path == f"/s/{code}" and "已收到" in answer.text
    assert desk.client.get("/s").status_code == 200
    assert "10 个字母和数字" in desk.client.get("/s", params={"code": code[:6]}).text
    other = ("A" if code[0] != "A" else "B") + code[1:]
    for wrong in (f"/s/{other}", "/s/<b>", "/s/x"):
        answer = desk.client.get(wrong)
        assert answer.status_code == 404 and "没有这个回执号" in answer.text
    assert 'value="&lt;b&gt;"' in desk.client.get("/s/<b>").text


def test_a_withdrawal_that_is_denied_leaves_its_calls_to_decisions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was tried again in every pass, and took the only call that the host allowed."""
    mine = desk.sent(key="a", title="甲")
    other = desk.sent(desk.member("m0005"), key="b", title="乙")
    desk.deliver()
    desk.office.undo = timedelta(minutes=1)
    (number,) = [pull.number for pull in desk.host.open_pulls() if pull.head_ref.endswith(ticket(other))]
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(number)})
    desk.client.post(f"{mine}/withdraw")
    calls: list[int] = []

    def denied(*told: Any) -> None:
        calls.append(told[0])
        raise HostDenied("403")

    monkeypatch.setattr(type(desk.host), "budget", Budget(apart=3.0))
    monkeypatch.setattr(desk.host, "close", denied)
    for seconds in range(0, 1300, 4):
        carry_out(desk.office, NOW + timedelta(minutes=2, seconds=seconds))
    found = desk.host.get(number)
    assert found is not None and found.state == "merged" and 2 <= len(calls) <= 4
