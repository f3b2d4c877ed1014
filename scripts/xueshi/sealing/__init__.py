"""The sealed edition: keys, file format, who may read what, sheets of links. Values in, values out."""

from __future__ import annotations

from xueshi.sealing.access import Access, PageId, access, holders, officers_of
from xueshi.sealing.format import (
    SealRefused,
    Unsealed,
    blob_size,
    door_size,
    page_size,
    seal,
    unseal,
)
from xueshi.sealing.keys import Keyring, file_name, key_text, link_fragment, parsed_fragment
from xueshi.sealing.sheets import Card, link, sheets, site_address

__all__ = [
    "Access",
    "Card",
    "Keyring",
    "PageId",
    "SealRefused",
    "Unsealed",
    "access",
    "blob_size",
    "door_size",
    "file_name",
    "holders",
    "key_text",
    "link",
    "link_fragment",
    "officers_of",
    "page_size",
    "parsed_fragment",
    "seal",
    "sheets",
    "site_address",
    "unseal",
]
