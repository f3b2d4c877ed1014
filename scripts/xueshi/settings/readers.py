"""Raw text or TOML value → a setting. Each reader raises Bad with what to write instead, Chinese / English."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xueshi.settings.shape import Network


class Bad(ValueError):
    """What is wrong with a value, as a cure in both languages."""


def whole(low: int, high: int) -> Callable[[Any], int]:
    def read(raw: Any) -> int:
        right = type(raw) is int or (isinstance(raw, str) and re.fullmatch("[0-9]{1,9}", raw))
        if not right or not low <= int(raw) <= high:
            raise Bad(f"请写 {low} 到 {high} 的整数 / write a whole number from {low} to {high}")
        return int(raw)

    return read


def seconds(raw: Any) -> float:
    right = type(raw) in (int, float) or (
        isinstance(raw, str) and re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", raw)
    )
    if not right or not 0 <= float(raw) <= 3600:
        raise Bad("请写 0 到 3600 的秒数 / write seconds from 0 to 3600")
    return float(raw)


def flag(raw: Any) -> bool:
    word = str(raw).lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise Bad("请写 true 或 false / write true or false")
    return word in ("1", "true", "yes", "on")


def one_of(*words: str) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if str(raw).lower() not in words:
            raise Bad(f"请写其中一个：{'、'.join(words)} / write one of: {', '.join(words)}")
        return str(raw).lower()

    return read


def matching(pattern: str, zh: str, en: str) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if not isinstance(raw, str) or not re.fullmatch(pattern, raw.strip()):
            raise Bad(f"{zh} / {en}")
        return raw.strip()

    return read


def networks(raw: Any) -> tuple[Network, ...]:
    texts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(texts, list):
        raise Bad('请写成列表 ["10.0.0.5/32"] / write a list ["10.0.0.5/32"]')
    return tuple(_network(str(text).strip()) for text in texts if str(text).strip())


def _network(text: str) -> Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        raise Bad("请写成 10.0.0.5/32 或 10.0.0.0/24 这样 / write 10.0.0.5/32 or 10.0.0.0/24") from None
    if found.prefixlen == 0:
        raise Bad("不能相信所有地址，请只写反向代理的地址 / never trust every address; name the proxies only")
    return found


def folder(raw: Any) -> Path:
    if not isinstance(raw, str) or not raw.strip() or "\0" in raw:
        raise Bad("请写文件夹的路径 / write the path of a folder")
    return Path(raw.strip())


_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[0-9a-z.-]+)(:\d{1,5})?((?:/[\w.~-]+)*)/*", re.ASCII | re.IGNORECASE
)


def url(*, path: bool) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        found = _URL.fullmatch(str(raw).strip())
        if found is None:
            raise Bad("请写成 https://study.example.edu.cn 这样 / write it as https://study.example.edu.cn")
        scheme, host, port, below = (part or "" for part in found.groups())
        if below and not path:
            raise Bad("地址后面不能有路径，请用单独的域名 / no path after it; use a host name of its own")
        if scheme.lower() == "http" and not is_loopback(host.lower().strip("[]")):
            raise Bad(
                "请用 https，链接和令牌不能明文传送 / use https: links and tokens must not travel in clear"
            )
        return f"{scheme}://{host}{port}".lower() + below

    return read


def secret(least: int) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if not isinstance(raw, str) or not re.fullmatch(rf"[!-~]{{{least},500}}", raw):
            raise Bad(
                f"请写至少 {least} 个字符，不含空格和汉字 / write at least {least} characters, ASCII without spaces"
            )
        return raw

    return read


def is_loopback(host: str) -> bool:
    """Whether this name or address is the machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


name = matching(
    r"[^<>\n\r\0]{1,100}", "请写 1 到 100 个字，不含 < >", "write 1 to 100 characters without < >"
)
mail = matching(r"[!-;=?A-~]+@[!-;=?A-~]+", "请写电子邮箱", "write an e-mail address")
address = matching(
    r"[0-9A-Za-z.:-]{1,253}", "请写地址，例如 127.0.0.1", "write an address, such as 127.0.0.1"
)
project = matching(r"[\w.-]+(/[\w.-]+)+", "请写成 所有者/仓库 这样", "write it as owner/repository")
login = matching(
    r"[\w.-]{1,100}(\[bot\])?", "请写账号的登录名，应用写成 名字[bot]", "write a login, of an app name[bot]"
)
