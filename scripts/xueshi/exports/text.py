"""Texts that people typed, made fit for a cell, a line of CSV, or the name of a file. Pure."""

from __future__ import annotations

import re
import unicodedata

CELL = 32_767  # UTF-16 units that Excel holds in a cell
_ILLEGAL = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 cannot hold it
_ACTIVE = tuple("=+-@\t\r＝＋－＠")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
_HIDDEN = ("Cc", "Cf", "Cs")
_UNSAFE = re.compile(r'[<>:"/\\|?*\s]+')


def cell(text: str) -> str:
    """The text as a cell can hold it, of at most CELL units; what had to be left out is said at its end."""
    if len(text) <= CELL // 2 and not _ILLEGAL.search(text):  # nearly every one; \r is illegal too
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept, lost = _ILLEGAL.subn("", lines)
    if lost:
        kept += f"［略去 {lost} 个无法显示的字符］"
    if _units(kept) > CELL:
        mark = f"……［原文 {len(text)} 字，超出单元格的上限，从这里截去；全文见记录文件］"
        kept = kept.encode("utf-16-le")[: 2 * (CELL - _units(mark))].decode("utf-16-le", "ignore") + mark
    return kept


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def is_active(text: str) -> bool:
    """Whether a spreadsheet that meets the text as a typed one may take it for a formula."""
    return text.startswith(_ACTIVE) or text.lstrip().startswith(_ACTIVE)  # some readers trim first


def defused(text: str) -> str:
    """The text for a file whose reader guesses what is a formula: a quote mark stands before one."""
    return f"'{text}" if is_active(text) else text


def file_part(text: str, most: int = 72) -> str:
    """One part of a file's name that every system takes: of at most `most` bytes of UTF-8, never empty, no separator,
    no character that is invisible or turns the line, no name that Windows keeps for itself."""
    shown = "".join(
        ch
        for ch in unicodedata.normalize("NFC", text)
        if ch.isspace() or unicodedata.category(ch) not in _HIDDEN
    )
    name = _UNSAFE.sub("-", shown).encode()[:most].decode("utf-8", "ignore").strip("-. ") or "未命名"
    return f"{name}-" if _RESERVED.fullmatch(name) else name
