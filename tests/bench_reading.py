"""Reading a repository and making its reports: CPU seconds, ours and git's, beside one `git log` over the same history.

`scripts/bench reading [--records M …]`: 25 records a member; several sizes show how the work grows."""

from __future__ import annotations

import argparse
import gc
import resource
import tempfile
from collections import deque
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from xueshi import sample, sources
from xueshi.git import Repository
from xueshi.reports import data
from xueshi.reports.contents import reports
from xueshi.reports.overview import overview

ON = date(2026, 11, 24)
T = TypeVar("T")


def used() -> float:
    """CPU seconds of this process and of the git processes that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def timed(what: str, act: Callable[[], T], records: int, floor: float | None = None) -> tuple[T, float]:
    begun = used()
    found = act()
    took = used() - begun
    beside = f", {took / floor:.1f} times git log" if floor else ""
    print(f"  {what}: {took:.2f} s, {took / records * 1000:.2f} ms a record{beside}", flush=True)
    return found, took


def one(folder: Path, records: int) -> None:
    members = max(records // 25, 20)
    sample.write(folder, members=members, records=records, seed=7, until=ON)
    repo = Repository(folder)
    commit = repo.resolve("main")
    assert commit is not None
    print(f"{records} records, {members} members")
    log = ("log", "--first-parent", "-m", "--raw", "--no-abbrev", "-z", "--no-renames", commit)
    floor = timed("git log of every merge", lambda: repo.run(*log), records)[1]
    read = lambda: sources.read(repo, commit, ON, histories=True, judged=True)  # noqa: E731
    source, _ = timed("read, nothing cached", read, records, floor)
    source, _ = timed("read again, as after a merge", read, records, floor)
    timed("overview", lambda: overview(source), records, floor)
    timed("every report", lambda: deque(reports(source), maxlen=0), records, floor)
    told = [("committee" if unit.kind != "branch" else "branch", unit.id) for unit in source.units()]
    told += [("member", ident) for ident in source.people]
    timed("every report's JSON", lambda: [data.as_file(data.report_data(source, *t)) for t in told], records, floor)  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  at most {peak} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, nargs="+", default=[3_000, 10_000])
    told = parser.parse_args()
    gc.set_threshold(100_000)  # as the command does
    with tempfile.TemporaryDirectory() as name:
        for records in told.records:
            one(Path(name) / f"{records}.git", records)


if __name__ == "__main__":
    main()
