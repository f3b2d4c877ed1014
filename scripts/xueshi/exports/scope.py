"""Whose records an export holds, and their figures on its day. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xueshi.errors import UsageError
from xueshi.exports.range import Range
from xueshi.model import Credit, MemberTotals, Proposal, Study, Totals
from xueshi.pinyin import sort_key
from xueshi.reports.source import Source
from xueshi.totals.sums import within


@dataclass(frozen=True, slots=True)
class Scope:
    """`kind`: member | branch | committee (everybody); `ident` is the member's or the branch's id, else empty."""

    kind: str
    ident: str = ""

    @property
    def member(self) -> str | None:
        return self.ident if self.kind == "member" else None

    @property
    def branch(self) -> str | None:
        return self.ident if self.kind == "branch" else None

    def name(self, source: Source) -> str:
        """What people call it; empty for everybody. UsageError for an id that nobody has."""
        if self.kind == "committee":
            return ""
        if self.kind == "member":
            if self.ident not in source.names:
                raise UsageError(f"名册上没有编号 {self.ident!r} 的人；xueshi totals 会列出所有人的编号")
            return source.names[self.ident]
        known = {unit.id: unit.name for unit in source.records.organisation.branches()}
        if self.ident not in known:
            raise UsageError(f"没有编号 {self.ident!r} 的党支部；有：{'、'.join(known)}")
        return known[self.ident]

    def members(self, source: Source, figures: Totals) -> list[MemberTotals]:
        """Who belongs to it on the figures' day, by branch and pinyin; one member also after leaving."""
        if self.kind == "member":
            return [figures.members[self.ident]]
        found = [m for m in figures.members.values() if m.branch and self.branch in (None, m.branch)]
        order = order_of(source)
        return sorted(found, key=lambda m: order(m.branch or "", m.person.name, m.person.id))

    def credits(self, figures: Totals, span: Range) -> list[Credit]:
        """The records of the range: a branch's are those in its folder, a member's those of all branches."""
        if self.kind == "member":
            return within(figures.members[self.ident].credits, *span.edges)
        return within((c for c in figures.credits() if self.branch in (None, c.study.branch)), *span.edges)

    def waiting(self, source: Source, span: Range) -> Iterator[tuple[Proposal, Study]]:
        """What is proposed for the range and not decided."""
        for proposal, study in source.waiting(member=self.member, branch=self.branch):
            if span.holds(study.start_date):
                yield proposal, study


def order_of(source: Source) -> Callable[[str, str, str], tuple[object, ...]]:
    """How people are put in order by branch id, name and member id: branches as the organisation has them, then
    pinyin; a branch that it does not know comes last."""
    place = {unit.id: number for number, unit in enumerate(source.records.organisation.branches())}
    return lambda branch, name, member: (
        place.get(branch, len(place)),
        branch,
        sort_key(name) if member in source.names else (name,),
        member,
    )
