"""The words everything else is written in: values only, no input or output."""

from __future__ import annotations

from xueshi.model.days import SHANGHAI, contains
from xueshi.model.history import History, Proposal, Submission, Version
from xueshi.model.organisation import (
    Desk,
    Membership,
    Organisation,
    Person,
    Reviewer,
    Role,
    Roster,
    RosterEntry,
    Span,
    Term,
    Unit,
)
from xueshi.model.policy import Cap, Conversion, Kind, Period, Policy, Requirement, Selector
from xueshi.model.records import Problem, RecordSet, Severity
from xueshi.model.study import Change, Evidence, Study, Submitted, Void
from xueshi.model.totals import Credit, MemberTotals, Standing, Standings, Totals

__all__ = [
    "SHANGHAI",
    "Cap",
    "Change",
    "Conversion",
    "Credit",
    "Desk",
    "Evidence",
    "History",
    "Kind",
    "MemberTotals",
    "Membership",
    "Organisation",
    "Period",
    "Person",
    "Policy",
    "Problem",
    "Proposal",
    "RecordSet",
    "Requirement",
    "Reviewer",
    "Role",
    "Roster",
    "RosterEntry",
    "Selector",
    "Severity",
    "Span",
    "Standing",
    "Standings",
    "Study",
    "Submission",
    "Submitted",
    "Term",
    "Totals",
    "Unit",
    "Version",
    "Void",
    "contains",
]
