"""By what a root is known without being told: a root of another year, another master or another place is refused before
anything is sealed with it. A site made with it would be sound, and open for nobody who has a link."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from xueshi.errors import UsageError
from xueshi.model import CONTENT, LINK, Keys, Root
from xueshi.sealing.keys import CONTENT_VARIABLE, LINK_VARIABLE, derive

_NAMES = {LINK: "链接", CONTENT: "内容"}
_VARIABLES = {LINK: LINK_VARIABLE, CONTENT: CONTENT_VARIABLE}
_FILE = "records/keys.yaml"


def fingerprint(root: bytes) -> str:
    """16 hexadecimal digits, by a derivation of their own: no part of a key, and nothing to find one by."""
    return derive(root, b"fingerprint")[:8].hex()


def known(keys: Keys, on: date) -> tuple[Root, ...]:
    """What keys.yaml says of the roots in force on a day; empty where it says nothing."""
    found = ((kind, epoch, keys.fingerprint(kind, epoch)) for kind, epoch in _in_force(keys, on))
    return tuple(Root(kind, epoch, digits) for kind, epoch, digits in found if digits is not None)


def refuse_other_roots(keys: Keys, on: date, links: bytes, content: bytes) -> None:
    """Raises UsageError where a root is not the one that keys.yaml names for the epoch in force on a day."""
    for (kind, epoch), root in zip(_in_force(keys, on), (links, content), strict=True):
        _refuse_other(keys, kind, epoch, fingerprint(root))


def refuse_other_link_root(keys: Keys, links: bytes) -> None:
    """The same of the root of links alone."""
    _refuse_other(keys, LINK, keys.link, fingerprint(links))


def _refuse_other(keys: Keys, kind: str, epoch: str, found: str) -> None:
    wanted, of = keys.fingerprint(kind, epoch), keys.root(found)
    if found == wanted or (wanted is None and of is None):
        return
    name = _VARIABLES[kind]
    said = f"{_FILE} 记的是 {wanted}" if wanted else f"{_FILE} 里没有"
    is_of = f"，它是{_NAMES[of.kind]}期次 {of.epoch} 的" if of else "，这个指纹不属于任何一期"
    raise UsageError(
        f"{name} 不是{_NAMES[kind]}期次 {epoch} 的密钥：指纹 {found}，{said}{is_of}。用它做出的网站，大家的链接都打不开。"
        "请用 xueshi keys derive 主密钥文件 重新取出，换进保密变量"
        f" / {name} is not the root of epoch {epoch}; take it anew with xueshi keys derive and replace the secret"
    )


def missing_roots(roots: Iterable[Root]) -> UsageError:
    """What to tell who builds without roots although keys.yaml names them."""
    told = "、".join(f"{_NAMES[root.kind]}期次 {root.epoch} 的密钥 {_VARIABLES[root.kind]}" for root in roots)
    return UsageError(
        f"没有给出{told}（指纹见 {_FILE}），这样做出的密封版网站，大家的链接都打不开。请用 xueshi keys derive 主密钥文件 取出，"
        "放进保密变量；只在自己机器上看一看，可设 XUESHI_EDITION=open"
        " / the roots of the sealed edition are not set; take them with xueshi keys derive"
    )


def _in_force(keys: Keys, on: date) -> tuple[tuple[str, str], tuple[str, str]]:
    return (LINK, keys.link), (CONTENT, keys.content_epoch(on))
