"""Names in the order people look them up. The readings take a quarter of a second to load: only who asks waits for it."""

from __future__ import annotations

from functools import lru_cache

# Characters whose reading as a surname differs from the common one.
_SURNAMES = {"曾": "zeng", "单": "shan", "查": "zha", "覃": "qin", "仇": "qiu", "解": "xie", "任": "ren", "区": "ou", "朴": "piao", "尉": "wei", "乐": "yue", "盖": "ge", "华": "hua", "缪": "miao", "召": "shao", "么": "yao", "员": "yun"}  # fmt: skip


@lru_cache(maxsize=20_000)  # lists of the same people are put in order over and over
def sort_key(name: str) -> tuple[str, ...]:
    """Pinyin syllables, the surname read as a surname; the name itself breaks ties."""
    from pypinyin import lazy_pinyin

    syllables = lazy_pinyin(name)
    if name and name[0] in _SURNAMES:
        syllables[0] = _SURNAMES[name[0]]
    return (*(s.lower() for s in syllables), name)


def initials(name: str) -> str:
    """First letters for a search box, upper case; the first one heads the name's group: 林样青 → LYQ."""
    from pypinyin import Style, pinyin

    letters = pinyin(name, style=Style.FIRST_LETTER)
    found = [one[0][:1].upper() for one in letters if one and one[0][:1].isascii()]
    if found and name[0] in _SURNAMES:
        found[0] = _SURNAMES[name[0]][0].upper()
    return "".join(found) or "#"
