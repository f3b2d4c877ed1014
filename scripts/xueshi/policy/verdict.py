"""A trial as text for the policy officer, and as plain data with keys that stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Any

from xueshi import words
from xueshi.checks.context import told_date
from xueshi.model import Organisation
from xueshi.pinyin import sort_key
from xueshi.policy.chinese import WORDS
from xueshi.policy.explain import Entry
from xueshi.policy.phrases import one_line
from xueshi.policy.trial import AsIf, Change, Effect, Point, Shift, Trial
from xueshi.words import plain

_CHANGE = {"added": "新增", "removed": "删去", "changed": "改动", "moved": "换了先后"}
_CURE = (
    "  如果只想改以后：把旧的一条原样留下，写上 until（到哪天为止），再加一条编号相同的新规则，from 写同一天；",
    "  学习类型的改动写进它的 changes；对象和周期另起一个编号给新规则用。改好后再运行一次。",
)


def trial_text(found: Trial, organisation: Organisation) -> str:
    """The whole trial: what changes, who is affected on which day, and what it does to years that are over."""
    if found.is_idle:
        return "没有变化：这份规则与已批准的规则意思相同，没有人受影响。"
    lines = ["规则的变化", *(line for change in found.changes for line in _change(change))]
    lines += [] if found.changes else ["  文字上没有变化，只改了编号或写法。"]
    for effect in found.effects:
        lines += ["", *_effect(effect, organisation)]
    return "\n".join([*lines, "", *_past(found.past)])


def _change(change: Change) -> Iterator[str]:
    yield f"- {WORDS[f'section.{change.section}']}，{_CHANGE[change.change]}："
    if change.change == "moved":
        was, now = ("、".join(one_line(name) for name in order) for order in change.order)
        yield f"    原来：{was}"
        yield f"    现在：{now}"
    for told, entry in (("原来", change.old), ("现在", change.new)):
        if entry is not None:
            yield f"    {told}：{_rule(entry)}"


def _rule(entry: Entry) -> str:
    return ("" if entry.enabled else WORDS["mark.off"]) + entry.text


def _effect(effect: Effect, organisation: Organisation) -> Iterator[str]:
    affected = effect.affected()
    if not affected:
        yield f"{told_date(effect.on)}：没有人的数字不同。"
    else:
        by_branch = "，".join(f"{name} {count} 人" for name, count in _by_branch(affected, organisation))
        yield f"{told_date(effect.on)}：{len(affected)} 人的数字不同（全部 {effect.people} 人；{by_branch}）"
        for shift in _ordered(effect.shifts, organisation):
            yield _shift(shift, organisation)
    if effect.as_if is not None:
        yield from _as_if(effect.as_if, effect.on, organisation)


def _by_branch(affected: dict[str, str | None], organisation: Organisation) -> Iterator[tuple[str, int]]:
    counts: dict[str, int] = {}
    for branch in affected.values():
        counts[branch or ""] = counts.get(branch or "", 0) + 1
    for branch in sorted(counts, key=lambda name: _place(name, organisation)):
        yield _branch(branch, organisation), counts[branch]


def _branch(branch: str | None, organisation: Organisation) -> str:
    unit = organisation.unit(branch) if branch else None
    return one_line(unit.name if unit else branch or "已不在任何支部")


def _place(branch: str | None, organisation: Organisation) -> int:
    """The place of a branch in the organisation; those who have left come last."""
    ids = [unit.id for unit in organisation.units]
    return ids.index(branch) if branch in ids else len(ids) + (not branch)


def _ordered(shifts: Iterable[Shift], organisation: Organisation) -> list[Shift]:
    return sorted(shifts, key=lambda s: (_place(s.branch, organisation), sort_key(s.name), s.member))


def _shift(shift: Shift, organisation: Organisation) -> str:
    who = f"{_branch(shift.branch, organisation)}  {one_line(shift.name)}（{shift.member}）"
    return f"  {who}  {_requirement(shift)}：{_points(shift)}"


def _requirement(shift: Shift) -> str:
    if not shift.requirement:
        return "当年认定的学时"
    return f"{one_line(shift.label)}（{shift.requirement}）"


def _points(shift: Shift) -> str:
    before, after = shift.before, shift.after
    if before is None or after is None:
        told = "以前没有这条要求，现在" if before is None else "不再有这条要求，以前"
        one = after or before
        return told + _figures(one, one) if one else told
    return _figures(before, after)


def _figures(before: Point, after: Point) -> str:
    told = [f"计入 {_turn(_amount(before, before.counted), _amount(after, after.counted))}"]
    if before.target is not None and after.target is not None:
        told.insert(0, f"标准 {_turn(_amount(before, before.target), _amount(after, after.target))}")
    if before.standing and after.standing:
        told.append(_turn(words.STANDING[before.standing], words.STANDING[after.standing]))
    return "，".join(told)


def _amount(point: Point, value: Any) -> str:
    return f"{plain(value)} {words.UNIT[point.measure]}"


def _turn(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _as_if(found: AsIf, day: date, organisation: Organisation) -> Iterator[str]:
    """The what-if: by requirement how many meet it today and would not, and all whose standing would differ."""
    yield f"如果今年就按 {told_date(day)}的规则（用截至 {told_date(found.today)}的学时算）："
    for row in _tally(found):
        lost, gained = row["no_longer_met"], row["newly_met"]
        told = f"现在达标的 {row['met']} 人中有 {lost} 人达不到，另有 {gained} 人变成达标"
        yield f"  {one_line(row['label'])}（{row['requirement']}）：{told}，状态有变化的共 {row['changed']} 人"
    if not found.shifts:
        yield "  没有人的状态会变。"
    for shift in _ordered(found.shifts, organisation):
        yield _shift(shift, organisation)


def _tally(found: AsIf) -> Iterator[dict[str, Any]]:
    for requirement, group in groupby(
        sorted(found.shifts, key=lambda s: s.requirement), lambda s: s.requirement
    ):
        shifts = list(group)
        yield {
            "requirement": requirement,
            "label": shifts[0].label,
            "met": found.met.get(requirement, 0),
            "no_longer_met": sum(_is_met(s.before) and not _is_met(s.after) for s in shifts),
            "newly_met": sum(_is_met(s.after) and not _is_met(s.before) for s in shifts),
            "changed": len(shifts),
        }


def _is_met(point: Point | None) -> bool:
    return point is not None and point.standing == "met"


def _past(past: dict[int, int]) -> Iterator[str]:
    if not past:
        yield "以前各年的数字不变。"
        return
    told = "，".join(f"{year} 年 {people} 人" for year, people in past.items())
    yield f"！！！警告：以前年份的数字会变（{told}）。"
    yield from _CURE


# --- as data


def trial_data(found: Trial) -> dict[str, Any]:
    """The trial as plain values, hours as shortest decimal strings."""
    return {
        "changed": not found.is_idle,
        "changes": [_change_data(change) for change in found.changes],
        "days": [_effect_data(effect) for effect in found.effects],
        "past": [{"year": year, "people": people} for year, people in found.past.items()],
    }


def _change_data(change: Change) -> dict[str, Any]:
    was, now = ("、".join(one_line(name) for name in order) or None for order in change.order)
    return {
        "section": change.section,
        "rule": one_line(change.rule),
        "change": change.change,
        "old": _rule(change.old) if change.old else was,
        "new": _rule(change.new) if change.new else now,
    }


def _effect_data(effect: Effect) -> dict[str, Any]:
    affected = effect.affected()
    branches: dict[str, int] = {}
    for branch in affected.values():
        branches[branch or ""] = branches.get(branch or "", 0) + 1
    return {
        "on": effect.on.isoformat(),
        "people": effect.people,
        "affected": len(affected),
        "branches": branches,
        "members": [_shift_data(shift) for shift in effect.shifts],
        "as_if": None if effect.as_if is None else _as_if_data(effect.as_if),
    }


def _as_if_data(found: AsIf) -> dict[str, Any]:
    return {
        "on": found.today.isoformat(),
        "requirements": list(_tally(found)),
        "members": [_shift_data(shift) for shift in found.shifts],
    }


def _shift_data(shift: Shift) -> dict[str, Any]:
    return {
        "member": shift.member,
        "name": one_line(shift.name),
        "branch": shift.branch,
        "requirement": shift.requirement,
        "label": one_line(shift.label),
        "old": _point_data(shift.before),
        "new": _point_data(shift.after),
    }


def _point_data(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    return {
        "measure": point.measure,
        "target": None if point.target is None else plain(point.target),
        "counted": plain(point.counted),
        "standing": point.standing,
    }
