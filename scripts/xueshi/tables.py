"""Totals and histories as text and plain data for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.model import Credit, History, MemberTotals, RecordSet, Standings, Study, Totals, Version
from xueshi.records import parse_file
from xueshi.totals.text import plain

WHY = {
    "unapproved": "未经审核人通过", "void": "已作废", "kind-not-counted": "此类型不计入", "future": "日期未到",
    "unknown-kind": "没有这个学习类型",
}  # fmt: skip
STANDING = {
    "met": "已达标",
    "near": "接近",
    "under_way": "进行中",
    "behind": "进度滞后",
    "exempt": "不作要求",
}
REASON = {
    "direct-push": "不是通过合并进入的", "unknown-decider": "认不出是谁决定的", "not-reviewer": "决定者不是该支部的审核人",
    "own-record": "决定者就是填报人或本人", "unreadable": "文件有误",
}  # fmt: skip
_ACTION = {
    "register": "登记",
    "correct": "更正",
    "amend": "改学时",
    "confirm": "确认",
    "restore": "恢复",
    "void": "作废",
}


def totals_data(
    records: RecordSet, totals: Totals, *, branch: str | None, member: str | None
) -> dict[str, Any]:
    """The figures asked for as plain values, hours as shortest decimal strings. UsageError for an unknown id."""
    if branch is not None and branch not in {unit.id for unit in records.organisation.branches()}:
        known = "、".join(unit.id for unit in records.organisation.branches())
        raise UsageError(f"no branch {branch!r}; known: {known}")
    if member is not None and member not in totals.members:
        raise UsageError(f"no member {member!r} on any roster")
    chosen = [
        m for m in totals.members.values() if member in (None, m.person.id) and branch in (None, m.branch)
    ]
    year = (date(totals.on.year, 1, 1), date(totals.on.year + 1, 1, 1))
    sums: dict[str, Decimal] = {unit.id: Decimal(0) for unit in records.organisation.branches()}
    for credit in totals.credits():
        if year[0] <= credit.study.start_date < year[1] and credit.study.branch in sums:
            sums[credit.study.branch] += credit.credited
    listed = [credit for m in chosen for credit in m.credits]
    listed += [
        credit for credit in totals.strangers if member is None and branch in (None, credit.study.branch)
    ]
    return {
        "members": {m.person.id: _member(m, ledger=member is not None) for m in chosen},
        "branches": {unit: plain(hours) for unit, hours in sums.items() if branch in (None, unit)},
        "uncounted": [_credit(credit) for credit in listed if credit.why in ("unapproved", "unknown-kind")],
    }


def _member(m: MemberTotals, *, ledger: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": m.person.name,
        "branch": m.branch,
        "requirements": {s.requirement.id: _standing(s) for s in m.standings},
    }
    if ledger:
        found["ledger"] = [_credit(credit) for credit in m.credits]
    return found


def _standing(s: Standings) -> dict[str, Any]:
    return {
        "label": s.requirement.label,
        "target": plain(s.target),
        "counted": plain(s.counted),
        "short": plain(s.short),
        "percent": plain(s.percent),
        "standing": str(s.standing),
        "source": s.requirement.source,
    }


def _credit(credit: Credit) -> dict[str, Any]:
    study = credit.study
    return {
        "record": study.id,
        "member": study.member,
        "date": study.start_date.isoformat(),
        "title": study.title,
        "state": credit.state,
        "claimed": plain(credit.claimed),
        "credited": plain(credit.credited),
        "why": credit.why,
    }


def totals_table(data: Mapping[str, Any]) -> str:
    """The same as lines of text: one a requirement, the ledger below when there is one."""
    lines = [f"截至 {data['on']}（提交 {data['commit'][:7]}）"]
    for member, m in data["members"].items():
        for requirement, s in m["requirements"].items():
            words = f"{s['counted']} / {s['target']}，还差 {s['short']}，{STANDING[s['standing']]}"
            lines.append(
                f"{member}  {m['branch'] or '已转出'}  {m['name']}  {s['label']}（{requirement}）  {words}"
            )
        lines += [_ledger_line(credit) for credit in m.get("ledger", ())]
    if data["uncounted"]:
        lines.append("未计入，需要处理：")
        lines += [_ledger_line(credit) for credit in data["uncounted"]]
    return "\n".join(lines)


def _ledger_line(credit: Mapping[str, str]) -> str:
    why = f"，{WHY.get(credit['why'], '超出上限 ' + credit['why'])}" if credit["why"] else ""
    hours = f"申报 {credit['claimed']}，认定 {credit['credited']}{why}"
    return f"  {credit['date']}  {credit['record']}  {credit['member']}  {credit['title']}  {hours}"


def history_lines(repo: Repository, records: RecordSet, history: History, record: str) -> Iterator[str]:
    """Each submission and each decision on one record, oldest first, with what changed."""
    names = {member: person.name for member, person in records.people().items()}
    path = next((p for p in history.versions if p.endswith(f"/{record}.yaml")), None)
    before: Study | None = None
    for version in history.versions.get(path or "", ()):
        after = _content(repo, version)
        for submission in version.submissions:
            who = names.get(submission.by, submission.by)
            yield f"{_time(submission.at)}  {who}（{submission.by}）{_ACTION.get(submission.action, submission.action)}"
        yield _decision(version, names)
        yield from (f"    {line}" for line in _differences(before, after))
        before = after


def _content(repo: Repository, version: Version) -> Study | None:
    data = repo.blobs([version.blob]) if version.blob else {}
    value = parse_file(version.path, data[version.blob]).value if version.blob in data else None
    return value if isinstance(value, Study) else None


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _decision(version: Version, names: Mapping[str, str]) -> str:
    who = version.decided_by
    name = f"{names.get(who, who)}（{who}）" if who else "没有审核人"
    pull = f"，合并请求 {version.pull}" if version.pull else ""
    word = "通过" if version.approved else f"未获认可：{REASON.get(version.reason, version.reason)}"
    return f"{_time(version.at)}  {name}{word}{pull}，合并提交 {version.commit}"


def _differences(before: Study | None, after: Study | None) -> Iterator[str]:
    if after is None:
        yield "文件被删除或无法读取"
        return
    old, new = (asdict(before) if before else {}), asdict(after)
    for name, value in new.items():
        if name in ("path", "branch", "submitted") or (value in (None, ()) and not old.get(name)):
            continue
        if not old:
            if name in ("title", "start_date", "hours", "kind"):
                yield f"{name}: {value}"
        elif old.get(name) != value:
            yield f"{name}: {old.get(name)} → {value}"
