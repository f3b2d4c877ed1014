"""What somebody tries who means harm, with a right link and without one. Each must come to nothing, and to a page."""

from __future__ import annotations

import io
import json
import random
import re
import socket
import string
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import anyio
import markdown
import pytest
import uvicorn
from conftest import BRIDGE
from itsdangerous import URLSafeTimedSerializer
from PIL import Image, PngImagePlugin
from pillow_heif import register_heif_opener
from starlette.types import ASGIApp, Message
from test_bridge import GOOD, Desk, desk
from test_pictures import photo

from xueshi import pictures
from xueshi.errors import LinkRefused, PictureRefused
from xueshi.links import Links
from xueshi.model import Study
from xueshi.records import parse_file

__all__ = ["desk"]  # the fixture
PURPOSES = ("m", "b", "desk", "r", "picture")
GUESSES = 2000  # 10,000 found nothing either, in 24 s
BASE64 = string.ascii_letters + string.digits + "-_"

# --- links


def altered(token: str, chance: random.Random) -> str:
    """The token with something wrong in it. Its last character holds two bits that say nothing: it is left alone."""
    where = chance.randrange(len(token) - 1)
    return chance.choice(
        [
            token[:where] + chance.choice([c for c in BASE64 if c != token[where]]) + token[where + 1 :],
            token[:where] + token[where + 1 :],
            token[:where] + chance.choice(BASE64) + token[where:],
            token[: chance.randrange(len(token))],
            token.replace(".", chance.choice(["", "..", "/", "%2f"]), 1),
            f".{token}",
            f"{token}.{token}",
            token.swapcase(),
            token[::-1],
        ]
    )


def test_no_altered_token_opens_anything(desk: Desk) -> None:
    links, chance = desk.office.links, random.Random(1)
    for purpose in PURPOSES:
        token = links.token(purpose, "m0012")
        for _ in range(1000):
            wrong = altered(token, chance)
            with pytest.raises(LinkRefused):
                links.opened(purpose, wrong)


def test_no_foreign_token_opens_anything(desk: Desk) -> None:
    links, chance = desk.office.links, random.Random(2)
    for number in range(1000):
        purpose, other = chance.sample(PURPOSES, 2)
        text = f"m{number:04}"
        foreign = Links(chance.randbytes(32), links.base_url).token(purpose, text)
        no_salt = URLSafeTimedSerializer(links.secret).dumps(text)
        no_key = URLSafeTimedSerializer(b"", salt=f"xueshi/{purpose}/1").dumps(text)
        noise = "".join(chance.choices(BASE64 + ".", k=chance.randrange(120)))
        for wrong in (foreign, no_salt, no_key, noise, links.token(other, text)):
            with pytest.raises(LinkRefused):
                links.opened(purpose, wrong)


def test_no_token_outlives_its_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = {purpose: desk.office.links.token(purpose, "m0012") for purpose in PURPOSES}
    begun = time.time()
    for days, dead in ((1, ()), (3, ("picture",)), (371, ("picture", "desk")), (401, PURPOSES)):
        monkeypatch.setattr("time.time", lambda at=begun + days * 86_400: at)
        for purpose, token in tokens.items():
            if purpose in dead:
                with pytest.raises(LinkRefused, match="expired"):
                    desk.office.links.opened(purpose, token)
            else:
                assert desk.office.links.opened(purpose, token) == "m0012"


def test_what_a_clock_made_that_was_ahead_opens_once_it_is_right(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    links, begun = desk.office.links, time.time()
    monkeypatch.setattr("time.time", lambda: begun + 300 * 86_400)
    made = {purpose: links.token(purpose, "m0012") for purpose in (*PURPOSES, "device")}
    monkeypatch.setattr("time.time", lambda: begun)
    assert {links.opened(purpose, token) for purpose, token in made.items()} == {"m0012"}
    assert desk.client.get(f"/m/{made['m']}").status_code == 200


@pytest.mark.parametrize("below", ["", "/mine", "desk"])
def test_a_link_that_nobody_opened_is_not_the_one_that_holds(desk: Desk, below: str) -> None:
    """A browser that fetches in advance, or an address that another page shows as a picture."""
    other = desk.reviewer() if below == "desk" else f"{desk.member('m0005')}{below}"
    for told in (
        {"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"}, {"Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "empty"},
    ):  # fmt: skip
        answer = desk.client.get(other, headers=told)
        assert answer.status_code == 200 and "set-cookie" not in answer.headers, told
    assert "set-cookie" not in desk.client.head(other).headers
    seen = desk.client.get(other, headers={"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"})
    assert (
        "Path=/me" in seen.headers["set-cookie"]
        and "Path=/me" in desk.client.get(other).headers["set-cookie"]
    )


def test_a_wrong_link_is_a_page_of_ours_whatever_stands_in_it(desk: Desk) -> None:
    chance, token = random.Random(3), desk.member().rpartition("/")[2]
    odd = [
        "%00",
        "%0d%0aSet-Cookie:a=b",
        "..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "%f0%9f%8e%93",
        "a" * 4000,
        "{token}",
        "'--",
    ]
    for wrong in [*odd, *(altered(token, chance) for _ in range(60))]:
        for before in ("m", "b", "desk", "p"):
            answer = desk.client.get(f"/{before}/{wrong}", follow_redirects=False)
            assert answer.status_code in (404, 307), wrong
            assert (
                answer.status_code == 307 or "default-src 'none'" in answer.headers["content-security-policy"]
            )
            assert "set-cookie" not in answer.headers
    assert desk.outbox.counts() == {}


# --- what belongs to others


def test_no_receipt_opens_through_another_door(desk: Desk) -> None:
    posters = {branch: desk.path(desk.office.links.poster(branch)) for branch in ("jg1", "yjs")}
    doors = {who: desk.member(who) for who in ("m0012", "m0003", "m0004", "m0006")}
    receipts = [
        *((where, desk.sent(where, key=who)) for who, where in doors.items()),
        (posters["jg1"], desk.sent(posters["jg1"], member="m0012", key="p1")),
        (posters["yjs"], desk.sent(posters["yjs"], member="m0006", key="p2")),
    ]
    for opens, receipt in receipts:
        ticket = receipt.rpartition("/")[2]
        for where in (*doors.values(), *posters.values()):
            right = where == opens or (opens == posters["jg1"] and where == posters["jg1"])
            for path in (f"{where}/r/{ticket}", f"{where}?again={ticket}"):
                assert desk.client.get(path).status_code == (200 if right else 404), path


def statuses(desk: Desk, paths: Iterable[str]) -> set[int]:
    """What an application answers to many paths, asked without a client in between."""

    async def ask() -> set[int]:
        found = set()
        for path in paths:
            scope = {
                "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
                "headers": [], "client": ("192.0.2.1", 1), "server": ("bridge.test", 80), "scheme": "http", "root_path": "",
            }  # fmt: skip
            sent: list[Message] = []
            await desk.client.app(scope, _nothing, partial(_kept, sent))
            found.add(sent[0]["status"])
        return found

    return anyio.run(ask)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _kept(sent: list[Message], message: Message) -> None:
    sent.append(message)


def test_thousands_of_guesses_find_no_receipt(desk: Desk) -> None:
    receipt = desk.sent(desk.member("m0003"))
    ident, chance = receipt.rpartition("/")[2], random.Random(4)
    for where in (desk.member(), desk.path(desk.office.links.poster("jg1"))):
        ends = ("".join(chance.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=6)) for _ in range(GUESSES // 2))
        assert statuses(desk, (f"{where}/r/{ident[:-6]}{end}" for end in ends)) <= {404, 429}
    odd = (ident, ident[-6:], f"{ident[-6:-2]}-{ident[-2:]}", ident.lower(), "%", "_" * 26, "' OR 1=1 --")
    assert statuses(desk, (f"{desk.member()}/r/{guess}" for guess in odd)) <= {404, 429}


def test_a_picture_of_others_is_not_attached_by_its_hash(desk: Desk) -> None:
    desk.sent(desk.member("m0003"), photos=(photo(),))
    sha256 = desk.outbox.of_member("m0003")[0].sent.evidence[0].sha256
    foreign = Links(b"other", "").token("picture", sha256)
    for kept in (sha256, foreign, desk.office.links.token("r", sha256), f"../{sha256}"):
        answer = desk.client.post(desk.member(), data={**GOOD, "key": kept, "kept": kept})
        assert answer.status_code == 422 and "有一张照片没有保住" in answer.text
        assert desk.client.get(f"/p/{kept}").status_code == 404
    assert desk.outbox.of_member("m0012") == []
    odd = desk.office.links.token("picture", "../../outbox.sqlite")  # even signed, it names no file
    assert desk.client.get(f"/p/{odd}").status_code == 404


def test_nobody_registers_for_another_by_any_field(desk: Desk) -> None:
    for name in ("member", "branch", "id", "by", "via", "path", "record_path", "state", "base"):
        answer = desk.client.post(
            desk.member(), data={**GOOD, "key": name, name: "m0003"}, follow_redirects=False
        )
        assert answer.status_code == (403 if name == "member" else 303)
    assert {row.sent.member for row in desk.outbox.of_member("m0012")} == {"m0012"}
    assert {row.sent.via for row in desk.outbox.of_member("m0012")} == {"link"}
    assert desk.outbox.of_member("m0003") == []


# --- what people type

STEER = "\r\n\v\f\x00\x1b[31m\x7f\x85\u2028\u2029\u202e\u2066\ufeff\u200b"
TRAILERS = "学习\nSubmission-Id: 01KJYKG9Z08M4T0V2N9X5B7CDE\r\nSubmitted-By: m0003\n\nApproved-By: m0003"
MARKUP = (
    "</td></tr></table><script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) "
    "![b](https://evil.test/i.png) `c` | d | -->\n# Title\n- [ ] task\n@all #1\n/close\n<!-- bridge:submission=x -->"
)
YAML = "- a: &b !!python/object/apply:os.system ['id']\n---\n...\n*b\n'\"\n? {x: [y\n%TAG ! x"


def delivered(desk: Desk, **more: str) -> tuple[str, Study, dict[str, str]]:
    """The proposal's commit, the record in it and the pull request, of one accepted submission."""
    desk.sent(**more)
    desk.deliver()
    repo = desk.school.repo
    head = repo.resolve("refs/pull/1/head")
    assert head is not None
    changed = repo.changed(desk.school.tip, head)
    assert len(changed) == 1
    path, blob = next(iter(changed.items()))
    assert blob is not None and re.fullmatch(r"records/jg1/2026/[0-9A-Z]{26}\.yaml", path)
    parsed = parse_file(path, repo.blobs([blob])[blob]).value
    assert isinstance(parsed, Study)
    return head, parsed, json.loads(repo.run("cat-file", "blob", "refs/pull/1/meta:pull.json"))


@pytest.mark.parametrize("text", [TRAILERS, MARKUP, YAML, f"a{STEER}b"])
def test_what_is_typed_stays_what_it_is(desk: Desk, text: str) -> None:
    line = text.replace("\r", "").replace("\n", " ")[:60]
    for mark in ("\v", "\f", "\x85", "\u2028", "\u2029"):  # ends of lines too
        line = line.replace(mark, " ")
    head, study, pull = delivered(desk, title=line, content=text, place=line)
    shown = "".join(ch for ch in study.title + (study.content or "") if ch != "\n")
    assert shown.isprintable() and study.member == study.submitted.by == "m0012"
    message = desk.school.repo.run("log", "-1", "--format=%B", head).decode()
    assert re.fullmatch(
        r"Register (\S{26})\n\nSubmission-Id: \1\nRecord-Id: \1\nAction: register\nSubmitted-By: m0012\n+",
        message,
    )
    identity = desk.school.repo.run("log", "-1", "--format=%an %ae %cn %ce", head).decode().strip()
    assert identity == f"{BRIDGE.name} {BRIDGE.email} {BRIDGE.name} {BRIDGE.email}"
    assert pull["title"].isprintable()
    refs = desk.school.repo.refs("refs")
    assert all(
        re.fullmatch(r"refs/(heads/main|heads/sub/[0-9A-Z]{26}|pull/1/(head|meta))", ref) for ref in refs
    )


@pytest.mark.parametrize("field", ["title", "place"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_a_line_is_one_line(desk: Desk, field: str, end: str) -> None:
    answer = desk.client.post(desk.member(), data={**GOOD, field: f"学习{end}Submitted-By: m0003"})
    assert answer.status_code == 422 and "请写成一行" in answer.text
    assert desk.outbox.counts() == {}


def tags(text: str) -> list[str]:
    """The elements and comments of Markdown as HTML, without our own ids."""
    html = markdown.markdown(re.sub("[0-9A-HJKMNP-TV-Z]{26}", "ID", text), extensions=["tables"])
    return re.findall(r"<!--.*?-->|<[^>]*>", html, re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [MARKUP, YAML, TRAILERS, "|", "\\", "\\|x", "`" * 50, "<!--", "&lt;script&gt;", "~~~\n# x", "[a]: /b"],
)
def test_a_pull_requests_body_has_no_element_that_was_typed(desk: Desk, text: str) -> None:
    plain = tags(delivered(desk, title="学习", content="学习", place="学习")[2]["body"])
    line = " ".join(text.split())[:60]
    desk.sent(title=line, content=text, place=line, key="k2")
    desk.deliver()
    body = json.loads(desk.school.repo.run("cat-file", "blob", "refs/pull/2/meta:pull.json"))["body"]
    assert tags(body) == plain
    assert not [row for row in body.splitlines() if row.startswith("/")]  # GitLab's quick actions


def test_no_page_runs_what_was_typed(desk: Desk) -> None:
    attack = "\"'><script>alert(1)</script><svg/onload=x>"
    receipt = desk.sent(title=attack, content=attack, place=attack)
    desk.deliver()
    pages = [receipt, f"{desk.member()}/mine", desk.reviewer(), f"{desk.reviewer()}/1", f"{desk.reviewer()}/1/amend",
             f"{desk.reviewer()}/1/return", f"{desk.member()}?again={receipt.rpartition('/')[2]}"]  # fmt: skip
    found = [desk.client.get(path) for path in pages]
    found.append(
        desk.client.post(desk.member(), data={**GOOD, "title": attack, "hours": attack, "key": attack})
    )
    found.append(desk.client.post(f"{desk.reviewer()}/1/return", data={"kind": attack, "words": attack * 50}))
    amended, head = {"hours": attack, "reason": attack}, desk.pull().partition(":")[2]
    found.append(desk.client.post(f"{desk.reviewer()}/1/amend", data={**amended, "head": head}))
    moved = desk.client.post(f"{desk.reviewer()}/1/amend", data={**amended, "head": attack})
    assert moved.status_code == 409 and "<script>alert" not in moved.text and "<svg/onload" not in moved.text
    desk.client.post(f"{desk.reviewer()}/approve", data={"pull": desk.pull()})
    desk.deliver()
    found += [desk.client.get(path) for path in (receipt, desk.member(), f"{desk.member()}/mine")]
    for answer in found:
        assert answer.status_code in (200, 422), answer.url
        assert (
            "<script>alert" not in answer.text
            and "<svg/onload" not in answer.text
            and '""\'' not in answer.text
        )
        assert 'value=""' not in re.sub(r'value=""( |>|$)', "", answer.text)
    assert any("&lt;script&gt;" in answer.text for answer in found)


def test_a_redirect_leads_nowhere_else(desk: Desk) -> None:
    for wrong in (
        "//evil.test",
        "https://evil.test",
        "\r\nLocation: https://evil.test",
        "/\\evil.test",
        "\0",
    ):
        more = {"key": wrong, "again": wrong, "next": wrong, "kept": wrong, "remove": wrong}
        answer = desk.client.post(
            f"{desk.member()}?next={'//evil.test'}", data={**GOOD, **more}, follow_redirects=False
        )
        assert answer.status_code == 303 and re.fullmatch(
            r"/m/[\w.-]+/r/[0-9A-Z]{26}", answer.headers["location"]
        )


def test_a_host_header_changes_no_page(desk: Desk) -> None:
    receipt = desk.sent()
    desk.deliver()
    odd = {
        "Host": "evil.test",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "gopher",
        "X-Original-URL": "/desk",
    }
    for path in (desk.member(), receipt, desk.reviewer(), f"{desk.member()}/mine"):
        page, told = desk.client.get(path), desk.client.get(path, headers=odd)
        assert told.status_code == page.status_code and "evil.test" not in told.text
    answer = desk.client.post(desk.member(), data={**GOOD, "key": "k9"}, headers=odd, follow_redirects=False)
    assert answer.status_code == 303 and "evil.test" not in str(answer.headers)


# --- bodies


def multipart(*parts: bytes, boundary: bytes = b"xx", end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + end


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + value


FIELDS = [part(name.encode(), value.encode()) for name, value in GOOD.items()]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data; boundary=xx", multipart(*([part(b"a", b"")] * 5000)), 400),
        (
            "multipart/form-data; boundary=xx",
            multipart(*([part(b"photos", b"", b'; filename="a"')] * 5000)),
            400,
        ),
        ("multipart/form-data; boundary=xx", multipart(part(b"title", b"x" * 200_000)), 400),
        (
            "multipart/form-data; boundary=xx",
            multipart(b"X-Junk: " + b"x" * 1_000_000 + b"\r\n" + FIELDS[0]),
            400,
        ),
        ("multipart/form-data; boundary=xx", multipart(b"X: y\r\n" * 50_000 + FIELDS[0]), 400),
        ("multipart/form-data; boundary=xx", multipart(b"Content-Disposition: form-data\r\n\r\nx"), 400),
        ("multipart/form-data; boundary=xx", multipart(b"no header at all"), 400),
        ("multipart/form-data; boundary=yy", multipart(*FIELDS), 400),
        ("multipart/form-data", multipart(*FIELDS), 400),
        ("multipart/form-data; boundary=", multipart(*FIELDS), 400),
        ("multipart/form-data; boundary=" + "x" * 300, multipart(*FIELDS), 400),
        ("multipart/form-data; boundary=xx", b"\x00" * 1000, 400),
        ("multipart/form-data; boundary=xx", b"", 400),
        ("application/x-www-form-urlencoded", b"a=b&" * 50_000, 400),
        ("application/x-www-form-urlencoded", b"title=" + b"%41" * 100_000, 422),
        ("application/x-www-form-urlencoded", b"%=%zz&\xff\xfe=\x00", 422),
        ("application/json", b'{"title": "x"}', 422),
        ("text/plain", b"x" * 100_000, 422),
    ],
)
def test_a_broken_form_is_refused_with_a_page(
    desk: Desk, content_type: str, body: bytes, status: int
) -> None:
    begun = time.process_time()
    answer = desk.client.post(desk.member(), content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (400, 422) and answer.status_code == status, answer.text[:300]
    assert "<h1" in answer.text and desk.outbox.counts() == {}
    assert time.process_time() - begun < 20  # nowhere near it: it is a bomb only if it grows


@pytest.mark.parametrize("ends", [b"", b"x", b"xy"])  # where a character of three bytes is cut
@pytest.mark.parametrize("encoded", [False, True])
def test_a_text_too_long_to_read_whole_is_told_so_and_all_else_stays(
    desk: Desk, encoded: bool, ends: bytes
) -> None:
    text = ends + "学".encode() * 70_000
    if encoded:
        body = urlencode({**GOOD, "place": "会议室", "content": text}).encode()
        kind = "application/x-www-form-urlencoded"
    else:
        body = multipart(*FIELDS, part(b"place", "会议室".encode()), part(b"content", text))
        kind = "multipart/form-data; boundary=xx"
    answer = desk.client.post(desk.member(), content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422 and "学习内容最多" in answer.text and "请缩短" in answer.text
    assert "会议室" in answer.text and 'value="党章专题学习"' in answer.text and "学学学" in answer.text
    assert "没有收全" not in answer.text and "读不出" not in answer.text


@pytest.mark.parametrize("where", ["content", "title", "key"])
@pytest.mark.parametrize(
    "text", ["党章".encode("gbk"), b"\xed\xa0\x80", "章".encode()[:2], "\ufffd".encode()]
)
@pytest.mark.parametrize("encoded", [False, True])
def test_what_is_no_text_is_refused_and_not_changed(
    desk: Desk, encoded: bool, text: bytes, where: str
) -> None:
    if encoded:
        body, kind = urlencode({**GOOD, where: text}).encode(), "application/x-www-form-urlencoded"
    else:
        parts = [part(name.encode(), value.encode()) for name, value in GOOD.items() if name != where]
        body, kind = multipart(part(where.encode(), text), *parts), "multipart/form-data; boundary=xx"
    answer = desk.client.post(desk.member(), content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422 and "有的字读不出" in answer.text and desk.outbox.counts() == {}
    named = {"content": "“学习内容”里", "title": "“学习主题”里", "key": "表格里"}[where]
    assert named in answer.text and "删掉显示成 � 的字" in answer.text


def test_raw_bytes_of_an_encoded_form_are_read_as_utf8(desk: Desk) -> None:
    raw = urlencode(GOOD).encode() + b"&place=" + "会议+室".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.client.post(desk.member(), content=raw, headers=headers, follow_redirects=False)
    assert answer.status_code == 303 and desk.outbox.of_member("m0012")[0].sent.place == "会议 室"


def test_a_reason_that_is_no_text_decides_nothing(desk: Desk) -> None:
    desk.sent()
    desk.deliver()
    body = b"kind=&words=" + "照片".encode("gbk")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.client.post(f"{desk.reviewer()}/1/return", content=body, headers=headers)
    assert answer.status_code == 422 and "有的字读不出" in answer.text
    assert desk.host.get(1).state == "open"  # type: ignore[union-attr]
    long = desk.client.post(f"{desk.reviewer()}/1/return", data={"words": "学" * 90_000})
    assert long.status_code == 422 and "最多 500 个字" in long.text


def test_files_for_texts_and_texts_for_files_are_not_mixed_up(desk: Desk) -> None:
    files = {"title": ("x", b"Submitted-By", "text/plain")}
    answer = desk.client.post(
        desk.member(), data={k: v for k, v in GOOD.items() if k != "title"}, files=files
    )
    assert answer.status_code == 422 and "请填写学习主题" in answer.text
    desk.sent(photos_="x", key="k2")
    answer = desk.client.post(
        desk.member(), data={**GOOD, "photos": "/etc/passwd", "key": "k3"}, follow_redirects=False
    )
    assert answer.status_code == 303 and all(not row.sent.evidence for row in desk.outbox.of_member("m0012"))


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """The bridge behind a real uvicorn on loopback; its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def asked(port: int, *sent: bytes) -> bytes:
    """The raw answer to raw bytes; "" when the server only hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        found = b""
        try:
            for data in sent:
                sock.sendall(data)
            while data := sock.recv(65536):
                found += data
        except (ConnectionResetError, BrokenPipeError):
            sock.close()
        return found


def test_raw_requests_end_in_an_answer_or_a_closed_door(desk: Desk) -> None:
    to = f"POST {desk.member()} HTTP/1.1\r\nHost: bridge.test\r\nConnection: close\r\n".encode()
    chunk = b"100000\r\n" + b"x" * 1_048_576 + b"\r\n"
    form = b"Content-Type: multipart/form-data; boundary=xx\r\n"
    with served(desk.client.app) as port:
        assert asked(port, to + b"Content-Length: 99999999999\r\n\r\n").startswith(b"HTTP/1.1 413")
        endless = asked(port, to + form + b"Transfer-Encoding: chunked\r\n\r\n", *([chunk] * 70))
        assert endless[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 400", b"")
        for wrong in (b"-1", b"abc", b"1e9", "１".encode(), b"+5", b"5, 6"):
            assert asked(port, to + b"Content-Length: " + wrong + b"\r\n\r\nabc").startswith(b"HTTP/1.1 400")
        assert asked(port, to + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd").startswith(
            b"HTTP/1.1 400"
        )
        assert asked(port, to + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")[:12] in (
            b"HTTP/1.1 400",
            b"HTTP/1.1 501",
        )
        assert asked(port, to + b"X: " + b"y" * 200_000 + b"\r\n\r\n")[:12] in (b"HTTP/1.1 400", b"")
        assert asked(port, b"GET /m/a\x00b HTTP/1.1\r\n\r\n")[:12] == b"HTTP/1.1 400"
        assert asked(port, b"\x16\x03\x01\x02\x00\x01" * 100)[:12] in (b"HTTP/1.1 400", b"")
        for path in (b"/static/../pages.py", b"/static/..%2fpages.py", b"/static/%2e%2e/pages.py", b"/static//etc/passwd",
                     b"/static/..\\pages.py", b"//evil.test/m/x", b"/m/../../../etc/passwd"):  # fmt: skip
            answer = asked(
                port, b"GET " + path + b" HTTP/1.1\r\nHost: bridge.test\r\nConnection: close\r\n\r\n"
            )
            assert answer[:12] in (b"HTTP/1.1 404", b"HTTP/1.1 400"), path
        assert (
            asked(port, f"GET {desk.member()} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())[
                9:12
            ]
            == b"200"
        )
    assert desk.outbox.counts() == {}


# --- pictures


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    register_heif_opener()
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def noise(width: int = 64, height: int = 48) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(5).randbytes(width * height * 3))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header promises more than it holds."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


def png_with_text() -> bytes:
    """Text that unpacks to 80 MB beside a small picture."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 80_000_000, zip=True)
    return saved(noise(), "PNG", pnginfo=info)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("x.html", "<script>")
    return out.getvalue()


BOMBS = {
    "png 46341x46341": png_claiming(46341, 46341),
    "png 2^31": png_claiming(2**31 - 1, 2**31 - 1),
    "png zero": png_claiming(0, 0),
    "png thin": png_claiming(2**31 - 1, 1),
    "png text": png_with_text(),
    "gif": saved(noise(), "GIF"),
    "bmp": saved(noise(), "BMP"),
    "tiff": saved(noise(), "TIFF"),
    "ico": saved(noise(48, 48), "ICO"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "svg": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    "pdf": b"%PDF-1.7\n",
    "zip": archive(),
    "html": b"<!doctype html><script>alert(1)</script>",
    "heif head": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 500,
    "mvg": b"push graphic-context\nimage over 0,0 0,0 'https://evil.test/x'\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_or_a_stranger_is_refused(name: str) -> None:
    try:
        made = pictures.clean(BOMBS[name])
    except PictureRefused:
        return
    assert (
        name == "png text" and len(made.data) <= pictures.MAX_KEPT
    )  # a picture all the same; its text is dropped


def test_nothing_but_the_picture_comes_through() -> None:
    attack = b"<script>alert(1)</script><?php system('id') ?>"
    exif = Image.Exif()
    exif[0x010E] = attack.decode()
    kinds = {
        "JPEG": saved(noise(), "JPEG", comment=attack, exif=exif) + attack + archive(),
        "PNG": saved(noise(), "PNG", exif=exif) + attack + archive(),
        "WEBP": saved(noise(), "WEBP", exif=exif, xmp=attack) + attack,
        "HEIF": saved(noise(), "HEIF", exif=exif.tobytes()),
        "AVIF": saved(noise(), "AVIF", exif=exif),
    }
    for kind, data in kinds.items():
        made = pictures.clean(data)
        assert b"script" not in made.data and b"php" not in made.data and b"PK\x03" not in made.data, kind
        assert made.data[:4] == b"RIFF" and made.data[8:12] == b"WEBP"
        with Image.open(io.BytesIO(made.data)) as image:
            assert image.size == (64, 48) and not image.getexif() and getattr(image, "n_frames", 1) == 1


def test_many_frames_become_one() -> None:
    frames = [noise(40, 30)] * 300
    for kind in ("WEBP", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=10)
        made = pictures.clean(data)
        with Image.open(io.BytesIO(made.data)) as image:
            assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF"])
@pytest.mark.filterwarnings("default")  # Pillow warns of broken EXIF; a service only logs that
def test_a_damaged_picture_is_a_picture_or_refused(kind: str) -> None:
    chance, exif = random.Random(kind), Image.Exif()
    exif[0x0132] = "2026:03:05 10:00:00"
    more = {"exif": exif.tobytes()} if kind == "HEIF" else {"exif": exif}
    whole = saved(noise(40, 30), kind, **more)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8, 40))):
            data[chance.randrange(min(len(data), chance.choice((64, 400, len(data)))))] = chance.randrange(
                256
            )
        cut = chance.choice((len(data), len(data), chance.randrange(1, len(data))))
        try:
            made = pictures.clean(bytes(data[:cut]))
        except PictureRefused:
            continue
        assert len(made.data) <= pictures.MAX_KEPT


def test_names_of_files_are_never_looked_at(desk: Desk, tmp_path: Path) -> None:
    before = {file for file in tmp_path.rglob("*") if "host.git" not in file.parts}
    names = ("../../../evil.php", "C:\\evil.exe", "a\0b.jpg", "con", "." * 300, "{{7*7}}", "`id`.jpg")
    for number, name in enumerate(names):
        files = [("photos", (name, photo(50 + number, 40), "text/html"))]
        answer = desk.client.post(
            desk.member(), data={**GOOD, "key": str(number)}, files=files, follow_redirects=False
        )
        assert answer.status_code == 303, name
    made = {file for file in tmp_path.rglob("*") if file.is_file() and "host.git" not in file.parts} - before
    assert all(re.fullmatch(r"[0-9a-f]{64}\.webp|outbox\.sqlite(-wal|-shm)?", file.name) for file in made), (
        made
    )
