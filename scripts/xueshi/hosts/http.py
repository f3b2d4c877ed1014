"""One request to a host's API: no second try, no redirect followed, and every failure of a kind (see xueshi.errors).

Neither the token nor what a person wrote gets into an error: what a host answers is shown without the values that were
sent, and of its words only ASCII."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx2

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
from xueshi.hosts.base import LONGEST_BLOCK

T = TypeVar("T")
Query = Mapping[str, Any]
LARGEST = 16 * 1024 * 1024  # bytes of one answer; a page of a hundred pull requests has about two million
PAGES = 50  # a list longer than this is not ours
_LONGEST = 90.0  # seconds for one answer as a whole: a read timeout alone lets a slow one drip for ever
_WAIT = 60.0  # seconds a limit holds, at least
_TIMEOUT = httpx2.Timeout(30, connect=10)
_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_LIMIT = re.compile(
    r"rate limit|temporarily blocked|abuse detection|submitted too quickly|too many requests", re.I
)
_THERE = re.compile(r"already exists|cannot be merged", re.I)
# Gitea's 405 while it still looks for conflicts, GitHub's when main moved under the merge
_LATER = re.compile(r"try again later|base branch was modified", re.I)
# What a 405 to a merge says is missing. GitHub: "At least 1 approving review is required", "Required status check … is
# expected"; Gitea: "Does not have enough approvals", "Not all required status checks successful".
_WANTS = {
    "approvals": re.compile(r"approv|requested changes|review", re.I),
    "checks": re.compile(r"status check|pipeline", re.I),
}
_NEXT = re.compile(r'<([^<>]*)>\s*;[^<]*\brel="?next"?', re.I)


class NotFound(HostDenied):
    """404: it is not there, or this token may not see it."""


class Forbidden(HostDenied):
    """403: this token may not ask for it."""


class Moved(HostDenied):
    """The repository has another address now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with lower-case names, body; and what was asked, for the words of an error."""

    asked: str
    changes: bool
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as data, None when it is empty. Raises ValueError."""
        return json.loads(self.body) if self.body.strip() else None


class Http:
    """A host's API at `api`, asked with `headers` that bear `token`. `clock` gives seconds since 1970."""

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        token: str,
        *,
        transport: httpx2.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = _address(api)
        self._token = token
        self._clock = clock
        self._client = httpx2.Client(
            headers=headers,
            timeout=_TIMEOUT,
            limits=httpx2.Limits(max_keepalive_connections=0),  # one dropped while idle loses a request
            follow_redirects=False,
            transport=transport,
        )

    def get(self, path: str, read: Callable[[Any], T], query: Query | None = None) -> T:
        """What `read` makes of the answer to one question."""
        return self._read(self.ask("GET", path, query), read)

    def look(self, path: str, read: Callable[[Any], T], query: Query | None = None) -> T | None:
        """The same where there may be none, or this token may not see it: then None."""
        try:
            return self.get(path, read, query)
        except (Forbidden, NotFound):
            return None

    def send(self, method: str, path: str, read: Callable[[Any], T], body: Mapping[str, object]) -> T:
        """Change something. Raises HostUnknown where it may have been done without our seeing the answer."""
        return self._read(self.ask(method, path, body=body), read)

    def pages(self, path: str, read: Callable[[Any], T], query: Query) -> list[T]:
        """All entries of a list. Of the address of a next page only its query is used, so that the token goes
        nowhere else; HostRefused after `PAGES` of them."""
        found: list[T] = []
        asked: Query | None = query
        for _ in range(PAGES):
            answer = self.ask("GET", path, asked)
            found += self._read(answer, lambda data: [read(one) for one in _list(data)])
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return found
            asked = dict(parse_qsl(following[1].partition("?")[2]))
        raise HostRefused(f"GET {path}: more than {PAGES} pages")

    def ask(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """One request and its good answer; any other is raised as an error of its kind."""
        answer = self._exchange(method, path, query, body)
        if fault := self._fault(answer, body or {}):
            raise fault
        return answer

    def _exchange(
        self, method: str, path: str, query: Query | None, body: Mapping[str, object] | None
    ) -> Answer:
        asked, changes = f"{method} {path}", method != "GET"
        lost = HostUnknown if changes else HostUnavailable
        try:
            with self._client.stream(method, self._api + path, params=query, json=body) as response:
                held = b"".join(_limited(response))
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(asked, changes, response.status_code, names, held)
        except _NEVER_LEFT as error:
            fault: HostError = HostUnavailable(f"{asked}: no connection ({type(error).__name__})")
        except httpx2.HTTPError as error:
            fault = lost(f"{asked}: no answer ({type(error).__name__})")
        except _TooLarge as error:
            fault = HostUnknown(f"{asked}: {error}") if changes else HostRefused(f"{asked}: {error}")
        raise fault  # out here the error that knows the request is not even its context

    def _read(self, answer: Answer, read: Callable[[Any], T]) -> T:
        try:
            return read(answer.json())
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            what = (
                f"{answer.asked}: HTTP {answer.status}, not an answer of this host ({type(error).__name__})"
            )
        raise HostUnknown(what) if answer.changes else HostUnavailable(what)

    def _fault(self, answer: Answer, body: Mapping[str, object]) -> HostError | None:
        status, text = answer.status, answer.body.decode("utf-8", "replace")
        if 200 <= status < 300:
            return None
        words = f"{answer.asked}: HTTP {status} {_words(text, (self._token, *body.values()))}".rstrip()
        if status >= 500:
            return HostUnknown(words) if answer.changes else HostUnavailable(words)
        if self._is_limit(answer, text):
            return HostLimited(words, self._until(answer.headers))
        kind = _kind(status, text)
        if kind is HostConflict and status == 405:
            wants = next((what for what, said in _WANTS.items() if said.search(words)), None)
            return HostProtected(words, wants) if wants else kind(words)
        return kind(words)

    def _is_limit(self, answer: Answer, text: str) -> bool:
        if answer.status == 429:
            return True
        said = "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
        return (answer.status == 403 and said) or (answer.status in (403, 422) and bool(_LIMIT.search(text)))

    def _until(self, headers: Mapping[str, str]) -> float:
        """When to ask again. What a host says is kept within reason: one that means milliseconds stops nobody for
        years."""
        now = self._clock()
        at = [now + _WAIT, _retry_at(headers.get("retry-after", ""), now)]
        if headers.get("x-ratelimit-remaining") == "0":
            at.append(_number(headers.get("x-ratelimit-reset", "")))
        return min(max(at), now + LONGEST_BLOCK)


class _TooLarge(Exception):
    pass


def _limited(response: httpx2.Response) -> Iterator[bytes]:
    size, end = 0, time.monotonic() + _LONGEST
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > LARGEST:
            raise _TooLarge(f"the answer has more than {LARGEST} bytes")
        if time.monotonic() > end:
            raise httpx2.ReadTimeout("the answer takes too long")
        yield chunk


def _kind(status: int, text: str) -> type[HostError]:
    if 300 <= status < 400:
        return Moved
    if status == 405 and _LATER.search(text):
        return HostUnavailable
    if status in (405, 409) or (status in (400, 422) and _THERE.search(text)):
        return HostConflict
    return {401: HostDenied, 403: Forbidden, 404: NotFound}.get(status, HostRefused)


def _words(text: str, sent: Iterable[object]) -> str:
    """What a host says is wrong: one line of ASCII without the values that were sent."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    said = " ".join(_strings(data)) if isinstance(data, dict) else ""
    for value in sent:
        if isinstance(value, str) and value:
            said = said.replace(value, "…")
    return " ".join("".join(c if " " <= c <= "~" else " " for c in said).split())[:200]


def _strings(data: Mapping[str, object]) -> Iterator[str]:
    """`message` and `error` of all three hosts, and what GitHub and GitLab add as a list below them."""
    for name in ("message", "error", "errors"):
        found = data.get(name)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, str):
                yield one
            elif isinstance(one, dict):
                yield from (str(one[key]) for key in ("field", "code", "message") if key in one)


def _retry_at(value: str, now: float) -> float:
    """The moment a Retry-After header means, as seconds or as a date; 0 when it means none."""
    if value.isascii() and value.isdigit():
        return now + _number(value)
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return 0.0


def _number(value: str) -> float:
    return float(value[:15]) if value.isascii() and value.isdigit() else 0.0


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError("not a list")
    return data


def _address(api: str) -> str:
    """An API's base address. Never repeats it: somebody may have put a token into it."""
    try:
        url = httpx2.URL(api)
    except httpx2.InvalidURL:
        url = httpx2.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise UsageError(
            "API 地址请写成 https://…，不带用户名、? 和 # / the host's API address must be https://… without user, query "
            "or fragment"
        )
    return api.rstrip("/")
