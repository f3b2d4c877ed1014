"""The ways in: who stands behind a link, and what they may see from there."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from xueshi.bridge.form import Entry
from xueshi.bridge.guards import TooMany
from xueshi.bridge.office import Current, Office
from xueshi.bridge.pages import Refused
from xueshi.model import Standings
from xueshi.outbox import Row


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: the address it was reached by, the branch or member it stands for. `via`: link | poster."""

    via: str
    token: str
    subject: str

    @property
    def path(self) -> str:
        return f"/{'m' if self.via == 'link' else 'b'}/{self.token}"


def door(office: Office, via: str, token: str) -> Door:
    """The door that a link opens. Raises LinkRefused."""
    return Door(via, token, office.links.opened("m" if via == "link" else "b", token))


def entry(door: Door, current: Current, member: str) -> Entry | None:
    """Who registers through the door; None when a poster's visitor has not said yet. Raises Refused."""
    if door.via == "link":
        person = current.people.get(door.subject)
        held = person.membership(current.today) if person else None
        branch = current.branch(held.branch) if held else None
        if person is None or branch is None:
            raise Refused(
                404, "not on a roster", "名册上现在没有您", "请联系支部组织委员，核对名册后再打开这个链接。"
            )
        if member not in ("", person.id):
            raise Refused(
                403,
                "foreign member",
                "不能替别人登记",
                "这是个人链接，只能登记本人的学习。请让对方用自己的链接或支部海报。",
            )
        return Entry(person, branch, "link")
    branch = current.branch(door.subject)
    if branch is None:
        raise Refused(
            404,
            "unknown branch",
            "没有这个支部",
            "海报上的支部已不在组织名单中，请向支部组织委员要新的海报。",
        )
    if not member:
        return None
    chosen = next((p for p in current.members(branch.id) if p.id == member), None)
    if chosen is None:
        raise Refused(
            403,
            "foreign member",
            "名册上没有这位党员",
            "请回到海报页面重新选择姓名；名单里没有您时，请联系支部组织委员。",
        )
    return Entry(chosen, branch, "poster")


def allow(office: Office, who: Entry) -> None:
    """Raises TooMany once somebody sent as much by this way in as may come in an hour. Posters are counted beside the own
    link, which whoever holds a poster could use up otherwise."""
    wait = 0 if office.per_member is None else office.per_member.wait(_allowance(who))
    if wait:
        raise TooMany(wait)


def counted(office: Office, who: Entry) -> AbstractContextManager[None]:
    """Count what is stored within; nothing where that fails. Raises TooMany."""
    return nullcontext() if office.per_member is None else office.per_member.taken(_allowance(who))


def _allowance(who: Entry) -> str:
    return f"{who.person.id} {who.via}"


def standing(current: Current, member: str, year: int) -> Standings | None:
    """Where a member stands this year; None for another year, which the bridge does not count."""
    found = current.totals.members.get(member)
    return found.standing("year") if found and year == current.today.year else None


def reviewers(current: Current, who: Entry) -> list[str]:
    """Names of those who may decide on what this person sends."""
    able = current.records.organisation.reviewers_of(who.branch.id, current.today)
    return [current.name(r.member) for r in able if r.member != who.person.id][:3]


def ticket_of(office: Office, door: Door, submission: str) -> str:
    """What a receipt's address carries: plain below a personal link, signed below a poster that many hold."""
    return submission if door.via == "link" else office.links.token("r", submission)


def receipt_path(office: Office, door: Door, submission: str) -> str:
    """The address of a receipt below the door it was sent from."""
    return f"{door.path}/r/{ticket_of(office, door, submission)}"


def own(office: Office, door: Door, ticket: str) -> Row:
    """The submission a ticket stands for, if it belongs behind this door. Raises Refused, LinkRefused."""
    row = office.outbox.get(ticket if door.via == "link" else office.links.opened("r", ticket))
    owner = row and (row.sent.member if door.via == "link" else row.sent.branch)
    if row is None or owner != door.subject:
        raise Refused(404, "no such receipt", "没有这张回执", "请核对链接，或回到登记页面查看“我的记录”。")
    return row
