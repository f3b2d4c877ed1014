"""Attacks that the guards around the bridge withstand, through the whole application."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from test_attacks import FIELDS, asked, multipart, part, served
from test_bridge import GOOD, Desk, bridge, desk
from test_members import approved, ticket
from test_pictures import photo

from xueshi.bridge.guards import Buckets

__all__ = ["desk"]


def test_a_codec_cannot_stop_the_service(desk: Desk) -> None:
    body = multipart(*([part(b"content", b"b" * 64_000)] * 3))
    begun = time.process_time()
    answer = desk.client.post(
        desk.member(),
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=xx; charset=punycode"},
    )
    assert answer.status_code == 415 and time.process_time() - begun < 1


def test_halves_of_characters_are_no_fault_of_ours(desk: Desk) -> None:
    kept = [one for one in FIELDS if b'"key"' not in one]
    client = TestClient(desk.client.app, base_url="http://bridge.test", raise_server_exceptions=False)
    answer = client.post(
        desk.member(), content=multipart(*kept, part(b"key", b"\\ud800")),
        headers={"Content-Type": "multipart/form-data; boundary=xx; charset=raw_unicode_escape"},
    )  # fmt: skip
    assert answer.status_code in (400, 415, 422)


def test_a_slow_body_does_not_hold_a_place_for_ever(desk: Desk) -> None:
    to = f"POST {desk.member()} HTTP/1.1\r\nHost: bridge.test\r\nContent-Length: 500\r\n".encode()
    form = b"Content-Type: multipart/form-data; boundary=xx\r\n\r\n"
    with served(desk.client.app) as port:
        assert asked(port, to + form).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}, {"Origin": "null"}]
)
def test_a_post_from_another_site_decides_nothing(desk: Desk, headers: dict[str, str]) -> None:
    desk.sent()
    desk.deliver()
    answer = desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()}, headers=headers)
    assert answer.status_code == 403


def test_a_redirect_is_not_to_the_host_that_was_named(desk: Desk) -> None:
    answer = desk.client.get(f"{desk.member()}/", headers={"Host": "evil.test"}, follow_redirects=False)
    assert "evil.test" not in answer.headers.get("location", "")


@pytest.mark.parametrize("odd", ["last", "=", "=="])
def test_a_token_has_one_spelling(desk: Desk, odd: str) -> None:
    path = desk.member()
    others = [
        path[:-1] + ch
        for ch in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if ch != path[-1]
    ]
    wrong = others if odd == "last" else [path + odd]
    assert {desk.client.get(one).status_code for one in wrong} == {404}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Starlette's file of the cut part
def test_a_form_that_ends_early_is_not_taken(desk: Desk) -> None:
    fields = [one for one in FIELDS if b'"end"' not in one]
    photo, end = part(b"photos", b"x" * 5000, b'; filename="a.jpg"'), part(b"end", b"1")
    body, headers = multipart(*fields, photo, end), {"Content-Type": "multipart/form-data; boundary=xx"}
    for cut in (body[:-5100], body[:-200]):
        answer = desk.client.post(desk.member(), content=cut, headers=headers, follow_redirects=False)
        assert answer.status_code == 400 and "没有收全" in answer.text
    assert desk.outbox.counts() == {}


def test_nobody_registers_without_end(desk: Desk) -> None:
    desk.office.per_member = Buckets(5, 3600)
    found = [
        desk.client.post(
            desk.member(), data={**GOOD, "key": f"k{n}", "title": f"第 {n} 次"}, follow_redirects=False
        )
        for n in range(8)
    ]
    assert [answer.status_code for answer in found].count(429) == 3 and "登记得太快了" in found[-1].text
    assert desk.outbox.counts() == {"received": 5}


def statuses(desk: Desk, path: str, many: int, **more: str) -> list[int]:
    told = [{**GOOD, "key": f"{path}{n}", "title": f"第 {n} 次", **more} for n in range(many)]
    return [desk.client.post(path, data=one, follow_redirects=False).status_code for one in told]


def test_who_holds_a_poster_uses_up_nobodys_own_link(desk: Desk) -> None:
    desk.office.per_member = Buckets(3, 3600)
    poster = desk.path(desk.office.links.poster("jg1"))
    assert statuses(desk, poster, 5, member="m0012") == [303, 303, 303, 429, 429]
    assert statuses(desk, desk.member(), 5) == [303, 303, 303, 429, 429]
    assert statuses(desk, poster, 1, member="m0005") == [303]


def test_nobody_corrects_without_end(desk: Desk) -> None:
    record = ticket(approved(desk))
    desk.office.per_member = Buckets(3, 3600)
    path = f"{desk.member()}/correct/{record}"
    found = []
    for n in range(5):
        told = {**GOOD, "hours": "1", "reason": f"第 {n} 次"}
        answer = desk.client.post(path, data=told, follow_redirects=False)
        found.append(answer.status_code)
        if answer.status_code == 303:
            again = desk.client.post(path, data=told, follow_redirects=False)
            assert again.headers["location"] == answer.headers["location"], (
                "sent twice it is one, and counted once"
            )
            assert "已撤回" in desk.client.post(f"{answer.headers['location']}/withdraw").text
    assert found == [303, 303, 303, 429, 429] and "登记得太快了" in answer.text
    assert statuses(desk, desk.member(), 1) == [429], "corrections and registrations together"


def test_what_could_not_be_stored_is_not_counted(desk: Desk) -> None:
    record = ticket(approved(desk))
    desk.office.per_member = Buckets(2, 3600)
    path = f"{desk.member()}/correct/{record}"
    correction = {**GOOD, "hours": "1", "reason": "学时写错了"}
    desk.outbox._store._longest = 0.05
    with desk.outbox._store._turn:
        assert statuses(desk, desk.member(), 3) == [503] * 3
        assert [desk.client.post(path, data=correction).status_code for _ in range(3)] == [503] * 3
    desk.outbox._store._longest = 15.0
    assert (
        statuses(desk, desk.member(), 1) == [303]
        and desk.client.post(path, data=correction).status_code == 200
    )
    assert statuses(desk, desk.member(), 1, key="another") == [429]


def test_who_may_send_no_more_still_gets_the_receipt_of_what_was_sent(desk: Desk) -> None:
    desk.office.per_member = Buckets(1, 3600)
    assert ticket(desk.sent(photos=(photo(),))) == ticket(desk.sent(photos=(photo(),)))
    files = [("photos", ("x.jpg", photo(200), "image/jpeg"))]
    kept = len(list(desk.outbox.folder.rglob("*.webp")))
    answer = desk.client.post(desk.member(), data={**GOOD, "key": "another"}, files=files)
    assert answer.status_code == 429 and kept == 1
    assert len(list(desk.outbox.folder.rglob("*.webp"))) == kept, "its picture was not looked at"


@contextmanager
def traced() -> Iterator[Callable[[], float]]:
    """How much memory was taken at most since then, in MB."""
    tracemalloc.start()
    begun = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: (tracemalloc.get_traced_memory()[1] - begun) / 1024 / 1024
    finally:
        tracemalloc.stop()


async def uploaded(app: ASGIApp, path: str, body: bytes, many: int) -> list[int]:
    """The statuses of `many` uploads at once, each of which has come but for its last bytes before any of them ends."""
    arrived, found = 0, list[int]()
    complete = anyio.Event()

    async def upload() -> None:
        at = 0

        async def receive() -> Message:
            nonlocal at, arrived
            if at == len(body):
                await anyio.sleep_forever()  # the client waits for its answer
            end = min(at + 64 * 1024, len(body) if complete.is_set() else len(body) - 10)
            if at == end:
                arrived += 1
                if arrived == many:
                    complete.set()
                await complete.wait()
                end = len(body)
            at, chunk = end, body[at:end]
            return {"type": "http.request", "body": chunk, "more_body": at < len(body)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.append(message["status"])

        headers = [(b"content-type", b"multipart/form-data; boundary=xx"), (b"origin", b"http://bridge.test")]
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "client": ("testclient", 1),
            "server": ("bridge.test", 80), "headers": [(b"host", b"bridge.test"), *headers],
        }  # fmt: skip
        await app(scope, receive, send)

    async with anyio.create_task_group() as group:
        for _ in range(many):
            group.start_soon(upload)
    return found


@pytest.mark.parametrize(("member", "status"), [("m0012", 422), ("x", 403)])
def test_many_uploads_at_once_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str, status: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # so many more are read at once where there are more
    with bridge(tmp_path) as desk:
        poster = desk.path(desk.office.links.poster("jg1"))
        photos = [part(b"photos", b"x" * 2_000_000, b'; filename="a.jpg"')] * 3
        body = multipart(part(b"member", member.encode()), *photos, *FIELDS)
        with traced() as most:
            assert desk.client.portal is not None
            found = desk.client.portal.call(uploaded, desk.client.app, poster, body, 16)
            assert most() < 24, "of 92 MB that are on their way"
        assert found == [status] * 16
        assert all(file.name.startswith("outbox.sqlite") for file in desk.outbox.folder.iterdir())


def test_many_texts_do_not_fill_the_memory(desk: Desk) -> None:
    long = b"x" * 120_000
    for body, kind in (
        (multipart(*([part(b"content", long)] * 30), *FIELDS), "multipart/form-data; boundary=xx"),
        (b"&".join([b"content=" + long] * 30), "application/x-www-form-urlencoded"),
        (b"&".join([long + b"=x"] * 30), "application/x-www-form-urlencoded"),
    ):
        answer = desk.client.post(desk.member(), content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400 and "<h1" in answer.text


def test_a_redirect_keeps_its_address_to_itself(desk: Desk) -> None:
    answer = desk.client.post(desk.member(), data=GOOD, follow_redirects=False)
    assert "referrer-policy" in answer.headers and "x-content-type-options" in answer.headers


def test_who_hangs_up_leaves_no_traceback(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    to = f"POST {desk.member()} HTTP/1.1\r\nHost: bridge.test\r\n".encode()
    form = b"Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: 500\r\n\r\n--xx"
    with served(desk.client.app) as port:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(to + form)
            time.sleep(0.2)
        asked(port, b"GET /static/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("text", ["@all 请看", "见 https://evil.test/x", "www.evil.test", "fixes #1"])
def test_a_pull_request_calls_nobody_and_leads_nowhere(desk: Desk, text: str) -> None:
    """GitHub and GitLab look for mentions, issues and bare addresses in the text after Markdown has taken away the
    backslashes: only a code span or a character between stops them."""
    desk.sent(title=text)
    desk.deliver()
    body = json.loads(desk.school.repo.run("cat-file", "blob", "refs/pull/1/meta:pull.json"))["body"]
    shown = body.replace("\\", "")
    assert (
        "@all" not in shown and "https://evil" not in shown and "www.evil" not in shown and "#1" not in shown
    )
