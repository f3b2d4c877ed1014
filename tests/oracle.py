"""A second program that counts hours, written from docs/rules.md and the contract, sharing nothing with the package.

Slow and obvious on purpose: ordinary YAML, fractions, day by day. Run as `python tests/oracle.py REPOSITORY DATE`, it
prints what `count` returns: of each member the standing in every requirement that applies and the hours by year, of each
record state and worth, and the sums of branches and units by year. Numbers are decimal text.

Where docs/rules.md leaves something open, a comment that begins with "Chosen:" says what is done here."""

from __future__ import annotations

import calendar
import json
import math
import sys
from datetime import date, timedelta
from fractions import Fraction

import oracle_history
from oracle_history import ORGANISATION, POLICY, ROSTER, in_force, lineage

DAY = timedelta(1)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
CALENDAR_YEAR = {"type": "calendar_year"}
LISTS = ["kind", "bucket", "topic", "mode", "organiser_level", "origin"]
DEFAULTS = {
    "crossing": [],
    "caps": [],
    "carry_over": [],
    "pace": {"model": "linear"},
    "alerts": {"near_ratio": 0.8, "behind_tolerance": 0.2},
    "periods": {
        "year": CALENDAR_YEAR,
        "plan": {"type": "window", "from": date(2024, 1, 1), "until": date(2029, 1, 1)},
    },
    "who": {
        "members": {"status": ["full", "probationary"]},
        "ordinary": {"include": "members", "not_role": ["branch_secretary"]},
        "secretaries": {"include": "members", "role": ["branch_secretary"]},
    },
}


def number(value):
    return Fraction(str(value))


def down(value, places):
    return Fraction(math.floor(value * 10**places), 10**places)


def up(value, places):
    return Fraction(math.ceil(value * 10**places), 10**places)


def text(value):
    """The shortest decimal text; all that is shown has one, because what is not a decimal was rounded."""
    places = next(n for n in range(40) if (value * 10**n).denominator == 1)
    digits = f"{int(abs(value) * 10**places):0{places + 1}d}"
    whole, rest = digits[: len(digits) - places], digits[len(digits) - places :]
    return ("-" if value < 0 else "") + whole + ("." + rest if rest else "")


def add_months(day, months):
    """The same day so many months on, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def days_of(first, after):
    return [first + DAY * n for n in range((after - first).days)]


def conversion(policy, day):
    """The conversion in force on a day, or the latest that began before, or the first."""
    entries = sorted(policy["conversion"], key=lambda entry: entry["from"])
    begun = [entry for entry in entries if entry["from"] <= day]
    standing = [entry for entry in begun if in_force(entry, day)]
    return (standing or begun or entries[:1])[-1]


def kind_values(policy, kind, day):
    """What holds for a kind on a day, None for a kind that the policy does not know."""
    if kind not in policy["kinds"]:
        return None
    values = dict(policy["kinds"][kind])
    for change in values.get("changes", []):
        if change["from"] <= day:
            values |= change
    return values


def hours_of(policy, kind, minutes, day):
    """Hours of so many minutes of study of a kind on a day (records say their hours themselves)."""
    entry, minutes = conversion(policy, day), Fraction(minutes)
    if kind_values(policy, kind, day).get("convert") == "online_table":
        for row in sorted(entry.get("online_table", []), key=lambda row: -row["min_minutes"]):
            if row["min_minutes"] <= minutes:
                return number(row["hours"])
        return Fraction(0)
    steps = minutes / number(entry["minutes_per_hour"]) / number(entry["step"])
    if entry["rounding"] == "nearest":
        steps += Fraction(1, 2)
    return math.floor(steps) * number(entry["step"])


class Person:
    def __init__(self):
        self.memberships, self.roles, self.exemptions = [], [], []

    def exempt(self, day):
        return any(in_force(entry, day) for entry in self.exemptions)

    def anchor(self, period, day):
        """The date from which an anchored period runs for this person, None if there is none."""
        spans = sorted(self.memberships, key=lambda span: span["from"])
        if period["anchor"] == "joined":
            starts = [s["from"] for s in spans if s["status"] in ("full", "probationary")]
            return starts[0] if starts else None
        if period["anchor"] == "full_member":
            trial = [s["from"] for s in spans if s["status"] == "probationary"]
            starts = [s["from"] for s in spans if trial and s["status"] == "full" and s["from"] > trial[0]]
            return starts[0] if starts else None
        wanted = period.get("role", ["branch_secretary"])
        starts = [r["from"] for r in self.roles if r["role"] in wanted and r["from"] <= day]
        return max(starts, default=None)


class Record:
    def __init__(self, path, data, version, policy, on):
        self.id, self.data, self.version = data["id"], data, version
        self.branch, self.member = path.split("/")[1], data["member"]
        self.start, self.end = data["start_date"], data.get("end_date") or data["start_date"]
        self.state = "unapproved" if version.reason else "void" if "void" in data else "counted"
        self.kind = kind_values(policy, data["kind"], self.start)
        self.of_worth = self.state == "counted" and self.kind is not None and self.start <= on
        self.parts = []  # (counting date, hours) of what was taken
        self.hours_per_day = number(conversion(policy, self.start)["hours_per_day"])
        self.split = any(
            entry["mode"] == "split" and in_force(entry, self.start) for entry in policy["crossing"]
        )

    def counting_date(self, day):
        return day if self.split else self.start

    def taken(self):
        return sum((hours for _, hours in self.parts), Fraction(0))

    def credited(self):
        return self.taken() if self.kind and self.kind["counts"] else Fraction(0)

    def apart(self):
        return self.taken() - self.credited()

    def matches(self, where):
        values = {**self.data, "bucket": self.kind["bucket"]}
        if "counts" in where and where["counts"] != self.kind["counts"]:
            return False
        return all(values.get(name) in where[name] for name in LISTS if name in where)


class Book:
    """All figures of one day."""

    def __init__(self, history, on):
        self.on, self.remembered, self.used = on, {}, {}
        self.policy = {**DEFAULTS, **history.approved[POLICY]}
        self.organisation = history.approved[ORGANISATION]
        self.people = {}
        for path, roster in sorted(history.approved.items()):
            if ROSTER.fullmatch(path):
                for entry in roster["members"]:
                    person = self.people.setdefault(entry["id"], Person())
                    branch = path.split("/")[1]
                    person.memberships += [{**span, "branch": branch} for span in entry["periods"]]
                    person.roles += entry.get("roles", [])
                    person.exemptions += entry.get("exempt", [])
        self.records = {
            path: Record(path, data, history.last[path], self.policy, on)
            for path, data in sorted(history.contents.items())
        }
        worth = [record for record in self.records.values() if record.of_worth]
        for record in sorted(worth, key=self.turn):
            self.fill(record)

    # --- caps -------------------------------------------------------------------------------------------------------

    def caps_on(self, record):
        """(key, cap, period or None) of each cap on a record; those of its kind have no dates."""
        for place, cap in enumerate(self.policy["caps"]):
            if cap.get("enabled", True) and record.matches(cap.get("where", {})):
                # Chosen: each entry is a cap of its own, also where two have the same id.
                yield ("cap", place), cap, self.policy["periods"].get(cap["per"])
        if "max_per_record" in record.kind:
            yield ("max-per-record",), {"per": "record", "max": record.kind["max_per_record"]}, None
        if "max_per_year" in record.kind:
            key = ("max-per-year", record.data["kind"])
            yield key, {"per": "year", "max": record.kind["max_per_year"]}, CALENDAR_YEAR

    def turn(self, record):
        """By what records are put in order."""
        narrowed = any(
            period and in_force(cap, record.start) and (cap.get("where") or key[0] == "max-per-year")
            for key, cap, period in self.caps_on(record)
        )
        return narrowed, record.start, record.data.get("start_time", ""), record.id

    def room(self, record, day):
        """What each cap still leaves on a day: [(bucket, hours)]."""
        found, counting = [], record.counting_date(day)
        for key, cap, period in self.caps_on(record):
            place = record.id if cap["per"] == "record" else day
            if period:
                place = self.span(period, counting)
            if place is None or not in_force(cap, counting):
                continue
            ceiling = number(cap["max"]) if "max" in cap else self.share(cap, record.member, counting)
            if ceiling is not None:
                group = "" if record.kind["counts"] else record.kind["bucket"]
                bucket = (key, record.member, place, group)
                found.append((bucket, ceiling - self.used.get(bucket, 0)))
        return found

    def share(self, cap, member, counting):
        """The ceiling by a share of a target, None if there is none.

        Chosen: none where the requirement's period does not hold the day; people on no roster are people without
        memberships."""
        rule = self.version(cap["max_share_of"], counting)
        if rule is None:
            return None
        span = self.span(self.policy["periods"][rule["period"]], counting, member)
        return span and down(number(cap["share"]) * self.target(member, rule, options(rule)[0], span), 2)

    def fill(self, record):
        left = number(record.data["hours"]) * number(record.kind.get("factor", 1))
        for first_round in (True, False):
            for day in days_of(record.start, record.end + DAY):
                part = left
                if first_round:
                    part = min(part, number(conversion(self.policy, record.start)["hours_per_day"]))
                rooms = self.room(record, day)
                part = max(min([part, *(hours for _, hours in rooms)]), Fraction(0))
                for bucket, _ in rooms:
                    self.used[bucket] = self.used.get(bucket, 0) + part
                left -= part
                record.parts.append((record.counting_date(day), part))

    # --- people and periods -----------------------------------------------------------------------------------------

    def person(self, member):
        return self.people.get(member) or Person()

    def fits(self, member, who, day):
        """Chosen: with several memberships on one day, one for which everything holds is enough."""
        key = ("fits", member, who, day)
        if key not in self.remembered:
            person = self.person(member)
            standing = [m for m in person.memberships if in_force(m, day)]
            selector = self.policy["who"][who]
            self.remembered[key] = any(self.takes_in(selector, member, m, day) for m in standing)
        return self.remembered[key]

    def takes_in(self, selector, member, membership, day):
        person = self.person(member)
        roles = {role["role"] for role in person.roles if in_force(role, day)}
        if "include" in selector and not self.fits(member, selector["include"], day):
            return False
        if "status" in selector and membership["status"] not in selector["status"]:
            return False
        if "role" in selector and not roles & set(selector["role"]):
            return False
        if roles & set(selector.get("not_role", [])):
            return False
        above = lineage(self.organisation, membership["branch"])
        if "unit" in selector and not set(above) & set(selector["unit"]):
            return False
        if "exempt" in selector and person.exempt(day) != selector["exempt"]:
            return False
        first = min(m["from"] for m in person.memberships)
        return "joined_before" not in selector or first < selector["joined_before"]

    def span(self, period, day, member=None):
        """The period that holds a day, as (first day, first day after), or None."""
        if period["type"] == "calendar_year":
            return date(day.year, 1, 1), date(day.year + 1, 1, 1)
        if period["type"] == "calendar_quarter":
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            return first, add_months(first, 3)
        if period["type"] == "calendar_month":
            return day.replace(day=1), add_months(day.replace(day=1), 1)
        if period["type"] == "window":
            return (period["from"], period["until"]) if in_force(period, day) else None
        if period["type"] == "rolling":
            return add_months(day + DAY, -period["months"]), day + DAY
        first = self.person(member).anchor(period, day)
        if first is None:
            return None
        after = add_months(first, period["months"])
        holds_until = date((after - DAY).year, 12, 31)
        return (first, after) if first <= day <= holds_until else None

    # --- requirements -----------------------------------------------------------------------------------------------

    def version(self, ident, day):
        found = [
            r
            for r in self.policy["requirements"]
            if r["id"] == ident and r.get("enabled", True) and in_force(r, day)
        ]
        return found[0] if found else None

    def applies(self, member, rule, day):
        """The period in which a requirement applies to a person on a day, or None."""
        if (
            not rule.get("enabled", True)
            or not in_force(rule, day)
            or not self.fits(member, rule["who"], day)
        ):
            return None
        return self.span(self.policy["periods"][rule["period"]], day, member)

    def months(self, member, rule, span):
        """{first day of the month: "held", "other" or ""} of each month that has a day in a period."""
        key = ("months", member, rule["who"], span)
        if key not in self.remembered:
            found, include = {}, self.policy["who"][rule["who"]].get("include")
            for day in days_of(*span):
                month = day.replace(day=1)
                found.setdefault(month, "")
                if found[month] == "held" or self.person(member).exempt(day):
                    continue
                if self.fits(member, rule["who"], day):
                    found[month] = "held"
                elif include and self.fits(member, include, day):
                    found[month] = "other"
            self.remembered[key] = found
        return self.remembered[key]

    def unrounded(self, member, rule, option, span):
        """What is asked of a person in a period, exactly."""
        full = number(option["min"])
        if "prorate" not in rule:
            return full
        months = list(self.months(member, rule, span).values())
        held, other = months.count("held"), months.count("other")
        if held + other == 0:
            return full
        return (full * held + number(option.get("otherwise", 0)) * other) / len(months)

    def target(self, member, rule, option, span):
        exact = self.unrounded(member, rule, option, span)
        prorated = "prorate" in rule and any(self.months(member, rule, span).values())
        return down(exact, 2) if prorated else exact

    def own(self, member, rule, option, span):
        """What a person has done in a period, by the option's measure."""
        wheres = [rule.get("where", {}), option.get("where", {})]
        # Chosen: where one says `counts: false`, that is what is asked for.
        counts = all(where.get("counts", True) for where in wheres)
        sum_, events = Fraction(0), set()
        for record in self.records.values():
            if record.member != member or not record.of_worth or record.kind["counts"] != counts:
                continue
            if not all(record.matches(where) for where in wheres):
                continue
            hours = sum((h for day, h in record.parts if span[0] <= day < span[1]), Fraction(0))
            sum_ += hours / record.hours_per_day if option["measure"] == "days" else hours
            if span[0] <= record.start < span[1]:
                events.add(record.data.get("activity", record.id))
        return Fraction(len(events)) if option["measure"] == "records" else sum_

    def carried(self, member, rule, span):
        """Hours that the period before hands on."""
        for entry in self.policy["carry_over"]:
            if entry["requirement"] == rule["id"] and in_force(entry, span[0]):
                day = span[0] - DAY
                earlier = self.version(rule["id"], day)
                before = earlier and self.applies(member, earlier, day)
                # Chosen: of the first option that is in hours, where the version then had several.
                hours = [o for o in options(earlier or {}) if o.get("measure") == "hours"]
                if before and hours:
                    target = self.target(member, earlier, hours[0], before)
                    over = self.own(member, earlier, hours[0], before) - target
                    return min(max(over, Fraction(0)), number(entry["max"]))
        return Fraction(0)

    def part_over(self, member, rule, span):
        """How much of a period is over on the day, from 0 to 1."""
        first, after = span
        if "prorate" in rule:
            theirs = [month for month, what in self.months(member, rule, span).items() if what]
            first = max(first, min(theirs, default=first))  # Chosen: as it is where they have no month.
        days = days_of(first, after)
        weight = dict.fromkeys(days, Fraction(1))
        if self.policy["pace"]["model"] == "weighted_months":
            weights = self.policy["pace"]["weights"]
            for day in days:
                of_month = calendar.monthrange(day.year, day.month)[1]
                weight[day] = number(weights[MONTHS[day.month - 1]]) / of_month
        if not sum(weight.values()):  # Chosen: linear where all months of the period weigh nothing.
            weight = dict.fromkeys(days, Fraction(1))
        return sum((w for day, w in weight.items() if day <= self.on), Fraction(0)) / sum(weight.values())

    def is_new(self, member, rule, span):
        """Whether a requirement has asked for so few days of a period that nobody is behind in it."""
        for first in days_of(*span):
            if self.fits(member, rule["who"], first) and not self.person(member).exempt(first):
                asked = [day for day in days_of(first, span[1]) if day <= self.on]
                quarter = Fraction((span[1] - first).days, 4)
                return len(asked) <= min(self.policy["alerts"].get("behind_grace_days", 30), quarter)
        return False

    def standing(self, member, rule, span):
        found = []
        for option in options(rule):
            target = self.target(member, rule, option, span)
            counted = self.own(member, rule, option, span)
            if option["measure"] == "hours":
                counted += self.carried(member, rule, span)
            exact = self.unrounded(member, rule, option, span)
            ratio = counted / exact if exact else math.inf
            found.append((counted >= target, ratio, option, target, counted))
        wanted = "all_of" not in rule  # of any what is met comes first, of all what is not
        candidates = [item for item in found if item[0] == wanted] or found
        extreme = (max if wanted else min)(item[1] for item in candidates)
        _, _, option, target, counted = next(item for item in candidates if item[1] == extreme)
        expected = target * self.part_over(member, rule, span)
        alerts = self.policy["alerts"]
        if self.person(member).exempt(self.on):
            word = "exempt"
        elif counted >= target:
            word = "met"
        elif counted >= number(alerts["near_ratio"]) * target:
            word = "near"
        elif counted < expected * (1 - number(alerts["behind_tolerance"])) and not self.is_new(
            member, rule, span
        ):
            word = "behind"
        else:
            word = "under_way"
        return {
            "target": text(target),
            "counted": text(down(counted, 2) if option["measure"] == "days" else counted),
            # Chosen: 100 % of nothing.
            "percent": text(down(counted / target * 100, 1) if target else Fraction(100)),
            "short": text(up(max(target - counted, Fraction(0)), 2)),
            "expected": text(down(expected + Fraction(1, 200), 2)),
            "standing": word,
        }

    # --- all of it --------------------------------------------------------------------------------------------------

    def by_year(self, records):
        """{year: hours} of what was credited, by counting date."""
        sums = {}
        for record in records:
            for day, hours in record.parts if record.kind and record.kind["counts"] else []:
                sums[str(day.year)] = sums.get(str(day.year), 0) + hours
        return {year: text(hours) for year, hours in sorted(sums.items()) if hours}

    def figures(self):
        records = self.records.values()
        members = {ident: {} for ident in sorted(self.people)}
        for ident, found in members.items():
            for rule in self.policy["requirements"]:
                span = self.applies(ident, rule, self.on)
                if span:
                    found[rule["id"]] = self.standing(ident, rule, span)
        branches = {
            branch: self.by_year([r for r in records if r.branch == branch])
            for branch in sorted({r.branch for r in records})
        }
        units = {
            unit["id"]: self.by_year(
                [r for r in records if unit["id"] in lineage(self.organisation, r.branch)]
            )
            for unit in self.organisation["units"]
        }
        return {
            "members": members,
            "hours": {ident: self.by_year([r for r in records if r.member == ident]) for ident in members},
            "records": {
                path: {
                    "state": record.state,
                    "credited": text(record.credited()),
                    "apart": text(record.apart()),
                    "merge": record.version.merge,
                    "by": record.version.by,
                    "reason": record.version.reason,
                }
                for path, record in self.records.items()
            },
            "branches": {branch: sums for branch, sums in branches.items() if sums},
            "units": {unit: sums for unit, sums in units.items() if sums},
        }


def options(rule):
    return rule.get("any_of") or rule.get("all_of") or [rule]


def count(repo, ref, on):
    history = oracle_history.read(repo, ref, on)
    if history is None:
        return {"members": {}, "hours": {}, "records": {}, "branches": {}, "units": {}}
    return Book(history, on).figures()


if __name__ == "__main__":
    figures = count(sys.argv[1], "refs/heads/main", date.fromisoformat(sys.argv[2]))
    print(json.dumps(figures, indent=1, ensure_ascii=False))
