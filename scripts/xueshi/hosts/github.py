"""GitHub: REST API, version 2022-11-28, with a token of a person, of a machine user or of a workflow.

A fine-grained token needs Contents and Pull requests read and write, Metadata read; Administration read shows the
classic protection of main too. A GitHub App works with an installation token minted elsewhere: it is only a token."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx2

from xueshi.errors import HostRefused, UsageError
from xueshi.git import object_id
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

_PAGE = 100
_NAMELESS = ("MERGE_MESSAGE", "BLANK")  # the merge message that carries no pull request's title or body


class GitHub:
    """One repository `owner/name` on github.com or a GitHub Enterprise server, whose API is at `api`."""

    name, budget = "github", Budget(apart=3.0, per_minute=12, per_hour=300)

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
        headers = {
            "Accept": "application/vnd.github+json, application/json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "xueshi",
        }
        self._http = Http(api, headers, token, transport=transport, clock=clock)
        self._repository = repository
        self._path = f"/repos/{repository}"
        self._token = token
        self._secret = hook_secret
        self._told = account
        self._login: str | None = None
        self._desk = desk
        self.url = f"{_server(api)}/{repository}.git"

    def git_environment(self) -> Mapping[str, str]:
        return git_let_in(self.url, "x-access-token", self._token)

    def account(self) -> str | None:
        if self._login is None:
            self._login = self._http.look("/user", lambda data: str(data["login"])) or self._told
        return self._login or None

    def probe(self) -> Probe:
        repository, headers = self._http.get(self._path, dict), self._http.ask("GET", self._path).headers
        rules = self._rules()
        branch = self._http.get(f"{self._path}/branches/{MAIN}", dict)
        may = repository.get("permissions") or {}
        ways = tuple(way for way, key in _WAYS if repository.get(key))
        message = (repository.get("merge_commit_title"), repository.get("merge_commit_message"))
        return Probe(
            self.name,
            headers.get("x-github-enterprise-version", "github.com"),
            self.account() or "",
            can_push=may.get("push"),
            can_administer=may.get("admin"),
            private=repository["private"],
            main_protected=bool(branch["protected"]) or any(r["type"] == "pull_request" for r in rules),
            approvals_required=self._approvals(rules),
            checks_required=_checks(rules, branch),
            merge_methods=ways if "allow_merge_commit" in repository else None,
            names_in_merge=None if None in message else message != _NAMELESS,
            scopes=_scopes(headers.get("x-oauth-scopes")),
            desk_account=desk_account(self._desk),
        )

    def find(self, head_ref: str) -> Pull | None:
        owner = self._repository.partition("/")[0]
        # A head without its owner is ignored, and every pull request comes back: hence the second look at each.
        query = {"head": f"{owner}:{head_ref}", "base": MAIN, "state": "all", "per_page": _PAGE}
        pulls = self._http.pages(f"{self._path}/pulls", _pull, query)
        found = [pull for pull in pulls if pull and pull.head_ref == head_ref]
        pull = newest(found)
        return pull if pull is None or pull.state == "open" else self.get(pull.number)

    def open(self, head_ref: str, title: str, body: str, at: datetime) -> Pull:
        asked = {"title": clipped(title), "head": head_ref, "base": MAIN, "body": body}
        return self._http.send("POST", f"{self._path}/pulls", _own_pull, asked)

    def get(self, number: int) -> Pull | None:
        try:
            pull = self._http.get(f"{self._path}/pulls/{number}", _pull)
        except NotFound:
            self._seen()
            return None
        if pull is None or pull.state != "closed":
            return pull
        closed_by = self._http.get(f"{self._path}/issues/{number}", lambda data: _login(data["closed_by"]))
        member, why = reason(self._notes(number), closed_by)
        return replace(pull, decided_by=member or closed_by, reason=why)

    def open_pulls(self) -> list[Pull]:
        query = {"state": "open", "base": MAIN, "sort": "created", "direction": "asc", "per_page": _PAGE}
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
        asked = {"commit_title": title, "commit_message": message, "sha": head, "merge_method": "merge"}
        return self._http.send(
            "PUT", f"{self._path}/pulls/{number}/merge", lambda data: object_id(data["sha"]), asked
        )

    def hint(self, headers: Mapping[str, str], body: bytes) -> Hint | None:
        signature = headers.get("x-hub-signature-256", "")
        hook_signed(self._secret, body, signature.removeprefix("sha256="))
        data, event = hook_json(body), headers.get("x-github-event", "")
        delivery = delivery_id(headers.get("x-github-delivery", ""), body)
        if event in ("pull_request", "pull_request_review"):
            return Hint(delivery, event, hook_number(data, "pull_request", "number"))
        if event == "issue_comment" and "pull_request" in hook_part(data, "issue"):
            return Hint(delivery, event, hook_number(data, "issue", "number"))
        return Hint(delivery, event) if event == "push" else None

    def _seen(self) -> None:
        """Raise HostDenied where not even the repository is to be seen: then it is the token, not what was asked for."""
        self._http.get(self._path, dict)

    def _notes(self, number: int) -> list[Note]:
        ours = self.account(), self._desk.account() if self._desk else None

        def note(data: Any) -> Note:
            by, text = _login(data["user"]), data["body"] or ""
            machine = bool(data["user"]) and data["user"].get("type") == "Bot"
            own = written_by(by, *ours)
            return Note(data["id"], by, text, moment(data["created_at"]), own, machine)

        try:
            return self._http.pages(f"{self._path}/issues/{number}/comments", note, {"per_page": _PAGE})
        except NotFound:
            self._seen()
            raise HostRefused(f"no pull {number}") from None

    def _rules(self) -> list[dict[str, Any]]:
        """The rulesets' rules for main; every reader may see them, but a plan without rulesets answers 403 or 404."""
        return self._http.look(f"{self._path}/rules/branches/{MAIN}", list, {"per_page": _PAGE}) or []

    def _approvals(self, rules: list[dict[str, Any]]) -> int | None:
        """How many approvals main wants by its rulesets and by its classic protection, which only an administrator
        sees; None where neither tells."""
        told = [
            int(rule.get("parameters", {}).get("required_approving_review_count", 0))
            for rule in rules
            if rule["type"] == "pull_request"
        ]
        classic = self._http.look(f"{self._path}/branches/{MAIN}/protection", _reviews)
        return max(told if classic is None else [*told, classic], default=None)


_WAYS = (("merge", "allow_merge_commit"), ("squash", "allow_squash_merge"), ("rebase", "allow_rebase_merge"))


def _server(api: str) -> str:
    """Where git and people go: https://github.com for https://api.github.com, https://HOST for https://HOST/api/v3."""
    base = api.rstrip("/")
    if base.endswith("/api/v3"):
        return base.removesuffix("/api/v3")
    scheme, _, host = base.partition("://")
    if not host.startswith("api.") or "/" in host:
        raise UsageError(
            "GitHub 的 API 地址请写 https://api.github.com，自建的以 /api/v3 结尾 / GitHub's API address must be "
            "https://api.github.com or end in /api/v3"
        )
    return f"{scheme}://{host.removeprefix('api.')}"


def _login(user: Any) -> str:
    """A person's login; GitHub's name for those who deleted their account where there is none."""
    return str(user["login"]) if user else "ghost"


def _own_pull(data: Any) -> Pull:
    pull = _pull(data)
    if pull is None:
        raise ValueError("a pull request into another ref than main")
    return pull


def _pull(data: Any) -> Pull | None:
    """A pull request as GitHub writes it; None when it does not go into main. A ref of a fork is `owner:ref`, so that
    it is never taken for one of ours."""
    head, base = data["head"], data["base"]
    if base["ref"] != MAIN:
        return None
    ours = bool(head["repo"]) and head["repo"]["id"] == base["repo"]["id"]
    merged = data.get("merged_at")
    return Pull(
        number=int(data["number"]),
        head_ref=head["ref"] if ours else f"{_login(head['user'])}:{head['ref']}",
        head=head["sha"],
        title=data["title"],
        body=data["body"] or "",
        state="merged" if merged else data["state"],
        opened_at=moment(data["created_at"]),
        decided_at=moment_or_none(merged or data["closed_at"]),
        decided_by=_login(data["merged_by"]) if data.get("merged_by") else None,
        url=data["html_url"],
        merge=data["merge_commit_sha"] or None if merged else None,
    )


def _scopes(said: str | None) -> tuple[str, ...] | None:
    """What a classic token may do; of other tokens GitHub does not say it."""
    return None if said is None else tuple(one.strip() for one in said.split(",") if one.strip())


def _reviews(data: Any) -> int:
    return int((data.get("required_pull_request_reviews") or {}).get("required_approving_review_count", 0))


def _checks(rules: list[dict[str, Any]], branch: Mapping[str, Any]) -> tuple[str, ...]:
    """The checks that must pass, by rulesets and by the summary of the classic protection."""
    classic = (branch.get("protection") or {}).get("required_status_checks") or {}
    names = set(classic.get("contexts") or ())
    for rule in rules:
        if rule["type"] == "required_status_checks":
            names |= {one["context"] for one in rule["parameters"]["required_status_checks"]}
    return tuple(sorted(names))
