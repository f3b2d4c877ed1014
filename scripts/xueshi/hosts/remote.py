"""What hosts on the network share: hidden marks in comments, reasons, times, signatures, the way git is let in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xueshi.errors import HostConflict, HostDenied, HostRefused, UsageError
from xueshi.hosts.base import Comment, Host, Pull
from xueshi.model import SHANGHAI
from xueshi.proposals import merge_message
from xueshi.words import markdown

MAIN = "main"
UNNAMED = (
    "平台不说这个令牌是哪个账号，请在设置里写上 host.account（审核台：desk.account） / the host does not tell whose token "
    "this is: set host.account, of the desk desk.account, to the login it acts as"
)
TITLE = 255  # characters, the shortest limit of the three
_REASON = 500  # characters
_HOOK = 5 * 1024 * 1024  # bytes
_RETURNED = "退回："
_MARK = re.compile(r"<!-- xueshi:([^\s<>]+) -->")
_CLOSING = re.compile(r"<!-- xueshi:close:([^\s<>]+) -->")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+!|~@-])")
_PART = re.compile(r"(?!\.)[\w.-]+", re.A)
_DELIVERY = re.compile(r"[0-9A-Za-z._:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Note:
    """A comment as the host keeps it, its mark and all. `own`: the bridge or the desk wrote it; `machine`: the host says
    that no person did."""

    id: int
    by: str
    text: str
    at: str
    own: bool
    machine: bool = False

    def comment(self) -> Comment:
        """As it was meant: a reason that we wrote without what Markdown and the mark put round it."""
        text = self.text
        if self.own:
            text = _plain(text) if _CLOSING.search(text) else _MARK.sub("", text).rstrip()
        return Comment(self.by, text, self.at, self.own)


def there(pull: Pull | None, number: int) -> Pull:
    """The pull request, or HostRefused where there is none."""
    if pull is None:
        raise HostRefused(f"no pull {number}")
    return pull


def waiting(pull: Pull | None, number: int) -> Pull:
    """The pull request, or HostRefused where there is none to decide."""
    if there(pull, number).state != "open":
        raise HostRefused(f"pull {number} is {there(pull, number).state} already")
    return there(pull, number)


def by_number(pulls: Sequence[Pull | None]) -> list[Pull]:
    """Oldest first and each once: a list that moves while its pages are read repeats some."""
    return sorted({pull.number: pull for pull in pulls if pull}.values(), key=lambda pull: pull.number)


def written_by(login: str, *accounts: str | None) -> bool:
    """Whether one of these accounts wrote a comment. A mark proves nothing, since anybody can write one: of an account
    that nobody can tell (None), nothing is believed."""
    return login.lower() in {account.lower() for account in accounts if account}


def check_named(account: str | None) -> None:
    """Raise HostDenied where nobody can tell the account: what it wrote would not be believed to be ours."""
    if account is None:
        raise HostDenied(UNNAMED)


def desk_account(desk: Host | None) -> str | None:
    """The desk's account as a probe tells it."""
    return (desk.account() or "") if desk else None


def marked(marker: str, body: str) -> str:
    """A comment's text with its hidden mark."""
    return f"{body}\n\n<!-- xueshi:{marker} -->"


def with_mark(notes: Sequence[Note], marker: str, account: str | None) -> Note | None:
    """The comment of this account with this mark, the newest if there were several."""
    of_account = (note for note in reversed(notes) if written_by(note.by, account))
    return next((note for note in of_account if marker in _MARK.findall(note.text)), None)


def closing(by: str, reason: str) -> tuple[str, str]:
    """Marker and body of the comment that says why a member returns a proposal."""
    return f"close:{by}", _RETURNED + markdown(reason)


def reason(notes: Sequence[Note], closer: str | None) -> tuple[str | None, str | None]:
    """Who returned it by the desk (None: `closer` did on the host) and the reason: the newest that they wrote. What others
    wrote below it is nobody's reason."""
    for note in reversed(notes):
        if note.own and (found := _CLOSING.search(note.text)):
            return found[1], cleaned(_plain(note.text))
        theirs = not note.own and not note.machine and written_by(note.by, closer)
        if theirs and not _MARK.search(note.text):
            return None, cleaned(note.text)
    return None, None


def _plain(text: str) -> str:
    """The reason in a closing of ours, as it was given."""
    told = _ESCAPED.sub(r"\1", _HIDDEN.sub("", text).strip().removeprefix(_RETURNED))
    return html.unescape(told).replace("\u200b", "")


def cleaned(text: str) -> str | None:
    """Text of anybody, fit for a page: nothing hidden, no control characters, not long; None when nothing is left."""
    shown = _HIDDEN.sub("", text).replace("\r\n", "\n")
    shown = "".join(c for c in shown if c.isprintable() or c == "\n").strip()
    return (shown if len(shown) <= _REASON else shown[: _REASON - 1] + "…") or None


def clipped(title: str) -> str:
    return title if len(title) <= TITLE else title[: TITLE - 1] + "…"


def moment(text: str) -> str:
    """A host's time as we write times: to the second, with Shanghai's offset."""
    return datetime.fromisoformat(text).astimezone(SHANGHAI).isoformat(timespec="seconds")


def moment_or_none(text: str | None) -> str | None:
    return moment(text) if text else None


def check_settings(repository: str, token: str, *, depth: int = 2) -> None:
    """Raise UsageError unless `repository` is a path of 2 to `depth` parts and the token could be one."""
    parts = repository.split("/")
    if not 2 <= len(parts) <= depth or not all(_PART.fullmatch(part) for part in parts):
        raise UsageError("仓库请写成 所有者/仓库 这样 / the host's repository must be written as owner/name")
    if not token or not all("!" <= c <= "~" for c in token):
        raise UsageError(
            "没有令牌，或写的不是令牌，请整段复制，不带空格和换行 / the host's token is missing or is no token; copy it "
            "whole, without spaces or line ends"
        )


def git_let_in(url: str, user: str, token: str) -> dict[str, str]:
    """git's environment with the token, for the server of `url` and no other."""
    server = "/".join(url.split("/")[:3])
    basic = base64.b64encode(f"{user}:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


def merge_words(pull: Pull, head: str, by: str, grant: Mapping[str, bytes] | None) -> tuple[str, str]:
    """Title and message of a merge that a host makes for member `by`. Raises HostRefused for a grant, and HostConflict
    when `head` is not what the pull request has."""
    if grant:
        raise HostRefused("this host cannot change files in a merge; amend the proposal, then merge it")
    if pull.head != head:
        raise HostConflict(f"pull {pull.number} has changed since it was shown; look again")
    title, _, message = merge_message(pull.head_ref.removeprefix("sub/"), pull.number, by).partition("\n\n")
    return title, message


def hook_signed(secret: str, body: bytes, signature: str) -> None:
    """Check a bare hex HMAC-SHA256 over the body. Raises HostDenied, also where no secret is set, and HostRefused for
    a body too large to look at."""
    if len(body) > _HOOK:
        raise HostRefused(f"a webhook of more than {_HOOK} bytes")
    right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
        raise HostDenied("a webhook whose signature is wrong or missing; check the secret on both sides")


def hook_token(secret: str, body: bytes, token: str) -> None:
    """The same where the host sends the secret itself."""
    if len(body) > _HOOK:
        raise HostRefused(f"a webhook of more than {_HOOK} bytes")
    if not secret or not hmac.compare_digest(secret.encode(), token.encode("utf-8", "replace")):
        raise HostDenied("a webhook whose token is wrong or missing; check the secret on both sides")


def hook_json(body: bytes) -> dict[str, Any]:
    """A webhook's body. Raises HostRefused for anything but an object."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise HostRefused("a webhook that is no JSON object; set its content type to application/json")
    return data


def hook_part(data: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    """What a webhook says below `part`; nothing where that is no object."""
    inner = data.get(part)
    return inner if isinstance(inner, dict) else {}


def hook_number(data: Mapping[str, Any], part: str, name: str) -> int | None:
    """The number below `part` of a webhook. Raises HostRefused where it is none."""
    number = hook_part(data, part).get(name)
    if number is not None and (type(number) is not int or number < 1):
        raise HostRefused(f"a webhook whose {part}.{name} is no number")
    return number


def delivery_id(value: str, body: bytes) -> str:
    """What tells one delivery from the next; the body's digest where an old host sends none. Raises HostRefused."""
    if value and not _DELIVERY.fullmatch(value):
        raise HostRefused("a webhook whose delivery id is none")
    return value or hashlib.sha256(body).hexdigest()
