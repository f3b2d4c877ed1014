"""Guards around the bridge: who asks, how often, from which site, how much and how fast; and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from starlette.middleware import Middleware
from starlette.types import Scope

from xueshi import disk
from xueshi.bridge.guards.access import Access, route
from xueshi.bridge.guards.address import Network, behind, by_address
from xueshi.bridge.guards.bodies import Bodies
from xueshi.bridge.guards.fields import Most, Unreadable, filled
from xueshi.bridge.guards.forms import Forms
from xueshi.bridge.guards.headers import SecurityHeaders
from xueshi.bridge.guards.limits import Buckets, Guesses, RateLimit, TooMany
from xueshi.bridge.guards.pages import Words, page
from xueshi.bridge.guards.place import Place
from xueshi.bridge.guards.room import Room
from xueshi.bridge.guards.sites import SameSite, shown
from xueshi.bridge.guards.uploads import received

LINKS = ("/m", "/b", "/p", "/s", "/desk")  # below these a token or a code stands in the path
FORMS = ("/m", "/b")
PERSONAL = ("/m",)  # a token below it names one person
PER_LINK = 30  # posts a minute under one personal link: one for a registration, and for each fault in it
DESK = ("/desk",)
MACHINES = ("/git", "/hooks")  # no browser calls there
OWN = ("/site", "/git")  # answers that are not made from our templates
WORDS = {
    "many": Words("登记得太快了", "请过 {wait}再提交；填的内容还在，请回到上一页。"),
    "guesses": Words(
        "打错的链接太多了",
        "请过 {wait}再试，并请重新扫码，或向支部组织委员要新的链接。",
        desk=Words("打错的链接太多了", "请过 {wait}再打开发给您的审核台链接，或向党委管理员要新的。"),
    ),
    "foreign": Words(
        "不能从别的网站提交",
        "请从您的链接或海报重新打开，再提交一次。",
        desk=Words("不能从别的网站提交", "什么都没有决定。请打开发给您的审核台链接，再办一次。"),
    ),
    "large": Words(
        "发来的内容太大",
        "照片加起来超过了 60 MB。请回到上一页，换小一些的照片或少选几张；填的内容还在。",
        desk=Words("发来的内容太大", "什么都没有决定。请回到审核台，一次少选几条，再办一次。"),
    ),
    "slow": Words(
        "没有收全",
        "网络太慢或断开过，请换个网络，回到上一页再提交一次；填的内容还在。",
        desk=Words("没有收全", "网络太慢或断开过，什么都没有决定。请换个网络，回到上一页，再办一次。"),
    ),
    "encoding": Words(
        "没有收全",
        "这个浏览器发来的内容读不出，请用微信或手机自带的浏览器打开链接，再提交一次。",
        desk=Words(
            "没有收全", "这个浏览器发来的内容读不出，什么都没有决定。请换一个浏览器打开审核台，再办一次。"
        ),
    ),
    "room": Words(
        "暂时收不下",
        "服务器的磁盘满了，管理员处理后就能提交。填的文字还在这台手机上，请过一会儿再打开链接，照片要重新选。",
    ),
    "room to leave": Words(
        "暂时不能撤回",
        "服务器的磁盘满了，管理员处理后才能撤回。这条还在，没有撤回；请过一会儿再打开回执，撤回一次。",
    ),
    "room at desk": Words(
        "这一步没有办成",
        "服务器的磁盘满了。请告诉党委管理员；腾出空间以后，回到审核台看清哪些已经决定，再办一次。等待审核的登记都在。",
        "党委管理员处理好以前，审核台可能一直打不开。急的话，请直接与他联系。",
    ),
}


def around(
    *,
    base_url: str,
    folder: Path,
    trusted: Sequence[Network],
    address_per_minute: int,
    guesses_per_minute: int,
    disk_floor: int,
    max_body: int,
    whose: Callable[[Scope], str] = lambda scope: "",
    once: Callable[[Scope], bool] = lambda scope: False,
    words: Mapping[str, Words] = WORDS,
) -> list[Middleware]:
    """Every guard, outermost first, for Starlette's `middleware`. `whose` says whose link a request comes by, empty for
    none of ours (see RateLimit, Guesses), `once` whether it was one of ours before it expired or was replaced;
    `disk_floor` and `max_body` in bytes."""
    return [
        Middleware(behind, trusted=trusted),
        Middleware(Access),
        Middleware(Place, base_url=base_url),
        Middleware(SecurityHeaders, https=base_url.startswith("https:"), own=OWN),
        Middleware(SameSite, base_url=base_url, words=words["foreign"], strict=DESK, open_to=MACHINES),
        Middleware(
            RateLimit,
            buckets=Buckets(address_per_minute, 60),
            words=words["many"],
            prefixes=FORMS,
            personal=PERSONAL,
            links=Buckets(PER_LINK, 60),
            whose=whose,
        ),
        Middleware(
            Guesses,
            buckets=Buckets(guesses_per_minute, 60),
            words=words["guesses"],
            prefixes=LINKS,
            known=lambda scope: bool(whose(scope)),
            once=once,
        ),
        Middleware(
            Room,
            room=partial(disk.room, folder, disk_floor),
            words=words["room"],
            prefixes=FORMS,
            at_desk=words["room at desk"],
            desks=DESK,
            leaving=words["room to leave"],
        ),
        Middleware(Forms, words=words["encoding"]),
        Middleware(Bodies, size=max_body, too_large=words["large"], too_slow=words["slow"]),
    ]


__all__ = [
    "WORDS", "Access", "Bodies", "Buckets", "Forms", "Guesses", "Most", "Place", "RateLimit", "Room", "SameSite",
    "SecurityHeaders", "TooMany", "Unreadable", "Words", "around", "behind", "by_address", "filled", "page",
    "received", "route", "shown",
]  # fmt: skip
