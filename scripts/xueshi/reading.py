"""What people write for a date or an amount of hours → the value, or words that say what to write instead. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from xueshi.model import SHANGHAI, Conversion
from xueshi.speech import later, say
from xueshi.totals.convert import stepped
from xueshi.words import plain

_DIGITS = {"〇": "0", "○": "0", "零": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"}  # fmt: skip
_ONE = "[一二两三四五六七八九]"
_NUMERALS = re.compile(f"[{''.join(_DIGITS)}十百]+")
_COUNT = re.compile(
    rf"(?:({_ONE})百(?=零|{_ONE}?十|$)零?)?(?:({_ONE})?(十))?({_ONE})?"
)  # 一百零五, 三十一, 十
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")  # Word's soft return is among them


_WEEKDAYS = (
    later("星期一"), later("星期二"), later("星期三"), later("星期四"), later("星期五"), later("星期六"),
    later("星期日"),
)  # fmt: skip


class Unclear(ValueError):
    """The text cannot be taken as a value; the message says what to write, in Chinese."""


def told(day: date) -> str:
    """A date as people read it: 2026年3月5日（星期四）."""
    return say(
        "%(year)d年%(month)d月%(day)d日（%(weekday)s）",
        year=day.year,
        month=day.month,
        day=day.day,
        weekday=say(_WEEKDAYS[day.weekday()]),
    )


def _unseen(ch: str) -> bool:
    """Controls, formats, halves of pairs, and what Unicode says is no character at all (YAML refuses it too)."""
    code = ord(ch)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return no_character or unicodedata.category(ch) in ("Cc", "Cf", "Cs")


def clean(text: str) -> str:
    """A person's text without invisible characters and outer space; line ends are newlines. Cleaning it again changes
    nothing."""
    kept = "".join(ch for ch in _LINE_ENDS.sub("\n", text) if ch in "\n\t" or not _unseen(ch))
    return re.sub("[\u00a0\u3000]", " ", unicodedata.normalize("NFC", kept)).strip()


def _flat(text: str, *, years: bool = False) -> str:
    """Half-width, lower case, numerals as figures, one kind of dash and colon."""
    kept = clean(text)
    flat = unicodedata.normalize("NFKC", kept if len(kept) <= 200 else "?").lower()  # so long it is neither
    flat = re.sub("[‐‒–—―─～]+", "~", flat).replace("−", "-")
    return _NUMERALS.sub(lambda run: _figures(run[0], years=years), flat).strip()


def _figures(run: str, *, years: bool) -> str:
    """三十一 → 31, 一百二十 → 120, with `years` 二〇二六 → 2026; what is no number (两三, 一百二) stays."""
    count = _COUNT.fullmatch(run)
    if count:
        hundreds, tens, ten, ones = (_DIGITS.get(part or "", part) for part in count.groups())
        return str(int(hundreds or 0) * 100 + (int(tens or 1) * 10 if ten else 0) + int(ones or 0))
    if (years or len(run) == 1) and all(ch in _DIGITS for ch in run):
        return "".join(_DIGITS[ch] for ch in run)
    return run


# --- clock

_PART = "凌晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚"
_AFTERNOON = {"中午": 5, "下午": 12, "傍晚": 12, "晚上": 13, "晚": 13}  # an hour below this one is after noon
_CLOCK = rf"({_PART})?(\d{{1,2}})(?::(\d\d)(?::\d\d)?|[点时](半|[1-3]刻|\d{{1,2}}分?|整|钟)?)"
_SPAN = re.compile(rf"{_CLOCK}(?:-|~|至|到)+{_CLOCK}")


def _minutes(part: str | None, hour: str, minutes: str | None, words: str | None) -> int:
    """Minutes after midnight of 14:30, 下午2点半, 2点1刻. Raises Unclear."""
    words = words or minutes or ""
    number = int(words[0]) * 15 if words.endswith("刻") else 30 if words == "半" else 0
    number = int(words.rstrip("分")) if words.rstrip("分").isdigit() else number
    first = int(hour) + (12 if int(hour) < _AFTERNOON.get(part or "", 0) else 0)
    if number > 59 or first * 60 + number > 24 * 60:
        raise Unclear("没有这个钟点，请核对，或改写成学时，例如 2")
    return first * 60 + number


def _between(span: re.Match[str]) -> Decimal:
    """Minutes from the first clock time to the second, which is of the same part of the day when it names none."""
    part, *first = span.groups()[:4]
    own, *last = span.groups()[4:]
    start, end = _minutes(part, *first), _minutes(own or part, *last)
    if end <= start:
        end = _minutes(own, *last)
    if end == 0 < start:
        end = 24 * 60
    if end <= start:
        raise Unclear("结束时间早于开始时间，请改写成学时，例如 2；过了零点的请分两天登记")
    return Decimal(end - start)


# --- dates

_EXCEL = (date(1899, 12, 30), 36526, 73050)  # day zero, and the serials of 2000 and 2100
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d(:\d\d(\.\d{1,9})?)?(z|[+-]\d\d:?\d\d)?", re.ASCII)
_WEEKDAY = re.compile(r"\(?(?:星期|礼拜|周)([1-6日天])\)?")
_WHEN = re.compile(rf"\s*(?:{_CLOCK}(?:\s*(?:-|~|至|到)+\s*{_CLOCK})?|{_PART})$")
_LOOSE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")  # spaces that part no two figures
_DAYS = (
    r"(?P<y>\d{4})[-~/.年。 ](?P<m>\d{1,2})[-~/.月。 ](?P<d>\d{1,2})[日号]?",
    r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)",
    r"(?P<y>\d\d)年(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]?",
    r"(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]?",
)
_SEVERAL = r"[~至到、和及]|\d[日号]?-(\d{4}年)?(\d{1,2}月)?\d{1,2}[日号]$|[./]\d{1,2}-\d|-\d+-\d+-\d"


def day(text: str, today: date) -> date:
    """The date that `text` names. Raises Unclear. A day without a year is the latest such day up to today."""
    flat = _flat(text, years=True)
    if not flat:
        raise Unclear("请选学习日期")
    bare = _LOOSE.sub("", _WHEN.sub("", _WEEKDAY.sub(" ", flat).strip()))
    found = _moment(flat, today) or _serial(bare) or _named_day(bare, today)
    if found is None:
        raise _no_day(bare, today)
    weekday = _WEEKDAY.search(flat)
    if weekday and (int(weekday[1]) if weekday[1].isdigit() else 7) != found.isoweekday():
        raise Unclear(f"{told(found)}，与您写的星期不符，请核对日期")
    return found


def _moment(flat: str, today: date) -> date | None:
    """The day in Shanghai of an ISO moment."""
    if not _MOMENT.fullmatch(flat):
        return None
    try:
        at = datetime.fromisoformat(flat.upper())
        return (at.astimezone(SHANGHAI) if at.tzinfo else at).date()
    except (ValueError, OverflowError):
        raise Unclear(f"没有这一天或这个时刻，请写成 {today.isoformat()} 这样") from None


def _serial(bare: str) -> date | None:
    """A spreadsheet's number of a day, with or without the time as a fraction."""
    if re.fullmatch(r"\d{5}(\.\d+)?", bare) and _EXCEL[1] <= int(bare[:5]) < _EXCEL[2]:
        return _EXCEL[0] + timedelta(int(bare[:5]))
    return None


def _named_day(bare: str, today: date) -> date | None:
    for pattern in _DAYS:
        match = re.fullmatch(pattern, bare)
        if match:
            parts = {name: int(figures) for name, figures in match.groupdict().items()}
            if "y" not in parts:
                return _latest(parts["m"], parts["d"], today)
            return _date(parts["y"] + (2000 if len(match["y"]) == 2 else 0), parts["m"], parts["d"])
    return None


def _latest(month: int, number: int, today: date) -> date:
    """The latest such day up to today; 29 February may be last year's."""
    for year in (today.year, today.year - 1):
        found = _real(year, month, number)
        if found is not None and found <= today:
            return found
    return _date(today.year, month, number)


def _date(year: int, month: int, number: int) -> date:
    found = _real(year, month, number)
    if found is None:
        raise Unclear(f"没有 {year}年{month}月{number}日 这一天，请核对")
    return found


def _real(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


def _no_day(bare: str, today: date) -> Unclear:
    near = sorted(set(_guesses(bare, today)), key=lambda one: abs(one - today))[:2]
    if near:
        asked = " 还是 ".join(one.isoformat() for one in near) + (" 吗" if len(near) == 1 else "")
        return Unclear(f"月和日的先后看不清，是 {asked}？请写成这样")
    if re.search(_SEVERAL, bare):
        return Unclear("一次只登记一天，请每天各登记一条")
    return Unclear(f"看不懂这个日期，请写成 {today.isoformat()} 这样")


def _guesses(bare: str, today: date) -> Iterator[date]:
    """Days that 3.5 or 5/3/26 may stand for."""
    short = re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})", bare)
    if short and _real(today.year, int(short[1]), int(short[2])):
        yield _latest(int(short[1]), int(short[2]), today)
    three = re.fullmatch(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})", bare)
    a, b, c = three.groups() if three else ("", "", "")
    for year, month, number in ((c, a, b), (c, b, a), (a, b, c)):
        found = _real(int(year) + (2000 if len(year) == 2 else 0), int(month), int(number)) if year else None
        if found is not None and len(year) in (2, 4):
            yield found


# --- hours

_QUARTER = Decimal("0.25")
_N = r"(?:\d{1,6}(?:\.\d{1,18})?|半)"
_HOUR = r"个?(?:(?P<study>学时|课时)|小时|钟头|hours?|hrs?|h)"
_MINUTE = r"(?:分钟?|minutes?|mins?|m|['’′])"
_ABOUT = re.compile(r"^(?:大约|大概|约)|(?:左右|\+)$")
_NAMED = (
    (re.compile(r"(?:1?个|1|整个)?(?:半[天日]|上午|下午)"), "hours_per_half_day"),
    (re.compile(r"(?:1?整|全|1个?)[天日]"), "hours_per_day"),
)
_AMOUNTS = (
    rf"(?P<hours>{_N})(?P<half>个?半)?{_HOUR}(?P<after>半)?(?:零?(?P<minutes>[0-5]?\d){_MINUTE}?)?",
    r"(?P<clock>\d{1,2}):(?P<minutes>[0-5]\d)(?::\d\d)?",
    rf"(?P<minutes>{_N}){_MINUTE}",
    rf"(?P<days>{_N})个?[天日](?P<after>半)?",
)
_UNIT = rf"(?:{_HOUR.replace('(?P<study>', '(?:')}|{_MINUTE}|[天日])"
_RANGE = re.compile(rf"{_N}{_UNIT}?[-~至到、]+{_N}{_UNIT}?|{_ONE}{{2}}\D*")
_POINT = re.compile(rf"(\d+)[,，。·•・](\d+){_UNIT}?")


def hours(text: str, conversion: Conversion) -> Decimal:
    """Study hours that `text` names, in steps of 0.25 at least. Raises Unclear."""
    flat = _ABOUT.sub("", re.sub(r"\s+", "", _flat(text)))
    if not flat:
        raise Unclear("请选学时")
    worth = _worth(flat, conversion)
    if worth is None:
        raise _no_hours(flat)
    if worth <= 0:
        raise Unclear(f"学时要大于 0；不足 {plain(conversion.step)} 学时的零头不计")
    if worth > 24:
        raise _too_many(flat, worth, conversion)
    return worth


def _worth(flat: str, c: Conversion) -> Decimal | None:
    span = _SPAN.fullmatch(flat)
    if span:
        return stepped(_between(span) / c.minutes_per_hour, c)
    for words, name in _NAMED:
        if words.fullmatch(flat):
            return Decimal(getattr(c, name))
    if re.fullmatch(r"-?\d{1,6}(\.\d{1,18})?", flat):
        return _quarter(Decimal(flat))
    match = next(filter(None, (re.fullmatch(pattern, flat) for pattern in _AMOUNTS)), None)
    return _amount(match.groupdict(), c) if match else None


def _amount(parts: Mapping[str, str | None], c: Conversion) -> Decimal:
    half = Decimal("0.5") if parts.get("half") or parts.get("after") else Decimal(0)
    days = _number(parts.get("days")) + half if parts.get("days") else Decimal(0)
    if days > 1:
        worth = plain(days * c.hours_per_day)
        raise Unclear(f"{plain(days)} 天是 {worth} 学时；一次只登记一天，请每天各登记一条")
    if days:
        return _quarter(days * c.hours_per_day)
    if parts.get("clock") and int(parts["clock"] or 0) > c.hours_per_day:
        raise Unclear(f"{parts['clock']}:{parts['minutes']} 是钟点吗？请写学时，例如 2")
    whole, minutes = _number(parts.get("hours") or parts.get("clock")) + half, parts.get("minutes")
    if minutes is None and (parts.get("study") or c.minutes_per_hour == 60):
        return _quarter(whole)
    return stepped((whole * 60 + _number(minutes)) / c.minutes_per_hour, c)


def _number(text: str | None) -> Decimal:
    return Decimal("0.5") if text == "半" else Decimal(text or 0)


def _quarter(number: Decimal) -> Decimal:
    over = number % _QUARTER
    if number <= 0 or not over:
        return number
    minutes = round(number * 24 * 60)
    if number < 1 and minutes % 15 == 0 and abs(number * 24 * 60 - minutes) < Decimal("0.1"):
        told = plain(Decimal(minutes) / 60)  # a cell of time is a fraction of a day
        raise Unclear(f"{plain(number)} 是 {told} 小时吗？表格里的时间会变成小数，请写 {told}")
    near = " 或 ".join(plain(one) for one in (number - over, number - over + _QUARTER) if one)
    raise Unclear(f"学时按 0.25 的整数倍填写，{plain(number)} 请改成 {near}")


def _no_hours(flat: str) -> Unclear:
    point = _POINT.fullmatch(flat)
    if point:
        return Unclear(f"是 {point[1]}.{point[2]} 吗？小数点请写成“.”")
    several = _RANGE.fullmatch(flat)
    return Unclear("请只写一个数，例如 2" if several else "看不懂这个学时，请写数字，例如 2 或 1.5")


def _too_many(flat: str, worth: Decimal, c: Conversion) -> Unclear:
    if re.fullmatch(r"[\d.]+", flat):
        minutes = stepped(worth / c.minutes_per_hour, c)
        if 0 < minutes <= 24:
            return Unclear(f"{flat} 是分钟吗？请换算成学时：{flat} 分钟写 {plain(minutes)}")
    return Unclear(f"一天不会有 {plain(worth)} 学时；超过一天的学习请每天各登记一条")
