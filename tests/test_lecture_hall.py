"""Three hundred people behind one address, and somebody who guesses among them, through a whole service as it is set up."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import anyio
import pytest
from conftest import BRIDGE, DESK, School, committee_files, person, render
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message
from test_bridge import GOOD, NOW

from xueshi.hosts.local import LocalHost
from xueshi.service import Service, embedded

HOME = "http://127.0.0.1:8765"
ADDRESS = ("testclient", 50_000)  # as TestClient says it
PEOPLE = [f"m{1000 + n}" for n in range(300)]
FAULTY = {**GOOD, "title": ""}
T, R = TypeVar("T"), TypeVar("R")


@dataclass
class Hall:
    client: TestClient
    service: Service

    def path(self, link: str) -> str:
        return link.removeprefix(HOME)

    def call(self, act: Callable[[ASGIApp, Sequence[T]], Awaitable[list[R]]], asks: Sequence[T]) -> list[R]:
        """What is answered, in the service's own loop."""
        assert self.client.portal is not None
        return self.client.portal.call(act, self.service.app, asks)

    def poster(self) -> str:
        return self.path(self.service.links.poster("jg1"))


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(made.repo)
    people = [person(member, f"党员{member}") for member in PEOPLE]
    roster = render("roster", {"schema": "roster/1", "members": [person("m0003", "韦测宁"), *people]})
    files = {**committee_files(), "records/jg1/roster.yaml": roster}
    school.to_main(school.commit((), files, "Begin\n", BRIDGE))
    service = Service(embedded(tmp_path, HOME, limits_disk_floor_mb="0"), lambda: NOW)
    with TestClient(service.app, base_url=HOME, headers={"Origin": HOME}) as client:
        yield Hall(client, service)


@dataclass(frozen=True)
class Ask:
    """A request from the same address as everybody's; `form` is what a post sends."""

    method: str
    path: str
    form: dict[str, str] | None = None


async def answered(app: ASGIApp, ask: Ask) -> tuple[int, str]:
    """The status and the page. Asked of the application itself: a client takes longer than it does."""
    body = urlencode(ask.form or {}).encode()
    status, page, sent = 0, b"", False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await anyio.sleep_forever()  # the client waits for its answer
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, page
        status = message.get("status", status)
        page += message.get("body", b"")

    headers = [(b"host", b"127.0.0.1:8765"), (b"origin", HOME.encode())]
    if ask.form is not None:
        headers.append((b"content-type", b"application/x-www-form-urlencoded"))
    scope = {
        "type": "http", "http_version": "1.1", "method": ask.method, "path": ask.path, "raw_path": ask.path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "client": ADDRESS, "server": ("127.0.0.1", 8765),
        "headers": headers,
    }  # fmt: skip
    await app(scope, receive, send)
    return status, page.decode()


async def in_turn(app: ASGIApp, asks: Sequence[Ask]) -> list[tuple[int, str]]:
    """One asks after the other."""
    return [await answered(app, ask) for ask in asks]


async def at_once(app: ASGIApp, people: Sequence[Sequence[Ask]]) -> list[list[tuple[int, str]]]:
    """Everybody asks at the same time, each for themselves one after the other."""
    found: list[list[tuple[int, str]]] = [[] for _ in people]

    async def one(number: int) -> None:
        found[number] = await in_turn(app, people[number])

    async with anyio.create_task_group() as group:
        for number in range(len(people)):
            group.start_soon(one, number)
    return found


def test_a_lecture_hall_registers_through_one_poster(hall: Hall) -> None:
    """All at the same time, some of them with a fault at first."""
    people = []
    for number, member in enumerate(PEOPLE):
        told = {"member": member, "key": f"key {member}"}
        good = Ask("POST", hall.poster(), {**GOOD, **told})
        people.append([Ask("POST", hall.poster(), {**FAULTY, **told}), good] if number % 3 == 0 else [good])
    for number, answers in enumerate(hall.call(at_once, people)):
        expected = [422, 303] if number % 3 == 0 else [303]
        assert [status for status, _ in answers] == expected, answers[-1][1]
    assert hall.service.office.outbox.counts() == {"received": 300}


def test_a_guesser_keeps_nobody_behind_the_same_address_from_registering(hall: Hall) -> None:
    begun = time.monotonic()
    asks = [Ask("POST", f"/m/wrong{n}") for n in range(5_000)]
    asks += [Ask("GET", f"/s/{n:010d}") for n in range(5_000)]
    answers = hall.call(in_turn, asks)
    passed = sum(status != 429 for status, _ in answers)
    assert len(answers) == 10_000 and passed <= 30 + (time.monotonic() - begun) / 2 + 2
    links = [hall.path(hall.service.links.personal(member)) for member in PEOPLE[:20]]
    people = [Ask("POST", link, GOOD) for link in links]
    people += [Ask("POST", hall.poster(), {**GOOD, "member": member}) for member in PEOPLE[20:40]]
    assert [status for status, _ in hall.call(in_turn, people)] == [303] * 40


def test_one_personal_link_cannot_keep_the_service_busy(hall: Hall) -> None:
    link = hall.path(hall.service.links.personal(PEOPLE[0]))
    answers = [status for status, _ in hall.call(in_turn, [Ask("POST", link, FAULTY)] * 60)]
    assert answers[:30] == [422] * 30 and answers.count(429) >= 15
    other = hall.path(hall.service.links.personal(PEOPLE[1]))
    assert hall.client.post(other, data=GOOD).status_code == 200


def test_addresses_without_a_link_are_answered(hall: Hall) -> None:
    assert "输入回执号" in hall.client.get("/s").text
    for path in ("/m", "/m/", "/b", "/desk", "/desk/", "/p", "/me/x"):
        assert hall.client.get(path).status_code == 404, path
