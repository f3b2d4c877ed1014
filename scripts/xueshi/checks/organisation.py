"""Rules that judge rosters, organisation and policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from xueshi.checks.context import Context, told_date
from xueshi.model import Membership, Problem, Reviewer, Role, RosterEntry, Severity, Span, contains
from xueshi.records.source import ORGANISATION
from xueshi.speech import say


def units_form_a_tree(c: Context) -> Iterator[Problem]:
    """Every unit's parent is a unit, no unit is above itself, ids are not repeated, and one unit, a committee, stands
    above all."""
    units = c.records.organisation.units
    ids = [unit.id for unit in units]
    for number, unit in enumerate(units):
        if unit.id in ids[:number]:
            words = f"党组织编号 {unit.id!r} 用了 {ids.count(unit.id)} 次，请改成不同的编号"
            yield _organisation(c, f"units.{number}", words)
        if unit.parent is not None and unit.parent not in ids:
            words = f"{unit.name}的上级 {unit.parent!r} 不存在，请改正 parent"
            yield _organisation(c, f"units.{number}.parent", words)
        chain = c.records.organisation.above(unit.id)
        last = c.records.organisation.unit(chain[-1]) if chain else None
        if last is not None and last.parent in chain:
            words = f"{unit.name}的上级绕成了一圈：{' → '.join(chain)}，请改正 parent"
            yield _organisation(c, f"units.{number}.parent", words)
    yield from _top(c)


def _top(c: Context) -> Iterator[Problem]:
    tops = [(n, unit) for n, unit in enumerate(c.records.organisation.units) if unit.parent is None]
    for number, unit in tops[1:]:
        words = (
            f"{unit.name}（{unit.id}）没有写上级；只能有一个最上级（{tops[0][1].name}），请给它写上 parent"
        )
        yield _organisation(c, f"units.{number}", words)
    if not tops:
        yield _organisation(c, "units", "没有最上级的党组织，请把党委的 parent 删去")
    elif len(tops) == 1 and tops[0][1].kind != "committee":
        words = f"最上级{tops[0][1].name}的 kind 应为 committee；它若是支部，请在上面加一个党委"
        yield _organisation(c, f"units.{tops[0][0]}.kind", words)


def somebody_can_decide(c: Context) -> Iterator[Problem]:
    """Today a reviewer of the unit above all can decide, at a desk or by an address or login of their own, and every
    branch has a reviewer, its own or one above it. Otherwise nothing could be approved, not even the cure."""
    organisation = c.records.organisation
    tops = {unit.id for unit in organisation.units if unit.parent is None and unit.kind != "branch"}
    if not any(r.unit in tops and _is_reachable(r, c) for r in _in_office(c)):
        words = "今天没有党委的审核人能审核（要在任，并且有审核台，或写了自己的邮箱或账号），以后什么都批不了，请补上"
        yield _organisation(c, "reviewers", words)
    for number, unit in enumerate(organisation.units):
        if unit.kind == "branch" and not organisation.reviewers_of(unit.id, c.today):
            words = f"{unit.name}（{unit.id}）和它的上级今天都没有在任的审核人，请在 reviewers 里补上"
            yield _organisation(c, f"units.{number}", words)


def _in_office(c: Context) -> list[Reviewer]:
    return [r for r in c.records.organisation.reviewers if contains(r.start, r.until, c.today)]


def _is_reachable(reviewer: Reviewer, c: Context) -> bool:
    desks = c.records.organisation.desks
    others = {email for r in _in_office(c) if r.member != reviewer.member for email in r.emails}
    desk = any(contains(desk.start, desk.until, c.today) for desk in desks)
    return desk or bool(reviewer.logins) or any(email not in others for email in reviewer.emails)


def organisation_spans_are_in_order(c: Context) -> Iterator[Problem]:
    """Terms, appointments and desks end after they begin."""
    organisation = c.records.organisation
    spans: list[tuple[str, str, date, date | None]] = []
    for number, unit in enumerate(organisation.units):
        spans += [
            (f"units.{number}.terms.{place}", f"{unit.name}的任期", term.start, term.until)
            for place, term in enumerate(unit.terms)
        ]
    for number, r in enumerate(organisation.reviewers):
        spans.append((f"reviewers.{number}", f"审核人 {r.member!r}", r.start, r.until))
    for number, desk in enumerate(organisation.desks):
        spans.append((f"desks.{number}", f"审核台 {desk.email}", desk.start, desk.until))
    for place, told, start, until in spans:
        if until is not None and until <= start:
            words = f"{told}止于 {told_date(until)}，不晚于起始日，请改正"
            yield _organisation(c, f"{place}.until", words)


def rosters_have_a_branch(c: Context) -> Iterator[Problem]:
    """A roster lies in the folder of a branch of organisation.yaml."""
    known = {unit.id for unit in c.records.organisation.branches()}
    for branch in c.records.rosters:
        if branch not in known:
            path = f"records/{branch}/roster.yaml"
            words = say("没有支部 %(branch)r，请在 organisation.yaml 中补上或删去这个名册", branch=branch)
            yield Problem(path, 1, "", words)


def roster_periods_are_in_order(c: Context) -> Iterator[Problem]:
    """A person's periods, roles and exemptions end after they begin, and nobody is in two branches on one day."""
    held: dict[str, list[tuple[Membership, str]]] = {}
    for branch, number, entry in _entries(c):
        spans: tuple[tuple[str, str, Sequence[Membership | Role | Span]], ...] = (
            ("periods", say("时段"), entry.periods),
            ("roles", say("职务"), entry.roles),
            ("exempt", say("不作要求的时段"), entry.exempt),
        )
        for name, told, found in spans:
            for place, one in enumerate(found):
                if one.until is not None and one.until <= one.start:
                    words = say(
                        "%(member)s 的%(what)s止于 %(day)s，不晚于起始日，请改正",
                        member=entry.id,
                        what=told,
                        day=told_date(one.until),
                    )
                    yield _roster(c, branch, f"members.{number}.{name}.{place}.until", words)
        for place, period in enumerate(entry.periods):
            held.setdefault(entry.id, []).append((period, f"members.{number}.periods.{place}"))
    for member, periods in held.items():
        for (one, _), (following, at) in combinations(sorted(periods, key=lambda p: p[0].start), 2):
            if one.until is None or one.until > following.start:
                words = say(
                    "%(member)s 自 %(day)s起同时在 %(one)s 和 %(other)s，请补上前一段的 until",
                    member=member,
                    day=told_date(following.start),
                    one=one.branch,
                    other=following.branch,
                )
                yield _roster(c, following.branch, at, words)


def members_stand_once(c: Context) -> Iterator[Problem]:
    """An id stands once in a roster; several periods belong to one entry."""
    seen: set[tuple[str, str]] = set()
    for branch, number, entry in _entries(c):
        if (branch, entry.id) in seen:
            words = say(
                "党员编号 %(member)r 写了不止一次，请合成一项（多段时间写在 periods 里）", member=entry.id
            )
            yield _roster(c, branch, f"members.{number}", words)
        seen.add((branch, entry.id))


def one_id_is_one_person(c: Context) -> Iterator[Problem]:
    """One id has one name in every roster: two people under one would share their hours."""
    names: dict[str, tuple[str, str]] = {}
    for branch, number, entry in _entries(c):
        there, name = names.setdefault(entry.id, (branch, entry.name))
        if name != entry.name:
            words = say(
                "编号 %(member)r 在 %(branch)s 是“%(name)s”，在这里是“%(other)s”：是同一个人请写同一个名字，不是请换一个编号",
                member=entry.id,
                branch=there,
                name=name,
                other=entry.name,
            )
            yield _roster(c, branch, f"members.{number}.name", words, Severity.WARNING)


def reviewers_are_members(c: Context) -> Iterator[Problem]:
    """Every reviewer is on a roster and reviews a unit that exists."""
    ids = {unit.id for unit in c.records.organisation.units}
    for number, reviewer in enumerate(c.records.organisation.reviewers):
        if reviewer.member not in c.people:
            words = f"审核人 {reviewer.member!r} 不在任何名册上，请改正编号"
            yield _organisation(c, f"reviewers.{number}.member", words)
        if reviewer.unit not in ids:
            words = f"审核人 {reviewer.member!r} 的党组织 {reviewer.unit!r} 不存在，请改正 unit"
            yield _organisation(c, f"reviewers.{number}.unit", words)


def desks_have_their_own_address(c: Context) -> Iterator[Problem]:
    """A desk's address is no reviewer's: what they merge themselves would be taken for the desk's word."""
    owners = {email: r.member for r in c.records.organisation.reviewers for email in r.emails}
    for number, desk in enumerate(c.records.organisation.desks):
        if desk.email in owners:
            words = f"审核台的邮箱 {desk.email} 也是审核人 {owners[desk.email]!r} 的，请给审核台单独的邮箱"
            yield _organisation(c, f"desks.{number}.email", words)


def _entries(c: Context) -> Iterator[tuple[str, int, RosterEntry]]:
    """Every entry of every roster: branch, place, entry."""
    for branch, roster in sorted(c.records.rosters.items()):
        for number, entry in enumerate(roster.members):
            yield branch, number, entry


def _roster(
    c: Context, branch: str, place: str, message: str, severity: Severity = Severity.ERROR
) -> Problem:
    path = f"records/{branch}/roster.yaml"
    return Problem(path, c.records.line(path, place), "", message, "members", severity)


def _organisation(c: Context, place: str, message: str) -> Problem:
    """A fault at a place of organisation.yaml, such as units.0.parent."""
    return Problem(ORGANISATION, c.records.line(ORGANISATION, place), "", message, place.partition(".")[0])
