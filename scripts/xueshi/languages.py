"""What the site itself brings, in the language of the build: the words of mkdocs.yml and the pages below site/pages.

A page `guide.md` is Chinese and `guide.en.md` the same page in English. Where there is no English one the Chinese page is
shown, marked as Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from xueshi.errors import UsageError
from xueshi.speech import CHINESE, ENGLISH, LANGUAGES, language, say

_VARIABLE = "XUESHI_LANGUAGE"
_MARK = f".{ENGLISH}.md"


def language_told(environ: Mapping[str, str], config: MkDocsConfig) -> str:
    """What XUESHI_LANGUAGE says, else theme.language. Raises UsageError for a language that the site does not speak."""
    told = environ.get(_VARIABLE, "").strip() or str(config.theme.get("language"))
    if told not in LANGUAGES:
        raise UsageError(f"theme.language is {told!r}; the site speaks {' and '.join(LANGUAGES)}")
    return told


def put_into_words(config: MkDocsConfig) -> None:
    """The theme, and the words of mkdocs.yml that are ours, in the language spoken; an organisation's own words stay."""
    config.theme["language"] = language()
    config.site_name = say(_literal(config.site_name))
    config.site_description = say(_literal(config.site_description or ""))
    config.nav = _said(config.nav)
    for palette in config.theme.get("palette", ()):
        palette["toggle"]["name"] = say(_literal(palette["toggle"]["name"]))


def _said(nav: Any) -> Any:
    """The titles of a nav, which is a list of addresses and of {title: address or nav}."""
    if isinstance(nav, list):
        return [_said(entry) for entry in nav]
    if isinstance(nav, dict):
        return {say(_literal(title)): _said(below) for title, below in nav.items()}
    return nav


def _literal(text: str) -> str:
    """A text of somebody else as a sentence: its per cent signs are no places."""
    return text.replace("%", "%%")


def choose_pages(files: Files, config: MkDocsConfig) -> frozenset[str]:
    """Keep each page in one language only, in `files`. Answers the pages that are shown in another one than is spoken."""
    english = {file.src_uri: file for file in files.documentation_pages() if file.src_uri.endswith(_MARK)}
    for file in english.values():
        files.remove(file)
    if language() == CHINESE:
        return frozenset()
    for uri, file in english.items():
        plain = uri.removesuffix(_MARK) + ".md"
        if chinese := files.get_file_from_path(plain):
            files.remove(chinese)
        files.append(File.generated(config, plain, content=file.content_string, inclusion=file.inclusion))
    ours = {uri.removesuffix(_MARK) + ".md" for uri in english}
    return frozenset(file.src_uri for file in files.documentation_pages() if file.src_uri not in ours)
