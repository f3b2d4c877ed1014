"""The history of one record in words: who sent it, who decided, what changed between versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from xueshi import project, words
from xueshi.model import SHANGHAI, History, Study, Version
from xueshi.speech import later, say

_ASKED = {
    "register": later("%(who)s登记"), "correct": later("%(who)s申请更正"), "amend": later("%(who)s改学时"),
    "confirm": later("%(who)s申请确认"), "restore": later("%(who)s申请恢复"), "void": later("%(who)s申请作废"),
}  # fmt: skip
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
        last = before
        for submission in version.submissions:
            sent = studies.get((path, f"{submission.commit}:{path}"), after)
            text = _submitted(submission.action, names.get(submission.by, submission.by), last, sent)
            found.append(Line(submission.at.astimezone(SHANGHAI), text, submission.commit, False, True, None))
            last = sent
        found.append(_decision(version, last if version.submissions else before, after, names))
        before = after
    return tuple(found)


def differences(before: Study, after: Study) -> Iterator[str]:
    """What differs, field by field: “学时 3 改为 2”."""
    titles = project.schema("study")["properties"]
    for name in Study.__dataclass_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if name not in _SILENT and old != new:
            title = titles[name]["title"]
            was, now = words.value(old), words.value(new)
            yield say("%(field)s %(old)s 改为 %(new)s", field=say(title), old=was, new=now)


def asked(action: str, who: str) -> str:
    """Who asked for what: “林样青申请更正”."""
    return say(_ASKED[action], who=who) if action in _ASKED else f"{who}{action}"


def _submitted(action: str, who: str, before: Study | None, sent: Study | None) -> str:
    text = asked(action, who)
    if sent is None:
        return text
    if before is None:
        return say("%(act)s，%(n)s 学时", act=text, n=words.value(sent.hours))
    changed = say("；").join(differences(before, sent))
    said = sent.void.reason if action == "void" and sent.void else sent.change.reason if sent.change else ""
    text = say("%(act)s：%(changed)s", act=text, changed=changed) if changed else text
    return say("%(act)s，“%(reason)s”", act=text, reason=said) if said else text


def _decision(version: Version, sent: Study | None, after: Study | None, names: Mapping[str, str]) -> Line:
    who = version.decided_by
    name = names.get(who, who) if who else say("没有审核人")
    if version.approved:
        text = say("%(name)s通过", name=name)
    else:
        text = say("未获认可：%(why)s", why=words.named(words.REASON, version.reason))
        text = say("%(act)s（%(name)s）", act=text, name=name) if who else text
    if after is None:
        text = say("%(act)s，文件被删除或无法读取", act=text)
    elif sent is not None and (granted := list(differences(sent, after))):
        text = say("%(act)s，%(changed)s", act=text, changed=say("；").join(granted))
        if after.change and after.change != sent.change:
            text = say("%(act)s，“%(reason)s”", act=text, reason=after.change.reason)
    return Line(version.at.astimezone(SHANGHAI), text, version.commit, True, version.approved, version.pull)
