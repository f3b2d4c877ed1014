"""What an officer must know of a changed policy before it is proposed: errors, and changes that reach back. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from xueshi import checks
from xueshi.checks.policy import altered_past
from xueshi.model import Kind, Policy, Problem, RecordSet, Severity
from xueshi.records.source import POLICY
from xueshi.words import plain

_BREAKS, _SPANS, _ALTERED, _CUT = (
    "committee-changes-break-no-record",
    "policy-spans-are-in-order",
    "rules-in-force-are-ended-not-changed",
    "texts-are-whole",
)


def notices(approved: RecordSet, proposed: RecordSet, data: bytes, today: date) -> tuple[Problem, ...]:
    """What is to be said of the policy in `proposed`, written as `data`, against the approved one; where something is
    an error, nothing of what it would change."""
    found = [*_judged(proposed, today), *_in_use(approved, proposed, today)]
    if not has_errors(found):
        found += [*_altered(approved, proposed, today), *_cut(data)]
    return tuple(found)


def has_errors(found: tuple[Problem, ...] | list[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in found)


def gaps(approved: RecordSet, found: tuple[Problem, ...], today: date) -> tuple[Problem, ...]:
    """Of the notices those of days without a rule that the approved policy does not have yet."""
    known = {problem.message for problem in _judged(approved, today)}
    return tuple(
        p for p in found if p.rule == _SPANS and p.severity is Severity.WARNING and p.message not in known
    )


def _judged(proposed: RecordSet, today: date) -> list[Problem]:
    """What is wrong with the policy file: its writing, and what the rules that judge a policy say."""
    found = [problem for problem in proposed.problems if problem.path == POLICY]
    if has_errors(found):
        return found
    bare = replace(proposed, studies={}, problems=())
    return found + [problem for problem in checks.check(bare, today) if problem.path == POLICY]


# --- kinds


def _in_use(approved: RecordSet, proposed: RecordSet, today: date) -> Iterator[Problem]:
    """Kinds that are gone although records are of them."""
    if POLICY not in proposed.blobs or any(p.path == POLICY for p in proposed.problems):
        return
    used = Counter(study.kind for study in approved.studies.values() if study.void is None)
    for name, kind in approved.policy.kinds.items():
        if name not in proposed.policy.kinds and used[name]:
            words = (
                f"{used[name]} 条记录还在用 {name}（{kind.label}），不能删去或改编号。请保留这一类型；"
                f"以后不再计入的，在里面写 {_changes(today, 'counts: false')}；只想改名称的改 label"
            )
            line = approved.line(POLICY, f"kinds.{name}")
            yield Problem(POLICY, line, _BREAKS, words, "kinds", Severity.ERROR)


def _changes(today: date, told: str) -> str:
    return f'changes: [{{from: "{today.year + 1}-01-01", {told}}}]'


_VALUES = ("bucket", "counts", "factor", "max_per_record", "max_per_year", "convert")


def _otherwise(old: Kind, new: Kind | None) -> str:
    """What a kind says otherwise than before, as the policy writes it."""
    if new is None:
        return "counts: false"
    values = {name: getattr(new, name) for name in _VALUES if getattr(new, name) != getattr(old, name)}
    return ", ".join(f"{name}: {_written(v)}" for name, v in values.items() if v is not None)


def _written(value: str | bool | Decimal) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, Decimal) else value


# --- rules changed in place


def _altered(approved: RecordSet, proposed: RecordSet, today: date) -> Iterator[Problem]:
    """Rules already in force that the file changes in place: loud, whether or not anybody's figures show it yet."""
    for place, told in altered_past(approved.policy, proposed.policy, today):
        words = (
            f"注意：{told} 正在执行，直接改动会让 {today.year} 年和以前的标准一起变。如果只想从以后起改，"
            f"请恢复原来的写法，{_cure(place, approved.policy, proposed.policy, today)}"
        )
        known = place in proposed.lines.get(POLICY, {})
        line = (proposed if known else approved).line(POLICY, place)
        yield Problem(POLICY, line, _ALTERED, words, place.partition(".")[0], Severity.WARNING)


def _cure(place: str, old: Policy, new: Policy, today: date) -> str:
    section, _, name = place.partition(".")
    if section == "kinds":
        told = _otherwise(old.kinds[name], new.kinds.get(name))
        return f"在这一类型里加 {_changes(today, told or '……')}"
    if section in ("who", "periods"):
        return "另起一个编号，给以后的规则用"
    return "加一行 until，再照抄一条（编号相同）" if section != "baseline" else "或者请管理员核对"


# --- texts


_COMMENT = re.compile(r"[ -]*(source|label|reason): +(?![\"'|>])(\S.*?) (#.*)")


def _cut(data: bytes) -> Iterator[Problem]:
    """Texts without quotes that end before a #, because what follows is a remark to YAML."""
    for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
        if found := _COMMENT.fullmatch(line.rstrip()):
            words = (
                f"{found[1]} 只读到“{found[2].strip()}”，后面的“{found[3]}”被当成注释略去了；"
                f"如果是文字的一部分，请给整段加上引号"
            )
            yield Problem(POLICY, number, _CUT, words, found[1], Severity.WARNING)
