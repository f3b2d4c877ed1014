"""The hour rules in words, and what a change to them would do. Pure: values in, values and text out."""

from __future__ import annotations

from xueshi.policy.explain import Entry, entries, explain
from xueshi.policy.notices import gaps, has_errors, notices
from xueshi.policy.parts import parts, parts_text
from xueshi.policy.phrases import LANGUAGES, one_line
from xueshi.policy.trial import Trial, trial
from xueshi.policy.verdict import trial_data, trial_summary, trial_text
from xueshi.policy.what_if import as_if

__all__ = [
    "LANGUAGES",
    "Entry",
    "Trial",
    "as_if",
    "entries",
    "explain",
    "gaps",
    "has_errors",
    "notices",
    "one_line",
    "parts",
    "parts_text",
    "trial",
    "trial_data",
    "trial_summary",
    "trial_text",
]
