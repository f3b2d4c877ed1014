"""Guards stop what they should, let pass what they must, and say what to do."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message

from xueshi import disk
from xueshi.bridge import guards
from xueshi.bridge.guards import Bodies, Buckets, Forms, Guesses, RateLimit, Room, SameSite, TooMany, Words

OURS = "https://study.test"
WORDS = Words("停一下", "请过 {wait}再试")


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def echo(request: Request) -> Response:
    await request.body()
    return PlainTextResponse(guards.by_address(request.scope))


async def missing(request: Request) -> Response:
    return PlainTextResponse("?", 404)


def client(*middleware: Middleware, peer: str = "192.0.2.9", **more: Any) -> TestClient:
    routes = [
        Route("/m/{token}", echo, methods=["GET", "POST"]),
        Route("/desk/{token}", echo, methods=["GET", "POST"]),
        Route("/m/{token}/r/{ticket}", missing),
        Route("/git/push", echo, methods=["POST"]),
        Mount("/site", PlainTextResponse("site")),
    ]
    app = Starlette(routes=routes, middleware=list(middleware))
    return TestClient(app, base_url=OURS, client=(peer, 1), **more)


# --- whose address


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),  # no proxy of ours: not believed
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
        (
            "10.0.0.5",
            "1.2.3.4, 198.51.100.1",
            "198.51.100.1",
        ),  # what the client wrote itself stands further left
        ("10.0.0.5", "198.51.100.1, 10.0.0.5", "198.51.100.1"),
        ("10.0.0.5", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.5", "[2001:db8:1:2::1]:4711", "2001:db8:1:2::/64"),
        ("10.0.0.5", "2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("10.0.0.5", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "198.51.100.1, <script>", "unknown"),
        ("10.0.0.5", "", "10.0.0.5"),
    ],
)
def test_a_trusted_proxy_says_whom_it_speaks_for(peer: str, forwarded: str, found: str) -> None:
    trusted = [ipaddress.ip_network("10.0.0.0/28")]
    made = client(Middleware(guards.behind, trusted=trusted), peer=peer)
    assert made.get("/m/x", headers={"X-Forwarded-For": forwarded}).text == found


def test_nobody_is_trusted_unless_named() -> None:
    made = client(Middleware(guards.behind, trusted=()), peer="127.0.0.1")
    assert made.get("/m/x", headers={"X-Forwarded-For": "198.51.100.1"}).text == "127.0.0.1"


# --- how often


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 8))
def test_a_bucket_never_gives_more_than_twice_its_many_in_a_span(pauses: list[float], many: int) -> None:
    clock = Clock()
    bucket, taken = Buckets(many, 60.0, now=clock), []
    for pause in pauses:
        clock.at += pause
        wait = bucket.take("a")
        if wait:
            clock.at += wait  # whoever waits as told is let in
            assert bucket.take("a") == 0
        taken.append(clock.at)
    for start in taken:
        assert sum(start <= at < start + 59.99 for at in taken) <= 2 * many


def test_a_bucket_lets_in_its_many_at_once_and_then_one_by_one() -> None:
    clock = Clock()
    bucket = Buckets(3, 60.0, now=clock)
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 20, 20]
    assert bucket.take("b") == 0 and bucket.wait("b") == 0
    clock.at += 20
    assert [bucket.take("a") for _ in range(2)] == [0, 20]
    clock.at += 60
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 20]
    with pytest.raises(TooMany) as caught:
        bucket.demand("a")
    assert caught.value.wait == 20


def test_buckets_are_bounded_and_forget_the_full_ones_first() -> None:
    clock = Clock()
    bucket = Buckets(1, 60.0, now=clock, most=100)
    for number in range(50):
        bucket.take(f"old-{number}")
    clock.at += 61
    bucket.take("mine")
    for number in range(50):
        bucket.take(f"new-{number}")
    assert len(bucket) == 51 and bucket.wait("mine") > 0
    for number in range(1000):
        bucket.take(f"flood-{number}")
    assert len(bucket) <= 100


def test_threads_share_a_bucket() -> None:
    bucket, taken = Buckets(100, 1e6), []

    def work() -> None:
        taken.extend(bucket.take("a") == 0 for _ in range(100))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 100


def test_posts_of_an_address_are_limited_and_told_when_to_come_again() -> None:
    made = client(Middleware(RateLimit, buckets=Buckets(2, 600, now=Clock()), words=WORDS, prefixes=("/m",)))
    assert [made.post("/m/x").status_code for _ in range(3)] == [200, 200, 429]
    answer = made.post("/m/x")
    assert (
        answer.headers["retry-after"] == "300"
        and "停一下" in answer.text
        and "请过 5 分钟再试" in answer.text
    )
    assert answer.headers["cache-control"] == "no-store"
    assert made.get("/m/x").status_code == 200 and made.post("/desk/x").status_code == 200


def test_a_right_link_is_limited_for_itself_and_wrong_ones_together_for_the_address() -> None:
    """Somebody who guesses, or holds one link, uses up nothing of those behind the same address."""
    clock = Clock()
    made = client(
        Middleware(
            RateLimit, buckets=Buckets(3, 60, now=clock), words=WORDS, prefixes=("/m", "/b"), personal=("/m",),
            links=Buckets(2, 60, now=clock),
            whose=lambda scope: scope["path"] if scope["path"].endswith(("/x", "/y")) else "",
        ),
        peer="127.0.0.1",
    )  # fmt: skip
    assert [made.post("/m/x").status_code for _ in range(3)] == [200, 200, 429]
    assert [made.post(f"/m/wrong{n}").status_code for n in range(5)] == [200, 200, 200, 429, 429]
    assert made.post("/b/wrong").status_code == 429, "wrong links of every kind are counted together"
    assert [made.post("/m/y").status_code for _ in range(2)] == [200, 200]
    assert [made.post("/b/x").status_code for _ in range(4)] == [404, 404, 404, 429], "a poster's allowance"
    assert made.post("/b/y").status_code == 404, "another poster has its own"


def test_guesses_run_out_for_those_whose_link_is_not_known() -> None:
    clock = Clock()
    right = Middleware(
        Guesses, buckets=Buckets(3, 60, now=clock), words=WORDS, prefixes=("/m",),
        known=lambda scope: scope["path"] == "/m/right",
    )  # fmt: skip
    made = client(right)
    assert [made.get(f"/m/x/r/{n}").status_code for n in range(5)] == [404, 404, 404, 429, 429]
    assert made.get("/m/wrong").status_code == 429 and made.get("/m/right").status_code == 200
    assert made.get("/site/").status_code == 200
    clock.at += 20
    assert made.get("/m/x/r/1").status_code == 404


# --- from where


@pytest.mark.parametrize(
    ("headers", "form", "desk"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200, 200),
        ({"Sec-Fetch-Site": "none"}, 200, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, 403, 403),
        ({"Origin": OURS}, 200, 200),
        ({"Origin": f"{OURS}:443"}, 200, 200),
        ({"Origin": "https://evil.test"}, 403, 403),
        ({"Origin": "http://study.test"}, 403, 403),
        ({"Origin": "https://study.test.evil.test"}, 403, 403),
        ({"Origin": "https://study.test:444"}, 403, 403),
        ({"Origin": "file://"}, 403, 403),
        ({"Origin": "null"}, 200, 403),
        ({"Origin": "null", "Referer": f"{OURS}/desk/x"}, 200, 200),
        ({"Referer": f"{OURS}/desk/x"}, 200, 200),
        ({"Referer": "https://evil.test/https://study.test/"}, 403, 403),
        ({"Referer": "https://study.test@evil.test/"}, 403, 403),
        ({}, 200, 403),
    ],
)
def test_a_post_from_another_site_is_refused(headers: dict[str, str], form: int, desk: int) -> None:
    made = client(Middleware(SameSite, base_url=OURS, words=WORDS, strict=("/desk",), open_to=("/git",)))
    assert made.post("/m/x", headers=headers).status_code == form
    assert made.post("/desk/x", headers=headers).status_code == desk
    assert made.get("/desk/x", headers=headers).status_code == 200
    assert made.post("/git/push", headers=headers).status_code == 200


def test_two_origins_must_both_be_ours() -> None:
    raw = [(b"origin", OURS.encode()), (b"origin", b"https://evil.test")]
    assert guards.shown(Headers(raw=raw), "https://study.test:443") is False


def test_no_redirect_leads_to_a_host_that_a_request_named() -> None:
    made = client(Middleware(guards.Place, base_url=OURS))
    answer = made.get("/m/x/", headers={"Host": "evil.test"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{OURS}/m/x")


# --- how much, how fast


@contextmanager
def served(app: Any) -> Iterator[int]:
    """A real uvicorn on loopback; its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def talked(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What a raw connection answers until it is closed; each part is sent after a pause."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for part in parts:
            try:
                sock.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        found = b""
        try:
            while data := sock.recv(65536):
                found += data
        except ConnectionResetError:
            pass
        return found


HEAD = b"POST /m/x HTTP/1.1\r\nHost: study.test\r\n"


def test_slow_and_large_bodies_are_stopped() -> None:
    words = {"too_large": Words("太大", ""), "too_slow": Words("太慢", "")}
    app = client(Middleware(Bodies, size=1000, seconds=1.0, rate=100.0, grace=0.3, **words)).app
    with served(app) as port:
        for head in (b"Content-Length: 500\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"):
            begun = time.monotonic()
            found = talked(port, HEAD + head)  # and nothing more
            assert found.startswith(b"HTTP/1.1 408") and "太慢".encode() in found
            assert b"connection: close" in found.lower() and time.monotonic() - begun < 10
        drops = [HEAD + b"Content-Length: 500\r\n\r\n", *([b"a"] * 10)]
        assert talked(port, *drops, pause=0.15).startswith(b"HTTP/1.1 408")  # 7 bytes a second
        steady = [HEAD + b"Content-Length: 500\r\n\r\n", *([b"a" * 30] * 16)]
        assert talked(port, *steady, pause=0.1).startswith(b"HTTP/1.1 408")  # fast enough, too long in all
        found = talked(port, HEAD + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 413") and "太大".encode() in found
        chunk = b"1f4\r\n" + b"a" * 500 + b"\r\n"
        found = talked(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk)
        assert found.startswith(b"HTTP/1.1 413")
        whole = talked(port, HEAD + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc")
        assert whole.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data; boundary=x", 200),
        ("multipart/form-data; boundary=x; charset=UTF-8", 200),
        ("application/x-www-form-urlencoded", 200),
        ("multipart/form-data; boundary=x; charset=punycode", 415),
        ('multipart/form-data; boundary="charset=utf-8"; charset="raw_unicode_escape"', 415),
        ("multipart/form-data; CHARSET=utf-8; charset=punycode; boundary=x", 415),
    ],
)
def test_a_form_is_read_as_utf8_alone(content_type: str, status: int) -> None:
    made = client(Middleware(Forms, words=WORDS))
    assert made.post("/m/x", content=b"", headers={"Content-Type": content_type}).status_code == status


def test_who_hangs_up_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with served(client(Middleware(Bodies, size=1000, too_large=WORDS, too_slow=WORDS)).app) as port:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(HEAD + b"Content-Length: 500\r\n\r\nabc")
        assert talked(port, HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n").startswith(
            b"HTTP/1.1 200"
        )
    assert "Traceback" not in caplog.text and "ERROR" not in caplog.text


# --- what every answer carries, and what is told of it


def test_every_answer_carries_the_headers_once() -> None:
    made = client(Middleware(guards.SecurityHeaders, https=True, own=("/site",)))
    ours, site = made.get("/m/x").headers, made.get("/site/").headers
    assert "default-src 'none'" in ours["content-security-policy"] and "content-security-policy" not in site
    for headers in (ours, site, made.get("/nowhere").headers):
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-content-type-options"] == "nosniff" and "referrer-policy" in headers
    plain = client(Middleware(guards.SecurityHeaders, https=False)).get("/m/x").headers
    assert "strict-transport-security" not in plain
    many = client(
        Middleware(guards.SecurityHeaders, https=True),
        Middleware(RateLimit, buckets=Buckets(1, 60), words=WORDS, prefixes=("/m",)),
    )
    many.post("/m/x")
    names = [name for name, _ in many.post("/m/x").headers.multi_items()]
    assert sorted(names) == sorted(set(names))


def test_an_access_line_names_the_route_and_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "xueshi.access")
    made = client(Middleware(guards.Access), raise_server_exceptions=False)
    answer = made.get("/m/secret-token?member=m0012", headers={"X-Request-Id": "mine"})
    made.get("/nowhere/secret-token")
    made.request("BREW", "/site/secret-token")
    told = [record.fields for record in caplog.records if record.name == "xueshi.access"]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("GET", "/m/{token}", 200), ("GET", "none", 404), ("other", "/site", 200),
    ]  # fmt: skip
    assert all(set(one) == {"method", "route", "status", "ms"} for one in told)
    assert len(answer.headers["x-request-id"]) == 16 and "secret" not in caplog.text


# --- no room


def full_sqlite(folder: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{folder / 'a.sqlite'}")
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            connection.exec_driver_sql("PRAGMA max_page_count = 2")
            connection.exec_driver_sql(f"INSERT INTO t VALUES ('{'x' * 50_000}')")
    finally:
        engine.dispose()


def test_a_full_disk_is_known_by_its_errors(tmp_path: Path) -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        full_sqlite(tmp_path)
    assert disk.full(caught.value)
    with pytest.raises(OSError) as device, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    assert disk.full(device.value)
    wrapped = RuntimeError("kept")
    wrapped.__cause__ = device.value
    assert disk.full(wrapped)
    assert not disk.full(OSError("no")) and not disk.full(sqlite3.OperationalError("database is locked"))
    circle = RuntimeError("a")
    circle.__context__ = RuntimeError("b")
    circle.__context__.__context__ = circle
    assert not disk.full(circle)


def test_room_is_asked_of_the_disk(tmp_path: Path) -> None:
    assert disk.room(tmp_path, 0) and not disk.room(tmp_path, disk.free(tmp_path) * 1000)


def test_what_cannot_be_kept_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    room = [False]

    async def fills(request: Request) -> Response:
        if request.method == "POST":
            folder = tmp_path / request.url.path.split("/")[1]  # of each its own file
            folder.mkdir()
            full_sqlite(folder)
        return PlainTextResponse("read")

    async def broken(request: Request) -> Response:
        raise RuntimeError("林样青")

    app = Starlette(
        routes=[
            Route("/m/x", fills, methods=["GET", "POST"]), Route("/desk/x", fills, methods=["POST"]),
            Route("/broken", broken),
        ],
        middleware=[
            Middleware(
                Room, room=lambda: room[0], words=Words("收不下", "还在"), prefixes=("/m",),
                at_desk=Words("没有办成", "请告诉党委管理员", "请直接联系"), desks=("/desk",),
            )
        ],
    )  # fmt: skip
    made = TestClient(app, raise_server_exceptions=False)
    refused = made.post("/m/x")
    assert refused.status_code == 507 and "收不下" in refused.text and made.get("/m/x").text == "read"
    room[0] = True
    assert made.post("/m/x").status_code == 507
    desk = made.post("/desk/x")
    assert desk.status_code == 507 and "没有办成" in desk.text and "请直接联系" in desk.text
    assert "收不下" not in desk.text and "纸质登记表" not in desk.text
    assert made.get("/broken").status_code == 500
    assert "the disk is full" in caplog.text


def test_a_body_is_not_taken_further_once_it_fills_the_disk(caplog: pytest.LogCaptureFixture) -> None:
    free, taken, told = [30], [0], list[Message]()

    async def keeps(request: Request) -> Response:
        async for chunk in request.stream():
            taken[0] += len(chunk) // 2**20
            free[0] -= len(chunk) // 2**20
        return PlainTextResponse("kept")

    guard = Middleware(
        Room, room=lambda: free[0] > 10, words=Words("收不下", "还在"), prefixes=("/m",),
        at_desk=Words("没有办成", "请告诉党委管理员"), desks=("/desk",),
    )  # fmt: skip
    made = Starlette(routes=[Route("/m/x", keeps, methods=["POST"])], middleware=[guard])

    async def comes() -> Message:
        return {"type": "http.request", "body": bytes(2**20), "more_body": True}

    async def goes(message: Message) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/m/x", "headers": [], "query_string": b""}
    asyncio.run(made(scope, comes, goes))
    assert told[0]["status"] == 507 and "收不下" in told[1]["body"].decode() and 20 <= taken[0] <= 24
    assert "the disk is full" in caplog.text


# --- together


def test_all_guards_together_pass_a_registration(tmp_path: Path) -> None:
    made = client(*around(tmp_path), peer="127.0.0.1")
    answer = made.post("/m/x", headers={"X-Forwarded-For": "198.51.100.1", "Origin": OURS})
    assert (answer.status_code, answer.text) == (200, "198.51.100.1")
    assert made.post("/desk/x").status_code == 403
    assert [made.post("/m/x").status_code for _ in range(4)] == [200, 200, 200, 429]


def around(folder: Path) -> list[Middleware]:
    return guards.around(
        base_url=OURS, folder=folder, trusted=[ipaddress.ip_network("127.0.0.0/8")], address_per_minute=3,
        guesses_per_minute=3, disk_floor=0, max_body=1000,
    )  # fmt: skip
