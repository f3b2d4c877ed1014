"""Figures as plain data for other programs: the command's JSON and the site's. Hours are decimal strings, exact.

What each value means is told by schema/api.schema.json; `VERSION` changes when a program that reads it would break."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from xueshi.checkup import Finding
from xueshi.model import Credit, MemberTotals, Standings, Unit
from xueshi.reports.source import FEW, Attainment, Source, attainment
from xueshi.totals.sums import apart, by_branch, by_kind, by_month, by_unit, by_year
from xueshi.words import plain

VERSION = 1


def index_data(source: Source) -> dict[str, Any]:
    """What the open part of the API holds. Reports have their own, at `v1.json` beside them."""
    return {**_head(source, "index"), "files": ["organisation.json", "policy.json"], "schema": "schema.json"}


def organisation_data(source: Source) -> dict[str, Any]:
    """Every unit without a name of a person: hours by year, month and kind, attainment, what waits. Units under five
    people tell no attainment, so that nobody can be told from it; where branches are not compared, the uppermost only."""
    credits, year = source.totals.credits(), source.on.year
    hours = by_unit(credits, source.records.organisation, year)
    compares = source.records.organisation.comparison
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
        "units": [_unit(source, unit, hours[unit.id]) for unit in units],
    }


def _unit(source: Source, unit: Unit, hours: Decimal) -> dict[str, Any]:
    organisation = source.records.organisation
    below = {b.id for b in organisation.branches() if unit.id in organisation.above(b.id)}
    members = [m for m in source.totals.members.values() if m.branch in below]
    waiting = [found for branch in below for found in source.waiting(branch=branch)]
    told = None if len(members) < FEW else _attainment(attainment(members))
    return {
        "id": unit.id,
        "kind": unit.kind,
        "parent": unit.parent,
        "name": unit.name,
        "people": len(members),
        "hours": plain(hours),
        "attainment": told,
        "waiting": len(waiting),
    }


def _attainment(found: Attainment) -> dict[str, Any]:
    names = ("met", "near", "under_way", "behind", "exempt", "people")
    return {**{name: getattr(found, name) for name in names}, "percent": plain(found.percent)}


def policy_data(source: Source) -> dict[str, Any]:
    """The approved policy, as its model has it: dates as text, amounts as decimal strings."""
    return {**_head(source, "policy"), "policy": _value(asdict(source.records.policy))}


def branch_report_data(source: Source, unit: Unit, findings: Iterable[Finding]) -> dict[str, Any]:
    """One branch: its members' standings, hours of its records, and the check-up."""
    credits, year = source.totals.credits(), source.on.year
    own = [credit for credit in credits if credit.study.branch == unit.id]
    members = source.totals.of_branch(unit.id)
    return {
        **_head(source, "branch"),
        "id": unit.id,
        "name": unit.name,
        "year": year,
        "hours": plain(by_branch(own, year).get(unit.id, Decimal(0))),
        "by_month": [plain(h) for h in by_month(own, year)],
        "by_kind": _plain(by_kind(own, year)),
        "attainment": _attainment(attainment(members)),
        "members": {m.person.id: member_data(m, ledger=False) for m in members},
        "checkup": [asdict(finding) for finding in findings],
    }


def member_report_data(source: Source, member: MemberTotals) -> dict[str, Any]:
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
