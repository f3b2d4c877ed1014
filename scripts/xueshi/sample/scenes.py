"""Simple drawn scenes that stand for photographs: nobody is to be recognised in them."""

from __future__ import annotations

import io
from random import Random

from PIL import Image, ImageDraw

SIZE = (960, 720)
_COATS = ("#3d4852", "#38544a", "#6b4a4a", "#5c5470", "#44546a", "#2f3b45", "#4f3f35")


def scene(number: int, *, outdoors: bool) -> bytes:
    """A PNG drawn from its number; the same number gives the same bytes."""
    rng = Random(f"scene {number}")
    image = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(image)
    (_park if outdoors else _room)(draw, rng)
    _rows(draw, rng, 560 if outdoors else 430, rows=1 if outdoors else 3)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _room(draw: ImageDraw.ImageDraw, rng: Random) -> None:
    wall = rng.choice(("#ddd8cc", "#d9dcd6", "#e0d9d0", "#d6d9df"))
    draw.rectangle((0, 0, 960, 360), fill=wall)
    draw.rectangle((0, 360, 960, 720), fill=rng.choice(("#b9a58e", "#a9987f", "#b5a99a")))
    for x in (40, 130, 740, 830):
        draw.rectangle((x, 40, x + 78, 260), fill="#b9d3e2", outline="#f4f4f0", width=6)
    left = 270 + rng.randrange(0, 60)
    draw.rectangle((left, 50, left + 360, 290), fill="#fdfdfb", outline="#c9c4b8", width=4)
    draw.rectangle((left + 30, 80, left + 30 + rng.randrange(180, 300), 100), fill="#b5443c")
    for line in range(rng.randrange(3, 6)):
        draw.rectangle(
            (left + 30, 125 + 28 * line, left + rng.randrange(200, 330), 134 + 28 * line), fill="#9aa0a6"
        )
    draw.polygon(
        ((250, 380), (710, 380), (900, 720), (60, 720)), fill=rng.choice(("#8a6748", "#7d5f46", "#94745a"))
    )


def _park(draw: ImageDraw.ImageDraw, rng: Random) -> None:
    draw.rectangle((0, 0, 960, 420), fill=rng.choice(("#cfe0ea", "#d8e3e6", "#c8d8e4")))
    draw.rectangle((0, 420, 960, 720), fill=rng.choice(("#9fb27f", "#93a878", "#a8b489")))
    for _ in range(rng.randrange(4, 8)):
        x, tall = rng.randrange(40, 900), rng.randrange(140, 260)
        draw.rectangle((x, 460 - tall // 2, x + 16, 480), fill="#6d5540")
        draw.ellipse(
            (x - 70, 440 - tall, x + 86, 480 - tall // 2), fill=rng.choice(("#5f7f54", "#6f8d5c", "#547350"))
        )
    draw.rectangle((330, 300, 650, 440), fill="#e6dfd2", outline="#b9b0a0", width=4)
    draw.polygon(((310, 300), (670, 300), (490, 220)), fill="#a15a4c")


def _rows(draw: ImageDraw.ImageDraw, rng: Random, top: int, *, rows: int) -> None:
    for row in range(rows):
        size = 26 + 12 * row
        seats = rng.randrange(5, 8)
        for seat in range(seats):
            x = 90 + seat * 800 // seats + rng.randrange(-12, 12)
            y = top + row * 105
            draw.rounded_rectangle(
                (x - size, y + size, x + size, y + 4 * size), size, fill=rng.choice(_COATS)
            )
            draw.ellipse((x - size * 0.7, y - size * 0.6, x + size * 0.7, y + size), fill="#3b2f2a")
