"""The WeCom (企业微信) group robot.

The key in the robot's url is a secret. It travels only as the request's `target`, beside the url that httpx2
writes into its log and its errors, and it is struck out of whatever words come back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import httpx2

from xueshi.errors import UsageError
from xueshi.notify import NotSent

LIMIT = 2048  # bytes of UTF-8 in one message
RATE = 20  # messages in any WINDOW
WINDOW = 60.0  # seconds
_TRIES_AGAIN = 3
_TOO_FAST = 45009
_LOOPBACK = ("127.0.0.1", "localhost")
_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_CURES = {
    40058: "the message is not one it takes; shorten the notice",
    _TOO_FAST: "too many messages in a minute; send again later",
    93000: "the robot is gone or its key is wrong; copy the url anew from the group's robot settings",
}
_LOOK_UP = "look the number up at https://developer.work.weixin.qq.com/document/path/90313"


def make_client() -> httpx2.Client:
    """A client for one robot. Every message has its own connection: one kept open and dropped by the other
    side would leave it unknown whether the message arrived."""
    return httpx2.Client(
        timeout=httpx2.Timeout(20, connect=10),
        limits=httpx2.Limits(max_keepalive_connections=0),
        follow_redirects=False,
    )


def parts(text: str) -> list[str]:
    """The messages that carry a text, each at most `LIMIT` bytes: one, or several split at line ends and
    numbered (1/3). A line too long for any message is cut and ends in …; nothing else is lost."""
    lines = text.encode("utf-8", "replace").decode().split("\n")
    whole = "\n".join(_cut(line, LIMIT) for line in lines)
    if _size(whole) <= LIMIT:
        return [whole]
    digits = 1
    while len(bodies := _filled(lines, LIMIT - len("(/)\n") - 2 * digits)) >= 10**digits:
        digits += 1
    return [f"({number}/{len(bodies)})\n{body}" for number, body in enumerate(bodies, 1)]


def _filled(lines: list[str], room: int) -> list[str]:
    bodies: list[str] = []
    for line in (_cut(line, room) for line in lines):
        if bodies and _size(bodies[-1]) + _size("\n" + line) <= room:
            bodies[-1] += "\n" + line
        else:
            bodies.append(line)
    return bodies


def _cut(line: str, room: int) -> str:
    if _size(line) <= room:
        return line
    return line.encode()[: room - _size("…")].decode("utf-8", "ignore") + "…"


def _size(text: str) -> int:
    return len(text.encode())


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the robot answered; `errcode` is None when the answer is not one of a robot."""

    status: int
    errcode: int | None
    errmsg: str

    def refusal(self) -> NotSent | None:
        """None when delivered, otherwise why not. An error of the server says nothing about delivery."""
        if self.status == 200 and self.errcode == 0:
            return None
        if self.errcode:
            cure = _CURES.get(self.errcode, _LOOK_UP)
            return NotSent(f"wecom: errcode {self.errcode} ({self.errmsg}): {cure}", certain=True)
        if 300 <= self.status < 500:
            return NotSent(f"wecom: HTTP {self.status}; check the robot's url and the proxy", certain=True)
        return NotSent(
            f"wecom: HTTP {self.status} without a robot's answer; look in the group whether the message arrived",
            certain=False,
        )


class Wecom:
    """One robot in one group, for one thread. Never more than `RATE` messages in any `WINDOW`."""

    def __init__(
        self,
        url: str,
        client: httpx2.Client,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        address = _address(url)
        self._origin = httpx2.URL(scheme=address.scheme, host=address.host, port=address.port, path="/")
        self._target = address.raw_path
        self._secrets = (address.query.decode(), address.params["key"])
        self._client = client
        self._clock = clock
        self._sleep = sleep
        self._sent_at: deque[float] = deque(maxlen=RATE)

    def send(self, text: str) -> None:
        """Deliver the text, in as many messages as it needs. Once one of them has arrived, a failure is never
        `certain`: sending the whole again would repeat what people have read."""
        messages = parts(text)
        for arrived, message in enumerate(messages):
            try:
                self._deliver(message)
            except NotSent as error:
                if not arrived:
                    raise
                so_far = f"{arrived} of {len(messages)} messages arrived, then {error}"
                raise NotSent(so_far, certain=False) from None

    def _deliver(self, message: str) -> None:
        reply = self._post(message)
        for _ in range(_TRIES_AGAIN):
            if reply.errcode != _TOO_FAST:
                break
            self._sleep(WINDOW)
            reply = self._post(message)
        if refusal := reply.refusal():
            raise refusal

    def _post(self, message: str) -> _Reply:
        self._wait_turn()
        try:
            response = self._client.post(
                self._origin,
                json={"msgtype": "text", "text": {"content": message}},
                extensions={"target": self._target},
                follow_redirects=False,
            )
        except httpx2.HTTPError as error:
            fault = self._unanswered(error)
        else:
            return self._read(response)
        finally:
            self._sent_at.append(self._clock())  # when it has arrived at the latest
        raise fault  # out here the error that knows the request is not even its context

    def _wait_turn(self) -> None:
        if len(self._sent_at) == RATE and (wait := self._sent_at[0] + WINDOW - self._clock()) > 0:
            self._sleep(wait)

    def _unanswered(self, error: httpx2.HTTPError) -> NotSent:
        what = f"{type(error).__name__} ({self._veiled(str(error))})"
        if isinstance(error, _NEVER_LEFT):
            words = (
                f"wecom: no connection to {self._origin.host}: {what}; check the network and the robot's url"
            )
            return NotSent(words, certain=True)
        words = f"wecom: no answer from {self._origin.host}: {what}; look in the group whether the message arrived"
        return NotSent(words, certain=False)

    def _read(self, response: httpx2.Response) -> _Reply:
        answer: object = None
        with suppress(ValueError):
            answer = response.json()
        if not isinstance(answer, dict) or type(answer.get("errcode")) is not int:
            return _Reply(response.status_code, None, "")
        return _Reply(response.status_code, answer["errcode"], self._veiled(str(answer.get("errmsg", ""))))

    def _veiled(self, words: str) -> str:
        """Another's words on one short line, without the secret."""
        for secret in self._secrets:
            words = words.replace(secret, "[key]")
        return " ".join(words.split())[:200]


def _address(url: str) -> httpx2.URL:
    """The robot's url, if a message may go there. Never repeats the url."""
    address = httpx2.URL()
    with suppress(httpx2.InvalidURL):
        address = httpx2.URL(url)
    if not address.host:
        raise UsageError(
            "wecom: the robot's url is not a web address; copy it whole, without spaces or line ends"
        )
    if address.scheme != "https" and not (address.scheme == "http" and address.host in _LOOPBACK):
        raise UsageError(
            "wecom: the robot's url must begin with https://; copy it from the group's robot settings"
        )
    if address.userinfo or not address.params.get("key"):
        raise UsageError("wecom: the robot's url must end in ?key=… and name no user; copy it whole")
    return address
