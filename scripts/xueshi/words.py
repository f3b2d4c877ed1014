"""Words for what records and totals call by id, and figures as people write them; shared by command, site and desk."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from decimal import Decimal

WHY = {
    "unapproved": "未经审核人通过", "void": "已作废", "kind-not-counted": "此类型不计入", "future": "日期未到",
    "unknown-kind": "没有这个学习类型", "max-per-record": "超出每条的上限", "max-per-year": "超出这一类型每年的上限",
}  # fmt: skip
STANDING = {
    "met": "已达标",
    "near": "接近",
    "under_way": "进行中",
    "behind": "进度滞后",
    "exempt": "不作要求",
}
REASON = {
    "direct-push": "不是通过合并进入的", "unknown-decider": "认不出是谁决定的", "not-reviewer": "决定者不是该支部的审核人",
    "own-record": "决定者就是填报人或本人", "unreadable": "文件有误", "edited-in-merge": "合并时改了提案里没有的内容",
}  # fmt: skip
ACTION = {
    "register": "登记", "correct": "申请更正", "amend": "改学时", "confirm": "申请确认", "restore": "申请恢复",
    "void": "申请作废",
}  # fmt: skip
CROSSED = {"near": "接近达标", "met": "达标", "fell_back": "退到标准以下"}
ORGANISER_LEVEL = {"branch": "支部", "college": "学院", "university": "学校", "county_plus": "县级以上党委"}
UNIT = {"hours": "学时", "days": "天", "records": "次"}
SEVERITY = {"required": "应当达到", "generally": "一般应当达到", "local": "本单位要求"}
STATUS = {
    "full": "正式党员", "probationary": "预备党员", "development_target": "发展对象", "activist": "入党积极分子",
}  # fmt: skip
VERDICT = {"ok": "达到", "short": "未达到", "due": "待完成", "overdue": "超期", "unknown": "无法判断"}
LEVEL = {"near": "接近达标", "met": "已达标", "fell_back": "回落", "behind": "进度滞后", "waiting": "待审核"}
VIA = {"link": "个人链接", "poster": "支部海报", "staff": "代登", "import": "导入"}


def why(reason: str, caps: Mapping[str, str] | None = None) -> str:
    """Why a record counts less than it claims; a cap is known by its id, `caps` gives its words."""
    return WHY.get(reason, f"超出上限：{(caps or {}).get(reason) or reason}") if reason else ""


def receipt_code(text: str) -> str:
    """A receipt's code as people read it out: the last ten characters of its submission's id, in two groups of five.

    `text` is the id or the code as somebody typed it: small letters, O for 0, I and L for 1, with or without the hyphen
    or spaces. Empty for what is neither."""
    found = _CODE.fullmatch(re.sub(r"[\s-]", "", text).upper().translate(_LOOKALIKES))
    return f"{found[1]}-{found[2]}" if found else ""


_LOOKALIKES = str.maketrans("OIL", "011")
_CODE = re.compile(r"(?:[0-9A-HJKMNP-TV-Z]{16})?([0-9A-HJKMNP-TV-Z]{5})([0-9A-HJKMNP-TV-Z]{5})")


def plain(hours: Decimal) -> str:
    """Hours as people write them, without an exponent or needless zeros: 28, 25.5, 0.25."""
    text = f"{hours:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value(field: object) -> str:
    """A record's field as people write it."""
    if field is None or field == ():
        return "无"
    if isinstance(field, Decimal):
        return plain(field)
    return f"{len(field)} 张" if isinstance(field, tuple) else str(field)


def visible(line: str) -> str:
    """A line without characters that break it or steer a terminal."""
    return "".join(ch if ch.isprintable() else " " for ch in line)


def one_line(text: str) -> str:
    """A person's text on one line, without characters that steer a terminal."""
    return " ".join(visible(text).split())


_CALLS = re.compile(r"([@#!~%$])(?=\w)|(?<=:/)/|(?<=\bwww)\.", re.IGNORECASE)


def markdown(text: str) -> str:
    """Text that Markdown and HTML both leave alone, on one line, and that calls nobody and links nowhere: hosts look for
    mentions, numbers and addresses once backslashes are gone, so that a character of no width stands between."""
    quiet = _CALLS.sub(lambda found: f"{found[0]}\u200b", one_line(text))
    return re.sub(r"([\\`*_{}\[\]()#+!|~@-])", r"\\\1", html.escape(quiet, quote=False))
