"""What operators see: logs without personal data, figures for Prometheus, and whether the service is well."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

_LOG = logging.getLogger("xueshi.observe")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
request_id: ContextVar[str] = ContextVar("request_id", default="")  # of the request that is being answered

# --- logs

_SECRETS = tuple(
    (re.compile(pattern, re.IGNORECASE), told)
    for pattern, told in (
        (r"\s+", " "),  # a line is a line
        (r"[^ -~]+", "…"),  # names, titles and contents are Chinese; what we say ourselves is not
        (r"://[^/@\s]*@", "://…@"),
        (r"\b(basic|bearer|token) [\w.~+/=-]+", r"\1 …"),
        (r"[\w.+-]+@[\w-]+\.[\w.-]+", "…"),
        (r"/(m|b|p|r|s|desk|site)/(?!\{)[^\s?#\"'<>]+", r"/\1/…"),  # but a route's template
        (r"([?&][\w-]+=)[^&\s\"']+", r"\1…"),
        (r"[\w-]+\.[\w-]{5,8}\.[\w-]{20,}", "…"),  # what links.py signs
        (r"\b(gh[a-z]_|github_pat_|glpat-)[\w-]+", r"\1…"),
        (r"\b(?![0-9a-f]{40}\b)[\w-]{40,}", "…"),  # a commit's id may be told
    )
)


def safe(text: str) -> str:
    """A line without whatever looks like a link, a token, an address of a person, or what a person wrote."""
    for pattern, told in _SECRETS:
        text = pattern.sub(told, text)
    return text


class _Lines(logging.Formatter):
    """A record as a line: time, level, logger, event, request, `extra={"fields": …}`; of an exception only its type and
    where it came from, never what it says. With `as_json` False the same as words."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        if self._as_json:
            return json.dumps(fields, ensure_ascii=False)
        head = f"{fields.pop('time')} {fields.pop('level')} {fields.pop('logger')}: {fields.pop('event')}"
        return " ".join([head, *(f"{name}={value}" for name, value in fields.items())])


def _fields(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": _event(record),
    }
    if request_id.get():
        found["request"] = request_id.get()
    more: Mapping[str, object] = getattr(record, "fields", {})
    found.update({k: v if isinstance(v, int | float) else safe(str(v)) for k, v in more.items()})
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        found["error"] = [f"{type(one).__module__}.{type(one).__qualname__}" for one in _chain(error)]
        found["stack"] = [_frame(one) for one in traceback.extract_tb(error.__traceback__)][-20:]
    return found


def _event(record: logging.LogRecord) -> str:
    try:
        return safe(record.getMessage())
    except (TypeError, ValueError):  # a template that does not fit is a fault of ours, not worth a lost line
        return safe(str(record.msg))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(5):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _frame(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"


def log_to(stream: TextIO | None = None, *, level: str = "info", as_json: bool = True) -> None:
    """Send every log of this process to `stream` (standard error), replacing what was set up before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines(as_json=as_json))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True  # it tells whole paths; guards.Access does not
    for talkative in ("httpx2", "httpcore2", "git", "PIL"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


# --- figures

COUNTERS = {
    "xueshi_registrations_total": "Registrations by outcome (accepted, refused) and reason.",
    "xueshi_pulls_opened_total": "Pull requests opened.",
    "xueshi_host_calls_total": "Calls of the Git host by call and outcome.",
}
Read = Callable[[], float | Mapping[str, float] | None]


class Metrics:
    """Counters that parts add to, and gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = {name: {} for name in COUNTERS}
        self._gauges: dict[str, tuple[str, str, Read]] = {}

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter of COUNTERS. Labels hold our own words, never a person's."""
        told = _labels(labels)
        with self._lock:
            self._counts[name][told] = self._counts[name].get(told, 0) + 1

    def gauge(self, name: str, words: str, read: Read, label: str = "") -> None:
        """A figure that `read` tells: a number, None for none now, or with `label` a number for each of its values."""
        self._gauges[name] = (words, label, read)

    def text(self) -> str:
        """Everything in Prometheus' text format. A gauge that cannot be read is left out and logged."""
        with self._lock:
            counts = {name: dict(found) for name, found in self._counts.items()}
        lines = []
        for name, by_labels in counts.items():
            lines += [f"# HELP {name} {COUNTERS[name]}", f"# TYPE {name} counter"]
            lines += [f"{name}{labels} {number}" for labels, number in sorted(by_labels.items())]
        for name, (words, label, read) in self._gauges.items():
            lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
            lines += [f"{name}{labels} {number}" for labels, number in _read(name, label, read)]
        return "\n".join(lines) + "\n"


def _read(name: str, label: str, read: Read) -> list[tuple[str, float]]:
    try:
        found = read()
    except Exception:  # one figure less, and the rest still told
        _LOG.exception("gauge %s cannot be read", name)
        return []
    if isinstance(found, Mapping):
        return [(_labels({label: value}), float(number)) for value, number in sorted(found.items())]
    return [] if found is None else [("", float(found))]


def _labels(labels: Mapping[str, str]) -> str:
    escaped = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    told = ",".join(f'{name}="{value.translate(escaped)}"' for name, value in sorted(labels.items()))
    return f"{{{told}}}" if told else ""


# --- is it well?


class Beat:
    """A sign of life of a thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = now()

    def beat(self) -> None:
        """I am alive."""
        self._last = self._now()

    def fresh(self, seconds: float = 60.0) -> bool:
        """Whether it beat within so many seconds; the first beat is its making."""
        return self._now() - self._last < seconds


_PATIENCE = 5.0  # seconds that a check may take
_KEPT = 1.0  # seconds that an answer is given again: asking is open to all, and must cost nothing


class _Ready:
    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self._checks = checks
        self._lock = anyio.Lock()
        self._at, self._failing = -_KEPT, [*checks]

    async def failing(self) -> list[str]:
        async with self._lock:
            if time.monotonic() - self._at >= _KEPT:
                self._failing = [
                    name for name, check in self._checks.items() if not await _holds(name, check)
                ]
                self._at = time.monotonic()
            return self._failing


async def _holds(name: str, check: Callable[[], bool]) -> bool:
    """Whether a check holds; one that raises or hangs does not."""
    with anyio.move_on_after(_PATIENCE):
        try:
            return await anyio.to_thread.run_sync(check, abandon_on_cancel=True)
        except Exception:
            _LOG.exception("not ready: %s", name)
    return False


def routes(
    metrics: Metrics, checks: Mapping[str, Callable[[], bool]], trusted: Sequence[Network] = ()
) -> list[BaseRoute]:
    """`/healthz`: the process answers. `/readyz`: 503 and the names of the `checks` that fail. `/metrics`: for this
    machine and `trusted` addresses that come straight, not through a proxy."""
    ready = _Ready(checks)

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        failing = await ready.failing()
        return JSONResponse({"ready": not failing, "failing": failing}, 503 if failing else 200)

    async def figures(request: Request) -> Response:
        if not _near(request, trusted):
            return PlainTextResponse("not from here\n", 403)
        text = await anyio.to_thread.run_sync(metrics.text)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]


def _near(request: Request, trusted: Sequence[Network]) -> bool:
    """Through a proxy everybody would look as near as the proxy: what was forwarded is not near."""
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers or request.client is None:
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback) or any(mapped in network for network in trusted)
