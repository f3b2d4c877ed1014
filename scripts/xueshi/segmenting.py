"""Words of the search index. The only module that touches jieba, by which Material's search cuts Chinese texts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import jieba  # type: ignore[import-untyped]

_PHRASES = (
    "三会一课",
    "主题党日",
    "组织生活会",
    "民主评议",
)  # everybody says them; jieba's dictionary lacks them
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")


def learn(names: Iterable[str], place: Path) -> None:
    """Keep these names whole: cut up, one is looked for by each of its parts, and 第一 or 支部 are everywhere. Those of
    the site before are forgotten. jieba keeps its cache in `place`: it would load its usual one, from a folder that
    all users share, whoever put it there."""
    if not jieba.dt.initialized:
        logging.getLogger("jieba").setLevel(logging.WARNING)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        jieba.dt.tmp_dir = str(place)
    frequencies, total = _untaught()
    jieba.dt.FREQ, jieba.dt.total = dict(frequencies), total
    for word in sorted({*_PHRASES, *(word for name in names for word in _HAN.findall(name))}):
        jieba.add_word(word)


@cache
def _untaught() -> tuple[Mapping[str, int], int]:
    jieba.initialize()
    return dict(jieba.dt.FREQ), jieba.dt.total
