"""For whom links are printed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from xueshi.errors import UsageError
from xueshi.model import OFFICER, RecordSet
from xueshi.pinyin import sort_key
from xueshi.sealing.access import holders, officers_of
from xueshi.sealing.keys import link_fragment, reader_key
from xueshi.sealing.sheets import Card, link

KINDS = {"member": "本人链接", "officer": "审核人链接"}


def chosen(
    records: RecordSet, kind: str, day: date, *, members: Collection[str] = (), branch: str | None = None
) -> list[str]:
    """Ids of those with a link of this kind on `day`, by branch and name: all, only `members`, only of `branch` (of
    officers: who read it). Raises UsageError for whom there is nothing to print."""
    found = {ident for held, ident in holders(records, day) if held == kind}
    if branch is not None:
        found &= _of_branch(records, kind, branch, day)
    for ident in sorted(set(members) - found):
        raise UsageError(f"{ident} 今天没有{'这个支部的' if branch else ''}{KINDS[kind]}，不用印")
    found = set(members) or found
    if not found:
        raise UsageError(f"没有要印的{KINDS[kind]}；请核对支部的名册和审核人")
    places = {unit.id: number for number, unit in enumerate(records.organisation.units)}

    def order(ident: str) -> tuple[int, object, str]:
        name, home = _person(records, ident, day)
        return places.get(home, len(places)), sort_key(name), ident

    return sorted(found, key=order)


def cards(
    records: RecordSet, kind: str, ids: Iterable[str], root: bytes, site: str, day: date
) -> Iterator[Card]:
    """Their pieces of paper, with the links that hold; without those whose links were removed. `root` is the root of
    links, `site` an address from site_address."""
    for ident in ids:
        reader = records.keys.reader(kind, ident)
        if reader is not None:
            name, home = _person(records, ident, day)
            unit = records.organisation.unit(home)
            address = link(site, link_fragment(reader_key(root, reader)))
            yield Card(reader, name, unit.name if unit else home, address)


def _of_branch(records: RecordSet, kind: str, branch: str, day: date) -> set[str]:
    branches = [unit.id for unit in records.organisation.branches()]
    if branch not in branches:
        raise UsageError(f"没有支部 {branch!r}；有：{'、'.join(branches)}")
    if kind == OFFICER:
        return set(officers_of(records, branch, day))
    return {ident for ident in records.people() if _person(records, ident, day)[1] == branch}


def _person(records: RecordSet, ident: str, day: date) -> tuple[str, str]:
    """Name, and branch of the day ("": none)."""
    person = records.people().get(ident)
    held = person.membership(day) if person else None
    return (person.name if person else ident), (held.branch if held else "")
