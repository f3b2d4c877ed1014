"""Three hundred people behind one address, and somebody who guesses among them, through a whole service as it is set up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass
class Hall:
    client: TestClient
    service: Service

    def path(self, link: str) -> str:
        return link.removeprefix(HOME)

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


async def guessed(app: ASGIApp, asked: Sequence[tuple[str, str]]) -> list[int]:
    """The statuses of requests without a body, from the same address as everybody's; without a client they are quick."""
    found: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    for method, path in asked:
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "client": ADDRESS, "server": ("127.0.0.1", 8765),
            "headers": [(b"host", b"127.0.0.1:8765"), (b"origin", HOME.encode())],
        }  # fmt: skip
        await app(scope, receive, send)
    return found


def test_a_lecture_hall_registers_through_one_poster(hall: Hall) -> None:
    """Some of them with a fault at first."""
    for number, member in enumerate(PEOPLE):
        told = {"member": member, "key": f"key {member}"}
        if number % 3 == 0:
            assert hall.client.post(hall.poster(), data={**FAULTY, **told}).status_code == 422
        answer = hall.client.post(hall.poster(), data={**GOOD, **told}, follow_redirects=False)
        assert answer.status_code == 303, answer.text
    assert hall.service.office.outbox.counts() == {"received": 300}


def test_a_guesser_keeps_nobody_behind_the_same_address_from_registering(hall: Hall) -> None:
    begun = time.monotonic()
    asked = [("POST", f"/m/wrong{n}") for n in range(5_000)] + [("GET", f"/s/{n:010d}") for n in range(5_000)]
    answers = hall.client.portal.call(guessed, hall.service.app, asked) if hall.client.portal else []
    passed = sum(answer != 429 for answer in answers)
    assert len(answers) == 10_000 and passed <= 30 + (time.monotonic() - begun) / 2 + 2
    for member in PEOPLE[:20]:
        link = hall.path(hall.service.links.personal(member))
        assert hall.client.post(link, data=GOOD, follow_redirects=False).status_code == 303
    for member in PEOPLE[20:40]:
        told = {**GOOD, "member": member}
        assert hall.client.post(hall.poster(), data=told, follow_redirects=False).status_code == 303


def test_one_personal_link_cannot_keep_the_service_busy(hall: Hall) -> None:
    link = hall.path(hall.service.links.personal(PEOPLE[0]))
    answers = [hall.client.post(link, data=FAULTY).status_code for _ in range(60)]
    assert answers[:30] == [422] * 30 and answers.count(429) >= 15
    other = hall.path(hall.service.links.personal(PEOPLE[1]))
    assert hall.client.post(other, data=GOOD).status_code == 200
