"""The one client below all adapters: how much it takes, where it goes, what it says when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest

from xueshi.errors import (
    HostConflict,
    HostDenied,
    HostError,
    HostLimited,
    HostProtected,
    HostRefused,
    HostUnavailable,
    HostUnknown,
    UsageError,
)
from xueshi.hosts import http as module
from xueshi.hosts.http import PAGES, Forbidden, Http, Moved, NotFound

API = "https://git.example.invalid/api/v1"
Answering = Callable[[httpx2.Request], httpx2.Response]


def client(answer: Answering) -> Http:
    return Http(API, {"Authorization": "token a-token"}, "a-token", transport=httpx2.MockTransport(answer))


def saying(status: int, data: object = None, headers: dict[str, str] | None = None) -> Http:
    return client(
        lambda request: httpx2.Response(status, json=data if data is not None else {}, headers=headers)
    )


@pytest.mark.parametrize(
    ("status", "data", "kind"),
    (
        (301, {}, Moved),
        (302, {}, Moved),
        (307, {}, Moved),
        (400, {}, HostRefused),
        (400, {"message": "… already exists"}, HostConflict),
        (401, {}, HostDenied),
        (403, {}, Forbidden),
        (404, {}, NotFound),
        (405, {}, HostConflict),
        (405, {"message": "Please try again later"}, HostUnavailable),
        (405, {"message": "Base branch was modified. Review and try the merge again."}, HostUnavailable),
        (405, {"message": "Does not have enough approvals"}, HostProtected),
        (409, {"message": "Head branch was modified. Review and try the merge again."}, HostConflict),
        (409, {}, HostConflict),
        (410, {}, HostRefused),
        (413, {}, HostRefused),
        (422, {"errors": [{"message": "A pull request already exists for o:b."}]}, HostConflict),
        (422, {"errors": [{"message": "was submitted too quickly"}]}, HostLimited),
        (422, {"message": "Validation Failed"}, HostRefused),
        (423, {}, HostRefused),
        (429, {}, HostLimited),
        (500, {}, HostUnknown),
        (504, {}, HostUnknown),
    ),
)
def test_a_bad_answer_to_a_change_is_an_error_of_its_kind(
    status: int, data: object, kind: type[HostError]
) -> None:
    with pytest.raises(HostError) as caught:
        saying(status, data).send("POST", "/x", dict, {})
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("said", "wants"),
    [
        ("Does not have enough approvals", "approvals"),
        ("There are requested changes", "approvals"),
        ("At least 1 approving review is required by reviewers with write access.", "approvals"),
        ('Required status check "check" is expected.', "checks"),
        ("Not all required status checks successful", "checks"),
    ],
)
def test_a_merge_that_is_not_let_says_what_is_missing(said: str, wants: str) -> None:
    with pytest.raises(HostProtected) as caught:
        saying(405, {"message": said}).send("PUT", "/x/merge", dict, {})
    assert caught.value.wants == wants


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(302, headers={"Location": "https://elsewhere.example.invalid/"})

    with pytest.raises(Moved):
        client(answer).get("/x", dict)
    assert asked == [f"{API}/x"]


def test_nothing_is_tried_twice() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.method)
        raise httpx2.ReadTimeout("slow")

    for act in (lambda http: http.get("/x", dict), lambda http: http.send("POST", "/x", dict, {})):
        with pytest.raises(HostUnavailable):
            act(client(answer))
    assert asked == ["GET", "POST"]


def test_it_waits_ten_seconds_for_a_connection_and_thirty_for_an_answer() -> None:
    found: list[object] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        found.append(request.extensions["timeout"])
        return httpx2.Response(200, json={})

    client(answer).get("/x", dict)
    assert found == [{"connect": 10, "read": 30, "write": 30, "pool": 30}]


def _endless() -> Iterator[bytes]:
    while True:
        yield b" " * 1024 * 1024


@pytest.mark.parametrize(("method", "kind"), (("GET", HostRefused), ("POST", HostUnknown)))
def test_an_answer_without_end_is_given_up(method: str, kind: type[HostError]) -> None:
    http = client(lambda request: httpx2.Response(200, content=_endless()))
    with pytest.raises(kind, match="more than"):
        http.ask(method, "/x")


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST", -1.0)
    http = client(lambda request: httpx2.Response(200, content=b"[]"))
    with pytest.raises(HostUnavailable, match="ReadTimeout"):
        http.get("/x", list)


def test_a_list_that_never_ends_is_given_up() -> None:
    pages: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        pages.append(request.url.params["page"])
        return httpx2.Response(
            200, json=[1], headers={"Link": f'<{API}/x?page={len(pages) + 1}>; rel="next"'}
        )

    with pytest.raises(HostRefused, match="more than"):
        client(answer).pages("/x", int, {"page": 1})
    assert pages == [str(page) for page in range(1, PAGES + 1)]


def test_only_the_query_of_a_next_page_is_believed() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        link = '<https://evil.example.invalid/steal?page=1>; rel="prev", <https://evil.example.invalid/steal?page=2&limit=9>; rel=next'
        return httpx2.Response(200, json=[len(asked)], headers={"Link": link} if len(asked) == 1 else {})

    assert client(answer).pages("/x", int, {"limit": 9}) == [1, 2]
    assert asked == [f"{API}/x?limit=9", f"{API}/x?page=2&limit=9"]


def test_an_answer_nested_beyond_reason_is_not_an_answer() -> None:
    for status in (200, 400):
        with pytest.raises(HostError):
            client(lambda request, status=status: httpx2.Response(status, content=b"[" * 100_000)).get(
                "/x", list
            )


@pytest.mark.parametrize("data", ({}, "text", None, {"entries": []}))
def test_a_list_that_is_none_is_not_an_answer(data: object) -> None:
    with pytest.raises(HostUnavailable, match="not an answer"):
        saying(200, data).pages("/x", int, {})


def test_words_of_a_host_are_short_and_plain() -> None:
    long = {
        "message": "bad\n\x1b[31mthing 党员 " + "x" * 900,
        "errors": ["one", {"field": "f", "code": "c"}, 7],
    }
    with pytest.raises(HostRefused) as caught:
        saying(400, long).send("POST", "/x", dict, {})
    words = str(caught.value)
    assert words.isascii() and words.isprintable() and len(words) < 260 and "bad [31mthing x" in words


@pytest.mark.parametrize(
    "api",
    (
        "",
        "git.example.invalid",
        "ftp://x/api/v1",
        "https://u:secret@x/api/v1",
        "https://x/api/v1?token=secret",
        "https://",
    ),
)
def test_an_address_that_is_none_is_said_without_repeating_it(api: str) -> None:
    with pytest.raises(UsageError) as caught:
        Http(api, {}, "a-token")
    assert "secret" not in str(caught.value)
