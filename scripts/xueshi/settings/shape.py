"""What settings are: frozen values, handed to the parts that need them."""

from __future__ import annotations

import dataclasses
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from xueshi.git import Identity
from xueshi.hosts.base import Budget

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Listen:
    """Where it listens, and which peers may say whom they speak for (X-Forwarded-For)."""

    host: str
    port: int
    trusted_proxies: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class HostSettings:
    """The Git host. `kind`: one of KINDS; the rest is None for the embedded one. Addresses end without a slash.
    `account`: the token's login, needed only where the host does not say it."""

    kind: str
    api_url: str | None
    web_url: str | None
    repository: str | None
    token: str | None = field(repr=False)
    account: str | None
    hook_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """The review desk: whether there is one, and as whom it merges. `token` and `account` are its own, never the
    bridge's."""

    enabled: bool
    name: str
    email: str
    token: str | None = field(repr=False)
    account: str | None
    undo_minutes: int

    @property
    def identity(self) -> Identity:
        return Identity(self.name, self.email)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one member or one address may ask for, and the disk space below which nothing more is taken."""

    member_per_hour: int
    address_per_minute: int
    guesses_per_minute: int
    disk_floor_mb: int

    @property
    def disk_floor(self) -> int:
        """In bytes."""
        return self.disk_floor_mb * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Coalescing:
    """How many submissions share a pull request once more than `rush_after` wait, and how long they are gathered."""

    records: int
    pictures: int
    gather_seconds: int
    rush_after: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What replaces the host's own budget of calls; None leaves it as it is."""

    apart: float | None
    per_minute: int | None
    per_hour: int | None

    def over(self, budget: Budget) -> Budget:
        """The host's budget with what is set here in its place."""
        told = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        return dataclasses.replace(budget, **told)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`level`: debug | info | warning | error; `format`: json | text."""

    level: str
    format: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a service is told. `base_url` is where people reach it, without a slash at the end."""

    folder: Path
    base_url: str
    listen: Listen
    host: HostSettings
    bridge: Identity
    desk: DeskSettings
    limits: Limits
    coalescing: Coalescing
    budget: Pace
    log: LogSettings
