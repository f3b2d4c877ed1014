"""The measures of a requirement that has several (`any_of`, `all_of`), each with its own figures."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from xueshi import words
from xueshi.model import Organisation, Policy, Standings
from xueshi.policy.phrases import LANGUAGES, Phrases
from xueshi.words import plain


@dataclass(frozen=True, slots=True)
class Part:
    """One measure: `counted` of `target`; `where` says in words of which records, or nothing."""

    measure: str
    target: Decimal
    counted: Decimal
    where: str


def parts(standings: Standings, policy: Policy, organisation: Organisation | None) -> tuple[Part, ...]:
    """Every measure in the policy's order; none where there is only one."""
    options = standings.requirement.options
    if len(options) == 1:
        return ()
    p = Phrases(LANGUAGES["zh"], policy, organisation)
    return tuple(
        Part(figure.measure, figure.target, figure.counted, p.where(option.where))
        for option, figure in zip(options, standings.figures, strict=True)
    )


def parts_text(found: tuple[Part, ...], *, every: bool) -> str:
    """Them in a sentence: 56 学时（已有 38）并且 24 学时（只算……的记录，已有 0）."""
    return ("并且 " if every else "或者 ").join(_part(part) for part in found)


def _part(part: Part) -> str:
    where = f"{part.where}，" if part.where else ""
    return f"{plain(part.target)} {words.UNIT[part.measure]}（{where}已有 {plain(part.counted)}）"
