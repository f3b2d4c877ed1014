"""XSS1, the file format of the sealed edition: the same key and contents always give the same bytes. Pure.

0  "XSS1" | 4  01 | 5  00 00 00 | 8  salt[32] | 40  AES-256-GCM(inner) and its tag[16]
inner = flags[1] 00 00 00 | meta_len[4] | body_len[4] | meta | body | zeros      (lengths big-endian)"""

from __future__ import annotations

import hmac
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from xueshi.errors import XueshiError
from xueshi.sealing.keys import derive

MAGIC = b"XSS1"
_HEAD = MAGIC + b"\x01\0\0\0"
_SALT_END = len(_HEAD) + 32
_TAG = 16
_INNER_HEAD = 12
_LEAST = _SALT_END + _INNER_HEAD + _TAG
_MOST = 64 * 2**20  # bytes inside one file; a browser decrypts it whole
_NONCE = bytes(12)  # every plaintext has an AES key of its own, so it is used once
_DEFLATED = 1

Padding = Callable[[int], int]


class SealRefused(XueshiError):
    """A sealed file cannot be opened. `reason`: foreign (no such file) | truncated | refused (altered, cut short, or
    sealed with another key: the cipher cannot tell which)."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What was sealed: `meta` from its JSON, `body` inflated."""

    meta: dict[str, Any]
    body: bytes


# --- sizes, in bytes of `inner`; a file is 56 longer


def door_size(length: int) -> int:
    """The next power of two, at least 2 KiB: nearly all doors are alike."""
    return _power_of_two(length, 2 * 1024)


def page_size(length: int) -> int:
    """The next power of two, at least 32 KiB."""
    return _power_of_two(length, 32 * 1024)


def blob_size(length: int) -> int:
    """The next quarter of an octave (1, 1¼, 1½, 1¾ times a power of two), at least 32 KiB."""
    least = 32 * 1024
    if length <= least:
        return least
    quarter = 1 << ((length - 1).bit_length() - 3)
    return -(-length // quarter) * quarter


def _power_of_two(length: int, least: int) -> int:
    return max(least, 1 << (length - 1).bit_length())


# --- sealing and opening


def seal(
    key: bytes, meta: Mapping[str, Any], body: bytes = b"", *, padded: Padding, deflate: bool = False
) -> bytes:
    """The file that `key` opens. `meta` is JSON, its keys in order, so that one meaning has one text. `deflate` only
    for what holds no text that readers choose beside secrets: lengths tell."""
    told = json.dumps(
        dict(meta), ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()
    kept = zlib.compress(body, 9) if deflate else body
    head = bytes((_DEFLATED if deflate else 0, 0, 0, 0))
    inner = head + len(told).to_bytes(4, "big") + len(kept).to_bytes(4, "big") + told + kept
    if len(inner) > _MOST:
        raise XueshiError(f"内容有 {len(inner)} 字节，密封文件最多 {_MOST} 字节，请分成几个")
    inner += bytes(padded(len(inner)) - len(inner))
    salt = _salt(key, inner)
    return _HEAD + salt + _cipher(key, salt).encrypt(_NONCE, inner, _HEAD + salt)


def unseal(key: bytes, data: bytes) -> Unsealed:
    """What was sealed with `key`. Raises SealRefused for anything that `seal` did not make with this key."""
    if not MAGIC.startswith(data[: len(MAGIC)]):
        raise SealRefused("foreign", "这不是密封文件（开头不是 XSS1）")
    if len(data) < _LEAST:
        raise SealRefused("truncated", f"文件不完整：只有 {len(data)} 字节，至少应有 {_LEAST} 字节")
    if not data.startswith(_HEAD):
        raise SealRefused("foreign", "这个密封文件的版本不认识，请更新程序")
    salt = data[len(_HEAD) : _SALT_END]
    try:
        inner = _cipher(key, salt).decrypt(_NONCE, data[_SALT_END:], data[:_SALT_END])
    except InvalidTag:
        raise _refused() from None
    # GCM alone lets one file open under two keys; the salt commits to ours.
    if not hmac.compare_digest(salt, _salt(key, inner)):
        raise _refused()
    return _contents(inner)


def _contents(inner: bytes) -> Unsealed:
    flags, ends = inner[0], _INNER_HEAD + int.from_bytes(inner[4:8], "big")
    last = ends + int.from_bytes(inner[8:12], "big")
    if last > len(inner) or any(inner[1:4]) or any(inner[last:]) or flags not in (0, _DEFLATED):
        raise _refused()
    try:
        meta = json.loads(inner[_INNER_HEAD:ends])
        body = inner[ends:last]
        body = zlib.decompress(body) if flags else body
    except (ValueError, zlib.error):
        raise _refused() from None
    if not isinstance(meta, dict):
        raise _refused()
    return Unsealed(meta, body)


def _salt(key: bytes, inner: bytes) -> bytes:
    return hmac.digest(derive(key, b"mac"), _HEAD + inner, "sha256")


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(derive(key, b"enc", salt=salt))


def _refused() -> SealRefused:
    return SealRefused(
        "refused", "打不开：文件被改动过、不完整，或者不是这把钥匙的；请重新发布网站，或换用最新的链接"
    )
