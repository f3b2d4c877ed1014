"""Rules that judge rosters, organisation and policy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from xueshi.checks.context import Context, told_date
from xueshi.model import Problem
from xueshi.records.source import ORGANISATION


def units_form_a_tree(c: Context) -> Iterator[Problem]:
    """Every unit's parent is a unit, no unit is above itself, and ids are not repeated."""
    units = c.records.organisation.units
    ids = [unit.id for unit in units]
    for unit in units:
        if ids.count(unit.id) > 1:
            yield _organisation(
                c, "units", f"党组织编号 {unit.id!r} 用了 {ids.count(unit.id)} 次，请改成不同的编号"
            )
        if unit.parent is not None and unit.parent not in ids:
            yield _organisation(c, "units", f"{unit.name}的上级 {unit.parent!r} 不存在，请改正 parent")
        chain = c.records.organisation.above(unit.id)
        last = c.records.organisation.unit(chain[-1]) if chain else None
        if last is not None and last.parent in chain:
            yield _organisation(
                c, "units", f"{unit.name}的上级绕成了一圈：{' → '.join(chain)}，请改正 parent"
            )


def rosters_have_a_branch(c: Context) -> Iterator[Problem]:
    """A roster lies in the folder of a branch of organisation.yaml."""
    known = {unit.id for unit in c.records.organisation.branches()}
    for branch in c.records.rosters:
        if branch not in known:
            path = f"records/{branch}/roster.yaml"
            yield Problem(path, 1, "", f"没有支部 {branch!r}，请在 organisation.yaml 中补上或删去这个名册")


def roster_periods_are_in_order(c: Context) -> Iterator[Problem]:
    """A person's periods end after they begin, and nobody is in two branches on one day."""
    for person in c.people.values():
        held = person.memberships
        for one in held:
            path = f"records/{one.branch}/roster.yaml"
            if one.until is not None and one.until <= one.start:
                words = f"{person.id} 的时段止于 {told_date(one.until)}，不晚于起始日，请改正"
                yield Problem(path, c.records.line(path, "members"), "", words, "members")
        for one, following in pairwise(held):
            if one.until is None or one.until > following.start:
                path = f"records/{following.branch}/roster.yaml"
                words = f"{person.id} 自 {told_date(following.start)}起同时在 {one.branch} 和 {following.branch}，请补上前一段的 until"
                yield Problem(path, c.records.line(path, "members"), "", words, "members")


def members_stand_once(c: Context) -> Iterator[Problem]:
    """An id stands once in a roster; several periods belong to one entry."""
    for branch, roster in c.records.rosters.items():
        ids = [entry.id for entry in roster.members]
        for twice in sorted({one for one in ids if ids.count(one) > 1}):
            path = f"records/{branch}/roster.yaml"
            words = f"党员编号 {twice!r} 写了两次，请合成一项（多段时间写在 periods 里）"
            yield Problem(path, c.records.line(path, "members"), "", words, "members")


def reviewers_are_members(c: Context) -> Iterator[Problem]:
    """Every reviewer is on a roster and reviews a unit that exists."""
    ids = {unit.id for unit in c.records.organisation.units}
    for reviewer in c.records.organisation.reviewers:
        if reviewer.member not in c.people:
            yield _organisation(c, "reviewers", f"审核人 {reviewer.member!r} 不在任何名册上，请改正编号")
        if reviewer.unit not in ids:
            yield _organisation(
                c, "reviewers", f"审核人 {reviewer.member!r} 的党组织 {reviewer.unit!r} 不存在，请改正 unit"
            )


def _organisation(c: Context, field: str, message: str) -> Problem:
    return Problem(ORGANISATION, c.records.line(ORGANISATION, field), "", message, field)
