"""Rules that judge a proposed change in the light of what it would change."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from xueshi.model import Problem, RecordSet, Study
from xueshi.records.source import kind_of


def touches_one_branch(base: RecordSet, head: RecordSet, changed: Collection[str]) -> Iterator[Problem]:
    """A proposal of records keeps to one branch, so that one reviewer can decide on it."""
    branches = sorted({path.split("/")[1] for path in changed if kind_of(path) == "study"})
    for path in sorted(changed):
        if len(branches) > 1 and kind_of(path) == "study" and path.split("/")[1] != branches[0]:
            yield Problem(
                path, 0, "", f"一次只能改一个支部的记录（这里有 {'、'.join(branches)}），请分开提交"
            )


def only_records_change(base: RecordSet, head: RecordSet, changed: Collection[str]) -> Iterator[Problem]:
    """A proposal that touches records touches nothing else."""
    records = [path for path in changed if kind_of(path) == "study"]
    for path in sorted(changed):
        if records and kind_of(path) != "study":
            yield Problem(path, 0, "", "登记不能同时改动名册、组织、规则或其他文件，请由党委另行提交")


def identity_never_changes(base: RecordSet, head: RecordSet, changed: Collection[str]) -> Iterator[Problem]:
    """The branch, member, id and first submission of a record never change: a wrong one is voided and replaced."""
    for path in sorted(changed):
        old, new = base.studies.get(path), head.studies.get(path)
        if old is None or new is None:
            continue
        for field in ("id", "member", "submitted"):
            if getattr(old, field) != getattr(new, field):
                words = f"{_TITLES[field]}写好后不能改动，请作废这条记录后重新登记"
                yield Problem(path, head.line(path, field), "", words, field)


def nothing_is_deleted(base: RecordSet, head: RecordSet, changed: Collection[str]) -> Iterator[Problem]:
    """A record on main stays: it is voided, never removed."""
    for path in sorted(changed):
        if path in base.blobs and path not in head.blobs and kind_of(path) == "study":
            yield Problem(path, 0, "", "记录不能删除，请改为作废（写明 void）")


def changes_say_why(base: RecordSet, head: RecordSet, changed: Collection[str]) -> Iterator[Problem]:
    """A change to a record on main carries who changed it and why."""
    for path in sorted(changed):
        old, new = base.studies.get(path), head.studies.get(path)
        if old is None or new is None or _said(old) != _said(new):
            continue
        yield Problem(
            path,
            head.line(path, "change"),
            "",
            "改动已有的记录要在 change 或 void 中写明谁改的和原因",
            "change",
        )


def _said(study: Study) -> tuple[object, object]:
    return study.change, study.void


_TITLES = {"id": "记录编号", "member": "党员编号", "submitted": "登记信息"}
