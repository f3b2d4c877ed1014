"""Door: the whole job on one port of this machine, with an invented organisation."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shutil
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import date
from pathlib import Path

import uvicorn

from xueshi import sample
from xueshi.errors import UsageError
from xueshi.service import Service

_LOG = logging.getLogger("xueshi.demo")
_MEMBERS, _RECORDS, _SEED = 62, 170, 42
_WAIT = 120.0  # seconds until everything must have answered


def prepare(folder: Path, until: date) -> dict[str, str]:
    """The sample in `folder`, made unless it is there already; ids of the people to try it as."""
    facts, host, part = folder / "demo.json", folder / "host.git", folder / "host.git.part"
    if host.exists() and not facts.is_file():
        raise UsageError(
            f"{folder} holds an installation that is no demo; use xueshi serve, or another --dir"
        )
    if not host.exists():
        shutil.rmtree(part, ignore_errors=True)  # of a start that was interrupted
        made = sample.write(part, members=_MEMBERS, records=_RECORDS, seed=_SEED, until=until)
        ids = {
            "member": made.member,
            "branch": made.branch,
            "reviewer": made.reviewer,
            "officer": made.officer,
        }
        facts.write_text(json.dumps(ids) + "\n")
        part.rename(host)  # last: from here on nothing of it is made again
    try:
        found: dict[str, str] = json.loads(facts.read_text())
    except ValueError:
        raise UsageError(
            f"{facts} cannot be read; choose another --dir, or xueshi serve for what is there"
        ) from None
    return found


def free_port() -> int:
    """A port of this machine that nobody has."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listen(host: str, port: int) -> socket.socket:
    """A socket on an address of this machine. Raises UsageError when it is none of this machine, or its port is taken or
    not for this user."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise UsageError(_CURES.get(error.errno or 0, _CURE).format(where, error.strerror)) from None
    return sock


_CURES = {
    errno.EADDRINUSE: "{0} 已经有程序在用：停掉它，或用 --port（listen.port）换一个端口 / {0} is taken; end what holds it, or "
    "choose another port with --port (listen.port)",
    errno.EACCES: "{0} 不让这个用户用：用 --port（listen.port）换 1024 以上的端口 / {0} is not for this user; choose a port from "
    "1024 on with --port (listen.port)",
    errno.EADDRNOTAVAIL: "{0} 不是这台机器的地址：把 listen.host 改成本机的地址，或 127.0.0.1 / {0} is no address of this machine; "
    "set listen.host to one that is, or to 127.0.0.1",
}
_CURE = "不能在 {0} 上提供服务（{1}）：请改 listen.host 或 listen.port / cannot listen at {0} ({1}); change listen.host or listen.port"


def run(service: Service, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until interrupted; `ready` is called once the form, the desk and the site answer."""
    server = uvicorn.Server(
        uvicorn.Config(
            service.app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
    )
    service.start()
    telling = threading.Thread(target=_when_ready, args=(service, server, ready), daemon=True)
    telling.start()
    try:
        # uvicorn raises the signal again after it has closed its connections; we then end our threads.
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            server.run(sockets=[sock])
    finally:
        service.stop()


def _when_ready(service: Service, server: uvicorn.Server, ready: Callable[[], None]) -> None:
    end = time.monotonic() + _WAIT
    while time.monotonic() < end and not server.should_exit:
        if _answers(service.page("home", "")):
            ready()
            return
        time.sleep(0.1)
    if not server.should_exit:
        _LOG.error("the site did not answer within %d s; the form and the desk may", _WAIT)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def links(service: Service, ids: dict[str, str]) -> dict[str, str]:
    """Where to go: form, poster, desk and its code, site, the demo member's report, and the repository to clone."""
    return {
        "form": service.links.personal(ids["member"]),
        "poster": service.links.poster(ids["branch"]),
        "desk": service.links.desk(ids["reviewer"]),
        "code": service.links.desk_code(ids["reviewer"]),
        "site": service.page("home", ""),
        "report": service.page("member", ids["member"]),
        "branch": service.page("branch", ids["branch"], ids["reviewer"]),
        "committee": service.page("committee", "", ids["officer"]),
        "repository": service.clone_url,
    }
