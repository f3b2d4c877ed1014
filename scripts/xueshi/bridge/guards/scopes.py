"""What guards read from a request's scope."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Scope

_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")


def unsafe(scope: Scope) -> bool:
    """Whether a request may change something."""
    return scope["type"] == "http" and scope["method"] not in _SAFE


def below(scope: Scope, prefixes: Sequence[str]) -> bool:
    """Whether a request's path is one of `prefixes` (such as /desk), or below it."""
    path = scope["path"]
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
