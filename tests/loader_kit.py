"""Sealed files for the loader's tests, written from the design alone: it shares no line with xueshi.sealing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi import speech

SITE = Path(__file__).parent.parent / "site"
ASOF = "2026-11-26 18:00"
VECTORS: dict[str, str] = json.loads(
    (Path(__file__).parent / "sealed-vectors.json").read_text(encoding="utf-8")
)


def frame(*parts: bytes) -> bytes:
    return b"xueshi-sealed/1" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def derive(key: bytes, *parts: bytes, salt: bytes = b"") -> bytes:
    return HKDF(SHA256(), 32, salt, frame(*parts)).derive(key)


def made_key(label: str) -> bytes:
    """Some key; the loader does not care where keys come from."""
    return hashlib.sha256(label.encode()).digest()


def name(key: bytes) -> str:
    hexed = derive(key, b"name")[:16].hex()
    return f"s/{hexed[:2]}/{hexed[2:]}.bin"


def text_of(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def link_text(reader: bytes) -> str:
    """The 50 characters of a link."""
    return "k1" + text_of(reader + hashlib.sha256(frame(b"check") + reader).digest()[:4])


def seal(key: bytes, meta: object, body: bytes = b"", *, flags: int = 0, pad: int = 64) -> bytes:
    """XSS1. `pad` is the step that the plain contents are filled up to."""
    told = json.dumps(meta, ensure_ascii=False, separators=(",", ":")).encode()
    head = b"XSS1\x01\0\0\0"
    inner = bytes((flags, 0, 0, 0)) + len(told).to_bytes(4, "big") + len(body).to_bytes(4, "big")
    inner += told + body
    inner += bytes(-len(inner) % pad)
    salt = hmac.digest(derive(key, b"mac"), head + inner, "sha256")
    aes = derive(key, b"enc", salt=salt)
    return head + salt + AESGCM(aes).encrypt(bytes(12), inner, head + salt)


@dataclass
class Sealed:
    """A folder served as a site: the loader's page, its assets, and what is sealed into it."""

    folder: Path
    asked: list[str] = field(default_factory=list)  # every path that was requested, with its query
    address: str = ""

    def put(self, key: bytes, meta: object, body: bytes = b"", *, flags: int = 0, pad: int = 64) -> Path:
        place = self.folder / name(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(seal(key, meta, body, flags=flags, pad=pad))
        return place

    def page(self, key: bytes, title: str, html: str, keys: Mapping[str, object] | None = None) -> Path:
        meta = {"t": "page", "title": title, "asof": ASOF, "keys": keys or {}}
        return self.put(key, meta, html.encode(), pad=32768)

    def door(self, reader: bytes, *pages: tuple[str, bytes], kind: str = "member") -> Path:
        listed = [{"title": title, "key": text_of(key)} for title, key in pages]
        meta = {"t": "door", "asof": ASOF, "site": "示例大学艺术学院", "kind": kind, "pages": listed}
        return self.put(reader, meta, pad=2048)

    def link(self, reader: bytes) -> str:
        return f"{self.address}/o/#{link_text(reader)}"


def child(key: bytes, kind: str, **more: str) -> dict[str, str]:
    """An entry of a page's `keys`."""
    return {"key": text_of(key), "t": kind, **more}


def packed(value: object) -> bytes:
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode())


@cache  # its template takes longer to compile than all else that a test's site is made of
def loader_page(lang: str = "zh-CN", scripts: tuple[str, ...] = (), report: str = "") -> str:
    made = Environment(
        loader=FileSystemLoader(SITE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    with speech.spoken(lang):
        speech.teach(made)
        template = made.get_template("loader.html")
        return template.render(
            site_name="学时", organisation="示例大学艺术学院党委", scripts=scripts, version="", report=report
        )


@contextmanager
def served(folder: Path) -> Iterator[Sealed]:
    """The loader below /o/ on loopback; stops with the block."""
    site = Sealed(folder)
    (folder / "o").mkdir(parents=True)
    (folder / "o" / "index.html").write_text(loader_page(), encoding="utf-8")
    (folder / "index.html").write_text("<!doctype html><title>home</title>", encoding="utf-8")
    (folder / "assets").symlink_to(SITE / "theme" / "assets")

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    handler: Callable[..., Handler] = lambda *args: Handler(*args, directory=str(folder))  # noqa: E731
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


_ARTICLE = re.compile(r'<article class="md-content__inner md-typeset">(.*?)</article>', re.S)
_PICTURE = re.compile(r'<a href="[^"]*/([0-9a-f]{64})\.webp"><img src="[^"]*"([^>]*)></a>')
_PERSON = re.compile(r'<a href="\.\./\.\./m/([^"/]+)/">')


def fragment(html: str) -> tuple[str, list[str], list[str]]:
    """The report of a page of the open site as a sealed page holds it; the pictures and members that it names."""
    found = _ARTICLE.search(html)
    assert found is not None
    body = re.sub(r' loading="lazy"', "", found[1])
    pictures = [match[1] for match in _PICTURE.finditer(body)]
    people = [match[1] for match in _PERSON.finditer(body)]
    body = _PICTURE.sub(r'<img data-blob="\1"\2>', body)
    return _PERSON.sub(r'<a data-open="\1">', body), pictures, people
