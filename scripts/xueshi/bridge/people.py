"""People as a reviewer knows them: by name, and apart where two have the same one."""

from __future__ import annotations

import re
from collections import Counter

from xueshi.bridge.office import Current
from xueshi.model import Person


def places(current: Current) -> dict[str, str]:
    """What tells each member from others of the same name: the branch, with the id where that is the same as well."""
    branches = {person.id: _branch(current, person) for person in current.people.values()}
    same = Counter((person.name, branches[person.id]) for person in current.people.values())
    return {
        ident: branches[ident] if branches[ident] and same[person.name, branches[ident]] == 1
        else "，".join(filter(None, (branches[ident], ident)))
        for ident, person in current.people.items()
    }  # fmt: skip


def names(current: Current) -> dict[str, str]:
    """Each member's name, with their place beside it where another has the same name."""
    many, where = Counter(person.name for person in current.people.values()), places(current)
    return {
        ident: person.name if many[person.name] == 1 else f"{person.name}（{where[ident]}）"
        for ident, person in current.people.items()
    }


def named(text: str, member: str, name: str) -> str:
    """A check's words with the name in place of a member's id."""
    return re.sub(rf"'?(?<![0-9A-Za-z-]){re.escape(member)}(?![0-9A-Za-z-])'?", lambda _: name, text)


def _branch(current: Current, person: Person) -> str:
    """The name of the branch that somebody is in, or was in last."""
    held = person.membership(current.today) or next(reversed(person.memberships), None)
    return current.unit_name(held.branch) if held else ""
