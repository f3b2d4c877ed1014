"""The policy in sentences for people who read no YAML; every value that means something is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from xueshi.model import (
    Cap,
    CarryOver,
    Conversion,
    Kind,
    KindChange,
    Organisation,
    Policy,
    Requirement,
)
from xueshi.policy.phrases import LANGUAGES, Phrases, one_line, percent
from xueshi.words import plain

OPTIONAL = (
    "caps",
    "requirements",
    "carry_over",
    "crossing",
    "norms",
    "entry",
)  # sections that may say nothing
_STATES = ("now", "later", "ended", "off")


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule in words. `key` is its id within the section; with `start` it finds the same rule in another policy."""

    section: str
    key: str
    text: str
    start: date | None = None
    until: date | None = None
    enabled: bool = True

    def state(self, day: date) -> str:
        """now | later | ended | off, on a day."""
        if not self.enabled:
            return "off"
        if self.start is not None and day < self.start:
            return "later"
        return "ended" if self.until is not None and self.until <= day else "now"


def explain(policy: Policy, organisation: Organisation | None, lang: str, on: date) -> str:
    """All rules section by section; those not in force on `on` come last in theirs and say so."""
    p = Phrases(LANGUAGES[lang], policy, organisation)
    found = {name: list(told) for name, told in groupby(entries(policy, organisation, lang), _section)}
    lines = [p.say("title", day=p.when(on))]
    for name in SECTIONS:
        told = [(_state(entry, policy, on), entry) for entry in found.get(name, [])]
        if not told and name not in OPTIONAL:
            continue
        lines += ["", p.words[f"section.{name}"]]
        for state, entry in sorted(told, key=lambda pair: _STATES.index(pair[0])):
            lines.append(p.say("item", text=p.words[f"mark.{state}"] + entry.text).rstrip())
        if not any(state == "now" for state, _ in told) and name in OPTIONAL:
            lines.append(p.say("empty", text=p.words[f"none.{name}"]))
    return "\n".join(lines)


def entries(policy: Policy, organisation: Organisation | None, lang: str = "zh") -> tuple[Entry, ...]:
    """Every rule in words, by section in the order of the file."""
    p = Phrases(LANGUAGES[lang], policy, organisation)
    return tuple(entry for section in SECTIONS for entry in SECTIONS[section](p))


def _section(entry: Entry) -> str:
    return entry.section


def _state(entry: Entry, policy: Policy, on: date) -> str:
    """A conversion goes on beyond its end until another begins, and the first one also holds before it."""
    if entry.section == "conversion":
        used = policy.conversion(on)
        return "now" if (used.start, used.until) == (entry.start, entry.until) else entry.state(on)
    return entry.state(on)


def _entry(p: Phrases, section: str, key: str, text: str, rule: object = None) -> Entry:
    """A sentence closed by where its rule comes from and from when until when it holds."""
    start, until = getattr(rule, "start", None), getattr(rule, "until", None)
    source = getattr(rule, "source", None)
    text += p.words["stop"]
    text += p.say("source", source=source) if source else ""
    text += p.span(start, until) if start else ""
    return Entry(section, key, one_line(text), start, until, getattr(rule, "enabled", True))


# --- what a record is worth


def _conversions(p: Phrases) -> Iterator[Entry]:
    for rule in p.policy.conversions:
        yield _entry(p, "conversion", "", _conversion(p, rule), rule)


def _conversion(p: Phrases, rule: Conversion) -> str:
    told = [
        p.say(
            "conversion",
            minutes=plain(rule.minutes_per_hour),
            half=plain(rule.hours_per_half_day),
            day=plain(rule.hours_per_day),
        ),
        p.say(f"rounding.{rule.rounding}", step=plain(rule.step)),
    ]
    text = p.join("clause", told)
    rows = [p.say("online_row", minutes=plain(least), hours=plain(h)) for least, h in rule.online_table]
    return p.join("stop", [text, p.say("online_table", rows=p.join("also", rows))]) if rows else text


def _kinds(p: Phrases) -> Iterator[Entry]:
    for kind in p.policy.kinds.values():
        told = _worth(p, kind)
        if kind.needs:
            fields = p.join("also", (p.words[f"field.{name}"] for name in kind.needs))
            told.append(p.say("needs", fields=fields))
        head = p.head(kind.id, kind.label)
        yield _entry(p, "kinds", kind.id, head + p.join("clause", told))
        for change in kind.changes:
            text = head + p.say("change", values=p.join("clause", _worth(p, change)))
            yield _entry(p, "kinds", kind.id, text, change)


def _worth(p: Phrases, said: Kind | KindChange) -> list[str]:
    """What is said of a kind's worth; a kind's own usual values go without saying."""
    usual = isinstance(said, Kind)
    told = [p.say("worth.bucket", value=p.words[f"bucket.{said.bucket}"])] if said.bucket else []
    if said.counts is not None:
        told.append(p.words[f"worth.counts.{said.counts}"])
    for name in ("factor", "max_per_record", "max_per_year"):
        value = getattr(said, name)
        if value is not None and not (usual and name == "factor" and value == 1):
            told.append(p.say(f"worth.{name}", value=plain(value)))
    if said.convert and not (usual and said.convert == "minutes"):
        told.append(p.words[f"worth.convert.{said.convert}"])
    return told


def _caps(p: Phrases) -> Iterator[Entry]:
    for cap in p.policy.caps:
        text = p.say("cap", who=_per(p, cap), amount=_ceiling(p, cap))
        text = p.head(cap.id) + p.aside(text, p.where(cap.where))
        yield _entry(p, "caps", cap.id, text + _midway(p, cap), cap)


def _midway(p: Phrases, cap: Cap) -> str:
    """What a cap that begins within a period says of the days before."""
    period = p.policy.periods.get(cap.per)
    firsts = {"calendar_year": (1,), "calendar_quarter": (1, 4, 7, 10), "calendar_month": range(1, 13)}
    if period is None:
        return ""
    if period.start is not None:
        whole = cap.start <= period.start
    else:
        whole = cap.start.day == 1 and cap.start.month in firsts.get(period.type, ())
    return "" if whole else p.words["cap.midway"]


def _per(p: Phrases, cap: Cap) -> str:
    fixed = p.words.get(f"per.{cap.per}") if cap.per in ("record", "day") else None
    return fixed or p.say("per.period", period=p.period(cap.per))


def _ceiling(p: Phrases, cap: Cap) -> str:
    if cap.share_of is not None and cap.share is not None:
        return p.say("cap.share", requirement=p.named(cap.share_of), percent=percent(cap.share))
    return p.say("cap.hours", max=plain(cap.max) if cap.max is not None else "")


def _crossing(p: Phrases) -> Iterator[Entry]:
    for rule in p.policy.crossing:
        yield _entry(p, "crossing", "", p.words[f"crossing.{rule.mode}"], rule)


# --- what is asked for


def _requirements(p: Phrases) -> Iterator[Entry]:
    for r in p.policy.requirements:
        yield _entry(p, "requirements", r.id, p.head(r.id, r.label) + _requirement(p, r), r)


def _requirement(p: Phrases, r: Requirement) -> str:
    options = [p.least(r, option) for option in r.options]
    every = "all" if r.every else "any"
    amounts = options[0] if len(options) == 1 else p.say(every, options=p.join(f"{every}.join", options))
    text = p.say(
        "requirement",
        who=p.who(r.who),
        period=p.period(r.period),
        severity=p.words[f"severity.{r.severity}"],
        amounts=amounts,
    )
    return p.aside(text, p.where(r.where)) + (p.words["prorate"] if r.prorate else "")


def _carry_over(p: Phrases) -> Iterator[Entry]:
    for rule in p.policy.carry_over:
        yield _entry(p, "carry_over", rule.requirement, _carried(p, rule), rule)


def _carried(p: Phrases, rule: CarryOver) -> str:
    return p.say("carry_over", requirement=p.named(rule.requirement), max=plain(rule.max))


def _progress(p: Phrases) -> Iterator[Entry]:
    alerts, weights = p.policy.alerts, p.policy.weights
    months = (
        p.say("pace.month", month=p.words[f"month.{n}"], weight=plain(w)) for n, w in enumerate(weights, 1)
    )
    pace = p.say("pace.weighted", months=p.join("also", months)) if weights else p.words["pace.linear"]
    names = p.join("also", (p.named(name) for name in alerts.of))
    watched = p.say("watched", names=names) if names else p.words["watched.all"]
    yield _entry(p, "progress", "pace", pace)
    yield _entry(p, "progress", "near", p.say("near", percent=percent(alerts.near_ratio)))
    behind = p.say("behind", percent=percent(alerts.behind_tolerance))
    grace = p.say("behind.grace", days=alerts.behind_grace_days) if alerts.behind_grace_days else ""
    yield _entry(p, "progress", "behind", behind + grace)
    yield _entry(p, "progress", "waiting", p.say("waiting", days=alerts.waiting_days))
    yield _entry(p, "progress", "watched", watched)


def _registration(p: Phrases) -> Iterator[Entry]:
    policy = p.policy
    if policy.earliest is not None:
        yield _entry(p, "entry", "earliest", p.say("earliest", day=p.when(policy.earliest)))
    if policy.latest_days is not None:
        yield _entry(p, "entry", "latest_days", p.say("latest_days", days=policy.latest_days))
    if policy.baseline is not None:
        yield _entry(p, "entry", "baseline", p.say("baseline", baseline=policy.baseline))


# --- what organisations should be like


def _norms(p: Phrases) -> Iterator[Entry]:
    for norm in p.policy.norms:
        text = p.say(
            "norm",
            subjects=p.subjects(norm),
            severity=p.words[f"severity.{norm.severity}"],
            period=p.say("norm.period", period=p.period(norm.period)) if norm.period else "",
            measure=p.words[f"measure.{norm.measure}"],
            limits=p.limits(norm),
        )
        text = p.head(norm.id, norm.label) + p.aside(text, p.where(norm.where))
        yield _entry(p, "norms", norm.id, text, norm)


def _unused(p: Phrases) -> Iterator[Entry]:
    """Periods and groups that no rule names: they mean nothing yet."""
    policy = p.policy
    periods = {
        *(r.period for r in policy.requirements),
        *(c.per for c in policy.caps),
        *(n.period for n in policy.norms),
    }
    for name, period in policy.periods.items():
        if name not in periods:
            yield _entry(
                p, "unused", f"period {name}", p.say("unused.period", id=name, text=p.period_of(period))
            )
    groups = {r.who for r in policy.requirements}
    groups |= {selector.include for selector in policy.who.values() if selector.include}
    for name in policy.who:
        if name not in groups:
            yield _entry(p, "unused", f"who {name}", p.say("unused.who", id=name, text=p.who(name)))


SECTIONS: dict[str, Callable[[Phrases], Iterator[Entry]]] = {
    "conversion": _conversions,
    "kinds": _kinds,
    "caps": _caps,
    "requirements": _requirements,
    "carry_over": _carry_over,
    "crossing": _crossing,
    "progress": _progress,
    "norms": _norms,
    "entry": _registration,
    "unused": _unused,
}
