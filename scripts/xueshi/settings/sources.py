"""Where settings are written: the file, the environment, files of secrets. Faults are noted by the setting's name."""

from __future__ import annotations

import difflib
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xueshi.errors import UsageError
from xueshi.settings.readers import Bad

PREFIX = "XUESHI_"
# Read by other parts of the program: no settings of a service, and no misspelt ones.
ELSEWHERE = frozenset(
    {
        "BRIDGE_URL", "CONTENT_ROOT", "DATE", "EDITION", "LANGUAGE", "LINK_ROOT", "NOTIFY_URL", "OVER_HTTP", "REPOSITORY",
        "REVISION", "SEEDS", "SITE_SECRET", "SITE_URL", "TOKEN",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: how it is read and what holds when nothing is said. A secret's value is never told."""

    name: str
    read: Callable[[Any], Any]
    default: Any = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and where. `beside` is the folder that relative paths start from."""

    value: Any
    where: str
    beside: Path
    by_environment: bool


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper().replace(".", "_")


def given(
    file: Path | None, environ: Mapping[str, str], keys: Sequence[Key], faults: dict[str, str]
) -> dict[str, Given]:
    """What was written, by name; `…_file` names of secrets are among them. Raises UsageError for a broken file."""
    allowed = [*(key.name for key in keys), *(f"{key.name}_file" for key in keys if key.secret)]
    found = {} if file is None else _of_file(file, allowed, faults)
    secrets = any(key.secret and key.name in found for key in keys)
    if file is not None and secrets and file.stat().st_mode & stat.S_IROTH:
        cure = "写有密钥却人人可读，请运行 chmod 640 / holds secrets and everybody can read it; run chmod 640"
        faults[str(file)] = f"{file}：{cure}"
    return {**found, **_of_environment(environ, allowed, faults)}


def value_of(key: Key, told: Mapping[str, Given], faults: dict[str, str]) -> Any:
    """The value of a key: what was written, or the default; the default with a fault noted when it is wrong."""
    found = _secret_of(key, told, faults) if key.secret else told.get(key.name)
    if found is None:
        return key.default
    try:
        value = key.read(found.value)
    except Bad as bad:
        shown = "" if key.secret else f" = {_shown(found.value)}"
        faults[key.name] = f"{found.where}{shown}：{bad}"
        return key.default
    return found.beside / value if isinstance(value, Path) else value


def _of_file(file: Path, allowed: Sequence[str], faults: dict[str, str]) -> dict[str, Given]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}：读不出（{error.strerror}）/ cannot be read ({error.strerror})") from None
    except ValueError as error:  # broken TOML, or bytes that are no UTF-8
        raise UsageError(f"{file}：不是正确的 TOML（{error}）/ is no TOML ({error})") from None
    found = {}
    for name, value in _flat(told):
        if name in allowed:
            found[name] = Given(value, f"{file}: {name}", file.parent, by_environment=False)
        else:
            faults[name] = _unknown(f"{file}: {name}", name, allowed)
    return found


def _flat(told: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _of_environment(
    environ: Mapping[str, str], allowed: Sequence[str], faults: dict[str, str]
) -> dict[str, Given]:
    known = {variable(name): name for name in allowed}
    found = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in ELSEWHERE or not value.strip():
            continue
        if name in known:
            found[known[name]] = Given(value.strip(), name, Path(), by_environment=True)
        else:
            faults[name] = _unknown(name, name, list(known))
    return found


def _unknown(where: str, name: str, known: Sequence[str]) -> str:
    """Without the value: it may be a secret under a misspelt name."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    zh, en = (f"，是 {near[0]} 吗？", f"; did you mean {near[0]}?") if near else ("", "")
    return f"{where}：没有这个设置{zh} / no such setting{en}"


def _secret_of(key: Key, told: Mapping[str, Given], faults: dict[str, str]) -> Given | None:
    """A secret given plainly or in a file; what the environment says in either way wins."""
    plain, named = told.get(key.name), told.get(f"{key.name}_file")
    if plain and named and plain.by_environment == named.by_environment:
        faults[key.name] = f"{named.where}：与 {plain.where} 只能写一个 / give it or {plain.where}, not both"
        return None
    if named is None or (plain is not None and plain.by_environment):
        return plain
    try:
        text = (named.beside / str(named.value)).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        faults[key.name] = f"{named.where} = {_shown(named.value)}：读不出（{why}）/ cannot be read ({why})"
        return None
    return Given(text.partition("\n")[0].strip(), named.where, named.beside, named.by_environment)


def _shown(value: Any) -> str:
    """A value in a message: short, and without the user and password of an address."""
    text = re.sub(r"//[^/\s]*@", "//…@", repr(value))
    return text if len(text) <= 80 else f"{text[:80]}…"
