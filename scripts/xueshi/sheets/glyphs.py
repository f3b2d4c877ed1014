"""The fonts of the sheet, pinned by fonts/package-lock.json, and which characters they have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typst

from xueshi.errors import UsageError

FOLDER = Path(__file__).parent / "fonts"
_PINNED = ("NotoSerifSC_400Regular.ttf", "NotoSerifSC_700Bold.ttf")
_TOLD = 12  # missing characters that one message names


@dataclass(frozen=True, slots=True)
class Fonts:
    """`families` in the order they are tried, `covered` the code points that any of them has."""

    found: typst.Fonts
    families: tuple[str, ...]
    covered: frozenset[int]


@dataclass(frozen=True, slots=True)
class Missing:
    """A character that no font has, and the first place where it stands."""

    character: str
    where: str

    def __str__(self) -> str:
        seen = unicodedata.category(self.character)[0] not in "CMZ"  # the others would disturb a terminal
        return f"{self.where}：{self.character if seen else ''}（{code(self.character)}）"


class GlyphsMissing(UsageError):
    """The sheet would have holes; `missing` says which and where."""

    def __init__(self, missing: tuple[Missing, ...]) -> None:
        told = "；".join(map(str, missing[:_TOLD]))
        more = f" 等 {len(missing)} 个字" if len(missing) > _TOLD else ""
        super().__init__(
            f"字体里没有这些字：{told}{more}。用 --fonts 文件夹 补上有这些字的字体，或用 --allow-missing 印成 〓"
        )
        self.missing = missing


def code(character: str) -> str:
    """U+20BB7."""
    return f"U+{ord(character):04X}"


def installed(folder: Path = FOLDER) -> bool:
    """Whether scripts/setup has fetched the pinned fonts."""
    return all((folder / name).is_file() for name in _PINNED)


@cache
def fonts(more: Path | None = None, *, folder: Path = FOLDER) -> Fonts:
    """The pinned fonts of `folder`, then those in the folder `more`. Raises UsageError where there is none at all."""
    if not installed(folder) and more is None:
        raise UsageError(
            "打印用的字体还没有装上：请联网后在程序文件夹里运行 scripts/setup fonts（约 130 MB，只需一次），"
            "或用 --fonts 写明一个放有中文字体文件的文件夹"
        )
    faces = [face for place in (folder, more) if place is not None for face in _faces(place)]
    if not faces:
        raise UsageError(f"{more} 里没有字体文件（.ttf、.otf 或 .ttc）")
    found = _found(folder, *([more] if more else []))
    covered = frozenset[int]().union(*(_characters(str(face.path), face.index) for face in faces))
    return Fonts(found, tuple(dict.fromkeys(face.family for face in faces)), covered)


def _found(*folders: Path) -> typst.Fonts:
    """The fonts of these folders alone: what else a machine has would make its sheets unlike others."""
    places = [str(folder) for folder in folders]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=places)


def _faces(folder: Path) -> list[typst.FontInfo]:
    return sorted(_found(folder).fonts(), key=lambda face: (str(face.path), face.index))


def _characters(path: str, index: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont  # 60 ms that no other command should pay

    with TTFont(path, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap())


def missing(texts: Iterable[tuple[str, str]], covered: frozenset[int]) -> tuple[Missing, ...]:
    """The characters of texts (where, text) that are not covered, each once, in order."""
    found: dict[str, Missing] = {}
    for where, text in texts:
        for character in text:
            if ord(character) not in covered and character != "\n":
                found.setdefault(character, Missing(character, where))
    return tuple(found.values())
