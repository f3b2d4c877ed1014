"""What the package says, in the words of the second program (oracle.py), so that the two can be compared."""

from __future__ import annotations

from datetime import date
from typing import Any

from xueshi import records, totals
from xueshi.git import Repository
from xueshi.model import History, Standings, Totals
from xueshi.totals.sums import by_branch, by_unit, by_year
from xueshi.words import plain


def told(repo: Repository, commit: str, on: date) -> dict[str, Any]:
    approved, history = records.load_approved(repo, commit)
    figures = totals.total(approved, approved.policy, history.approvals(), on)
    years = sorted(by_year(figures.credits()))
    branches: dict[str, dict[str, str]] = {}
    units: dict[str, dict[str, str]] = {}
    for year in years:
        for branch, hours in by_branch(figures.credits(), year).items():
            branches.setdefault(branch, {})[str(year)] = plain(hours)
        for unit, hours in by_unit(figures.credits(), approved.organisation, year).items():
            if hours:
                units.setdefault(unit, {})[str(year)] = plain(hours)
    return {
        "members": {
            member: {s.requirement.id: _standing(s) for s in m.standings}
            for member, m in figures.members.items()
        },
        "hours": {
            member: {str(year): plain(hours) for year, hours in by_year(m.credits).items()}
            for member, m in figures.members.items()
        },
        "records": _records(figures, history),
        "branches": branches,
        "units": units,
    }


def _standing(s: Standings) -> dict[str, str]:
    names = ("target", "counted", "percent", "short", "expected")
    return {**{name: plain(getattr(s, name)) for name in names}, "standing": str(s.standing)}


def _records(figures: Totals, history: History) -> dict[str, dict[str, Any]]:
    found = {}
    for credit in figures.credits():
        last = history.last(credit.study.path)
        assert last is not None
        found[credit.study.path] = {
            "state": credit.state,
            "credited": plain(credit.credited),
            "apart": plain(credit.apart),
            "merge": last.commit,
            "by": None if last.reason == "direct-push" else last.decided_by,
            "reason": last.reason,
        }
    return dict(sorted(found.items()))
