"""Where a report lies on the site: one function, so that every edition and every link agree."""

from __future__ import annotations

import base64
import hmac


def address(secret: bytes, kind: str, ident: str) -> str:
    """The folder of a report, such as `m/<26 characters>/`: stable for one secret, not to be guessed without it.

    `kind` is that of the report, `ident` the id of its person or unit."""
    digest = hmac.new(secret, f"xueshi/page/1:{kind}:{ident}".encode(), "sha256").digest()
    return f"{kind[0]}/{base64.b32encode(digest)[:26].decode().lower()}/"
