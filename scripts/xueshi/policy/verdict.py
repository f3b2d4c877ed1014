"""A trial as text for the policy officer, and as plain data with keys that stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from xueshi import words
from xueshi.checks.context import told_date
from xueshi.model import Organisation
from xueshi.pinyin import sort_key
from xueshi.policy.chinese import WORDS
from xueshi.policy.explain import Entry
from xueshi.policy.parts import Part, parts_text
from xueshi.policy.phrases import one_line
from xueshi.policy.trial import AsIf, Change, Effect, Point, Shift, Trial
from xueshi.words import plain

_CHANGE = {"added": "新增", "removed": "删去", "changed": "改动", "moved": "换了先后"}
_CURE = (
    "  如果只想改以后：把旧的一条原样留下，写上 until（到哪天为止），再加一条编号相同的新规则，from 写同一天；",
    "  学习类型的改动写进它的 changes；对象和周期另起一个编号给新规则用。改好后再运行一次。",
)


_MANY = 5  # of whom the same is told; more are counted


def trial_summary(found: Trial) -> str:
    """The trial in a line, and a warning where it reaches back."""
    people = {shift.member for effect in found.effects for shift in effect.shifts}
    told = f"{len(people)} 人的数字会变" if people else "没有人的数字会变"
    return "\n".join([told, *(_past(found) if found.past else ())])


def trial_text(found: Trial, organisation: Organisation, *, names: bool = False) -> str:
    """The whole trial: what changes, who is affected on which day, and what it does to years that are over. Without
    `names`, many people to whom the same happens are only counted."""
    most = len(_everybody(found)) if names else _MANY
    if found.is_idle:
        return "没有变化：这份规则与已批准的规则意思相同，没有人受影响。"
    lines = ["规则的变化", *(line for change in found.changes for line in _change(change))]
    lines += [] if found.changes else ["  文字上没有变化，只改了编号或写法。"]
    for effect in found.effects:
        lines += ["", *_effect(effect, organisation, most)]
    return "\n".join([*lines, "", *_past(found)])


def _everybody(found: Trial) -> set[str]:
    shifts = [s for effect in found.effects for s in (*effect.shifts, *_ahead(effect))]
    return {shift.member for shift in shifts}


def _ahead(effect: Effect) -> tuple[Shift, ...]:
    return effect.as_if.shifts if effect.as_if else ()


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


def _effect(effect: Effect, organisation: Organisation, most: int) -> Iterator[str]:
    affected = effect.affected()
    if not affected:
        yield f"{told_date(effect.on)}：没有人的数字不同。"
    else:
        by_branch = "，".join(f"{name} {count} 人" for name, count in _by_branch(affected, organisation))
        yield f"{told_date(effect.on)}：{len(affected)} 人的数字不同（全部 {effect.people} 人；{by_branch}）"
        yield from _told(effect.shifts, organisation, most)
    if effect.as_if is not None:
        yield from _as_if(effect.as_if, effect.on, organisation, most)


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


def _told(shifts: Iterable[Shift], organisation: Organisation, most: int) -> Iterator[str]:
    """A line for each person; people to whom the same happens are counted where they are more than `most`."""
    same: dict[str, list[Shift]] = {}
    for shift in _ordered(shifts, organisation):
        same.setdefault(f"{_requirement(shift)}：{_essence(shift)}", []).append(shift)
    for told, group in same.items():
        if len(group) > most:
            yield f"  {len(group)} 人  {told}"
        else:
            yield from (_shift(shift, organisation) for shift in group)
    if any(len(group) > most for group in same.values()):
        yield f"  （同样的变化超过 {most} 人的只报人数，加 --names 列出姓名）"


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


def _essence(shift: Shift) -> str:
    """Only what differs: the same for all to whom the same happens, however much they have."""
    before, after = shift.before, shift.after
    if before is None or after is None:
        return (
            f"以前没有这条要求，现在标准 {_target(after)}"
            if after
            else f"不再有这条要求，以前标准 {_target(before)}"
        )
    targets = _target(before), _target(after)
    told = [f"标准 {_turn(*targets)}"] if targets[0] != targets[1] else []
    if _counted(before) != _counted(after):
        told.append(f"计入 {_turn(_counted(before), _counted(after))}")
    if before.standing and after.standing and before.standing != after.standing:
        told.append(_turn(words.STANDING[before.standing], words.STANDING[after.standing]))
    return "，".join(told)


def _target(point: Point | None) -> str:
    """What is asked for, without what there is."""
    if point is None or point.target is None:
        return ""
    each = [
        _amount(part.measure, part.target) + (f"（{part.where}）" if part.where else "")
        for part in point.parts
    ]
    join = "并且 " if point.every else "或者 "
    return join.join(each) or _amount(point.measure, point.target)


def _counted(point: Point) -> str:
    each = [_amount(part.measure, part.counted) for part in point.parts]
    return "、".join(each) or _amount(point.measure, point.counted)


def _figures(before: Point, after: Point) -> str:
    if before.parts or after.parts:
        told = [f"标准 {_turn(_whole(before), _whole(after))}"]
    else:
        told = [f"计入 {_turn(_counted(before), _counted(after))}"]
        if before.target is not None and after.target is not None:
            told.insert(0, f"标准 {_turn(_target(before), _target(after))}")
    if before.standing and after.standing:
        told.append(_turn(words.STANDING[before.standing], words.STANDING[after.standing]))
    return "，".join(told)


def _whole(point: Point) -> str:
    """Every measure with what there is of it."""
    if not point.parts:
        return f"{_target(point)}（已有 {plain(point.counted)}）"
    return parts_text(point.parts, every=point.every)


def _amount(measure: str, value: Decimal) -> str:
    return f"{plain(value)} {words.UNIT[measure]}"


def _turn(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _as_if(found: AsIf, day: date, organisation: Organisation, most: int) -> Iterator[str]:
    """The what-if: by requirement how many meet it today and would not, and all whose standing would differ."""
    yield f"如果今年就按 {told_date(day)}的规则（用截至 {told_date(found.today)}的学时算）："
    for row in _tally(found):
        lost, gained = row["no_longer_met"], row["newly_met"]
        told = f"现在达标的 {row['met']} 人中有 {lost} 人达不到，另有 {gained} 人变成达标"
        yield f"  {one_line(row['label'])}（{row['requirement']}）：{told}，状态有变化的共 {row['changed']} 人"
    if not found.shifts:
        yield "  没有人的状态会变。"
    yield from _told(found.shifts, organisation, most)


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


def _past(found: Trial) -> Iterator[str]:
    if found.first >= found.year:
        yield f"{found.year - 1} 年没有记录，没有比较以前的数字。"
        return
    if not found.past:
        yield "以前各年的数字不变。"
        return
    told = "，".join(f"{year} 年 {people} 人" for year, people in found.past.items())
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
        "compared": list(range(found.first, found.year)),
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
        "every": point.every,
        "parts": [_part_data(part) for part in point.parts],
    }


def _part_data(part: Part) -> dict[str, Any]:
    return {
        "measure": part.measure,
        "target": plain(part.target),
        "counted": plain(part.counted),
        "where": one_line(part.where),
    }
