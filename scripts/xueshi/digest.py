"""Alerts → what a group reads: one message a branch, counts and a link. Pure; names only where somebody asked for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from xueshi.alerts import BEHIND, FELL_BACK, MET, NEAR, WAITING, Alert
from xueshi.model import Policy, RecordSet
from xueshi.words import plain


@dataclass(frozen=True, slots=True)
class Message:
    """What one branch is told, and the ids of the alerts that it tells of."""

    branch: str
    text: str
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """How messages are written: `url` is the site's address, `names` whether members are named."""

    on: date
    url: str = ""
    names: bool = False


def messages(
    records: RecordSet, news: Iterable[Alert], waits: Collection[Alert], setting: Setting
) -> Iterator[Message]:
    """One message for every branch with news, in the order of the organisation. All that waits there is counted, also
    what is no news; a branch where it is all there is hears nothing."""
    by_branch: dict[str, list[Alert]] = {}
    for alert in news:
        by_branch.setdefault(alert.branch, []).append(alert)
    names = {unit.id: unit.name for unit in records.organisation.units}
    for branch in sorted(by_branch, key=lambda b: list(names).index(b) if b in names else len(names)):
        own = by_branch[branch]
        queue = [one.days or 0 for one in waits if one.branch == branch]
        told = [f"{len(queue)} 条待审核（最久 {max(queue)} 天）"] if queue else []
        told += _counts(records, own, setting)
        text = f"{names.get(branch, branch)}：{'，'.join(told)}。"
        link = f"\n查看：{setting.url}" if setting.url else ""
        yield Message(branch, text + link, tuple(alert.id for alert in own))


def label_of(policy: Policy, alert: Alert, on: date) -> str:
    """The requirement's name, with its year once that is over."""
    found = policy.version(alert.requirement, alert.on)
    label = found.label if found else alert.requirement
    return f" {alert.start.year} 年{label}" if alert.start and alert.until and alert.until <= on else label


def _counts(records: RecordSet, news: Iterable[Alert], setting: Setting) -> Iterator[str]:
    """How many members crossed what, by requirement; its name is said once."""
    groups: dict[str, dict[str, list[Alert]]] = {}
    for alert in news:
        if alert.level != WAITING:
            groups.setdefault(label_of(records.policy, alert, setting.on), {}).setdefault(
                alert.level, []
            ).append(alert)
    for label, levels in groups.items():
        met = {alert.member for alert in levels.get(MET, ())}
        levels[NEAR] = [alert for alert in levels.get(NEAR, ()) if alert.member not in met]
        said = ""
        for level in (NEAR, MET, FELL_BACK, BEHIND):
            if found := levels.get(level):
                count = len({alert.member for alert in found})
                what = _words(records.policy, level, "" if said else label)
                yield f"{count} 人{what}{_named(records, found, setting)}"
                said = label


def _words(policy: Policy, level: str, label: str) -> str:
    share = f"{plain(policy.alerts.near_ratio * 100)}%"
    return {
        NEAR: f"接近{label}（≥{share}）" if label else f"接近（≥{share}）",
        MET: f"{label}已达标",
        FELL_BACK: f"{label}回落",
        BEHIND: f"{label}进度滞后",
    }[level]


def _named(records: RecordSet, found: Iterable[Alert], setting: Setting) -> str:
    if not setting.names:
        return ""
    people = records.people()
    return "：" + "、".join(dict.fromkeys(people[alert.member].name for alert in found))
