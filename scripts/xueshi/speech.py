"""The language in which the site speaks: Chinese as the sentences are written, or English as locale/ has them.

A sentence is whole and its places have names, so that another language can order its words: `%(hours)s`. A per cent sign
of its own is doubled. Whoever makes pages says the language once, around all of it (`spoken`); everybody else only says
sentences. What says nothing of a language speaks Chinese."""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

CHINESE, ENGLISH = "zh-CN", "en"
LANGUAGES = (CHINESE, ENGLISH)

_language: ContextVar[str] = ContextVar("language", default=CHINESE)


def language() -> str:
    """The one that is spoken here, one of LANGUAGES."""
    return _language.get()


@contextmanager
def spoken(told: str) -> Iterator[None]:
    """Speak `told`, one of LANGUAGES, until the end of the block."""
    before = _language.set(told)
    try:
        yield
    finally:
        _language.reset(before)


def say(sentence: str, /, **values: object) -> str:
    """The sentence in the language spoken here, its places filled."""
    return _one(sentence) % values


def many(sentence: str, n: int, /, **values: object) -> str:
    """As `say`, where another language has one form for one and another for more; `n` is a place of the sentence."""
    return _counted(sentence, sentence, n) % {"n": n, **values}


def say_in(context: str, word: str, /) -> str:
    """As `say`, for a word that other languages have several for: the catalogue knows it by its context too."""
    return _catalogue(language()).pgettext(context, word)


def later_in(context: str, word: str, /) -> str:
    """The word as it is, for whoever says it later in this context."""
    return word


def later(sentence: str) -> str:
    """The sentence as it is, for whoever says it later: marks it for the catalogue."""
    return sentence


def teach(environment: Environment) -> None:
    """Give templates `_`, `many`, `say_in` and `language`. A sentence is ours and may hold marks of HTML; what is put into its
    places is escaped, where the environment escapes."""
    shown = Markup if environment.autoescape else str

    @cache  # a page says most of its sentences as they are, and the next page says them again
    def bare(told: str, sentence: str) -> str:
        return shown(_one(sentence)) % {}

    def filled(sentence: str, **values: object) -> str:
        return shown(_one(sentence)) % values if values else bare(language(), sentence)

    def marked(sentence: str, n: int, **values: object) -> Markup:
        return Markup(_counted(sentence, sentence, n)) % {"n": n, **values}

    environment.globals.update(_=filled, many=marked, say_in=say_in, language=language())


def later_many(sentence: str) -> str:
    """As `later`, for `many`."""
    return sentence


def _one(sentence: str) -> str:
    return _catalogue(language()).gettext(sentence) if sentence else ""  # "" would bring the catalogue's head


def _counted(one: str, more: str, n: int) -> str:
    return _catalogue(language()).ngettext(one, more, n)


@cache
def _catalogue(told: str) -> gettext.NullTranslations:
    if told == CHINESE:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo  # here: who speaks Chinese has no need of it
    from babel.messages.pofile import read_po

    packed = io.BytesIO()
    with (Path(__file__).parent / "locale" / told / "xueshi.po").open("rb") as file:
        write_mo(packed, read_po(file, locale=told))
    packed.seek(0)
    return gettext.GNUTranslations(packed)
