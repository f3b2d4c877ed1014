"""Half of the second program: what main became, when, and which versions were approved, read from git alone.

Written from design/contract.md ("Approval") and the decisions 0001 and 0002, sharing nothing with the package. The other
half, `oracle.py`, makes figures of it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import yaml

SHANGHAI = timezone(timedelta(hours=8))
POLICY, ORGANISATION = "records/policy.yaml", "records/organisation.yaml"
ROSTER = re.compile(r"records/([a-z][a-z0-9-]{1,31})/roster\.yaml")
RECORD = re.compile(r"records/([a-z][a-z0-9-]{1,31})/\d{4}/[0-9A-Z]{26}\.yaml")
DATES = {"from", "until", "start_date", "end_date", "joined_before"}


@dataclass
class Commit:
    name: str
    parents: list[str]
    stamp: int
    email: str  # the author's, in small letters
    message: str
    day: date | None = None  # in Shanghai, by the running maximum; set on main's first-parent line only

    def trailers(self, *names):
        found = []
        for line in self.message.splitlines():
            name, colon, value = line.partition(": ")
            if colon and name in names:
                found.append(value.strip())
        return found


@dataclass
class Version:
    """A new content of a file on main."""

    merge: str
    blob: str
    by: str | None  # who decided, as far as it can be told
    reason: str  # why it is not approved; empty when it is


@dataclass
class History:
    last: dict[str, Version]  # by path: the newest version of each record that main has
    contents: dict[str, dict]  # by path: that record
    approved: dict[str, dict]  # by path: the last approved version of each committee file


class Git:
    def __init__(self, repo):
        self.repo, self.known, self.parsed = repo, {}, {}
        self.process = subprocess.Popen(
            ["git", "-C", repo, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def object(self, name):
        """The bytes of an object, or None when there is none of this name."""
        if name not in self.known:
            self.process.stdin.write(name.encode() + b"\n")
            self.process.stdin.flush()
            header = self.process.stdout.readline().split()
            self.known[name] = None
            if header[-1] != b"missing":
                self.known[name] = self.process.stdout.read(int(header[-1]) + 1)[:-1]
        return self.known[name]

    def files(self, tree, folder):
        """path -> blob of everything below a tree."""
        rest, found = self.object(tree) or b"", {}
        while rest:
            mode_and_name, rest = rest.split(b"\0", 1)
            mode, name = mode_and_name.decode().split(" ", 1)
            child, rest = rest[:20].hex(), rest[20:]
            if mode == "40000":
                found |= self.files(child, f"{folder}/{name}")
            else:
                found[f"{folder}/{name}"] = child
        return found

    def yaml(self, blob):
        """What a file says, None when it cannot be parsed. Dates become dates, quoted or not."""
        if blob not in self.parsed:
            try:
                data = yaml.safe_load(self.object(blob).decode())
            except (yaml.YAMLError, UnicodeDecodeError):
                data = None
            self.parsed[blob] = with_dates(data) if isinstance(data, dict) else None
        return self.parsed[blob]

    def commits(self, ref):
        """Everything that can be reached from ref, by name."""
        form = "--format=%H%x01%P%x01%ct%x01%ae%x01%B"
        done = subprocess.run(
            ["git", "-C", self.repo, "log", "-z", form, ref], check=True, capture_output=True
        )
        found = {}
        for entry in done.stdout.decode(errors="replace").split("\0")[:-1]:
            name, parents, stamp, email, message = entry.split("\1", 4)
            found[name] = Commit(name, parents.split(), int(stamp), email.lower(), message)
        return found

    def tip(self, ref):
        done = subprocess.run(
            ["git", "-C", self.repo, "rev-parse", ref], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def with_dates(data):
    if isinstance(data, list):
        return [with_dates(item) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: date.fromisoformat(str(value)) if key in DATES and value is not None else with_dates(value)
        for key, value in data.items()
    }


def in_force(entry, day):
    return (entry.get("from") or date.min) <= day and (not entry.get("until") or day < entry["until"])


def lineage(organisation, unit):
    """A unit and what lies above it, upwards."""
    units, found = {unit["id"]: unit for unit in organisation["units"]}, []
    while unit in units and unit not in found:
        found.append(unit)
        unit = units[unit].get("parent")
    return found


class Walk:
    """main's first-parent line up to the end of a day."""

    def __init__(self, git, ref, on):
        self.git, self.commits, self.steps = git, git.commits(ref), []
        line, name = [], git.tip(ref)
        while name:
            line.append(self.commits[name])
            name = line[-1].parents[0] if line[-1].parents else None
        newest = 0
        for commit in reversed(line):
            newest = max(newest, commit.stamp)
            commit.day = datetime.fromtimestamp(newest, SHANGHAI).date()
            if commit.day > on:
                break
            self.steps.append((commit, git.files(f"{commit.name}:records", "records")))

    def judge(self, mailmap, baseline):
        """(newest version of every file, last approved blob of every committee file), when e-mails and desks are
        understood by the organisation `mailmap` and the first `baseline` + 1 commits are trusted."""
        last, approved, before = {}, {}, {}
        for number, (commit, now) in enumerate(self.steps):
            by = self.decider(mailmap, commit)
            roles = self.git.yaml(approved[ORGANISATION]) if ORGANISATION in approved else None
            for path, blob in now.items():
                if blob == before.get(path):
                    continue
                reason = "" if number <= baseline else self.refusal(path, blob, commit, by, roles)
                decider = None if number <= baseline or reason == "direct-push" else by
                last[path] = Version(commit.name, blob, decider, reason)
                if not RECORD.fullmatch(path) and not reason and self.git.yaml(blob) is not None:
                    approved[path] = blob
            before = now
        return last, approved

    def decider(self, mailmap, commit):
        desks = [d for d in mailmap.get("desks", []) if d["email"].lower() == commit.email]
        if any(in_force(desk, commit.day) for desk in desks):
            said = commit.trailers("Approved-By")
            return said[0] if len(said) == 1 else None
        for reviewer in mailmap["reviewers"]:
            if commit.email in [email.lower() for email in reviewer.get("emails", [])]:
                return reviewer["member"]
        return None

    def refusal(self, path, blob, commit, by, roles):
        """Why this version is not approved, empty if it is. `roles`: the organisation at the first parent."""
        if len(commit.parents) != 2:
            return "direct-push"
        if by is None:
            return "unknown-decider"
        record, roster = RECORD.fullmatch(path), ROSTER.fullmatch(path)
        if record:
            deciding = lineage(roles, record.group(1))
        elif roster:
            deciding = lineage(roles, roster.group(1))[1:]
        else:
            deciding = [unit["id"] for unit in roles["units"] if not unit.get("parent")]
        held = {r["unit"] for r in roles["reviewers"] if r["member"] == by and in_force(r, commit.day)}
        if not held & set(deciding):
            return "not-reviewer"
        if record and by in [self.git.yaml(blob)["member"], *self.submitters(*commit.parents)]:
            return "own-record"
        return ""

    def submitters(self, first, second):
        found, known = [], self.ancestors(first)
        for name in self.ancestors(second) - known:
            found += self.commits[name].trailers("Submitted-By", "Amended-By")
        return found

    def ancestors(self, name):
        found, open_ends = set(), [name]
        while open_ends:
            name = open_ends.pop()
            if name not in found:
                found.add(name)
                open_ends += self.commits[name].parents
        return found


def read(repo, ref, on):
    """The history of main up to the end of `on`; None when there was nothing yet.

    Addresses, desks and the baseline are those of the newest approved files, which needs verdicts, which need them:
    begin with those of the root commit and repeat until nothing changes."""
    git = Git(repo)
    try:
        walk = Walk(git, ref, on)
        if not walk.steps:
            return None
        blob, baseline, seen = walk.steps[0][1][ORGANISATION], 0, set()
        while (blob, baseline) not in seen:
            seen.add((blob, baseline))
            last, approved = walk.judge(git.yaml(blob), baseline)
            named = git.yaml(approved[POLICY]).get("baseline")
            trusted = [n for n, (commit, _) in enumerate(walk.steps) if commit.name == named]
            newest = (approved[ORGANISATION], max(trusted, default=0))
            if newest == (blob, baseline):
                break
            blob, baseline = newest
        else:
            raise RuntimeError("never settles: what is approved takes away what it was approved by")
        present = [path for path in walk.steps[-1][1] if RECORD.fullmatch(path)]
        return History(
            {path: last[path] for path in present},
            {path: git.yaml(last[path].blob) for path in present},
            {path: git.yaml(blob) for path, blob in approved.items() if path.endswith(".yaml")},
        )
    finally:
        git.close()
