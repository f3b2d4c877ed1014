"""Parts of sentences about the policy, in either language: whom, which records, over which period, from when."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from xueshi.model import Norm, Option, Organisation, Period, Policy, Requirement, Selector, Where
from xueshi.policy import chinese, english
from xueshi.words import plain

LANGUAGES: Mapping[str, Mapping[str, str]] = {"zh": chinese.WORDS, "en": english.WORDS}
_HIDDEN = {"Cc": " ", "Cs": " ", "Co": "", "Cf": ""}
_MEMBERS = {"full", "probationary"}


def one_line(text: str) -> str:
    """Text that others wrote, on one line and without characters that steer a terminal."""
    return " ".join("".join(_HIDDEN.get(unicodedata.category(ch), ch) for ch in text).split())


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language for one policy; `organisation` gives the names of units where it is at hand."""

    words: Mapping[str, str]
    policy: Policy
    organisation: Organisation | None = None

    def say(self, key: str, **places: object) -> str:
        return self.words[key].format(**places)

    def join(self, how: str, parts: Iterable[str]) -> str:
        return self.words[how].join(parts)

    def names(self, table: str, ids: Iterable[str]) -> str:
        """Values of the language by their names: 线下或混合."""
        return self.join("or", (self.words[f"{table}.{name}"] for name in ids))

    def when(self, day: date) -> str:
        return self.say(
            "date", year=day.year, month=day.month, day=day.day, name=self.words[f"month.{day.month}"]
        )

    def last(self, until: date) -> str:
        """The last day of a span by its exclusive end."""
        return self.when(until - timedelta(1))

    def span(self, start: date, until: date | None) -> str:
        if until is None:
            return self.say("since", start=self.when(start))
        return self.say("during", start=self.when(start), last=self.last(until))

    def head(self, name: str, label: str | None = None) -> str:
        return self.say("head" if label not in (None, name) else "head.bare", label=label, id=name)

    def kinds(self, ids: Iterable[str]) -> str:
        known = self.policy.kinds
        return self.join("or", (known[name].label if name in known else name for name in ids))

    def named(self, requirement: str) -> str:
        """A requirement by its label and id."""
        label = next((r.label for r in self.policy.requirements if r.id == requirement), requirement)
        return self.say("named", label=label, id=requirement)

    def units(self, ids: Iterable[str]) -> str:
        found = {unit.id: unit.name for unit in (self.organisation.units if self.organisation else ())}
        return self.join("or", (found.get(name, name) for name in ids))

    # --- for whom

    def who(self, name: str) -> str:
        """Whom a selector means, with all that it rests on."""
        return self._who(name, len(self.policy.who))

    def _who(self, name: str, depth: int) -> str:
        selector = self.policy.who.get(name)
        if selector is None or depth < 0:  # depth: selectors that include each other in a circle
            return self.say("who.unknown", id=name)
        base, conditions = self._base(selector, depth), self._conditions(selector)
        if not conditions:
            return base
        return self.say("who.some", base=base, conditions=self.join("and", conditions))

    def _base(self, selector: Selector, depth: int) -> str:
        if selector.include is not None:
            return self._who(selector.include, depth - 1)
        if set(selector.status) == _MEMBERS:
            return self.words["who.members"]
        named = self.names("status", selector.status)
        return named or self.words["who.all"]

    def _conditions(self, selector: Selector) -> list[str]:
        status = selector.status if selector.include is not None else ()
        found = [
            ("who.status", self.names("status", status)),
            ("who.role", self.names("role", selector.role)),
            ("who.not_role", self.names("role", selector.not_role)),
            ("who.unit", self.units(selector.unit)),
        ]
        told = [self.say(key, names=names) for key, names in found if names]
        if selector.exempt is not None:
            told.append(self.words[f"who.exempt.{selector.exempt}"])
        if selector.joined_before is not None:
            told.append(self.say("who.joined_before", day=self.when(selector.joined_before)))
        return told

    # --- which records

    def where(self, where: Where) -> str:
        """Which records a rule speaks of, or nothing."""
        found = [
            ("where.kind", self.kinds(where.kind)),
            ("where.bucket", self.names("bucket", where.bucket)),
            ("where.topic", self.join("or", where.topic)),
            ("where.mode", self.names("mode", where.mode)),
            ("where.organiser_level", self.names("organiser_level", where.organiser_level)),
            ("where.origin", self.names("origin", where.origin)),
        ]
        told = [self.say(key, names=names) for key, names in found if names]
        if where.counts is not None:
            told.append(self.words[f"where.counts.{where.counts}"])
        return self.say("where", conditions=self.join("and", told)) if told else ""

    def aside(self, text: str, *asides: str) -> str:
        """A text with what must be known beside it."""
        told = [aside for aside in asides if aside]
        return self.say("aside", text=text, aside=self.join("clause", told)) if told else text

    # --- over which period

    def period(self, name: str) -> str:
        found = self.policy.periods.get(name)
        return self.say("period.unknown", id=name) if found is None else self.period_of(found)

    def period_of(self, period: Period) -> str:
        start, until = period.start, period.until
        return self.say(
            f"period.{period.type}",
            start=self.when(start) if start else "",
            last=self.last(until) if until else "",
            months=period.months,
            anchor=self._anchor(period) if period.type == "anchored" else "",
        )

    def _anchor(self, period: Period) -> str:
        return self.say(f"anchor.{period.anchor}", names=self.names("role", period.role))

    # --- how much

    def least(self, requirement: Requirement, option: Option) -> str:
        """One measure: how much, of which records, and what the other months ask for."""
        text = self.say("least", min=plain(option.min), unit=self.words[f"unit.{option.measure}"])
        return self.aside(text, self.where(option.where), self._otherwise(requirement, option))

    def _otherwise(self, requirement: Requirement, option: Option) -> str:
        if not option.otherwise:
            return ""
        selector = self.policy.who.get(requirement.who)
        base = self.who(selector.include) if selector and selector.include else ""
        key = "otherwise" if base and requirement.prorate else "otherwise.idle"
        unit = self.words[f"unit.{option.measure}"]
        return self.say(key, base=base, min=plain(option.otherwise), unit=unit)

    # --- organisations

    def subjects(self, norm: Norm) -> str:
        """Which units a norm is for."""
        subjects = self.join("also", (self.words[f"subject.{name}"] for name in norm.subject))
        when, told = norm.when, list[str]()
        if when.type:
            told.append(self.say("when.type", names=self.names("type", when.type)))
        for name in ("min_full_members", "max_full_members"):
            if getattr(when, name) is not None:
                told.append(self.say(f"when.{name}", value=getattr(when, name)))
        if when.has_committee is not None:
            told.append(self.words[f"when.has_committee.{when.has_committee}"])
        return self.say("when", subjects=subjects, conditions=self.join("clause", told)) if told else subjects

    def limits(self, norm: Norm) -> str:
        """A norm's numbers; those of a term are said of a term only."""
        term = ("term_years", "remind_months", "apply_months") if norm.measure == "term" else ()
        values = [(name, getattr(norm, name)) for name in ("min", "max", *term)]
        told = [self.say(f"limit.{name}", value=value) for name, value in values if value is not None]
        return self.say("norm.limits", limits=self.join("clause", told)) if told else ""


def percent(share: Decimal) -> str:
    """A share as a percentage without its sign: 0.25 → 25."""
    return plain(share * 100)
