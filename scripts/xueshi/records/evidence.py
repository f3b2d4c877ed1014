"""Pictures on the evidence refs, by hash: which are kept, which were erased, and what they turn out to be.

Their bytes may be anybody's who could push them: nothing here raises on what they hold, and no pixels are decoded."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping

from PIL import Image, UnidentifiedImageError

from xueshi.git import Repository
from xueshi.model import Kept, Picture
from xueshi.speech import many, say

_REFS = ("refs/remotes/origin/evidence", "refs/heads/evidence")
_PATH = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.webp")
_ERASED = re.compile(rb"^[0-9a-f]{64}\b", re.MULTILINE)
_LARGEST = 1024 * 1024  # bytes; ours have at most a fifth of it, and a larger one is not read
_BATCH = 32 * 1024 * 1024  # bytes read at once
_SIDE = 2048  # pixels; a claim of more is not handed to a decoder, which would make room for it

_MAGIC = ((b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"%PDF", "PDF"))
_PIXELS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")
_MOVING = (b"ANIM", b"ANMF")
_METADATA = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc"}


def kept(repo: Repository, look: Iterable[str] = ()) -> Kept | None:
    """What this clone knows of pictures, those of `look` looked into; None when it has no evidence refs."""
    if not _tips(repo):
        return None
    blobs = evidence_blobs(repo)
    pictures = _inspect(repo, {sha: blobs[sha] for sha in look if sha in blobs})
    return Kept(frozenset(blobs), erased_hashes(repo), pictures)


def evidence_blobs(repo: Repository) -> dict[str, str]:
    """Every kept picture: hash -> blob id, over the evidence refs of all years."""
    found: dict[str, str] = {}
    for tip in _tips(repo):
        found.update({m[2]: blob for path, blob in repo.tree(tip).items() if (m := _PATH.fullmatch(path))})
    return found


def evidence_hashes(repo: Repository) -> frozenset[str]:
    """Hashes of every kept picture; empty when this clone has no evidence refs."""
    return frozenset(evidence_blobs(repo))


def erased_hashes(repo: Repository) -> frozenset[str]:
    """Hashes of the pictures that were erased on purpose: those that begin a line of an evidence ref's erased.txt."""
    texts = repo.blobs(f"{tip}:erased.txt" for tip in _tips(repo))
    return frozenset(line.decode() for text in texts.values() for line in _ERASED.findall(text))


def evidence_path(sha256: str) -> str:
    """Where a picture lies on its evidence ref."""
    return f"{sha256[:2]}/{sha256}.webp"


def inspect(repo: Repository, hashes: Iterable[str]) -> dict[str, Picture]:
    """What lies under each of these hashes; those that are not kept are left out. Reads a bounded part at a time."""
    blobs = evidence_blobs(repo)
    return _inspect(repo, {sha: blobs[sha] for sha in hashes if sha in blobs})


def look_into(data: bytes) -> Picture:
    """What these bytes are; never raises."""
    picture = Picture(hashlib.sha256(data).hexdigest(), len(data))
    try:
        chunks, trailing = _chunks(data)
        width, height = _size(*chunks[0])
    except _Broken as broken:
        return Picture(picture.sha256, picture.size, _format(data), fault=str(broken))
    names = [name for name, _ in chunks]
    extra = [_METADATA.get(name) or _told(name) for name in names if name not in (*_PIXELS, *_MOVING)]
    fault = say("是动图") if any(name in _MOVING for name in names) else _undecodable(data, width, height)
    metadata = tuple(dict.fromkeys([*extra, *(["trailing"] if trailing else [])]))
    return Picture(picture.sha256, picture.size, "WEBP", width, height, metadata, fault)


def _tips(repo: Repository) -> list[str]:
    return [tip for prefix in _REFS for tip in repo.refs(prefix).values()]


def _inspect(repo: Repository, blobs: Mapping[str, str]) -> dict[str, Picture]:
    found: dict[str, Picture] = {}
    sizes = _sizes(repo, blobs.values())
    for batch in _batches(blobs, sizes):
        contents = repo.blobs(blobs[sha] for sha in batch if sizes.get(blobs[sha], _LARGEST + 1) <= _LARGEST)
        for sha in batch:
            data, size = contents.get(blobs[sha]), sizes.get(blobs[sha], 0)
            if data is not None:
                found[sha] = look_into(data)
            else:
                fault = say("有 %(size)s KB，太大", size=size // 1024) if size else say("读不到内容")
                found[sha] = Picture("", size, fault=fault)
    return found


def _sizes(repo: Repository, blobs: Iterable[str]) -> dict[str, int]:
    """Bytes of each blob that is there, asked before any of it is read."""
    asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs)).encode()
    out = repo.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked) if asked else b""
    pairs = (line.split(" ") for line in out.decode().splitlines())
    return {blob: int(size) for blob, size in pairs if size.isdigit()}


def _batches(blobs: Mapping[str, str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The hashes in parts that together have at most _BATCH bytes to read."""
    batch: list[str] = []
    room = _BATCH
    for sha, blob in blobs.items():
        size = min(sizes.get(blob, 0), _LARGEST)
        if size > room and batch:
            yield batch
            batch, room = [], _BATCH
        batch.append(sha)
        room -= size
    if batch:
        yield batch


class _Broken(Exception):
    """Why bytes are no WebP file."""


def _chunks(data: bytes) -> tuple[list[tuple[bytes, bytes]], int]:
    """The chunks of a WebP file, a name and the first bytes of each, and how many bytes follow its end."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        other = _format(data)
        raise _Broken(say("不是 WebP 图片，而是 %(other)s", other=other) if other else say("不是 WebP 图片"))
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _Broken(many("不完整，少了 %(n)s 字节", end - len(data)))
    chunks, at = [], 12
    while at < end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise _Broken(say("结构不完整"))
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + min(length, 16)]))
        at += 8 + length + length % 2
    if not chunks:
        raise _Broken(say("里面没有图像"))
    return chunks, len(data) - end


def _size(name: bytes, head: bytes) -> tuple[int, int]:
    """Width and height by the first chunk."""
    if name == b"VP8X" and len(head) >= 10:
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if name == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 " and head[3:6] == b"\x9d\x01\x2a" and len(head) >= 10:
        sides = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
        return sides[0] & 0x3FFF, sides[1] & 0x3FFF
    raise _Broken(say("里面没有图像"))


def _undecodable(data: bytes, width: int, height: int) -> str:
    """Why a decoder would not open it, or nothing. Only headers are read."""
    if max(width, height) > _SIDE:
        return say("长宽写成了 %(width)s×%(height)s，太大", width=width, height=height)
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
            return "" if image.size == (width, height) else say("长宽前后不一")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, RuntimeError, IndexError):
        return say("打不开")  # what Pillow raises on broken files


def _format(data: bytes) -> str:
    """What else the bytes look like, by how they begin."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return "HEIF"
    return next((name for magic, name in _MAGIC if data.startswith(magic)), "")


def _told(name: bytes) -> str:
    """A chunk's name, fit to be printed."""
    text = name.strip()
    return text.decode() if text.isalnum() else name.hex()
