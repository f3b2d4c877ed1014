"""A notice reaches the group whole and once, and the robot's key reaches nobody."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from xueshi import notify
from xueshi.errors import UsageError, XueshiError
from xueshi.notify import CHANNELS, Channel, NotSent
from xueshi.notify.dry_run import SEPARATOR, DryRun
from xueshi.notify.sent import Sent
from xueshi.notify.wecom import LIMIT, Wecom, make_client, parts

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
URL = f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}"
TARGET = f"/cgi-bin/webhook/send?key={KEY}".encode()
DELIVERED = {"errcode": 0, "errmsg": "ok"}
TOO_FAST = {"errcode": 45009, "errmsg": "api freq out of limit"}

# --- a robot, and time that passes only when somebody sleeps


@dataclass
class Robot:
    """Answers in order, then goes on delivering; remembers what was said and when."""

    answers: list[httpx2.Response | Exception] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 1000.0
    takes: float = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.times.append(self.now)
        self.now += self.takes
        answer = self.answers.pop(0) if self.answers else ok()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def channel(self, url: str = URL) -> Wecom:
        client = httpx2.Client(transport=httpx2.MockTransport(self))
        return Wecom(url, client, self.clock, self.sleep)

    @property
    def said(self) -> list[str]:
        return [json.loads(request.content)["text"]["content"] for request in self.requests]


def ok() -> httpx2.Response:
    return httpx2.Response(200, json=DELIVERED)


def refused(answer: object, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=answer)


def not_sent(robot: Robot, text: str = "通知") -> NotSent:
    with pytest.raises(NotSent) as caught:
        robot.channel().send(text)
    assert_secret_kept(caught.value)
    return caught.value


def assert_secret_kept(error: BaseException | None) -> None:
    """Not in the text, the repr, the printed traceback, nor in any error it came from."""
    while error is not None:
        shown = "".join(traceback.format_exception(error)) + str(error) + repr(error) + repr(error.args)
        assert KEY not in shown and "key=" not in shown
        assert not isinstance(error, httpx2.HTTPError)
        error = error.__cause__ or error.__context__


# --- WeCom: what is sent


def test_a_text_goes_out_as_the_robot_wants_it() -> None:
    robot = Robot()
    robot.channel().send("教工第一党支部：3 条待审核 🎉")
    (request,) = robot.requests
    assert request.method == "POST" and request.headers["content-type"] == "application/json"
    assert request.extensions["target"] == TARGET
    assert json.loads(request.content) == {
        "msgtype": "text",
        "text": {"content": "教工第一党支部：3 条待审核 🎉"},
    }
    assert robot.slept == []


def test_text_that_fits_is_left_as_it_is() -> None:
    for text in ("", "a\n\nb\n", "x" * LIMIT, "学" * 682 + "ab", "🎉" * 512, "a\u2028b\r\nc"):
        assert parts(text) == [text]


def bodies(messages: list[str]) -> list[str]:
    """The messages without their numbers, which are right."""
    stripped = []
    for number, message in enumerate(messages, 1):
        head, body = message.split("\n", 1)
        assert head == f"({number}/{len(messages)})"
        stripped.append(body)
    return stripped


@pytest.mark.parametrize("line", ["教工第一党支部：3 条待审核", "研究生🎓党支部 👍🏽👨‍👩‍👧 已达标", "plain"])
@pytest.mark.parametrize("count", [100, 700, 9000])
def test_a_long_text_is_split_at_line_ends_and_numbered(line: str, count: int) -> None:
    text = "\n".join(f"{n} {line}" for n in range(count))
    messages = parts(text)
    if len(text.encode()) > LIMIT:
        assert len(messages) > 1 and "\n".join(bodies(messages)) == text
    assert all(len(message.encode()) <= LIMIT for message in messages)
    fullest = max(len(message.encode()) for message in messages)
    assert fullest > LIMIT - 100 or len(messages) == 1


def test_no_text_makes_a_message_too_long_or_loses_a_line() -> None:
    dice = random.Random(1)
    for _ in range(200):
        lines = [
            "".join(dice.choices("a学🎉 é", k=dice.randrange(400))) for _ in range(dice.randrange(1, 60))
        ]
        messages = parts("\n".join(lines))
        assert all(len(message.encode()) <= LIMIT for message in messages)
        assert "\n".join(bodies(messages) if len(messages) > 1 else messages) == "\n".join(lines)


@pytest.mark.parametrize("character", ["a", "é", "学", "🎉"])
@pytest.mark.parametrize("shift", range(4))
def test_a_line_too_long_is_cut_between_characters(character: str, shift: int) -> None:
    line = "-" * shift + character * 2100
    (message,) = parts(line)
    assert message.endswith(character + "…") and line.startswith(message[:-1])
    assert LIMIT - 4 < len(message.encode()) <= LIMIT
    first, second, third = bodies(parts(f"前\n{line}\n后"))
    assert (first, third) == ("前", "后")
    assert second.endswith(character + "…") and line.startswith(second[:-1])


def test_ten_messages_need_a_wider_number() -> None:
    for count in range(8, 13):
        messages = parts("\n".join("x" * 2038 for _ in range(count)))
        assert len(messages) == count and bodies(messages) == ["x" * 2038] * count
    assert len(parts("\n".join("x" * 2042 for _ in range(9)))[0]) == LIMIT


def test_half_a_character_does_not_stop_a_notice() -> None:
    robot = Robot()
    robot.channel().send("坏\ud83d字")
    assert robot.said == ["坏?字"]


def test_messages_of_one_text_arrive_in_order() -> None:
    robot = Robot()
    text = "\n".join(f"{n} 条待审核" for n in range(300))
    robot.channel().send(text)
    assert robot.said == parts(text) and len(robot.said) > 1


# --- WeCom: how fast


def assert_rate_kept(robot: Robot) -> None:
    for early, late in zip(robot.times, robot.times[20:], strict=False):
        assert late - early >= 60


def test_the_twenty_first_message_waits_for_the_minute() -> None:
    robot = Robot()
    channel = robot.channel()
    for _ in range(20):
        channel.send("一")
        robot.now += 1
    assert robot.slept == []
    channel.send("二")
    assert robot.slept == [40.0]
    channel.send("三")
    assert robot.slept == [40.0, 1.0]
    assert_rate_kept(robot)


def test_the_window_slides() -> None:
    robot, dice = Robot(takes=0.25), random.Random(2)
    channel = robot.channel()
    for _ in range(200):
        channel.send("一")
        robot.now += dice.choice((0, 0, 0, 1, 7))
    assert_rate_kept(robot)
    assert robot.slept


def test_a_slow_minute_needs_no_waiting() -> None:
    robot = Robot()
    channel = robot.channel()
    for _ in range(60):
        channel.send("一")
        robot.now += 3
    assert robot.slept == []


def test_the_parts_of_one_text_keep_the_rate_too() -> None:
    robot = Robot()
    robot.channel().send("\n".join("x" * 2000 for _ in range(45)))
    assert len(robot.said) == 45
    assert robot.slept == [60.0, 60.0]


def test_failed_attempts_count_for_the_rate() -> None:
    robot = Robot([httpx2.ReadTimeout("slow")] * 20)
    channel = robot.channel()
    for _ in range(20):
        with pytest.raises(NotSent):
            channel.send("一")
    channel.send("二")
    assert robot.slept == [60.0]


def test_a_message_sent_too_fast_is_sent_again_after_a_minute() -> None:
    robot = Robot([refused(TOO_FAST), refused(TOO_FAST), refused(TOO_FAST)])
    robot.channel().send("一")
    assert robot.said == ["一"] * 4
    assert robot.slept == [60.0] * 3


def test_a_robot_that_stays_busy_is_given_up_after_three_more_tries() -> None:
    robot = Robot([refused(TOO_FAST)] * 9)
    error = not_sent(robot)
    assert error.certain and "45009" in str(error) and "api freq out of limit" in str(error)
    assert len(robot.requests) == 4 and robot.slept == [60.0] * 3


# --- WeCom: what goes wrong


def test_not_sent_is_an_error_an_operator_can_read() -> None:
    assert issubclass(NotSent, XueshiError)
    error = not_sent(Robot([refused({"errcode": 93000, "errmsg": "invalid webhook url\nhint: [1]"})]))
    assert str(error) == (
        "wecom: errcode 93000 (invalid webhook url hint: [1]): the robot is gone or its key is wrong; "
        "copy the url anew from the group's robot settings"
    )


@pytest.mark.parametrize(
    ("answer", "certain", "words"),
    [
        (
            refused({"errcode": 40058, "errmsg": "content size out of limit"}),
            True,
            "40058 (content size out of",
        ),
        (refused({"errcode": -1, "errmsg": "system busy"}), True, "errcode -1 (system busy)"),
        (refused({"errcode": 44004}), True, "errcode 44004 ()"),
        (refused({"errcode": 40058, "errmsg": "bad"}, status=400), True, "40058"),
        (httpx2.Response(302, headers={"location": "https://other.example/"}), True, "HTTP 302"),
        (httpx2.Response(404, text="no such page"), True, "HTTP 404"),
        (httpx2.Response(502, text="<h1>Bad gateway</h1>"), False, "HTTP 502"),
        (httpx2.Response(500, json=DELIVERED), False, "HTTP 500"),
        (httpx2.Response(200, text="<h1>Welcome</h1>"), False, "HTTP 200 without"),
        (httpx2.Response(200, content=b""), False, "HTTP 200 without"),
        (httpx2.Response(200, content=b'{"errmsg": "\xff"}'), False, "HTTP 200 without"),
        (httpx2.Response(200, json=[]), False, "HTTP 200 without"),
        (httpx2.Response(200, json={"errmsg": "ok"}), False, "HTTP 200 without"),
        (httpx2.Response(200, json={"errcode": "0"}), False, "HTTP 200 without"),
        (httpx2.Response(200, json={"errcode": False}), False, "HTTP 200 without"),
        (httpx2.ConnectError(f"cannot reach {URL}"), True, "ConnectError (cannot reach https:"),
        (httpx2.ConnectTimeout(""), True, "ConnectTimeout"),
        (httpx2.PoolTimeout(""), True, "PoolTimeout"),
        (httpx2.ProxyError("403 Forbidden"), True, "ProxyError (403 Forbidden)"),
        (httpx2.ReadTimeout(f"no answer from {URL}"), False, "ReadTimeout"),
        (httpx2.WriteTimeout(""), False, "WriteTimeout"),
        (httpx2.ReadError(""), False, "ReadError"),
        (httpx2.RemoteProtocolError(f"broken {KEY}"), False, "RemoteProtocolError (broken [key])"),
        (httpx2.DecodingError(""), False, "DecodingError"),
    ],
)
def test_every_failure_says_whether_it_may_be_tried_again(
    answer: httpx2.Response | Exception, certain: bool, words: str
) -> None:
    robot = Robot([answer])
    error = not_sent(robot)
    assert error.certain is certain and words in str(error) and "\n" not in str(error)
    assert len(robot.requests) == 1 and robot.slept == []


def test_a_failure_after_the_first_part_is_never_certain() -> None:
    text = "\n".join("x" * 2000 for _ in range(3))
    for last in (refused({"errcode": 40058, "errmsg": "no"}), httpx2.ConnectError("gone")):
        robot = Robot([ok(), ok(), last])
        error = not_sent(robot, text)
        assert not error.certain and str(error).startswith("2 of 3 messages arrived, then wecom: ")
    assert not_sent(Robot([httpx2.ConnectError("gone")]), text).certain


def test_an_error_that_is_not_of_the_network_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        Robot([ZeroDivisionError()]).channel().send("一")


# --- WeCom: the key


def test_the_key_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    robot = Robot([ok(), refused({"errcode": 93000, "errmsg": f"bad key {KEY}"})])
    robot.channel().send("一")
    assert "[key]" in str(not_sent(robot))
    assert "HTTP Request: POST https://qyapi.weixin.qq.com/" in caplog.text
    assert KEY not in caplog.text and not any(KEY in repr(record.args) for record in caplog.records)


def test_the_key_is_not_in_what_a_request_or_a_channel_shows() -> None:
    robot = Robot()
    channel = robot.channel()
    channel.send("一")
    assert KEY not in f"{channel!r} {robot.requests[0]!r} {robot.requests[0].url}"


def test_a_client_that_follows_redirects_does_not_take_the_key_along() -> None:
    robot = Robot([httpx2.Response(307, headers={"location": "https://other.example/"})])
    client = httpx2.Client(transport=httpx2.MockTransport(robot), follow_redirects=True)
    with pytest.raises(NotSent, match="HTTP 307"):
        Wecom(URL, client).send("一")
    assert len(robot.requests) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (URL.replace("https", "http"), "must begin with https://"),
        (URL.replace("https", "ftp"), "must begin with https://"),
        (f"http://127.0.0.1.example.com/send?key={KEY}", "must begin with https://"),
        (f"http://localhost@example.com/send?key={KEY}", "must begin with https://"),
        (f"https://me:{KEY}@qyapi.weixin.qq.com/send?key=x", "name no user"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "?key="),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", "?key="),
        (URL + "\n", "not a web address"),
        (f"https://qyapi.weixin.qq.com:{KEY}/", "not a web address"),
        (f"https:///send?key={KEY}", "not a web address"),
        (KEY, "not a web address"),
        ("", "not a web address"),
    ],
)
def test_a_url_that_would_give_the_key_away_is_refused(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Robot().channel(url)
    assert words in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost"])
def test_plain_http_is_for_this_machine_only(host: str) -> None:
    robot = Robot()
    robot.channel(f"http://{host}/send?key={KEY}").send("一")
    assert str(robot.requests[0].url) == f"http://{host}/"


# --- WeCom: over a real connection


@dataclass
class Group:
    """What a server on this machine was told."""

    url: str = ""
    targets: list[str] = field(default_factory=list)
    heard: list[dict[str, object]] = field(default_factory=list)


@contextmanager
def group(answer: bytes | None) -> Iterator[Group]:
    """A real server; without an answer it hangs up after having read the message."""
    told = Group()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.targets.append(self.path)
            told.heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if answer is not None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_address[1]}/cgi-bin/webhook/send?key={KEY}"
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with make_client() as made:
        yield made


def test_a_real_server_hears_the_text_and_the_key(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with group(json.dumps(DELIVERED).encode()) as told:
        channel = Wecom(told.url, client)
        channel.send("党章专题学习 🎉")
        channel.send("第二条")
    assert told.targets == [TARGET.decode()] * 2
    assert told.heard[0] == {"msgtype": "text", "text": {"content": "党章专题学习 🎉"}}
    assert "httpcore2" in caplog.text and KEY not in caplog.text


@pytest.mark.parametrize("answer", [None, b"<html>"])
def test_a_real_server_without_an_answer_leaves_it_unknown(
    answer: bytes | None, client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with group(answer) as told, pytest.raises(NotSent) as caught:
        Wecom(told.url, client).send("一")
    assert not caught.value.certain and len(told.heard) == 1
    assert_secret_kept(caught.value)
    assert KEY not in caplog.text


def test_nobody_listening_is_surely_not_delivered(client: httpx2.Client) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/send?key={KEY}"
        with pytest.raises(NotSent, match="no connection to 127") as caught:
            Wecom(url, client).send("一")
    assert caught.value.certain
    assert_secret_kept(caught.value)


def test_the_client_gives_up_and_follows_nothing(client: httpx2.Client) -> None:
    assert client.follow_redirects is False
    timeout = client.timeout
    assert all(
        limit and limit <= 30 for limit in (timeout.connect, timeout.read, timeout.write, timeout.pool)
    )


# --- dry run and the table


def test_a_dry_run_writes_what_would_be_sent(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "notices.txt"
    DryRun(path).send("教工第一党支部：3 条待审核 🎉\n查看：https://example.invalid/")
    DryRun(path).send("第二条")
    assert path.read_bytes().decode() == (
        f"教工第一党支部：3 条待审核 🎉\n查看：https://example.invalid/\n{SEPARATOR}\n第二条\n{SEPARATOR}\n"
    )


def test_a_dry_run_splits_as_the_robot_does(tmp_path: Path) -> None:
    path, text = tmp_path / "notices.txt", "\n".join(f"{n} 条待审核" for n in range(300))
    DryRun(path).send(text)
    assert path.read_text("utf-8").split(f"\n{SEPARATOR}\n") == [*parts(text), ""]


def test_a_dry_run_that_cannot_write_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/full"), Path("/dev/null/notices.txt")):
        with pytest.raises(NotSent, match="cannot be written") as caught:
            DryRun(path).send("一")
        assert caught.value.certain and str(caught.value).startswith(f"{path}: ")


def test_every_channel_has_a_line_in_the_table(tmp_path: Path) -> None:
    files = {path.stem for path in Path(notify.__file__).parent.glob("*.py")} - {"__init__", "sent"}
    assert {name.replace("-", "_") for name in CHANNELS} == files


def test_the_table_opens_a_channel_from_one_setting(tmp_path: Path) -> None:
    channel: Channel = CHANNELS["dry-run"](str(tmp_path / "notices.txt"))
    channel.send("一")
    assert (tmp_path / "notices.txt").read_text("utf-8").startswith("一\n")
    assert isinstance(CHANNELS["wecom"](URL), Wecom)
    with pytest.raises(UsageError):
        CHANNELS["wecom"]("http://example.com/?key=x")


# --- what was sent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sent.jsonl"


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_event_is_fresh_until_it_is_begun_and_again_when_it_surely_failed(path: Path) -> None:
    with Sent(path) as sent:
        assert sent.fresh(["c", "a", "b", "a"]) == ["c", "a", "b"]
        sent.begin(["a", "b", "c"])
        assert sent.fresh(["a", "b", "c"]) == []
        sent.done(["a"])
        sent.failed(["b"])
        assert sent.fresh(["a", "b", "c"]) == ["b"]
    with Sent(path) as sent:
        assert sent.fresh(["a", "b", "c", "d"]) == ["b", "d"]
        sent.begin(["b"])
        sent.done(["b"])
    with Sent(path) as sent:
        assert sent.fresh(["a", "b", "c", "d"]) == ["d"]


def test_the_file_says_what_happened_line_by_line(path: Path) -> None:
    with Sent(path) as sent:
        sent.begin(iter(["审核/1", "b"]))
        sent.done(["审核/1"])
        sent.failed(["b"])
        sent.reached("c" * 40)
        sent.begin([])
    assert path.read_bytes().count(b"\n") == 5
    assert lines(path) == [
        {"id": "审核/1", "state": "begun"},
        {"id": "b", "state": "begun"},
        {"id": "审核/1", "state": "sent"},
        {"id": "b", "state": "failed"},
        {"commit": "c" * 40},
    ]


def test_the_commit_reached_last_is_where_to_go_on(path: Path) -> None:
    with Sent(path) as sent:
        assert sent.since is None
        sent.reached("a" * 40)
        sent.begin(["x"])
        sent.reached("b" * 40)
        assert sent.since == "b" * 40
    with Sent(path) as sent:
        assert sent.since == "b" * 40 and sent.fresh(["x"]) == []


def test_every_line_is_on_the_disk_before_the_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        real(fd)
        synced.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    with Sent(path) as sent:
        acts: list[Callable[[], None]] = [
            lambda: sent.begin(["a", "b"]),
            lambda: sent.done(["a"]),
            lambda: sent.reached("c"),
        ]
        for act in acts:
            synced.clear()
            act()
            assert synced == [path.read_bytes()]


def test_a_line_torn_at_any_byte_is_dropped_and_the_file_goes_on(path: Path) -> None:
    with Sent(path) as sent:
        sent.begin(["a", "b"])
        sent.done(["a"])
    whole = path.read_bytes()
    last = whole.index(b"\n", whole.index(b'"b"')) + 1
    for cut in range(last, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with Sent(path) as sent:
            assert path.read_bytes() == whole[:last]
            assert sent.fresh(["a", "b", "c"]) == ["c"]
            sent.begin(["c"])
        assert lines(path)[-1] == {"id": "c", "state": "begun"} and len(lines(path)) == 3


def test_a_last_line_that_lacks_only_its_end_counts(path: Path) -> None:
    with Sent(path) as sent:
        sent.begin(["a"])
    whole = path.read_bytes()
    path.write_bytes(whole.rstrip(b"\n"))
    with Sent(path) as sent:
        assert sent.fresh(["a"]) == []
        assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\x00" * 40, b"\xe5\xad", b"{", b'{"commit": "', b"{}", b"[" * 9])
def test_what_a_power_cut_leaves_behind_is_dropped(path: Path, tail: bytes) -> None:
    with Sent(path) as sent:
        sent.reached("a" * 40)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    with Sent(path) as sent:
        assert sent.since == "a" * 40
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"hello",
        b"[]",
        b"\xff",
        b'{"id": "x", "state": "lost"}',
        b'{"id": "x"}',
        b'{"id": 3, "state": "sent"}',
        b'{"id": "", "state": "sent"}',
        b'{"commit": null}',
        b'{"id": "x", "state": "sent", "commit": "c"}',
        b'{"id": "x", "state": ["sent"]}',
    ],
)
def test_a_wrong_line_stops_everything_and_says_where(path: Path, wrong: bytes) -> None:
    path.parent.mkdir()
    good = b'{"id": "a", "state": "sent"}\n'
    content = good + wrong + b"\n" + good
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught, Sent(path):
        pass
    assert str(caught.value).startswith(f"{path}:2: ") and "restore the file" in str(caught.value)
    assert path.read_bytes() == content
    assert is_free(path)


def test_a_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null/sent.jsonl")):
        with pytest.raises(UsageError, match="cannot be used") as caught, Sent(path):
            pass
        assert str(caught.value).startswith(f"{path}: ")


def test_a_full_disk_begins_nothing_and_spoils_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with Sent(path) as sent:
        sent.begin(["a"])
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(UsageError, match="No space left on device"):
                sent.begin(["b"])
        assert sent.fresh(["a", "b"]) == ["b"]
        sent.begin(["c"])
        assert path.read_bytes() == before + b'{"id": "c", "state": "begun"}\n'


def test_it_is_used_only_while_held(path: Path) -> None:
    sent = Sent(path)
    acts: list[Callable[[], object]] = [
        lambda: sent.fresh(["a"]), lambda: sent.begin(["a"]), lambda: sent.done(["a"]),
        lambda: sent.failed(["a"]), lambda: sent.reached("c"),
    ]  # fmt: skip
    for act in acts:
        with pytest.raises(RuntimeError, match="with Sent"):
            act()
    with sent:
        sent.begin(["a"])
    with pytest.raises(RuntimeError):
        sent.done(["a"])
    with sent:
        assert sent.fresh(["a"]) == []


# --- one at a time


def is_free(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def in_new_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def test_the_file_is_held_until_the_end_of_with_even_after_an_error(path: Path) -> None:
    with Sent(path):
        assert not is_free(path)
    assert is_free(path)
    with pytest.raises(ZeroDivisionError), Sent(path):
        raise ZeroDivisionError
    assert is_free(path)


def test_a_second_opener_waits_and_then_sees_what_the_first_did(path: Path) -> None:
    found: list[list[str]] = []
    asked = threading.Event()

    def second() -> None:
        asked.set()
        with Sent(path) as sent:
            found.append(sent.fresh(["a", "b"]))

    thread = threading.Thread(target=second)
    with Sent(path) as sent:
        thread.start()
        asked.wait()
        sent.begin(["a"])
        sent.done(["a"])
        assert found == []
    thread.join()
    assert found == [["b"]]


def test_another_process_is_kept_out_and_a_killed_one_lets_go(path: Path) -> None:
    code = (
        "import sys, pathlib; from xueshi.notify.sent import Sent\n"
        "with Sent(pathlib.Path(sys.argv[1])) as sent:\n"
        "    sent.begin(['a']); print('held', flush=True); sys.stdin.read()\n"
    )
    with in_new_process(code, path) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        assert not is_free(path)
        other.kill()
        other.wait()
        with Sent(path) as sent:
            assert sent.fresh(["a", "b"]) == ["b"]


def test_processes_at_the_same_time_send_every_event_once(path: Path, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from xueshi.notify.sent import Sent\n"
        "from xueshi.notify.dry_run import DryRun\n"
        "sent_to = DryRun(pathlib.Path(sys.argv[2]))\n"
        "for n in range(20):\n"
        "    with Sent(pathlib.Path(sys.argv[1])) as sent:\n"
        "        for event in sent.fresh([f'e{n}', f'e{n + 1}']):\n"
        "            sent.begin([event]); sent_to.send(event); sent.done([event])\n"
    )
    group = tmp_path / "group.txt"
    others = [in_new_process(code, path, group) for _ in range(4)]
    for other in others:
        other.communicate()
        assert other.returncode == 0
    told = [line for line in group.read_text("utf-8").splitlines() if line != SEPARATOR]
    assert sorted(told) == sorted(f"e{n}" for n in range(21))
    assert [entry["state"] for entry in lines(path)].count("sent") == 21
