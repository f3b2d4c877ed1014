"""The form, its receipts and the desk, through HTTP, on a real host and outbox."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from conftest import BRIDGE, DESK, START, School, committee_files
from PIL import Image
from starlette.testclient import TestClient
from test_pictures import photo

from xueshi import records
from xueshi.bridge import MAX_BODY, Office, guards, make_app
from xueshi.delivery import Delivery, open_clone
from xueshi.git import RefUpdate
from xueshi.hosts.base import Host
from xueshi.hosts.local import LocalHost
from xueshi.links import Links
from xueshi.outbox import Outbox

NOW = START + timedelta(days=4)  # 2026-03-05 09:00 in Shanghai, a Thursday
GOOD = {
    "start_date": "2026-03-05",
    "kind": "theme_day",
    "title": "党章专题学习",
    "hours": "2",
    "key": "k1",
    "end": "1",
}


@dataclass
class Desk:
    """A bridge in front of a host, and a worker that is called by hand."""

    client: TestClient
    office: Office
    delivery: Delivery
    school: School

    @property
    def host(self) -> Host:
        assert self.office.desk is not None
        return self.office.desk

    @property
    def outbox(self) -> Outbox:
        return self.office.outbox

    def path(self, url: str) -> str:
        return url.removeprefix(self.office.links.base_url)

    def member(self, member: str = "m0012") -> str:
        return self.path(self.office.links.personal(member))

    def reviewer(self, member: str = "m0003") -> str:
        """A reviewer's desk, on a device that has shown the code."""
        path = self.path(self.office.links.desk(member))
        if f"xueshi-desk-{member}" not in self.client.cookies:
            code = {"code": self.office.links.desk_code(member)}
            assert self.client.post(f"{path}/confirm", data=code, follow_redirects=False).status_code == 303
        return path

    def deliver(self) -> None:
        self.delivery.carry(self.office.now())

    def sent(self, where: str | None = None, photos: tuple[bytes, ...] = (), **more: str) -> str:
        """A submission that must be accepted; the receipt's path."""
        files = [("photos", ("../../x.jpg", data, "image/jpeg")) for data in photos]
        answer = self.client.post(
            where or self.member(), data={**GOOD, **more}, files=files, follow_redirects=False
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def pull(self, number: int = 1) -> str:
        found = self.host.get(number)
        assert found is not None
        return f"{found.number}:{found.head}"


@contextmanager
def bridge(
    tmp_path: Path, undo: timedelta = timedelta(0), base_url: str = "http://bridge.test"
) -> Iterator[Desk]:
    """A bridge over a small school; decisions are carried out at once unless they can be undone."""
    host = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(host.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    outbox = Outbox(tmp_path / "outbox")
    links = Links(b"secret", base_url, outbox.doors.generation)
    office = Office(
        outbox,
        host.repo,
        host,
        links,
        pulls=host.open_pulls,
        page=lambda kind, ident, reader="": f"/site/{kind}/{ident}",
        now=lambda: NOW,
        wake=lambda: None,
        undo=undo,
    )
    delivery = Delivery(outbox, open_clone(host, tmp_path / "clone.git"), host, BRIDGE)
    around = guards.around(
        base_url=base_url, folder=tmp_path, trusted=(), address_per_minute=100_000, guesses_per_minute=100_000,
        disk_floor=0, max_body=MAX_BODY,
    )  # fmt: skip
    app = make_app(office, [], around)
    with TestClient(app, base_url=base_url, headers={"Origin": base_url}) as client:
        yield Desk(client, office, delivery, school)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with bridge(tmp_path) as made:
        yield made


# --- the form


def test_the_form_has_at_most_seven_inputs_and_knows_who_it_is_for(desk: Desk) -> None:
    page = desk.client.get(desk.member()).text
    shown, folded = page.split('<details class="more"')
    names = [
        set(re.findall(r'<(?:input|textarea)[^>]* name="(\w+)"', part)) - {"key", "end"}
        for part in (shown, folded)
    ]
    assert {name.removesuffix("_other") for name in names[0]} == {
        "start_date", "kind", "title", "hours", "photos",
    }  # fmt: skip
    assert names[1] == {"content", "place", "organiser_level"}
    assert "林样青" in page and "教工第一党支部" in page and "还差 32 学时" in page and "纸质登记表" in page


def test_off_job_training_carries_the_level_that_the_secretarys_requirement_asks_for(desk: Desk) -> None:
    desk.sent(kind="off_job", organiser_level="county_plus")
    desk.deliver()
    queue = desk.client.get(f"{desk.reviewer()}/1").text
    assert "县级以上党委" in queue and "脱产培训要写明" not in queue
    desk.sent(kind="off_job", title="没有写层级的培训", key="another")
    desk.deliver()
    assert "主办层级" in desk.client.get(f"{desk.reviewer()}/2").text
    page = desk.client.post(desk.member(), data={"kind": "off_job", "organiser_level": "world", "title": "x"})
    assert "请从列出的主办层级中选一个" in page.text


def test_a_registration_becomes_a_receipt_a_pull_request_and_hours(desk: Desk) -> None:
    receipt = desk.sent(photos=(photo(),), content="逐条讨论")
    assert "已收到" in desk.client.get(receipt).text
    desk.deliver()
    waiting = desk.client.get(receipt).text
    assert "待审核" in waiting and "0 → 2" in waiting and "由韦测宁、罗例言中的一位审核" in waiting
    queue = desk.client.get(desk.reviewer()).text
    assert "待审核 1 条" in queue and "林样青" in queue and "0 → 2" in queue and "检查无异常" in queue
    answer = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    assert answer.status_code == 200 and "已通过 1 条" in answer.text and "都审完了" in answer.text
    desk.delivery.reconcile(NOW)
    done = desk.client.get(receipt).text
    assert "已通过" in done and "审核人 韦测宁" in done and "还差 30 学时" in done
    assert desk.office.current().totals.members["m0012"].standing("year").counted == 2  # type: ignore[union-attr]


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(desk: Desk) -> None:
    bad = {
        **GOOD,
        "start_date": "other",
        "start_date_other": "2026-12-05",
        "title": "",
        "content": "已写的内容<b>",
    }
    answer = desk.client.post(desk.member(), data=bad, files=[("photos", ("a.jpg", photo(), "image/jpeg"))])
    assert answer.status_code == 422
    assert (
        "有 2 处需要修改" in answer.text
        and "学习日期不能晚于今天（2026年3月5日），是 2025 年吗？" in answer.text
    )
    assert "请填写学习主题，例如" in answer.text
    assert "已写的内容&lt;b&gt;" in answer.text and answer.text.count('name="kept"') == 1
    assert desk.outbox.counts() == {}
    kept = re.search(r'name="kept" value="([^"]+)"', answer.text)
    assert kept is not None
    desk.sent(kept=kept[1])
    assert len(desk.outbox.of_member("m0012")[0].sent.evidence) == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("start_date", "2026-02-30", "没有 2026年2月30日 这一天"),
        ("start_date", "1926-03-05", "早于本期规划"),
        ("start_date", "3月5-6日", "一次只登记一天"),
        ("start_date", "每周四", "看不懂这个日期"),
        ("hours", "0", "学时要大于 0"),
        ("hours", "120", "120 是分钟吗"),
        ("hours", "26小时", "一天不会有 26 学时"),
        ("hours", "2-3小时", "请只写一个数"),
        ("hours", "若干", "看不懂这个学时"),
        ("hours", "1.3", "0.25 的整数倍"),
        ("title", "长" * 61, "学习主题最多 60 个字，现在是 61 个"),
        ("content", "长" * 5001, "学习内容最多 5000 个字，现在是 5001 个"),
        ("kind", "no-such-kind", "请选学习类型"),
    ],
)
def test_each_fault_has_words_that_say_what_to_do(desk: Desk, field: str, value: str, words: str) -> None:
    answer = desk.client.post(desk.member(), data={**GOOD, field: value})
    assert answer.status_code == 422 and words in answer.text
    assert desk.outbox.counts() == {}


@pytest.mark.parametrize(
    ("date_text", "hours_text"),
    [("2026年3月5日", "两小时"), ("２０２６／３／５", "120分钟"), ("46086", "14:30-16:30")],
)
def test_what_people_write_for_dates_and_hours_is_understood(
    desk: Desk, date_text: str, hours_text: str
) -> None:
    desk.sent(start_date="other", start_date_other=date_text, hours="other", hours_other=hours_text)
    sent = desk.outbox.of_member("m0012")[0].sent
    assert (sent.start_date, sent.hours) == (date(2026, 3, 5), 2)


def test_the_date_is_shanghais(desk: Desk) -> None:
    desk.office.now = lambda: datetime.fromisoformat("2026-03-06T00:30:00+08:00")
    desk.sent(start_date="2026-03-06")


def test_a_double_send_gives_the_same_receipt(desk: Desk) -> None:
    first, second = (desk.sent(photos=(photo(),)).split("/r/")[1] for _ in range(2))
    assert second == first
    assert desk.outbox.counts() == {"received": 1}


def test_the_same_form_with_changed_text_shows_the_first_receipt_and_a_fresh_form(desk: Desk) -> None:
    first = desk.sent()
    answer = desk.client.post(desk.member(), data={**GOOD, "title": "另一次学习"})
    assert answer.status_code == 409 and first.split("/r/")[1] in answer.text and "另一次学习" in answer.text
    assert 'value="k1"' not in answer.text and desk.outbox.counts() == {"received": 1}


def test_a_poster_asks_who_one_is_and_the_reviewer_is_told(desk: Desk) -> None:
    poster = desk.path(desk.office.links.poster("yjs"))
    assert "王演" in desk.client.get(poster).text
    form = desk.client.get(f"{poster}?member=m0006").text
    assert "王演" in form and "学时，还差" not in form  # a poster shows no hours
    receipt = desk.sent(poster, member="m0006")
    assert "m0006" in desk.client.get(receipt).text and "→" not in desk.client.get(receipt).text
    desk.deliver()
    assert "扫海报登记，不是个人链接" in desk.client.get(desk.reviewer("m0004")).text


# --- refused, logged without names, nothing stored


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "sent", [bomb, lambda: b"<svg onload=alert(1)>", lambda: b"\xff" * 30_000_000, lambda: photo()[:300]]
)
def test_a_file_that_is_no_picture_is_refused_and_the_rest_kept(
    desk: Desk, sent: object, caplog: pytest.LogCaptureFixture
) -> None:
    answer = desk.client.post(
        desk.member(), data=GOOD, files=[("photos", ("林样青.jpg", sent(), "image/jpeg"))]
    )  # type: ignore[operator]
    assert (
        answer.status_code == 422 and 'id="fault-evidence"' in answer.text and "党章专题学习" in answer.text
    )
    assert desk.outbox.counts() == {} and "refused picture" in caplog.text
    assert "林样青" not in caplog.text and "m0012" not in caplog.text


def test_forged_altered_and_foreign_links_are_refused(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    path = desk.member()
    poster = desk.path(desk.office.links.poster("jg1"))
    tries = [
        desk.client.get(path[:-5] + ("A" if path[-5] != "A" else "B") + path[-4:]),
        desk.client.post(path.replace("/m/", "/b/"), data=GOOD),
        desk.client.get("/m/../../etc/passwd"),
        desk.client.post(path, data={**GOOD, "member": "m0003"}),
        desk.client.post(poster, data={**GOOD, "member": "m0006"}),
        desk.client.get(desk.path(desk.office.links.poster("nowhere"))),
        desk.client.get(desk.path(desk.office.links.desk("m0012"))),
        desk.client.get(path.replace("/m/", "/desk/")),
    ]
    assert [answer.status_code for answer in tries] == [404, 404, 404, 403, 403, 404, 403, 404]
    assert desk.outbox.counts() == {} and "m0012" not in caplog.text and "林样青" not in caplog.text


def test_an_expired_link_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.member()
    later = NOW.timestamp() + 40_000_000_000
    monkeypatch.setattr("time.time", lambda: later)
    answer = desk.client.get(path)
    assert answer.status_code == 404 and "这个链接打不开" in answer.text


def test_another_members_receipt_does_not_open(desk: Desk) -> None:
    receipt = desk.sent()
    ticket = receipt.rpartition("/")[2]
    assert desk.client.get(f"{desk.member('m0005')}/r/{ticket}").status_code == 404
    poster = desk.path(desk.office.links.poster("jg1"))
    assert desk.client.get(f"{poster}/r/{ticket}").status_code == 404  # unsigned below a poster


def test_every_page_of_ours_carries_a_strict_policy(desk: Desk) -> None:
    for path in (desk.member(), "/m/forged", desk.reviewer(), "/nowhere"):
        headers = desk.client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "same-origin"


# --- the desk


def test_a_returned_proposal_comes_back_with_the_form_filled_in(desk: Desk) -> None:
    receipt = desk.sent(photos=(photo(),), content="逐条讨论", place="会议室")
    desk.deliver()
    assert desk.client.post(f"{desk.reviewer()}/1/return", data={"kind": "", "words": " "}).status_code == 422
    answer = desk.client.post(
        f"{desk.reviewer()}/1/return", data={"kind": "照片不符", "words": "请换成 <5日> 的照片"}
    )
    assert answer.status_code == 200 and "已退回" in answer.text
    desk.delivery.reconcile(NOW)
    page = desk.client.get(receipt).text
    assert "已退回" in page and "请换成 &lt;5日&gt; 的照片" in page and "修改后重新提交" in page
    again = re.search(r'href="([^"]+\?again=[^"]+)"', page)
    assert again is not None
    form = desk.client.get(again[1]).text
    assert "逐条讨论" in form and "会议室" in form and form.count('name="kept"') == 1
    assert 'value="theme_day" checked' in form


def test_fewer_hours_are_granted_with_a_reason(desk: Desk) -> None:
    receipt = desk.sent(hours="4")
    desk.deliver()
    path = f"{desk.reviewer()}/1/amend"
    head = desk.pull().partition(":")[2]
    assert "申报 4" in desk.client.get(path).text
    for wrong in (
        {"hours": "2", "reason": ""},
        {"hours": "8", "reason": "更多"},
        {"hours": "x", "reason": "什么"},
    ):
        assert desk.client.post(path, data={**wrong, "head": head}).status_code == 422
    assert (
        desk.client.post(path, data={"hours": "2.5", "reason": "签到表为 2.5 小时", "head": head}).status_code
        == 200
    )
    desk.delivery.reconcile(NOW)
    assert "申报 4，认定 2.5" in desk.client.get(receipt).text
    assert desk.office.current().totals.members["m0012"].standing("year").counted == 2.5  # type: ignore[union-attr]


def test_nobody_decides_on_their_own_or_another_branchs(desk: Desk) -> None:
    desk.sent(desk.member("m0003"))
    desk.deliver()
    own = desk.client.get(desk.reviewer("m0003")).text
    assert "都审完了" in own and "您本人的 1 条" in own
    for who in ("m0003", "m0004"):
        answer = desk.client.post(f"{desk.reviewer(who)}/approve", data={"pull": desk.pull()})
        assert "没有办成" in answer.text
        assert desk.client.post(f"{desk.reviewer(who)}/1/return", data={"words": "不行"}).status_code == 409
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    assert "待审核 1 条" in desk.client.get(desk.reviewer("m0005")).text  # the committee's reviewer may


def test_a_wrong_record_is_named_and_blocks_nothing_else(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    study = desk.school.study(title="手改的记录")
    data = records.study_file(study).replace(b"hours: 2", b"hours: \xe4\xb8\xa4")
    head = desk.school.commit(
        (desk.school.tip,), {study.path: data}, f"Register\n\nSubmission-Id: {study.id}\nRecord-Id: {study.id}\nAction: register\nSubmitted-By: m0012\n", BRIDGE
    )  # fmt: skip
    desk.school.repo.run("update-ref", f"refs/heads/sub/{study.id}", head)
    desk.delivery.carry(NOW)
    queue = desk.client.get(desk.reviewer()).text
    line = data.decode().splitlines().index("hours: 两") + 1
    assert f"{study.path}:{line}" in queue and "待审核 2 条" in queue
    both = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": [desk.pull(1), desk.pull(2)]}).text
    assert "已通过 1 条" in both and "检查没有通过" in both
    assert [desk.host.get(n).state for n in (1, 2)] == ["merged", "open"]  # type: ignore[union-attr]


def test_two_right_proposals_over_the_days_limit_both_stand_and_the_cap_says_so(desk: Desk) -> None:
    desk.sent(key="a", hours="8", title="上午和下午")
    desk.sent(key="b", hours="3", title="晚上的讲座")
    desk.deliver()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(1)})
    queue = desk.client.get(desk.reviewer()).text
    assert "每天最多计 8 学时" in queue and "8 → 8" in queue
    assert "已通过 1 条" in desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull(2)}).text
    assert desk.office.current().totals.members["m0012"].standing("year").counted == 8  # type: ignore[union-attr]


def test_a_roster_that_changed_after_sending_is_seen_at_the_desk(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    files = committee_files()
    roster = files["records/jg1/roster.yaml"]
    assert roster is not None
    files["records/jg1/roster.yaml"] = roster.replace(b"m0012", b"m0099")
    head = desk.school.commit((desk.school.tip,), files, "Change the roster\n\nSubmission-Id: 01KJYKG9Z08M4T0V2N9X5B7CDE\nSubmitted-By: m0005\n", BRIDGE)  # fmt: skip
    desk.school.merge(head, by="m0005")
    queue = desk.client.get(desk.reviewer()).text
    assert "没有党员" in queue and "disabled" in queue
    answer = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()}).text
    assert "检查没有通过" in answer and desk.host.get(1).state == "open"  # type: ignore[union-attr]


def test_a_picture_opens_only_for_its_reviewer(desk: Desk) -> None:
    desk.sent(photos=(photo(),))
    desk.deliver()
    sha = desk.outbox.of_member("m0012")[0].sent.evidence[0].sha256
    seen = desk.client.get(f"{desk.reviewer()}/picture/{sha}")
    assert seen.status_code == 200 and seen.headers["content-type"] == "image/webp"
    assert desk.client.get(f"{desk.reviewer('m0004')}/picture/{sha}").status_code == 404


def test_the_same_approval_sent_twice_is_one_merge(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    pull = desk.pull()
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": pull})
    tip = desk.office.current().tip
    assert "已通过 1 条" in desk.client.post(f"{desk.reviewer()}/approve", data={"pull": pull}).text
    assert desk.office.current().tip == tip


def test_the_same_study_sent_twice_is_not_quiet(desk: Desk) -> None:
    desk.sent()
    desk.sent(key="k2", title="党章 专题学习！")
    desk.sent(key="k3", title="另一次学习")
    desk.deliver()
    page = desk.client.get(desk.reviewer()).text
    rows = re.findall(r'<li class="item.*?</li>', page, re.S)
    assert [("不是重复" in row, "data-quiet" in row) for row in rows] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert "选中无异常的 1 条" in page and "本人还有 2 条在等待审核" in rows[2]


def test_the_desk_shows_all_that_it_asks_to_approve(desk: Desk) -> None:
    school = desk.school
    organisation = committee_files()["records/organisation.yaml"]
    assert organisation is not None
    changed = organisation.replace(b"weicn@example.invalid", b"<b>other</b>@example.invalid")
    one, other = school.study(title="第一条"), school.study("m0005", title="第二条")
    proposals = {
        "01KJYKG9Z08M4T0V2N9X5B7CD1": {"records/organisation.yaml": changed},
        "01KJYKG9Z08M4T0V2N9X5B7CD2": {s.path: records.study_file(s) for s in (one, other)},
        "01KJYKG9Z08M4T0V2N9X5B7CD3": {one.path: b"a: [\n"},
        "01KJYKG9Z08M4T0V2N9X5B7CD4": {"records/jg1/roster.yaml\nrecords/x <b>.txt": b"odd\n"},
    }
    for name, files in proposals.items():
        head = school.commit((school.tip,), files, f"Change\n\nSubmission-Id: {name}\n", BRIDGE)
        school.repo.update_refs([RefUpdate(f"refs/heads/sub/{name}", head, None)])
        desk.host.open(f"sub/{name}", name, "", NOW)
    officer, reviewer = desk.reviewer("m0005"), desk.reviewer()
    page = desk.client.get(f"{officer}/1").text
    assert 'class="new">+' in page and "&lt;b&gt;other&lt;/b&gt;" in page and "weicn@example.invalid" in page
    page = desk.client.get(f"{reviewer}/2").text
    assert all(words in page for words in ("第一条", "第二条", "林样青", "罗例言"))
    odd = desk.client.get(f"{officer}/4")
    assert odd.status_code == 200 and "+odd" in odd.text and "records/x &lt;b&gt;.txt" in odd.text
    page = desk.client.get(f"{reviewer}/3").text
    assert "读不出的记录" in page and "a: [" in page and "不能批准" in page


def test_a_picture_that_is_gone_from_the_outbox_breaks_nothing(desk: Desk) -> None:
    receipt = desk.sent(photos=(photo(),))
    desk.deliver()
    for path in (desk.outbox.folder / "pictures").rglob("*.webp"):
        path.unlink()
    assert desk.client.get(desk.reviewer()).status_code == 200
    assert desk.client.get(f"{desk.reviewer()}/1").status_code == 200
    assert desk.client.get(receipt).status_code == 200
    sha256 = next(iter(records.load_proposals(desk.school.repo, "main"))).studies[0].evidence[0].sha256
    shown = desk.client.get(f"{desk.reviewer()}/picture/{sha256}?small")  # the host has it
    assert shown.status_code == 200 and shown.headers["content-type"] == "image/webp"


@pytest.mark.parametrize(
    ("photos", "words"),
    [([photo(40 + n, 30) for n in range(4)], "最多 3 张照片"), ([b""], "这个文件是空的")],
)
def test_no_photo_is_dropped_without_a_word(desk: Desk, photos: list[bytes], words: str) -> None:
    files = [("photos", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(photos)]
    answer = desk.client.post(desk.member(), data=GOOD, files=files, follow_redirects=False)
    assert answer.status_code == 422 and words in answer.text


def test_a_returned_one_is_sent_again_once(desk: Desk) -> None:
    first = desk.sent()
    desk.deliver()
    reason = {"kind": "照片不符", "words": "请换一张"}
    desk.client.post(f"{desk.reviewer()}/1/return", data=reason)
    desk.deliver()
    page = desk.client.get(first).text
    assert "照片不符：请换一张" in page
    again = re.search(r'href="([^"]+\?again=[^"]+)"', page)
    assert again is not None
    form = desk.client.get(again[1]).text
    key = re.search(r'name="key" value="([^"]+)"', form)
    assert key is not None
    second = desk.sent(key=key[1], title="改好的学习")
    assert second.split("/r/")[1] != first.split("/r/")[1]
    assert second.split("/r/")[1] in desk.client.get(first).text  # the old receipt leads to the new one
    shown = desk.client.get(again[1], follow_redirects=False)
    assert shown.status_code == 303 and shown.headers["location"].split("/r/")[1] == second.split("/r/")[1]


def test_a_decision_names_the_version_that_was_seen(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    answer = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": "1"})
    assert answer.status_code == 409 and "没有办成" in answer.text
    found = desk.host.get(1)
    assert found is not None and found.state == "open"


def test_characters_that_are_none_are_left_out(desk: Desk) -> None:
    receipt = desk.sent(title="党\ufffe课🎓")
    assert "党课🎓" in desk.client.get(receipt).text


def test_tomorrow_is_not_taken_for_last_year(desk: Desk) -> None:
    answer = desk.client.post(desk.member(), data={**GOOD, "start_date": "2026-03-06"})
    assert "不能晚于今天" in answer.text and "年吗" not in answer.text
    answer = desk.client.post(desk.member(), data={**GOOD, "start_date": "2026-12-30"})
    assert "是 2025 年吗？" in answer.text


def test_pictures_of_a_form_that_was_never_stored_go_in_time(desk: Desk) -> None:
    files = [("photos", ("x.jpg", photo(), "image/jpeg"))]
    first = desk.client.post(desk.member(), data={**GOOD, "title": ""}, files=files)
    for hours in (40, 80):  # the form is open, and sent again and again
        desk.office.now = lambda after=hours: NOW + timedelta(hours=after)
        desk.deliver()
        (kept,) = re.findall(r'name="kept" value="([^"]+)"', first.text)
        first = desk.client.post(desk.member(), data={**GOOD, "title": "", "kept": kept})
        assert 'name="kept"' in first.text and "没有保住" not in first.text
    desk.office.now = lambda: NOW + timedelta(hours=130)
    desk.deliver()
    assert list(desk.outbox.folder.rglob("*.webp")) == []
    late = desk.client.post(desk.member(), data={**GOOD, "kept": kept}, follow_redirects=False)
    assert late.status_code == 422 and "有一张照片没有保住，请重新选" in late.text


def test_a_kept_picture_whose_file_is_gone_is_told(desk: Desk) -> None:
    files = [("photos", ("x.jpg", photo(), "image/jpeg"))]
    first = desk.client.post(desk.member(), data={**GOOD, "title": ""}, files=files)
    (kept,) = re.findall(r'name="kept" value="([^"]+)"', first.text)
    shutil.rmtree(desk.outbox.folder / "pictures")
    again = desk.client.post(desk.member(), data={**GOOD, "kept": kept}, follow_redirects=False)
    assert again.status_code == 422 and "有一张照片没有保住，请重新选" in again.text
    assert desk.outbox.of_member("m0012") == [] and 'name="kept"' not in again.text


def test_an_outbox_that_is_held_gives_the_form_back_with_all_that_was_filled_in(desk: Desk) -> None:
    files = [("photos", ("x.jpg", photo(), "image/jpeg"))]
    first = desk.client.post(desk.member(), data={**GOOD, "title": ""}, files=files)
    (kept,) = re.findall(r'name="kept" value="([^"]+)"', first.text)
    filled = {**GOOD, "title": "很长的主题", "kept": kept}
    held = sqlite3.connect(desk.outbox.folder / "outbox.sqlite", isolation_level=None)
    with contextlib.closing(held):
        held.execute("BEGIN IMMEDIATE")
        busy = desk.client.post(desk.member(), data=filled, follow_redirects=False)
        photos = desk.client.post(desk.member(), data=GOOD, files=files, follow_redirects=False)
        held.execute("ROLLBACK")
    assert (busy.status_code, photos.status_code) == (503, 503), "and not a fault of ours"
    assert "系统正忙" in busy.text and "很长的主题" in busy.text and 'name="kept"' in busy.text
    assert "还没有存下</h2>" in busy.text and "需要修改" not in busy.text and "修改后" not in busy.text
    assert f'name="key" value="{GOOD["key"]}"' in busy.text, "sent again it is the same"
    assert desk.outbox.of_member("m0012") == []
    assert desk.client.post(desk.member(), data=filled, follow_redirects=False).status_code == 303


def test_a_proposal_that_was_added_to_is_approved_as_it_is_now(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    first, (row,) = desk.host.get(1), desk.outbox.of_member("m0012")
    assert first is not None
    (data,) = desk.school.repo.blobs([f"{first.head}:{row.sent.path}"]).values()
    message = (
        f"Amend\n\nSubmission-Id: {row.sent.id}\nRecord-Id: {row.sent.record_id}\nAction: register\n"
        "Submitted-By: m0012\n"
    )
    changed = {row.sent.path: data.replace(b"hours: 2", b"hours: 1")}
    head = desk.school.commit((first.head,), changed, message, BRIDGE)
    desk.school.repo.update_refs([RefUpdate(f"refs/heads/{first.head_ref}", head, first.head)])
    stale = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": f"1:{first.head}"})
    assert stale.status_code == 409 and "刚才有变化" in stale.text
    assert f"1:{head}" in desk.client.get(desk.reviewer()).text
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": f"1:{head}"})
    found = desk.host.get(1)
    assert found is not None and (found.state, found.head) == ("merged", head)
