"""What a service is told: a TOML file, and environment variables that win over it.

`limits.disk_floor_mb` in the file is XUESHI_LIMITS_DISK_FLOOR_MB in the environment; a secret may also be the first line
of a file, named by `host.token_file` or XUESHI_HOST_TOKEN_FILE. An empty variable is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xueshi.errors import UsageError
from xueshi.git import BRIDGE, Identity
from xueshi.settings import readers as read
from xueshi.settings.agreement import agree
from xueshi.settings.shape import (
    Coalescing,
    DeskSettings,
    HostSettings,
    Limits,
    Listen,
    LogSettings,
    Network,
    Pace,
    Settings,
)
from xueshi.settings.sources import Key, given, value_of, variable

KINDS = ("local", "github", "gitea", "gitlab")
KEYS = (
    Key("folder", read.folder),
    Key("base_url", read.url(path=False)),
    Key("listen.host", read.address, "127.0.0.1"),
    Key("listen.port", read.whole(1, 65535), 8765),
    Key("listen.trusted_proxies", read.networks, read.networks("127.0.0.0/8,::1/128")),
    Key("host.kind", read.one_of(*KINDS), "local"),
    Key("host.api_url", read.url(path=True)),
    Key("host.web_url", read.url(path=True)),
    Key("host.repository", read.project),
    Key("host.token", read.secret(8), secret=True),
    Key("host.account", read.login),
    Key("host.hook_secret", read.secret(16), secret=True),
    Key("bridge.name", read.name, BRIDGE.name),
    Key("bridge.email", read.mail, BRIDGE.email),
    Key("desk.enabled", read.flag),
    Key("desk.name", read.name, "Xueshi desk"),
    Key("desk.email", read.mail, "desk@example.invalid"),
    Key("desk.token", read.secret(8), secret=True),
    Key("desk.account", read.login),
    Key("desk.undo_minutes", read.whole(0, 60), 10),
    Key("limits.member_per_hour", read.whole(1, 10_000), 20),
    Key("limits.address_per_minute", read.whole(1, 100_000), 900),
    Key("limits.guesses_per_minute", read.whole(1, 100_000), 30),
    Key("limits.disk_floor_mb", read.whole(0, 10_000_000), 500),
    Key("coalescing.records", read.whole(1, 40), 20),
    Key("coalescing.pictures", read.whole(1, 600), 25),
    Key("coalescing.gather_seconds", read.whole(0, 3600), 60),
    Key("coalescing.rush_after", read.whole(1, 10_000), 5),
    Key("budget.apart", read.seconds),
    Key("budget.per_minute", read.whole(1, 100_000)),
    Key("budget.per_hour", read.whole(1, 1_000_000)),
    Key("log.level", read.one_of("debug", "info", "warning", "error"), "info"),
    Key("log.format", read.one_of("json", "text"), "json"),
)


def load(file: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of `file` (None: environment alone) and `environ`. Raises one UsageError that tells every fault."""
    faults: dict[str, str] = {}
    told = given(file, environ, KEYS, faults)
    values = {key.name: value_of(key, told, faults) for key in KEYS}
    faults = {**agree(values, faults), **faults}
    if faults:
        head = f"设置有 {len(faults)} 处要改 / settings to change: {len(faults)}"
        raise UsageError("\n".join([head, *faults.values()]))
    return _made(values)


def describe(settings: Settings) -> str:
    """Every setting in force, a line each; of a secret only whether it is set."""
    return "\n".join(f"{key.name} = {_told(settings, key)}" for key in KEYS)


def _made(values: Mapping[str, Any]) -> Settings:
    def section(name: str) -> dict[str, Any]:
        return {key.partition(".")[2]: value for key, value in values.items() if key.startswith(f"{name}.")}

    return Settings(
        folder=values["folder"],
        base_url=values["base_url"],
        listen=Listen(**section("listen")),
        host=HostSettings(**section("host")),
        bridge=Identity(**section("bridge")),
        desk=DeskSettings(**section("desk")),
        limits=Limits(**section("limits")),
        coalescing=Coalescing(**section("coalescing")),
        budget=Pace(**section("budget")),
        log=LogSettings(**section("log")),
    )


def _told(settings: Settings, key: Key) -> str:
    value: Any = settings
    for part in key.name.split("."):
        value = getattr(value, part)
    if key.secret:
        return "（已设置）/ set" if value else "（未设置）/ not set"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "（无）/ none"
    if isinstance(value, bool):
        return str(value).lower()
    return "（默认）/ default" if value is None else str(value)


__all__ = [
    "KEYS", "Coalescing", "DeskSettings", "HostSettings", "Limits", "Listen", "LogSettings", "Network", "Pace",
    "Settings", "describe", "load", "variable",
]  # fmt: skip
