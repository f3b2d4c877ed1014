"""keys.yaml as it will be: links replaced or removed, epochs moved on. Nothing ever goes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from xueshi.errors import UsageError
from xueshi.model import CONTENT, LINK, LINK_EPOCH, OFFICER, Held, Keys, Root, epoch_order


def replacing(kind: str, ident: str) -> str:
    """The command that gives a reader a new link."""
    return f"xueshi keys replace {ident}" + (" --officer" if kind == OFFICER else "")


def replaced(keys: Keys, readers: Iterable[tuple[str, str]]) -> Keys:
    """The links of these readers (kind, id) one generation on; a removed one comes back as a new link."""
    told = (keys.held(*reader) for reader in readers)
    return _with(keys, (Held(held.kind, held.id, held.generation + 1) for held in told))


def removed(keys: Keys, kind: str, ident: str) -> Keys:
    """The reader's link opens nothing any more. Raises UsageError for one that was removed before."""
    held = keys.held(kind, ident)
    if held.removed:
        raise UsageError(f"{ident} 的链接已经停用；要恢复就换一个新的：{replacing(kind, ident)}")
    return _with(keys, [replace(held, removed=True)])


def new_content(keys: Keys, year: int, *, again: bool) -> Keys:
    """The content's epoch of `year`; `again`: one more within the same year. UsageError where the year has one."""
    if keys.content is not None and epoch_order(keys.content)[0] >= year and not again:
        raise UsageError(
            f"内容期次已是 {keys.content}；密钥泄露要在同一年里再换一期，请加 --again，否则写以后的年份"
        )
    before = keys.content or str(year if again else year - 1)  # not written down, it was that of the calendar
    return replace(keys, content=_next(before, year))


def new_links(keys: Keys, year: int) -> Keys:
    """Another epoch of links: every link has to be printed anew."""
    return replace(keys, link=_next(keys.link, year))


def noted(keys: Keys, link: Root, content: Root) -> Keys:
    """With these roots in force, and both epochs written down: one that followed the calendar would turn on 1 January,
    and CI still hold last year's root. Raises UsageError for an epoch that lies before the one in force."""
    for kind, was, now in ((LINK, keys.link, link.epoch), (CONTENT, keys.content, content.epoch)):
        if was is not None and epoch_order(now) < epoch_order(was):
            raise UsageError(f"期次 {kind} 已是 {was}，不能退回 {now}；请写 {was} 或更后的期次")
    found = {(root.kind, root.epoch): root for root in (*keys.roots, link, content)}
    roots = sorted(found.values(), key=lambda root: (root.kind != LINK, epoch_order(root.epoch)))
    return replace(keys, link=link.epoch, content=content.epoch, roots=tuple(roots))


def _next(label: str, year: int) -> str:
    held, number = epoch_order(label)
    return str(year) if held < year else f"{held}-{number + 1}"


def _with(keys: Keys, changed: Iterable[Held]) -> Keys:
    found = {(held.kind, held.id): held for held in keys.readers}
    found |= {(held.kind, held.id): held for held in changed}
    return replace(keys, readers=tuple(sorted(found.values(), key=lambda held: (held.kind, held.id))))


def file_data(keys: Keys) -> dict[str, Any]:
    """The file's plain values; what it need not say is left out."""
    epochs = {"link": keys.link} if keys.link != LINK_EPOCH else {}
    epochs |= {"content": keys.content} if keys.content is not None else {}
    readers = [
        {"kind": held.kind, "id": held.id, "gen": held.generation}
        | ({"removed": True} if held.removed else {})
        for held in keys.readers
    ]
    roots = [{"kind": root.kind, "epoch": root.epoch, "fingerprint": root.fingerprint} for root in keys.roots]
    return {
        "schema": "keys/1",
        **({"epochs": epochs} if epochs else {}),
        **({"roots": roots} if roots else {}),
        **({"readers": readers} if readers else {}),
    }
