"""What an edition is: it gives a report its links while it is rendered, and makes files of what was rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from xueshi.model import Evidence
from xueshi.reports.contents import Report


@dataclass(frozen=True, slots=True)
class Published:
    """A file of the site: `path` below its root."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file that a report offers. `branch` is the unit it belongs to, `make` its bytes, asked for once."""

    name: str
    media_type: str
    branch: str
    make: Callable[[], bytes]


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

    def home(self, place: str = "") -> Markup:
        """The open site's home, or a place below it."""


class Edition(Protocol):
    name: str

    def links(self, report: Report) -> Links: ...

    def publish(self, report: Report, fragment: str, links: Links) -> Iterator[Published]:
        """The files of one report, its fragment rendered with `links`; each file of the site comes once."""

    def finish(self) -> Iterator[Published]:
        """What remains once every report is published."""
