"""policy.yaml's values, once its schema has passed, to the model; what may be left out has the defaults that the
schema's descriptions name."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from xueshi.model import (
    Alerts,
    Cap,
    CarryOver,
    Conversion,
    Crossing,
    Kind,
    KindChange,
    Norm,
    Option,
    Period,
    Policy,
    Requirement,
    Selector,
    When,
    Where,
)
from xueshi.records.build import Data, decimal, span

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
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
EMPTY: Data = {
    "conversion": [
        {
            "from": "2000-01-01",
            "minutes_per_hour": 60,
            "hours_per_half_day": 4,
            "hours_per_day": 8,
            "step": 0.5,
            "rounding": "down",
        }
    ],
    "kinds": {},
    "requirements": [],
}


def policy(data: Data) -> Policy:
    """The hour rules and the norms for organisations."""
    entry, weights = data.get("entry", {}), data.get("pace", {}).get("weights", {})
    weighted = data.get("pace", {}).get("model") == "weighted_months"
    return Policy(
        baseline=data.get("baseline"),
        conversions=tuple(_conversion(item) for item in data["conversion"]),
        kinds={key: _kind(key, item) for key, item in data["kinds"].items()},
        caps=tuple(_cap(item) for item in data.get("caps", ())),
        periods={key: _period(key, item) for key, item in data.get("periods", _PERIODS).items()},
        who={key: _selector(key, item) for key, item in data.get("who", _WHO).items()},
        requirements=tuple(_requirement(item) for item in data["requirements"]),
        alerts=_alerts(data.get("alerts", _ALERTS)),
        crossing=tuple(
            Crossing(*span(item), item["mode"], item.get("source")) for item in data.get("crossing", ())
        ),
        carry_over=tuple(
            CarryOver(item["requirement"], decimal(item["max"]), *span(item), item.get("source"))
            for item in data.get("carry_over", ())
        ),
        weights=tuple(decimal(weights[month]) for month in MONTHS) if weighted else (),
        norms=tuple(_norm(item) for item in data.get("norms", ())),
        earliest=_date(entry.get("earliest")),
        latest_days=entry.get("latest_days"),
    )


def _conversion(item: Data) -> Conversion:
    table = ((decimal(row["min_minutes"]), decimal(row["hours"])) for row in item.get("online_table", ()))
    return Conversion(
        *span(item),
        minutes_per_hour=decimal(item["minutes_per_hour"]),
        hours_per_half_day=decimal(item["hours_per_half_day"]),
        hours_per_day=decimal(item["hours_per_day"]),
        step=decimal(item["step"]),
        rounding=item["rounding"],
        online_table=tuple(sorted(table, reverse=True)),
    )


def _kind(key: str, item: Data) -> Kind:
    return Kind(
        id=key,
        label=item["label"],
        bucket=item["bucket"],
        counts=item["counts"],
        factor=_amount(item, "factor") or Decimal(1),
        max_per_record=_amount(item, "max_per_record"),
        max_per_year=_amount(item, "max_per_year"),
        convert=item.get("convert", "minutes"),
        needs=tuple(item.get("needs", ())),
        changes=tuple(_kind_change(change) for change in item.get("changes", ())),
    )


def _kind_change(item: Data) -> KindChange:
    return KindChange(
        start=span(item)[0],
        bucket=item.get("bucket"),
        counts=item.get("counts"),
        factor=_amount(item, "factor"),
        max_per_record=_amount(item, "max_per_record"),
        max_per_year=_amount(item, "max_per_year"),
        convert=item.get("convert"),
    )


def _cap(item: Data) -> Cap:
    return Cap(
        item["id"],
        item["per"],
        _amount(item, "max"),
        *span(item),
        source=item.get("source"),
        where=_where(item),
        share_of=item.get("max_share_of"),
        share=_amount(item, "share"),
        enabled=item.get("enabled", True),
    )


def _where(item: Data) -> Where:
    return Where(**_lists_as_tuples(item.get("where", {})))


def _period(key: str, item: Data) -> Period:
    return Period(
        id=key,
        type=item["type"],
        start=_date(item.get("from")),
        until=_date(item.get("until")),
        months=item.get("months", 0),
        anchor=item.get("anchor", ""),
        role=tuple(item.get("role", ("branch_secretary",))),
    )


def _selector(key: str, item: Data) -> Selector:
    lists = {name: tuple(item.get(name, ())) for name in ("status", "role", "not_role", "unit")}
    before = _date(item.get("joined_before"))
    return Selector(key, item.get("include"), **lists, exempt=item.get("exempt"), joined_before=before)


def _requirement(item: Data) -> Requirement:
    several: list[Any] = item.get("any_of") or item.get("all_of") or ([item] if "measure" in item else [])
    alone = "measure" in item
    return Requirement(
        id=item["id"],
        label=str(item.get("label", item["id"])),
        who=item["who"],
        options=tuple(_option(one, Where() if alone else _where(one)) for one in several),
        period=item["period"],
        start=span(item)[0],
        until=span(item)[1],
        source=item["source"],
        every="all_of" in item,
        where=_where(item),
        prorate="prorate" in item,
        severity=item.get("severity", "required"),
        enabled=item.get("enabled", True),
    )


def _option(item: Data, where: Where) -> Option:
    return Option(item["measure"], decimal(item["min"]), _amount(item, "otherwise") or Decimal(0), where)


def _alerts(item: Data) -> Alerts:
    return Alerts(
        near_ratio=decimal(item["near_ratio"]),
        behind_tolerance=decimal(item["behind_tolerance"]),
        waiting_days=item.get("waiting_days", 7),
        of=tuple(item.get("of", ())),
        behind_grace_days=item.get("behind_grace_days", 30),
    )


def _norm(item: Data) -> Norm:
    plain = ("min", "max", "period", "term_years", "remind_months", "apply_months", "severity", "enabled")
    return Norm(
        id=item["id"],
        label=item["label"],
        subject=tuple(item["subject"]),
        measure=item["measure"],
        start=span(item)[0],
        until=span(item)[1],
        source=item["source"],
        where=_where(item),
        when=When(**_lists_as_tuples(item.get("when", {}))),
        **{name: item[name] for name in plain if name in item},
    )


def _lists_as_tuples(item: Data) -> Data:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in item.items()}


def _amount(item: Data, name: str) -> Decimal | None:
    return decimal(item[name]) if name in item else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
