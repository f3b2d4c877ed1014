"""A full disk: nothing is taken that could not be kept."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi import disk
from xueshi.bridge.guards.pages import Words, page
from xueshi.bridge.guards.scopes import below, unsafe

_LOG = logging.getLogger("xueshi.bridge")
_LOOK = 4 * 1024 * 1024  # bytes of one body between two looks at the disk


class Room:
    """507 for what is sent below `prefixes` while `room()` says no, before it comes and while it does, and for a request
    that met a full disk. Those who send there read `words`, those who take something back `leaving`, a reviewer below
    `desks` reads `at_desk`."""

    def __init__(
        self,
        app: ASGIApp,
        room: Callable[[], bool],
        words: Words,
        prefixes: Sequence[str],
        *,
        at_desk: Words,
        desks: Sequence[str],
        leaving: Words | None = None,
    ) -> None:
        self._app, self._room, self._words, self._prefixes = app, room, words, prefixes
        self._at_desk, self._desks, self._leaving = at_desk, desks, leaving or words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keeps = unsafe(scope) and below(scope, self._prefixes)
        if keeps and not await run_in_threadpool(self._room):
            _LOG.error("the disk is nearly full: a registration was not taken")
            await page(507, self._of(scope))(scope, receive, send)
            return
        started = False

        async def told(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, self._looking(receive) if keeps else receive, told)
        except Exception as error:
            if started or not disk.full(error):
                raise
            _LOG.exception("the disk is full")
            await page(507, self._of(scope))(scope, receive, send)

    def _looking(self, receive: Receive) -> Receive:
        """The same body; where it fills the disk, the error that a full one gives."""
        size = 0

        async def looked() -> Message:
            nonlocal size
            message = await receive()
            before, size = size, size + len(message.get("body", b""))
            if before // _LOOK < size // _LOOK and not await run_in_threadpool(self._room):
                raise OSError(errno.ENOSPC, "the disk is nearly full")
            return message

        return looked

    def _of(self, scope: Scope) -> Words:
        if below(scope, self._desks):
            return self._at_desk
        return self._leaving if scope["path"].endswith("/withdraw") else self._words
