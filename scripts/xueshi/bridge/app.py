"""Routes and the guards around them. Handlers run in threads: they read git, SQLite and pictures."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import IO, Any

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xueshi import pictures
from xueshi.bridge import correct, desk, device, guards, me, refusals, register, status, withdraw
from xueshi.bridge import receipt as receipts
from xueshi.bridge.door import Door, door
from xueshi.bridge.office import Office
from xueshi.bridge.pages import HEADERS, Refused

MAX_BODY = 66 * 1024 * 1024  # three pictures of the largest size and the text
_STUDY, _DECISIONS = guards.Most(12, 40, 128 * 1024), guards.Most(0, 600, 64 * 1024)
_LEAST = (Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),)
Handler = Callable[[Request], Awaitable[Response]]
_Photos = Sequence[IO[bytes]]


class _Number(IntegerConvertor):
    """A pull request's number in an address: Python refuses to read thousands of digits."""

    regex = "[0-9]{1,9}"


register_url_convertor("pull", _Number())


def make_app(office: Office, others: list[BaseRoute], around: Sequence[Middleware] = _LEAST) -> Starlette:
    """The bridge and, on the same port, `others`: what else the installation serves; `around` are the guards."""
    return Starlette(
        routes=[
            *_register_routes(office),
            *_status_routes(office),
            *_desk_routes(office),
            *_me_routes(office),
            Mount("/static", _Kept(StaticFiles(packages=[("xueshi.bridge", "static")]))),
            *others,
        ],
        middleware=around,
        exception_handlers=refusals.HANDLERS,
    )


def _register_routes(office: Office) -> list[BaseRoute]:
    # In a rush: work for the processor alone, where more threads than it has cores only take turns from each other. And
    # for the memory: whatever the number of uploads, so many are read into it.
    few = CapacityLimiter(2 * (os.cpu_count() or 1))

    async def filled(
        request: Request, act: Callable[[dict[str, str], _Photos, list[str]], Response]
    ) -> Response:
        if int(request.headers.get("content-length") or 0) > MAX_BODY:
            raise HTTPException(413)
        async with (
            guards.received(request, office.outbox.folder) as body,
            few,
            guards.filled(request, _STUDY, body) as form,
        ):
            return await run_in_threadpool(act, *_of_study(request, form))

    async def show(request: Request) -> Response:
        door, query = _door(office, request), request.query_params
        answer = await run_in_threadpool(
            register.show, office, door, query.get("member", ""), query.get("again", "")
        )
        seen = door.via == "link" and _is_seen(request)
        return me.remember_link(office, answer, door.token) if seen else answer

    async def send(request: Request) -> Response:
        door = _door(office, request)  # before the body: a forged link need not send one
        return await filled(request, partial(register.send, office, door))

    async def show_correction(request: Request) -> Response:
        record, again = request.path_params["record"], request.query_params.get("again", "")
        return await run_in_threadpool(lambda: correct.show(office, _door(office, request), record, again))

    async def send_correction(request: Request) -> Response:
        door, record = _door(office, request), request.path_params["record"]
        return await filled(request, partial(correct.send, office, door, record))

    async def ask_back(request: Request) -> Response:
        ticket = request.path_params["ticket"]
        return await run_in_threadpool(lambda: withdraw.ask(office, _door(office, request), ticket))

    async def take_back(request: Request) -> Response:
        ticket = request.path_params["ticket"]
        return await run_in_threadpool(lambda: withdraw.withdraw(office, _door(office, request), ticket))

    async def receipt(request: Request) -> Response:
        ticket = request.path_params["ticket"]
        return await run_in_threadpool(lambda: receipts.receipt(office, _door(office, request), ticket))

    async def mine(request: Request) -> Response:
        door = _door(office, request)
        answer = await run_in_threadpool(receipts.mine, office, door)
        return me.remember_link(office, answer, door.token) if _is_seen(request) else answer

    async def picture(request: Request) -> Response:
        def read() -> Response:
            data = office.picture(office.links.opened("picture", request.path_params["token"]))
            if data is None:
                raise Refused(404, "no such picture", "没有这张照片", "请回到登记页面重新选择。")
            return _webp(data, request)

        return await run_in_threadpool(read)

    found: list[BaseRoute] = [Route("/p/{token}", picture)]
    for letter in ("m", "b"):
        found += [
            Route(f"/{letter}/{{token}}", show, methods=["GET"]),
            Route(f"/{letter}/{{token}}", send, methods=["POST"]),
            Route(f"/{letter}/{{token}}/mine", mine),
            Route(f"/{letter}/{{token}}/r/{{ticket}}", receipt),
            Route(f"/{letter}/{{token}}/r/{{ticket}}/withdraw", ask_back, methods=["GET"]),
            Route(f"/{letter}/{{token}}/r/{{ticket}}/withdraw", take_back, methods=["POST"]),
        ]
    return [
        *found,
        Route("/m/{token}/correct/{record}", show_correction, methods=["GET"]),
        Route("/m/{token}/correct/{record}", send_correction, methods=["POST"]),
    ]


def _of_study(request: Request, form: Any) -> tuple[dict[str, str], _Photos, list[str]]:
    """What a form holds: its texts, pictures chosen now (files, for nobody has read them), and those kept from before."""
    if "end" not in form and request.headers.get("content-type", "").startswith("multipart/"):
        raise HTTPException(400)  # the form's last field is missing: it was cut, maybe within a photo
    photos = [
        part.file
        for part in form.getlist("photos")
        if isinstance(part, UploadFile) and part.filename  # nothing chosen is a part without a name
    ]
    removed = set(form.getlist("remove"))
    kept = [one for one in form.getlist("kept") if isinstance(one, str) and one not in removed]
    return _texts(form), photos, kept


def _is_seen(request: Request) -> bool:
    """Whether somebody looks at the answer: a browser that fetches in advance, or a picture's address on another page,
    has opened nothing."""
    told = request.headers
    ahead = " ".join(told.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    page = told.get("sec-fetch-dest", "document") == "document"
    return request.method == "GET" and page and "prefetch" not in ahead and "prerender" not in ahead


def _status_routes(office: Office) -> list[BaseRoute]:
    async def ask(request: Request) -> Response:
        return await run_in_threadpool(status.ask, request.query_params.get("code", ""))

    async def show(request: Request) -> Response:
        return await run_in_threadpool(status.show, office, request.path_params["code"])

    async def picture(request: Request) -> Response:
        return status.picture(office, request.path_params["code"])

    return [Route("/s", ask), Route("/s/{code}", show), Route("/s/{code}/qr.svg", picture)]


def _desk_routes(office: Office) -> list[BaseRoute]:
    Act = Callable[[desk.Reviewer, Request, Any], Response]

    def page(act: Act, *, confirmed: bool = True) -> Handler:
        async def handle(request: Request) -> Response:
            who = await run_in_threadpool(desk.reviewer, office, request.path_params["token"])
            if office.desk is None:
                return await run_in_threadpool(desk.elsewhere, office, who)
            if confirmed and not device.is_known(office, who, request.cookies):
                foreign = request.headers.get("sec-fetch-site") == "cross-site"
                status = 200 if request.method in ("GET", "HEAD") else 403
                return await run_in_threadpool(
                    lambda: device.ask(office, who, foreign=foreign, status=status)
                )
            form: Any = None
            if request.method == "POST":
                async with guards.filled(request, _DECISIONS) as read:
                    form = read
            return await run_in_threadpool(act, who, request, form)

        return handle

    def view(name: str) -> Handler:
        def show(who: desk.Reviewer, request: Request, form: Any) -> Response:
            answer = desk.show(office, who, _view(request, name))
            return me.remember_desk(office, answer, who) if _is_seen(request) else answer

        return page(show)

    def chosen(act: Callable[[Office, desk.Reviewer, list[str]], Response], field: str) -> Handler:
        return page(lambda who, request, form: act(office, who, [str(v) for v in form.getlist(field)]))

    def one(act: Callable[[Office, desk.Reviewer, int, dict[str, str]], Response]) -> Handler:
        return page(lambda who, request, form: act(office, who, request.path_params["number"], _texts(form)))

    def unlock(who: desk.Reviewer, request: Request, form: Any) -> Response:
        return device.confirm(office, who, str(form.get("code", "")))

    def picture(who: desk.Reviewer, request: Request, form: Any) -> Response:
        return _webp(desk.picture(office, who, request.path_params["sha256"]), request)

    below, number = "/desk/{token}", "/desk/{token}/{number:pull}"
    return [
        Route(below, view("open")),
        Route(f"{below}/confirm", page(unlock, confirmed=False), methods=["POST"]),
        Route(f"{below}/leave", page(lambda who, request, form: me.leave(who)), methods=["POST"]),
        Route(f"{below}/approve", chosen(desk.approve, "pull"), methods=["POST"]),
        Route(f"{below}/undo", chosen(desk.undo, "decision"), methods=["POST"]),
        Route(f"{below}/at-once", chosen(desk.at_once, "decision"), methods=["POST"]),
        Route(f"{below}/noted", chosen(desk.noted, "decision"), methods=["POST"]),
        Route(f"{below}/picture/{{sha256}}", page(picture)),
        Route(number, view("open")),
        Route(f"{number}/amend", view("amend"), methods=["GET"]),
        Route(f"{number}/return", view("return"), methods=["GET"]),
        Route(f"{number}/amend", one(desk.amend), methods=["POST"]),
        Route(f"{number}/return", one(desk.give_back), methods=["POST"]),
    ]


def _me_routes(office: Office) -> list[BaseRoute]:
    def to(below: Callable[[Request], str]) -> Handler:
        async def handle(request: Request) -> Response:
            return await run_in_threadpool(me.go, office, request.cookies, below(request))

        return handle

    async def report(request: Request) -> Response:
        return await run_in_threadpool(me.report, office, request.cookies)

    async def own_desk(request: Request) -> Response:
        return await run_in_threadpool(me.desk, office, request.cookies)

    async def forget(request: Request) -> Response:
        return await run_in_threadpool(me.forget, office, request.cookies)

    return [
        Route(me.PATH, to(lambda request: "/mine")),
        Route(f"{me.PATH}/register", to(lambda request: "")),
        Route(
            f"{me.PATH}/correct/{{record}}", to(lambda request: f"/correct/{request.path_params['record']}")
        ),
        Route(f"{me.PATH}/report", report),
        Route(f"{me.PATH}/desk", own_desk),
        Route(f"{me.PATH}/forget", forget, methods=["POST"]),
    ]


def _view(request: Request, name: str) -> desk.View:
    page = request.query_params.get("page", "")
    return desk.View(
        request.path_params.get("number"),
        name,
        request.query_params.get("row", ""),
        int(page) if page.isascii() and page.isdigit() and len(page) < 5 else 1,
    )


def _texts(form: Any) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _door(office: Office, request: Request) -> Door:
    via = "link" if request.url.path.startswith("/m/") else "poster"
    return door(office, via, request.path_params["token"])


def _webp(data: bytes, request: Request) -> Response:
    small = request.query_params.get("small") is not None
    headers = {**HEADERS, "Cache-Control": "private, max-age=86400"}
    return Response(pictures.thumbnail(data) if small else data, media_type="image/webp", headers=headers)


class _Kept:
    """Static files whose address changes with their content may be kept for ever."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] += [(b"cache-control", b"public, max-age=31536000, immutable")]
            await send(message)

        await self._app(scope, receive, told)
