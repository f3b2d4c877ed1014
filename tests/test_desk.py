"""The desk beyond one decision: its second confirmation, undoing, groups, speed, and desks that are on the host."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from conftest import BRIDGE, committee_files, person
from starlette.testclient import TestClient
from test_bridge import NOW, Desk, bridge
from test_pictures import photo

from xueshi import records
from xueshi.bridge import carry_out
from xueshi.bridge.brought import bring
from xueshi.bridge.obstacles import why
from xueshi.bridge.pages import Refused
from xueshi.delivery import Delivery, Wording
from xueshi.errors import HostConflict, HostDenied, HostProtected, HostRefused, HostUnavailable
from xueshi.outbox import Gathering
from xueshi.records import render
from xueshi.words import receipt_code

TEN = timedelta(minutes=10)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with bridge(tmp_path) as made:
        yield made


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose decisions wait ten minutes."""
    with bridge(tmp_path, TEN) as made:
        yield made


def state(desk: Desk, number: int = 1) -> str:
    pull = desk.host.get(number)
    assert pull is not None
    return pull.state


def later(desk: Desk, wait: timedelta) -> None:
    desk.office.now = lambda: NOW + wait


# --- the second confirmation


def link(desk: Desk, member: str = "m0003") -> str:
    """A desk link on a device that nobody has confirmed."""
    return desk.path(desk.office.links.desk(member))


def test_a_forwarded_link_shows_a_count_and_decides_nothing(desk: Desk) -> None:
    desk.sent(photos=(photo(),))
    desk.deliver()
    sha = desk.outbox.of_member("m0012")[0].sent.evidence[0].sha256
    path = link(desk)
    page = desk.client.get(path)
    assert page.status_code == 200 and "待审核 1 条" in page.text and "审核码" in page.text
    for way in (path, f"{path}/1", f"{path}/1/return", f"{path}/picture/{sha}"):
        text = desk.client.get(way).text
        assert "林样青" not in text and "党章" not in text and "审核码" in text, way
    for way in ("approve", "undo", "at-once", "noted", "leave", "1/amend", "1/return"):
        answer = desk.client.post(f"{path}/{way}", data={"pull": desk.pull(), "words": "x", "decision": "1"})
        assert answer.status_code == 403 and "林样青" not in answer.text, way
    assert state(desk) == "open" and desk.outbox.decisions.waiting() == []


def test_the_right_code_opens_the_desk_on_this_device_for_thirty_days(tmp_path: Path) -> None:
    with bridge(tmp_path, base_url="https://bridge.test") as desk:
        path, code = link(desk), desk.office.links.desk_code("m0003")
        answer = desk.client.post(
            f"{path}/confirm", data={"code": f" {code[:3]} {code[3:]}"}, follow_redirects=False
        )
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == 303 and "m0003" in cookie
        for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/desk", "Max-Age=2592000"):
            assert word in cookie
        assert "都审完了" in desk.client.get(path).text and "审核码 <" not in desk.client.get(path).text
        assert "请输入您的审核码" in desk.client.get(link(desk, "m0004")).text  # another's desk
        assert "请输入您的审核码" not in desk.client.get(link(desk)).text  # the same, by a link sent again
        desk.client.post(f"{path}/leave")
        assert "请输入您的审核码" in desk.client.get(path).text


def test_a_cookie_ends_after_thirty_days_and_with_a_replaced_link(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.reviewer()
    kept, started = desk.client.cookies["xueshi-desk-m0003"], time.time()
    monkeypatch.setattr("time.time", lambda: started + 31 * 86_400)
    page = desk.client.get(path, headers={"cookie": f"xueshi-desk-m0003={kept}"})
    assert "请输入您的审核码" in page.text
    monkeypatch.undo()
    old = desk.office.links.desk_code("m0003")
    desk.outbox.doors.replace("desk", "m0003", NOW)
    assert desk.client.get(path).status_code == 404 and "换成新的" in desk.client.get(path).text
    assert desk.office.links.desk_code("m0003") != old
    assert "请输入您的审核码" in desk.client.get(link(desk)).text
    assert "请输入您的审核码" in desk.client.get(link(desk, "m0005")).text


def test_five_wrong_codes_close_the_desk_for_a_quarter_of_an_hour(desk: Desk) -> None:
    path, right = link(desk), desk.office.links.desk_code("m0003")
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(4):
        answer = desk.client.post(f"{path}/confirm", data={"code": wrong})
        assert answer.status_code == 403 and "审核码不对" in answer.text
    assert desk.client.post(f"{path}/confirm", data={"code": wrong}).status_code == 429
    assert desk.client.post(f"{path}/confirm", data={"code": "12"}).status_code == 429
    closed = desk.client.post(f"{path}/confirm", data={"code": right})
    assert closed.status_code == 429 and "09:15 以后再试" in closed.text and 'name="code"' not in closed.text
    desk.office.outbox = type(desk.outbox)(desk.outbox.folder)  # after a restart too
    assert desk.client.post(f"{path}/confirm", data={"code": right}).status_code == 429
    assert desk.client.get(link(desk, "m0004")).status_code == 200  # nobody else's
    later(desk, timedelta(minutes=15, seconds=1))
    assert desk.client.post(f"{path}/confirm", data={"code": wrong}).status_code == 403
    assert desk.client.post(f"{path}/confirm", data={"code": right}).status_code == 200
    assert desk.outbox.doors.closed("desk:m0003", desk.office.now().timestamp()) == 0


def test_codes_tried_at_once_are_counted_too(desk: Desk) -> None:
    doors, now = desk.outbox.doors, NOW.timestamp()
    with ThreadPoolExecutor(16) as pool:
        tries = list(pool.map(lambda _: doors.try_code("desk:m0003", now)[0], range(40)))
    assert sum(number > 0 for number in tries) == 5


def test_a_confirmed_device_works_on_while_somebody_guesses(desk: Desk) -> None:
    path = desk.reviewer()
    for _ in range(6):
        desk.outbox.doors.try_code("desk:m0003", NOW.timestamp())
    assert "都审完了" in desk.client.get(path).text


def test_a_click_on_another_site_comes_back_with_its_cookie(desk: Desk) -> None:
    path = link(desk)
    page = desk.client.get(path, headers={"sec-fetch-site": "cross-site"}).text
    assert f'http-equiv="refresh" content="0;url={path}"' in page
    assert "http-equiv" not in desk.client.get(path).text


def test_where_reviewers_decide_on_the_host_the_desk_says_so(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    path = desk.reviewer()
    desk.office.desk = None
    for way in (path, f"{path}/1"):
        page = desk.client.get(way).text
        assert "请到代码托管平台上审核" in page and "1 条等您审核" in page and "林样青" not in page
    assert "请到代码托管平台上审核" in desk.client.post(f"{path}/approve", data={"pull": "1:x"}).text
    assert carry_out(desk.office, NOW) == 0


# --- undo


def decision(page: str) -> str:
    found = re.search(r'name="decision" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_a_decision_waits_and_can_be_undone(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    page = slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()}).text
    assert "10 分钟后生效" in page and "都审完了" in page and "刚才的决定" in page and "党章专题学习" in page
    later(slow, timedelta(minutes=1, seconds=5))
    assert "还有 9 分钟生效" in slow.client.get(slow.reviewer()).text
    assert "另一位审核人刚决定了 1 个" in slow.client.get(slow.reviewer("m0005")).text
    assert carry_out(slow.office, slow.office.now()) == 0 and state(slow) == "open"
    page = slow.client.post(f"{slow.reviewer()}/undo", data={"decision": decision(page)}).text
    assert "待审核 1 条" in page and "刚才的决定" not in page
    later(slow, TEN)
    carry_out(slow.office, slow.office.now())
    assert state(slow) == "open"


def test_a_decision_is_carried_out_when_it_is_due_and_not_undone_any_more(slow: Desk) -> None:
    receipt = slow.sent()
    slow.deliver()
    page = slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()}).text
    later(slow, TEN)
    assert carry_out(slow.office, slow.office.now()) == 0
    assert state(slow) == "merged"
    slow.client.post(f"{slow.reviewer()}/undo", data={"decision": decision(page)})
    slow.deliver()
    assert "已通过" in slow.client.get(receipt).text
    assert "刚才的决定" not in slow.client.get(slow.reviewer()).text


def test_at_once_is_at_once_and_only_ones_own(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    page = slow.client.post(
        f"{slow.reviewer()}/1/return", data={"kind": "日期有误", "words": "", "head": slow.pull()[2:]}
    ).text
    assert "退回" in page and "日期有误" in page
    ident = {"decision": decision(page)}
    for way in ("undo", "at-once"):
        slow.client.post(f"{slow.reviewer('m0005')}/{way}", data=ident)
    assert state(slow) == "open" and len(slow.outbox.decisions.waiting("m0003")) == 1
    slow.client.post(f"{slow.reviewer()}/at-once", data=ident)
    assert state(slow) == "closed" and slow.outbox.decisions.waiting() == []


def test_a_second_decision_on_the_same_waits_for_the_first(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    path = f"{slow.reviewer()}/approve"
    slow.client.post(path, data={"pull": slow.pull()})
    again = slow.client.post(path, data={"pull": slow.pull()})
    assert again.status_code == 200 and len(slow.outbox.decisions.waiting()) == 1
    other = slow.client.post(f"{slow.reviewer('m0005')}/approve", data={"pull": slow.pull()})
    assert other.status_code == 409 and "另一位审核人已经决定了这条" in other.text


def test_what_can_no_longer_be_carried_out_is_told(slow: Desk) -> None:
    slow.sent()
    slow.sent(key="k2", title="另一次学习")
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": [slow.pull(1), slow.pull(2)]})
    slow.host.close(1, "m0012", "本人撤回", NOW)
    organisation = slow.office.current().records.blobs
    assert organisation
    files = {"records/organisation.yaml": _without(slow, "m0003")}
    slow.school.push(files)  # the reviewer's term has ended: a push by no desk, so it is not believed
    later(slow, TEN)
    carry_out(slow.office, slow.office.now())
    page = slow.client.get(slow.reviewer()).text
    assert "有决定没有办成" in page and "这条已经审完了" in page
    assert state(slow, 2) == "merged"
    page = slow.client.post(f"{slow.reviewer()}/noted", data={"decision": decision(page)}).text
    assert "有决定没有办成" not in page


def _without(desk: Desk, reviewer: str) -> bytes:
    data = next(iter(desk.school.repo.blobs(["main:records/organisation.yaml"]).values()))
    return data.replace(f"member: {reviewer}".encode(), b"member: m0005")


def test_it_is_judged_again_when_it_is_carried_out(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    school = slow.school
    message = "Change\n\nSubmission-Id: 01KJYKG9Z08M4T0V2N9X5B7CD1\nSubmitted-By: m0003\n"
    files = {"records/organisation.yaml": _without(slow, "m0003")}
    school.merge(school.commit((school.tip,), files, message, BRIDGE), by="m0005")
    later(slow, TEN)
    carry_out(slow.office, slow.office.now())
    assert state(slow) == "open"
    assert ["不归您审核" in (d.error or "") for d in slow.outbox.decisions.failed("m0003", NOW)] == [True]


def test_a_role_that_ends_while_a_decision_waits_approves_nothing(tmp_path: Path) -> None:
    """A reviewer until the sixth decides on the fifth, ten minutes before it is over."""
    with bridge(tmp_path, TEN) as slow:
        school = slow.school
        data = next(iter(school.repo.blobs(["main:records/organisation.yaml"]).values()))
        start = b'member: m0003, unit: jg1, from: "2024-06-01"'
        assert start in data
        until = data.replace(start, start + b', until: "2026-03-06"')
        message = "Change\n\nSubmission-Id: 01KJYKG9Z08M4T0V2N9X5B7CD1\nSubmitted-By: m0004\n"
        school.merge(
            school.commit((school.tip,), {"records/organisation.yaml": until}, message, BRIDGE), by="m0005"
        )
        receipt = slow.sent()
        slow.deliver()
        evening = NOW.replace(hour=23, minute=55)
        slow.office.now = lambda: evening
        path = slow.reviewer()
        page = slow.client.post(f"{path}/approve", data={"pull": slow.pull()}).text
        assert "10 分钟后生效" in page
        slow.office.now = lambda: evening + TEN
        assert carry_out(slow.office, slow.office.now()) == 0
        slow.deliver()
        assert state(slow) == "open" and slow.outbox.of_member("m0012")[0].state == "pending"
        assert "待审核</h1>" in slow.client.get(receipt).text
        (failed,) = slow.outbox.decisions.failed("m0003", NOW)
        assert "到生效的时候，这条已不归您审核" in (failed.error or "")
        told = slow.client.get(path)
        assert told.status_code == 403 and "您有 1 个决定" in told.text and "没有生效" in told.text
        assert "林样青" not in told.text
        assert "待审核 1 条" in slow.client.get(slow.reviewer("m0005")).text


def test_a_host_that_is_away_delays_a_decision_and_loses_none(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    later(slow, TEN)

    def away(*_: object, **__: object) -> str:
        raise HostUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(slow.office.desk, "merge", away)
        assert carry_out(slow.office, slow.office.now()) == 1
    assert "正在生效" in slow.client.get(slow.reviewer()).text
    assert carry_out(slow.office, slow.office.now()) == 0 and state(slow) == "merged"


def test_a_decision_that_never_reached_the_host_can_still_be_undone(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.sent()
    slow.deliver()
    page = slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()}).text
    ident = {"decision": decision(page)}
    later(slow, TEN)
    with monkeypatch.context() as broken:
        broken.setattr(slow.host, "get", away)
        assert carry_out(slow.office, slow.office.now()) == 1
        page = slow.client.post(f"{slow.reviewer()}/at-once", data=ident).text
        assert decision(page) == ident["decision"], "the way to undo it is shown"
        slow.client.post(f"{slow.reviewer()}/undo", data=ident)
    assert carry_out(slow.office, slow.office.now()) == 0 and state(slow) == "open"
    assert "待审核 1 条" in slow.client.get(slow.reviewer()).text


def test_a_decision_that_the_host_denies_ends_and_can_be_made_again(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    later(slow, TEN)
    calls = []

    def denied(*_: object, **__: object) -> str:
        calls.append(1)
        raise HostDenied("403: may not merge")

    with monkeypatch.context() as broken:
        broken.setattr(slow.office.desk, "merge", denied)
        for _ in range(3):
            carry_out(slow.office, slow.office.now())
    assert len(calls) == 1 and slow.outbox.decisions.waiting() == []
    told = slow.client.get(slow.reviewer()).text
    assert "正在生效" not in told and "代码托管平台不让审核台这样做" in told and "党委管理员" in told
    assert "待审核 1 条" in slow.client.get(slow.reviewer("m0005")).text  # nobody else waits for it either
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    later(slow, 2 * TEN)
    carry_out(slow.office, slow.office.now())
    assert state(slow) == "merged"


def away(*_: object, **__: object) -> None:
    raise HostUnavailable("away")


def test_one_that_cannot_be_looked_up_spoils_no_other_approval(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        slow.sent(key=f"k{number}", title=f"第{number}次学习")
    slow.deliver()
    chosen = [slow.pull(2), slow.pull(1)]
    slow.host.close(2, "m0005", "日期有误", NOW)
    with monkeypatch.context() as broken:
        broken.setattr(slow.host, "get", away)
        page = slow.client.post(f"{slow.reviewer()}/approve", data={"pull": chosen})
    assert page.status_code == 200 and "记下了 1 个决定" in page.text
    assert "代码托管平台暂时没有回应" in page.text
    assert [made.pull for made in slow.outbox.decisions.waiting()] == [1]


@pytest.mark.parametrize(
    ("way", "form"),
    [
        ("return", {"kind": "日期有误", "words": "请核对"}),
        ("amend", {"hours": "1", "reason": "请核对"}),
    ],
)
def test_a_decision_on_what_is_listed_is_kept_while_the_host_is_away(
    slow: Desk, monkeypatch: pytest.MonkeyPatch, way: str, form: dict[str, str]
) -> None:
    slow.sent()
    slow.deliver()
    told = {**form, "head": slow.pull()[2:]}
    with monkeypatch.context() as broken:
        broken.setattr(slow.host, "get", away)
        page = slow.client.post(f"{slow.reviewer()}/1/{way}", data=told)
        assert page.status_code == 200 and "记下了 1 个决定" in page.text
        unknown = slow.client.post(f"{slow.reviewer()}/7/{way}", data=told)
        assert unknown.status_code == 503 and "代码托管平台暂时没有回应" in unknown.text
        later(slow, TEN)
        assert carry_out(slow.office, slow.office.now()) == 1
    assert carry_out(slow.office, slow.office.now()) == 0
    assert state(slow) == {"return": "closed", "amend": "merged"}[way]


def test_a_desk_that_has_not_heard_from_the_host_does_not_say_that_all_is_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sent()
    desk.deliver()
    started = Delivery(desk.outbox, desk.delivery.clone, desk.host, BRIDGE)  # the same after a restart
    monkeypatch.setattr(desk.office, "_pulls", lambda: started.opened)
    with monkeypatch.context() as broken:
        broken.setattr(desk.host, "open_pulls", away)
        started.carry(NOW)
        for path in (desk.reviewer(), link(desk, "m0004")):
            page = desk.client.get(path).text
            assert "还没有连上代码托管平台" in page and "都审完了" not in page
            assert "没有等待审核的登记。" not in page
        opened = desk.client.get(f"{desk.reviewer()}/1")
        assert opened.status_code == 503 and "它没有丢" in opened.text and "可能已经审完" not in opened.text
        with monkeypatch.context() as off:
            off.setattr(desk.office, "desk", None)
            assert "不知道有没有等您审核的登记" in desk.client.get(desk.reviewer()).text
    started.carry(NOW)
    assert "待审核 1 条" in desk.client.get(desk.reviewer()).text
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    started.carry(NOW)
    assert "都审完了" in desk.client.get(desk.reviewer()).text


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (HostProtected("405: Does not have enough approvals", "approvals"), "还缺规定的审批"),
        (HostProtected("405: Required status check", "checks"), "检查还没有通过"),
        (HostConflict("405: Method Not Allowed"), "代码托管平台现在不让合并"),
        (HostRefused("422: Validation Failed"), "代码托管平台没有照办"),
    ],
)
def test_a_merge_that_the_host_refuses_is_told_with_its_reason(
    slow: Desk, monkeypatch: pytest.MonkeyPatch, refused: HostRefused, told: str
) -> None:
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    later(slow, TEN)

    def refuse(*_: object, **__: object) -> str:
        raise refused

    with monkeypatch.context() as broken:
        broken.setattr(slow.office.desk, "merge", refuse)
        carry_out(slow.office, slow.office.now())
    page = slow.client.get(slow.reviewer()).text
    assert told in page and "刚才有变化" not in page and "待审核 1 条" in page


def test_what_main_changed_meanwhile_is_told_as_such(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    (pull,) = slow.host.open_pulls()
    study = next(iter(records.load_proposals(slow.school.repo, "main"))).studies[0]
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    slow.school.push({study.path: records.study_file(study).replace(b"hours: 2", b"hours: 1")})
    slow.office.outbox.decisions.hasten(1, "m0003", NOW.timestamp())
    (made,) = slow.outbox.decisions.waiting()
    told = why(slow.office, pull, made, HostConflict("main has changed it"))
    assert isinstance(told, Refused) and "合不上" in told.title and "退回" in told.cure


def test_a_pull_request_that_is_gone_is_told_as_gone(slow: Desk) -> None:
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    for name in slow.school.repo.refs("refs/pull/1"):
        slow.school.repo.run("update-ref", "-d", name)
    later(slow, TEN)
    carry_out(slow.office, slow.office.now())
    page = slow.client.get(slow.reviewer()).text
    assert "找不到这一条了" in page and "刚才有变化" not in page


def test_a_moved_head_is_told_before_whose_it_is(slow: Desk) -> None:
    """What was pushed on top is a committee's to decide on: that is not why this reviewer cannot go on."""
    slow.sent()
    slow.deliver()
    (pull,) = slow.host.open_pulls()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    more = slow.school.commit((pull.head,), {"records/yjs/x.yaml": b"x: 1\n"}, "More\n", BRIDGE)
    slow.school.repo.run("update-ref", f"refs/heads/{pull.head_ref}", more)
    again = {"head": pull.head, "kind": "日期有误", "words": "", "row": "gone"}
    for act in ("amend", "return"):
        page = slow.client.post(f"{slow.reviewer()}/1/{act}", data=again)
        assert page.status_code == 409 and "刚才有变化" in page.text
    later(slow, TEN)
    carry_out(slow.office, slow.office.now())
    (failed,) = slow.outbox.decisions.failed("m0003", NOW)
    assert "刚才有变化" in (failed.error or "")


def test_nothing_is_concluded_from_a_proposal_that_is_not_fetched(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sent()
    desk.deliver()
    (pull,) = desk.host.open_pulls()
    away = replace(pull, head="f" * 40)
    monkeypatch.setattr(desk.office, "pulls", lambda: [away])
    page = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": f"1:{away.head}"}).text
    assert "不归您审核" not in page and "请过一会儿再试" in page


def test_a_fault_of_ours_in_one_decision_is_told_and_holds_up_no_other(
    slow: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.sent()
    slow.sent(title="另一次学习", key="another")
    slow.deliver()
    for number in (1, 2):
        slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull(number)})
    later(slow, TEN)
    merge = slow.host.merge

    def broken(number: int, *more: object, **named: object) -> str:
        if number == 1:
            raise RuntimeError("a fault of ours")
        return merge(number, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(slow.office.desk, "merge", broken)
    carry_out(slow.office, slow.office.now())
    assert (state(slow, 1), state(slow, 2)) == ("open", "merged")
    assert "系统出错了" in slow.client.get(slow.reviewer()).text


def test_a_proposal_that_is_not_fetched_yet_is_read_once_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sent()
    desk.deliver()
    (pull,) = desk.host.open_pulls()
    away = replace(pull, head="f" * 40)
    assert bring(desk.office, away).studies == ()
    assert "f" * 40 not in desk.office.brought  # nothing was concluded from not having it
    assert len(bring(desk.office, pull).studies) == 1


@pytest.mark.parametrize("noted", [True, False])
def test_a_crash_between_the_merge_and_its_note_merges_nothing_twice(slow: Desk, noted: bool) -> None:
    """Ours is lost, and (not `noted`) the host's own as well: main alone tells who decided."""
    slow.sent()
    slow.deliver()
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": slow.pull()})
    (made,) = slow.outbox.decisions.waiting()
    meta = slow.school.repo.resolve("refs/pull/1/meta")
    assert slow.outbox.decisions.begin(made.id) and meta is not None
    slow.host.merge(1, made.head, "m0003", NOW + TEN)
    if not noted:
        slow.school.repo.run("update-ref", "refs/pull/1/meta", meta)
    tip = slow.office.current().tip
    later(slow, TEN)
    assert carry_out(slow.office, slow.office.now()) == 0
    assert slow.office.current().tip == tip and slow.outbox.decisions.failed("m0003", NOW) == []
    assert slow.outbox.decisions.waiting() == []


def test_several_threads_carry_out_once(slow: Desk) -> None:
    slow.delivery.rules = Gathering(rush=100)
    for number in range(6):
        slow.sent(key=f"k{number}", title=f"第{number}次学习", start_date=f"2026-03-0{number % 5 + 1}")
    slow.deliver()
    chosen = [slow.pull(number) for number in range(1, 7)]
    slow.client.post(f"{slow.reviewer()}/approve", data={"pull": chosen})
    later(slow, TEN)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: carry_out(slow.office, slow.office.now()), range(4)))
    assert [state(slow, n) for n in range(1, 7)] == ["merged"] * 6
    assert slow.outbox.decisions.failed("m0003", NOW) == [] and slow.outbox.decisions.waiting() == []
    merges = slow.school.repo.run("rev-list", "--count", "--merges", "--first-parent", "main")
    assert merges.split() == [b"6"]


# --- groups


MEMBERS = ("m0012", "m0005")


def group(desk: Desk, **more: str) -> None:
    """Two people of one lecture in one pull request."""
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    for member in MEMBERS:
        desk.sent(desk.member(member), key=f"{member}-k", **more)
    desk.deliver()


def test_a_group_is_one_card_with_its_people_hours_and_effects(desk: Desk) -> None:
    group(desk, photos=(photo(),))  # type: ignore[arg-type]
    page = desk.client.get(desk.reviewer()).text
    assert "待审核 2 条" in page and page.count('<li class="item') == 1
    assert "2 人 2 条" in page and "共 4 学时" in page and "2 条检查都无异常" in page
    assert "选中无异常的 2 条" in page and page.count("0 → 2 / 32") == 2
    opened = desk.client.get(f"{desk.reviewer()}/1").text
    assert opened.count('<details class="row"') == 2 and "通过这 2 条" in opened and "全部退回" in opened
    done = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()}).text
    assert "已通过 2 条" in done
    counted = [desk.office.current().totals.members[m].standing("year").counted for m in MEMBERS]  # type: ignore[union-attr]
    assert counted == [2, 2]


def test_a_group_is_quiet_only_if_every_row_is(desk: Desk) -> None:
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    desk.sent(key="a")
    poster = desk.path(desk.office.links.poster("jg1"))
    desk.sent(poster, key="b", member="m0005", kind="online_self")
    desk.deliver()
    page = desk.client.get(desk.reviewer()).text
    assert "罗例言：" in page and "不计入学时" in page
    assert " data-quiet" not in page


def test_one_of_a_group_is_returned_and_the_rest_comes_again(desk: Desk) -> None:
    group(desk)
    first = desk.outbox.of_member("m0012")[0]
    path = f"{desk.reviewer()}/1/return"
    assert "退回这一条" in desk.client.get(path, params={"row": first.sent.id}).text
    data = {"row": first.sent.id, "kind": "其他", "words": "请写明\n学习内容", "head": desk.pull()[2:]}
    assert "已退回" in desk.client.post(path, data=data).text
    assert desk.host.get(1).reason == f"退回 {receipt_code(first.sent.id)} 请写明 学习内容"  # type: ignore[union-attr]
    desk.deliver()
    desk.deliver()
    returned = desk.outbox.get(first.sent.id)
    assert returned is not None and (returned.state, returned.reason) == ("returned", "请写明 学习内容")
    assert returned.decided_by == "m0003"
    page = desk.client.get(desk.reviewer()).text
    assert "待审核 1 条" in page and "罗例言" in page and "林样青" not in page


def test_hours_of_one_in_a_group_are_amended_and_all_approved(desk: Desk) -> None:
    group(desk, hours="4")
    record = desk.outbox.of_member("m0005")[0].sent.id
    path = f"{desk.reviewer()}/1/amend"
    shown = desk.client.get(path, params={"row": record}).text
    assert "罗例言" in shown and "其余 1 条按申报的学时一起通过" in shown
    assert desk.client.get(path).status_code == 404
    data = {"row": record, "hours": "2.5", "reason": "早退", "head": desk.pull()[2:]}
    assert "已通过 2 条" in desk.client.post(path, data=data).text
    found = {s.member: s for s in desk.office.current().records.studies.values()}
    assert [found[m].hours for m in MEMBERS] == [4, 2.5]
    assert found["m0005"].change is not None and found["m0005"].change.reason == "早退"
    desk.delivery.reconcile(NOW)
    assert [row.state for m in MEMBERS for row in desk.outbox.of_member(m)] == ["approved"] * 2


def test_a_group_with_ones_own_record_is_for_another_reviewer(desk: Desk) -> None:
    desk.delivery.rules = Gathering(rush=0, seconds=0)
    desk.sent(key="a")
    desk.sent(desk.member("m0003"), key="b")
    desk.deliver()
    page = desk.client.get(desk.reviewer()).text
    assert "都审完了" in page and "您本人的 2 条" in page
    assert "待审核 2 条" in desk.client.get(desk.reviewer("m0005")).text


# --- people and long texts


def roster(desk: Desk, branch: str, *people: dict[str, object]) -> None:
    """People are added to a branch's roster, by the committee."""
    path = f"records/{branch}/roster.yaml"
    data = yaml.safe_load(committee_files()[path] or b"")
    files: dict[str, bytes | None] = {
        path: render("roster", {**data, "members": [*data["members"], *people]})
    }
    message = "Change\n\nSubmission-Id: 01KJYKG9Z08M4T0V2N9X5B7CD1\nSubmitted-By: m0004\n"
    desk.school.tip = desk.office.current().tip
    desk.school.merge(desk.school.commit((desk.school.tip,), files, message, BRIDGE), by="m0005")


@pytest.mark.parametrize(
    ("branch", "told"),
    [("yjs", "林样青（教工第一党支部）"), ("jg1", "林样青（教工第一党支部，m0012）")],
)
def test_two_of_one_name_are_told_apart(desk: Desk, branch: str, told: str) -> None:
    roster(desk, branch, person("m0021", "林样青"))
    desk.sent()
    desk.deliver()
    for path in (desk.reviewer(), f"{desk.reviewer()}/1"):
        assert told in desk.client.get(path).text
    assert f"{told}，按 2026-03-05 计" in desk.client.get(f"{desk.reviewer()}/1").text


def test_a_reviewer_reads_names_and_no_ids(desk: Desk) -> None:
    roster(desk, "jg1", person("m0021", "石样川"))
    desk.delivery.wording = Wording(person=lambda member: desk.office.current().name(member))
    desk.sent(desk.member("m0021"))
    desk.deliver()
    left = [{"from": "2024-01-01", "until": "2026-03-01", "status": "full"}]
    roster(desk, "jg1", {**person("m0021", "石样川"), "periods": left})
    path = f"{desk.reviewer()}/1"
    refused = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()}).text
    for page in (desk.client.get(path).text, refused):
        assert "石样川" in page and "不在本支部名册上" in page and "m0021" not in page
    assert "检查没有通过：石样川：" in refused and ".yaml: " not in refused


def test_a_long_text_opens_at_a_tap_and_a_pull_requests_number_is_put_aside(desk: Desk) -> None:
    url = "https://example.invalid/" + "a1b2c3d4e5" * 39
    receipt = desk.sent(content=url)
    desk.sent(key="short", title="短的", content="逐条讨论")
    desk.deliver()
    opened = desk.client.get(f"{desk.reviewer()}/1").text
    for page in (desk.client.get(receipt).text, opened):
        folded = re.search(r'<details class="long">(.*?)</details>', page, re.DOTALL)
        assert folded is not None and url in folded[1] and "看全文（414 字）" in folded[1]
    shown, _, aside = opened.partition('<details class="technical">')
    assert f"合并请求 1（{desk.pull()[2:9]}）" in aside and "合并请求" not in shown
    assert "合并请求" not in desk.client.get(receipt).text
    short = desk.client.get(f"{desk.reviewer()}/2").text
    assert '<span class="said">逐条讨论</span>' in short and 'class="long"' not in short


# --- what a reviewer reads when something is refused


def is_a_reviewers(page: str) -> bool:
    """Whether it sends the reader where reviewers get help, and not where members do."""
    members = ("纸质登记表", "组织委员", "扫码", "海报", "照片加起来", "拿到回执")
    return "党委管理员" in page and not any(words in page for words in members)


def test_a_reviewer_is_sent_to_the_administrator_and_a_member_to_the_branch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.reviewer()
    old = link(desk, "m0005")
    desk.outbox.doors.replace("desk", "m0005", NOW)
    mail = {"content-type": "application/x-www-form-urlencoded; charset=gbk"}
    many = {f"x{number}": "1" for number in range(700)}
    answers = [
        (404, desk.client.get("/desk/x.y.z")),
        (404, desk.client.get(old)),
        (404, desk.client.get(f"{path}/{'9' * 10}")),
        (404, desk.client.get(f"{path}/7")),
        (404, desk.client.get(f"{path}/picture/x")),
        (404, desk.client.get("/me/desk")),
        (403, desk.client.get(link(desk, "m0012"))),
        (403, desk.client.post(f"{path}/approve", headers={"Origin": "http://other.test"})),
        (405, desk.client.get(f"{path}/approve")),
        (400, desk.client.post(f"{path}/approve", data=many)),
        (415, desk.client.post(f"{path}/approve", headers=mail, content=b"x=1")),
        (413, desk.client.post(f"{path}/approve", headers={"content-length": str(10**9)}, content=b"")),
        (422, desk.client.post(f"{path}/1/return", content=b"words=%ff", headers=_FORM)),
    ]
    for status, answer in answers:
        assert answer.status_code == status and is_a_reviewers(answer.text), (status, answer.text)
    monkeypatch.setattr(desk.office, "current", away)
    assert is_a_reviewers(desk.client.get(path).text)
    member = desk.client.get(desk.member())
    assert member.status_code == 503 and "纸质登记表" in member.text and "拿到回执" in member.text
    monkeypatch.setattr(desk.office, "current", lambda: 1 / 0)
    broken = TestClient(desk.client.app, base_url="http://bridge.test", raise_server_exceptions=False)
    for where, ours in ((path, True), (desk.member(), False)):
        page = broken.get(where)
        assert page.status_code == 500 and is_a_reviewers(page.text) is ours
        assert ("纸质登记表" in page.text) is not ours


_FORM = {"content-type": "application/x-www-form-urlencoded"}


# --- speed and pages


@pytest.mark.parametrize("digits", [10, 5000])
def test_a_number_that_no_pull_request_has_is_not_found(desk: Desk, digits: int) -> None:
    assert desk.client.get(f"{desk.reviewer()}/{'9' * digits}").status_code == 404


def test_a_long_queue_comes_in_pages_of_less_than_100_kb(desk: Desk) -> None:
    desk.delivery.rules = Gathering(rush=100)
    for number in range(35):
        desk.sent(
            key=f"k{number}",
            title=f"第{number}次",
            start_date=f"2026-{number % 2 + 1:02}-{number % 27 + 1:02}",
        )
    desk.deliver()
    first = desk.client.get(desk.reviewer())
    second = desk.client.get(f"{desk.reviewer()}?page=2").text
    assert "待审核 35 条" in first.text and first.text.count('<li class="item') == 30
    assert second.count('<li class="item') == 5 and "前面的" in second
    assert len(first.content) < 100_000
    opened = desk.client.get(f"{desk.reviewer()}/33").text
    assert opened.count('<li class="item') == 5 and "返回列表" in opened  # beside the page that it is on


def test_what_a_proposal_brings_is_read_once_until_it_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    group(desk)
    desk.client.get(desk.reviewer())
    asked: list[str] = []
    run = type(desk.office.repo).run

    def counted(repo: object, *args: str, **more: object) -> bytes:
        asked.append(args[0])
        return run(repo, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(desk.office.repo), "run", counted)
    desk.client.get(desk.reviewer())
    assert "diff-tree" not in asked and "log" not in asked
    head = desk.school.repo.resolve("refs/pull/1/head")
    study = next(iter(records.load_proposals(desk.school.repo, "main"))).studies[0]
    assert head is not None
    changed = records.study_file(study).replace(b"hours: 2", b"hours: 1")
    message = (
        f"Amend\n\nSubmission-Id: {study.id}\nRecord-Id: {study.id}\nAction: amend\nSubmitted-By: m0012\n"
    )
    seen = desk.pull()
    desk.school.repo.run(
        "update-ref", f"refs/heads/{desk.host.get(1).head_ref}",  # type: ignore[union-attr]
        desk.school.commit((head,), {study.path: changed}, message, BRIDGE),
    )  # fmt: skip
    stale = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": seen})
    assert stale.status_code == 409 and "刚才有变化" in stale.text
