"""What waits for its review, oldest first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from xueshi import words
from xueshi.model import Study
from xueshi.reports.source import Source, sent_on


@dataclass(frozen=True, slots=True)
class Waiting:
    """One record of an open proposal. `action` in words: what is asked; `days` since it was `sent`; `late`: longer than
    the policy bears."""

    study: Study
    name: str
    action: str
    sent: date
    days: int
    late: bool


def waiting(source: Source, branch: str) -> tuple[Waiting, ...]:
    """What waits in a branch."""
    limit = source.records.policy.alerts.waiting_days
    found = []
    for proposal, study in source.waiting(branch=branch):
        days, action = source.days(proposal), proposal.submissions[-1].action
        name = source.names.get(study.member, study.member)
        told = words.named(words.ACTION, action)
        found.append(Waiting(study, name, told, sent_on(proposal), days, days > limit))
    return tuple(sorted(found, key=lambda one: (one.sent, one.study.submitted.at, one.study.id)))
