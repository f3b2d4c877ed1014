"""The bridge is killed while it works; what was answered with a receipt becomes exactly one pull request."""

from __future__ import annotations

import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import httpx2
from conftest import DESK, FOUND
from test_pictures import photo

from xueshi import records, sample
from xueshi.git import Repository
from xueshi.hosts.local import LocalHost
from xueshi.links import Links, secret
from xueshi.service import SECRET

ROUNDS, SENDS, SEED = 14, 6, 20261124


class Bridge:
    """One process that serves an installation; killed as a whole group."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.links = Links(secret(folder / SECRET), f"http://127.0.0.1:{self.port}")
        run = [
            str(Path(sys.executable).parent / "xueshi"),
            "serve",
            "--dir",
            str(folder),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(run, stdout=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(httpx2.HTTPError):
                if httpx2.get(self.links.personal("m0001"), timeout=5).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("the bridge did not answer")

    def send(self, member: str, title: str, photo: bytes | None) -> bool:
        """Whether a receipt was given."""
        data = {
            "start_date": "2026-11-20",
            "kind": "theme_day",
            "title": title,
            "hours": "0.5",
            "key": title,
            "end": "1",
        }
        files = {"photos": ("x.jpg", photo, "image/jpeg")} if photo else None
        try:
            answer = httpx2.post(self.links.personal(member), data=data, files=files, timeout=20)
        except httpx2.HTTPError:
            return False
        assert answer.status_code == 303, answer.text
        return True

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def read_all(folder: Path, pattern: str) -> dict[str, str]:
    """Refs as git has them at this moment: name -> id; a lock may be there and gone again."""
    found = {}
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if path.suffix != ".lock":
                found[str(path.relative_to(folder))] = path.read_text()
    return found


def steps(folder: Path) -> Counter[str]:
    """How far each submission has come, as the disks of bridge and host have it: stored, sealed, begun (its batch has
    a base), pushed (the host has its ref), opened (the host has its pull request), proposed (the outbox knows that)."""
    with closing(sqlite3.connect(folder / "outbox" / "outbox.sqlite")) as store:
        rows = store.execute(
            "SELECT batch.id, batch.state, batch.base FROM submission LEFT JOIN batch ON batch.id = submission.batch"
        ).fetchall()
    pushed = read_all(folder / "host.git/refs/heads/sub", "*")
    heads = set(read_all(folder / "host.git/refs/pull", "*/head").values())
    found: Counter[str] = Counter()
    for batch, state, base in rows:
        if batch is None:
            found["stored"] += 1
        elif state == "proposed":
            found["proposed"] += 1
        elif batch in pushed:
            found["opened" if pushed[batch] in heads else "pushed"] += 1
        else:
            found["begun" if base else "sealed"] += 1
    return found


def test_every_receipt_becomes_exactly_one_pull_request(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    made = sample.write(tmp_path / "host.git", members=12, records=60, seed=1, until=date(2026, 11, 24))
    chance, receipts, where = random.Random(SEED), set[str](), Counter[str]()
    members = [f"m{n:04d}" for n in range(1, 9)]
    picture = photo()
    number = 0
    while number < ROUNDS or (not {"begun", "pushed"} <= where.keys() and number < 3 * ROUNDS):
        bridge = Bridge(tmp_path)
        titles = [f"第 {number} 轮第 {n} 次" for n in range(SENDS)]
        first = threading.Event()

        def send(title: str, member: str, bridge: Bridge = bridge, first: threading.Event = first) -> None:
            if bridge.send(member, title, picture):
                receipts.add(title)
                first.set()

        threads = [threading.Thread(target=send, args=(t, chance.choice(members))) for t in titles]
        for thread in threads:
            thread.start()
        try:
            assert first.wait(20)
            if number % 2:
                time.sleep(chance.uniform(0, 0.8))
            else:  # aimed at a submission between two steps
                aim = ("begun", "pushed", "opened")[number // 2 % 3]
                end = time.monotonic() + 3
                while aim not in steps(tmp_path) and time.monotonic() < end:
                    pass
        finally:
            bridge.kill()
        for thread in threads:
            thread.join()
        where += steps(tmp_path)
        number += 1

    bridge = Bridge(tmp_path)
    try:
        end = time.monotonic() + 60
        while set(steps(tmp_path)) - {"proposed"} and time.monotonic() < end:
            time.sleep(0.2)
    finally:
        bridge.kill()
    host = LocalHost(made.repo, DESK)
    pulls = Counter(
        title for pull in host.pulls() for title in receipts if f" {title} " in f"{pull.title}\n{pull.body}"
    )
    assert set(steps(tmp_path)) == {"proposed"}
    assert pulls == Counter(receipts)
    proposed = [s.title for p in records.load_proposals(made.repo, "refs/heads/main") for s in p.studies]
    assert {title: proposed.count(title) for title in receipts} == dict.fromkeys(receipts, 1)
    numbers = [pull.number for pull in host.pulls()]
    assert len(numbers) == len(set(numbers))
    Repository(made.repo.path).run("fsck", "--strict", "--connectivity-only")  # raises what git finds
    record_property(
        FOUND,
        f"killed {number} times (seed {SEED}), {len(receipts)} receipts, each one pull request; "
        f"submissions at the kills: {dict(where)}",
    )
    assert {"begun", "pushed"} <= where.keys(), "no kill hit a delivery between two steps"
