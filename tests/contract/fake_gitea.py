"""Gitea's and Forgejo's answers. Shapes: their own descriptions in `../shared/specs`. Texts: [src] Gitea's source
(routers/api/v1, services/convert/pull.go), [issue] a public thread named in hosts.md section 4, [mem] from memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fake_host import (
    ELSEWHERE,
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

_URL = f"{ELSEWHERE}/api/swagger"
_OWNER = REPOSITORY.partition("/")[0]
_TEMPLATE = "Merge pull request ${PullRequestIndex}\n"


class FakeGitea(FakeHost):
    kind, prefix, version = "gitea", "/api/v1", "1.26.0"
    folder, header = ".gitea", "gitea"
    denied = Reply(401, {"message": "invalid username, password or token", "url": _URL})  # [src]
    missing = Reply(404, {"message": "The target couldn't be found.", "url": _URL, "errors": []})  # [src]

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        repo = f"/repos/{REPOSITORY}"
        return (
            ("GET", "/version", lambda asked: Reply(200, {"version": self.version})),
            ("GET", "/user", self._user),
            ("GET", repo, self._repository),
            ("GET", f"{repo}/branches/main", self._branch),
            ("GET", f"{repo}/contents/(.+)", self._content),
            ("GET", f"{repo}/pulls", self._list),
            ("POST", f"{repo}/pulls", self._open),
            ("GET", f"{repo}/pulls/(\\d+)", lambda asked, n: Reply(200, self._pull(self.pull(n)))),
            ("GET", f"{repo}/pulls/main/(.+)", self._by_refs),
            ("PATCH", f"{repo}/pulls/(\\d+)", self._edit),
            ("POST", f"{repo}/pulls/(\\d+)/merge", self._merge),
            ("GET", f"{repo}/issues/(\\d+)/comments", self._comments),
            ("GET", f"{repo}/issues/(\\d+)/timeline", self._timeline),
            ("POST", f"{repo}/issues/(\\d+)/comments", self._comment),
            ("PATCH", f"{repo}/issues/comments/(\\d+)", self._edit_comment),
        )

    def webhook(self, number: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"action": "closed", "number": number, "pull_request": {"number": number}}).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            f"x-{self.header}-event": "pull_request",
            f"x-{self.header}-delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
            f"x-{self.header}-signature": signature,
        }
        return headers, body

    def _user(self, asked: Asked) -> Reply:
        if asked.login == LOGINS[WORKFLOW]:  # [src] a token without read:user
            text = "token does not have at least one of required scope(s): [read:user]"
            return Reply(403, {"message": text, "url": _URL})
        return Reply(200, {"login": asked.login, "id": 1})

    def _repository(self, asked: Asked) -> Reply:
        ways = self.state.ways
        data = {
            "id": 7,
            "full_name": REPOSITORY,
            "private": self.state.private,
            "permissions": {"admin": False, "push": True, "pull": True},
            "allow_merge_commits": "merge" in ways,
            "allow_squash_merge": "squash" in ways,
            "allow_rebase": "rebase" in ways,
            "allow_rebase_explicit": "rebase-merge" in ways,
        }
        if self.kind == "gitea":
            data["allow_fast_forward_only_merge"] = "fast-forward-only" in ways
        return Reply(200, data)

    def _branch(self, asked: Asked) -> Reply:
        data = {
            "name": "main",
            "protected": self.state.protected,
            "required_approvals": 2 if self.state.protected else 0,
            "enable_status_check": self.state.protected,
            "status_check_contexts": ["xueshi"] if self.state.protected else [],
        }
        return Reply(200, data)

    def _content(self, asked: Asked, path: str) -> Reply:
        if self.state.names_in_merge or path != f"{self.folder}/default_merge_message/MERGE_TEMPLATE.md":
            return self.missing
        return Reply(
            200,
            {"path": path, "encoding": "base64", "content": base64.b64encode(_TEMPLATE.encode()).decode()},
        )

    def _list(self, asked: Asked) -> Reply:
        # "oldest" and no base filter in Forgejo's description; more than max_response_items = 50 never come [issue]
        pulls = [p for p in self.state.pulls.values() if p.state == "open"]
        return self.paged(asked, [self._pull(p) for p in pulls], "limit")

    def _open(self, asked: Asked) -> Reply:
        ref = asked.body["head"]
        if same := self.state.same(ref):  # [src] ErrPullRequestAlreadyExists
            text = (
                f"pull request already exists for these targets [id: {same.number}, issue_id: {same.number}, "
                f"head_repo_id: 7, base_repo_id: 7, head_branch: {ref}, base_branch: main]"
            )
            return Reply(409, {"message": text, "url": _URL})
        if self.state.ref(ref) is None:
            return self.missing  # [src] GetRefCommitID fails
        return Reply(201, self._pull(self.state.open(ref, asked.body["title"], asked.body["body"])))

    def _by_refs(self, asked: Asked, ref: str) -> Reply:
        found = [p for p in self.state.pulls.values() if p.head_ref == ref and p.fork is None]
        return Reply(200, self._pull(found[0])) if found else self.missing

    def _edit(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        if asked.body["state"] == "closed":
            self.state.close(int(number), asked.login)
        return Reply(201, self._pull(self.pull(number)))

    def _merge(self, asked: Asked, number: str) -> Reply:
        pull, body = self.pull(number), asked.body
        if pull.state != "open":
            return (
                self.missing if pull.state == "merged" else Reply(405, {"message": "", "url": _URL})
            )  # [src]
        if self.state.head(pull) != body["head_commit_id"]:
            return Reply(409, {"message": "head out of date", "url": _URL})  # [src] ErrSHADoesNotMatch
        message = f"{body['MergeTitleField']}\n\n{body['MergeMessageField'].strip()}"
        if body["Do"] != "merge" or not self.state.merge(pull, message, asked.login):
            return Reply(405, {"message": "", "url": _URL})
        return Reply(200, b"")

    def _comments(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        notes = [n for n in self.state.notes if n.number == int(number) and not n.system]
        return Reply(200, [_comment(note) for note in notes])  # never in pages

    def _timeline(self, asked: Asked, number: str) -> Reply:
        notes = [n for n in self.state.notes if n.number == int(number)]
        events = [
            {**_comment(n), "type": "close" if n.system else "comment", "body": "" if n.system else n.text}
            for n in notes
        ]
        return self.paged(asked, events, "limit")

    def _comment(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        return Reply(201, _comment(self.state.note(int(number), asked.login, asked.body["body"])))

    def _edit_comment(self, asked: Asked, number: str) -> Reply:
        note = next(note for note in self.state.notes if note.id == int(number))
        note.text = asked.body["body"]
        return Reply(200, _comment(note))

    def _pull(self, pull: HeldPull) -> dict[str, Any]:
        """[src] services/convert/pull.go: once the branch is gone, `ref` is refs/pull/N/head and only `label` has its
        name."""
        merged = pull.state == "merged"
        owner = pull.fork or _OWNER
        there = pull.fork is not None or self.state.ref(pull.head_ref) is not None
        head = {
            "label": pull.head_ref,
            "ref": pull.head_ref if there else f"refs/pull/{pull.number}/head",
            "sha": self.state.head(pull),
            "repo_id": 8 if pull.fork else 7,
            "repo": {"id": 8 if pull.fork else 7, "owner": {"login": owner}},
        }
        return {
            "number": pull.number,
            "state": "open" if pull.state == "open" else "closed",
            "title": pull.title,
            "body": pull.body,
            "head": head,
            "base": {"label": pull.base, "ref": pull.base, "sha": head["sha"], "repo_id": 7},
            "created_at": when(pull.opened_at),
            "closed_at": when(pull.decided_at),
            "merged": merged,
            "merged_at": when(pull.decided_at) if merged else None,
            "merged_by": {"login": pull.decided_by, "id": 1} if merged else None,
            "merge_commit_sha": pull.merge,
            "html_url": f"{ELSEWHERE}/{REPOSITORY}/pulls/{pull.number}",
        }


class FakeForgejo(FakeGitea):
    kind, version = "forgejo", "9.0.0+gitea-1.22.0"  # hosts.md, section 4
    folder, header = ".forgejo", "forgejo"


def _comment(note: HeldNote) -> Mapping[str, Any]:
    return {
        "id": note.id,
        "body": note.text,
        "user": {"login": note.by, "id": 1},
        "created_at": when(note.at),
    }
