"""Gitea from 1.20 and Forgejo: API v1. Which of the two it is says `probe`.

The token needs write:repository and write:issue; read:user lets it tell its own comments from others'."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

from xueshi.errors import HostRefused, HostUnknown, UsageError
from xueshi.hosts.base import Budget, Comment, Hint, Host, Probe, Pull, newest
from xueshi.hosts.http import Http, NotFound
from xueshi.hosts.remote import (
    MAIN,
    Note,
    by_number,
    check_named,
    check_settings,
    clipped,
    closing,
    delivery_id,
    desk_account,
    git_let_in,
    hook_json,
    hook_number,
    hook_part,
    hook_signed,
    marked,
    merge_words,
    moment,
    moment_or_none,
    reason,
    there,
    waiting,
    with_mark,
    written_by,
)

_PAGE = 50  # a server gives no more, whatever is asked for
_TEMPLATES = (".forgejo/default_merge_message", ".gitea/default_merge_message")
_NAMES = ("PullRequestTitle", "PullRequestDescription", "PullRequestPoster", "ReviewedBy", "CoAuthored")


class Gitea:
    """One repository `owner/name` on a Gitea or Forgejo server, whose API is at `api`."""

    name, budget = "gitea", Budget(apart=1.0, per_minute=30)

    def __init__(
        self,
        api: str,
        repository: str,
        token: str,
        *,
        hook_secret: str = "",
        account: str = "",
        desk: Host | None = None,
        transport: httpx2.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_settings(repository, token)
        if not api.rstrip("/").endswith("/api/v1"):
            raise UsageError(
                "Gitea 或 Forgejo 的 API 地址要以 /api/v1 结尾 / the API address of Gitea or Forgejo must end in /api/v1"
            )
        headers = {"Accept": "application/json", "Authorization": f"token {token}", "User-Agent": "xueshi"}
        self._http = Http(api, headers, token, transport=transport, clock=clock)
        self._path = f"/repos/{repository}"
        self._token = token
        self._secret = hook_secret
        self._told = account
        self._login: str | None = None
        self._desk = desk
        self.url = f"{api.rstrip('/').removesuffix('/api/v1')}/{repository}.git"

    def git_environment(self) -> Mapping[str, str]:
        return git_let_in(self.url, "xueshi", self._token)

    def account(self) -> str | None:
        if self._login is None:
            self._login = self._http.look("/user", lambda data: str(data["login"])) or self._told
        return self._login or None

    def probe(self) -> Probe:
        version = self._http.get("/version", lambda data: str(data["version"]))
        self.name = "forgejo" if "+gitea-" in version else "gitea"
        repository = self._http.get(self._path, dict)
        branch = self._http.get(f"{self._path}/branches/{MAIN}", dict)
        may = repository.get("permissions") or {}
        checks = branch.get("status_check_contexts") or () if branch.get("enable_status_check") else ()
        return Probe(
            self.name,
            version,
            self.account() or "",
            can_push=may.get("push"),
            can_administer=may.get("admin"),
            private=repository["private"],
            main_protected=bool(branch["protected"]),
            approvals_required=int(branch.get("required_approvals", 0)),
            checks_required=tuple(sorted(checks)),
            merge_methods=tuple(way for way, key in _WAYS if repository.get(key)),
            names_in_merge=self._names_in_merge(),
            desk_account=desk_account(self._desk),
        )

    def find(self, head_ref: str) -> Pull | None:
        try:
            pull = self._http.get(f"{self._path}/pulls/{MAIN}/{quote(head_ref)}", _pull)
        except NotFound:
            self._seen()
            return None
        if pull is None or pull.head_ref != head_ref:
            return None
        if pull.state == "open":
            return pull
        # Of several pull requests of a ref it gives any one.
        waits = newest(one for one in self.open_pulls() if one.head_ref == head_ref)
        return waits or self.get(pull.number)

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        asked = {"title": clipped(title), "head": head_ref, "base": MAIN, "body": body}
        try:
            return self._http.send("POST", f"{self._path}/pulls", _own_pull, asked)
        except NotFound:
            self._seen()
            raise HostRefused(f"no ref {head_ref} to open a pull request for; push it first") from None

    def get(self, number: int) -> Pull | None:
        try:
            pull = self._http.get(f"{self._path}/pulls/{number}", _pull)
        except NotFound:
            self._seen()
            return None
        if pull is None or pull.state != "closed":
            return pull
        closed_by = self._closed_by(number)
        member, why = reason(self._notes(number), closed_by)
        return replace(pull, decided_by=member or closed_by, reason=why)

    def open_pulls(self) -> list[Pull]:
        query = {"state": "open", "sort": "oldest", "limit": _PAGE}
        return by_number(self._http.pages(f"{self._path}/pulls", _pull, query))

    def comments(self, number: int) -> list[Comment]:
        return [note.comment() for note in self._notes(number)]

    def close(self, number: int, by: str, reason: str, at: datetime) -> Pull:
        waiting(self.get(number), number)
        check_named(self.account())
        self.comment(number, *closing(by, reason))
        self._http.send("PATCH", f"{self._path}/pulls/{number}", _own_pull, {"state": "closed"})
        return there(self.get(number), number)

    def comment(self, number: int, marker: str, body: str) -> None:
        known, text = with_mark(self._notes(number), marker, self.account()), {"body": marked(marker, body)}
        if known is None:
            self._http.send("POST", f"{self._path}/issues/{number}/comments", dict, text)
        else:
            self._http.send("PATCH", f"{self._path}/issues/comments/{known.id}", dict, text)

    def merge(
        self, number: int, head: str, by: str, at: datetime, *, grant: Mapping[str, bytes] | None = None
    ) -> str:
        title, message = merge_words(waiting(self.get(number), number), head, by, grant)
        asked = {
            "Do": "merge",
            "MergeTitleField": title,
            "MergeMessageField": message,
            "head_commit_id": head,
        }
        self._http.send("POST", f"{self._path}/pulls/{number}/merge", lambda data: None, asked)
        merge = there(self.get(number), number).merge
        if merge is None:
            raise HostUnknown(f"pull {number} is not merged yet although the host said so")
        return merge

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        signature = headers.get("x-forgejo-signature") or headers.get("x-gitea-signature", "")
        hook_signed(self._secret, body, signature)
        data = hook_json(body)
        event = headers.get("x-forgejo-event") or headers.get("x-gitea-event", "")
        delivery = delivery_id(headers.get("x-forgejo-delivery") or headers.get("x-gitea-delivery", ""), body)
        if event.startswith("pull_request"):
            part = "pull_request" if "pull_request" in data else "issue"
            return Hint(delivery, event, hook_number(data, part, "number"))
        if event == "issue_comment" and hook_part(data, "issue").get("pull_request"):
            return Hint(delivery, event, hook_number(data, "issue", "number"))
        return Hint(delivery, event) if event == "push" else None

    def _seen(self) -> None:
        """Raise HostDenied where not even the repository is to be seen: then it is the token, not what was asked for."""
        self._http.get(self._path, dict)

    def _notes(self, number: int) -> list[Note]:
        ours = self.account(), self._desk.account() if self._desk else None

        def note(data: Any) -> Note:
            by, text = _login(data["user"]), data["body"]
            own = written_by(by, *ours)
            return Note(data["id"], by, text, moment(data["created_at"]), own)

        try:
            return self._http.get(
                f"{self._path}/issues/{number}/comments", lambda data: [note(one) for one in data]
            )
        except NotFound:
            self._seen()
            raise HostRefused(f"no pull {number}") from None

    def _closed_by(self, number: int) -> str | None:
        """Who closed it last: only the timeline knows."""
        events = self._http.pages(f"{self._path}/issues/{number}/timeline", dict, {"limit": _PAGE})
        closers = [_login(one["user"]) for one in events if one["type"] == "close"]
        return closers[-1] if closers else None

    def _names_in_merge(self) -> bool:
        """Whether a merge by button writes names into Git: the built-in message holds the title, a template only what
        it names."""
        for folder in _TEMPLATES[0 if self.name == "forgejo" else 1 :]:
            path = f"{self._path}/contents/{folder}/MERGE_TEMPLATE.md"
            text = self._http.look(
                path, lambda data: base64.b64decode(data["content"]).decode(), {"ref": MAIN}
            )
            if text is not None:
                return any(name in text for name in _NAMES)
        return True


_WAYS = (
    ("merge", "allow_merge_commits"),
    ("squash", "allow_squash_merge"),
    ("rebase", "allow_rebase"),
    ("rebase-merge", "allow_rebase_explicit"),
    ("fast-forward-only", "allow_fast_forward_only_merge"),
)


def _login(user: Any) -> str:
    return str(user["login"]) if user else "ghost"


def _own_pull(data: Any) -> Pull:
    pull = _pull(data)
    if pull is None:
        raise ValueError("a pull request into another ref than main")
    return pull


def _pull(data: Any) -> Pull | None:
    """A pull request as Gitea writes it; None when it does not go into main. The ref is read from `label`: once the
    ref is deleted, `ref` says refs/pull/N/head. A ref of a fork is `owner:ref`, never taken for one of ours."""
    head, base = data["head"], data["base"]
    if base["ref"] != MAIN:
        return None
    ref = head["label"].rpartition(":")[2] or head["ref"]
    owner = head["repo"]["owner"]["login"] if head.get("repo") else "ghost"
    merged = data["merged"]
    return Pull(
        number=int(data["number"]),
        head_ref=ref if head["repo_id"] == base["repo_id"] else f"{owner}:{ref}",
        head=head["sha"],
        title=data["title"],
        body=data["body"],
        state="merged" if merged else data["state"],
        opened_at=moment(data["created_at"]),
        decided_at=moment_or_none(data["merged_at"] if merged else data["closed_at"]),
        decided_by=_login(data["merged_by"]) if merged else None,
        url=data["html_url"],
        merge=data["merge_commit_sha"] or None if merged else None,
    )
