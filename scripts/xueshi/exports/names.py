"""What the files are called. Pure."""

from __future__ import annotations

from xueshi.exports import text
from xueshi.exports.rows import Export

FORMATS = {"xlsx": "党员学时汇总", "csv": "党员学时明细", "zip": "学习档案"}


def file_name(made: Export, form: str) -> str:
    """Such as 示例大学艺术学院_党员学时汇总_2026年度_20260305.xlsx: at most 255 bytes, and safe on every system. The
    name of a person is followed by their id, since two may have one name. `form` is one of FORMATS."""
    parts = [made.organisation, made.name, made.scope.member or "", FORMATS[form], made.span.label]
    safe = [text.file_part(part) for part in parts if part]
    return f"{'_'.join([*safe, f'{made.on:%Y%m%d}'])}.{form}"
