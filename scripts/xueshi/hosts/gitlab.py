"""GitLab: API v4. A pull request is a merge request here, its number the project's own (`iid`).

The token needs scope api and role Developer; to merge into a protected main it needs the role that may."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

from xueshi.errors import HostRefused, UsageError
from xueshi.git import object_id
from xueshi.hosts.base import Budget, Comment, Hint, Host, Probe, Pull, newest
from xueshi.hosts.http import Forbidden, Http, NotFound
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
    hook_token,
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

_PAGE = 100
_DEPTH = 21  # a project lies in at most twenty groups
_DEVELOPER, _MAINTAINER = 30, 40
_COMMAND = re.compile(r"^(\s*)/", re.M)
_NAMES = re.compile(r"%\{(title|description|all_commits|\w*_by|\w*author\w*|first_\w+)\}")


class GitLab:
    """One project, `group/…/name`, on gitlab.com or a server of one's own, whose API is at `api`."""

    name, budget = "gitlab", Budget(apart=1.0, per_minute=30)

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
        check_settings(repository, token, depth=_DEPTH)
        if not api.rstrip("/").endswith("/api/v4"):
            raise UsageError("GitLab 的 API 地址要以 /api/v4 结尾 / GitLab's API address must end in /api/v4")
        headers = {"Accept": "application/json", "PRIVATE-TOKEN": token, "User-Agent": "xueshi"}
        self._http = Http(api, headers, token, transport=transport, clock=clock)
        self._path = f"/projects/{quote(repository, safe='')}"
        self._pulls = f"{self._path}/merge_requests"
        self._token = token
        self._secret = hook_secret
        self._told = account
        self._login: str | None = None
        self._desk = desk
        self.url = f"{api.rstrip('/').removesuffix('/api/v4')}/{repository}.git"

    def git_environment(self) -> Mapping[str, str]:
        return git_let_in(self.url, "oauth2", self._token)

    def account(self) -> str | None:
        if self._login is None:
            self._login = self._http.look("/user", lambda data: str(data["username"])) or self._told
        return self._login or None

    def probe(self) -> Probe:
        project = self._http.get(self._path, dict)
        level = _level(project.get("permissions"))
        approvals = self._http.look(f"{self._path}/approval_rules", _approvals)
        return Probe(
            self.name,
            self._http.get("/version", lambda data: str(data["version"])),
            self.account() or "",
            can_push=None if level is None else level >= _DEVELOPER,
            can_administer=None if level is None else level >= _MAINTAINER,
            private=project["visibility"] != "public",
            main_protected=self._main_protected(),
            approvals_required=approvals,
            checks_required=("pipeline",) if project.get("only_allow_merge_if_pipeline_succeeds") else (),
            merge_methods=_ways(project),
            names_in_merge=_names_in_merge(project),
            scopes=self._http.look("/personal_access_tokens/self", lambda data: tuple(data["scopes"])),
            desk_account=desk_account(self._desk),
        )

    def find(self, head_ref: str) -> Pull | None:
        # Without target_branch, which some versions combine wrongly with the source.
        query = {"source_branch": head_ref, "state": "all", "per_page": _PAGE}
        pulls = self._http.pages(self._pulls, _pull, query)
        found = [pull for pull in pulls if pull and pull.head_ref == head_ref]
        pull = newest(found)
        return pull if pull is None or pull.state == "open" else self.get(pull.number)

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        asked = {
            "title": clipped(title), "source_branch": head_ref, "target_branch": MAIN, "description": _tame(body),
            "remove_source_branch": False, "squash": False,
        }  # fmt: skip
        return self._http.send("POST", self._pulls, _own_pull, asked)

    def get(self, number: int) -> Pull | None:
        try:
            pull = self._http.get(f"{self._pulls}/{number}", _pull)
        except NotFound:
            self._seen()
            return None
        if pull is None or pull.state != "closed":
            return pull
        member, why = reason(self._notes(number), pull.decided_by)
        return replace(pull, decided_by=member or pull.decided_by, reason=why)

    def open_pulls(self) -> list[Pull]:
        query = {
            "state": "opened",
            "target_branch": MAIN,
            "order_by": "created_at",
            "sort": "asc",
            "per_page": _PAGE,
        }
        return by_number(self._http.pages(self._pulls, _pull, query))

    def comments(self, number: int) -> list[Comment]:
        return [note.comment() for note in self._notes(number)]

    def close(self, number: int, by: str, reason: str, at: datetime) -> Pull:
        waiting(self.get(number), number)
        check_named(self.account())
        self.comment(number, *closing(by, reason))
        self._http.send("PUT", f"{self._pulls}/{number}", _own_pull, {"state_event": "close"})
        return there(self.get(number), number)

    def comment(self, number: int, marker: str, body: str) -> None:
        known, text = (
            with_mark(self._notes(number), marker, self.account()),
            {"body": marked(marker, _tame(body))},
        )
        if known is None:
            self._http.send("POST", f"{self._pulls}/{number}/notes", dict, text)
        else:
            self._http.send("PUT", f"{self._pulls}/{number}/notes/{known.id}", dict, text)

    def merge(
        self, number: int, head: str, by: str, at: datetime, *, grant: Mapping[str, bytes] | None = None
    ) -> str:
        title, message = merge_words(waiting(self.get(number), number), head, by, grant)
        asked = {
            "sha": head, "merge_commit_message": f"{title}\n\n{message}", "squash": False,
            "should_remove_source_branch": False,
        }  # fmt: skip
        return self._http.send("PUT", f"{self._pulls}/{number}/merge", _merge_commit, asked)

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        hook_token(self._secret, body, headers.get("x-gitlab-token", ""))
        data, event = hook_json(body), headers.get("x-gitlab-event", "")
        delivery = delivery_id(headers.get("x-gitlab-event-uuid", ""), body)
        if event == "Merge Request Hook":
            return Hint(delivery, event, hook_number(data, "object_attributes", "iid"))
        if event == "Note Hook" and "merge_request" in data:
            return Hint(delivery, event, hook_number(data, "merge_request", "iid"))
        return Hint(delivery, event) if event == "Push Hook" else None

    def _seen(self) -> None:
        """Raise HostDenied where not even the project is to be seen: then it is the token, not what was asked for."""
        self._http.get(self._path, dict)

    def _notes(self, number: int) -> list[Note]:
        ours = self.account(), self._desk.account() if self._desk else None

        def note(data: Any) -> Note | None:
            by, text = str(data["author"]["username"]), data["body"]
            own = written_by(by, *ours)
            return None if data["system"] else Note(data["id"], by, text, moment(data["created_at"]), own)

        query = {"sort": "asc", "order_by": "created_at", "per_page": _PAGE}
        try:
            return [one for one in self._http.pages(f"{self._pulls}/{number}/notes", note, query) if one]
        except NotFound:
            self._seen()
            raise HostRefused(f"no pull {number}") from None

    def _main_protected(self) -> bool | None:
        try:
            return bool(self._http.get(f"{self._path}/protected_branches/{MAIN}", dict))
        except NotFound:
            return False
        except Forbidden:
            return None


def _tame(text: str) -> str:
    """Text in which no line is a command to GitLab (/close, /merge, …), which it would carry out in our name."""
    return _COMMAND.sub(r"\1\\/", text)


def _level(permissions: Any) -> int | None:
    """The token's access level, by the project or by its group."""
    held = (permissions or {}).values()
    return max((int(one["access_level"]) for one in held if one), default=None)


def _approvals(rules: Any) -> int:
    return max((int(rule["approvals_required"]) for rule in rules), default=0)


def _ways(project: Mapping[str, Any]) -> tuple[str, ...]:
    way = {"merge": "merge", "rebase_merge": "rebase-merge", "ff": "fast-forward-only"}[
        project["merge_method"]
    ]
    return (way,) if project.get("squash_option") == "never" else (way, "squash")


def _names_in_merge(project: Mapping[str, Any]) -> bool | None:
    """Whether a merge by button writes names into Git: the built-in message holds the title, a template only what it
    names."""
    if "merge_commit_template" not in project:
        return None
    template = project["merge_commit_template"]
    return not template or bool(_NAMES.search(template))


def _merge_commit(data: Any) -> str:
    """The merge's id; a ValueError where GitLab merged in another way, or has not yet."""
    if not data["merge_commit_sha"]:
        raise ValueError("no merge commit")
    return object_id(data["merge_commit_sha"])


def _own_pull(data: Any) -> Pull:
    pull = _pull(data)
    if pull is None:
        raise ValueError("a merge request into another ref than main")
    return pull


def _pull(data: Any) -> Pull | None:
    """A merge request as GitLab writes it; None when it does not go into main. A ref of a fork is `project-id:ref`, so
    that it is never taken for one of ours. One that is being merged (`locked`) still waits."""
    if data["target_branch"] != MAIN:
        return None
    ref, source = data["source_branch"], data["source_project_id"]
    state = {"opened": "open", "locked": "open"}.get(data["state"], data["state"])
    who = {"merged": data.get("merge_user") or data.get("merged_by"), "closed": data.get("closed_by")}.get(
        state
    )
    return Pull(
        number=int(data["iid"]),
        head_ref=ref if source == data["target_project_id"] else f"{source}:{ref}",
        head=data["sha"] or "",
        title=data["title"],
        body=data["description"] or "",
        state=state,
        opened_at=moment(data["created_at"]),
        decided_at=moment_or_none(data["merged_at"] if state == "merged" else data["closed_at"]),
        decided_by=str(who["username"]) if who else None,
        url=data["web_url"],
        merge=data["merge_commit_sha"] or None if state == "merged" else None,
    )
