"""What people write for a date or an amount of hours → the value, or words that say what to write instead. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal

from xueshi.model import SHANGHAI, Conversion
from xueshi.totals.convert import stepped
from xueshi.words import plain

_DIGITS = {"〇": "0", "零": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"}  # fmt: skip
_QUARTER = Decimal("0.25")
_EXCEL = (date(1899, 12, 30), 36526, 73050)  # day zero, and the serials of 2000 and 2100


class Unclear(ValueError):
    """The text cannot be taken as a value; the message says what to write, in Chinese."""


def told(day: date) -> str:
    """A date as people read it: 2026年3月5日（星期四）."""
    return f"{day.year}年{day.month}月{day.day}日（星期{'一二三四五六日'[day.weekday()]}）"


def _unseen(ch: str) -> bool:
    """Controls, formats, halves of pairs, and what Unicode says is no character at all (YAML refuses it too)."""
    code = ord(ch)
    return (
        unicodedata.category(ch) in ("Cc", "Cf", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    )


def clean(text: str) -> str:
    """A person's text without invisible characters and outer space; line ends are newlines."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = (ch for ch in text if ch in "\n\t" or not _unseen(ch))
    return "".join(" " if ch in "\u00a0\u3000" else ch for ch in kept).strip()


# --- dates


def day(text: str, today: date) -> date:
    """The date that `text` names. Raises Unclear. A day without a year is the latest such day up to `today`."""
    flat = _flat(text)
    if not flat:
        raise Unclear("请选学习日期")
    if re.search(r"\d\s*(-|~|至|到|、)\s*(\d{4}年)?\d{1,2}(月\d{1,2})?日$", flat) or re.search(
        r"[至~到]", flat
    ):
        raise Unclear("一次只登记一天，请每天各登记一条")
    moment = re.fullmatch(r"(\d{4}-\d\d-\d\d)t(\d\d:\d\d(?::\d\d)?)(z|[+-]\d\d:?\d\d)?", flat)
    if moment:
        at = datetime.fromisoformat(flat.upper().replace("Z", "+00:00"))
        return (at.astimezone(SHANGHAI) if at.tzinfo else at).date()
    if re.fullmatch(r"\d{5}(\.\d+)?", flat) and _EXCEL[1] <= int(flat[:5]) < _EXCEL[2]:
        return _EXCEL[0] + timedelta(int(flat[:5]))
    weekday = re.search(r"(?:星期|周)([一二三四五六日天1-6])", flat)
    found = _named_day(
        re.sub(r"[(（]?(?:星期|周)[一二三四五六日天1-6][)）]?|\s+\d{1,2}:\d\d(:\d\d)?$", "", flat).strip(),
        today,
    )
    if weekday and "一二三四五六日".find(_weekday(weekday[1])) != found.weekday():
        raise Unclear(f"{told(found)}，与您写的星期不符，请核对日期")
    return found


def _weekday(text: str) -> str:
    return "一二三四五六"[int(text) - 1] if text.isdigit() else text.replace("天", "日")


def _named_day(flat: str, today: date) -> date:
    whole = re.fullmatch(r"(\d{4})[-/.年。](\d{1,2})[-/.月。](\d{1,2})日?", flat) or re.fullmatch(
        r"(\d{4})(\d\d)(\d\d)", flat
    )
    if whole:
        return _date(int(whole[1]), int(whole[2]), int(whole[3]))
    short = re.fullmatch(r"(\d\d)年(\d{1,2})月(\d{1,2})日?", flat)
    if short:
        return _date(2000 + int(short[1]), int(short[2]), int(short[3]))
    bare = re.fullmatch(r"(\d{1,2})月(\d{1,2})日?", flat)
    if bare:
        this_year = _date(today.year, int(bare[1]), int(bare[2]))
        return this_year if this_year <= today else _date(today.year - 1, int(bare[1]), int(bare[2]))
    raise Unclear(f"看不懂这个日期，请写成 {today.isoformat()} 这样")


def _date(year: int, month: int, number: int) -> date:
    try:
        return date(year, month, number)
    except ValueError:
        raise Unclear(f"没有 {year}年{month}月{number}日 这一天，请核对") from None


# --- hours


def hours(text: str, conversion: Conversion) -> Decimal:
    """Study hours that `text` names, in steps of 0.25 at least. Raises Unclear."""
    flat = re.sub(r"^约|左右$|\+$", "", _flat(text)).replace(" ", "")
    if not flat:
        raise Unclear("请选学时")
    worth = _worth(flat, conversion)
    if worth is None:
        raise Unclear("看不懂这个学时，请写数字，例如 2 或 1.5")
    if worth <= 0:
        raise Unclear("学时要大于 0")
    if worth > 24 and re.fullmatch(r"\d+", flat):
        raise Unclear(
            f"{flat} 是分钟吗？请换算成学时：{flat} 分钟写 {plain(_stepped(Decimal(flat) / conversion.minutes_per_hour, conversion))}"
        )
    if worth > 24:
        raise Unclear(f"一天不会有 {plain(worth)} 学时；超过一天的学习请每天各登记一条")
    return worth


def _worth(flat: str, c: Conversion) -> Decimal | None:
    span = re.fullmatch(r"(\d{1,2}):(\d\d)(?:-|~|至|到)(\d{1,2}):(\d\d)", flat)
    if span:
        minutes = int(span[3]) * 60 + int(span[4]) - int(span[1]) * 60 - int(span[2])
        if minutes <= 0:
            raise Unclear("结束时间早于开始时间，请改成学时，例如 2")
        return _stepped(Decimal(minutes) / c.minutes_per_hour, c)
    if re.fullmatch(r"\d+(\.\d+)?[-~至到]\d+(\.\d+)?(小时|学时)?", flat):
        raise Unclear("请只写一个数，例如 2")
    if re.fullmatch(r"\d+[,，。·]\d+", flat):
        raise Unclear(f"是 {re.sub('[,，。·]', '.', flat)} 吗？小数点请写成“.”")
    named = {"半天": c.hours_per_half_day, "上午": c.hours_per_half_day, "下午": c.hours_per_half_day, "一上午": c.hours_per_half_day, "全天": c.hours_per_day, "半小时": Decimal("0.5")}  # fmt: skip
    if flat in named:
        return named[flat]
    number = _number(flat)
    if number is not None:
        return _quarter(number)
    for pattern, unit in _UNITS:
        match = re.fullmatch(pattern, flat)
        if match:
            return _of_unit(match, unit, c)
    return None


_HOUR = r"(?:个)?(?:小时|学时|课时|hours?|h)"
_UNITS = (
    (rf"(.+?)(?:个)?半{_HOUR}", "hour and a half"),
    (rf"(.+?){_HOUR}(\d+)(?:分钟?|min)", "hour and minutes"),
    (rf"(.+?){_HOUR}", "hour"),
    (r"(\d+):(\d\d)", "hour and minutes"),
    (r"(.+?)(?:分钟?|min|')", "minute"),
    (r"(.+?)天", "day"),
)


def _of_unit(match: re.Match[str], unit: str, c: Conversion) -> Decimal | None:
    number = _number(match[1])
    if number is None:
        return None
    if unit == "day":
        if number > 1:
            raise Unclear("超过一天的学习请每天各登记一条")
        return number * c.hours_per_day
    if unit == "minute":
        return _stepped(number / c.minutes_per_hour, c)
    if unit == "hour and minutes":
        return _stepped((number * 60 + Decimal(match[2])) / c.minutes_per_hour, c)
    return _quarter(number + (Decimal("0.5") if unit == "hour and a half" else 0))


def _number(text: str) -> Decimal | None:
    if re.fullmatch(r"-?\d{1,6}(\.\d{1,6})?", text):
        return Decimal(text)
    if text == "十":
        return Decimal(10)
    return Decimal(_DIGITS[text]) if text in _DIGITS else None


def _quarter(number: Decimal) -> Decimal:
    if number % _QUARTER:
        raise Unclear(
            f"学时按 0.25 的整数倍填写，{plain(number)} 请改成 {plain(number - number % _QUARTER)} 或 {plain(number - number % _QUARTER + _QUARTER)}"
        )
    return number


def _stepped(worth: Decimal, c: Conversion) -> Decimal:
    """Down to the policy's step: a started step is not counted."""
    return stepped(worth, c)


def _flat(text: str) -> str:
    """Half-width, lower case, Chinese digits of dates as figures, one kind of dash and colon."""
    flat = unicodedata.normalize("NFKC", clean(text)).lower()
    flat = re.sub(r"[—–～﹣−]+", "~", flat).replace("：", ":")
    if re.search(r"[年月]", flat):
        flat = re.sub(r"([一二三四五六七八九])?十([一二三四五六七八九])?", _tens, flat)
        weekday = re.search(r"(?:星期|周)[一二三四五六日天]", flat)
        body = flat[: weekday.start()] if weekday else flat
        flat = "".join(_DIGITS.get(ch, ch) for ch in body) + (weekday[0] if weekday else "")
    return flat.strip()


def _tens(match: re.Match[str]) -> str:
    return f"{_DIGITS.get(match[1] or '一')}{_DIGITS.get(match[2], '0') if match[2] else '0'}"
