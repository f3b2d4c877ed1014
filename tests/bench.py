"""Registrations accepted a second, and the time from a merge to the page, each beside a floor in the same run.

`scripts/bench [--seconds S] [--members N] [--records M]`. The floor of a registration is a handler that reads the same
request and answers at once, in the same server; that of a page is MkDocs with the same theme and two empty pages."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import httpx2
from conftest import DESK
from PIL import Image

from xueshi import sample
from xueshi.hosts.local import MAIN, LocalHost
from xueshi.links import Links, secret
from xueshi.model import SHANGHAI
from xueshi.reports.address import address
from xueshi.service import SECRET

BIN = Path(sys.executable).parent
CONNECTIONS = 16
FREE = {  # what is measured is the work, not what we allow; a decision is carried out at once
    "XUESHI_DESK_UNDO_MINUTES": "0", "XUESHI_LIMITS_MEMBER_PER_HOUR": "10000",
    "XUESHI_LIMITS_ADDRESS_PER_MINUTE": "100000", "XUESHI_LOG_LEVEL": "warning",
    "XUESHI_EDITION": "open",  # the page that is looked at lies where its address says
}  # fmt: skip
EMPTY = """
async def app(scope, receive, send):
    more = scope["type"] == "http"
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 303, "headers": [(b"location", b"/"), (b"content-length", b"0")]})
    await send({"type": "http.response.body"})
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--members", type=int, default=97)
    parser.add_argument("--records", type=int, default=1000)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        first = Path(name) / "first"
        today = datetime.now(SHANGHAI).date()
        made = sample.write(
            first / "host.git", members=told.members, records=told.records, seed=7, until=today
        )
        print(f"{os.cpu_count()} cores; {told.members} members, {told.records} records", flush=True)
        loads = {"registration without a photo": None, "registration with a photo": snapshot()}
        for what in loads:  # each begins without the other's backlog
            shutil.copytree(first, Path(name) / what)
        with serving("xueshi", first) as (port, _):
            links = Links(secret(first / SECRET), f"http://127.0.0.1:{port}")
            site = f"{links.base_url}/site/"
            wait_for(lambda: urlopen(site, timeout=5).status == 200, 300)
            follow(first, made, links, site)
        for what, picture in loads.items():
            with serving("xueshi", Path(name) / what) as (port, pid):
                links = Links(secret(Path(name) / what / SECRET), f"http://127.0.0.1:{port}")
                paths = [urlsplit(links.personal(f"m{n:04d}")).path for n in range(1, told.members + 1)]
                wait_for(lambda at=f"{links.base_url}/site/": urlopen(at, timeout=5).status == 200, 300)
                registrations(paths, (port, pid), told.seconds, picture, what)


def registrations(
    paths: list[str], ours_at: tuple[int, int], seconds: float, picture: bytes | None, what: str
) -> None:
    """Print accepted a second, the 99th percentile and processor time each, ours and the floor's (at: port and process)."""
    ours, each = asyncio.run(measured(paths, ours_at, seconds, picture))
    with tempfile.TemporaryDirectory() as name, serving("empty", Path(name)) as at:
        floor, least_each = asyncio.run(measured(paths, at, seconds, picture))
    rate, least = len(ours) / seconds, len(floor) / seconds
    size = f" ({len(picture) // 1024} KB)" if picture else ""
    print(f"{what}{size}: {rate:.0f}/s, p99 {p99(ours):.0f} ms, {each * 1000:.2f} ms of processor each; "
          f"empty handler {least:.0f}/s, p99 {p99(floor):.0f} ms, {least_each * 1000:.2f} ms each; "
          f"ratio {rate / least:.3f}, of processor {each / least_each:.1f}; load {os.getloadavg()[0]:.1f}")  # fmt: skip


async def measured(
    paths: list[str], at: tuple[int, int], seconds: float, picture: bytes | None
) -> tuple[list[float], float]:
    """What `load` gives, after a moment to warm up, and processor seconds a request."""
    port, pid = at
    await load(paths, port, seconds / 4, picture, 303)
    before = spent(pid)
    times = await load(paths, port, seconds, picture, 303)
    return times, (spent(pid) - before) / len(times)


def snapshot(width: int = 2400, height: int = 1800) -> bytes:
    """A JPEG of about 300 KB that is no easier than a photo: slopes, shapes and grain."""
    chance = random.Random(3)

    def spread(step: int) -> Image.Image:
        small = (width // step, height // step)
        noise = Image.frombytes("RGB", small, chance.randbytes(small[0] * small[1] * 3))
        return noise.resize((width, height), Image.Resampling.BICUBIC)

    image = Image.blend(Image.blend(spread(100), spread(12), 0.25), spread(3), 0.08)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=50)
    return out.getvalue()


def spent(pid: int) -> float:
    """Seconds of processor time of a process, and of those it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)] * 1000


async def load(
    paths: list[str], port: int, seconds: float, picture: bytes | None, expected: int
) -> list[float]:
    """Send from all connections until the time is over; how long each answer took."""
    times: list[float] = []
    end = time.monotonic() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.monotonic() < end:
            writer.write(request(paths[turn % len(paths)], picture))
            begun = time.monotonic()
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            if int(head.split(b" ", 2)[1]) != expected:
                raise SystemExit(f"refused: {head.decode()}")
            length = next(
                int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            times.append(time.monotonic() - begun)
            turn += CONNECTIONS
        writer.close()

    await asyncio.gather(*(one(n) for n in range(CONNECTIONS)))
    return times


def request(path: str, picture: bytes | None) -> bytes:
    """One registration, different from every other."""
    key, line = secrets.token_hex(12), "----xueshibench"
    day = datetime.now(SHANGHAI).date().isoformat()
    fields = {"start_date": day, "kind": "theme_day", "title": f"学习 {key}", "hours": "0.5", "key": key}
    parts = [
        f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    if picture:  # a JPEG may end in anything: each is a picture of its own, so that none is known already
        head = f'--{line}\r\nContent-Disposition: form-data; name="photos"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + picture + key.encode() + b"\r\n")
    parts.append(f'--{line}\r\nContent-Disposition: form-data; name="end"\r\n\r\n1\r\n'.encode())
    body = b"".join(parts) + f"--{line}--\r\n".encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary={line}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def follow(folder: Path, made: sample.Sample, links: Links, site: str) -> None:
    """Approve what waits at the desk, one at a time, and look at the member's page until it names the merge."""
    host = LocalHost(made.repo, DESK)
    took, desk = [], links.desk(made.officer)
    with httpx2.Client(
        timeout=60, headers={"Sec-Fetch-Site": "same-origin"}, follow_redirects=True
    ) as client:
        client.post(f"{desk}/confirm", data={"code": links.desk_code(made.officer)}).raise_for_status()
        for pull in [p for p in host.pulls() if p.state == "open"][:3]:
            changed = made.repo.changed(f"{pull.head}^", pull.head)
            data = made.repo.blobs([next(iter(changed.values())) or ""])
            member = next(
                line for line in b"".join(data.values()).decode().splitlines() if line.startswith("member:")
            )
            page = site + address(secret(folder / SECRET), "member", member.split(": ")[1])
            begun = time.monotonic()
            answer = client.post(f"{desk}/approve", data={"pull": f"{pull.number}:{pull.head}"})
            assert "已通过 1 条" in answer.text
            merge = host.repo.resolve(MAIN)
            wait_for(lambda page=page, merge=merge: str(merge) in read(page), 120)
            took.append(time.monotonic() - begun)
    floor = plain_mkdocs()
    print(f"merge to page: {', '.join(f'{t:.2f}' for t in took)} s; MkDocs with two empty pages {floor:.2f} s; "
          f"ratio {sorted(took)[len(took) // 2] / floor:.2f}")  # fmt: skip


def read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def plain_mkdocs() -> float:
    with tempfile.TemporaryDirectory() as name:
        docs = Path(name) / "docs"
        docs.mkdir()
        (docs / "index.md").write_text("# One\n")
        (docs / "two.md").write_text("# Two\n")
        (Path(name) / "mkdocs.yml").write_text("site_name: x\ntheme: {name: material, font: false}\n")
        begun = time.monotonic()
        subprocess.run([BIN / "mkdocs", "build", "-q"], cwd=name, check=True, capture_output=True)
        return time.monotonic() - begun


@contextmanager
def serving(what: str, folder: Path, **environ: str) -> Iterator[tuple[int, int]]:
    """A server's port and process; `environ` says more than FREE."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    if what == "empty":
        (folder / "empty.py").write_text(EMPTY)
        run = [
            str(BIN / "uvicorn"),
            "--app-dir",
            str(folder),
            "empty:app",
            "--log-level",
            "error",
            "--port",
            str(port),
        ]
    else:
        run = [str(BIN / "xueshi"), "serve", "--dir", str(folder), "--port", str(port)]
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL, env={**os.environ, **FREE, **environ})
    try:
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, 60)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError):
            if holds():
                return
        time.sleep(0.02)
    raise SystemExit("waited too long")


if __name__ == "__main__":
    main()
