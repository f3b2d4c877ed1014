"""Hour rules. What each value means is defined in docs/rules.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from xueshi.model.days import contains
from xueshi.model.study import Study


@dataclass(frozen=True, slots=True)
class Conversion:
    """How time becomes hours from `start` on. `online_table`: (least minutes, hours), the largest first."""

    start: date
    until: date | None
    minutes_per_hour: Decimal
    hours_per_half_day: Decimal
    hours_per_day: Decimal
    step: Decimal
    rounding: str
    online_table: tuple[tuple[Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class KindChange:
    """What a kind says otherwise from `start` on; None leaves a value as it was."""

    start: date
    bucket: str | None = None
    counts: bool | None = None
    factor: Decimal | None = None
    max_per_record: Decimal | None = None
    max_per_year: Decimal | None = None
    convert: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of study. `bucket`: centralised | online | self | service; `convert`: minutes | online_table; `needs`
    names the fields of a record that this kind should not lack."""

    id: str
    label: str
    bucket: str
    counts: bool
    factor: Decimal = Decimal(1)
    max_per_record: Decimal | None = None
    max_per_year: Decimal | None = None
    convert: str = "minutes"
    needs: tuple[str, ...] = ()
    changes: tuple[KindChange, ...] = ()

    def on(self, day: date) -> Kind:
        """The kind as it is on a day."""
        if not self.changes:
            return self
        found = self
        for change in self.changes:
            if change.start <= day:
                names = ("bucket", "counts", "factor", "max_per_record", "max_per_year", "convert")
                said = {name: getattr(change, name) for name in names if getattr(change, name) is not None}
                found = replace(found, **said)
        return found


@dataclass(frozen=True, slots=True)
class Where:
    """Which records a rule speaks of: every list that is not empty must hold the record's value. `counts` False asks
    for what stands apart."""

    kind: tuple[str, ...] = ()
    bucket: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    organiser_level: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    counts: bool | None = None

    def __bool__(self) -> bool:
        """Whether it says anything."""
        lists = self.kind or self.bucket or self.topic or self.mode or self.organiser_level or self.origin
        return bool(lists) or self.counts is not None

    def matches(self, study: Study, kind: Kind) -> bool:
        """Whether a record of this kind (as on its day) is meant."""
        return (
            (not self.kind or study.kind in self.kind)
            and (not self.bucket or kind.bucket in self.bucket)
            and (not self.topic or study.topic in self.topic)
            and (not self.mode or study.mode in self.mode)
            and (not self.organiser_level or study.organiser_level in self.organiser_level)
            and (not self.origin or study.origin in self.origin)
            and (self.counts is None or kind.counts == self.counts)
        )


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` hours, or `share` of the target of the requirement `share_of`, credited per `per` and member.
    `per`: record | day | a period's id."""

    id: str
    per: str
    max: Decimal | None
    start: date
    until: date | None
    source: str | None = None
    where: Where = field(default_factory=Where)
    share_of: str | None = None
    share: Decimal | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Crossing:
    """Whether a study of several days counts day by day (`split`) or on its first day (`start`)."""

    start: date
    until: date | None
    mode: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Hours over the target of the period before that count in this one, at most `max`."""

    requirement: str
    max: Decimal
    start: date
    until: date | None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """`type`: calendar_year | calendar_quarter | calendar_month | window (`start`, exclusive `until`) | rolling
    (`months` up to the day) | anchored (`months` from a person's `anchor`: joined | full_member | appointed to `role`)."""

    id: str
    type: str
    start: date | None = None
    until: date | None = None
    months: int = 0
    anchor: str = ""
    role: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """Whom a rule is for, by the roster of a day. `unit` takes in what lies below it."""

    id: str
    include: str | None = None
    status: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    not_role: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    exempt: bool | None = None
    joined_before: date | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One measure of a requirement: at least `min` of `measure` (hours | days | records). `otherwise` is the minimum
    of a whole period for the months in which a person does not belong to the requirement's own group."""

    measure: str
    min: Decimal
    otherwise: Decimal = Decimal(0)
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Requirement:
    """`options` hold one measure, or several of which any (or, with `every`, all) must be met. `severity`: required |
    generally | local."""

    id: str
    label: str
    who: str
    options: tuple[Option, ...]
    period: str
    start: date
    until: date | None
    source: str
    every: bool = False
    where: Where = field(default_factory=Where)
    prorate: bool = False
    severity: str = "required"
    enabled: bool = True

    def in_force(self, day: date) -> bool:
        return self.enabled and bool(self.options) and contains(self.start, self.until, day)


@dataclass(frozen=True, slots=True)
class Alerts:
    """When somebody is told. `of` names the requirements that are watched (empty: all over a calendar year); in the
    first `behind_grace_days` that a requirement asks for nobody is behind."""

    near_ratio: Decimal
    behind_tolerance: Decimal
    waiting_days: int = 7
    of: tuple[str, ...] = ()
    behind_grace_days: int = 30


@dataclass(frozen=True, slots=True)
class When:
    """Which units a norm is for: of a `type`, with a number of full members, with or without a committee."""

    type: tuple[str, ...] = ()
    min_full_members: int | None = None
    max_full_members: int | None = None
    has_committee: bool | None = None


@dataclass(frozen=True, slots=True)
class Norm:
    """What an organisation should be like. `measure`: members | full_members | committee_size | term | events | kinds |
    behind; `subject`: the kinds of unit it is for."""

    id: str
    label: str
    subject: tuple[str, ...]
    measure: str
    start: date
    until: date | None
    source: str
    severity: str = "generally"
    min: int | None = None
    max: int | None = None
    period: str | None = None
    where: Where = field(default_factory=Where)
    when: When = field(default_factory=When)
    term_years: int | None = None
    remind_months: int = 6
    apply_months: int = 4
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """`weights`: of the twelve months for a weighted pace, empty for a linear one. `earliest`: the first study date
    that is accepted; `latest_days`: after how many days an entry is late."""

    baseline: str | None
    conversions: tuple[Conversion, ...]
    kinds: Mapping[str, Kind]
    caps: tuple[Cap, ...]
    periods: Mapping[str, Period]
    who: Mapping[str, Selector]
    requirements: tuple[Requirement, ...]
    alerts: Alerts
    crossing: tuple[Crossing, ...] = ()
    carry_over: tuple[CarryOver, ...] = ()
    weights: tuple[Decimal, ...] = ()
    norms: tuple[Norm, ...] = ()
    earliest: date | None = None
    latest_days: int | None = None

    def conversion(self, day: date) -> Conversion:
        """The conversion of a day; before the first one the first, in a gap the latest that began before."""
        if len(self.conversions) == 1:
            return self.conversions[0]
        ordered = sorted(self.conversions, key=lambda c: c.start)
        began = [c for c in ordered if c.start <= day] or ordered[:1]
        now = [c for c in began if contains(c.start, c.until, day)]
        return (now or began)[-1]

    def splits(self, day: date) -> bool:
        """Whether a study that begins on `day` counts day by day."""
        return any(c.mode == "split" and contains(c.start, c.until, day) for c in self.crossing)

    def version(self, requirement: str, day: date) -> Requirement | None:
        """The version of a requirement in force on a day."""
        return next((r for r in self.requirements if r.id == requirement and r.in_force(day)), None)
