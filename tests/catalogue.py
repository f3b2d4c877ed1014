"""Every sentence of the site, and the catalogues that have them in other languages.

Run as a program, it brings new sentences into scripts/xueshi/locale without words for them, and drops those that nobody
says any more; tests/test_english.py says which still lack words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml
from babel.messages import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from xueshi import project

ROOT = project.root()
PACKAGE = ROOT / "scripts" / "xueshi"
ENGLISH = PACKAGE / "locale" / "en" / "xueshi.po"
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "say": None,
    "later": None,
    "many": (1, 1),  # one sentence stands for both forms
    "later_many": (1, 1),
    "say_in": ((1, "c"), 2),
    "later_in": ((1, "c"), 2),
}
MATERIALS_OWN = "languages"  # below partials: words for the theme's sentences, not sentences of ours

HEAD = """\
# The sentences of the site in English. `python tests/catalogue.py` keeps them to those that are said.
msgid ""
msgstr ""
"Language: en\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""

Sentence = str | tuple[str, str]


def templates() -> Iterator[Path]:
    """What the site's pages are made of."""
    for path in sorted((ROOT / "site").rglob("*.html")):
        if path.parent.name != MATERIALS_OWN:
            yield path


def programs() -> Iterator[Path]:
    """The modules that speak."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "from xueshi.speech import" in path.read_text(encoding="utf-8"):
            yield path


def sentences() -> Iterator[tuple[Path, Sentence, str | None]]:
    """Every sentence with the file that says it and its context; one that is counted is a pair."""
    for method, paths in (("jinja2", templates()), ("python", programs())):
        for path in paths:
            with path.open("rb") as file:
                options = {"silent": "false"} if method == "jinja2" else {}
                for _, found, _, context in extract(method, file, KEYWORDS, options=options):
                    yield path, found, context
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.BaseLoader)
    for text in told(settings):
        yield ROOT / "mkdocs.yml", text.replace("%", "%%"), None
    study = json.loads((ROOT / "schema" / "study.schema.json").read_text(encoding="utf-8"))
    for entry in study["properties"].values():
        yield ROOT / "schema" / "study.schema.json", entry["title"], None


def told(settings: dict[str, object]) -> Iterator[str]:
    """What mkdocs.yml says to people."""
    yield str(settings["site_name"])
    yield str(settings["site_description"])
    yield from titles(settings["nav"])
    theme = settings["theme"]
    assert isinstance(theme, dict)
    yield from (palette["toggle"]["name"] for palette in theme["palette"])


def titles(nav: object) -> Iterator[str]:
    if isinstance(nav, list):
        for entry in nav:
            yield from titles(entry)
    elif isinstance(nav, dict):
        for title, below in nav.items():
            yield title
            yield from titles(below)


def template() -> Catalog:
    """All sentences, each with the files that say it."""
    made = Catalog()
    for path, sentence, context in sentences():
        known = made.get(sentence, context)
        place = (path.relative_to(ROOT).as_posix(), None)
        if known is None or place not in known.locations:
            made.add(sentence, locations=[place], context=context)
    return made


def read(path: Path = ENGLISH) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="en")


def write(catalogue: Catalog, path: Path = ENGLISH) -> None:
    with path.open("wb") as file:
        file.write(HEAD.encode())
        write_po(file, catalogue, width=110, omit_header=True, sort_by_file=True, ignore_obsolete=True)


def main() -> None:
    catalogue = read()
    catalogue.update(template(), no_fuzzy_matching=True)
    write(catalogue)
    print(*(f"no words for {m.id!r}" for m in catalogue if m.id and not is_said(m)), sep="\n")


def is_said(message: Message) -> bool:
    """Whether it has words, in each of its forms."""
    return bool(message.string) and all(message.string)


if __name__ == "__main__":
    main()
