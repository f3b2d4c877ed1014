"""Settings that are each right and must go together, and what follows from one another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xueshi.settings.readers import is_loopback
from xueshi.settings.sources import variable

_API = {"github": "https://api.github.com", "gitlab": "https://gitlab.com/api/v4"}
_WEB = {"github": "https://github.com", "gitlab": "https://gitlab.com"}


def agree(values: dict[str, Any], bad: Mapping[str, str]) -> dict[str, str]:
    """Fill in what was left open; the faults found, by name. What is `bad` already is told once."""
    faults = {**_address(values), **_desk(values)}
    if "host.kind" not in bad:
        faults.update(_local(values) if values["host.kind"] == "local" else _remote(values))
    return {name: fault for name, fault in faults.items() if name not in bad}


def _address(values: dict[str, Any]) -> dict[str, str]:
    faults = {}
    if values["folder"] is None:
        faults["folder"] = _missing("folder", "请写安装所在的文件夹", "name the installation's folder")
    host, port = values["listen.host"], values["listen.port"]
    if values["base_url"] is None and is_loopback(host):
        values["base_url"] = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    elif values["base_url"] is None:
        faults["base_url"] = _missing("base_url", "请写大家打开的网址", "write the address that people open")
    return faults


def _desk(values: dict[str, Any]) -> dict[str, str]:
    """Approval is read from who merged: the desk is somebody else than the bridge."""
    if values["desk.enabled"] is None:
        values["desk.enabled"] = values["host.kind"] == "local" or values["desk.token"] is not None
    if values["desk.email"] != values["bridge.email"]:
        return {}
    cure = "要与 bridge.email 不同，否则分不清谁批准 / must differ from bridge.email: it tells who approved"
    return {"desk.email": f"desk.email = {values['desk.email']}：{cure}"}


def _remote(values: dict[str, Any]) -> dict[str, str]:
    """A real host: where it is, and what may be done there as whom."""
    kind = values["host.kind"]
    api = values["host.api_url"] = values["host.api_url"] or _API.get(kind)
    if values["host.web_url"] is None and api is not None:
        values["host.web_url"] = _WEB[kind] if api == _API.get(kind) else re.sub(r"/api(/v\d+)?$", "", api)
    faults = {
        name: _missing(name, f"{kind} 需要它", f"{kind} needs it")
        for name in ("host.api_url", "host.repository", "host.token")
        if values[name] is None
    }
    if values["desk.enabled"] and values["desk.token"] is None:
        faults["desk.token"] = _missing(
            "desk.token", "审核台要有自己的令牌", "the desk needs a token of its own"
        )
    elif values["desk.enabled"] and values["desk.token"] == values["host.token"]:
        cure = "不能与 host.token 相同，提交的人不能批准 / must differ from host.token: a proposer never approves"
        faults["desk.token"] = f"desk.token：{cure}"
    return faults


def _local(values: Mapping[str, Any]) -> dict[str, str]:
    """The embedded host needs nothing; what is given for another says that its kind was forgotten."""
    names = [name for name in values if name.startswith("host.") and name != "host.kind" and values[name]]
    if not names:
        return {}
    listed = ", ".join(names)
    return {
        "host.kind": f"host.kind = local：写了 {listed}，请写明是哪一种 / {listed} given: say which host it is"
    }


def _missing(name: str, zh: str, en: str) -> str:
    return f"{name}（{variable(name)}）：{zh} / {en}"
