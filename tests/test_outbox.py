"""What was answered with a receipt is kept, once."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from xueshi import ulids
from xueshi.errors import LinkRefused, XueshiError
from xueshi.hosts.base import LONGEST_BLOCK, Budget
from xueshi.links import _AGES, Links, qr_png, qr_svg, secret
from xueshi.model import SHANGHAI
from xueshi.outbox import Batch, Busy, Gathering, Outbox, tables
from xueshi.outbox.pictures import UNNAMED
from xueshi.outbox.prepared import Prepared
from xueshi.outbox.store import Store
from xueshi.pictures import Picture
from xueshi.proposals import Sent, Told, pull_body, register

AT = datetime(2026, 11, 19, 17, 2, tzinfo=SHANGHAI)


def sent(**more: str) -> Sent:
    return Sent(
        id=ulids.new(AT), branch="jg1", member="m0012", via="link", notice="2026-01", at=AT, kind="theme_day",
        title=more.get("title", "党章专题学习"), start_date=date(2026, 11, 19), hours=Decimal("1.5"),
    )  # fmt: skip


def test_the_same_form_sent_twice_gives_the_first_receipt(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    first, changed = sent(), sent(title="改过的主题")
    assert outbox.store(first, "key", "a.yaml").sent == first
    assert outbox.store(changed, "key", "b.yaml").sent == first
    assert outbox.get(changed.id) is None
    assert Outbox(tmp_path).by_key("key") == outbox.get(first.id)


def sealed(outbox: Outbox) -> Batch:
    outbox.store(sent(), "one", "a.yaml")
    assert outbox.batches.seal(AT, Gathering(), busy=False) == 1
    return outbox.batches.due(0.0)[0]


def test_who_was_thought_dead_records_nothing(tmp_path: Path) -> None:
    batches = Outbox(tmp_path).batches
    first = sealed(Outbox(tmp_path))
    slow = batches.take(first)
    assert slow is not None and batches.take(first) is None, "it was taken since it was read"
    other = batches.take(slow)
    assert other is not None and batches.advance(other, state="pushed", commit="c" * 40)
    assert not batches.advance(slow, state="pushed", commit="d" * 40)
    held = batches.get(slow.id)
    assert held is not None and (held.state, held.commit) == ("pushed", "c" * 40)


def test_due_waits_for_its_time_and_leaves_the_parked(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.batches.retry(sealed(outbox), 100.0, "host away")
    assert outbox.batches.due(99.0) == []
    (held,) = outbox.batches.due(100.0)
    outbox.batches.park(held, "refused")
    assert (outbox.batches.due(200.0), outbox.counts()) == ([], {"parked": 1})
    assert outbox.batches.unpark(held.id) and not outbox.batches.unpark(held.id)
    assert (len(outbox.batches.due(0.0)), outbox.counts()) == (1, {"received": 1})


_KEEP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_outbox import sent
from xueshi.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(1000):
    row = outbox.store(sent(), f"key-{number}", f"{number}.yaml")
    print(row.sent.id, flush=True)
"""


def test_every_printed_receipt_survives_a_kill(tmp_path: Path) -> None:
    program = [sys.executable, "-c", _KEEP, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        receipts = [process.stdout.readline().strip() for _ in range(25)]
        os.kill(process.pid, signal.SIGKILL)
        receipts += [line.strip() for line in process.stdout if len(line) == 27]
    kept = {row.sent.id for row in Outbox(tmp_path).of_member("m0012")}
    assert len(receipts) >= 25
    assert set(receipts) <= kept


def test_a_link_opens_for_its_purpose_only() -> None:
    links = Links(b"secret", "http://127.0.0.1:8000")
    token = links.personal("m0012").rsplit("/", 1)[1]
    assert links.opened("m", token) == "m0012"
    for purpose, wrong in (("desk", token), ("m", token[:-1]), ("m", "x" + token), ("m", "")):
        with pytest.raises(LinkRefused):
            links.opened(purpose, wrong)
    with pytest.raises(LinkRefused):
        Links(b"other", "").opened("m", token)
    assert qr_svg(links.personal("m0012")).startswith("<?xml") and qr_png("x")[:4] == b"\x89PNG"


def test_a_pull_requests_body_escapes_what_people_typed() -> None:
    body = pull_body([Told(register(sent(title="<script>| # [x](y)\n一行")), "01", "ABCD-EF", "林样青")])
    assert "<script>" not in body and "\\| \\# \\[x\\]\\(y\\) 一行" in body


@pytest.mark.parametrize("many", [1, 20])
def test_a_pull_requests_body_is_never_longer_than_a_host_takes(many: int) -> None:
    one = Told(register(sent(title="长" * 60)), "01", "ABCDE-FGHIJ", "林样青", "效" * 40_000)
    body = pull_body([one] * many)
    assert len(body) < 65_000 and body.count("<!-- bridge:submission=01 -->") == many and "退回" in body
    assert ("其余的影响太长" in body) == (many > 1)


def test_a_clock_that_was_ahead_stops_nobody_once_it_is_right(tmp_path: Path) -> None:
    limits, budget, year = Outbox(tmp_path).limits, Budget(apart=3.0, per_hour=2), 365 * 86_400.0
    now = AT.timestamp()
    assert limits.spend(budget, now + year) and limits.is_new("gitea", "one", now + year)
    limits.block("gitea", now + year + 60, "429")
    assert limits.blocked(now) is None and limits.ready(budget, now) == now
    assert limits.spend(budget, now) and not limits.spend(budget, now + 1)
    limits.block("gitea", now + LONGEST_BLOCK, "429")
    assert limits.blocked(now) == (now + LONGEST_BLOCK, "429") and limits.ready(budget, now) > now + 3600


def test_what_a_clock_that_was_ahead_noted_is_gone_when_its_time_comes(tmp_path: Path) -> None:
    limits, budget, now, day = Outbox(tmp_path).limits, Budget(per_hour=1), AT.timestamp(), 86_400.0
    assert limits.spend(budget, now + day)
    limits.block("gitea", now + day + 60, "429")
    assert limits.spend(budget, now)
    assert limits.blocked(now + day) is None and limits.ready(budget, now + day) == now + day


def test_a_pass_that_began_earlier_counts_the_calls_of_a_later_one(tmp_path: Path) -> None:
    limits, budget, now = Outbox(tmp_path).limits, Budget(apart=3.0), AT.timestamp()
    assert limits.spend(budget, now + 120) and not limits.spend(budget, now)


def test_a_door_is_not_closed_for_a_year_by_a_clock_that_was_ahead(tmp_path: Path) -> None:
    doors, now, year = Outbox(tmp_path).doors, AT.timestamp(), 365 * 86_400.0
    for _ in range(5):
        assert doors.try_code("m0003", now + year)[0]
    assert doors.closed("m0003", now + year) > now + year
    assert doors.closed("m0003", now) <= now
    assert [bool(doors.try_code("m0003", now)[0]) for _ in range(6)] == [True] * 5 + [False]
    assert doors.closed("m0003", now + year) <= now + year


def test_what_another_process_holds_is_busy_and_not_broken(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match=r"正被别的程序占用.* try again later"):
            outbox.store(sent(), "key", "a.yaml")
        assert outbox.by_key("key") is None and not outbox.is_writable()
        other.execute("ROLLBACK")
    assert outbox.store(sent(), "key", "a.yaml").state == "received" and outbox.is_writable()


_FULL = """
import resource, signal, sys
from pathlib import Path
from xueshi.outbox import Outbox
folder = Path(sys.argv[1])
outbox = Outbox(folder)
print(outbox.is_writable())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
print(outbox.is_writable())
print(sorted(file.name for file in (folder / "pictures").rglob("*")))
"""


@pytest.mark.parametrize("most", [0, 32 * 1024])
def test_a_disk_that_takes_no_more_is_not_writable(tmp_path: Path, most: int) -> None:
    """No file may grow beyond `most` bytes: the database alone would still be written to with the second."""
    told = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path), str(most)], capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\n")[:3] == ["True", "False", "[]"]


def test_a_damaged_outbox_says_so(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(XueshiError, match="put it back from a backup"):
        Outbox(tmp_path)


@pytest.mark.parametrize("text", ["", "zz", "00ff"])
def test_an_empty_secret_signs_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(XueshiError, match="holds no secret"):
        secret(tmp_path / "secret")
    assert len(secret(tmp_path / "fresh")) == 32 and secret(tmp_path / "fresh") == secret(tmp_path / "fresh")
    assert (tmp_path / "fresh").stat().st_mode & 0o077 == 0


@contextlib.contextmanager
def traced(told: Callable[[str], None]) -> Iterator[None]:
    """Tell each statement as SQLite begins it, of every connection that is made meanwhile."""

    def watch(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(told)

    sa.event.listen(sa.pool.Pool, "connect", watch)
    try:
        yield
    finally:
        sa.event.remove(sa.pool.Pool, "connect", watch)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process writes to the file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def test_submissions_that_come_at_once_are_written_through_together(tmp_path: Path) -> None:
    begun, seen = threading.Event(), list[str]()

    def note(statement: str) -> None:
        seen.append(statement)
        if statement == "BEGIN IMMEDIATE":
            begun.set()

    with traced(note), ThreadPoolExecutor(6) as threads:
        outbox = Outbox(tmp_path)
        many = [(sent(), f"key-{n}", f"{n if n != 3 else 2}.yaml") for n in range(6)]
        seen.clear()
        begun.clear()
        with held(tmp_path / "outbox.sqlite"):
            first = threads.submit(outbox.store, *many[0])
            assert begun.wait(30)
            rest = [threads.submit(outbox.store, *one) for one in many[1:]]
            time.sleep(0.5)
        assert first.result(30).sent == many[0][0]
        faults = [one.exception(30) for one in rest]
    assert [isinstance(fault, sqlite3.IntegrityError) for fault in faults] in (
        [False, True, False, False, False], [False, False, True, False, False],
    ), "a row that the table does not take is nobody else's fault"  # fmt: skip
    kept = {row.sent.id for row in outbox.of_member("m0012")}
    assert kept == {many[0][0].id, *(one.result().sent.id for one in rest if one.exception() is None)}
    assert len(kept) == 5 and seen.count("COMMIT") <= 2


_TRY = Prepared(tables.attempt.insert().values(subject=sa.bindparam("subject", None), at=0.0))


def subjects(place: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(place)) as file:
        return [subject for (subject,) in file.execute("SELECT subject FROM attempt ORDER BY id")]


def test_who_was_told_that_it_is_busy_is_not_stored_later(tmp_path: Path) -> None:
    place = tmp_path / "a.sqlite"
    store = Store(place, turn=0.2)
    with ThreadPoolExecutor(1) as threads:
        with held(place):
            first = threads.submit(store.add, _TRY, {"subject": "first"})
            time.sleep(0.3)
            with pytest.raises(Busy):
                store.add(_TRY, {"subject": "second"})
        assert first.result(30)
    store.close()
    assert subjects(place) == ["first"]


def test_who_was_taken_along_waits_for_what_comes_of_it(tmp_path: Path) -> None:
    place = tmp_path / "a.sqlite"
    with (
        traced(lambda statement: time.sleep(2 if statement == "COMMIT" else 0)),
        ThreadPoolExecutor(2) as threads,
    ):
        store = Store(place, turn=1.0)
        with held(place):
            first = threads.submit(store.add, _TRY, {"subject": "first"})
            time.sleep(0.2)
            second = threads.submit(store.add, _TRY, {"subject": "second"})
            time.sleep(0.2)
        assert first.result(30) and second.result(30)
        store.close()
    assert subjects(place) == ["first", "second"]


def test_a_pictures_folder_is_made_lasting_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    outbox = Outbox(tmp_path)

    def names() -> list[str]:
        known = {path.stat().st_ino: path.name for path in tmp_path.rglob("*")}
        return [known[found] for found in synced]

    def keep(number: int) -> list[str]:
        synced.clear()
        outbox.keep_picture(Picture(b"data", f"ab{number:062}", "c" * 64, 1, 1, None), AT)
        return names()

    assert keep(1)[1:] == ["ab", "pictures"]
    assert keep(2)[1:] == ["ab"] and keep(2) == []
    shutil.rmtree(tmp_path / "pictures")
    assert keep(3)[1:] == ["ab", "pictures"]
    assert Outbox(tmp_path).keep_picture(Picture(b"x", "ab" + "f" * 62, "c" * 64, 1, 1, None), AT).bytes == 1
    assert names()[-2:] == ["ab", "pictures"], "as another process it cannot know"


def picture(number: int) -> Picture:
    return Picture(b"data %d" % number, f"{number:064}", "c" * 64, 1, 1, None)


def files(outbox: Outbox) -> list[str]:
    return sorted(file.stem.lstrip("0") for file in outbox.folder.rglob("*.webp"))


def test_pictures_of_forms_that_were_never_stored_are_deleted(tmp_path: Path) -> None:
    outbox, hour = Outbox(tmp_path), timedelta(hours=1)
    one, two, three = (outbox.keep_picture(picture(number), AT) for number in (1, 2, 3))
    outbox.store(replace(sent(), evidence=(one, two)), "key", "a.yaml")
    assert outbox.batches.seal(AT, Gathering(), busy=False) == 1
    (returned,) = outbox.batches.due(AT.timestamp())
    told = {returned.rows[0].sent.id: {"state": "returned", "decided_at": AT.isoformat()}}
    assert outbox.tidy(AT + 48 * hour) == 0 and files(outbox) == ["1", "2", "3"]
    assert outbox.batches.decide(returned, told)
    assert outbox.tidy(AT + 50 * hour) == 1 and files(outbox) == ["1", "2"], (
        "it is sent again with its pictures"
    )
    assert outbox.picture(three.sha256) is None and outbox.keep_again(three.sha256, AT) is None
    assert outbox.keep_picture(picture(3), AT + 50 * hour) == three and files(outbox) == ["1", "2", "3"]
    assert (
        outbox.tidy(AT + 90 * hour) == 0 and outbox.tidy(AT + 101 * hour) == 1 and files(outbox) == ["1", "2"]
    )


def test_a_picture_stays_as_long_as_a_form_may_know_it(tmp_path: Path) -> None:
    outbox, hour = Outbox(tmp_path), timedelta(hours=1)
    again, anew, _ = (outbox.keep_picture(picture(number), AT) for number in (1, 2, 3))
    assert outbox.keep_again(again.sha256, AT + 40 * hour) == again
    assert outbox.keep_picture(picture(2), AT + 40 * hour) == anew
    assert outbox.tidy(AT + 80 * hour) == 1 and files(outbox) == ["1", "2"]
    assert outbox.tidy(AT + 100 * hour) == 2 and files(outbox) == []
    assert timedelta(seconds=_AGES["picture"]) < UNNAMED < timedelta(seconds=_AGES["picture"], hours=2)


def test_looking_for_old_pictures_costs_little(tmp_path: Path) -> None:
    asked, hour = list[str](), timedelta(hours=1)
    with traced(asked.append):
        outbox = Outbox(tmp_path)
        kept = tuple(outbox.keep_picture(picture(number), AT) for number in range(3))
        outbox.store(replace(sent(), evidence=kept), "key", "a.yaml")

        def looks(after: float) -> int:
            asked.clear()
            assert outbox.tidy(AT + after * hour) == 0
            return sum("json_each" in one for one in asked)

        assert [looks(after) for after in (60, 60.5, 62, 200, 201.5)] == [1, 0, 0, 0, 0], (
            "named once, named for good"
        )
        assert looks(60) == 1, "the clock was ahead"


def test_a_picture_that_is_kept_while_an_old_one_like_it_is_deleted_is_there(tmp_path: Path) -> None:
    outbox, later = Outbox(tmp_path), AT + timedelta(days=3)
    outbox.keep_picture(picture(1), AT)
    reached, gone = threading.Event(), threading.Event()

    def keep() -> None:
        real = outbox._pictures._store.add

        def add(*told: Any) -> bool:
            reached.set()
            assert gone.wait(30)
            return real(*told)

        outbox._pictures._store.add = add  # type: ignore[method-assign]
        outbox.keep_picture(picture(1), later)

    with ThreadPoolExecutor(1) as threads:
        kept = threads.submit(keep)
        assert reached.wait(30)
        assert outbox.tidy(later) == 1 and files(outbox) == []
        gone.set()
        kept.result(30)
    assert files(outbox) == ["1"] and outbox.picture(picture(1).sha256) is not None
