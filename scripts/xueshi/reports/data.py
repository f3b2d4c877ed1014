"""Figures as plain data for other programs: the command's JSON and the site's. Hours are decimal strings, exact.

What each value means is told by schema/api.schema.json; `VERSION` changes when a program that reads it would break."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from xueshi.model import Credit, MemberTotals, Standings, Unit
from xueshi.reports.committee import Row, tree
from xueshi.reports.source import Attainment, Source, attainment, withheld
from xueshi.totals.sums import apart, by_kind, by_month, by_unit, by_year, whole
from xueshi.words import plain

VERSION = 1


def index_data(source: Source) -> dict[str, Any]:
    """What the open part of the API holds. Reports have their own, see report_data."""
    return {**_head(source, "index"), "files": ["organisation.json", "policy.json"], "schema": "schema.json"}


def organisation_data(source: Source) -> dict[str, Any]:
    """Every unit without a name of a person: hours by year, month and kind, attainment, what waits. Units under five
    people tell neither hours nor attainment, see `withheld`; where branches are not compared, the uppermost only."""
    credits, year = source.totals.credits(), source.on.year
    hours = by_unit(credits, source.records.organisation, year)
    compares = source.records.organisation.comparison
    hidden = withheld(source)
    units = [unit for unit in source.records.organisation.units if compares or unit.parent is None]
    return {
        **_head(source, "organisation"),
        "name": source.records.organisation.name,
        "year": year,
        "hours": {
            "by_year": {str(y): plain(h) for y, h in by_year(credits).items()},
            "by_month": [plain(h) for h in by_month(credits, year)],
            "by_kind": _plain(by_kind(credits, year)),
        },
        "units": [_unit(source, unit, None if unit.id in hidden else hours[unit.id]) for unit in units],
    }


def _unit(source: Source, unit: Unit, hours: Decimal | None) -> dict[str, Any]:
    """`hours` are None where nothing may be told of so few."""
    below = source.below(unit.id)
    members = [m for branch in below for m in source.totals.of_branch(branch)]
    waiting = [found for branch in below for found in source.waiting(branch=branch)]
    told = None if hours is None else _attainment(attainment(members))
    return {
        "id": unit.id,
        "kind": unit.kind,
        "parent": unit.parent,
        "name": unit.name,
        "people": len(members),
        "hours": None if hours is None else plain(hours),
        "attainment": told,
        "waiting": len(waiting),
    }


def _attainment(found: Attainment) -> dict[str, Any]:
    names = ("met", "near", "under_way", "behind", "exempt", "people")
    return {**{name: getattr(found, name) for name in names}, "percent": plain(found.percent)}


def policy_data(source: Source) -> dict[str, Any]:
    """The approved policy, as its model has it: dates as text, amounts as decimal strings."""
    return {**_head(source, "policy"), "policy": _value(asdict(source.records.policy))}


# --- of one report, for those who may open it

REPORTS = ("committee", "branch", "member")  # the kinds of report that say their figures as data too


def report_data(source: Source, kind: str, ident: str) -> dict[str, Any]:
    """The figures of one report: `kind` is one of REPORTS, `ident` the id of the unit or person. They are those of the
    page. Raises KeyError for what has no such report."""
    if kind == "member":
        return _member(source, source.totals.members[ident])
    unit = source.records.organisation.unit(ident)
    if unit is None or kind != ("branch" if unit.kind == "branch" else "committee"):
        raise KeyError(kind, ident)
    return _branch(source, unit) if kind == "branch" else _committee(source, unit)


def as_file(data: dict[str, Any]) -> bytes:
    """The bytes in which data is published: one text for one value."""
    return (json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _committee(source: Source, unit: Unit) -> dict[str, Any]:
    """Everything below a unit together, and each unit below it as the page has them."""
    rows = tree(source, unit)
    hours = by_unit(_below(source, unit), source.records.organisation, source.on.year)
    return {
        **_head(source, "committee"),
        **_sums(source, unit),
        **_figures(rows[0]),
        "units": [_row(row, hours[row.unit.id]) for row in rows[1:]],
        "checkup": [asdict(finding) for row in rows for finding in source.findings_of(row.unit.id)],
    }


def _row(row: Row, hours: Decimal) -> dict[str, Any]:
    unit = row.unit
    about = {"id": unit.id, "kind": unit.kind, "parent": unit.parent, "name": unit.name}
    return {**about, "hours": plain(hours), **_figures(row)}


def _figures(row: Row) -> dict[str, Any]:
    figures = row.figures
    return {
        "people": figures.members,
        "attainment": _attainment(figures.attainment),
        "counted": plain(figures.counted),
        "mean": plain(figures.mean),
        "waiting": figures.waiting,
        "oldest": figures.oldest,
    }


def _branch(source: Source, unit: Unit) -> dict[str, Any]:
    """One branch: its members' standings, hours of its records, and the check-up."""
    members = source.totals.of_branch(unit.id)
    return {
        **_head(source, "branch"),
        **_sums(source, unit),
        "attainment": _attainment(attainment(members)),
        "members": {m.person.id: member_data(m, ledger=False) for m in members},
        "checkup": [asdict(finding) for finding in source.findings_of(unit.id)],
    }


def _sums(source: Source, unit: Unit) -> dict[str, Any]:
    """Hours of the records at and below a unit in this year."""
    own, year = _below(source, unit), source.on.year
    return {
        "id": unit.id,
        "name": unit.name,
        "year": year,
        "hours": plain(whole(own, year)),
        "by_month": [plain(h) for h in by_month(own, year)],
        "by_kind": _plain(by_kind(own, year)),
    }


def _below(source: Source, unit: Unit) -> list[Credit]:
    branches = sorted(source.below(unit.id)) if unit.kind != "branch" else [unit.id]
    return [credit for branch in branches for credit in source.credits_of(branch)]


def _member(source: Source, member: MemberTotals) -> dict[str, Any]:
    """One member: every requirement with its ledger, every record with what it counted, hours by year and kind."""
    year = source.on.year
    return {
        **_head(source, "member"),
        "id": member.person.id,
        **member_data(member, ledger=True),
        "hours": {
            "by_year": {str(y): plain(h) for y, h in by_year(member.credits).items()},
            "by_month": [plain(h) for h in by_month(member.credits, year)],
            "by_kind": _plain(by_kind(member.credits, year)),
            "apart": _plain(apart(member.credits, year)),
        },
    }


def _head(source: Source, kind: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "kind": kind,
        "commit": source.history.tip,
        "at": source.history.at.isoformat(),
        "on": source.on.isoformat(),
    }


# --- shared with the command


def member_data(m: MemberTotals, *, ledger: bool) -> dict[str, Any]:
    """Standings of one person; with `ledger` also the records behind, of each requirement and all."""
    found: dict[str, Any] = {
        "name": m.person.name,
        "branch": m.branch,
        "requirements": {s.requirement.id: _standing(s, ledger=ledger) for s in m.standings},
    }
    if ledger:
        found["ledger"] = [credit_data(credit) for credit in m.credits]
    return found


def _standing(s: Standings, *, ledger: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "label": s.requirement.label,
        "from": s.start.isoformat(),
        "until": s.until.isoformat(),
        "measure": s.measure,
        "target": plain(s.target),
        "counted": plain(s.counted),
        "carried": plain(s.figure.carried),
        "short": plain(s.short),
        "percent": plain(s.percent),
        "expected": plain(s.expected),
        "standing": str(s.standing),
        "severity": s.requirement.severity,
        "source": s.requirement.source,
    }
    if ledger:
        found["records"] = [
            {"record": line.credit.study.id, "counted": plain(line.counted), "running": plain(line.running)}
            for line in s.lines
        ]
    return found


def credit_data(credit: Credit) -> dict[str, Any]:
    """One record with what it claimed, what was credited on which counting date, and why not more."""
    study = credit.study
    return {
        "record": study.id,
        "member": study.member,
        "date": study.start_date.isoformat(),
        "title": study.title,
        "state": credit.state,
        "claimed": plain(credit.claimed),
        "factor": plain(credit.factor),
        "credited": plain(credit.credited),
        "apart": plain(credit.apart),
        "parts": {day.isoformat(): plain(hours) for day, hours in credit.parts},
        "why": credit.why,
    }


def _plain(sums: dict[str, Decimal]) -> dict[str, str]:
    return {name: plain(hours) for name, hours in sums.items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, Decimal):
        return plain(value)
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
