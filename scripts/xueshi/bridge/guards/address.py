"""Who asks: the client's address behind proxies that we trust, and the group that its limits are counted for."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, cast

from starlette.types import ASGIApp, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def behind(app: ASGIApp, trusted: Sequence[Network]) -> ASGIApp:
    """Sets the scope's client to the right-most address of X-Forwarded-For that is no trusted proxy, and its scheme to
    X-Forwarded-Proto. Only a trusted peer is believed. Uvicorn does it; it is told twice about IPv4, because a socket
    for both families shows ::ffff:10.0.0.1. Run uvicorn with proxy_headers=False beside it."""
    mapped = [f"::ffff:{n.network_address}/{96 + n.prefixlen}" for n in trusted if n.version == 4]
    hosts = [*(str(network) for network in trusted), *mapped]
    return cast(ASGIApp, ProxyHeadersMiddleware(cast(Any, app), trusted_hosts=hosts))


def by_address(scope: Scope) -> str:
    """What an address's limits are counted for: an IPv4 address, the /64 of an IPv6 one, or "unknown"."""
    client = scope.get("client")
    try:
        found = ipaddress.ip_address(client[0]) if client else None
    except ValueError:
        found = None
    if found is None:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), 64), strict=False))
