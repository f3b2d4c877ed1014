"""The long form of the storm: `scripts/bench storm [--kind gitea|github|gitlab] [--submissions N] [--kills K]`."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from storm import KINDS, Storm, run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=sorted(KINDS), default="gitea")
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261126)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        storm = Storm(Path(name), told.kind, told.submissions, told.members, told.kills, told.seed)
        begun = time.monotonic()
        found = run(storm)
    print(f"{told.kind}: {found}, in {time.monotonic() - begun:.0f} s")
    for fault, times in sorted(storm.faults.items()):
        print(f"  {times:5d}  {fault}")


if __name__ == "__main__":
    main()
