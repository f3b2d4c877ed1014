"""The history of one record in words: who sent it, who decided, what changed between versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from xueshi import project, words
from xueshi.model import SHANGHAI, History, Study, Version

_SILENT = ("path", "branch", "id", "member", "submitted", "change", "void")


@dataclass(frozen=True, slots=True)
class Line:
    """One act on a record. `commit` is the one it can be seen in: of the proposal, or on main when `decided`."""

    at: datetime
    text: str
    commit: str
    decided: bool
    approved: bool
    pull: int | None


Studies = Mapping[tuple[str, str], Study]


def timeline(path: str, history: History, studies: Studies, names: Mapping[str, str]) -> tuple[Line, ...]:
    """Every submission and decision on the file at `path`, oldest first.

    `studies` maps (path, blob or `<commit>:<path>`) to the record as it was; `names` member ids to names."""
    found: list[Line] = []
    before: Study | None = None
    for version in history.versions.get(path, ()):
        after = studies.get((path, version.blob or ""))
        asked = before
        for submission in version.submissions:
            sent = studies.get((path, f"{submission.commit}:{path}"), after)
            text = _submitted(submission.action, names.get(submission.by, submission.by), asked, sent)
            found.append(Line(submission.at.astimezone(SHANGHAI), text, submission.commit, False, True, None))
            asked = sent
        found.append(_decision(version, asked if version.submissions else before, after, names))
        before = after
    return tuple(found)


def differences(before: Study, after: Study) -> Iterator[str]:
    """What differs, field by field: “学时 3 改为 2”."""
    titles = project.schema("study")["properties"]
    for name in Study.__dataclass_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if name not in _SILENT and old != new:
            yield f"{titles[name]['title']} {words.value(old)} 改为 {words.value(new)}"


def _submitted(action: str, who: str, before: Study | None, sent: Study | None) -> str:
    text = f"{who}{words.ACTION.get(action, action)}"
    if sent is None:
        return text
    if before is None:
        return f"{text}，{words.value(sent.hours)} 学时"
    changed = "；".join(differences(before, sent))
    said = sent.void.reason if action == "void" and sent.void else sent.change.reason if sent.change else ""
    return text + (f"：{changed}" if changed else "") + (f"，“{said}”" if said else "")


def _decision(version: Version, asked: Study | None, after: Study | None, names: Mapping[str, str]) -> Line:
    who = version.decided_by
    name = names.get(who, who) if who else "没有审核人"
    if version.approved:
        text = f"{name}通过"
    else:
        text = f"未获认可：{words.REASON.get(version.reason, version.reason)}" + (
            f"（{name}）" if who else ""
        )
    if after is None:
        text += "，文件被删除或无法读取"
    elif asked is not None and (granted := list(differences(asked, after))):
        reason = f"，“{after.change.reason}”" if after.change and after.change != asked.change else ""
        text += f"，{'；'.join(granted)}{reason}"
    return Line(version.at.astimezone(SHANGHAI), text, version.commit, True, version.approved, version.pull)
