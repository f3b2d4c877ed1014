"""Personal links, posters and their QR codes. A link names a purpose, an id and a generation, signed; nothing else."""

from __future__ import annotations

import contextlib
import hmac
import io
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import segno
from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from xueshi.errors import LinkRefused, UsageError

_DAY = 86_400
_AGES = {
    "m": 400 * _DAY,
    "b": 400 * _DAY,
    "desk": 370 * _DAY,
    "device": 30 * _DAY,
    "r": 400 * _DAY,
    "picture": 2 * _DAY,
}
_REPLACED_WITH = {
    "m": "m",
    "b": "b",
    "desk": "desk",
    "device": "desk",
}  # purpose -> whose generation it follows


def secret(place: Path) -> bytes:
    """The secret kept in the file at `place`, made on first use and readable by its owner alone.

    Raises UsageError for a file that holds none: an empty key would let anybody sign."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        fresh = place.with_name(f"{place.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # somebody was first: theirs holds
            os.link(fresh, place)
        fresh.unlink()
    with contextlib.suppress(ValueError):
        if len(found := bytes.fromhex(place.read_text().strip())) >= 16:
            return found
    raise UsageError(
        f"{place} holds no secret; put it back from a backup, or delete it to replace every link"
    )


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and opens links below `base_url` (no slash at the end). The secret stays with the bridge.

    `generation(purpose, id)` is the one that holds for somebody's links: raising it makes the older ones worthless."""

    secret: bytes
    base_url: str
    generation: Callable[[str, str], int] = lambda purpose, ident: 0

    def personal(self, member: str) -> str:
        """A member's own way in: branch and name are known."""
        return self._url("m", member)

    def poster(self, branch: str) -> str:
        """A branch's way in for everybody on its roster."""
        return self._url("b", branch)

    def desk(self, member: str) -> str:
        """A reviewer's desk."""
        return self._url("desk", member)

    def desk_code(self, member: str) -> str:
        """The six digits that a reviewer types once a device, since a desk's link may be passed on."""
        said = f"xueshi/desk code/1/{member}/{self.generation('desk', member)}".encode()
        return f"{int.from_bytes(hmac.digest(self.secret, said, 'sha256')) % 1_000_000:06d}"

    def status(self, code: str) -> str:
        """Where anybody who was told a receipt's code sees how it stands."""
        return f"{self.base_url}/s/{code}"

    def git_token(self) -> str:
        """What git clones the embedded host with: the same for one secret."""
        return hmac.new(self.secret, b"xueshi/git/1", "sha256").hexdigest()[:40]

    def token(self, purpose: str, text: str) -> str:
        """`text` signed for a purpose: m | b | desk | device | r | picture."""
        held = self._held(purpose, text)
        return self._signer(purpose).dumps(f"{text}~{held}" if held else text)

    def opened(self, purpose: str, token: str) -> str:
        """What a token of this purpose carries. Raises LinkRefused: damaged, expired or replaced."""
        if not _is_plain(token):
            raise LinkRefused("damaged")
        try:
            said, made = self._signer(purpose).loads(token, return_timestamp=True)
        except BadData:
            raise LinkRefused("damaged") from None
        # Not by `max_age`, which refuses what a clock made that was ahead: posters hang on after it was set right.
        if time.time() - made.timestamp() > _AGES[purpose]:
            raise LinkRefused("expired")
        text, _, generation = str(said).partition("~")  # the first generation is not written
        if int(generation or 0) != self._held(purpose, text):
            raise LinkRefused("replaced")
        return text

    def _held(self, purpose: str, text: str) -> int:
        follows = _REPLACED_WITH.get(purpose)
        return self.generation(follows, text) if follows else 0

    def _url(self, purpose: str, text: str) -> str:
        return f"{self.base_url}/{purpose}/{self.token(purpose, text)}"

    def _signer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt=f"xueshi/{purpose}/1")


def _is_plain(token: str) -> bool:
    """Whether the signature is spelled as we spell it: Base64 lets the last character stand for several."""
    signed, _, signature = token.rpartition(".")
    if "." not in signed:
        return False  # what is guessed: not worth the rest
    with contextlib.suppress(BadData, ValueError):
        return base64_encode(base64_decode(signature)).decode() == signature
    return False


def qr_svg(url: str) -> str:
    """A QR code of error level M as SVG."""
    out = io.BytesIO()
    segno.make(url, error="m").save(out, kind="svg", scale=4, border=4)
    return out.getvalue().decode()


def qr_png(url: str, scale: int = 8) -> bytes:
    """A QR code of error level M as PNG; `scale` is the side of a module in pixels."""
    out = io.BytesIO()
    segno.make(url, error="m").save(out, kind="png", scale=scale, border=4)
    return out.getvalue()
