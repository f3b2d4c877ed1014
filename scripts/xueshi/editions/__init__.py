"""How a report reaches its readers alone: by an address that nobody guesses (open), or by a key (sealed)."""

from __future__ import annotations

from xueshi.editions.edition import Edition, Links, Published
from xueshi.editions.fragments import fragments
from xueshi.editions.open import Open
from xueshi.editions.sealed import Sealed

__all__ = ["Edition", "Links", "Open", "Published", "Sealed", "fragments"]
