"""The open edition, for a site behind a login: reports in clear, at addresses that nobody guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup, escape

from xueshi.editions.edition import Download, Links, Published, as_json
from xueshi.model import Evidence
from xueshi.reports.contents import Report
from xueshi.sealing import PageId


class Open:
    """`address` gives the folder of a report by kind and id; `page` lays a fragment out in the theme (folder, title,
    fragment → HTML); `pictures` are bytes by hash."""

    name = "open"

    def __init__(
        self,
        address: Callable[[str, str], str],
        page: Callable[[str, str, str], str],
        pictures: Mapping[str, bytes],
    ) -> None:
        self._address, self._page, self._pictures = address, page, pictures
        self._shown: set[str] = set()

    def links(self, report: Report) -> _Links:
        return _Links(self._address, self._address(report.kind, report.id))

    def publish(self, report: Report, fragment: str, links: Links) -> Iterator[Published]:
        assert isinstance(links, _Links)
        folder = self._address(report.kind, report.id)
        yield Published(f"{folder}index.html", self._page(folder, report.title, fragment).encode())
        for path, download in links.files.items():
            yield Published(path, download.make())
        for path in sorted(links.chunks.keys() - self._shown):
            yield Published(path, as_json(links.chunks[path]))
        for sha256 in sorted(links.pictures - self._shown):
            yield Published(f"assets/e/{sha256}.webp", self._pictures[sha256])
        self._shown |= links.pictures | links.chunks.keys()

    def finish(self) -> Iterator[Published]:
        return iter(())


class _Links:
    """Relative addresses from the folder of one report."""

    def __init__(self, address: Callable[[str, str], str], folder: str) -> None:
        self._address, self._folder = address, folder
        self._up = "../" * folder.count("/")
        self.pictures: set[str] = set()
        self.files: dict[str, Download] = {}
        self.chunks: dict[str, object] = {}

    def page(self, kind: str, ident: str) -> Markup:
        return self._attribute("href", self._address(kind, ident))

    def picture(self, evidence: Evidence, branch: str) -> Markup:
        self.pictures.add(evidence.sha256)
        return self._attribute("src", f"assets/e/{evidence.sha256}.webp")

    def whole(self, evidence: Evidence) -> Markup:
        return self._attribute("href", f"assets/e/{evidence.sha256}.webp")

    def file(self, download: Download) -> Markup:
        self.files[f"{self._folder}{download.place}"] = download
        return Markup('href="{}" download="{}"').format(download.place, download.name)

    def data(self, kind: str, ident: str, value: object, readers: PageId) -> Markup:
        path = f"{self._address(kind, ident)}data.json"
        self.chunks[path] = value
        return self._attribute("data-chunk", path)

    def home(self, place: str = "", attribute: str = "href") -> Markup:
        return self._attribute(attribute, place)

    def _attribute(self, name: str, path: str) -> Markup:
        return Markup('{}="{}"').format(Markup(name), escape(self._up + path))
