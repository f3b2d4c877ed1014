"""Keys of the sealed edition: every one comes from the roots by derivation, so that two builds agree. Pure.

All keys are 32 bytes. Whoever holds one can read what is below it in the tree of docs/decisions/0013, nothing beside."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from xueshi.errors import LinkRefused, UsageError
from xueshi.model import MEMBER, OFFICER, Keys, Reader

SIZE = 32  # bytes of a key
_CONTEXT = b"xueshi-sealed/1"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_CHECK = 4  # bytes
_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * SIZE}}}", re.ASCII)


def frame(*parts: bytes) -> bytes:
    """The parts behind our context, each after its length (two bytes), so that no two lists of parts look alike."""
    return _CONTEXT + b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def derive(key: bytes, *parts: bytes, salt: bytes = b"") -> bytes:
    """D of the design: the key that belongs to the parts below `key`."""
    return HKDF(SHA256(), SIZE, salt, frame(*parts)).derive(key)


def link_root(master: bytes, epoch: str) -> bytes:
    """What every link of an epoch comes from: a secret of CI."""
    return derive(master, b"link", _label(epoch))


def content_root(master: bytes, epoch: str) -> bytes:
    """What every page and picture of an epoch (a year) comes from: a secret of CI."""
    return derive(master, b"content", _label(epoch))


def class_key(root: bytes, kind: str) -> bytes:
    """What all links of a kind come from. `kind`: member | officer."""
    return derive(root, b"class", _kind(kind))


def reader_key(root: bytes, reader: Reader) -> bytes:
    """What a reader's link carries; it opens their door."""
    return derive(class_key(root, reader.kind), b"reader", _id(reader.id), b"%d" % reader.generation)


def page_key(root: bytes, kind: str, ident: str, access: Iterable[Reader]) -> bytes:
    """A page's key. Whoever joins or leaves its access list changes it, so that nobody forgets to."""
    listed = sorted(b"%s:%s:%d" % (_kind(r.kind), _id(r.id), r.generation) for r in set(access))
    return derive(root, b"page", _id(kind), _id(ident), hashlib.sha256(frame(*listed)).digest())


def blob_key(root: bytes, branch: str, data: bytes) -> bytes:
    """The key of a picture or another file of a branch, by its bytes before they are sealed."""
    return derive(root, b"blob", _id(branch), hashlib.sha256(data).digest())


def file_name(key: bytes) -> str:
    """Where what `key` opens lies below the site: `s/xx/….bin`. Only who has the key knows."""
    hexed = derive(key, b"name")[:16].hex()
    return f"s/{hexed[:2]}/{hexed[2:]}.bin"


# --- text


def key_text(key: bytes) -> str:
    """A key as doors and pages carry it: base64url without padding, 43 characters."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def link_fragment(key: bytes) -> str:
    """What stands behind the # of a link: `k1` and 48 characters."""
    return "k1" + key_text(key + _sum(key))


def parsed_fragment(text: str) -> bytes:
    """The reader's key in a fragment or a whole address; messengers append things, so it is looked for.

    Raises LinkRefused: `missing` where there is none, `damaged` where one is cut short or mistyped."""
    if "k1" not in text:
        raise LinkRefused("missing")
    for found in re.finditer(r"k1(?=([A-Za-z0-9_-]{48}))", text, re.ASCII):
        raw = base64.urlsafe_b64decode(found[1])
        key, check = raw[:SIZE], raw[SIZE:]
        if hmac.compare_digest(check, _sum(key)):
            return key
    raise LinkRefused("damaged")


def master_text(master: bytes) -> str:
    """The master key as it is kept: 64 hexadecimal digits and 8 that tell a slip of the pen, in groups of eight."""
    digits = (master + _sum(master)).hex()
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def parsed_master(text: str) -> bytes:
    """The master key from its text. Raises UsageError for one that is incomplete or mistyped; it never quotes it."""
    digits = "".join(text.split())
    if re.fullmatch(r"[0-9A-Fa-f]{72}", digits, re.ASCII) is None:
        raise UsageError(f"主密钥应为 72 个十六进制数字（9 组，每组 8 个），这里有 {len(digits)} 个字符")
    raw = bytes.fromhex(digits)
    if not hmac.compare_digest(raw[SIZE:], _sum(raw[:SIZE])):
        raise UsageError("主密钥抄错了：校验位不符，请与封存的那一份逐组核对")
    return raw[:SIZE]


def _sum(key: bytes) -> bytes:
    return hashlib.sha256(frame(b"check") + key).digest()[:_CHECK]


def _kind(kind: str) -> bytes:
    if kind not in (MEMBER, OFFICER):
        raise UsageError(f"没有 {kind!r} 这种链接，应为 {MEMBER} 或 {OFFICER}")
    return kind.encode()


def _id(ident: str) -> bytes:
    """An id as part of a derivation; ASCII without a colon, which stands between the parts of an access list."""
    if _ID.fullmatch(ident) is None:
        raise UsageError(f"编号 {ident!r} 不能用于派生密钥：只能有 ASCII 字母、数字、- 和 _，最多 64 个")
    return ident.encode()


def _label(epoch: str) -> bytes:
    if _ID.fullmatch(epoch) is None:
        raise UsageError(f"期次 {epoch!r} 写法不对，应写成 2026 或 2026-2 的样子")
    return epoch.encode()


# --- what a build holds

LINK_VARIABLE, CONTENT_VARIABLE = "XUESHI_LINK_ROOT", "XUESHI_CONTENT_ROOT"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The two roots of a build, and which links hold. Never printed."""

    link_root: bytes = field(repr=False)
    content_root: bytes = field(repr=False)
    generations: Keys

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], generations: Keys) -> Keyring:
        """From XUESHI_LINK_ROOT and XUESHI_CONTENT_ROOT. Raises UsageError for one that is missing or misshapen."""
        links, content = (
            root_from(environ, LINK_VARIABLE),
            root_from(environ, CONTENT_VARIABLE),
        )
        if links == content:  # one pasted twice: the site would open for nobody who has a link
            raise UsageError(
                f"{LINK_VARIABLE} 和 {CONTENT_VARIABLE} 相同；请用 xueshi keys derive 重新取出两个"
            )
        return cls(links, content, generations)

    def reader(self, kind: str, ident: str) -> Reader | None:
        """Somebody's link as it holds now; None for a removed one."""
        return self.generations.reader(kind, ident)

    def door(self, reader: Reader) -> bytes:
        """The key of a reader's door, which is what their link carries."""
        return reader_key(self.link_root, reader)

    def fragment(self, reader: Reader) -> str:
        """What stands behind the # of a reader's link."""
        return link_fragment(self.door(reader))

    def page(self, kind: str, ident: str, access: Iterable[Reader]) -> bytes:
        """The key of a page, or of a query's chunk, that these readers may open."""
        return page_key(self.content_root, kind, ident, access)

    def blob(self, branch: str, data: bytes) -> bytes:
        """The key of a picture or a download of a branch."""
        return blob_key(self.content_root, branch, data)


def root_from(environ: Mapping[str, str], name: str) -> bytes:
    """A root from an environment variable. Raises UsageError, which never quotes the value."""
    told = environ.get(name, "").strip()
    if not told:
        raise UsageError(
            f"没有设置 {name}，做出的密封版网站谁也打不开；请用 xueshi keys derive 主密钥文件 取出，放进 CI 的保密变量"
            f"（还没有主密钥：xueshi keys make） / {name} is not set; take it with xueshi keys derive and keep it as a secret of CI"
        )
    if _HEX.fullmatch(told) is None:
        raise UsageError(
            f"{name} 应为 {2 * SIZE} 个十六进制数字，现有 {len(told)} 个字符；请用 xueshi keys derive 重新取出"
        )
    return bytes.fromhex(told)
