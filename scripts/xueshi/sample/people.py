"""An invented school: its branches, and people whose names are plainly made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

COMMITTEE = "sample-art"
_FULL = {"from": "2024-01-01", "status": "full"}


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """A branch with its share of people in a small and in a large sample; `probationary` in a large one."""

    id: str
    name: str
    type: str
    aliases: tuple[str, ...]
    small: int
    large: int
    probationary: int = 0
    exempt: int = 0
    term: str = "2024-06-01"


BRANCHES = (
    BranchPlan("jg1", "教工第一党支部", "teacher", ("教工一支部", "教师第一党支部"), 12, 14),
    BranchPlan("yjs", "研究生党支部", "student", ("研究生支部", "硕士党支部"), 11, 27, 6),
    BranchPlan("jg2", "教工第二党支部", "teacher", ("教工2支部",), 4, 10, 1, term="2024-04-10"),
    BranchPlan("xz", "行政教辅党支部", "admin", ("机关党支部", "行政党支部"), 4, 8),
    BranchPlan("bk1", "本科生第一党支部", "student", ("本科一支部", "学生第一党支部"), 4, 15, 9),
    BranchPlan("bk2", "本科生第二党支部", "student", ("本科2支部",), 3, 9, 4),
    BranchPlan("lt", "离退休党支部", "retired", ("退休支部",), 3, 11, 0, 4, term="2023-09-01"),
    BranchPlan("sj", "书法与设计联合党支部", "joint", (), 1, 3, 1),
)
PILOTS = ("jg1", "yjs")
_SPECIAL = {
    "jg1": ("林样青", "韦测宁", "陈例文", "王演", "李样", "刘测云", "周样平", "黄试远"),
    "yjs": ("覃演禾", "莫拟川", "王演", "欧阳例星", "旸样", "㛃例", "吴演书"),
    "jg2": ("郑拟南", "张试"),
    "xz": ("罗例言", "何例深"),
    "bk1": ("马试真", "阿依·样本古丽", "𬭎试", "诸葛试行"),
    "bk2": ("孙模北", "买买提·测试江"),
    "lt": ("蒙虚谷", "赵例安"),
    "sj": ("陆模舟",),
}
_SURNAMES = "韦覃莫蒙陆黄罗林陈王李张刘周吴郑孙马何梁赵杨许邓冯蒋沈韩曹彭曾萧田董潘袁蔡余叶程"
_GIVEN = "例样试测演模拟虚"


@dataclass(frozen=True, slots=True)
class People:
    """Who is where: branch id -> member ids in roster order (the secretary is second in a branch of two or more),
    and the names. `moved` goes from `bk1` to `yjs` in the course of the history."""

    branches: dict[str, tuple[str, ...]]
    names: dict[str, str]
    officer: str
    moved: str

    def secretary(self, branch: str) -> str:
        members = self.branches[branch]
        return members[min(1, len(members) - 1)]


def invent(count: int, rng: Random) -> People:
    """`count` people spread over the branches."""
    sizes = _sizes(count)
    fresh = _names(rng)
    branches: dict[str, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    for plan in BRANCHES:
        given = list(_SPECIAL[plan.id][: sizes[plan.id]])
        given += [next(fresh) for _ in range(sizes[plan.id] - len(given))]
        ids = []
        for name in given:
            ids.append(f"m{len(names) + 1:04d}")
            names[ids[-1]] = name
        branches[plan.id] = tuple(ids)
    return People(branches, names, officer=branches["xz"][0], moved=branches["bk1"][-1])


def _sizes(count: int) -> dict[str, int]:
    """People a branch, at least one each, in proportion to the plan."""
    shares = {plan.id: plan.small if count < 90 else plan.large for plan in BRANCHES}
    whole = sum(shares.values())
    sizes = {branch: max(count * share // whole, 1) for branch, share in shares.items()}
    for branch in sorted(sizes, key=lambda b: -shares[b]) * count:
        if sum(sizes.values()) == count:
            break
        step = 1 if sum(sizes.values()) < count else -1
        sizes[branch] = max(sizes[branch] + step, 1)
    return sizes


def _names(rng: Random) -> Iterator[str]:
    taken = {name for names in _SPECIAL.values() for name in names}
    pairs = [a + b for a in _GIVEN for b in "云南北舟川平禾远真深宁书一安青谷" + _GIVEN if a != b]
    every = [surname + given for surname in _SURNAMES for given in pairs]
    rng.shuffle(every)
    yield from (name for name in every if name not in taken)


def organisation(people: People, desk: str) -> dict[str, Any]:
    """organisation.yaml as plain values."""
    units: list[dict[str, Any]] = [{"id": COMMITTEE, "kind": "committee", "name": "示例大学艺术学院党委"}]
    units[0]["terms"] = [{"from": "2022-12-01"}]
    for plan in BRANCHES:
        unit: dict[str, Any] = {
            "id": plan.id,
            "kind": "branch",
            "parent": COMMITTEE,
            "name": plan.name,
            "type": plan.type,
        }
        unit |= {"aliases": list(plan.aliases)} if plan.aliases else {}
        unit["terms"] = [{"from": plan.term, "committee_size": 3 if plan.large >= 8 else 0}]
        units.append(unit)
    reviewers = [
        {
            "member": people.officer,
            "unit": COMMITTEE,
            "from": "2024-01-01",
            "emails": ["officer@example.invalid"],
        }
    ]
    for number, plan in enumerate(BRANCHES, 1):
        email = f"reviewer{number}@example.invalid"
        reviewers.append(
            {"member": people.secretary(plan.id), "unit": plan.id, "from": "2024-01-01", "emails": [email]}
        )
    return {
        "schema": "organisation/1",
        "name": "示例大学艺术学院党委",
        "units": units,
        "reviewers": reviewers,
        "desks": [{"email": desk, "from": "2024-01-01"}],
    }


def rosters(people: People) -> dict[str, dict[str, Any]]:
    """Each branch's roster.yaml as plain values, before anybody moved."""
    found = {}
    for plan in BRANCHES:
        members = people.branches[plan.id]
        large = sum(len(ids) for ids in people.branches.values()) >= 90
        trial = plan.probationary if large else plan.probationary // 3
        rows = []
        for place, member in enumerate(members):
            row: dict[str, Any] = {"id": member, "name": people.names[member], "periods": [dict(_FULL)]}
            if member == people.secretary(plan.id):
                row["roles"] = [{"role": "branch_secretary", "from": "2024-06-01"}]
            elif place >= len(members) - trial and member != people.moved:
                row["periods"] = [{"from": "2025-06-01", "status": "probationary"}]
            elif plan.exempt and place >= len(members) - min(plan.exempt, max(len(members) // 3, 1)):
                row["exempt"] = [{"from": "2024-01-01"}]
            rows.append(row)
        found[plan.id] = {"schema": "roster/1", "members": rows}
    return found
