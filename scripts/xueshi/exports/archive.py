"""A member's or a branch's records to keep: a ZIP whose index.html opens by double click, without a network. Pure."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xueshi import project, words
from xueshi.errors import UsageError
from xueshi.exports import text
from xueshi.exports.names import file_name
from xueshi.exports.rows import REVIEW, Detail, Export
from xueshi.exports.xlsx import workbook
from xueshi.model import Evidence
from xueshi.reading import told
from xueshi.reports.source import Source
from xueshi.reports.timeline import Line, timeline
from xueshi.words import plain

_FOLDER = Path(__file__).parent / "templates"
_PACKED = (".webp", ".xlsx")  # as small as they get


@dataclass(frozen=True, slots=True)
class Needs:
    """What an archive holds beside the figures: `files` maps the path of a record to the blob that it is, `pictures`
    are hashes."""

    files: Mapping[str, str]
    pictures: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record on the page: its figures, `more` of its fields by what a form calls them, pictures with the place of
    each in the archive, or None for one that is missing, and its history."""

    detail: Detail
    more: tuple[tuple[str, str], ...]
    pictures: tuple[tuple[Evidence, str | None], ...]
    history: tuple[Line, ...]


def needs(source: Source, export: Export) -> Needs:
    """What the caller has to read for `archive`; records that wait have no file yet."""
    on_main = [d.study.path for d in export.details if d.state != "waiting"]
    blobs = source.records.blobs
    pictures = {e.sha256 for d in export.details for e in d.study.evidence}
    return Needs({path: blobs[path] for path in on_main}, frozenset(pictures))


def archive(
    source: Source, export: Export, files: Mapping[str, bytes], pictures: Mapping[str, bytes]
) -> bytes:
    """The bytes of a ZIP file, the same for the same input. `files` are records as they lie in Git by path, `pictures`
    the kept ones by hash: all that `needs` names, or more. UsageError for the whole organisation."""
    if export.scope.kind == "committee":
        raise UsageError("档案按人或按支部导出；全组织请用 xlsx 或 csv，或者逐个支部导出档案")
    wanted, table = needs(source, export), file_name(export, "xlsx")
    kept = {_picture(sha): pictures[sha] for sha in wanted.pictures if sha in pictures}
    found = [_entry(source, detail, kept.keys()) for detail in export.details]
    contents = {
        "index.html": _page(export, found, table).encode("utf-8", "replace"),
        "style.css": (_FOLDER / "style.css").read_bytes(),
        "README.txt": _read_me(export, found, table),
        table: workbook(export),
        **kept,
        **{_safe(path): files[path] for path in wanted.files},
    }
    return _zip(contents, export.at)


def _picture(sha256: str) -> str:
    return f"pictures/{sha256}.webp"


def _safe(path: str) -> str:
    """A record's path that Windows takes too: a branch's id may be a name like con."""
    return "/".join(text.file_part(part) for part in path.split("/"))


# --- the page


def _entry(source: Source, detail: Detail, kept: Iterable[str]) -> Entry:
    study = detail.study
    pictures = [(e, where if (where := _picture(e.sha256)) in kept else None) for e in study.evidence]
    history = timeline(study.path, source.history, source.studies, source.names)
    return Entry(detail, tuple(_more(detail)), tuple(pictures), history)


_FIELDS = (
    "start_time", "end_time", "organiser", "organiser_level", "place", "content", "reflection", "note",
)  # fmt: skip


def _more(detail: Detail) -> Iterable[tuple[str, str]]:
    titles = project.schema("study")["properties"]
    for name in _FIELDS:
        value = getattr(detail.study, name)
        if value is not None:
            shown = words.ORGANISER_LEVEL.get(value, value) if name == "organiser_level" else str(value)
            yield titles[name]["title"], shown


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(hours=plain, told=told)
    made.globals.update(UNIT=words.UNIT, REVIEW=REVIEW)
    return made


def _page(export: Export, entries: list[Entry], table: str) -> str:
    total = sum(detail.credited for detail in export.details)
    return (
        _templates()
        .get_template("index.html")
        .render(export=export, entries=entries, total=total, table=table)
    )


def _read_me(export: Export, entries: list[Entry], table: str) -> bytes:
    """Plain text as Windows' editor shows it."""
    missing = sum(place is None for entry in entries for _, place in entry.pictures)
    lines = [
        words.one_line(export.title),
        export.as_of,
        "",
        "先把整个压缩包解压到一个文件夹，再双击 index.html，用浏览器查看。不需要网络。",
        "",
        f"index.html    {len(entries)} 条记录、照片和审核经过",
        "style.css     上面这一页的样式",
        f"{table}    同样的数字，Excel 表格",
        "pictures/     照片（WebP 格式，浏览器可以打开），文件名是内容的 SHA-256",
        "records/      审核过的记录文件，与 Git 中的一字不差；待审核的还没有文件",
        "",
        f"缺少 {missing} 张照片，页面上注明了是哪几张。" if missing else "照片齐全。",
        "数字的来历和学时规则，写在页面末尾和表格的“说明”里。有姓名和学习情况，请勿外传。",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8-sig", "replace")


# --- the file


def _zip(contents: Mapping[str, bytes], at: datetime) -> bytes:
    """Entries in the order of their names, each as of `at`: ZIP knows even seconds from 1980 on."""
    moment = (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            made.writestr(entry, contents[name])
    return file.getvalue()
