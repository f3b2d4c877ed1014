"""Rules that judge keys.yaml: which links hold, and that an old one never holds again."""

from __future__ import annotations

from collections.abc import Iterator

from xueshi.checks.context import Context
from xueshi.checks.proposal import Proposed
from xueshi.model import CONTENT, Held, Keys, Problem, Severity, epoch_order
from xueshi.records.source import KEYS

_NAMES = {"member": "本人链接", "officer": "审核人链接"}


def readers_of_links_are_known(c: Context) -> Iterator[Problem]:
    """Whoever a link was replaced or removed for is on a roster; an officer's link belongs to somebody who reviews, or
    is or was a branch's secretary."""
    officers = {reviewer.member for reviewer in c.records.organisation.reviewers}
    officers |= {
        entry.id
        for roster in c.records.rosters.values()
        for entry in roster.members
        if any(held.role == "branch_secretary" for held in entry.roles)
    }
    for number, held in enumerate(c.records.keys.readers):
        if held.id not in c.people:
            words = f"名册上没有 {held.id!r}，请核对编号；写错的编号什么也不管用"
            yield _keys(c, f"readers.{number}.id", words, Severity.WARNING)
        elif held.kind == "officer" and held.id not in officers:
            words = (
                f"{held.id!r} 不是审核人，也不是支部书记，没有审核人链接；要换的若是本人链接，kind 写 member"
            )
            yield _keys(c, f"readers.{number}.kind", words, Severity.WARNING)


def links_stand_once(c: Context) -> Iterator[Problem]:
    """A reader's link stands once in keys.yaml."""
    seen: set[tuple[str, str]] = set()
    for number, held in enumerate(c.records.keys.readers):
        if (held.kind, held.id) in seen:
            words = f"{_told(held)}写了不止一次，请只留代数（gen）最大的一项"
            yield _keys(c, f"readers.{number}", words)
        seen.add((held.kind, held.id))


def epochs_are_not_ahead(c: Context) -> Iterator[Problem]:
    """An epoch is of next year at the latest: it never goes back, so a slip of the pen would stay."""
    keys = c.records.keys
    for name, label in (("link", keys.link), ("content", keys.content)):
        if label is not None and epoch_order(label)[0] > c.today.year + 1:
            yield _keys(
                c, f"epochs.{name}", f"期次 {label} 太靠后，最多写到 {c.today.year + 1}；写了就退不回来"
            )


def roots_stand_once(c: Context) -> Iterator[Problem]:
    """The root of an epoch stands once in keys.yaml, and with the roots the content's epoch: one that follows the calendar
    turns on 1 January while the secret in CI stays."""
    seen: set[tuple[str, str]] = set()
    for number, root in enumerate(c.records.keys.roots):
        if (root.kind, root.epoch) in seen:
            words = f"{root.kind} 期次 {root.epoch} 的指纹写了不止一次，请只留正确的一项"
            yield _keys(c, f"roots.{number}", words)
        seen.add((root.kind, root.epoch))
    years = [root.epoch for root in c.records.keys.roots if root.kind == CONTENT]
    if years and c.records.keys.content is None:
        words = (
            f'写了内容密钥的指纹，也要写明内容期次，例如 epochs 下写 content: "{max(years, key=epoch_order)}"'
        )
        yield _keys(c, "roots", words)


def fingerprints_stay(p: Proposed) -> Iterator[Problem]:
    """What is known of a root stays as it is: a new root comes with a new epoch. It may be put right where it was wrong,
    which the reviewer compares with the operator; the site is not built while it is wrong."""
    if KEYS not in p.changed or KEYS not in p.head.blobs:
        return
    for root in p.base.keys.roots:
        now = p.head.keys.fingerprint(root.kind, root.epoch)
        if now != root.fingerprint:
            words = (
                f"{root.kind} 期次 {root.epoch} 的指纹由 {root.fingerprint} 改为 {now or '不写'}；换密钥应同时换期次，"
                "原来写错的才可以改，请与管密钥的人核对"
            )
            yield Problem(KEYS, p.head.line(KEYS, "roots"), "", words, "roots", Severity.WARNING)


def links_only_move_on(p: Proposed) -> Iterator[Problem]:
    """Generations grow, epochs move on, and nothing that keys.yaml says is left out: else a link that was lost, or a key
    that leaked, would open pages again. A removed link comes back only as a newer one."""
    if KEYS not in p.changed or KEYS not in p.head.blobs:  # of a file that is gone nothing-is-deleted tells
        return
    before, after = p.base.keys, p.head.keys
    for name, was, now in _epochs(before, after):
        if now is None or epoch_order(now) < epoch_order(was):
            words = f"期次 {name} 已是 {was}，不能改回 {now or '不写'}：旧的钥匙会重新有效；只能往后"
            yield Problem(KEYS, p.head.line(KEYS, f"epochs.{name}"), "", words, "epochs")
    for old in before.readers:
        new = after.held(old.kind, old.id)
        if new.generation < old.generation:
            words = f"{_told(old)}已是第 {old.generation} 代，不能改成第 {new.generation} 代：旧链接会重新有效；只能加大"
            yield Problem(KEYS, p.head.line(KEYS, "readers"), "", words, "readers")
        elif old.removed and not new.removed and new.generation == old.generation:
            words = f"{_told(old)}已停用，要恢复请把代数（gen）改为 {old.generation + 1}，生效后重印"
            yield Problem(KEYS, p.head.line(KEYS, "readers"), "", words, "readers")


def _epochs(before: Keys, after: Keys) -> Iterator[tuple[str, str, str | None]]:
    yield "link", before.link, after.link
    if before.content is not None:
        yield "content", before.content, after.content


def _told(held: Held) -> str:
    return f"{held.id} 的{_NAMES[held.kind]}"


def _keys(c: Context, place: str, message: str, severity: Severity = Severity.ERROR) -> Problem:
    """A fault at a place of keys.yaml, such as readers.0.id."""
    return Problem(KEYS, c.records.line(KEYS, place), "", message, place.partition(".")[0], severity)
