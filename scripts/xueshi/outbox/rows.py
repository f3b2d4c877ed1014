"""What the outbox gives: submissions and batches as values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from xueshi.model import Evidence
from xueshi.proposals import Sent

_SENT = tuple(field.name for field in fields(Sent))
WAITING = ("received", "pending", "parked")  # states in which nobody has decided yet


@dataclass(frozen=True, slots=True)
class Row:
    """One submission. `state` is the contract's: received | pending | approved | returned | withdrawn | parked; `batch`
    is what it goes to the host with, None before that is settled."""

    sent: Sent
    state: str
    batch: str | None
    pending_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None

    @property
    def waits(self) -> bool:
        """Whether nobody has decided yet."""
        return self.state in WAITING

    @property
    def missing(self) -> bool:
        """Whether its pull request is no longer on the host; `reason` says so to its member."""
        return self.state == "parked" and self.reason is not None


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes to the host together: `rows` in the order of their commits. `state`: sealed | pushed | proposed |
    decided | parked. `fence` is the number under which it was taken last; only its holder may record a step."""

    id: str
    branch: str
    state: str
    sealed_at: datetime
    base: str | None
    commit: str | None
    pull: int | None
    url: str | None
    attempts: int
    fence: int
    error: str | None
    rows: tuple[Row, ...]

    @property
    def ref(self) -> str:
        return f"sub/{self.id}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What reviewer `by` decided on a pull request as they saw it (`head`). `what`: approve | amend | return | drop
    (return one record of several); `payload` holds what goes with it; it is carried out from `due` (seconds since 1970)."""

    id: int
    pull: int
    head: str
    by: str
    what: str
    payload: dict[str, Any]
    at: datetime
    due: float
    state: str
    error: str | None


def payload(sent: Sent) -> str:
    """A submission as the outbox keeps it."""
    data = {name: getattr(sent, name) for name in _SENT}
    data.update(at=sent.at.isoformat(), start_date=sent.start_date.isoformat(), hours=str(sent.hours))
    data["evidence"] = [asdict(picture) for picture in sent.evidence]
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def sent_of(text: str) -> Sent:
    data = json.loads(text)
    data["at"] = datetime.fromisoformat(data["at"])
    data["start_date"] = date.fromisoformat(data["start_date"])
    data["hours"] = Decimal(data["hours"])
    data["evidence"] = tuple(Evidence(**item) for item in data["evidence"])
    return Sent(**data)


def row_of(found: Any) -> Row:
    return Row(
        sent=sent_of(found["payload"]),
        state=found["state"],
        batch=found["batch"],
        pending_at=_moment(found["pending_at"]),
        decided_at=_moment(found["decided_at"]),
        decided_by=found["decided_by"],
        reason=found["reason"],
    )


def batch_of(found: Any, rows: tuple[Row, ...]) -> Batch:
    names = ("id", "branch", "state", "base", "commit", "pull", "url", "attempts", "fence", "error")
    return Batch(
        **{name: found[name] for name in names},
        sealed_at=datetime.fromisoformat(found["sealed_at"]),
        rows=rows,
    )


def decision_of(found: Any) -> Decision:
    data = dict(found)
    return Decision(
        **{**data, "payload": json.loads(data["payload"]), "at": datetime.fromisoformat(data["at"])}
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
