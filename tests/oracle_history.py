"""Half of the second program: what main became, when, and which versions were approved, read from git alone.

Written from design/contract.md ("Approval") and the decisions 0001, 0002 and 0009, sharing nothing with the package. The other
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
    day: date | None = (
        None  # in Shanghai, by the times that are believed; set on main's first-parent line only
    )

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


def holders(organisation, email, day):
    """The reviewers whose address it is; of different people, those in office."""
    found = [r for r in organisation["reviewers"] if email in [one.lower() for one in r.get("emails", [])]]
    several = len({reviewer["member"] for reviewer in found}) > 1
    return [r for r in found if not several or in_force(r, day)]


def believed(stamps):
    """The running maximum without the stamps that are ahead: in no longest series that never runs back, and more than
    a day after the next stamp that is in one."""
    count = len(stamps)
    before, after = [1] * count, [1] * count
    for i in range(count):
        before[i] += max((before[j] for j in range(i) if stamps[j] <= stamps[i]), default=0)
    for i in reversed(range(count)):
        after[i] += max((after[j] for j in range(i + 1, count) if stamps[j] >= stamps[i]), default=0)
    longest = max(before, default=0)
    series = [before[i] + after[i] - 1 == longest for i in range(count)]
    found = []
    for i, stamp in enumerate(stamps):
        following = next((stamps[j] for j in range(i, count) if series[j]), stamp)
        if stamp > following + 86400:
            stamp = found[-1] if found else following
        found.append(max([stamp, *found[-1:]]))
    return found


class Walk:
    """main's first-parent line up to the end of a day."""

    def __init__(self, git, ref, on):
        self.git, self.commits, self.steps = git, git.commits(ref), []
        line, name = [], git.tip(ref)
        while name:
            line.append(self.commits[name])
            name = line[-1].parents[0] if line[-1].parents else None
        line.reverse()
        shown = believed([commit.stamp for commit in line])
        line = [
            c
            for c, stamp in zip(line, shown, strict=True)
            if datetime.fromtimestamp(stamp, SHANGHAI).date() <= on
        ]
        # What main was on a day is told by main as it was then: later commits are not asked.
        for commit, stamp in zip(line, believed([commit.stamp for commit in line]), strict=True):
            commit.day = datetime.fromtimestamp(stamp, SHANGHAI).date()
            self.steps.append((commit, self.tree(commit.name)))

    def tree(self, name):
        return self.git.files(f"{name}:records", "records")

    def judge(self, mailmap, baseline):
        """(newest version of every file, last approved blob of every committee file), when e-mails and desks are
        understood by the organisation `mailmap` and the first `baseline` + 1 commits are trusted."""
        last, approved, before, versions = {}, {}, {}, {}
        for number, (commit, now) in enumerate(self.steps):
            by = self.decider(mailmap, commit)
            roles = self.git.yaml(approved[ORGANISATION]) if ORGANISATION in approved else None
            for path, blob in now.items():
                if blob == before.get(path):
                    continue
                known = versions.setdefault(path, [])
                reason = ""
                if number > baseline:
                    reason = self.refusal(path, blob, commit, by, roles, mailmap, known)
                known.append((blob, reason))
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
        return next((reviewer["member"] for reviewer in holders(mailmap, commit.email, commit.day)), None)

    def refusal(self, path, blob, commit, by, roles, mailmap, known):
        """Why this version is not approved, empty if it is. `roles`: the organisation at the first parent; `known`: the
        versions before this one, (blob, reason) each."""
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
        if not record:
            return ""
        merged, second = self.git.yaml(blob), commit.parents[1]
        brought = self.tree(second).get(path)
        claimed = self.git.yaml(brought) if brought else None
        senders = self.submitters(*commit.parents, mailmap, commit.day) + self.actors(claimed, known)
        if by in [merged["member"], *senders]:
            return "own-record"
        stood = self.tree(self.base(*commit.parents)).get(path)
        if brought is None or brought == stood or not (brought == blob or self.granted(claimed, merged, by)):
            return "edited-in-merge"
        return ""

    def granted(self, claimed, merged, by):
        change = merged.get("change") or {}
        same = {**claimed, "hours": 0, "change": 0} == {**merged, "hours": 0, "change": 0}
        fewer = merged["hours"] < claimed["hours"]
        return same and fewer and (change.get("action"), change.get("by")) == ("amend", by)

    def actors(self, claimed, known):
        """Whom the file as proposed names for what is new in it."""
        if claimed is None:
            return []
        old = self.git.yaml(known[-1][0]) if known else {}
        acts = [claimed.get(name) for name in ("change", "void") if claimed.get(name) != old.get(name)]
        if all(reason for _, reason in known):
            acts.append(claimed["submitted"])
        return [act["by"] for act in acts if act]

    def submitters(self, first, second, mailmap, day):
        found, known = [], self.ancestors(first)
        for name in self.ancestors(second) - known:
            commit = self.commits[name]
            found += commit.trailers("Submitted-By", "Amended-By")
            if len(commit.parents) < 2:
                found += [r["member"] for r in holders(mailmap, commit.email, day)]
        return found

    def base(self, first, second):
        """The newest commit that both have."""
        return max(self.ancestors(first) & self.ancestors(second), key=lambda name: len(self.ancestors(name)))

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
