"""What a proposal does to hours, as plain data, lines and Markdown: for the command, the pull request and the desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xueshi import words
from xueshi.checks.proposal import Proposed
from xueshi.model import Credit, Problem, Standings
from xueshi.records import kind_of
from xueshi.totals import Approvals
from xueshi.totals.effect import Effect, Shift, effect, effect_of_rules
from xueshi.words import plain

DUPLICATES = ("same-event-once", "times-do-not-overlap", "picture-of-one-day", "ids-are-unique")


def effects(change: Proposed, approvals: Approvals) -> tuple[Effect, ...]:
    """What a proposed change does: its records to their members, its committee files to everybody they may touch."""
    kinds = {kind_of(path) for path in change.changed}
    if not kinds & {"policy", "organisation", "roster"}:
        studies = [study for path, study in change.head.studies.items() if path in change.changed]
        return effect(change.base, change.base.policy, approvals, studies, change.today)
    after = change.judged()
    members = dict.fromkeys([*change.base.people(), *after.people()])
    if not kinds & {"policy", "organisation"}:
        branches = {path.split("/")[1] for path in change.changed if kind_of(path) == "roster"}
        rosters = [side.rosters[b] for side in (change.base, after) for b in branches if b in side.rosters]
        members = dict.fromkeys(entry.id for roster in rosters for entry in roster.members)
    later = change.after.approvals() if change.after else None
    return effect_of_rules(change.base, after, approvals, members, change.today, later=later)


def effect_data(
    effects: Iterable[Effect], problems: Iterable[Problem], names: Mapping[str, str], caps: Mapping[str, str]
) -> dict[str, Any]:
    """People touched with their figures before and after, thresholds crossed, caps that bite, and what the check says;
    `duplicates` are among `problems`. `caps` maps a cap's id to its words."""
    told = [_person(effect, names, caps) for effect in effects]
    found = list(problems)
    return {
        "people": told,
        "duplicates": [problem.message for problem in found if problem.rule in DUPLICATES],
        "problems": [
            {name: getattr(p, name) for name in ("path", "line", "rule", "severity", "field", "message")}
            for p in found
        ],
    }


def _person(effect: Effect, names: Mapping[str, str], caps: Mapping[str, str]) -> dict[str, Any]:
    return {
        "member": effect.member,
        "name": names.get(effect.member, effect.member),
        "on": effect.on.isoformat(),
        "requirements": [_shift(shift) for shift in effect.shifts],
        "records": [_credit(credit, caps) for credit in effect.credits],
        "lost": [_credit(credit, caps) for credit in effect.lost],
    }


def _shift(shift: Shift) -> dict[str, Any]:
    known = shift.after or shift.before
    assert known is not None  # a shift is of a requirement that applies before or after
    return {
        "id": known.requirement.id,
        "label": known.requirement.label,
        "unit": words.UNIT[known.measure],
        "before": _figures(shift.before),
        "after": _figures(shift.after),
        "crossed": shift.crossed,
    }


def _figures(standing: Standings | None) -> dict[str, str] | None:
    if standing is None:
        return None
    figures = {name: plain(getattr(standing, name)) for name in ("target", "counted", "short")}
    return {**figures, "unit": words.UNIT[standing.measure], "standing": str(standing.standing)}


def _credit(credit: Credit, caps: Mapping[str, str]) -> dict[str, str]:
    return {
        "record": credit.study.id,
        "date": credit.study.start_date.isoformat(),
        "title": credit.study.title,
        "claimed": plain(credit.claimed),
        "credited": plain(credit.credited),
        "why": credit.why,
        "words": words.why(credit.why, caps),
    }


def effect_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """The same as lines of text, one a fact."""
    if not data["people"]:
        yield "不影响任何人的学时"
    for person in data["people"]:
        yield f"{person['name']}（{person['member']}），按 {person['on']} 计："
        for shift in person["requirements"]:
            yield f"  {shift['label']}：{_told(shift)}"
        for credit in person["records"]:
            yield f"  {credit['date']} {words.one_line(credit['title'])}：申报 {credit['claimed']}，认定 {credit['credited']}{_why(credit)}"
        for credit in person["lost"]:
            yield f"  {credit['date']} {words.one_line(credit['title'])} 因此只认定 {credit['credited']}{_why(credit)}"
    for message in data["duplicates"]:
        yield f"可能重复：{words.one_line(message)}"


def effect_markdown(data: Mapping[str, Any]) -> str:
    """The same for a pull request: everything that a person typed is escaped."""
    rows = []
    for person in data["people"]:
        for shift in person["requirements"]:
            rows.append(
                f"| {words.markdown(person['name'])} | {words.markdown(shift['label'])} | {words.markdown(_told(shift))} |"
            )
        for credit in (*person["records"], *person["lost"]):
            if credit["words"]:
                told = f"申报 {credit['claimed']}，认定 {credit['credited']}{_why(credit)}"
                rows.append(
                    f"| {words.markdown(person['name'])} | {words.markdown(credit['title'])} | {words.markdown(told)} |"
                )
    parts = (
        ["| 姓名 | 要求 | 通过以后 |\n|---|---|---|\n" + "\n".join(rows)]
        if rows
        else ["不影响任何人的学时。"]
    )
    marks = {"error": "必须改正", "warning": "请留意", "note": "说明"}
    checks = [f"- {marks[p['severity']]}：{words.markdown(p['message'])}" for p in data["problems"]]
    parts.append("检查：没有问题。" if not checks else "检查：\n\n" + "\n".join(checks))
    return "\n\n".join(parts) + "\n"


def _told(shift: Mapping[str, Any]) -> str:
    before, after = shift["before"], shift["after"]
    if before is None:
        return f"开始适用，{after['counted']} / {after['target']} {shift['unit']}，{words.STANDING[after['standing']]}"
    if after is None:
        return f"不再适用（现在 {before['counted']} / {before['target']} {shift['unit']}）"
    if before["unit"] != after["unit"]:  # another of several measures decides now
        was = f"{before['counted']} / {before['target']} {before['unit']}"
        return f"{was} → {after['counted']} / {after['target']} {after['unit']}，还差 {after['short']} {after['unit']}"
    counted = (
        after["counted"]
        if before["counted"] == after["counted"]
        else f"{before['counted']} → {after['counted']}"
    )
    target = (
        after["target"] if before["target"] == after["target"] else f"{before['target']} → {after['target']}"
    )
    told = f"{counted} / {target} {shift['unit']}"
    told += f"，还差 {after['short']}" if after["short"] != "0" else ""
    return told + (f"，{words.CROSSED[shift['crossed']]}" if shift["crossed"] else "")


def _why(credit: Mapping[str, str]) -> str:
    return f"（{credit['words']}）" if credit["words"] else ""
