"""A second program that counts hours, written from the contract alone and sharing nothing with the package.

Slow and obvious on purpose: it asks git for every tree of main and reads YAML with an ordinary reader. Run as
`python tests/oracle.py REPOSITORY DATE`, it prints JSON:
{"members": {id: {requirement: hours}}, "records": {path: {"state", "credited", "merge", "by"}}}, hours as text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import yaml

SHANGHAI = timezone(timedelta(hours=8))
COMMITTEE_FILES = re.compile(r"records/(policy|organisation|keys)\.yaml|records/[^/]+/roster\.yaml")
RECORD = re.compile(r"records/([a-z][a-z0-9-]{1,31})/\d{4}/[0-9A-Z]{26}\.yaml")


def git(repo, *args):
    return subprocess.run(["git", "-C", repo, *args], check=True, capture_output=True, text=True).stdout


def tree(repo, commit):
    """path -> blob, below records/."""
    lines = git(repo, "-c", "core.quotePath=false", "ls-tree", "-r", commit, "records/").splitlines()
    return {line.split("\t")[1]: line.split()[2] for line in lines}


def read(repo, blob):
    return yaml.safe_load(git(repo, "cat-file", "blob", blob))


def within(entry, day):
    day = day.isoformat()
    return (entry.get("from") or "") <= day and (not entry.get("until") or day < entry["until"])


def trailers(message, *names):
    return [
        line.split(": ", 1)[1]
        for line in message.splitlines()
        if line.split(": ", 1)[0] in names and ": " in line
    ]


class Main:
    """main's first-parent line up to the end of a day: (commit, parents, author e-mail, message, day, tree)."""

    def __init__(self, repo, ref, until):
        self.repo, self.steps, newest = repo, [], 0
        end = datetime(until.year, until.month, until.day, 23, 59, 59, tzinfo=SHANGHAI).timestamp()
        for commit in git(repo, "rev-list", "--first-parent", "--reverse", ref).split():
            form = "%ct%x00%P%x00%ae%x00%B"
            stamp, parents, email, message = git(repo, "show", "-s", f"--format={form}", commit).split("\0")
            newest = max(newest, int(stamp))
            if newest > end:
                break
            day = datetime.fromtimestamp(newest, SHANGHAI).date()
            self.steps.append((commit, parents.split(), email.lower(), message, day, tree(repo, commit)))

    def versions(self, mailmap):
        """Every new version of every file with its verdict, and the committee files' last approved blobs.

        `mailmap` is the newest approved organisation, by which e-mails are understood."""
        found, approved, before, baseline = {}, {}, {}, self.baseline()
        for number, (commit, parents, email, message, day, now) in enumerate(self.steps):
            standing = dict(approved)  # the roles as the first parent had them
            for path in sorted(now.keys() | before.keys()):
                blob = now.get(path)
                if blob == before.get(path):
                    continue
                trusted = number <= baseline
                by = self.decider(mailmap, email, message, day)
                valid = trusted or self.valid(path, blob, parents, by, day, standing)
                found.setdefault(path, []).append({"blob": blob, "valid": valid, "merge": commit, "by": by})
                if COMMITTEE_FILES.fullmatch(path) and valid and blob:
                    approved[path] = blob
            before = now
        return found, approved

    def baseline(self):
        """How far history is trusted: the root, or the commit that the policy names."""
        policy = self.steps[-1][5].get("records/policy.yaml")
        named = read(self.repo, policy).get("baseline") if policy else None
        return max((n for n, step in enumerate(self.steps) if step[0] == named), default=0)

    def decider(self, organisation, email, message, day):
        if any(d["email"].lower() == email and within(d, day) for d in organisation.get("desks", [])):
            said = trailers(message, "Approved-By")
            return said[0] if len(said) == 1 else None
        for reviewer in organisation.get("reviewers", []):
            if email in [e.lower() for e in reviewer.get("emails", [])]:
                return reviewer["member"]
        return None

    def valid(self, path, blob, parents, by, day, standing):
        if len(parents) != 2 or by is None:
            return False
        organisation = read(self.repo, standing["records/organisation.yaml"])
        units = {unit["id"]: unit for unit in organisation["units"]}
        record = RECORD.fullmatch(path)
        above, unit = [], record and record.group(1)
        if not record:
            above = [unit["id"] for unit in units.values() if unit["kind"] == "committee"]
        while unit in units:
            above.append(unit)
            unit = units[unit].get("parent")
        if not any(
            r["member"] == by and r["unit"] in above and within(r, day) for r in organisation["reviewers"]
        ):
            return False
        if not record:
            return True
        message = git(self.repo, "log", "--format=%B", f"{parents[0]}..{parents[1]}")
        submitters = trailers(message, "Submitted-By", "Amended-By")
        return by not in submitters and (blob is None or read(self.repo, blob)["member"] != by)


def settled(main):
    """Verdicts need the newest approved organisation, which needs verdicts: repeat until nothing changes."""
    organisation = read(main.repo, main.steps[0][5]["records/organisation.yaml"])
    while True:
        found, approved = main.versions(organisation)
        newest = read(main.repo, approved["records/organisation.yaml"])
        if newest == organisation:
            return found, approved
        organisation = newest


def fits(policy, name, member, day):
    """Does the selector `name` take in this member on this day?"""
    selector = policy["who"][name]
    period = next((p for p in member["periods"] if within(p, day)), None)
    if period is None or ("include" in selector and not fits(policy, selector["include"], member, day)):
        return False
    roles = {r["role"] for r in member["roles"] if within(r, day)}
    if "status" in selector and period["status"] not in selector["status"]:
        return False
    if "role" in selector and not roles & set(selector["role"]):
        return False
    return not roles & set(selector.get("not_role", []))


def count(repo, ref, on):
    main = Main(repo, ref, on)
    found, approved = settled(main)
    tip = main.steps[-1][5]
    policy = read(repo, approved["records/policy.yaml"])
    members = {}
    for path in sorted(approved):
        if path.endswith("/roster.yaml"):
            for entry in read(repo, approved[path])["members"]:
                known = members.setdefault(entry["id"], {"periods": [], "roles": []})
                known["periods"] += entry["periods"]
                known["roles"] += entry.get("roles", [])
    records = {}
    for path in tip:
        if RECORD.fullmatch(path):
            last = found[path][-1]
            data = read(repo, last["blob"])
            state = "unapproved" if not last["valid"] else "void" if "void" in data else "counted"
            records[path] = {**last, "data": data, "state": state, "credited": Decimal(0)}
    used = {}
    order = sorted(
        records.values(),
        key=lambda r: (r["data"]["start_date"], r["data"].get("start_time", ""), r["data"]["id"]),
    )
    for record in order:
        data = record["data"]
        counts = policy["kinds"].get(data["kind"], {}).get("counts", False)
        if record["state"] == "counted" and counts and data["start_date"] <= on.isoformat():
            record["credited"] = capped(policy, data, used)
    sums = {}
    for ident, member in members.items():
        sums[ident] = {}
        for rule in policy["requirements"]:
            if within(rule, on) and fits(policy, rule["who"], member, on):
                start, until = span(policy, rule["period"], on)
                mine = [
                    r
                    for r in order
                    if r["data"]["member"] == ident and start <= r["data"]["start_date"] < until
                ]
                sums[ident][rule["id"]] = text(sum((r["credited"] for r in mine), Decimal(0)))
    shown = {
        path: {"state": r["state"], "credited": text(r["credited"]), "merge": r["merge"], "by": r["by"]}
        for path, r in sorted(records.items())
    }
    return {"members": sums, "records": shown}


def capped(policy, data, used):
    """Hours granted day by day, from the first day of the study to its last."""
    hours = Decimal(str(data["hours"]))
    caps = [
        c
        for c in policy.get("caps", [])
        if c["per"] == "day" and within(c, date.fromisoformat(data["start_date"]))
    ]
    for cap in caps:
        granted, day = Decimal(0), date.fromisoformat(data["start_date"])
        while day.isoformat() <= data.get("end_date", data["start_date"]):
            key = (cap["id"], data["member"], day)
            part = min(hours - granted, Decimal(str(cap["max"])) - used.get(key, Decimal(0)))
            used[key] = used.get(key, Decimal(0)) + part
            granted += part
            day += timedelta(1)
        hours = granted
    return hours


def span(policy, name, on):
    period = policy["periods"][name]
    if period["type"] == "calendar_year":
        return f"{on.year}-01-01", f"{on.year + 1}-01-01"
    return period["from"], period["until"]


def text(hours):
    return f"{hours.normalize():f}"


if __name__ == "__main__":
    print(json.dumps(count(sys.argv[1], "refs/heads/main", date.fromisoformat(sys.argv[2])), indent=1))
