"""Bodies on their way in. Until one is complete it lies on the disk, so that the memory does not fill however many come at
once, and however slowly."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

IN_MEMORY = 64 * 1024  # bytes of each body; a form without pictures has fewer, and needs no file
_AT_ONCE = 256 * 1024  # bytes


@asynccontextmanager
async def received(request: Request, folder: Path) -> AsyncIterator[AsyncGenerator[bytes, None]]:
    """A request's body, once it is complete. Where it is long it lies in `folder`, as a file without a name: nothing is
    left behind by a process that is killed, and a /tmp that is kept in memory is not used. Raises OSError on a full disk."""
    file = SpooledTemporaryFile[bytes](max_size=IN_MEMORY, dir=str(folder))
    try:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > IN_MEMORY:
                await run_in_threadpool(file.write, chunk)
            else:
                file.write(chunk)
        file.seek(0)
        yield _read(file, in_memory=size <= IN_MEMORY)
    finally:
        file.close()


async def _read(file: SpooledTemporaryFile[bytes], *, in_memory: bool) -> AsyncGenerator[bytes, None]:
    while data := file.read() if in_memory else await run_in_threadpool(file.read, _AT_ONCE):
        yield data
