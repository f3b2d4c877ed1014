"""Rules that judge the pictures which records name. What was found in them is told by `records.evidence`."""

from __future__ import annotations

from collections.abc import Iterator

from xueshi.checks.context import Context
from xueshi.model import Evidence, Picture, Problem, Severity, Study
from xueshi.speech import later, many, say


def evidence_exists(c: Context) -> Iterator[Problem]:
    """Every picture that a record names is kept, unless it was erased on purpose."""
    for study in c.studies if c.evidence is not None else ():
        for picture in study.evidence:
            if c.evidence is None or picture.sha256 in c.evidence.hashes:
                continue
            if picture.sha256 in c.evidence.erased:
                words = say("照片 %(picture)s 已按要求删除，记录照常有效", picture=_short(picture))
                yield c.problem(study, "evidence", words, Severity.NOTE)
            else:
                words = say(
                    "找不到照片 %(picture)s，请重新上传，或先取回 evidence 引用", picture=_short(picture)
                )
                yield c.problem(study, "evidence", words)


def picture_is_what_it_says(c: Context) -> Iterator[Problem]:
    """A kept picture has the hash it is kept under, is a WebP picture, and is as large as its record says."""
    for study, said, found in _looked_into(c):
        wrong = _difference(said, found)
        if wrong:
            words = say("照片 %(picture)s %(wrong)s，请重新上传这张照片", picture=_short(said), wrong=wrong)
            yield c.problem(study, "evidence", words)


def picture_carries_no_metadata(c: Context) -> Iterator[Problem]:
    """A kept picture is nothing but its pixels: it tells neither place nor time nor device."""
    for study, said, found in _looked_into(c):
        if found.metadata:
            words = say(
                "照片 %(picture)s 夹带 %(metadata)s，请删除这张照片后重新上传（登记表会去掉这些）",
                picture=_short(said),
                metadata=say("、").join(_told(name) for name in found.metadata),
            )
            yield c.problem(study, "evidence", words)


def _looked_into(c: Context) -> Iterator[tuple[Study, Evidence, Picture]]:
    """Each picture of the judged records that was looked into."""
    pictures = c.evidence.pictures if c.evidence is not None else {}
    for study in c.studies if pictures else ():
        for said in study.evidence:
            if said.sha256 in pictures:
                yield study, said, pictures[said.sha256]


def _difference(said: Evidence, found: Picture) -> str:
    if found.fault:
        return say("%(fault)s，不是存下的照片", fault=found.fault)
    if found.sha256 != said.sha256:
        return say("的内容换过（现在的指纹是 %(now)s…）", now=found.sha256[:12])
    if (found.width, found.height) != (said.width, said.height):
        return say(
            "是 %(width)s×%(height)s 像素，记录写的是 %(told_width)s×%(told_height)s",
            width=found.width,
            height=found.height,
            told_width=said.width,
            told_height=said.height,
        )
    if found.size != said.bytes:
        return many("有 %(n)s 字节，记录写的是 %(told)s", found.size, told=said.bytes)
    return ""


def _told(name: str) -> str:
    """What a picture carries beside its pixels."""
    return say(_METADATA[name]) if name in _METADATA else say("数据块 %(name)s", name=name)


def _short(picture: Evidence) -> str:
    return f"{picture.sha256[:12]}…"


_METADATA = {
    "exif": later("EXIF（可能有拍摄时间和地点）"),
    "xmp": later("XMP（可能有作者和设备）"),
    "icc": later("色彩配置（可能有设备名）"),
    "trailing": later("文件末尾多出的数据"),
}
