"""Door: the whole job on one port of this machine, with an invented organisation."""

from __future__ import annotations

import contextlib
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

_MEMBERS, _RECORDS, _SEED = 62, 170, 42
_WAIT = 120.0  # seconds until everything must have answered


def prepare(folder: Path, until: date) -> dict[str, str]:
    """The sample in `folder`, made unless it is there already; ids of the people to try it as."""
    facts = folder / "demo.json"
    if not facts.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for left in ("host.git", "host.git.part"):
            shutil.rmtree(folder / left, ignore_errors=True)
        made = sample.write(
            folder / "host.git.part", members=_MEMBERS, records=_RECORDS, seed=_SEED, until=until
        )
        (folder / "host.git.part").rename(folder / "host.git")
        ids = {
            "member": made.member,
            "branch": made.branch,
            "reviewer": made.reviewer,
            "officer": made.officer,
        }
        part = folder / "demo.json.part"
        part.write_text(json.dumps(ids) + "\n")
        part.replace(facts)  # last: an interrupted start begins again
    try:
        found: dict[str, str] = json.loads(facts.read_text())
    except ValueError:
        raise UsageError(f"{facts} cannot be read; delete {folder} to begin again") from None
    return found


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1. Raises UsageError when the port is taken."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port"
        ) from None
    return sock


def run(service: Service, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until interrupted; `ready` is called once the form, the desk and the site answer."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    server = uvicorn.Server(
        uvicorn.Config(service.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=5)
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


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def links(service: Service, ids: dict[str, str]) -> dict[str, str]:
    """Where to go: form, poster, desk, site, the demo member's report, and the repository to clone."""
    return {
        "form": service.links.personal(ids["member"]),
        "poster": service.links.poster(ids["branch"]),
        "desk": service.links.desk(ids["reviewer"]),
        "site": service.page("home", ""),
        "report": service.page("member", ids["member"]),
        "branch": service.page("branch", ids["branch"]),
        "repository": service.clone_url,
    }
