"""Totals and histories as text and plain data for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from xueshi import words
from xueshi.errors import UsageError
from xueshi.git import Repository
from xueshi.links import Links
from xueshi.model import History, Line, MemberTotals, RecordSet, Totals
from xueshi.pinyin import sort_key
from xueshi.records import versions
from xueshi.reports.data import credit_data, member_data
from xueshi.reports.timeline import timeline
from xueshi.totals.sums import by_branch
from xueshi.words import plain


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
    hours = by_branch(totals.credits(), totals.on.year)
    sums = {unit.id: hours.get(unit.id, Decimal(0)) for unit in records.organisation.branches()}
    listed = [credit for m in chosen for credit in m.credits]
    listed += [
        credit for credit in totals.strangers if member is None and branch in (None, credit.study.branch)
    ]
    return {
        "members": {m.person.id: member_data(m, ledger=member is not None) for m in chosen},
        "branches": {unit: plain(hours) for unit, hours in sums.items() if branch in (None, unit)},
        "uncounted": [
            credit_data(credit) for credit in listed if credit.why in ("unapproved", "unknown-kind")
        ],
    }


def totals_table(data: Mapping[str, Any], today: date) -> str:
    """The same as lines of text: one a requirement, the ledger below when there is one."""
    on = date.fromisoformat(data["on"])
    lines = [f"截至 {data['on']}（提交 {data['commit'][:7]}）"]
    for member, m in data["members"].items():
        for requirement, s in m["requirements"].items():
            over = words.is_over(date.fromisoformat(s["until"]), on, today)
            stands = words.stands(s["standing"], over=over)
            figures = f"{s['counted']} / {s['target']}，还差 {s['short']}，{stands}"
            where = m["branch"] or "已转出"
            lines.append(f"{member}  {where}  {m['name']}  {s['label']}（{requirement}）  {figures}")
        lines += [_ledger_line(credit) for credit in m.get("ledger", ())]
    if data["uncounted"]:
        lines.append("未计入，需要处理：")
        lines += [_ledger_line(credit) for credit in data["uncounted"]]
    return "\n".join(words.visible(line) for line in lines)


def _ledger_line(credit: Mapping[str, str]) -> str:
    why = f"，{words.why(credit['why'])}" if credit["why"] else ""
    hours = f"申报 {credit['claimed']}，认定 {credit['credited']}{why}"
    return f"  {credit['date']}  {credit['record']}  {credit['member']}  {credit['title']}  {hours}"


def explained(m: MemberTotals, branch: str, caps: Mapping[str, str], on: date, today: date) -> Iterator[str]:
    """Every requirement of one person opened into its records: what each claimed, what counted, the sum up to it, and
    the rule that cut it. `caps` maps a cap's id to its words; the figures are as of the end of `on`."""
    yield from (words.visible(line) for line in _explained(m, branch, caps, on, today))


def _explained(m: MemberTotals, branch: str, caps: Mapping[str, str], on: date, today: date) -> Iterator[str]:
    yield f"{words.one_line(m.person.name)}（{m.person.id}）  {branch}"
    for s in m.standings:
        unit = words.UNIT[s.measure]
        figures = f"{plain(s.counted)} / {plain(s.target)} {unit}（{plain(s.percent)}%）"
        yield ""
        stands = words.stands(s.standing, over=words.is_over(s.until, on, today))
        yield f"{s.requirement.label}（{s.requirement.id}）  {figures}，还差 {plain(s.short)}，{stands}"
        yield f"  {s.start} 至 {s.until - timedelta(1)}，按进度应到 {plain(s.expected)}；{words.SEVERITY[s.requirement.severity]}"
        yield f"  依据：{words.one_line(s.requirement.source)}"
        if s.months and s.months[0] < s.months[1]:
            yield f"  按月折算：{s.months[1]} 个月中的 {s.months[0]} 个月"
        for other in s.figures if len(s.figures) > 1 else ():
            yield f"  {'' if other.met else '未'}达到 {plain(other.target)} {words.UNIT[other.measure]}（已有 {plain(other.counted)}）"
        if s.figure.carried:
            yield f"  上一周期结转 {plain(s.figure.carried)}"
        for line in s.lines:
            yield _account(line, unit, caps)
    others = [c for c in m.credits if not any(line.credit is c for s in m.standings for line in s.lines)]
    if others:
        yield ""
        yield "其他记录"
        yield from (_ledger_line(credit_data(credit)) for credit in others)


def _account(line: Line, unit: str, caps: Mapping[str, str]) -> str:
    credit = line.credit
    times = f" × {plain(credit.factor)}" if credit.factor != 1 else ""
    why = f"，{words.why(credit.why, caps)}" if credit.why else ""
    apart = f"（另计 {plain(credit.apart)}）" if credit.apart else ""
    figures = f"申报 {plain(credit.claimed)}{times}，计 {plain(line.counted)} {unit}{_elsewhere(line)}，累计 {plain(line.running)}{why}{apart}"
    return (
        f"    {credit.study.start_date}  {credit.study.id}  {words.one_line(credit.study.title)}  {figures}"
    )


def _elsewhere(line: Line) -> str:
    """What of a study over New Year counts in other years."""
    sums: dict[int, Decimal] = {}
    for day, hours in line.credit.parts:
        sums[day.year] = sums.get(day.year, Decimal(0)) + hours
    return f"（{'，'.join(f'{year} 年 {plain(h)}' for year, h in sums.items())}）" if len(sums) > 1 else ""


def history_lines(repo: Repository, records: RecordSet, history: History, record: str) -> Iterator[str]:
    """Each submission and each decision on one record, oldest first, with what changed."""
    names = {member: f"{person.name}（{member}）" for member, person in records.people().items()}
    path = next((p for p in history.versions if p.endswith(f"/{record}.yaml")), None)
    if path is None:
        return
    for line in timeline(path, history, versions(repo, history, [path]), names):
        pull = f"，合并请求 {line.pull}" if line.pull else ""
        commit = f"，{'合并提交' if line.decided else '提交'} {line.commit}"
        yield words.visible(f"{line.at:%Y-%m-%d %H:%M}  {line.text}{pull}{commit}")


def link_table(
    records: RecordSet, links: Links, today: date, branch: str | None
) -> Iterator[tuple[str, str, str, str]]:
    """Each link as kind (poster | member | desk), id, words for a person, address; of one branch or of all. A desk's
    words hold its code, which its reviewer is told apart from the link."""
    people = records.people()
    for unit in records.organisation.branches():
        if branch not in (None, unit.id):
            continue
        yield "poster", unit.id, unit.name, links.poster(unit.id)
        for person in sorted(people.values(), key=lambda p: sort_key(p.name)):
            if person.membership(today, unit.id):
                yield "member", person.id, f"{unit.name} {person.name}", links.personal(person.id)
        for reviewer in records.organisation.reviewers_of(unit.id, today):
            if reviewer.unit == unit.id or branch is None:
                name = people[reviewer.member].name if reviewer.member in people else reviewer.member
                told = f"{unit.name} 审核人 {name} 审核码 {links.desk_code(reviewer.member)}"
                yield "desk", reviewer.member, told, links.desk(reviewer.member)
