"""A bridge in a storm: many send at once, a real Git host fails every fifth call, and the bridge is killed again and again.

What was answered with a receipt must end as exactly one record on main, or as one returned submission."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import httpx2

sys.path.insert(0, str(Path(__file__).parent / "contract"))
import fake_gitea
import fake_github
import fake_gitlab
from fake_host import BRIDGE, REPOSITORY, Asked, FakeHost, Fault, Reply, running

from xueshi import records, sample
from xueshi.demo import free_port
from xueshi.git import Repository
from xueshi.links import Links, secret
from xueshi.model import SHANGHAI, Study
from xueshi.service import SECRET as SECRET_FILE
from xueshi.words import receipt_code

KINDS: dict[str, type[FakeHost]] = {
    "github": fake_github.FakeGitHub,
    "gitea": fake_gitea.FakeGitea,
    "gitlab": fake_gitlab.FakeGitLab,
}
SECRET = "the-secret-of-the-storms-webhooks"


@dataclass
class Storm:
    """What is asked for, and what came of it."""

    folder: Path
    kind: str
    submissions: int
    members: int
    kills: int
    seed: int
    failing: float = 0.2
    receipts: dict[str, str] = field(default_factory=dict)  # title -> member
    faults: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    killed: int = 0


def lots(chance: random.Random, failing: float) -> Iterator[bool]:
    """Whether each call fails: of every ten as many as are to fail, so that few calls are not spared by luck."""
    while True:
        yield from (n < 10 * failing for n in chance.sample(range(10), 10))


def weather(storm: Storm, fake: FakeHost) -> None:
    """Let the host fail: before it did the work, after it, or with the connection cut."""
    chance, lock = random.Random(storm.seed), threading.Lock()
    fails = lots(random.Random(storm.seed), storm.failing)

    def fault(asked: Asked) -> Fault | None:
        with lock:
            storm.calls += 1
            if not next(fails):
                return None
            done = asked.method != "GET" and chance.random() < 0.5
            kind = chance.choice(("502", "503", "cut"))
            storm.faults[f"{asked.method} {kind} {'after' if done else 'before'}"] += 1
        reply = None if kind == "cut" else Reply(int(kind), {"message": "bad gateway"})
        return Fault(asked.method, asked.path, reply, done)

    def git_fault(path: str) -> str:
        with lock:
            storm.calls += 1
            if not next(fails):
                return ""
            when = chance.choice(("before", "after"))
            storm.faults[f"git {path.rsplit('/', 1)[-1]} {when}"] += 1
            return when

    fake.fault, fake.git_fault = fault, git_fault  # type: ignore[method-assign]


class Bridge:
    """The command as an operator starts it, killed as a whole group."""

    def __init__(self, config: Path, port: int) -> None:
        command = str(Path(sys.executable).parent / "xueshi")
        self.run = [command, "serve", "--config", str(config), "--port", str(port)]
        self.url, self.log = f"http://127.0.0.1:{port}", config.parent / "bridge.log"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.run, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def answers(self) -> bool:
        with suppress(httpx2.HTTPError):
            return httpx2.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False

    def wait(self) -> None:
        end = time.monotonic() + 90
        while not self.answers():
            if (
                self.process.poll() is not None
            ):  # no clone yet and the host away: whoever supervises starts it again
                assert self.process.returncode == 2, f"the bridge ended by itself, see {self.log}"
                self.start()
            assert time.monotonic() < end, "the bridge did not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def run(storm: Storm) -> dict[str, int]:
    """Everything; returns how many submissions ended how. Raises AssertionError for one that was lost or doubled."""
    repo = sample.write(
        storm.folder / "host.git",
        members=storm.members,
        records=max(60, storm.members),
        seed=1,
        until=date(2026, 11, 24),
    ).repo
    repo.run("config", "http.receivepack", "true")
    (repo.path / "hooks" / "pre-receive").unlink(missing_ok=True)  # this host is nobody's embedded one
    for name in repo.refs("refs/heads/sub"):  # what waits in the sample is not ours
        repo.run("update-ref", "-d", name)
    fake = KINDS[storm.kind](repo)
    weather(storm, fake)
    today = datetime.now(SHANGHAI).date()
    people = [p.id for p in records.load(repo, "refs/heads/main").people().values() if p.membership(today)]
    place = storm.folder / "bridge"
    place.mkdir()
    port = free_port()
    with running(fake), signed(storm.kind):
        config = configured(storm, fake, place)
        links = Links(secret(place / SECRET_FILE), f"http://127.0.0.1:{port}")
        with reviewing(storm, fake, links.base_url):
            under_fire(storm, people, config, port, links)
        fake.fault = FakeHost.fault.__get__(fake)  # type: ignore[method-assign]  # the storm is over
        fake.git_fault = lambda path: ""
        bridge = Bridge(config, port)
        try:
            bridge.wait()
            settled(storm, fake, place, links.base_url)
        finally:
            bridge.kill()
    assert fake.complaints == []
    return verified(storm, repo, place)


def configured(storm: Storm, fake: FakeHost, place: Path) -> Path:
    config = place / "xueshi.toml"
    config.write_text(
        f'folder = "{place}"\n[host]\nkind = "{storm.kind}"\napi_url = "{fake.api}"\nweb_url = "{fake.base}"\n'
        f'repository = "{REPOSITORY}"\ntoken = "{BRIDGE}"\nhook_secret = "{SECRET}"\n'
        "[limits]\nmember_per_hour = 10000\naddress_per_minute = 100000\nguesses_per_minute = 100000\ndisk_floor_mb = 0\n"
        "[budget]\napart = 0\nper_minute = 100000\nper_hour = 1000000\n[coalescing]\ngather_seconds = 2\n"
    )
    config.chmod(0o600)
    return config


def under_fire(storm: Storm, people: list[str], config: Path, port: int, links: Links) -> None:
    """Everybody sends until each has a receipt, while the bridge is killed and started again."""
    chance, lock = random.Random(storm.seed), threading.Lock()
    todo = [(n, people[n % len(people)]) for n in range(storm.submissions)]

    def send() -> None:
        while True:
            with lock:
                if not todo:
                    return
                number, member = todo.pop()
            title = f"风暴第 {number} 次学习"
            while not sent(links, member, title):
                time.sleep(0.2)
            storm.receipts[title] = member

    threads = [threading.Thread(target=send, daemon=True) for _ in range(12)]
    bridge = Bridge(config, port)
    bridge.wait()
    for thread in threads:
        thread.start()
    while storm.killed < storm.kills or any(thread.is_alive() for thread in threads):
        time.sleep(chance.uniform(0.3, 3.0))
        if storm.killed < storm.kills:
            bridge.kill()
            storm.killed += 1
            bridge = Bridge(config, port)
            if chance.random() < 0.7:  # else it is killed while it starts
                bridge.wait()
    for thread in threads:
        thread.join()
    bridge.kill()


def sent(links: Links, member: str, title: str) -> bool:
    """Whether a receipt was given; the same form is sent again until it is. A roster may not know the member."""
    data = {"start_date": "2026-11-20", "kind": "theme_day", "title": title, "hours": "0.5", "key": title}
    try:
        answer = httpx2.post(links.personal(member), data=data, timeout=30)
    except httpx2.HTTPError:
        return False
    if answer.status_code not in (303, 503):
        raise AssertionError(f"{answer.status_code}: {answer.text[:500]}")
    return answer.status_code == 303


@contextmanager
def reviewing(storm: Storm, fake: FakeHost, base_url: str) -> Iterator[None]:
    """Somebody merges and returns on the host meanwhile, and the host tells the bridge, if it is there to hear it."""
    over = threading.Event()
    chance = random.Random(storm.seed + 1)

    def work() -> None:
        while not over.wait(0.4):
            decide(fake, chance)
            tell(fake, base_url)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def decide(fake: FakeHost, chance: random.Random, least: int = 4) -> None:
    """Decide on some of what waits: most is merged, some returned, and of a group sometimes one."""
    with fake.turn:
        waiting = [pull for pull in fake.state.pulls.values() if pull.state == "open" and pull.base == "main"]
        for pull in waiting[: max(0, len(waiting) - least)] if least else waiting:
            submissions = [
                line.split("=")[1][:26] for line in pull.body.splitlines() if "bridge:submission=" in line
            ]
            dice = chance.random()
            if dice < 0.15 and len(submissions) > 1:
                fake.state.note(pull.number, "weiceining", f"退回 {receipt_code(submissions[0])} 请补充内容")
                fake.state.close(pull.number, "weiceining")
            elif dice < 0.25:
                fake.state.note(pull.number, "weiceining", "请补充内容")
                fake.state.close(pull.number, "weiceining")
            else:
                message = f"Merge proposal {pull.head_ref.removeprefix('sub/')}\n\nPull: {pull.number}\n"
                assert fake.state.merge(pull, message, "weiceining")


@contextmanager
def signed(kind: str) -> Iterator[None]:
    """The host signs its webhooks with a secret as long as the bridge demands."""
    module = {"github": fake_github, "gitea": fake_gitea, "gitlab": fake_gitlab}[kind]
    before, module.SECRET = module.SECRET, SECRET
    try:
        yield
    finally:
        module.SECRET = before


def tell(fake: FakeHost, base_url: str) -> None:
    """One webhook, unlike every other; lost when nobody listens."""
    headers, body = fake.webhook(1)  # type: ignore[attr-defined]
    fresh = {
        n: f"storm-{time.time_ns()}" if "delivery" in n or "uuid" in n else v for n, v in headers.items()
    }
    with suppress(httpx2.HTTPError):
        httpx2.post(f"{base_url}/hooks", content=body, headers=fresh, timeout=5)


def settled(storm: Storm, fake: FakeHost, place: Path, base_url: str) -> None:
    """Until nothing is left to do; the bridge looks by itself once a minute, a webhook makes it look now."""
    chance, end = random.Random(storm.seed + 2), time.monotonic() + 120 + storm.submissions / 4
    while time.monotonic() < end:
        decide(fake, chance, least=0)
        tell(fake, base_url)
        if not states(place).keys() - {"approved", "returned"}:
            return
        time.sleep(0.5)
    raise AssertionError(f"not settled: {states(place)}")


def states(place: Path) -> Counter[str]:
    with closing(sqlite3.connect(f"file:{place / 'outbox' / 'outbox.sqlite'}?mode=ro", uri=True)) as store:
        return Counter(
            dict(store.execute("SELECT state, count(*) FROM submission GROUP BY state").fetchall())
        )


def verified(storm: Storm, repo: Repository, place: Path) -> dict[str, int]:
    """Each receipt against main and the outbox, each read for itself."""
    with closing(sqlite3.connect(place / "outbox" / "outbox.sqlite")) as store:
        kept = store.execute("SELECT id, state, payload FROM submission").fetchall()
    on_main = records.load(repo, "refs/heads/main").studies.values()
    times = Counter(study.title for study in on_main if study.title.startswith("风暴"))
    by_title: dict[str, list[str]] = {}
    for _, state, payload in kept:
        by_title.setdefault(json.loads(payload)["title"], []).append(state)
    assert by_title.keys() == storm.receipts.keys(), "a receipt without a submission, or the other way round"
    for title, found in by_title.items():
        assert found in (["approved"], ["returned"]), (title, found)
        assert times[title] == (1 if found == ["approved"] else 0), (title, found, times[title])
    members = {s.title: s.member for s in on_main if isinstance(s, Study)}
    assert all(members[title] == storm.receipts[title] for title in times)
    repo.run("fsck", "--strict", "--connectivity-only")
    return {
        "receipts": len(storm.receipts),
        "approved": sum(times.values()),
        "returned": sum(found == ["returned"] for found in by_title.values()),
        "kills": storm.killed,
        "calls": storm.calls,
        "faults": sum(storm.faults.values()),
    }
