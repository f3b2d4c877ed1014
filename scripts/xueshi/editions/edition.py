"""What an edition is: it gives a report its links while it is rendered, and makes files of what was rendered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from xueshi.model import Evidence
from xueshi.reports.contents import Report
from xueshi.sealing import PageId


@dataclass(frozen=True, slots=True)
class Published:
    """A file of the site: `path` below its root."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a report offers, saved as `name`; `place` is what it is called beside the report, where addresses are
    logged and must name nobody. `branch` is the unit it belongs to, `make` its bytes, asked for once."""

    name: str
    place: str
    media_type: str
    branch: str
    make: Callable[[], bytes]


def as_json(value: object) -> bytes:
    """One text for one value, without blanks."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Links(Protocol):
    """What one report leads to, as attributes for its template to set: `<a {{ links.page("member", id) }}>`."""

    def page(self, kind: str, ident: str) -> Markup:
        """Another report, or nothing where whoever reads this one may not open it."""

    def picture(self, evidence: Evidence, branch: str) -> Markup:
        """The source of an `img`."""

    def whole(self, evidence: Evidence) -> Markup:
        """The picture by itself, for an `a` around it."""

    def file(self, download: Download) -> Markup:
        """A download, for an `a`."""

    def data(self, kind: str, ident: str, value: object, readers: PageId) -> Markup:
        """Data for the page's script to load, as `data-chunk`: one file for all reports that name it, for whoever opens
        `readers`."""

    def home(self, place: str = "", attribute: str = "href") -> Markup:
        """The open site's home, or a place below it."""


class Edition(Protocol):
    name: str

    def links(self, report: Report) -> Links: ...

    def publish(self, report: Report, fragment: str, links: Links) -> Iterator[Published]:
        """The files of one report, its fragment rendered with `links`; each file of the site comes once."""

    def finish(self) -> Iterator[Published]:
        """What remains once every report is published."""
