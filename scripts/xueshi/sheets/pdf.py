"""Sheets → PDF, by typst. The same sheets, pictures and fonts give the same bytes.

What people wrote reaches the template as data alone: none of it is ever read as markup."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import segno
import typst
from PIL import Image, UnidentifiedImageError

from xueshi.errors import XueshiError
from xueshi.reports.paper import Sheet, Shot
from xueshi.sheets import glyphs

_TEMPLATE = Path(__file__).parent / "sheet.typ"
_A_PAGE = 6  # pictures, two by three
_SIDE = 720  # pixels: 225 dpi at 81 mm
_QUALITY = 80
_GETA = "〓"
_A_FOOT = 20  # missing characters that the foot has room for
_NARROW, _WIDE = 350, 1500  # characters that fill most of a page, in a narrow column and over its width
_SPLITTABLE = re.compile(r"(?<=[^\s\u2e80-\U0003ffff]{9})(?=[^\s\u2e80-\U0003ffff])")
_ZERO_WIDTH = "\u200b"


def pdf(
    sheets: Sequence[Sheet],
    pictures: Mapping[str, bytes],
    title: str,
    *,
    fonts: Path | None = None,
    allow_missing: bool = False,
) -> bytes:
    """One tagged PDF (UA-1), every sheet on pages of its own; `title` is the document's.

    `pictures` are bytes by hash; one that is not among them is told in its place. Raises GlyphsMissing unless
    `allow_missing`, which prints 〓 instead and says so in the foot; UsageError without fonts."""
    known = glyphs.fonts(fonts)
    absent = [_absent(sheet, known, allow_missing=allow_missing) for sheet in sheets]
    with tempfile.TemporaryDirectory(prefix="xueshi-sheet-") as folder:
        kept = _lay_out(sheets, pictures, Path(folder))
        data = {
            "families": known.families,
            "title": title,
            "sheets": [_values(*pair, kept) for pair in zip(sheets, absent, strict=True)],
        }
        return _compiled(data, Path(folder), known, int(sheets[0].at.timestamp()))


def _compiled(data: Mapping[str, Any], folder: Path, known: glyphs.Fonts, seconds: int) -> bytes:
    """The template with its data; it can read files of `folder` alone. `seconds` since 1970 is when it was made."""
    compiler = typst.Compiler(
        _TEMPLATE.read_bytes(),
        root=str(folder),
        font_paths=known.found,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    try:
        made = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=seconds)
    except typst.TypstError as error:
        raise XueshiError(f"登记表没有做成：{error.message}") from error
    assert isinstance(made, bytes)
    return made


def _absent(sheet: Sheet, known: glyphs.Fonts, *, allow_missing: bool) -> tuple[glyphs.Missing, ...]:
    """The characters of a sheet that no font has. Raises GlyphsMissing unless they are allowed."""
    own = ("表格用字", "".join(ch for ch in _TEMPLATE.read_text(encoding="utf-8") if not ch.isascii()))
    texts = [own, *((f"{sheet.name} {where}", text) for where, text in sheet.texts())]
    found = glyphs.missing(texts, known.covered)
    if found and not allow_missing:
        raise glyphs.GlyphsMissing(found)
    return found


# --- what the template is given


def _values(sheet: Sheet, absent: Sequence[glyphs.Missing], kept: frozenset[str]) -> dict[str, Any]:
    """A sheet as plain values, fit to be printed: what no font has replaced, long words with places to break."""
    holes = str.maketrans(dict.fromkeys((missing.character for missing in absent), _GETA))
    values: dict[str, Any] = _printed(
        {name: value for name, value in asdict(sheet).items() if name not in ("shots", "at", "on")}, holes
    )
    shots = [_shot(shot, kept, holes) for shot in sheet.shots]
    return values | {
        "rows": [row | {"long": _is_high(row)} for row in values["rows"]],
        "long": _are_high(sheet),
        "pages": [shots[at : at + _A_PAGE] for at in range(0, len(shots), _A_PAGE)],
        "holes": "、".join(glyphs.code(missing.character) for missing in absent[:_A_FOOT]),
        "foot": _printed(sheet.foot, holes),
        "check": sheet.check,
        "qr": _qr(sheet.check) if sheet.check else "",
    }


def _printed(value: Any, holes: Mapping[int, str]) -> Any:
    if isinstance(value, str):
        return _SPLITTABLE.sub(_ZERO_WIDTH, value.translate(holes))
    if isinstance(value, dict):
        return {name: _printed(inner, holes) for name, inner in value.items()}
    return [_printed(inner, holes) for inner in value] if isinstance(value, list | tuple) else value


def _is_high(row: Mapping[str, Any]) -> bool:
    """Whether a row may be split after all, since it could be higher than a page; a sound record's only by contents."""
    narrow = sum(len(value) for name, value in row.items() if name not in ("number", "content"))
    return narrow > _NARROW or len(row["content"]) > _WIDE


def _are_high(sheet: Sheet) -> bool:
    """Whether sums and signatures could be higher than a page."""
    labels = [demand.label for demand in sheet.demands] + [label for label, _ in sheet.kinds]
    return sum(map(len, labels)) > _NARROW or sum(map(len, sheet.notes)) > _WIDE // 2


def _qr(address: str) -> str:
    """A QR code of error level M as SVG; the paper around it is its quiet zone."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(out, kind="svg", border=0, xmldecl=False)
    return out.getvalue().decode()


# --- pictures


def _lay_out(sheets: Sequence[Sheet], pictures: Mapping[str, bytes], folder: Path) -> frozenset[str]:
    """Write the sheets' pictures into a folder, each once; the hashes of those that could be read."""
    kept = set()
    for sha256 in sorted({shot.picture.sha256 for sheet in sheets for shot in sheet.shots} & pictures.keys()):
        small = _jpeg(pictures[sha256])
        if small is not None:
            (folder / f"{sha256}.jpg").write_bytes(small)
            kept.add(sha256)
    return frozenset(kept)


def _shot(shot: Shot, kept: frozenset[str], holes: Mapping[int, str]) -> dict[str, Any]:
    file = f"/{shot.picture.sha256}.jpg" if shot.picture.sha256 in kept else ""
    return {"number": shot.number, "date": shot.date, "title": _printed(shot.title, holes), "file": file}


def _jpeg(data: bytes) -> bytes | None:
    """One of our pictures at the size of print, or None for what is none. Typst keeps a JPEG as it is, and would blow a
    WebP up to its pixels."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
            small = image.convert("RGB")
        small.thumbnail((_SIDE, _SIDE), Image.Resampling.HAMMING)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, RuntimeError, IndexError):
        return None  # what Pillow raises on broken files
    small.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
