"""Every version of every file under `records/`: who decided, whether that is valid, why, and how to cure it. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xueshi import words
from xueshi.errors import UsageError
from xueshi.model import SHANGHAI, History, Version
from xueshi.records import kind_of

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to list: one branch's files, one member's records, one record; None: all."""

    branch: str | None = None
    member: str | None = None
    record: str | None = None


def audit_lines(history: History, names: Mapping[str, str], chosen: Chosen) -> list[Line]:
    """Every version asked for as plain values, in the order in which they came to main. `names` maps member ids to
    names. UsageError for an id that nothing is known of."""
    _known(history, names, chosen)
    found = [
        (version.step, _line(version, number, known, names))
        for path in _paths(history, chosen)
        for known in [history.versions[path]]
        for number, version in enumerate(known, 1)
    ]
    return [line for _, line in sorted(found, key=lambda one: (one[0], one[1]["path"]))]


def _known(history: History, names: Mapping[str, str], chosen: Chosen) -> None:
    if chosen.branch is not None and not _paths(history, Chosen(branch=chosen.branch)):
        raise UsageError(f"没有支部 {chosen.branch!r}：main 上从来没有 records/{chosen.branch}/ 下的文件")
    if chosen.member not in (None, *names) and not _paths(history, Chosen(member=chosen.member)):
        raise UsageError(f"名册上没有 {chosen.member!r}，也没有他的记录；请写党员编号，如 m0001")
    if chosen.record is not None and not _paths(history, Chosen(record=chosen.record)):
        raise UsageError(f"没有记录 {chosen.record!r}；xueshi audit --member 编号 会列出一个人的记录")


def _paths(history: History, chosen: Chosen) -> list[str]:
    def fits(path: str, known: Sequence[Version]) -> bool:
        return (
            (chosen.branch is None or path.startswith(f"records/{chosen.branch}/"))
            and (chosen.record is None or _record(path) == chosen.record)
            and (chosen.member is None or any(version.member == chosen.member for version in known))
        )

    return [path for path, known in history.versions.items() if fits(path, known)]


def _record(path: str) -> str | None:
    return path.rsplit("/", 1)[1].removesuffix(".yaml") if kind_of(path) == "study" else None


def _line(version: Version, number: int, known: Sequence[Version], names: Mapping[str, str]) -> Line:
    record, state, parts = _record(version.path), _state(number, known), version.path.split("/")
    submitters = _unique(who for s in version.submissions for who in (s.by, s.amended_by))
    own = record is None and version.decided_by in submitters
    return {
        "at": version.at.astimezone(SHANGHAI).isoformat(),
        "path": version.path,
        "record": record,
        "branch": parts[1] if len(parts) > 2 else None,
        "member": version.member,
        "version": number,
        "newest": number == len(known),
        "removed": version.blob is None and version.reason != "unreadable",
        "actions": _unique(s.action for s in version.submissions),
        "submitters": submitters,
        "decided_by": version.decided_by,
        "decider": names.get(version.decided_by or ""),
        "how": version.how,
        "commit": version.commit,
        "pull": version.pull,
        "valid": version.approved,
        "own_change": own and version.approved,
        "reason": version.reason,
        "why": _valid(version, own=own) if version.approved else _invalid(version),
        "state": state,
        "cured_by": next((v.commit for v in known[number:] if v.approved), None)
        if state == "cured"
        else None,
        "cure": _cure(version) if state == "open" else "",
        "command": _command(version, known) if state == "open" and record else "",
    }


def _unique(values: Iterable[str | None]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _state(number: int, known: Sequence[Version]) -> str:
    """valid; an invalid version is cured (a later one is valid), moot (never valid and gone again), replaced by one that
    is not valid either, or open: what main has now, for somebody to cure."""
    if known[number - 1].approved:
        return "valid"
    if any(version.approved for version in known[number:]):
        return "cured"
    if known[-1].blob is None and known[-1].reason != "unreadable" and not any(v.approved for v in known):
        return "moot"
    return "replaced" if number < len(known) else "open"


# --- words


def _valid(version: Version, *, own: bool) -> str:
    if version.how in _TRUSTED:
        return _TRUSTED[version.how]
    way = "审核台合并" if version.how == "desk" else "本人邮箱合并"
    return f"{way}，{version.decided_by} 当时是 {version.unit} 的审核人" + (
        "（本人改动，允许）" if own else ""
    )


def _invalid(version: Version) -> str:
    who, of = version.decided_by, _deciding(version.path)
    if version.reason == "unknown-decider":
        return (
            "审核台的合并没有恰好写明一位决定者" if version.how == "desk" else "合并者的邮箱不属于任何审核人"
        )
    if version.reason == "not-reviewer":
        return f"{who} 当时不是{of}的审核人"
    if version.reason == "own-record":
        return f"{who} 是{'本人' if who == version.member else '提交或改动它的人'}，不能审核自己的记录"
    return _INVALID.get(version.reason) or words.REASON.get(version.reason, version.reason)


def _cure(version: Version) -> str:
    of = _deciding(version.path)
    if version.reason == "unreadable":
        return f"由{of}的审核人合并改正此文件的提案"
    if kind_of(version.path) != "study":
        return f"由{of}的审核人合并一次改动此文件的提案"
    if version.blob is None:
        return f"由{of}的审核人合并 action: restore 的提案恢复"
    other = "另一位" if version.reason == "own-record" else ""
    listed = (
        "；合并者若是审核人，也可在 organisation.yaml 补上其邮箱"
        if (version.reason, version.how) == ("unknown-decider", "")
        else ""
    )
    return f"由{of}的{other}审核人用 action: confirm 的提案确认{listed}"


def _command(version: Version, known: Sequence[Version]) -> str:
    """The command that proposes the cure of a record; nothing where it takes an editor."""
    ident, asked = _record(version.path), "--by 编号 --reason 原因"
    if version.reason == "unreadable":
        return ""
    if version.blob is not None:
        return f"xueshi confirm-record {ident} {asked}"
    last = next((v.commit for v in reversed(known) if v.blob is not None), None)
    return f"xueshi restore-record {ident} --to {last[:10]} {asked}" if last else ""


def _deciding(path: str) -> str:
    """Whose reviewers decide on a file, in words."""
    if kind_of(path) == "study":
        return f" {path.split('/')[1]} 或上级"
    return "上级党组织" if kind_of(path) == "roster" else "党委"


_TRUSTED = {"root": "第一个提交，视为可信", "baseline": "在基线之内，视为可信"}
_INVALID = {"direct-push": "不是通过合并进入的（直接推送、快进、压缩或变基）"}
_STATE = {"cured": "后来的版本已有效", "moot": "后来已移除，没有影响", "replaced": "已被后来的版本取代"}


# --- as text


def audit_table(lines: Iterable[Line], *, commands: bool = False) -> Iterator[str]:
    """A line of text for each version; with `commands`, below it the one that cures it."""
    for line in lines:
        cells = _cells(line)
        file = (
            f"{cells['记录'] or cells['路径']} 第 {line['version']} 版{'（移除）' if line['removed'] else ''}"
        )
        sent = f"{cells['动作'] or '改动'}：{cells['提交人'] or '没有写明提交人'}"
        decided = f"决定：{cells['决定人']}" if line["decided_by"] else "没有决定人"
        after = "".join(f"；{text}" for text in (cells["后来"], cells["处理"]) if text)
        pull = f"，合并请求 {line['pull']}" if line["pull"] else ""
        told = f"{cells['结论']}：{cells['理由']}{after}{pull}，提交 {line['commit'][:10]}"
        yield "  ".join((cells["时间"], file, sent, decided, told))
        if commands and line["command"]:
            yield f"    {line['command']}"


def audit_csv(lines: Iterable[Line]) -> bytes:
    """The same for a spreadsheet: with a byte order mark, and no cell that it would take for a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line in lines:
        cells = _cells(line)
        writer.writerow(_harmless(cells[column]) for column in _COLUMNS)
    return text.getvalue().encode("utf-8-sig")


_COLUMNS = (
    "时间", "路径", "记录", "支部", "党员", "版本", "动作", "提交人", "决定人", "结论", "理由", "后来", "处理",
    "合并请求", "提交",
)  # fmt: skip


def _cells(line: Line) -> dict[str, str]:
    """A line in words, printable: whoever pushed chose paths and actions."""
    decider, name = line["decided_by"], line["decider"]
    after = _STATE.get(line["state"], "") + (f"：{line['cured_by'][:10]}" if line["cured_by"] else "")
    cells = {
        "时间": line["at"][:16].replace("T", " "),
        "路径": line["path"],
        "记录": line["record"] or "",
        "支部": line["branch"] or "",
        "党员": line["member"] or "",
        "版本": str(line["version"]),
        "动作": "、".join(words.ACTION.get(action, action) for action in line["actions"]),
        "提交人": "、".join(line["submitters"]),
        "决定人": f"{name}（{decider}）" if name else decider or "",
        "结论": "有效" if line["valid"] else "无效",
        "理由": line["why"],
        "后来": after,
        "处理": line["cure"],
        "合并请求": str(line["pull"] or ""),
        "提交": line["commit"],
    }
    return {key: _printable(cell) for key, cell in cells.items()}


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")) else cell
