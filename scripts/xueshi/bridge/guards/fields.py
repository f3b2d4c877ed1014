"""Reading a form without changing a text silently. Starlette's parsers take bytes that are no UTF-8 for Latin-1 or drop
them, and refuse a whole form for one text that is too long."""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

_LOST = "\ufffd"  # what stands for bytes that are no character, here or in the browser before
_HALF = re.compile(rb"%[0-9A-Fa-f]?$")
_TOGETHER = 1024 * 1024  # bytes of all texts of one form, which are in memory


class Most(NamedTuple):
    """What a form may hold: `files`, `fields`, and `size` bytes of each text."""

    files: int
    fields: int
    size: int


class Unreadable(Exception):
    """Texts hold bytes that are no characters; `names` are their fields."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"no UTF-8 in {len(names)} fields")
        self.names = names


@asynccontextmanager
async def filled(
    request: Request, most: Most, body: AsyncGenerator[bytes, None] | None = None
) -> AsyncIterator[FormData]:
    """A form as it was filled in; `body` is what was received of it before. Of a text of more than `most.size` bytes the
    beginning is kept, which must be more than any field takes, so that who reads it says that it is too long. Raises
    Unreadable, and HTTPException 400 for what is no form, or holds too many parts or too much text."""
    try:
        form = await _read(request, most, body or request.stream())
    except MultiPartException as error:
        raise HTTPException(400, error.message) from None
    try:
        lost = {name for name, value in form.multi_items() if isinstance(value, str) and _LOST in value}
        if lost:
            raise Unreadable(lost)
        yield form
    finally:
        await form.close()


async def _read(request: Request, most: Most, body: AsyncGenerator[bytes, None]) -> FormData:
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind == b"multipart/form-data":
        parser = _Parts(
            request.headers, body, max_files=most.files, max_fields=most.fields, max_part_size=most.size
        )  # fmt: skip
        return await parser.parse()
    if kind == b"application/x-www-form-urlencoded":
        pairs = _Pairs(request.headers, body, max_fields=most.fields, max_part_size=most.size)
        return await pairs.parse()
    return FormData()


class _Parts(MultiPartParser):
    _texts = 0  # bytes

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            end = min(end, start + self.max_part_size - len(self._current_part.data))
            self._texts = _together(self._texts, end - start)
        super().on_part_data(data, start, end)

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None:
            self.items.append(
                (part.field_name, _text(bytes(part.data), cut=len(part.data) == self.max_part_size))
            )
        else:
            super().on_part_end()


class _Pairs(FormParser):
    _texts = 0  # bytes

    def on_field_name(self, data: bytes, start: int, end: int) -> None:
        self._texts = _together(self._texts, end - start)
        super().on_field_name(data, start, end)

    def on_field_data(self, data: bytes, start: int, end: int) -> None:
        end = min(end, start + self.max_part_size - self._current_field_size)
        self._texts = _together(self._texts, end - start)
        super().on_field_data(data, start, end)

    def on_field_end(self) -> None:
        cut = self._current_field_size == self.max_part_size
        value = bytes(self._field_value).replace(b"+", b" ")
        super().on_field_end()
        self._items[-1] = (
            self._items[-1][0],
            _text(unquote_to_bytes(_HALF.sub(b"", value) if cut else value), cut=cut),
        )


def _together(texts: int, more: int) -> int:
    if texts + more > _TOGETHER:
        raise MultiPartException("Too much text.")
    return texts + more


def _text(data: bytes, *, cut: bool) -> str:
    """UTF-8 as text; half a character where it was `cut` is left out, other bytes that are none become U+FFFD."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data, final=not cut)
