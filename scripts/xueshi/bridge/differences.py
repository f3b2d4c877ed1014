"""What differs between a record and the same as it is proposed, in words for a table."""

from __future__ import annotations

from datetime import date

from xueshi import project, reading, words
from xueshi.bridge.office import Current
from xueshi.model import Study

_SILENT = ("path", "branch", "id", "member", "submitted", "change", "void")


def differences(current: Current, before: Study, after: Study) -> list[tuple[str, str, str]]:
    """Each field that differs: its title, what it was, what it would be."""
    titles = project.schema("study")["properties"]
    found = []
    for name in Study.__dataclass_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if name not in _SILENT and old != new:
            found.append((titles[name]["title"], _told(current, name, old), _told(current, name, new)))
            if name == "evidence" and len(old) == len(new):
                found[-1] = (titles[name]["title"], words.value(old), f"{words.value(new)}（换过）")
    return found


def _told(current: Current, name: str, value: object) -> str:
    if name == "kind":
        kind = current.records.policy.kinds.get(str(value))
        return kind.label if kind else str(value)
    if name == "organiser_level":
        return words.ORGANISER_LEVEL.get(str(value), words.value(value))
    return reading.told(value) if isinstance(value, date) else words.value(value)
