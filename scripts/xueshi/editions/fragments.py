"""The templates of reports: how their values are told, whatever the edition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi import speech, words
from xueshi.reading import told
from xueshi.words import plain

_ID = re.compile(r"\b[a-z][a-z0-9-]{1,31}\b")


def fragments(folder: Path, names: Mapping[str, str]) -> Environment:
    """Templates from `folder`; `names` is what people call the ids that a check-up names."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        hours=plain, told=told, people=lambda text: _ID.sub(lambda found: names.get(found[0], found[0]), text)
    )
    speech.teach(made)
    made.globals.update(
        STANDING=words.STANDING,
        ENDED=words.ENDED,
        VIA=words.VIA,
        VERDICT=words.VERDICT,
        MONTH=words.MONTH,
        unit=words.unit,
    )
    return made
