"""The Content-Security-Policy of the site's pages: what they may load, and which inline scripts run."""

from __future__ import annotations

import base64
import hashlib
import re

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def content_policy(inline: str) -> str:
    """`inline` is HTML with the scripts and styles that may stand in a page. It comes from the theme and never from the
    page itself: a script that somebody got into a record would be allowed with the others."""
    hashes: dict[str, list[str]] = {"script": ["'self'"], "style": ["'self'"]}
    for tag, text in _INLINE.findall(inline):
        hashes[tag].append(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            "img-src 'self' data:",  # the icons in Material's style sheet
            "connect-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
