"""A Git host of our own on loopback: pull requests with a real bare repository behind them, git over HTTP by git's own
http-backend, and faults that can be switched on. How a host words its answers is in fake_github, fake_gitea and
fake_gitlab; where each is from is noted there (hosts.md is `../shared/design/hosts.md`)."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from xueshi.git import Identity, NewCommit, RefUpdate, Repository
from xueshi.hosts import git_http

BRIDGE, DESK, PERSON, STRANGER, WORKFLOW = (
    f"{name}-token-0123456789" for name in ("bridge", "desk", "person", "stranger", "workflow")
)
LOGINS = {BRIDGE: "xueshi-bridge", DESK: "xueshi-desk", PERSON: "weiceining", WORKFLOW: "actions"}
SECRET = "hook-secret"
REPOSITORY = "party/records"
ELSEWHERE = "https://git.example.invalid"  # what the host believes its own address is


@dataclass
class HeldPull:
    number: int
    head_ref: str
    head: str
    title: str
    body: str
    opened_at: datetime
    base: str = "main"
    fork: str | None = None  # the owner of the fork it comes from
    state: str = "open"
    decided_at: datetime | None = None
    decided_by: str | None = None
    merge: str | None = None


@dataclass
class HeldNote:
    id: int
    number: int
    by: str
    text: str
    at: datetime
    system: bool = False


@dataclass(frozen=True)
class Asked:
    """One request to the API: `path` below the API's base, decoded; `login` whose token it bears."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    login: str


@dataclass(frozen=True)
class Reply:
    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What happens to the next request of `method` whose path ends in `path`. `done`: the work is done first; then the
    answer is `reply`, or with None the connection is cut, or with SILENT left open without a word."""

    method: str
    path: str
    reply: Reply | str | None
    done: bool = False


SILENT, HALF = "silent", "half"
Handler = Callable[..., Reply]


class Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class State:
    """What a host keeps of one repository, whatever words it has for it."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.pulls: dict[int, HeldPull] = {}
        self.notes: list[HeldNote] = []
        self.now = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
        self.private = True
        self.protected = True
        self.ways = ["merge"]
        self.names_in_merge = False
        self.page = 100  # the largest page it gives
        self.deaf = False  # whether it ignores a filter, as hosts do with one they do not understand

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def ref(self, name: str) -> str | None:
        """Where a ref is; nothing packs them here, so that a file tells it without a process."""
        path = self.repo.path / "refs" / "heads" / name
        return path.read_text().strip() if path.exists() else None

    def head(self, pull: HeldPull) -> str:
        """Where the ref is now; after its deletion, where it was last."""
        if pull.state == "open" and pull.fork is None:
            pull.head = self.ref(pull.head_ref) or pull.head
        return pull.head

    def open(self, head_ref: str, title: str, body: str, fork: str | None = None) -> HeldPull:
        head = self.ref(head_ref)
        assert head is not None
        number = len(self.pulls) + 1
        pull = HeldPull(number, head_ref, head, title, body, self.tick(), fork=fork)
        self.pulls[number] = pull
        return pull

    def same(self, head_ref: str) -> HeldPull | None:
        waiting = (p for p in self.pulls.values() if p.state == "open" and p.fork is None)
        return next((pull for pull in waiting if pull.head_ref == head_ref), None)

    def close(self, number: int, by: str) -> HeldPull:
        pull = self.pulls[number]
        self.head(pull)
        if pull.state == "open":
            pull.state, pull.decided_at, pull.decided_by = "closed", self.tick(), by
            self.note(number, by, "closed", system=True)
        return pull

    def note(self, number: int, by: str, text: str, *, system: bool = False) -> HeldNote:
        note = HeldNote(len(self.notes) + 1, number, by, text, self.tick(), system)
        self.notes.append(note)
        return note

    def merge(self, pull: HeldPull, message: str, by: str) -> bool:
        """A real merge commit, its author the one whose token it was; False where main changed the same files."""
        tip, head = self.repo.resolve("refs/heads/main"), self.head(pull)
        assert tip is not None
        base = self.repo.merge_base(tip, head)
        assert base is not None
        changed = self.repo.changed(base, head)
        if set(changed) & set(self.repo.changed(base, tip)):
            return False
        contents = self.repo.blobs(blob for blob in changed.values() if blob)
        files = {path: contents[blob] if blob else None for path, blob in changed.items()}
        who = Identity(by, f"{by.removeprefix('xueshi-')}@example.invalid")
        at = self.tick()
        merge = self.repo.commits([NewCommit((tip, head), files, message, who, at)])[0]
        self.repo.update_refs([RefUpdate("refs/heads/main", merge, tip)])
        pull.state, pull.decided_at, pull.decided_by, pull.merge = "merged", at, by, merge
        return True


class FakeHost(ABC):
    """The server. A dialect gives `prefix`, `kind`, `routes` and the words for what is wrong."""

    kind, prefix = "", ""
    denied = Reply(401, {"message": "Unauthorized"})
    missing = Reply(404, {"message": "Not Found"})

    def __init__(self, repo: Repository) -> None:
        self.state = State(repo)
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.complaints: list[str] = []
        self.check: Callable[[Asked, Reply], Iterator[str]] = lambda asked, reply: iter(())
        self.git_fault: Callable[[str], str] = lambda path: (
            ""
        )  # "before" or "after" the work is done, or not at all
        self.base = ""
        self.turn = (
            threading.Lock()
        )  # a request that nobody waits for any more is done before the next begins

    @property
    def api(self) -> str:
        return self.base + self.prefix

    @abstractmethod
    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        """Method, path and handler of all that the dialect answers."""

    def token(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").partition(" ")[2]

    def answer(self, asked: Asked, token: str) -> Reply:
        """The API's answer to one request, its faults not counted."""
        if token not in LOGINS:
            return self.missing if token == STRANGER else self.denied
        for method, pattern, handler in self.routes():
            if method == asked.method and (found := re.fullmatch(pattern, asked.path)):
                try:
                    return handler(replace(asked, login=LOGINS[token]), *found.groups())
                except Refused as refused:
                    return refused.reply
        raise AssertionError(f"{self.kind} has no {asked.method} {asked.path}")

    def pull(self, number: str) -> HeldPull:
        if int(number) not in self.state.pulls:
            raise Refused(self.missing)
        return self.state.pulls[int(number)]

    def paged(self, asked: Asked, entries: Sequence[Any], size: str = "per_page") -> Reply:
        """One page of a list and, in the Link header, the next one at the address the host believes to have."""
        limit = min(int(asked.query.get(size, 30)), self.state.page)
        page = int(asked.query.get("page", 1))
        shown, left = entries[(page - 1) * limit : page * limit], entries[page * limit :]
        link = f"<{ELSEWHERE}{self.prefix}{asked.path}?page={page + 1}&{size}={limit}"
        kept = "".join(f"&{k}={v}" for k, v in asked.query.items() if k not in ("page", size))
        return Reply(200, list(shown), {"Link": f'{link}{kept}>; rel="next"'} if left else {})

    def fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if asked.method == fault.method and asked.path.endswith(fault.path):
                self.faults.remove(fault)
                return fault
        return None

    def say(self, asked: Asked, token: str) -> Reply | str | None:
        self.asked.append(asked)
        fault = self.fault(asked)
        if fault is not None and not fault.done:
            return fault.reply
        reply = self.answer(asked, token)
        self.complaints += self.check(asked, reply)
        return reply if fault is None else fault.reply


@contextmanager
def running(fake: FakeHost) -> Iterator[FakeHost]:
    """The fake behind a port of its own."""

    class Handling(_Handler):
        host = fake

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
    server.daemon_threads = True
    fake.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    host: FakeHost

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if url.path.startswith(f"/{REPOSITORY}.git/"):
            self._git(url.path.removeprefix(f"/{REPOSITORY}.git"), url.query, body)
        else:
            self._api(url.path, url.query, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _api(self, path: str, query: str, body: bytes) -> None:
        assert path.startswith(self.host.prefix), path
        headers = {name.lower(): value for name, value in self.headers.items()}
        below = unquote(path.removeprefix(self.host.prefix))
        asked = Asked(
            self.command, below, dict(parse_qsl(query)), headers, json.loads(body) if body else None, ""
        )
        try:
            with self.host.turn:
                reply = self.host.say(asked, self.host.token(headers))
        except AssertionError as error:
            self.host.complaints.append(str(error))
            reply = Reply(500, {"message": "a fault of the fake"})
        if isinstance(reply, Reply):
            self._send(reply.status, reply.headers, _bytes(reply.data))
        elif reply == SILENT:
            self.connection.settimeout(10)
            self.rfile.read(1)  # until the other side goes away
        elif reply == HALF:
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
            )
        if not isinstance(reply, Reply):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _git(self, path: str, query: str, body: bytes) -> None:
        given = base64.b64decode(self.headers.get("authorization", "").partition(" ")[2]).partition(b":")[2]
        if given.decode() not in LOGINS:
            self._send(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
            return
        fault = self.host.git_fault(path)
        if fault == "before":
            self._send(502, {}, b"")
            return
        environment = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "REMOTE_USER": "git",
        }
        answer = git_http._response(self.host.state.repo.serve(environment, body))
        if fault == "after":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self._send(answer.status_code, dict(answer.headers), bytes(answer.body))

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()


def when(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
