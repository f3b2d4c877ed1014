"""GitHub's answers. Shapes: its OpenAPI description (github-openapi.json beside this). Texts: [docs] GitHub's REST
documentation, [issue] a public thread named in hosts.md section 3, [mem] from memory."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fake_host import (
    LOGINS,
    REPOSITORY,
    SECRET,
    WORKFLOW,
    Asked,
    FakeHost,
    Handler,
    HeldNote,
    HeldPull,
    Reply,
    when,
)

_OWNER = REPOSITORY.partition("/")[0]


class FakeGitHub(FakeHost):
    kind, prefix = "github", "/api/v3"
    denied = Reply(
        401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
    )  # [docs]
    missing = Reply(
        404, {"message": "Not Found", "documentation_url": "https://docs.github.com/rest"}
    )  # [docs]

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        repo = f"/repos/{REPOSITORY}"
        return (
            ("GET", "/user", self._user),
            ("GET", repo, self._repository),
            ("GET", f"{repo}/branches/main", self._branch),
            ("GET", f"{repo}/branches/main/protection", self._protection),
            ("GET", f"{repo}/rules/branches/main", self._rules),
            ("GET", f"{repo}/pulls", self._list),
            ("POST", f"{repo}/pulls", self._open),
            (
                "GET",
                f"{repo}/pulls/(\\d+)",
                lambda asked, n: Reply(200, self._pull(self.pull(n), whole=True)),
            ),
            ("PATCH", f"{repo}/pulls/(\\d+)", self._edit),
            ("PUT", f"{repo}/pulls/(\\d+)/merge", self._merge),
            ("GET", f"{repo}/issues/(\\d+)", self._issue),
            ("GET", f"{repo}/issues/(\\d+)/comments", self._comments),
            ("POST", f"{repo}/issues/(\\d+)/comments", self._comment),
            ("PATCH", f"{repo}/issues/comments/(\\d+)", self._edit_comment),
        )

    def webhook(self, number: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"action": "closed", "number": number, "pull_request": {"number": number}}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "x-github-event": "pull_request",
            "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "x-hub-signature-256": f"sha256={signature}",
        }
        return headers, body

    def _user(self, asked: Asked) -> Reply:
        if asked.login == LOGINS[WORKFLOW]:
            return Reply(403, {"message": "Resource not accessible by integration"})  # [docs]
        return Reply(200, {"login": asked.login, "id": 1, "type": "User"})

    def _repository(self, asked: Asked) -> Reply:
        names = ("PR_TITLE", "PR_BODY") if self.state.names_in_merge else ("MERGE_MESSAGE", "BLANK")
        data = {
            "id": 7,
            "full_name": REPOSITORY,
            "private": self.state.private,
            "permissions": {"admin": asked.login == LOGINS_ADMIN, "push": True, "pull": True},
            "allow_merge_commit": "merge" in self.state.ways,
            "allow_squash_merge": "squash" in self.state.ways,
            "allow_rebase_merge": "rebase" in self.state.ways,
            "merge_commit_title": names[0],
            "merge_commit_message": names[1],
        }
        return Reply(200, data, {"X-OAuth-Scopes": "repo, read:org"})  # [docs] scopes-for-oauth-apps

    def _branch(self, asked: Asked) -> Reply:
        checks = {"enforcement_level": "everyone", "contexts": ["xueshi"], "checks": []}
        protection = (
            {"enabled": True, "required_status_checks": checks}
            if self.state.protected
            else {"enabled": False}
        )
        return Reply(200, {"name": "main", "protected": self.state.protected, "protection": protection})

    def _protection(self, asked: Asked) -> Reply:
        if asked.login != LOGINS_ADMIN:
            return Reply(403, {"message": "Resource not accessible by personal access token"})  # [docs]
        if not self.state.protected:
            return Reply(404, {"message": "Branch not protected"})  # [docs]
        return Reply(200, {"required_pull_request_reviews": {"required_approving_review_count": 1}})

    def _rules(self, asked: Asked) -> Reply:
        if not self.state.protected:
            return Reply(200, [])
        parameters = {
            "required_approving_review_count": 2, "dismiss_stale_reviews_on_push": True,
            "require_code_owner_review": True, "require_last_push_approval": False,
            "required_review_thread_resolution": False,
        }  # fmt: skip
        return Reply(200, [{"type": "deletion"}, {"type": "pull_request", "parameters": parameters}])

    def _list(self, asked: Asked) -> Reply:
        pulls = [
            p
            for p in self.state.pulls.values()
            if asked.query.get("state") in ("all", "open" if p.state == "open" else "closed")
        ]
        pulls = [p for p in pulls if p.base == asked.query.get("base", p.base)]
        owner, colon, ref = asked.query.get("head", "").partition(":")
        if (
            colon and not self.state.deaf
        ):  # without an owner the filter does nothing (hosts.md, "Find / create")
            pulls = [p for p in pulls if (p.fork or _OWNER, p.head_ref) == (owner, ref)]
        pulls.sort(key=lambda p: p.number, reverse=asked.query.get("direction") != "asc")
        return self.paged(asked, [self._pull(p) for p in pulls])

    def _open(self, asked: Asked) -> Reply:
        ref = asked.body["head"]
        if self.state.same(ref):
            text = (
                f"A pull request already exists for {_OWNER}:{ref}."  # [issue] vsoch/pull-request-action#86
            )
            return _invalid({"resource": "PullRequest", "code": "custom", "message": text})
        if self.state.ref(ref) is None:
            return _invalid({"resource": "PullRequest", "field": "head", "code": "invalid"})  # [docs]
        return Reply(
            201, self._pull(self.state.open(ref, asked.body["title"], asked.body["body"]), whole=True)
        )

    def _edit(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        if asked.body["state"] == "closed":
            self.state.close(int(number), asked.login)
        return Reply(200, self._pull(self.pull(number), whole=True))

    def _merge(self, asked: Asked, number: str) -> Reply:
        pull, body = self.pull(number), asked.body
        if self.state.head(pull) != body["sha"]:
            text = "Head branch was modified. Review and try the merge again."  # [docs]
            return Reply(409, {"message": text})
        if pull.state != "open" or body["merge_method"] != "merge":
            return Reply(405, {"message": "Pull Request is not mergeable"})  # [docs]
        message = f"{body['commit_title']}\n\n{body['commit_message']}"
        if not self.state.merge(pull, message, asked.login):
            return Reply(405, {"message": "Pull Request is not mergeable"})  # [docs]
        return Reply(200, {"sha": pull.merge, "merged": True, "message": "Pull Request successfully merged"})

    def _issue(self, asked: Asked, number: str) -> Reply:
        pull = self.pull(number)
        closed_by = _user(pull.decided_by) if pull.decided_by else None
        return Reply(200, {"number": pull.number, "state": pull.state, "closed_by": closed_by})

    def _comments(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        notes = [n for n in self.state.notes if n.number == int(number) and not n.system]
        return self.paged(asked, [_comment(note) for note in notes])

    def _comment(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        return Reply(201, _comment(self.state.note(int(number), asked.login, asked.body["body"])))

    def _edit_comment(self, asked: Asked, number: str) -> Reply:
        note = next(note for note in self.state.notes if note.id == int(number))
        note.text = asked.body["body"]
        return Reply(200, _comment(note))

    def _pull(self, pull: HeldPull, *, whole: bool = False) -> dict[str, Any]:
        """A pull request; only one asked for by itself says who merged it."""
        merged = pull.state == "merged"
        head = {
            "label": f"{pull.fork or _OWNER}:{pull.head_ref}",
            "ref": pull.head_ref,
            "sha": self.state.head(pull),
            "user": _user(pull.fork or _OWNER),
            "repo": {"id": 8 if pull.fork else 7},
        }
        data = {
            "number": pull.number,
            "state": "open" if pull.state == "open" else "closed",
            "title": pull.title,
            "body": pull.body,
            "head": head,
            "base": {"label": f"{_OWNER}:main", "ref": pull.base, "sha": head["sha"], "repo": {"id": 7}},
            "created_at": when(pull.opened_at),
            "closed_at": when(pull.decided_at),
            "merged_at": when(pull.decided_at) if merged else None,
            "merge_commit_sha": pull.merge or "0" * 40,  # of an open one: a trial merge
            "html_url": f"https://github.example.invalid/{REPOSITORY}/pull/{pull.number}",
        }
        if whole:
            data |= {"merged": merged, "merged_by": _user(pull.decided_by) if merged else None}
        return data


LOGINS_ADMIN = "weiceining"


def _user(login: str | None) -> dict[str, Any]:
    return {"login": login, "id": 1, "type": "Bot" if login == LOGINS[WORKFLOW] else "User"}


def _comment(note: HeldNote) -> Mapping[str, Any]:
    return {"id": note.id, "body": note.text, "user": _user(note.by), "created_at": when(note.at)}


def _invalid(error: Mapping[str, str]) -> Reply:
    return Reply(422, {"message": "Validation Failed", "errors": [error], "documentation_url": ""})  # [docs]
