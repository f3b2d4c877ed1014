"""Rules that judge the policy: what it names exists, its spans make sense, and the past stays as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations, pairwise

from xueshi.checks.context import Context, told_date
from xueshi.model import Cap, CarryOver, Conversion, Crossing, Kind, Policy, Problem, Requirement, Severity
from xueshi.records.source import POLICY

Rule = Cap | CarryOver | Conversion | Crossing | Requirement

_BUILT_IN = ("record", "day")


def policy_names_exist(c: Context) -> Iterator[Problem]:
    """Whatever a rule of the policy names (groups, periods, requirements, kinds, units) stands in the policy or in the
    organisation."""
    policy = c.records.policy
    for number, r in enumerate(policy.requirements):
        at, told = f"requirements.{number}", f"要求 {r.id!r} 的"
        yield from _unknown(c, f"{at}.who", f"{told}对象", (r.who,), policy.who)
        yield from _unknown(c, f"{at}.period", f"{told}周期", (r.period,), policy.periods)
        for where in (r.where, *(option.where for option in r.options)):
            yield from _unknown(c, f"{at}.where", f"{told}学习类型", where.kind, policy.kinds)
    requirements = [r.id for r in policy.requirements]
    for number, cap in enumerate(policy.caps):
        at, told = f"caps.{number}", f"上限 {cap.id!r} 的"
        fixed = [name for name, p in policy.periods.items() if p.type not in ("rolling", "anchored")]
        yield from _unknown(c, f"{at}.per", f"{told}范围", (cap.per,), (*_BUILT_IN, *fixed))
        yield from _unknown(c, f"{at}.where", f"{told}学习类型", cap.where.kind, policy.kinds)
        yield from _unknown(c, f"{at}.max_share_of", f"{told}要求", _some(cap.share_of), requirements)
    for number, rule in enumerate(policy.carry_over):
        yield from _unknown(c, f"carry_over.{number}", "结转的要求", (rule.requirement,), requirements)
    yield from _unknown(c, "alerts.of", "提醒的要求", policy.alerts.of, requirements)
    for number, norm in enumerate(policy.norms):
        at, told = f"norms.{number}", f"体检项目 {norm.id!r} 的"
        yield from _unknown(c, f"{at}.period", f"{told}周期", _some(norm.period), policy.periods)
        yield from _unknown(c, f"{at}.where", f"{told}学习类型", norm.where.kind, policy.kinds)


def policy_groups_are_sound(c: Context) -> Iterator[Problem]:
    """A group of people rests on groups that exist, none of them on itself, and on units of the organisation."""
    who, units = c.records.policy.who, [unit.id for unit in c.records.organisation.units]
    for name, selector in who.items():
        yield from _unknown(c, f"who.{name}.include", f"对象 {name!r} 引用的", _some(selector.include), who)
        yield from _unknown(c, f"who.{name}.unit", f"对象 {name!r} 的党组织", selector.unit, units)
        seen, inner = [name], selector.include
        while inner is not None and inner in who and inner not in seen:
            seen.append(inner)
            inner = who[inner].include
        if inner is not None and inner in seen:
            words = f"对象 {name!r} 绕成了一圈：{' → '.join([*seen, inner])}，请改正 include"
            yield _problem(c, f"who.{name}", words)


def policy_spans_are_in_order(c: Context) -> Iterator[Problem]:
    """A rule ends after it begins, and two versions of one rule are never in force on one day."""
    policy = c.records.policy
    groups: dict[str, list[tuple[str, str, date, date | None]]] = {}
    for number, r in enumerate(policy.requirements):
        groups.setdefault(f"r {r.id}", []).append(
            (f"requirements.{number}", f"要求 {r.id!r}", r.start, r.until)
        )
    for number, cap in enumerate(policy.caps):
        groups.setdefault(f"c {cap.id}", []).append(
            (f"caps.{number}", f"上限 {cap.id!r}", cap.start, cap.until)
        )
    for number, norm in enumerate(policy.norms):
        groups.setdefault(f"n {norm.id}", []).append(
            (f"norms.{number}", f"体检项目 {norm.id!r}", norm.start, norm.until)
        )
    plain: tuple[tuple[str, str, Iterable[Conversion | Crossing | CarryOver]], ...] = (
        ("conversion", "折算", policy.conversions),
        ("crossing", "跨年办法", policy.crossing),
        ("carry_over", "结转", policy.carry_over),
    )
    for field, told, rules in plain:
        for number, rule in enumerate(rules):
            key = f"{field} {getattr(rule, 'requirement', '')}"
            groups.setdefault(key, []).append((f"{field}.{number}", told, rule.start, rule.until))
    for spans in groups.values():
        yield from _spans(c, spans)
    for name, period in policy.periods.items():
        if period.start and period.until and period.until <= period.start:
            yield _problem(c, f"periods.{name}.until", f"周期 {name!r} 止于起始日或更早，请改正 until")


def _spans(c: Context, spans: list[tuple[str, str, date, date | None]]) -> Iterator[Problem]:
    for at, told, start, until in spans:
        if until is not None and until <= start:
            yield _problem(c, f"{at}.until", f"{told}止于 {told_date(until)}，不晚于起始日，请改正 until")
    ordered = sorted(spans, key=lambda s: s[2])
    for one, other in combinations(ordered, 2):
        if one[3] is None or one[3] > other[2]:
            lines = "、".join(str(c.records.line(POLICY, span[0])) for span in (one, other))
            words = f"{other[1]}自 {told_date(other[2])}起有两条同时有效（第 {lines} 行起）"
            cure = (
                f'请把前一条的 until 写成 "{other[2]}"' if one[3] else f'请给前一条写上 until: "{other[2]}"'
            )
            cure = "两条从同一天开始，请改正其中一条的 from" if one[2] == other[2] else cure
            yield _problem(c, f"{other[0]}.from", f"{words}，{cure}")
    for one, following in pairwise(ordered):
        if one[3] is not None and one[3] < following[2]:
            gap = f"从 {told_date(one[3])}到 {told_date(following[2])}前，没有{one[1]}"
            cure = f'until 写的是不再有效的第一天，要接上请写 "{following[2]}"'
            yield _problem(c, f"{one[0]}.until", f"{gap}；{cure}", Severity.WARNING)


def policy_rules_are_whole(c: Context) -> Iterator[Problem]:
    """A rule says all that it needs: a norm its limits, a weighted pace its weights, the changes of a kind in order."""
    policy = c.records.policy
    for number, norm in enumerate(policy.norms):
        at, told = f"norms.{number}", f"体检项目 {norm.id!r}"
        if norm.measure == "term" and norm.term_years is None:
            yield _problem(c, at, f"{told}查任期，请写明 term_years（任期年数）")
        elif norm.measure != "term" and norm.min is None and norm.max is None:
            yield _problem(c, at, f"{told}没有标准，请写明 min 或 max")
        if norm.min is not None and norm.max is not None and norm.min > norm.max:
            yield _problem(c, at, f"{told}的 min 大于 max，谁也达不到，请改正")
        if norm.measure == "events" and norm.period is None:
            yield _problem(c, at, f"{told}查活动次数，请写明 period（如 month）")
    if policy.weights and not any(policy.weights):
        yield _problem(c, "pace.weights", "各月比重都是 0，请至少给一个月写上比重")
    for name, kind in policy.kinds.items():
        starts = [change.start for change in kind.changes]
        if starts != sorted(set(starts)):
            yield _problem(
                c, f"kinds.{name}.changes", f"类型 {name!r} 的改动要按日期从早到晚写，同一天只写一次"
            )
    for number, rule in enumerate(policy.carry_over):
        measures = {o.measure for r in policy.requirements if r.id == rule.requirement for o in r.options}
        if measures and "hours" not in measures:
            yield _problem(c, f"carry_over.{number}", f"要求 {rule.requirement!r} 不按学时计，不能结转学时")


def _unknown(
    c: Context, place: str, told: str, named: Iterable[str], known: Iterable[str]
) -> Iterator[Problem]:
    for name in named:
        if name not in known:
            yield _problem(c, place, f"{told} {name!r} 没有定义，请改正（{_choices(known)}）")


def _choices(known: Iterable[str]) -> str:
    names = "、".join(dict.fromkeys(known))
    return f"可用：{names}" if names else "现在一个也没有"


def _some(name: str | None) -> tuple[str, ...]:
    return (name,) if name is not None else ()


def _problem(c: Context, place: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
    return Problem(POLICY, c.records.line(POLICY, place), "", message, place.partition(".")[0], severity)


def altered_past(old: Policy, new: Policy, today: date) -> Iterator[tuple[str, str]]:
    """Places and words for rules already in force that a new policy changes or drops, other than by ending them
    from today on: what they said of earlier days would change."""
    for field, told in (
        ("requirements", "要求"),
        ("caps", "上限"),
        ("conversions", "折算"),
        ("crossing", "跨年办法"),
        ("carry_over", "结转"),
    ):
        kept = [_bare(rule, today) for rule in getattr(new, field)]
        for rule in getattr(old, field):
            if rule.start < today and getattr(rule, "enabled", True) and _bare(rule, today) not in kept:
                yield _place(field, rule, getattr(new, field)), f"{told} {getattr(rule, 'id', '')}".strip()
    for field, told in (("who", "对象"), ("periods", "周期")):
        after = getattr(new, field)
        for name, rule in getattr(old, field).items():
            if after.get(name) != rule:
                yield f"{field}.{name}", f"{told} {name}"
    if old.baseline != new.baseline:
        yield "baseline", "基线提交"
    for name, kind in old.kinds.items():
        other = new.kinds.get(name)
        if other is None or _worth(kind, today) != _worth(other, today):
            yield f"kinds.{name}", f"学习类型 {name}"


def _place(field: str, rule: Rule, rules: Iterable[Rule]) -> str:
    """Where a rule stands among those of a new policy: by its id and first day, else by its id, else its section."""
    names = [(getattr(one, "id", ""), one.start) for one in rules]
    own = getattr(rule, "id", ""), rule.start
    same = [number for number, name in enumerate(names) if name[0] == own[0]]
    number = names.index(own) if own in names else next(iter(same), None)
    section = field.replace("conversions", "conversion")
    return section if number is None else f"{section}.{number}"


def _bare(rule: object, today: date) -> tuple[object, ...]:
    """A rule without its end, where that lies ahead: ending a rule changes nothing that was."""
    fields = {name: getattr(rule, name) for name in type(rule).__dataclass_fields__}  # type: ignore[attr-defined]
    if fields["until"] is None or fields["until"] >= today:
        fields["until"] = None
    for words in ("label", "source", "severity"):
        fields.pop(words, None)
    return (type(rule), *fields.items())


def _worth(kind: Kind, today: date) -> tuple[object, ...]:
    """All that has decided so far what a record of this kind is worth."""
    names = ("bucket", "counts", "factor", "max_per_record", "max_per_year")
    return (*(getattr(kind, name) for name in names), *(c for c in kind.changes if c.start < today))
