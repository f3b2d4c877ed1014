"""Bytes a phone sent → a clean picture: upright, small, WebP, without a trace of where or when it was taken.

What a file is called or claims to be is never looked at; only what its bytes decode to."""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO

from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from pillow_heif import register_heif_opener

from xueshi.errors import PictureRefused

MAX_SENT = 20 * 1024 * 1024  # bytes
MAX_KEPT = 200_000  # bytes
LONG_SIDE = 1600  # pixels
MAX_PIXELS = 50_000_000
_LARGEST = 25_000_000  # pixels of a format that is decoded whole, whatever its file weighs
_WHOLE = ("PNG", "WEBP", "AVIF")
_AT_ONCE = threading.BoundedSemaphore(2)  # a decoded picture may take half a gigabyte

_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")
# Qualities, best first, with a part of the best one's bytes that is less than was ever seen (0.71, 0.59, 0.42): what
# would be too large even then is not tried.
_QUALITIES = ((80, 1.0), (68, 0.6), (54, 0.45), (38, 0.33))
_EXIF_TAKEN = 36867  # DateTimeOriginal
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_VIDEO = (b"qt  ", b"isom", b"mp41", b"mp42", b"avc1", b"iso2", b"M4V ", b"3gp4", b"3gp5")
# What people send by mistake, told apart by the first bytes so that the message can say what to do instead.
_MISTAKES: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (lambda b: b[:5] == b"%PDF-", "这是 PDF 文件，请拍成照片再传"),
    (
        lambda b: b[:4] == b"PK\x03\x04" or b[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "这是文档或压缩包，请拍成照片再传",
    ),
    (lambda b: b[4:8] == b"ftyp" and b[8:12] in _VIDEO, "这是视频或动态照片，请选普通照片"),
    (lambda b: b[:4] == b"GIF8", "不收动图，请选普通照片"),
    (
        lambda b: b.lstrip()[:5].lower() in (b"<?xml", b"<svg ", b"<html", b"<!doc"),
        "这不是照片，请选相册里的照片或现拍一张",
    ),
)
_NOT_A_PICTURE = "这个文件打不开，可能没有传完或不是照片，请换一张（JPG、PNG、HEIC 都可以）"
_TOO_MANY_PIXELS = "这张图片的像素太多，请选普通照片或先截图再传"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture we keep. `data` is WebP, `sha256` its hash, `source_sha256` that of the bytes sent; `taken_on` was
    read before stripping, for the reviewer's note only."""

    data: bytes
    sha256: str
    source_sha256: str
    width: int
    height: int
    taken_on: date | None


def clean(sent: bytes) -> Picture:
    """The clean picture of what was sent; the same bytes give the same picture. Raises PictureRefused."""
    if not sent:
        raise PictureRefused("这个文件是空的，请重新选一张")
    fits(len(sent))
    for is_it, words in _MISTAKES:
        if is_it(sent[:512]):
            raise PictureRefused(words)
    register_heif_opener()
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with _AT_ONCE:
            upright, taken_on = _decode(io.BytesIO(sent))
    data, width, height = _small(upright)
    return Picture(data, _hash(data), _hash(sent), width, height, taken_on)


def fits(size: int) -> None:
    """Raises PictureRefused for a photo of more bytes than we read."""
    if size > MAX_SENT:
        raise PictureRefused(
            f"照片有 {size // 1024 // 1024} MB，最多 {MAX_SENT // 1024 // 1024} MB，请换一张小些的"
        )


def thumbnail(data: bytes, long_side: int = 320) -> bytes:
    """A smaller WebP of one of our own pictures."""
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        small = image.convert("RGB")
    small.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    return _webp(small, 70)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _decode(file: IO[bytes]) -> tuple[Image.Image, date | None]:
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > (_LARGEST if image.format in _WHOLE else MAX_PIXELS):
                raise PictureRefused(_TOO_MANY_PIXELS)
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # JPEG only: decode at a fraction of the size
            taken_on = _taken_on(image)
            profile = image.info.get("icc_profile")
            turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            image.load()
            plain = _rgb(image, profile)
            return plain if turn is None else plain.transpose(turn), taken_on  # last: it is small by now
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused(_TOO_MANY_PIXELS) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, RuntimeError, IndexError):
        # What Pillow's decoders raise on broken files.
        raise PictureRefused(_NOT_A_PICTURE) from None


def _taken_on(image: Image.Image) -> date | None:
    text = image.getexif().get_ifd(ExifTags.IFD.Exif).get(_EXIF_TAKEN)
    try:
        return datetime.strptime(str(text)[:10], "%Y:%m:%d").date()
    except ValueError:
        return None


def _rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Plain sRGB on white, at most LONG_SIDE long, without any metadata."""
    if image.mode.startswith("I;16") or image.mode == "I":  # cannot be made smaller as they are
        image = image.point(lambda v: v / 256).convert("L")
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.HAMMING)
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            image = converted or image
        except (ImageCms.PyCMSError, OSError):  # the second: one that cannot be read at all
            pass  # an odd profile costs a shade of colour, not the picture
    return image.convert("RGB")


def _small(image: Image.Image) -> tuple[bytes, int, int]:
    """At most MAX_KEPT bytes: lower the quality, then halve the side."""
    while True:
        first = 0  # bytes at the best quality
        for quality, least in _QUALITIES:
            if first * least <= MAX_KEPT:
                data = _webp(image, quality)
                if len(data) <= MAX_KEPT:
                    return data, image.width, image.height
                first = first or len(data)
        image = image.resize((max(image.width // 2, 1), max(image.height // 2, 1)), Image.Resampling.LANCZOS)


def _webp(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=quality, method=0, exif=b"", icc_profile=None, xmp=b"")
    return out.getvalue()
