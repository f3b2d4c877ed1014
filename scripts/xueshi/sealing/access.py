"""Who may read which page on a day, and through which door. Pure; who an officer is: docs/decisions/0013.

What must hold: the readers who reach a page through any door are its access list, neither more nor fewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from xueshi.model import MEMBER, OFFICER, Organisation, Reader, RecordSet, Unit, contains

_SECRETARY, _BRANCH = "branch_secretary", "branch"


@dataclass(frozen=True, slots=True, order=True)
class PageId:
    """A page. `kind`: member | branch | committee (any unit above branches); `id` of the person or the unit."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Access:
    """`lists` maps each page to who may open it, `children` to the pages whose keys it holds, `doors` each reader to the
    pages whose keys the door holds: the uppermost ones, from which all others are reached."""

    lists: Mapping[PageId, frozenset[Reader]]
    children: Mapping[PageId, tuple[PageId, ...]]
    doors: Mapping[Reader, tuple[PageId, ...]]

    def reach(self, reader: Reader) -> frozenset[PageId]:
        """Every page that can be opened with a reader's link, by following keys as a browser does."""
        return _below(self.doors.get(reader, ()), self.children)


def access(records: RecordSet, day: date) -> Access:
    """From the approved organisation, rosters and keys, as of `day`. Whoever is in no branch on the day has neither page
    nor member link; whose link was removed stands in no list, but officers still read their page."""
    tree, people = _children(records, day), records.people()
    officers = _officers(records, day)
    lists: dict[PageId, frozenset[Reader]] = {}
    for unit in _units(records.organisation):
        lists[_unit_page(unit)] = _links(records, OFFICER, officers(unit.id))
    for page in [page for pages in tree.values() for page in pages if page.kind == MEMBER]:
        held = people[page.id].membership(day)
        above = officers(held.branch) if held else ()
        lists[page] = _links(records, MEMBER, [page.id]) | _links(records, OFFICER, above)
    return Access(lists, tree, _doors(lists, tree, records.organisation))


def officers_of(records: RecordSet, unit: str, day: date) -> tuple[str, ...]:
    """Member ids of those who read everything of a unit on `day`: its reviewers and those of units above, and of a
    branch its secretary."""
    return _officers(records, day)(unit)


def holders(records: RecordSet, day: date) -> frozenset[tuple[str, str]]:
    """Kind and id of everybody who is entitled to a link on `day`, whether or not theirs was removed."""
    officers = _officers(records, day)
    members = {(MEMBER, ident) for ident, person in records.people().items() if person.membership(day)}
    held = {(OFFICER, ident) for unit in _units(records.organisation) for ident in officers(unit.id)}
    return frozenset(members | held)


def _officers(records: RecordSet, day: date) -> Callable[[str], tuple[str, ...]]:
    """Unit → officers, each unit looked at once."""
    secretaries = _secretaries(records, day)

    @cache
    def of(unit: str) -> tuple[str, ...]:
        reviewers = (reviewer.member for reviewer in records.organisation.reviewers_of(unit, day))
        return tuple(sorted({*reviewers, *secretaries.get(unit, ())}))

    return of


def _secretaries(records: RecordSet, day: date) -> dict[str, tuple[str, ...]]:
    """Branch → its secretaries: by its own roster, and only while they are in it."""
    branches = {unit.id for unit in _units(records.organisation) if unit.kind == _BRANCH}
    return {
        branch: tuple(
            entry.id
            for entry in roster.members
            if any(contains(period.start, period.until, day) for period in entry.periods)
            and any(r.role == _SECRETARY and contains(r.start, r.until, day) for r in entry.roles)
        )
        for branch, roster in records.rosters.items()
        if branch in branches
    }


def _units(organisation: Organisation) -> tuple[Unit, ...]:
    """Every unit once: where a wrong file has two of one id, the first is it, as everywhere."""
    return tuple(unit for unit in organisation.units if organisation.unit(unit.id) is unit)


def _links(records: RecordSet, kind: str, ids: Iterable[str]) -> frozenset[Reader]:
    found = (records.keys.reader(kind, ident) for ident in ids)
    return frozenset(reader for reader in found if reader is not None)


def _unit_page(unit: Unit) -> PageId:
    return PageId(_BRANCH if unit.kind == _BRANCH else "committee", unit.id)


def _children(records: RecordSet, day: date) -> dict[PageId, tuple[PageId, ...]]:
    """Unit → units below it; branch → its members of the day, in order of id."""
    organisation = records.organisation
    found: dict[PageId, list[PageId]] = {_unit_page(unit): [] for unit in _units(organisation)}
    for unit in _units(organisation):
        above = organisation.unit(unit.parent) if unit.parent else None
        # A branch's secretary reads nothing of a unit that a wrong file puts below it.
        if above is not None and above.kind != _BRANCH:
            found[_unit_page(above)].append(_unit_page(unit))
    for ident, person in sorted(records.people().items()):
        held = person.membership(day)
        if held is not None:
            # A branch that the organisation does not list has no page; its members keep theirs.
            found.setdefault(PageId(_BRANCH, held.branch), []).append(PageId(MEMBER, ident))
    return {page: tuple(below) for page, below in found.items()}


def _doors(
    lists: Mapping[PageId, frozenset[Reader]],
    tree: Mapping[PageId, tuple[PageId, ...]],
    organisation: Organisation,
) -> dict[Reader, tuple[PageId, ...]]:
    """The uppermost pages of each reader: what is reached from one of them needs no key of its own in the door."""
    held: dict[Reader, list[PageId]] = {}
    for page in sorted(lists, key=lambda page: _height(page, organisation)):
        for reader in lists[page]:
            held.setdefault(reader, []).append(page)
    return {reader: tuple(_uppermost(pages, tree)) for reader, pages in sorted(held.items())}


def _height(page: PageId, organisation: Organisation) -> tuple[int, str]:
    """Committees before what is below them, members last."""
    return (len(organisation.units) + 1 if page.kind == MEMBER else len(organisation.above(page.id))), page.id


def _uppermost(pages: Iterable[PageId], tree: Mapping[PageId, tuple[PageId, ...]]) -> list[PageId]:
    kept: list[PageId] = []
    reached: frozenset[PageId] = frozenset()
    for page in pages:
        if page not in reached:
            below = _below([page], tree)
            # Where a wrong file puts units in a circle, a later page may lead to an earlier one.
            kept = [*(known for known in kept if known not in below), page]
            reached |= below
    return kept


def _below(pages: Iterable[PageId], tree: Mapping[PageId, tuple[PageId, ...]]) -> frozenset[PageId]:
    found: set[PageId] = set()
    waiting = list(pages)
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            waiting += tree.get(page, ())
    return frozenset(found)
