"""Pictures as phones send them, made at run time."""

from __future__ import annotations

import io
import random
import struct
import zlib
from datetime import date

import pytest
from PIL import ExifTags, Image, ImageCms

from xueshi import pictures
from xueshi.errors import PictureRefused
from xueshi.pictures import LONG_SIDE, MAX_KEPT, clean


def photo(width: int = 400, height: int = 300, orientation: int = 1, form: str = "JPEG") -> bytes:
    """Red in the top left quarter, blue elsewhere; with GPS, a date and an orientation."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:03:05 14:30:12"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (25.0, 16.0, 0.0)
    out = io.BytesIO()
    image.save(out, form, exif=exif)
    return out.getvalue()


# Where the red quarter lies once the picture is upright, as fractions of width and height.
UPRIGHT = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_orientation_is_turned_upright_and_forgotten(orientation: int) -> None:
    made = clean(photo(orientation=orientation))
    image = Image.open(io.BytesIO(made.data))
    x, y = UPRIGHT[orientation]
    at = (image.width // 4 + x * image.width // 2, image.height // 4 + y * image.height // 2)
    red, _, blue = image.convert("RGB").getpixel(at)  # type: ignore[misc]
    assert red > 200 and blue < 60
    assert (image.width > image.height) == (orientation < 5)
    assert not image.getexif() and b"EXIF" not in made.data and "icc_profile" not in image.info
    assert made.taken_on == date(2026, 3, 5)


def test_a_large_photo_is_made_small_and_always_the_same() -> None:
    sent = photo(4032, 3024, 6)
    made = clean(sent)
    assert (made.width, made.height) == (1200, LONG_SIDE)
    assert len(made.data) <= MAX_KEPT and made == clean(sent)


def test_noise_ends_below_the_limit_too() -> None:
    noise = random.Random(1).randbytes(1600 * 1200 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (1600, 1200), noise).save(out, "PNG")
    assert len(clean(out.getvalue()).data) <= MAX_KEPT


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "1", "CMYK"])
def test_every_mode_becomes_a_plain_picture(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (40, 30)).save(out, "TIFF" if mode == "none" else ("JPEG" if mode == "CMYK" else "PNG"))
    assert Image.open(io.BytesIO(clean(out.getvalue()).data)).mode == "RGB"


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("profile", [b"garbage" * 50, b"\0" * 128, SRGB[:200]])
def test_a_broken_colour_profile_costs_no_picture(profile: bytes) -> None:
    sent = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(sent, "JPEG", icc_profile=profile)
    kept = clean(sent.getvalue())
    assert (kept.width, kept.height) == (40, 30)


def test_a_large_grey_scan_is_a_picture() -> None:
    out = io.BytesIO()
    Image.new("I;16", (2000, 1500), 40_000).save(out, "PNG")
    made = clean(out.getvalue())
    assert (made.width, made.height) == (LONG_SIDE, 1200)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "空的"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04" + bytes(50), "文档或压缩包"),
        (b"GIF89a" + bytes(50), "动图"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "不是照片"),
        (b"\0\0\0\x14ftypqt  " + bytes(50), "视频"),
        ("只是文字".encode(), "打不开"),
        (photo()[:600], "打不开"),
        (bomb(), "像素太多"),
        (bomb(5001, 5000), "像素太多"),  # decoded whole, whatever little it weighs
        (bytes(pictures.MAX_SENT + 1), "最多 20 MB"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_cure(sent: bytes, words: str) -> None:
    with pytest.raises(PictureRefused, match=words):
        clean(sent)


def test_what_hides_behind_a_picture_is_dropped() -> None:
    made = clean(photo() + b"PK\x03\x04 secret payload")
    assert b"secret" not in made.data


def test_a_thumbnail_is_smaller() -> None:
    made = clean(photo(1600, 1200))
    assert max(Image.open(io.BytesIO(pictures.thumbnail(made.data))).size) == 320


def grain(amount: float, side: int) -> Image.Image:
    """Blue with so much of random pixels."""
    noise = Image.frombytes("RGB", (side, side), random.Random(2).randbytes(side * side * 3))
    return Image.blend(Image.new("RGB", noise.size, "blue"), noise, amount)


@pytest.mark.parametrize(
    ("amount", "side", "tried"),
    [(0.02, 800, [80]), (0.3, 800, [80, 68]), (1.0, 800, [80, 54]), (1.0, 1200, [80, 80])],
)
def test_a_quality_that_would_be_too_large_is_not_tried(
    amount: float, side: int, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    save = Image.Image.save

    def noted(self: Image.Image, *args: object, **told: object) -> None:
        asked.append(told["quality"])  # type: ignore[arg-type]
        save(self, *args, **told)  # type: ignore[arg-type]

    sent = io.BytesIO()
    grain(amount, side).save(sent, "PNG")
    monkeypatch.setattr(Image.Image, "save", noted)
    made = clean(sent.getvalue())
    assert asked[: len(tried)] == tried, [len(made.data), asked]
    assert len(made.data) <= MAX_KEPT


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_is_turned_after_it_was_made_small(form: str) -> None:
    for orientation, (x, y) in UPRIGHT.items():
        made = clean(photo(2000, 1000, orientation, form))
        image = Image.open(io.BytesIO(made.data)).convert("RGB")
        assert sorted(image.size) == [800, LONG_SIDE]
        at = (
            image.width // 4 + x * image.width // 2,
            image.height // 4 + y * image.height // 2,
        )
        red, _, blue = image.getpixel(at)  # type: ignore[misc]
        assert red > 200 and blue < 60, orientation
