"""Plain values that passed their schema to the model's types. Decimal is made from the scalar's own text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xueshi.model import (
    Cap,
    Change,
    Conversion,
    Desk,
    Evidence,
    Kind,
    Membership,
    Organisation,
    Period,
    Policy,
    Requirement,
    Reviewer,
    Role,
    Roster,
    RosterEntry,
    Selector,
    Span,
    Study,
    Submitted,
    Term,
    Unit,
    Void,
)

Data = dict[str, Any]

_DATES = ("start_date", "end_date")
_NESTED = ("evidence", "submitted", "change", "void")


def study(data: Data, path: str) -> Study:
    """A record from its file's values; the branch is the folder."""
    simple = {key: item for key, item in data.items() if key not in ("schema", "hours", *_DATES, *_NESTED)}
    return Study(
        path=path,
        branch=path.split("/")[1],
        hours=_decimal(data["hours"]),
        start_date=date.fromisoformat(data["start_date"]),
        end_date=date.fromisoformat(data["end_date"]) if "end_date" in data else None,
        submitted=Submitted(**{**data["submitted"], "at": _moment(data["submitted"]["at"])}),
        evidence=tuple(Evidence(**item) for item in data.get("evidence", ())),
        change=Change(**{**data["change"], "at": _moment(data["change"]["at"])})
        if "change" in data
        else None,
        void=Void(**{**data["void"], "at": _moment(data["void"]["at"])}) if "void" in data else None,
        **simple,
    )


def roster(data: Data, branch: str) -> Roster:
    """A branch's roster; every period carries the branch's id."""
    return Roster(branch, tuple(_entry(item, branch) for item in data["members"]))


def _entry(item: Data, branch: str) -> RosterEntry:
    return RosterEntry(
        id=item["id"],
        name=item["name"],
        periods=tuple(Membership(branch, *_span(p), p["status"]) for p in item["periods"]),
        roles=tuple(Role(r["role"], *_span(r)) for r in item.get("roles", ())),
        exempt=tuple(Span(*_span(e)) for e in item.get("exempt", ())),
    )


def organisation(data: Data) -> Organisation:
    return Organisation(
        name=data["name"],
        units=tuple(_unit(item) for item in data["units"]),
        reviewers=tuple(_reviewer(item) for item in data["reviewers"]),
        desks=tuple(Desk(item["email"].lower(), *_span(item)) for item in data.get("desks", ())),
    )


def _unit(item: Data) -> Unit:
    terms = tuple(Term(*_span(t), t.get("committee_size")) for t in item.get("terms", ()))
    return Unit(
        item["id"],
        item["kind"],
        item["name"],
        item.get("parent"),
        item.get("type"),
        tuple(item.get("aliases", ())),
        terms,
    )


def _reviewer(item: Data) -> Reviewer:
    emails = tuple(email.lower() for email in item.get("emails", ()))
    return Reviewer(item["member"], item["unit"], *_span(item), dict(item.get("logins", {})), emails)


_PERIODS: Data = {
    "year": {"type": "calendar_year"},
    "plan": {"type": "window", "from": "2024-01-01", "until": "2029-01-01"},
}
_WHO: Data = {
    "members": {"status": ["full", "probationary"]},
    "ordinary": {"include": "members", "not_role": ["branch_secretary"]},
    "secretaries": {"include": "members", "role": ["branch_secretary"]},
}
_ALERTS: Data = {"near_ratio": 0.8, "behind_tolerance": 0.2}


def policy(data: Data) -> Policy:
    """The hour rules; what may be left out has the defaults that the schema's descriptions name."""
    alerts = data.get("alerts", _ALERTS)
    return Policy(
        baseline=data.get("baseline"),
        conversions=tuple(_conversion(item) for item in data["conversion"]),
        kinds={key: Kind(key, k["label"], k["bucket"], k["counts"]) for key, k in data["kinds"].items()},
        caps=tuple(
            Cap(c["id"], c["per"], _decimal(c["max"]), *_span(c), c.get("source"))
            for c in data.get("caps", ())
        ),
        periods={key: _period(key, item) for key, item in data.get("periods", _PERIODS).items()},
        who={key: _selector(key, item) for key, item in data.get("who", _WHO).items()},
        requirements=tuple(_requirement(item) for item in data["requirements"]),
        near_ratio=_decimal(alerts["near_ratio"]),
        behind_tolerance=_decimal(alerts["behind_tolerance"]),
    )


def _conversion(item: Data) -> Conversion:
    return Conversion(
        *_span(item),
        minutes_per_hour=_decimal(item["minutes_per_hour"]),
        hours_per_half_day=_decimal(item["hours_per_half_day"]),
        hours_per_day=_decimal(item["hours_per_day"]),
        step=_decimal(item["step"]),
        rounding=item["rounding"],
    )


def _period(key: str, item: Data) -> Period:
    start, until = item.get("from"), item.get("until")
    return Period(
        key,
        item["type"],
        date.fromisoformat(start) if start else None,
        date.fromisoformat(until) if until else None,
    )


def _selector(key: str, item: Data) -> Selector:
    lists = (tuple(item.get(name, ())) for name in ("status", "role", "not_role"))
    return Selector(key, item.get("include"), *lists)


def _requirement(item: Data) -> Requirement:
    return Requirement(
        id=item["id"],
        label=str(item.get("label", item["id"])),
        who=item["who"],
        measure=item["measure"],
        min=_decimal(item["min"]),
        period=item["period"],
        start=_span(item)[0],
        until=_span(item)[1],
        source=item["source"],
    )


def _span(item: Data) -> tuple[date, date | None]:
    return date.fromisoformat(item["from"]), date.fromisoformat(item["until"]) if "until" in item else None


def _decimal(number: float) -> Decimal:
    """Exact: `number` came from at most 15 digits, so its shortest text is the file's own."""
    return Decimal(str(number)).normalize() + Decimal(0)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
