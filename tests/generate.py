"""Random repositories: any organisation, rosters, policy and history that the contract allows, right and wrong ones.

`write(folder, seed)` makes a bare repository and returns days worth an evaluation. Nothing here knows what the figures
should be; `oracle.py` counts them. Shares nothing with the package.

Left out on purpose, because nothing says what it means: memberships that overlap, files deleted, addresses or desks
removed again, several entries of `caps` with one id that share a bucket, a pace of nothing but zeros."""

from __future__ import annotations

import random
import subprocess
import sys
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import yaml

SHANGHAI = timezone(timedelta(hours=8))
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHAIR, EVE = "chair@example.invalid", "eve@example.invalid"
DESK, OLD_DESK, BRIDGE = "desk@example.invalid", "olddesk@example.invalid", "bridge@example.invalid"
KINDS = ["lecture", "theme_day", "off_job", "teaching", "online_organised", "online_self", "self_study"]
BUCKETS = ["centralised", "online", "self", "service"]
LEVELS = ["branch", "college", "university", "county_plus"]
ROLES = ["branch_secretary", "deputy_secretary", "organisation_officer"]
TOPICS, MODES = ["charter", "history", "e5"], ["onsite", "online", "mixed"]
POLICY, ORGANISATION = "records/policy.yaml", "records/organisation.yaml"
WAYS = {
    "desk": 40, "address": 16, "granted": 7, "desk_wrong": 6, "desk_own": 5, "push": 5, "squash": 4, "forward": 4,
    "forged": 4, "stranger": 4, "octopus": 3, "desk_many": 3, "old_desk": 3, "desk_silent": 2,
    "swollen": 3,
}  # fmt: skip


class Quoting(yaml.SafeDumper):
    """Quotes whatever begins with a digit, so that no reader takes an id such as 01E5… for a number; no anchors."""

    def ignore_aliases(self, data):
        return True


def as_text(dumper, value):
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if value[:1].isdigit() else None)


Quoting.add_representer(str, as_text)


def dump(data):
    """YAML of plain data; days are written as quoted strings."""
    return yaml.dump(data, Dumper=Quoting, allow_unicode=True, sort_keys=False, width=200)


def iso(day):
    return day.isoformat()


class Stream:
    """One `git fast-import`, told commit by commit."""

    def __init__(self, folder):
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
        command = ["git", "-C", str(folder), "fast-import", "--quiet"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.mark = 0

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def data(self, text):
        self.say(f"data {len(text.encode())}\n{text}")

    def commit(self, ref, parents, email, when, message, files):
        self.mark += 1
        who = f"{email.split('@')[0]} <{email}> {when} +0800"
        self.say(f"commit {ref}\nmark :{self.mark}\nauthor {who}\ncommitter {who}")
        self.data(message)
        for number, parent in enumerate(parents):
            self.say(f"{'merge' if number else 'from'} :{parent}")
        for path, text in files.items():
            self.say(f"M 100644 inline {path}")
            self.data(text)
        return self.mark

    def reset(self, ref, mark):
        self.say(f"reset {ref}\nfrom {f':{mark}' if mark else '0' * 40}\n")

    def name(self, mark):
        self.say(f"get-mark :{mark}")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait():
            raise RuntimeError("fast-import refused the stream")


class Policy:
    """A random policy over the whole language."""

    def __init__(self, rng, units):
        self.rng, self.units = rng, units

    def chance(self, part):
        return self.rng.random() < part

    def quarter(self, low, high):
        return self.rng.randint(int(low * 4), int(high * 4)) / 4

    def some(self, values, most=3):
        return self.rng.sample(values, self.rng.randint(1, min(most, len(values))))

    def day(self, first=2024, last=2026):
        if self.chance(0.5):
            return iso(date(self.rng.randint(first, last), 1, 1))
        return iso(date(first, 1, 1) + timedelta(self.rng.randrange(365 * (last - first + 1))))

    def build(self, baseline):
        rng = self.rng
        policy = {"schema": "policy/1", "baseline": baseline, "conversion": self.conversion()}
        policy["kinds"] = {kind: self.kind(kind) for kind in [*KINDS, "volunteer"]}
        if self.chance(0.8):
            policy["crossing"] = rng.choice(
                [
                    [{"from": "2024-01-01", "mode": "split"}],
                    [{"from": "2024-01-01", "until": "2025-12-15", "mode": "start"}, {"from": "2025-12-20", "mode": "split"}],
                    [{"from": "2024-06-01", "until": self.day(2025), "mode": "split"}],
                ]
            )  # fmt: skip
        self.periods, self.who = ["year", "plan"], ["members", "ordinary", "secretaries"]
        if self.chance(0.8):
            policy["periods"] = {
                "year": {"type": "calendar_year"},
                "plan": {"type": "window", "from": "2024-01-01", "until": "2029-01-01"},
                "short": {"type": "window", "from": "2025-03-15", "until": iso(date(2026, 9, 10) + timedelta(rng.randrange(200)))},
                "quarter": {"type": "calendar_quarter"},
                "month": {"type": "calendar_month"},
                "rolling": {"type": "rolling", "months": rng.choice([1, 3, 6, 12, 18])},
                "in_post": {"type": "anchored", "anchor": "appointed", "months": rng.choice([6, 12])},
                "trial": {"type": "anchored", "anchor": "joined", "months": rng.choice([6, 12, 24])},
                "after_full": {"type": "anchored", "anchor": "full_member", "months": 12},
            }  # fmt: skip
            if self.chance(0.5):
                policy["periods"]["in_post"]["role"] = self.some(ROLES)
            self.periods = list(policy["periods"])
        if self.chance(0.8):
            policy["who"] = {
                "members": {"status": ["full", "probationary"]},
                "ordinary": {"include": "members", "not_role": self.some(ROLES)},
                "secretaries": {"include": "members", "role": self.some(ROLES)},
                "here": {"include": "members", "unit": self.some([unit["id"] for unit in self.units])},
                "firm": {"include": rng.choice(["members", "ordinary"]), "exempt": False},
                "excused": {"exempt": True},
                "early": {"include": "members", "joined_before": self.day(2021, 2026)},
                "coming": {"status": ["development_target", "activist"]},
                "new_here": {"include": "here", "status": ["probationary"]},
            }
            self.who = list(policy["who"])
        policy["requirements"] = self.requirements()
        policy["caps"] = self.caps()
        if self.chance(0.6):
            names = [r["id"] for r in policy["requirements"] if r["id"] in ("member-year", "steady")]
            policy["carry_over"] = [
                {"requirement": name, "max": self.quarter(1, 16), "from": self.day(2024, 2025)}
                for name in self.some(sorted(set(names)))
            ]
        months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        if self.chance(0.6):
            weights = {month: rng.randint(1, 14) for month in months}
            weighted = {"model": "weighted_months", "weights": weights}
            policy["pace"] = rng.choice([{"model": "linear"}, weighted])
        if self.chance(0.6):
            near, tolerance = rng.choice([0.5, 0.8, 0.9, 1]), rng.choice([0, 0.2, 0.35])
            policy["alerts"] = {"near_ratio": near, "behind_tolerance": tolerance}
            if self.chance(0.7):
                policy["alerts"]["behind_grace_days"] = rng.choice([0, 7, 30, 90, 365])
        return policy

    def conversion(self):
        entries = []
        turns = [["2024-01-01"], ["2025-06-01", "2026-01-01"], ["2024-01-01", "2026-01-01"]]
        for first in self.rng.choice(turns):
            entry = {"from": first, "minutes_per_hour": self.rng.choice([45, 60]), "hours_per_half_day": 4}
            entry["hours_per_day"] = self.rng.choice([6, 7.5, 8])
            entry |= {
                "step": self.rng.choice([0.25, 0.5, 1]),
                "rounding": self.rng.choice(["down", "nearest"]),
            }
            if self.chance(0.5):
                entry["online_table"] = [{"min_minutes": 30, "hours": 1}, {"min_minutes": 16, "hours": 0.5}]
            entries.append(entry)
        if len(entries) > 1:
            entries[0]["until"] = self.rng.choice(["2025-12-01", "2026-01-01"])
        return entries

    def kind(self, kind):
        apart = {"online_self": "self", "self_study": "self", "volunteer": "service"}
        bucket = apart.get(kind, "online" if kind == "online_organised" else "centralised")
        values = {"label": kind[:12], "bucket": bucket, "counts": kind not in apart}
        values |= self.limits(0.2)
        if kind == "off_job":
            values["needs"] = ["organiser_level"]
        if self.chance(0.3):
            changes = [{"from": day, **self.limits(0.4)} for day in sorted({self.day(2025), self.day(2025)})]
            for change in changes:
                if self.chance(0.3) or len(change) == 1:
                    other = [{"counts": self.chance(0.6)}, {"bucket": self.rng.choice(BUCKETS)}]
                    change |= self.rng.choice(other)
            values["changes"] = changes
        return values

    def limits(self, part):
        found = {
            "factor": self.rng.choice([0.5, 1.5, 2, 3]),
            "max_per_record": self.quarter(2, 12),
            "max_per_year": self.quarter(4, 30),
            "convert": self.rng.choice(["minutes", "online_table"]),
        }
        return {name: value for name, value in found.items() if self.chance(part)}

    def where(self, counts=True):
        lists = {"kind": KINDS, "bucket": BUCKETS, "topic": TOPICS, "mode": MODES, "organiser_level": LEVELS}
        found = {name: self.some(lists[name]) for name in self.some(list(lists), 2)}
        if self.chance(0.06):
            found["origin"] = ["external"]
        if counts and self.chance(0.15):
            found["counts"] = self.chance(0.4)
        return found

    def goal(self, prorate, where=0.2):
        measure = self.rng.choice(["hours", "hours", "days", "records"])
        high = {"hours": 16, "days": 2, "records": 5}[measure]
        goal = {"measure": measure, "min": self.rng.randint(1, 5) if high == 5 else self.quarter(0.5, high)}
        if prorate and self.chance(0.5):
            goal["otherwise"] = self.quarter(0.25, goal["min"])
        if self.chance(where):
            goal["where"] = self.where()
        return goal

    def requirements(self):
        rng = self.rng
        proration = {"prorate": "by_month"} if self.chance(0.7) else {}
        year = {"id": "member-year", "who": "members", "measure": "hours", "period": "year", "source": "x"}
        year |= proration
        turn = rng.choice(["2026-01-01", "2026-01-01", "2026-07-01"])
        found = [
            {**year, "min": rng.choice([4, 12, 32]), "from": "2024-01-01", "until": turn},
            {**year, "min": rng.choice([3, 10.25, 32]), "from": turn, "who": rng.choice(self.who[:2])},
        ]
        part = rng.choice([1, 0.25, 0.125])
        for who, days in (("ordinary", 20), ("secretaries", 36)):
            goals = [
                {"measure": "hours", "min": 8 * days * part},
                {"measure": "days", "min": days * part // 0.25 / 4},
            ]
            if who == "secretaries":
                goals[0]["otherwise"], goals[1]["otherwise"] = 160 * part, 20 * part
            rule = {"id": f"{who}-plan", "who": who, "any_of": goals, "period": "plan", "prorate": "by_month"}
            found.append({**rule, "from": "2024-01-01", "source": "x"})
        steady = {
            "id": "steady",
            "who": "members",
            "measure": "hours",
            "min": self.quarter(2, 10),
            "source": "x",
        }
        usable = [p for p in self.periods if p in ("year", "quarter", "month", "rolling")]
        found.append({**steady, "period": rng.choice(usable), "from": "2024-01-01"})
        for number in range(rng.randint(3, 7)):
            start, end = sorted([self.day(), self.day(2025)])
            spans = [{"from": start}]
            if self.chance(0.4) and start < end:
                spans = [{"from": start, "until": end}, {"from": rng.choice([end, max(end, "2026-03-01")])}]
            for span in spans:
                rule = {"id": f"extra-{number}", "label": "另一条", "who": rng.choice(self.who)}
                rule |= {"period": rng.choice(self.periods), "source": "x", **span}
                if self.chance(0.6):
                    rule["prorate"] = "by_month"
                if self.chance(0.4):
                    goals = [self.goal("prorate" in rule) for _ in range(rng.randint(2, 3))]
                    rule[rng.choice(["any_of", "all_of"])] = goals
                    if self.chance(0.4):
                        rule["where"] = self.where()
                else:
                    rule |= self.goal("prorate" in rule, 0.5)
                if self.chance(0.1):
                    rule["enabled"] = False
                found.append(rule)
        return found

    def caps(self):
        rng, found = self.rng, []
        spans = [p for p in self.periods if p in ("year", "plan", "short", "quarter", "month")]
        if self.chance(0.7):
            found.append({"per": "day", "max": self.quarter(4, 9), "from": "2024-01-01"})
        for _ in range(rng.randint(0, 5)):
            cap = {"per": rng.choice(["record", "day", *spans, *spans]), "from": self.day(2024, 2026)}
            if self.chance(0.7) or cap["per"] in spans:
                cap["where"] = self.where()
            if self.chance(0.4):
                cap["max_share_of"] = rng.choice(["member-year", "member-year", "ordinary-plan"])
                cap |= {"share": rng.choice([0.05, 0.1, 0.25, 0.3, 0.5, 0.75]), "per": rng.choice(spans)}
            else:
                cap["max"] = self.quarter(*((1, 8) if cap["per"] in ("record", "day") else (4, 30)))
            if self.chance(0.2):
                cap["until"] = max(self.day(2025, 2027), f"{int(cap['from'][:4]) + 1}-01-01")
            if self.chance(0.15):
                cap["enabled"] = False
            found.append(cap)
        if self.chance(0.2):
            found.append({"per": rng.choice(spans), "max": self.quarter(10, 60), "from": "2024-01-01"})
        found = [{"id": f"cap-{number}", **cap} for number, cap in enumerate(found)]
        if self.chance(0.4):  # two versions of one cap, whose buckets do not meet
            online, per = {"where": {"bucket": ["online"]}}, rng.choice(["year", "day"])
            for span in ({"from": "2024-01-01", "until": "2026-01-01"}, {"from": "2026-01-01"}):
                found.append({"id": "online", "per": per, **online, "max": self.quarter(2, 8), **span})
        rng.shuffle(found)
        return found


class World:
    """What is true, and the repository that says so (or does not)."""

    def __init__(self, folder, seed):
        self.rng, self.stream = random.Random(seed), Stream(folder)
        rng = self.rng
        begin = datetime(2025, rng.randint(1, 9), rng.randint(1, 28), 9, tzinfo=SHANGHAI)
        self.clock = int(begin.timestamp())
        self.pace = rng.choice([2, 4, 7]) * 86400
        self.marks, self.files, self.records, self.pulls, self.activities = [], {}, {}, 0, []
        self.units = self.make_units()
        self.branches = [unit["id"] for unit in self.units if unit["kind"] == "branch"]
        self.rosters = {branch: {} for branch in self.branches}  # branch -> id -> entry
        self.people = []
        for _ in range(rng.randint(7, 16)):
            self.add_person(date(rng.randint(2019, 2026), rng.randint(1, 12), rng.randint(1, 28)))
        self.favourites = rng.sample(self.people, 3)
        self.organisation = {"schema": "organisation/1", "name": "示例", "units": self.units}
        self.organisation |= {"reviewers": self.make_reviewers(), "desks": self.make_desks()}
        self.policy = Policy(rng, self.units)
        files = {POLICY: dump(self.policy.build(None)), ORGANISATION: dump(self.organisation)}
        files |= self.roster_files()
        self.on_main([], "admin@example.invalid", "Begin\n", files)

    def chance(self, part):
        return self.rng.random() < part

    # --- organisation and people ------------------------------------------------------------------------------------

    def make_units(self):
        rng = self.rng
        units = [{"id": "root", "kind": "committee", "name": "党委"}]
        if self.chance(0.15):
            units.append({"id": "side", "kind": "committee", "name": "另一党委"})
        for number in range(rng.randint(0, 2)):
            above = rng.choice(units)["id"]
            units.append({"id": f"mid{number}", "kind": "general_branch", "parent": above, "name": "总支"})
        upper = [unit["id"] for unit in units]
        for number in range(rng.randint(2, 5)):
            units.append({"id": f"zb{number}", "kind": "branch", "parent": rng.choice(upper), "name": "支部"})
        return units

    def make_reviewers(self):
        rng = self.rng
        found = [self.reviewer(self.people[0], "root", "2020-01-01", CHAIR)]
        found.append(self.reviewer(self.people[1], "root", "2020-01-01"))
        sides = [unit["id"] for unit in self.units[1:] if "parent" not in unit]
        found += [self.reviewer(self.people[0], side, "2020-01-01", CHAIR) for side in sides]
        for unit in self.units[1:]:
            for _ in range(rng.randint(0, 2)):
                member, start = rng.choice(self.people), rng.choice(["2024-06-01", "2025-09-01"])
                address = f"{member}@{rng.choice(['e', 'e', 'E'])}xample.invalid"
                found.append(self.reviewer(member, unit["id"], start, address if self.chance(0.5) else None))
                if self.chance(0.3):
                    found[-1]["until"] = rng.choice(["2025-11-01", "2026-03-01", "2026-09-01"])
        return found

    def reviewer(self, member, unit, start, address=None):
        entry = {"member": member, "unit": unit, "from": start}
        return {**entry, "emails": [address]} if address else entry

    def make_desks(self):
        desks = [{"email": DESK, "from": "2024-01-01"}, {"email": OLD_DESK, "from": "2024-01-01"}]
        desks[1]["until"] = self.rng.choice(["2025-10-01", "2026-02-01"])
        return desks

    def add_person(self, start):
        """A life: statuses one after the other, moves, a time away."""
        rng, ident = self.rng, f"m{len(self.people) + 1:04d}"
        self.people.append(ident)
        stages = rng.choice(
            [
                [("full", 0)],
                [("full", 0)],
                [("probationary", 365), ("full", 0)],
                [("probationary", 300), ("full", 0)],
                [("activist", 200), ("development_target", 150), ("probationary", 365), ("full", 0)],
                [("full", rng.randint(200, 2000)), (None, rng.randint(30, 400)), ("full", 0)],
                [("full", rng.randint(200, 2000)), ("full", 0)],
                [("full", rng.randint(200, 2200))],
            ]
        )
        branch = rng.choice(self.branches)
        for status, days in stages:
            span = {"from": iso(start), "status": status}
            if days:
                span["until"] = iso(start + timedelta(days))
            if status:
                self.entry(ident, branch)["periods"].append(span)
            start += timedelta(days)
            if self.chance(0.4):
                branch = rng.choice(self.branches)
        if self.chance(0.4):
            self.add_role(ident, date(2024, 1, 1) + timedelta(rng.randrange(900)))
        if self.chance(0.25):
            self.add_exemption(ident, date(2024, 6, 1) + timedelta(rng.randrange(800)))
        return ident

    def entry(self, ident, branch):
        name = f"王{'演样测'[int(ident[1:]) % 3]}"  # the same names again and again
        return self.rosters[branch].setdefault(ident, {"id": ident, "name": name, "periods": []})

    def homes(self, ident):
        return [branch for branch in self.branches if ident in self.rosters[branch]]

    def add_role(self, ident, day):
        branch = self.rng.choice(self.homes(ident))
        role = {"role": self.rng.choice(["branch_secretary", *ROLES]), "from": iso(day)}
        if self.chance(0.4):
            role["until"] = iso(day + timedelta(self.rng.randint(60, 500)))
        self.rosters[branch][ident].setdefault("roles", []).append(role)
        return branch

    def add_exemption(self, ident, day):
        branch = self.rng.choice(self.homes(ident))
        span = {"from": iso(day)}
        if self.chance(0.7):
            span["until"] = iso(day + timedelta(self.rng.randint(10, 500)))
        self.rosters[branch][ident].setdefault("exempt", []).append(span)
        return branch

    def roster_files(self, rosters=None):
        return {
            f"records/{branch}/roster.yaml": dump({"schema": "roster/1", "members": list(entries.values())})
            for branch, entries in (rosters or self.rosters).items()
        }

    # --- commits ----------------------------------------------------------------------------------------------------

    def now(self):
        return datetime.fromtimestamp(self.clock, SHANGHAI)

    def ulid(self):
        """Of now, in milliseconds."""
        stamp, found = self.clock * 1000 + self.rng.randrange(1000), ""
        for _ in range(10):
            stamp, digit = divmod(stamp, 32)
            found = LETTERS[digit] + found
        return found + "".join(self.rng.choices(LETTERS, k=16))

    def on_main(self, others, email, message, files):
        """A commit on main on top of the last one, by a clock that is sometimes wrong."""
        when = self.clock
        if self.chance(0.08) and self.marks:
            when += self.rng.choice([-20, -3, -1, 6]) * 86400
        parents = [*self.marks[-1:], *others]
        self.marks.append(self.stream.commit("refs/heads/main", parents, email, when, message, files))
        self.files |= files
        year = self.now().year
        self.clock += int(self.rng.expovariate(1 / self.pace))
        if self.now().year > year and self.chance(0.7):  # the small hours of a year that in UTC has not begun
            self.clock = int(datetime(year + 1, 1, 1, 3, tzinfo=SHANGHAI).timestamp())

    def propose(self, files, submitter, ids, action, amended_by=None):
        """A proposal, by two commits if it was amended; sometimes from an older main. Its mark."""
        ident, older = self.ulid(), self.chance(0.2)
        ref = f"refs/heads/sub/{ident}"
        message = f"Register {ident}\n\nSubmission-Id: {ident}\n"
        message += "".join(f"Record-Id: {record}\n" for record in ids)
        message += f"Action: {action}\nSubmitted-By: {submitter}\n"
        base = self.rng.choice(self.marks[-3:]) if older else self.marks[-1]
        listed = [address for r in self.organisation["reviewers"] for address in r.get("emails", ())]
        author = self.rng.choice(listed) if listed and self.chance(0.07) else BRIDGE
        mark = self.stream.commit(ref, [base], author, self.clock - 60, message, files)
        if amended_by:
            message = f"Amend {ident}\n\nSubmission-Id: {ident}\nAction: amend\nAmended-By: {amended_by}\n"
            mark = self.stream.commit(ref, [mark], BRIDGE, self.clock - 30, message, files)
        if self.chance(0.95):
            self.stream.reset(ref, None)
        self.pulls += 1
        self.stream.reset(f"refs/pull/{self.pulls}/head", mark)
        return mark

    def deciders(self, branch):
        """Who may decide on a branch's records, or on what is of all, as far as the truth goes."""
        parents = {unit["id"]: unit.get("parent") for unit in self.units}
        above = {unit for unit, parent in parents.items() if not parent} if branch is None else set()
        while branch:
            above.add(branch)
            branch = parents[branch]
        today = iso(self.now().date())
        reviewers = [r for r in self.organisation["reviewers"] if r["unit"] in above and r["from"] <= today]
        return [r for r in reviewers if today < r.get("until", "9999")] or self.organisation["reviewers"][:1]

    def land(self, files, submitter, branch, ids=(), action="register", way=None, own=(), amended_by=None):
        """Bring files to main in one of the ways that there are."""
        rng = self.rng
        way = way or rng.choices(list(WAYS), WAYS.values())[0]
        if way == "push":
            author = rng.choice(["admin@example.invalid", DESK, CHAIR])
            self.on_main([], author, f"Push\n\nApproved-By: {self.people[0]}\n", files)
            return
        if way == "forward":
            message = f"Register\n\nSubmission-Id: {self.ulid()}\nSubmitted-By: {submitter}\n"
            self.on_main([], BRIDGE, message, files)
            return
        proposal = self.propose(files, submitter, ids, action, amended_by)
        right = self.deciders(branch)
        others = [r for r in right if r["member"] not in own] or right
        by = rng.choice(others)
        message, author = f"Merge proposal\n\nPull: {self.pulls}\n", DESK
        if way == "address":
            listed = [r for r in others if "emails" in r] or [r for r in right if "emails" in r]
            author = rng.choice(rng.choice(listed or self.organisation["reviewers"][:1])["emails"])
        elif way == "stranger":  # perhaps somebody whose address will be listed later
            author = f"{by['member']}@example.invalid"
        else:
            wrong = rng.choice([*self.people, "nobody"])
            said = {"desk_wrong": wrong, "desk_own": rng.choice([*own, submitter]), "chair": self.people[0]}
            said = said.get(way, by["member"])
            author = {"forged": "mallory@example.invalid", "eve": EVE, "old_desk": OLD_DESK}.get(way, DESK)
            if way != "desk_silent":
                message += f"Approved-By: {said}\n"
            if way == "desk_many":
                message += f"Approved-By: {wrong}\n"
        if way == "squash":
            self.on_main([], author, message, files)
        elif way == "octopus":
            extra = self.propose({"records/README.md": f"{self.pulls}\n"}, submitter, (), "register")
            self.on_main([proposal, extra], author, message, files)
        else:
            if way == "granted" and action == "register":
                files |= {path: self.fewer(path, said) for path in files if path in self.records}
            if way == "swollen":
                files |= {path: self.more(path, said) for path in files if path in self.records}
            self.on_main([proposal], author, message, files)

    # --- what happens -----------------------------------------------------------------------------------------------

    def moment(self):
        return self.now().isoformat()

    def fewer(self, path, by):
        record = self.records[path]
        record["hours"] = max(0.25, record["hours"] - self.rng.choice([0.25, 0.5, 2]))
        record["change"] = {"action": "amend", "by": by, "at": self.moment(), "reason": "核减"}
        return dump(record)

    def more(self, path, by):
        """What a merge may not write: more hours, or another study."""
        record = self.records[path]
        record |= self.rng.choice(
            [{"hours": record["hours"] + 2}, {"topic": "other"}, {"title": "另一次学习"}]
        )
        record["change"] = {"action": "amend", "by": by, "at": self.moment(), "reason": "改"}
        return dump(record)

    def when(self, member):
        """The day of a study: lately, long ago, over a new year, still to come, or on a day that has one already."""
        today, rng = self.now().date(), self.rng
        mine = [r["start_date"] for r in self.records.values() if r["member"] == member]
        pick = rng.random()
        if mine and pick < 0.25:
            return date.fromisoformat(rng.choice(mine))
        if pick < 0.35:
            return date(rng.choice([2024, 2025, today.year]), 12, rng.randint(27, 31))
        if pick < 0.5:
            return today - timedelta(rng.randrange(600))
        return today - timedelta(rng.randint(-40, 0) if pick < 0.54 else rng.randrange(40))

    def study(self, member, kind=None, start=None, activity=None):
        rng, ident = self.rng, self.ulid()
        start = start or self.when(member)
        record = {"schema": "study/1", "id": ident, "member": member}
        record["kind"] = kind or (rng.choice([*KINDS, "volunteer"]) if self.chance(0.98) else "unheard_of")
        record |= {"title": "学习", "start_date": iso(start), "hours": rng.randint(1, 40) / 4}
        if self.chance(0.3):
            days = rng.choice([1, 1, 2, 3, 5, 40])
            record |= {"end_date": iso(start + timedelta(days)), "hours": rng.randint(4, 36 * (days + 1)) / 4}
        if self.chance(0.4):
            hour = rng.randint(8, 20)
            record |= {"start_time": f"{hour:02d}:30", "end_time": f"{hour + 2:02d}:00"}
        for name, values in (("mode", MODES), ("organiser_level", LEVELS), ("topic", TOPICS)):
            if self.chance(0.6):
                record[name] = rng.choice(values)
        if activity:
            record["activity"] = activity
        if self.chance(0.06):
            picture = {"sha256": "a" * 64, "source_sha256": "b" * 64, "bytes": 9000, "width": 800}
            record |= {"origin": "external", "evidence": [{**picture, "height": 600}]}
        record["submitted"] = {"by": member, "at": self.moment(), "via": "link", "notice": "2026-01"}
        year = datetime.fromtimestamp(self.clock, UTC).year
        homes = [
            branch
            for branch in self.homes(member)
            for span in self.rosters[branch][member]["periods"]
            if span["from"] <= iso(start) < span.get("until", "9999")
        ]
        branch = homes[0] if homes and self.chance(0.95) else rng.choice(self.branches)
        path = f"records/{branch}/{year}/{ident}.yaml"
        self.records[path] = record
        return path

    def member(self):
        known = [*self.favourites * 8, *self.people]
        return "m9999" if self.chance(0.02) else self.rng.choice(known)

    def register(self):
        """One record, or one event of several people of a branch."""
        member, activity = self.member(), None
        if self.chance(0.25):
            latest = [record["id"] for record in list(self.records.values())[-2:]]
            activity = self.rng.choice([self.ulid(), *self.activities[-3:], *latest])
            self.activities.append(activity)
        paths = [self.study(member, activity=activity)]
        branch, first = paths[0].split("/")[1], self.records[paths[0]]
        if activity and self.chance(0.6):
            for other in self.rng.sample(self.people, 3):
                path = self.study(other, first["kind"], date.fromisoformat(first["start_date"]), activity)
                if path.split("/")[1] == branch and other != member:
                    paths.append(path)
                else:
                    del self.records[path]
        self.change_records(paths, "register", member)

    def change_records(self, paths, action, submitter, way=None):
        own = [self.records[path]["member"] for path in paths]
        amender = self.rng.choice([*self.people, self.people[0]]) if self.chance(0.06) else None
        files = {path: dump(self.records[path]) for path in paths}
        ids = [self.records[path]["id"] for path in paths]
        branch = paths[0].split("/")[1]
        self.land(files, submitter, branch, ids, action, way, [*own, submitter], amender)

    def change_record(self):
        """Correct, confirm, void or restore a record that is there."""
        path = self.rng.choice(list(self.records))
        action = self.rng.choice(["correct", "correct", "confirm", "confirm", "void"])
        record = self.records[path]
        by = record["member"] if self.chance(0.7) else self.rng.choice(self.people)
        said = {"by": by, "at": self.moment(), "reason": "更正"}
        if "void" in record:
            action = "restore"
            del record["void"]
        if action == "void":
            record["void"] = said
        else:
            record["change"] = {"action": action, **said}
        if action == "correct":
            record["hours"] = self.rng.randint(1, 48) / 4
            if self.chance(0.3):
                record["kind"] = self.rng.choice(KINDS)
            if self.chance(0.3):
                record["start_date"] = iso(self.when(record["member"]))
                record.pop("end_date", None)
        self.change_records([path], action, by)

    def change_policy(self):
        baseline = self.stream.name(self.rng.choice(self.marks)) if self.chance(0.3) else None
        self.land({POLICY: dump(self.policy.build(baseline))}, self.people[0], None)

    def change_organisation(self):
        rng, reviewers, today = self.rng, self.organisation["reviewers"], iso(self.now().date())
        silent = [r for r in reviewers if "emails" not in r]
        if silent and self.chance(0.6):
            entry = rng.choice(silent)
            entry["emails"] = [f"{entry['member']}@example.invalid"]
        elif self.chance(0.5):
            unit = rng.choice(self.units)["id"]
            reviewers.append({"member": rng.choice(self.people), "unit": unit, "from": today})
        else:
            begun = [r for r in reviewers[2:] if r["member"] != self.people[0] and r["from"] < today]
            for entry in rng.sample(begun, min(1, len(begun))):
                entry["until"] = today
        way = rng.choice(["desk", "address", "stranger", None])
        self.land({ORGANISATION: dump(self.organisation)}, self.people[0], None, way=way)

    def change_roster(self):
        """Roles and exemptions come in any way; who belongs where, rightly and at once, so that nobody is in two places."""
        today, pick = self.now().date(), self.rng.random()
        ident = self.rng.choice(self.people)
        if pick < 0.6:
            add = self.add_role if pick < 0.35 else self.add_exemption
            branch = add(ident, today - timedelta(self.rng.randint(-30, 200)))
            path = f"records/{branch}/roster.yaml"
            self.land({path: self.roster_files()[path]}, self.people[0], branch)
            return
        if pick < 0.75:
            self.add_person(today - timedelta(self.rng.randint(-60, 200)))
        else:
            self.move(ident, today)
        self.land(self.roster_files(), self.people[0], None, way="chair")

    def move(self, ident, day):
        spans = [(b, s) for b in self.homes(ident) for s in self.rosters[b][ident]["periods"]]
        _, span = max(spans, key=lambda pair: pair[1]["from"])
        if "until" not in span and span["from"] < iso(day):
            span["until"] = iso(day)
            if self.chance(0.8):
                new = {"from": iso(day + timedelta(self.rng.choice([0, 0, 0, 40]))), "status": "full"}
                self.entry(ident, self.rng.choice(self.branches))["periods"].append(new)

    def vandalise(self):
        """A pushed policy, organisation or roster that nobody approved, or an approved one that nobody can read."""
        pick, baseline = self.rng.random(), self.stream.name(self.marks[-1])
        if pick < 0.3:
            policy = self.policy.build(self.rng.choice([None, baseline]))
            way = self.rng.choice(["push", "squash", "forged"])
            self.land({POLICY: dump(policy)}, self.people[2], None, way=way)
        elif pick < 0.6:
            forged = deepcopy(self.organisation)
            forged["reviewers"].append(self.reviewer(self.people[3], "root", "2020-01-01", EVE))
            way = self.rng.choice(["push", "forged"])
            self.land({ORGANISATION: dump(forged)}, self.people[3], None, way=way)
            path = self.study(self.member())
            self.change_records([path], "register", self.records[path]["member"], "eve")
        elif pick < 0.8:
            forged = deepcopy(self.rosters)
            for entries in forged.values():
                for entry in entries.values():
                    entry["exempt"] = [{"from": "2020-01-01"}]
            self.land(self.roster_files(forged), self.people[3], None, way="push")
        else:
            path = self.rng.choice([POLICY, ORGANISATION, f"records/{self.branches[0]}/roster.yaml"])
            self.land({path: "schema: [nothing\n"}, self.people[0], None, way="chair")

    def appoint_and_decide(self):
        """A reviewer who is added by the very merge that they decide."""
        member = self.rng.choice(self.people[2:])
        path = self.study(self.member())
        branch = path.split("/")[1]
        entry = self.reviewer(member, branch, "2024-01-01", f"{member}@example.invalid")
        self.organisation["reviewers"].append(entry)
        files = {path: dump(self.records[path]), ORGANISATION: dump(self.organisation)}
        proposal = self.propose(files, self.records[path]["member"], [self.records[path]["id"]], "register")
        self.on_main([proposal], DESK, f"Merge proposal\n\nApproved-By: {member}\n", files)

    def live(self):
        """All of it; the days to evaluate on."""
        rng, goal = self.rng, self.rng.randint(40, 120)
        first = self.now().date()
        happens = {
            self.register: 60, self.change_record: 14, self.change_policy: 3, self.change_organisation: 6,
            self.change_roster: 7, self.vandalise: 3, self.appoint_and_decide: 1,
        }  # fmt: skip
        while len(self.records) < goal:
            happening = self.register if not self.records else rng.choices(list(happens), happens.values())[0]
            happening()
        if self.chance(0.8):  # an open proposal, or one that nobody will decide
            path = self.study(self.member())
            record = self.records[path]
            self.propose({path: dump(record)}, record["member"], [record["id"]], "register")
        self.stream.close()
        last = self.now().date()
        middle = first + timedelta(rng.randint(1, max(1, (last - first).days)))
        later = date(last.year + 1, rng.randint(1, 12), rng.randint(1, 28))
        days = {middle, last + timedelta(rng.randint(1, 20)), rng.choice([date(last.year, 12, 31), later])}
        fourth = rng.choice([date(2025, 12, 31), date(2026, 2, 28)])
        return sorted(days | ({fourth} if fourth > first else {later}))


def write(folder: Path, seed: int) -> list[date]:
    """Make `folder` a bare repository; the days to evaluate it on."""
    return World(Path(folder), seed).live()


if __name__ == "__main__":
    print(*write(Path(sys.argv[1]), int(sys.argv[2])))
