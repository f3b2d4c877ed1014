"""Words for what records and totals call by id, and figures as people write them; shared by command, site and desk."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from xueshi.speech import later, later_in, many, say, say_in

WHY = {
    "unapproved": later("未经审核人通过"), "void": later("已作废"), "kind-not-counted": later("此类型不计入"), "future": later("日期未到"),
    "unknown-kind": later("没有这个学习类型"), "max-per-record": later("超出每条的上限"), "max-per-year": later("超出这一类型每年的上限"),
}  # fmt: skip
STANDING = {
    "met": later("已达标"),
    "near": later("接近"),
    "under_way": later("进行中"),
    "behind": later("进度滞后"),
    "exempt": later("不作要求"),
}
ENDED = {
    **STANDING,
    **dict.fromkeys(("near", "under_way", "behind"), later("未达标")),
}  # once the period is over
REASON = {
    "direct-push": later("不是通过合并进入的"), "unknown-decider": later("认不出是谁决定的"), "not-reviewer": later("决定者不是该支部的审核人"),
    "own-record": later("决定者就是填报人或本人"), "unreadable": later("文件有误"), "edited-in-merge": later("合并时改了提案里没有的内容"),
}  # fmt: skip
ACTION = {
    "register": later("登记"), "correct": later("申请更正"), "amend": later("改学时"), "confirm": later("申请确认"), "restore": later("申请恢复"),
    "void": later("申请作废"),
}  # fmt: skip
CROSSED = {"near": later("接近达标"), "met": later("达标"), "fell_back": later("退到标准以下")}
ORGANISER_LEVEL = {
    "branch": later("支部"),
    "college": later("学院"),
    "university": later("学校"),
    "county_plus": later("县级以上党委"),
}
UNIT = {
    "hours": later_in("unit", "学时"),
    "days": later_in("unit", "天"),
    "records": later_in("unit", "次"),
}
SEVERITY = {"required": later("应当达到"), "generally": later("一般应当达到"), "local": later("本单位要求")}
STATUS = {
    "full": later("正式党员"), "probationary": later("预备党员"), "development_target": later("发展对象"), "activist": later("入党积极分子"),
    "applicant": later("入党申请人"), "non_member": later("非党员"),
}  # fmt: skip
ROLE = {
    "branch_secretary": later("党支部书记"), "deputy_secretary": later("副书记"), "organisation_officer": later("组织委员"),
    "publicity_officer": later("宣传委员"), "discipline_officer": later("纪检委员"), "staff": later("工作人员"),
}  # fmt: skip
VERDICT = {
    "ok": later("达到"),
    "short": later("未达到"),
    "due": later("待完成"),
    "overdue": later("超期"),
    "unknown": later("无法判断"),
}
LEVEL = {
    "near": later("接近达标"),
    "met": later("已达标"),
    "fell_back": later("回落"),
    "behind": later("进度滞后"),
    "waiting": later("待审核"),
}
VIA = {
    "link": later("个人链接"),
    "poster": later("支部海报"),
    "staff": later("代登"),
    "import": later("导入"),
}

MONTH = (
    later("1 月"), later("2 月"), later("3 月"), later("4 月"), later("5 月"), later("6 月"),
    later("7 月"), later("8 月"), later("9 月"), later("10 月"), later("11 月"), later("12 月"),
)  # fmt: skip


def named(names: Mapping[str, str], ident: str) -> str:
    """What one of the above calls `ident`, or the id itself where it has no name for it."""
    return say(names[ident]) if ident in names else ident


def is_over(until: date, day: date, today: date) -> bool:
    """Whether a period up to `until` (exclusive) is over in figures as of the end of `day`: its last day is, once today
    is another one."""
    return until <= min(day + timedelta(1), today)


def stands(standing: str, *, over: bool) -> str:
    """How somebody stands; `over`: the period has ended, so that nobody is behind or near any more."""
    return named(ENDED if over else STANDING, standing)


def unit(measure: str) -> str:
    """What a measure counts in."""
    return say_in("unit", UNIT[measure])


def why(reason: str, caps: Mapping[str, str] | None = None) -> str:
    """Why a record counts less than it claims; a cap is known by its id, `caps` gives its words."""
    if reason in WHY or not reason:
        return say(WHY.get(reason, ""))
    return say("超出上限：%(cap)s", cap=(caps or {}).get(reason) or reason)


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
        return say("无")
    if isinstance(field, Decimal):
        return plain(field)
    return many("%(n)s 张", len(field)) if isinstance(field, tuple) else str(field)


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
