"""Reports as files to keep, of a member, a branch or everybody, over a range: workbook, CSV and archive. Pure.

First `export` says what a file holds, then `workbook`, `lines` or `archive` makes its bytes; the same values give the
same bytes, and a file is as old as its commit."""

from __future__ import annotations

from xueshi.exports.archive import Needs, archive, needs
from xueshi.exports.csv import lines
from xueshi.exports.names import FORMATS, file_name
from xueshi.exports.notes import rules_of
from xueshi.exports.range import Range, between, everything, named, plan, year
from xueshi.exports.rows import Export, export
from xueshi.exports.scope import Scope
from xueshi.exports.xlsx import workbook

__all__ = [
    "FORMATS",
    "Export",
    "Needs",
    "Range",
    "Scope",
    "archive",
    "between",
    "everything",
    "export",
    "file_name",
    "lines",
    "named",
    "needs",
    "plan",
    "rules_of",
    "workbook",
    "year",
]
