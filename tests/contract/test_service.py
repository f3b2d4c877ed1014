"""An installation as a whole on a host of others: what it says when it cannot start, and whom it believes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import BRIDGE as BRIDGE_IDENTITY
from conftest import START, School, committee_files
from fake_github import FakeGitHub
from fake_host import BRIDGE, DESK, LOGINS, REPOSITORY, SECRET, WORKFLOW, FakeHost, running
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message

from xueshi import settings
from xueshi.connecting import connect
from xueshi.errors import HostUnavailable, UsageError
from xueshi.git import init_bare
from xueshi.outbox import Row
from xueshi.service import Service, _Repeating, embedded
from xueshi.words import receipt_code

HOME = "http://127.0.0.1:8765"
HOOK_SECRET = f"{SECRET}-0123456789"


@dataclass
class Place:
    """A service over a fake host, driven by hand, a minute a step."""

    service: Service
    fake: FakeHost
    client: TestClient
    clock: list[datetime]

    def later(self, minutes: int = 2) -> None:
        for _ in range(minutes):
            self.clock[0] += timedelta(minutes=1)
            self.service._carry()

    def sent(self, many: int) -> None:
        path = self.service.links.personal("m0012").removeprefix(HOME)
        for number in range(many):
            form = {
                "start_date": "2026-03-01", "kind": "theme_day", "title": f"党章专题学习{number}", "hours": "2",
                "key": f"k{number}", "end": "1",
            }  # fmt: skip
            assert self.client.post(path, data=form, follow_redirects=False).status_code == 303
        self.later(4)

    def rows(self) -> list[Row]:
        return self.service.office.outbox.of_member("m0012")


def told(fake: FakeHost, folder: Path, token: str = BRIDGE, **more: str) -> settings.Settings:
    environ = {
        "XUESHI_FOLDER": str(folder), "XUESHI_HOST_KIND": fake.kind, "XUESHI_HOST_API_URL": fake.api,
        "XUESHI_HOST_REPOSITORY": REPOSITORY, "XUESHI_HOST_TOKEN": token, "XUESHI_DESK_TOKEN": DESK,
        "XUESHI_HOST_HOOK_SECRET": HOOK_SECRET, "XUESHI_DESK_UNDO_MINUTES": "0", "XUESHI_LIMITS_DISK_FLOOR_MB": "0",
        "XUESHI_BUDGET_APART": "0",
    }  # fmt: skip
    return settings.load(None, {**environ, **{f"XUESHI_{name}": value for name, value in more.items()}})


@contextmanager
def hosted(folder: Path, *, empty: bool = False) -> Iterator[FakeHost]:
    """A fake of GitHub with the committee's files; the reviewer of jg1 has a login there."""
    repo = init_bare(folder / "host.git")
    repo.run("config", "http.receivepack", "true")
    if not empty:
        files, school = committee_files(), School(repo)
        organisation = files["records/organisation.yaml"] or b""
        address = b"emails: [weicn@example.invalid]"
        files["records/organisation.yaml"] = organisation.replace(
            address, address + b", logins: {github: weiceining}"
        )
        school.to_main(school.commit((), files, "Begin\n", BRIDGE_IDENTITY))
    with running(FakeGitHub(repo)) as fake:
        yield fake


@contextmanager
def place(folder: Path, token: str = BRIDGE, **more: str) -> Iterator[Place]:
    clock = [START + timedelta(days=2)]
    with hosted(folder) as fake:
        service = Service(told(fake, folder / "installation", token, **more), lambda: clock[0])
        with TestClient(service.app, base_url=HOME, headers={"Origin": HOME}) as client:
            yield Place(service, fake, client, clock)


def returned(at: Place) -> tuple[Row, Row]:
    """Seven in one pull request, of which the desk returns one; that one and another."""
    at.sent(7)
    (pull,) = at.fake.state.pulls.values()
    path = at.service.links.desk("m0003").removeprefix(HOME)
    at.client.post(f"{path}/confirm", data={"code": at.service.links.desk_code("m0003")})
    going, staying, *_ = at.rows()
    form = {"row": going.sent.record_id, "kind": "日期有误", "words": "", "head": at.fake.state.head(pull)}
    assert at.client.post(f"{path}/{pull.number}/return", data=form).status_code == 200
    at.later()
    found = {row.sent.id: row for row in at.rows()}
    return found[going.sent.id], found[staying.sent.id]


def test_what_the_desk_returned_on_a_real_host_is_returned_in_its_reviewers_name(tmp_path: Path) -> None:
    with place(tmp_path) as at:
        gone, stays = returned(at)
        assert (gone.state, gone.decided_by, gone.reason) == ("returned", "m0003", "日期有误")
        assert stays.state == "pending" and at.fake.complaints == []


def test_an_app_that_is_named_in_the_settings_believes_itself(tmp_path: Path) -> None:
    with place(tmp_path, WORKFLOW, HOST_ACCOUNT=LOGINS[WORKFLOW]) as at:
        gone, stays = returned(at)
        assert (gone.state, gone.decided_by, stays.state) == ("returned", "m0003", "pending")


def test_nobody_returns_in_anothers_name_by_a_mark(tmp_path: Path) -> None:
    """An app's token may not ask who it is: then a stranger's comment with our mark was believed."""
    with place(tmp_path, WORKFLOW) as at:
        at.sent(7)
        (pull,), rows = at.fake.state.pulls.values(), at.rows()
        codes = [receipt_code(row.sent.id) for row in rows[:2]]
        forged = f"退回 {codes[0]} 造假\n撤回 {codes[1]}\n\n<!-- xueshi:close:m0005 -->"
        at.fake.state.note(pull.number, "mallory", forged)
        at.fake.state.close(pull.number, "weiceining")
        at.later()
        assert {(row.state, row.decided_by) for row in at.rows()} == {("returned", "m0003")}
        assert not any("造假" in (row.reason or "") for row in at.rows())


def test_words_typed_at_the_desk_return_all_they_were_typed_for(tmp_path: Path) -> None:
    with place(tmp_path) as at:
        at.sent(7)
        (pull,), code = at.fake.state.pulls.values(), receipt_code(at.rows()[0].sent.id)
        path = at.service.links.desk("m0003").removeprefix(HOME)
        at.client.post(f"{path}/confirm", data={"code": at.service.links.desk_code("m0003")})
        form = {"kind": "其他", "words": f"撤回 {code} 本人说不要了", "head": at.fake.state.head(pull)}
        assert at.client.post(f"{path}/{pull.number}/return", data=form).status_code == 200
        at.later()
        found = {(row.state, row.decided_by, row.reason) for row in at.rows()}
        assert found == {("returned", "m0003", f"“撤回 {code} 本人说不要了”")}


def test_a_strangers_comment_is_no_reviewers_reason(tmp_path: Path) -> None:
    with place(tmp_path) as at:
        at.sent(1)
        at.fake.state.note(1, "weiceining", "日期有误，请改")
        at.fake.state.close(1, "weiceining")
        at.fake.state.note(1, "mallory", "你被开除了")
        at.later()
        assert [(row.state, row.reason) for row in at.rows()] == [("returned", "日期有误，请改")]


@pytest.mark.parametrize("said", ["--output=SECRET", "zz\0"])
def test_what_a_host_calls_a_commit_is_no_option_of_git(tmp_path: Path, said: str) -> None:
    """A head that names a file of this machine had git write into it: the secret of all links was gone."""
    with place(tmp_path) as at:
        at.sent(1)
        secret = tmp_path / "installation" / "secret"
        kept, (pull,) = secret.read_bytes(), at.fake.state.pulls.values()
        forked = at.fake.state.open(pull.head_ref, "别人的", "", fork="mallory")
        forked.head = said.replace("SECRET", str(secret))
        at.later()
        assert secret.read_bytes() == kept
        path = at.service.links.desk("m0003").removeprefix(HOME)
        at.client.post(f"{path}/confirm", data={"code": at.service.links.desk_code("m0003")})
        assert at.client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("token", "more", "logged"),
    [(BRIDGE, {}, False), (WORKFLOW, {}, True), (WORKFLOW, {"HOST_ACCOUNT": "xueshi[bot]"}, False)],
)
def test_a_start_says_that_nobody_tells_the_account(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, token: str, more: dict[str, str], logged: bool
) -> None:
    with place(tmp_path, token, **more) as at:
        at.service.start()
        at.service.stop()
    assert any("host.account" in record.getMessage() for record in caplog.records) is logged


@pytest.mark.parametrize("body", [b'{"issue":null}', b'{"issue":[1]}', b'{"issue":"pull_request"}'])
def test_a_signed_webhook_of_another_shape_is_no_fault_of_ours(tmp_path: Path, body: bytes) -> None:
    with place(tmp_path) as at:
        signature = hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "x-github-event": "issue_comment", "x-github-delivery": "1", "x-hub-signature-256": f"sha256={signature}",
        }  # fmt: skip
        assert at.client.post("/hooks", content=body, headers=headers).status_code == 202


def test_few_webhooks_are_read_at_once_and_the_embedded_host_has_none(tmp_path: Path, school: School) -> None:
    """Nobody has to sign a body before it is read: many at once would fill the memory."""
    scope = {
        "type": "http", "method": "POST", "path": "/hooks", "query_string": b"", "client": ("192.0.2.1", 1),
        "headers": [(b"host", b"study.test"), (b"content-length", b"9")],
    }  # fmt: skip

    async def many(app: ASGIApp) -> list[int]:
        told, more = list[int](), asyncio.Event()

        async def slow() -> Message:
            await more.wait()
            return {"type": "http.request", "body": b"unsigned!"}

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        asked = [asyncio.create_task(app(dict(scope), slow, answered)) for _ in range(10)]
        while len(told) < 6:
            await asyncio.sleep(0.01)
        more.set()
        await asyncio.gather(*asked)
        await app(dict(scope), slow, answered)
        return told

    with place(tmp_path) as at:
        assert asyncio.run(many(at.service.app)) == [503] * 6 + [403] * 5
    shutil.copytree(school.repo.path, tmp_path / "own" / "host.git")
    own = Service(embedded(tmp_path / "own", HOME))
    assert TestClient(own.app, base_url=HOME).post("/hooks", content=b"{}").status_code == 404


# --- what it says when it cannot start


def bilingual(words: str) -> bool:
    return re.search("[一-龥].* / .*[a-z]{3}", words) is not None


@pytest.mark.parametrize("where", ["file", "file/below", "/proc/xueshi"])
def test_a_folder_that_cannot_be_one_is_told_in_words(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    for start in (Service, connect):
        with pytest.raises(UsageError, match="不能当作安装的文件夹") as caught:
            start(embedded(tmp_path / where, HOME))
        assert bilingual(str(caught.value)) and where.split("/")[-1] in str(caught.value)


def test_an_empty_main_is_told_in_words(tmp_path: Path) -> None:
    with hosted(tmp_path, empty=True) as fake, pytest.raises(UsageError, match="还没有 main") as caught:
        connect(told(fake, tmp_path / "installation"))
    assert bilingual(str(caught.value))


def test_a_host_that_is_away_at_the_first_start_is_told_in_words(tmp_path: Path) -> None:
    with hosted(tmp_path) as fake:
        said = told(fake, tmp_path / "installation")
    with pytest.raises(HostUnavailable, match="第一次启动要连上代码托管") as caught:
        connect(said)
    assert bilingual(str(caught.value)) and BRIDGE not in str(caught.value)


def test_a_host_that_is_away_later_stops_no_start(tmp_path: Path) -> None:
    with hosted(tmp_path) as fake:
        said = told(fake, tmp_path / "installation")
        connect(said)
    assert connect(said)[2].resolve("refs/heads/main") is not None


def test_an_embedded_host_without_records_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xueshi demo") as caught:
        connect(embedded(tmp_path, HOME))
    assert bilingual(str(caught.value))


def test_a_fault_of_ours_ends_no_thread_that_everybody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    turns, done = [0], threading.Event()

    def act() -> float:
        turns[0] += 1
        if turns[0] == 1:
            raise RuntimeError("a fault of ours")
        done.set()
        return 60.0

    thread = _Repeating("test", act)
    thread.start()
    thread.wake()
    assert done.wait(10)
    thread.stop()
    assert "a fault of ours" in caplog.text


def test_who_opens_an_old_link_reads_that_it_is_old_however_many_do(tmp_path: Path) -> None:
    """A poster that expired, in front of a full hall: one address, and nobody guesses."""
    with place(tmp_path) as at:
        links, outbox = at.service.links, at.service.office.outbox
        old = links.poster("jg1").removeprefix(HOME)
        outbox.doors.replace("b", "jg1", at.clock[0])
        told = [at.client.get(old) for _ in range(40)]
        assert {answer.status_code for answer in told} == {404} and "已经换成新的" in told[-1].text
        wrong = [at.client.get("/b/x.y.z").status_code for _ in range(40)]
        assert wrong.count(404) == 30 and wrong[-1] == 429, "none was taken from who guesses, either"
        assert "已经换成新的" in at.client.get(old).text
