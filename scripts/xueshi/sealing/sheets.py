"""Links as paper: A4 sheets of QR codes, one piece to cut out for each reader. Text only; nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

import segno

from xueshi.errors import UsageError
from xueshi.model import OFFICER, Reader
from xueshi.words import one_line

_A_SHEET = 8  # pieces, two by four
_PRINTABLE = re.compile(r"[!-~]+")
_GROUP = 5  # characters that are copied at a glance
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAID = {
    "member": ("本人学时链接", "微信或手机相机扫码，只能看到自己的学时。"),
    "officer": ("审核人链接", "微信或手机相机扫码，可以看到所管支部每个人的学时。"),
}
_WARNING = "这张纸就是钥匙：不要拍照、转发或张贴；丢了马上告诉党委，换一张，旧的作废。"

_STYLE = """
@page { size: A4; margin: 8mm }
* { box-sizing: border-box }
body { margin: 0; color: #000; background: #fff; font: 9pt/1.4 "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
.sheet { width: 194mm; display: grid; grid-template-columns: 97mm 97mm; grid-auto-rows: 69mm; break-after: page }
.sheet:last-child { break-after: auto }
.card { border: .3mm dashed #666; padding: 3mm; overflow: hidden; display: grid; column-gap: 3mm;
        grid-template-columns: 42mm 1fr; align-content: start }
.card svg { width: 42mm; height: 42mm; display: block }
h2 { margin: 1mm 0; font-size: 13pt; line-height: 1.2 }
p { margin: 0 0 1mm }
h2, p { overflow-wrap: anywhere }
/* However long a name is, the link below stays on the paper. */
.cut { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden }
.wide { grid-column: 1 / 3 }
.link { font: 8pt/1.35 "DejaVu Sans Mono", Consolas, monospace }
.link span { display: inline-block; margin-right: 1.5mm }
"""


@dataclass(frozen=True, slots=True)
class Card:
    """A piece of paper for one reader; `link` is their whole address."""

    reader: Reader
    name: str
    branch: str
    link: str


def site_address(told: str) -> str:
    """The site's address, with one slash at its end. Raises UsageError for anything but https; a key that went over
    http would be everybody's, so that is for this machine alone."""
    try:
        parts = urlsplit(told.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    own = parts.scheme == "http" and host in _LOOPBACK
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if (
        not host
        or not (parts.scheme == "https" or own)
        or not plain
        or not _PRINTABLE.fullmatch(told.strip())
    ):
        raise UsageError(
            f"网站地址 {told!r} 不能用：应为 https:// 开头、不带 ? 和 # 的地址，例如 https://study.example.invalid/"
        )
    return told.strip().rstrip("/") + "/"


def link(site: str, fragment: str) -> str:
    """A reader's address. `site` ends with a slash."""
    return f"{site}o/#{fragment}"


def sheets(cards: Sequence[Card]) -> str:
    """The whole HTML document, without scripts or anything from elsewhere."""
    pages = [cards[at : at + _A_SHEET] for at in range(0, len(cards), _A_SHEET)]
    body = "\n".join(f'<section class="sheet">\n{_joined(map(_card, page))}\n</section>' for page in pages)
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        f"<title>学时链接（机密）</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _card(card: Card) -> str:
    kind, use = _SAID[OFFICER if card.reader.kind == OFFICER else "member"]
    base, _, fragment = card.link.partition("#")
    groups = [base + "#"] + [fragment[at : at + _GROUP] for at in range(0, len(fragment), _GROUP)]
    code = segno.make(card.link, error="m", micro=False).svg_inline(border=4, omitsize=True)
    # No space between the groups: what is selected and copied stays one address.
    told = "".join(f"<span>{escape(group)}</span>" for group in groups)
    return (
        f'<article class="card">{code}<div>'
        f'<p class="cut">{escape(one_line(card.branch))}</p><h2 class="cut">{escape(one_line(card.name))}</h2>'
        f"<p><b>{kind}</b></p><p>{use}</p></div>"
        f'<p class="wide link">{told}</p><p class="wide">{_WARNING}</p></article>'
    )


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)
