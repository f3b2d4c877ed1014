"""Hours as people write them."""

from __future__ import annotations

from decimal import Decimal


def plain(hours: Decimal) -> str:
    """No more decimals than needed, never an exponent: 28, 25.5, 0.25."""
    text = f"{hours:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
