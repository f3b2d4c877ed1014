"""The sealed edition: each report a file that only its readers' keys open; see docs/decisions/0013."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from markupsafe import Markup

from xueshi.editions.edition import Download, Links, Published, as_json
from xueshi.model import Evidence
from xueshi.reports.contents import Report
from xueshi.sealing import (
    Access,
    Keyring,
    PageId,
    blob_size,
    door_size,
    file_name,
    key_text,
    page_size,
    seal,
)


class Sealed:
    """`titles` names the pages that doors lead to; `site` and `asof` stand on every page; `pictures` are bytes by hash."""

    name = "sealed"

    def __init__(
        self, keys: Keyring, access: Access, pictures: Mapping[str, bytes], *, site: str, asof: str
    ) -> None:
        self._keys, self._access, self._pictures = keys, access, pictures
        self._site, self._asof = site, asof
        self._reports: dict[PageId, list[Report]] = {}
        self._sealed: set[str] = set()

    def links(self, report: Report) -> _Links:
        return _Links(self, report)

    def publish(self, report: Report, fragment: str, links: Links) -> Iterator[Published]:
        assert isinstance(links, _Links)
        if not self._access.lists.get(report.readers):
            return  # nobody may open it
        self._reports.setdefault(report.readers, []).append(report)
        meta = {"t": "page", "title": report.title, "asof": self._asof, "keys": links.keys}
        key = self.page_key(report.kind, report.id, report.readers)
        yield Published(file_name(key), seal(key, meta, fragment.encode(), padded=page_size))
        yield from self._blobs(links)
        yield from self._chunks(links)

    def finish(self) -> Iterator[Published]:
        """A door for each reader, which leads to the uppermost pages they may open."""
        for reader, pages in self._access.doors.items():
            key = self._keys.door(reader)
            meta = {
                "t": "door",
                "kind": reader.kind,
                "site": self._site,
                "asof": self._asof,
                "pages": list(self._entries(pages)),
            }
            yield Published(file_name(key), seal(key, meta, padded=door_size))

    def page_key(self, kind: str, ident: str, readers: PageId) -> bytes:
        return self._keys.page(kind, ident, self._access.lists[readers])

    def readers(self, kind: str, ident: str) -> PageId:
        """The page whose readers open a report: a unit's query and sheets are for those of the unit's own page."""
        known = (PageId(unit, ident) for unit in ("branch", "committee"))
        found = next((page for page in known if page in self._access.lists), None)
        return found if found and kind in ("query", "sheets") else PageId(kind, ident)

    def may_open(self, report: Report, other: PageId) -> bool:
        """Whether everybody who opens a report may open another page: a page's keys are for all its readers."""
        return self._access.lists[report.readers] <= self._access.lists.get(other, frozenset())

    def blob(self, branch: str, data: bytes) -> bytes:
        return self._keys.blob(branch, data)

    def picture(self, sha256: str) -> bytes:
        return self._pictures[sha256]

    def _entries(self, pages: Iterable[PageId]) -> Iterator[dict[str, str]]:
        for page in pages:
            for report in (one for one in self._reports.get(page, ()) if one.door):
                key = self.page_key(report.kind, report.id, report.readers)
                yield {"title": report.title, "kind": report.kind, "key": key_text(key)}

    def _blobs(self, links: _Links) -> Iterator[Published]:
        for key, meta, data in links.blobs:
            name = file_name(key)
            if name not in self._sealed:
                self._sealed.add(name)
                yield Published(name, seal(key, meta, data, padded=blob_size))

    def _chunks(self, links: _Links) -> Iterator[Published]:
        for key, value in links.chunks.items():
            name = file_name(key)
            if name not in self._sealed:
                self._sealed.add(name)
                # Powers of two from 2 KiB, as doors have: a quiet branch's chunk looks like one.
                yield Published(
                    name, seal(key, {"t": "chunk"}, as_json(value), padded=door_size, deflate=True)
                )


class _Links:
    """Tokens that stand in a report; what they open goes into its sealed meta."""

    def __init__(self, edition: Sealed, report: Report) -> None:
        self._edition, self._report = edition, report
        self.keys: dict[str, dict[str, str]] = {}
        self.blobs: list[tuple[bytes, dict[str, Any], bytes]] = []
        self.chunks: dict[bytes, object] = {}
        self._tokens: dict[bytes, str] = {}

    def page(self, kind: str, ident: str) -> Markup:
        other = self._edition.readers(kind, ident)
        if not self._edition.may_open(self._report, other):
            return Markup("")
        key = self._edition.page_key(kind, ident, other)
        return self._attribute("data-open", self._token(key, {"t": "page"}))

    def picture(self, evidence: Evidence, branch: str) -> Markup:
        data = self._edition.picture(evidence.sha256)
        meta = {"t": "blob", "type": "image/webp"}
        key = self._edition.blob(branch, data)
        return self._attribute("data-blob", self._blob(key, data, meta, {"t": "blob"}))

    def whole(self, evidence: Evidence) -> Markup:
        return Markup("")  # the loader enlarges a picture itself

    def file(self, download: Download) -> Markup:
        meta = {"t": "file", "type": download.media_type, "name": download.name}
        said = {"t": "file", "type": download.media_type, "name": download.name}
        data = download.make()
        # By its name too: two people without records have the same rows, and neither is to read the other's name.
        key = self._edition.blob(download.branch, download.name.encode() + b"\0" + data)
        token = self._blob(key, data, meta, said)
        return Markup('data-file="{}" download="{}"').format(token, download.name)

    def data(self, kind: str, ident: str, value: object, readers: PageId) -> Markup:
        if not self._edition.may_open(self._report, readers):
            return Markup("")
        key = self._edition.page_key(kind, ident, readers)
        self.chunks[key] = value
        return self._attribute("data-chunk", self._token(key, {"t": "chunk"}))

    def home(self, place: str = "", attribute: str = "href") -> Markup:
        return self._attribute(attribute, f"../{place}")  # from the loader's page

    def _blob(self, key: bytes, data: bytes, meta: dict[str, Any], said: dict[str, str]) -> str:
        if key not in self._tokens:
            self.blobs.append((key, meta, data))
        return self._token(key, said)

    def _token(self, key: bytes, said: dict[str, str]) -> str:
        if key not in self._tokens:
            token = self._tokens[key] = f"k{len(self._tokens)}"
            self.keys[token] = {"key": key_text(key), **said}
        return self._tokens[key]

    def _attribute(self, name: str, value: str) -> Markup:
        return Markup('{}="{}"').format(Markup(name), value)
