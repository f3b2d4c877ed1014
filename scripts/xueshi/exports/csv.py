"""The records of an export as CSV, as Excel in Chinese opens it by double click: UTF-8 with a mark, CRLF."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

from xueshi.exports import text
from xueshi.exports.rows import Export
from xueshi.exports.tables import Cell, details
from xueshi.words import plain


def lines(export: Export) -> bytes:
    """The columns and rows of 明细 without its title and sums; a text like a formula has a quote mark before it."""
    table = details(export)
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([column.head for column in table.columns])
    writer.writerows([_field(value) for value in row] for row in table.rows)
    return file.getvalue().encode("utf-8-sig")


def _field(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return text.defused(text.cell(value))
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date) else str(value)
