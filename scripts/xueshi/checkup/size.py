"""How many people a unit has, how they stand, and how long its committee holds office."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from xueshi.checkup.place import DUE, OK, OVERDUE, SHORT, UNKNOWN, Answer, Place, bounds, counted, last_day
from xueshi.model import Norm, Standing, add_months
from xueshi.speech import later_many, many, say

_PEOPLE = later_many("%(n)s 人")


def members(norm: Norm, place: Place) -> Answer:
    """Full and probationary members, the exempt among them."""
    return counted(norm, len(place.members), _PEOPLE)


def full_members(norm: Norm, place: Place) -> Answer:
    """Full members only; a probationary one is told beside and never counts."""
    others = len(place.members - place.full)
    details = [many("另有预备党员 %(n)s 人，不计入", others)] if others else []
    told = counted(norm, len(place.full), _PEOPLE)
    if told.verdict == SHORT and norm.min is not None and len(place.full) < norm.min:
        details.append(
            say("已是联合党支部，可再联合邻近单位，一般不超过 5 个单位")
            if place.unit.type == "joint"
            else say("可与邻近单位成立联合党支部，一般不超过 5 个单位")
        )
    return replace(told, details=tuple(details))


def committee_size(norm: Norm, place: Place) -> Answer:
    """Of the newest term: its committee goes on until another one is elected."""
    newest = place.term()
    if newest is None or newest.committee_size is None:
        cure = say("请在 organisation.yaml 的 terms 写上 committee_size")
        return Answer(say("没有登记委员人数"), bounds(norm, _PEOPLE), UNKNOWN, (cure,))
    return counted(norm, newest.committee_size, _PEOPLE)


def behind(norm: Norm, place: Place) -> Answer:
    """Members behind in the year's requirement, the same one that the headline of their report tells of."""
    found = {
        member.person.id: year.requirement.id
        for member in place.totals
        if (year := member.standing("year")) and year.standing is Standing.BEHIND
    }
    details = (say("%(who)s：%(what)s", who=who, what=ident) for who, ident in found.items())
    return counted(norm, len(found), _PEOPLE, details)


# --- term


def term(norm: Norm, place: Place) -> Answer:
    """When the newest term ends, and whether it is longer than it should be."""
    years = norm.term_years
    span = many("任期 %(n)s 年", years) if years else say("按期换届")
    required = say(
        "%(span)s，期满前 %(remind)s 个月提醒、%(apply)s 个月请示",
        span=span,
        remind=norm.remind_months,
        apply=norm.apply_months,
    )
    newest = place.term()
    end = (newest.until or (add_months(newest.start, 12 * years) if years else None)) if newest else None
    if newest is None or end is None:
        return Answer(say("没有登记任期"), required, UNKNOWN, (say("请在 organisation.yaml 写上 terms"),))
    verdict, details = OK, []
    if years and end > (most := add_months(newest.start, 12 * years)):
        verdict = SHORT
        details.append(
            many("任期比 %(n)s 年长（应到 %(day)s），延期一般不超过 1 年", years, day=last_day(most))
        )
    if end <= place.on:
        verdict = OVERDUE
        details.append(many("任期已满，超期 %(n)s 天，还没有登记新的任期", (place.on - end).days + 1))
    elif add_months(end, -norm.remind_months) <= place.on:
        verdict = verdict if verdict == SHORT else DUE
        details.append(_application(add_months(end, -norm.apply_months), end, place.on))
    return Answer(
        say("%(start)s 至 %(last)s", start=newest.start, last=last_day(end)),
        required,
        verdict,
        tuple(details),
    )


def _application(apply: date, end: date, on: date) -> str:
    """When the branch applies for its election."""
    left = (end - on).days
    if on < apply:
        return many("还有 %(n)s 天期满，请在 %(day)s 前请示", left, day=apply)
    return many("还有 %(n)s 天期满，应在 %(day)s 前请示，请尽快", left, day=apply)
