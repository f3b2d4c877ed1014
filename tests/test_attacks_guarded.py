"""Attacks that the guards around the bridge withstand, through the whole application."""

from __future__ import annotations

import json
import socket
import time

import pytest
from starlette.testclient import TestClient
from test_attacks import FIELDS, asked, multipart, part, served
from test_bridge import GOOD, Desk, desk

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
