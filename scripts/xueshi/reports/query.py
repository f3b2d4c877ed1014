"""Records looked up by name, branch, kind, dates, hours, words and state together. Pure.

The page does the same in a browser (site/theme/assets/query-find.js); tests/test_query.py compares the two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from xueshi.model import Credit, Study
from xueshi.pinyin import sort_key
from xueshi.reports.source import Source
from xueshi.speech import later

STATES = {
    "counted": later("已通过"),
    "waiting": later("待审核"),
    "unapproved": later("未计入"),
    "void": later("已作废"),
}
_BETWEEN = re.compile(r"[\s·•・]")  # what people leave out, or put in, between the parts of a name


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `state` is one of STATES; `hours` are those credited, of one that waits those claimed; `why` they are
    fewer than claimed, as totals call it."""

    study: Study
    state: str
    hours: Decimal
    why: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for; empty or None asks nothing. `start` to `last` are study dates, `least` to `most` hours, all
    four taken in. Every word of `text` stands in the title, the content or the place; `name` as in `is_called`."""

    name: str = ""
    branch: str = ""
    kind: str = ""
    start: date | None = None
    last: date | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    text: str = ""
    state: str = ""


def rows(credits: Iterable[Credit], waiting: Iterable[Study]) -> list[Row]:
    """Newest first. A change that waits is no record of its own: what it would change stands here as it is."""
    found = {c.study.path: Row(c.study, c.state, c.credited, c.why) for c in credits}
    for study in waiting:
        found.setdefault(study.path, Row(study, "waiting", study.hours))
    return sorted(found.values(), key=lambda row: (row.study.start_date, row.study.id), reverse=True)


def all_rows(source: Source) -> list[Row]:
    return rows(source.totals.credits(), (study for _, study in source.waiting()))


def matching(rows: Iterable[Row], asked: Asked, names: Mapping[str, str]) -> Iterator[Row]:
    """Those that meet everything that is asked; `names` by member id."""
    wanted, said = fold(asked.text).split(), spoken(asked.name)

    @cache
    def called(member: str) -> bool:
        return is_called(said, member, names.get(member, member))

    for row in rows:
        study = row.study
        if (
            (not said or called(study.member))
            and asked.branch in ("", study.branch)
            and asked.kind in ("", study.kind)
            and asked.state in ("", row.state)
            and (asked.start is None or asked.start <= study.start_date)
            and (asked.last is None or study.start_date <= asked.last)
            and (asked.least is None or asked.least <= row.hours)
            and (asked.most is None or row.hours <= asked.most)
            and (not wanted or all(word in _words(study) for word in wanted))
        ):
            yield row


def _words(study: Study) -> str:
    return fold("\n".join((study.title, study.content or "", study.place or "")))


def fold(text: str) -> str:
    """Text as it is compared: full and half width, capital and small are one."""
    return unicodedata.normalize("NFKC", text).lower()


# --- names


def spoken(name: str) -> str:
    """A name, or part of one, as it is compared."""
    return _BETWEEN.sub("", fold(name)).replace("ü", "v")


def is_called(said: str, member: str, name: str) -> bool:
    """Whether `said` (see spoken) is part of the name, begins one of its spellings, or is the member's id."""
    return (
        said in spoken(name) or said == member or any(one.startswith(said) for one in spellings(spoken(name)))
    )


def spellings(name: str) -> tuple[str, ...]:
    """Latin letters that somebody may begin to type for a name (as spoken): from any of its syllables on, in full, by
    initials, or the first in full and then initials; the first character in every reading, as a surname too."""
    from pypinyin import Style, lazy_pinyin, pinyin  # as in xueshi.pinyin

    syllables = [s.lower() for s in lazy_pinyin(name)]
    readings = pinyin(name[:1], style=Style.NORMAL, heteronym=True)
    firsts = [*readings[0], sort_key(name)[0]] if readings and syllables[0] != name else syllables[:1]
    starts = [(first.lower(), syllables[1:]) for first in firsts]
    starts += [(s, syllables[n + 1 :]) for n, s in enumerate(syllables) if n]
    found: dict[str, None] = {}
    for first, rest in starts:
        initials = "".join(s[0] for s in rest)
        found |= dict.fromkeys((first + "".join(rest), first[:1] + initials, first + initials))
    return tuple(found)
