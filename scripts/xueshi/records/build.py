"""Plain values that passed their schema to the model's types. Decimal is made from the scalar's own text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xueshi.model import (
    LINK_EPOCH,
    Adjustment,
    Change,
    ClosedMember,
    Closing,
    Desk,
    Evidence,
    Held,
    Keys,
    Membership,
    Organisation,
    Reviewer,
    Role,
    Root,
    Roster,
    RosterEntry,
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
        hours=decimal(data["hours"]),
        start_date=date.fromisoformat(data["start_date"]),
        end_date=date.fromisoformat(data["end_date"]) if "end_date" in data else None,
        submitted=Submitted(**{**data["submitted"], "at": moment(data["submitted"]["at"])}),
        evidence=tuple(Evidence(**item) for item in data.get("evidence", ())),
        change=Change(**{**data["change"], "at": moment(data["change"]["at"])}) if "change" in data else None,
        void=Void(**{**data["void"], "at": moment(data["void"]["at"])}) if "void" in data else None,
        **simple,
    )


def roster(data: Data, branch: str) -> Roster:
    """A branch's roster; every period carries the branch's id."""
    return Roster(branch, tuple(_entry(item, branch) for item in data["members"]))


def _entry(item: Data, branch: str) -> RosterEntry:
    return RosterEntry(
        id=item["id"],
        name=item["name"],
        periods=tuple(Membership(branch, *span(p), p["status"]) for p in item["periods"]),
        roles=tuple(Role(r["role"], *span(r)) for r in item.get("roles", ())),
        exempt=tuple(Span(*span(e)) for e in item.get("exempt", ())),
    )


def organisation(data: Data) -> Organisation:
    return Organisation(
        name=data["name"],
        units=tuple(_unit(item) for item in data["units"]),
        reviewers=tuple(_reviewer(item) for item in data["reviewers"]),
        desks=tuple(Desk(item["email"].lower(), *span(item)) for item in data.get("desks", ())),
        comparison=data.get("comparison", True),
    )


def _unit(item: Data) -> Unit:
    terms = tuple(Term(*span(t), t.get("committee_size")) for t in item.get("terms", ()))
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
    return Reviewer(item["member"], item["unit"], *span(item), dict(item.get("logins", {})), emails)


def closing(data: Data) -> Closing:
    """A closed year; hours stay the text that they were written as."""
    return Closing(
        year=data["year"],
        commit=data["commit"],
        policy=data["policy"],
        by=data["closed"]["by"],
        at=moment(data["closed"]["at"]),
        records=data["records"],
        totals={member: _closed(item) for member, item in data["totals"].items()},
        adjustments=tuple(
            Adjustment(a["member"], *span(a), a["reason"], a["by"], moment(a["at"]))
            for a in data["adjustments"]
        ),
    )


def _closed(item: Data) -> ClosedMember:
    requirements = item["requirements"].items()
    return ClosedMember(
        item["hours"], {k: (r["target"], r["counted"], r["standing"]) for k, r in requirements}
    )


def keys(data: Data) -> Keys:
    """Epochs and generations; whoever is not named has generation 0."""
    epochs = data.get("epochs", {})
    return Keys(
        link=epochs.get("link", LINK_EPOCH),
        content=epochs.get("content"),
        readers=tuple(
            Held(item["kind"], item["id"], item["gen"], item.get("removed", False))
            for item in data.get("readers", ())
        ),
        roots=tuple(Root(item["kind"], item["epoch"], item["fingerprint"]) for item in data.get("roots", ())),
    )


def span(item: Data) -> tuple[date, date | None]:
    return date.fromisoformat(item["from"]), date.fromisoformat(item["until"]) if "until" in item else None


def decimal(number: float) -> Decimal:
    """Exact: `number` came from at most 15 digits, so its shortest text is the file's own."""
    return Decimal(str(number)).normalize() + Decimal(0)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
