"""What a reviewer should look at twice, or only know, beside what the check says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xueshi.bridge.brought import Brought
from xueshi.bridge.office import Current, Office
from xueshi.bridge.people import names
from xueshi.checks.duplicates import is_same_event
from xueshi.model import Evidence, Study

_FAR = 7  # days between a picture and its study that are worth a word


@dataclass(frozen=True, slots=True)
class Others:
    """Everything that waits, by member, and every record, on main or waiting, by the pictures it names; `names` are
    those of the members, told apart."""

    by_member: Mapping[str, list[Study]]
    by_picture: Mapping[str, list[Study]]
    names: Mapping[str, str]


def others(current: Current, waiting: Iterable[Brought]) -> Others:
    by_member: dict[str, list[Study]] = {}
    by_picture: dict[str, list[Study]] = {}
    proposed = {study.path: study for content in waiting for study in content.studies}
    for study in proposed.values():
        by_member.setdefault(study.member, []).append(study)
    for study in {**current.records.studies, **proposed}.values():
        for picture in study.evidence:
            by_picture.setdefault(picture.source_sha256, []).append(study)
    return Others(by_member, by_picture, names(current))


def warnings(office: Office, current: Current, study: Study) -> list[str]:
    """What asks for a look whatever else waits."""
    found = [twin] if (twin := _twin(current, study)) else []
    for picture in study.evidence:
        found += _camera_day(office, picture, study)
    kind = current.records.policy.kinds.get(study.kind)
    if kind is not None and not kind.counts:
        found.append(f"{kind.label}不计入学时")
    return found


def remarks(current: Current, study: Study, beside: Others) -> tuple[list[str], list[str]]:
    """What asks for a look because of what else waits, and what only informs."""
    asking = _used_elsewhere(current, study, beside)
    informing = []
    waiting = [other for other in beside.by_member.get(study.member, ()) if other.path != study.path]
    if any(is_same_event(other, study) for other in waiting):
        asking.append("这个人同一天还有一条同样主题的登记在等待审核，请确认不是重复")
    elif waiting:
        informing.append(f"本人还有 {len(waiting)} 条在等待审核，上面的学时没有算它们")
    for picture in study.evidence[:1]:
        same = [
            s
            for s in beside.by_picture.get(picture.source_sha256, ())
            if s.start_date == study.start_date and s.member != study.member
        ]
        if same:
            other = same[0].member
            informing.append(f"与{beside.names.get(other, other)}同一张照片（同一次活动）")
    if not study.evidence:
        informing.append("没有照片")
    if study.change is not None:
        informing.append(f"更正已有记录：{study.change.reason}")
    if study.void is not None:
        informing.append(f"作废已有记录：{study.void.reason}")
    if study.submitted.via == "poster" and not _twin(current, study):
        informing.append("扫海报登记，不是个人链接")
    return asking, informing


def _twin(current: Current, study: Study) -> str:
    """At a poster one picks a name, which another person may share."""
    person = current.people.get(study.member)
    if study.submitted.via != "poster" or person is None:
        return ""
    twin = next((p for p in current.people.values() if p.name == person.name and p.id != person.id), None)
    if twin is None:
        return ""
    held = twin.membership(current.today)
    unit = current.branch(held.branch) if held else None
    where = f"{unit.name}也有" if unit else "名册上还有一位"
    return f"扫海报登记，不是个人链接；{where}“{person.name}”，请认人"


def _used_elsewhere(current: Current, study: Study, beside: Others) -> list[str]:
    """The check compares with what is on main; this with what waits."""
    found = []
    for picture in study.evidence:
        waiting = (
            s
            for s in beside.by_picture.get(picture.source_sha256, ())
            if s.path not in current.records.studies
        )
        other = next((s for s in waiting if s.start_date != study.start_date), None)
        if other is not None:
            found.append(f"同一张照片也用在 {other.start_date.month}月{other.start_date.day}日的登记上")
    return found


def _camera_day(office: Office, picture: Evidence, study: Study) -> list[str]:
    kept = office.outbox.picture(picture.sha256)
    taken = kept[2] if kept else None
    if taken is None or abs((taken - study.start_date).days) <= _FAR:
        return []
    apart = (taken - study.start_date).days
    return [f"照片拍于{taken.month}月{taken.day}日，比学习日期{'晚' if apart > 0 else '早'} {abs(apart)} 天"]
