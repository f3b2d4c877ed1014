"""git over HTTP for the embedded host: clone and fetch, and push of proposals, for whoever has the token."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from xueshi.git import Repository

_ASKED = ("info/refs", "git-upload-pack", "git-receive-pack", "HEAD")


def make_app(repositories: Mapping[str, Repository], token: str) -> ASGIApp:
    """An ASGI application that serves the named repositories; the user name of Basic authentication is not looked at."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await _answer(Request(scope, receive), repositories, token)
        await response(scope, receive, send)

    return app


async def _answer(request: Request, repositories: Mapping[str, Repository], token: str) -> Response:
    if not _known(request.headers.get("authorization", ""), token):
        return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": 'Basic realm="xueshi"'})
    path = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/")
    name, _, asked = path.partition("/")
    # A closed list: nothing of a repository's folder is reachable by its file name.
    if name not in repositories or asked not in _ASKED:
        return PlainTextResponse("no such repository\n", 404)
    environment = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{asked}",
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "HTTP_GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_USER": "git",
        "XUESHI_OVER_HTTP": "1",  # the pre-receive hook is stricter then
    }
    body = await request.body()
    return _response(await run_in_threadpool(repositories[name].serve, environment, body))


def _known(header: str, token: str) -> bool:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(value, validate=True).partition(b":")[2]
    except binascii.Error:
        return False
    return hmac.compare_digest(given, token.encode())


def _response(out: bytes) -> Response:
    head, _, body = out.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200").split(" ")[0])
    return Response(body, status, headers)
