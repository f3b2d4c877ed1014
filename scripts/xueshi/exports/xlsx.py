"""An export as a workbook. The only module that knows xlsxwriter. No cell is a formula, whatever a text looks like."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date
from decimal import Decimal

import xlsxwriter

from xueshi.errors import UsageError
from xueshi.exports import text
from xueshi.exports.notes import Note
from xueshi.exports.rows import Export
from xueshi.exports.tables import Cell, Table, tables

ROWS = 1_048_576  # of a sheet
_HEAD = 2  # lines before the first row: the title, and what the columns are
_A4 = 9
_PLAIN = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "in_memory": True,
}
_GRID: dict[str, object] = {"border": 1, "border_color": "#999999", "valign": "top"}
_FORMATS: dict[str, dict[str, object]] = {
    "title": {"bold": True, "font_size": 14},
    "head": {"bold": True, "border": 1, "border_color": "#999999", "bg_color": "#E8E8E8", "text_wrap": True,
             "align": "center", "valign": "vcenter"},
    "cell": _GRID,
    "wraps": {**_GRID, "text_wrap": True},
    "day": {**_GRID, "num_format": "yyyy-mm-dd", "align": "center"},
    "sum": {**_GRID, "bold": True, "bg_color": "#F4F4F4"},
    "note": {"text_wrap": True, "valign": "top"},
    "topic": {"bold": True, "text_wrap": True, "valign": "top"},
}  # fmt: skip
Formats = Mapping[str, object]


def workbook(export: Export) -> bytes:
    """The bytes of an XLSX file, the same for the same export. UsageError when a sheet would be too long for Excel."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, _PLAIN)
    book.set_properties(
        {
            "title": text.cell(export.title),
            "comments": text.cell(f"提交 {export.commit}，按 {export.day} 计算"),
            "author": "xueshi",
            "created": export.at.astimezone(UTC).replace(tzinfo=None),
        }
    )
    formats = {}
    for name, said in _FORMATS.items():
        formats[name] = book.add_format(said)
        # A typed-over text beginning with = stays a text only where the cell says so.
        formats[f"{name} quoted"] = book.add_format({**said, "quote_prefix": True})
    for table in tables(export):
        _write_table(book.add_worksheet(table.name), table, export, formats)
    _write_notes(book.add_worksheet("说明"), export, formats)
    book.close()
    return file.getvalue()


def _write_table(
    sheet: xlsxwriter.worksheet.Worksheet, table: Table, export: Export, formats: Formats
) -> None:
    _refuse_too_long(table)
    last, width = _HEAD + len(table.rows), len(table.columns) - 1
    _write(sheet, 0, 0, f"{export.title}　{export.as_of}", "title", formats)
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, column.width)
        _write(sheet, 1, place, column.head, "head", formats)
    looks = ["wraps" if column.wraps else "cell" for column in table.columns]
    for number, row in enumerate(table.rows, _HEAD):
        _write_row(sheet, number, row, looks, formats)
    _write_row(sheet, last, table.sums, ["sum"] * (width + 1), formats)
    sheet.set_row(1, 32)
    sheet.freeze_panes(_HEAD, 0)
    sheet.autofilter(1, 0, max(last - 1, 1), width)
    _lay_out(sheet, export, last, sum(column.printed for column in table.columns) - 1)


def _refuse_too_long(table: Table) -> None:
    if _HEAD + len(table.rows) + 1 > ROWS:
        raise UsageError(
            f"{table.name}有 {len(table.rows)} 行，超过 Excel 一张表的 {ROWS} 行；请按支部或按年份分开导出，或导出 CSV"
        )


def _lay_out(sheet: xlsxwriter.worksheet.Worksheet, export: Export, last: int, width: int) -> None:
    """A4 across, one page wide, the first lines on every page."""
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.6, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, _HEAD - 1)
    sheet.print_area(0, 0, last, width)
    sheet.set_footer(f"&L提交 {export.commit[:7]}，按 {export.day} 计算&R第 &P 页，共 &N 页")


def _write_row(
    sheet: xlsxwriter.worksheet.Worksheet,
    number: int,
    row: Sequence[Cell],
    looks: Sequence[str],
    formats: Formats,
) -> None:
    for place, (value, look) in enumerate(zip(row, looks, strict=True)):
        _write(sheet, number, place, value, look, formats)


def _write(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, place: int, value: Cell, look: str, formats: Formats
) -> None:
    if isinstance(value, date):
        sheet.write_datetime(row, place, value, formats["day"])
    elif isinstance(value, (int, Decimal)):
        sheet.write_number(row, place, value, formats[look])
    elif value:
        shown = text.cell(value)
        active = text.is_active(shown)
        sheet.write_string(row, place, _no_markup(shown), formats[f"{look} quoted" if active else look])
    else:
        sheet.write_blank(row, place, None, formats[look])


def _no_markup(shown: str) -> str:
    """xlsxwriter takes a text between these for its own XML and writes it as it is; a space ends that."""
    return f" {shown[: text.CELL - 1]}" if shown.startswith("<r>") and shown.endswith("</r>") else shown


def _write_notes(sheet: xlsxwriter.worksheet.Worksheet, export: Export, formats: Formats) -> None:
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 110)
    _write(sheet, 0, 0, f"{export.title}　说明", "title", formats)
    _write(sheet, 1, 0, "项目", "head", formats)
    _write(sheet, 1, 1, "说明", "head", formats)
    for number, note in enumerate(export.notes, _HEAD):
        _write_note(sheet, number, note, formats)
    sheet.freeze_panes(_HEAD, 0)
    _lay_out(sheet, export, _HEAD + len(export.notes) - 1, 1)


def _write_note(sheet: xlsxwriter.worksheet.Worksheet, number: int, note: Note, formats: Formats) -> None:
    _write(sheet, number, 0, note.head, "topic", formats)
    _write(sheet, number, 1, note.text.removeprefix("- "), "note", formats)
