"""GitLab's answers. Texts: [src] GitLab's lib/api and documentation, [issue] a public thread named in hosts.md section
5, [mem] from memory."""

from __future__ import annotations

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

_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}


class FakeGitLab(FakeHost):
    kind, prefix = "gitlab", "/api/v4"
    denied = Reply(401, {"message": "401 Unauthorized"})  # [src]
    missing = Reply(404, {"message": "404 Not found"})  # [src]

    def token(self, headers: Mapping[str, str]) -> str:
        return headers.get("private-token", "")

    def routes(self) -> Sequence[tuple[str, str, Handler]]:
        project = f"/projects/{REPOSITORY}"
        pulls = f"{project}/merge_requests"
        return (
            ("GET", "/version", lambda asked: Reply(200, {"version": "18.2.0-ee", "revision": "0"})),
            ("GET", "/user", self._user),
            (
                "GET",
                "/personal_access_tokens/self",
                lambda asked: Reply(200, {"scopes": ["api"], "active": True}),
            ),
            ("GET", project, self._project),
            ("GET", f"{project}/protected_branches/main", self._branch),
            ("GET", f"{project}/approval_rules", self._approvals),
            ("GET", pulls, self._list),
            ("POST", pulls, self._open),
            ("GET", f"{pulls}/(\\d+)", lambda asked, n: Reply(200, self._pull(self.pull(n)))),
            ("PUT", f"{pulls}/(\\d+)", self._edit),
            ("PUT", f"{pulls}/(\\d+)/merge", self._merge),
            ("GET", f"{pulls}/(\\d+)/notes", self._comments),
            ("POST", f"{pulls}/(\\d+)/notes", self._comment),
            ("PUT", f"{pulls}/(\\d+)/notes/(\\d+)", self._edit_comment),
        )

    def webhook(self, number: int) -> tuple[dict[str, str], bytes]:
        body = json.dumps({"object_kind": "merge_request", "object_attributes": {"iid": number}}).encode()
        headers = {
            "x-gitlab-event": "Merge Request Hook",
            "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e",
            "x-gitlab-token": SECRET,
        }
        return headers, body

    def _user(self, asked: Asked) -> Reply:
        if asked.login == LOGINS[WORKFLOW]:
            return Reply(403, {"message": "403 Forbidden"})  # [src]
        return Reply(200, {"username": asked.login, "id": 1})

    def _project(self, asked: Asked) -> Reply:
        way = {"merge": "merge", "rebase-merge": "rebase_merge", "fast-forward-only": "ff"}[
            self.state.ways[0]
        ]
        data = {
            "id": 7,
            "path_with_namespace": REPOSITORY,
            "visibility": "private" if self.state.private else "public",
            "permissions": {"project_access": {"access_level": 30}, "group_access": None},
            "merge_method": way,
            "squash_option": "default_off" if "squash" in self.state.ways else "never",
            "merge_commit_template": None if self.state.names_in_merge else "Merge %{reference}",
            "only_allow_merge_if_pipeline_succeeds": self.state.protected,
        }
        return Reply(200, data)

    def _branch(self, asked: Asked) -> Reply:
        if not self.state.protected:
            return Reply(404, {"message": "404 Not found"})
        return Reply(200, {"name": "main", "push_access_levels": [], "merge_access_levels": []})

    def _approvals(self, asked: Asked) -> Reply:
        return Reply(
            200, [{"id": 1, "name": "owners", "approvals_required": 2}] if self.state.protected else []
        )

    def _list(self, asked: Asked) -> Reply:
        pulls = list(self.state.pulls.values())
        if asked.query["state"] != "all":
            pulls = [p for p in pulls if _STATES[p.state] == asked.query["state"]]
        if "source_branch" in asked.query:
            assert "target_branch" not in asked.query  # [issue] srtab/daiv#1434
            wanted = asked.query["source_branch"]
            pulls = [p for p in pulls if self.state.deaf or p.head_ref == wanted]
        pulls.sort(key=lambda p: p.number, reverse=asked.query.get("sort") != "asc")
        return self.paged(asked, [self._pull(p) for p in pulls])

    def _open(self, asked: Asked) -> Reply:
        ref = asked.body["source_branch"]
        if same := self.state.same(ref):  # [issue] voxpupuli/modulesync#195
            text = f"Another open merge request already exists for this source branch: !{same.number}"
            return Reply(409, {"message": [text]})
        if self.state.ref(ref) is None:
            return Reply(400, {"message": {"source_branch": ["does not exist"]}})  # [mem]
        return Reply(201, self._pull(self.state.open(ref, asked.body["title"], asked.body["description"])))

    def _edit(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        if asked.body["state_event"] == "close":
            self.state.close(int(number), asked.login)
        return Reply(200, self._pull(self.pull(number)))

    def _merge(self, asked: Asked, number: str) -> Reply:
        pull, body = self.pull(number), asked.body
        if pull.state != "open":
            return Reply(405, {"message": "405 Method Not Allowed"})  # [src]
        head = self.state.head(pull)
        if head != body["sha"]:
            return Reply(409, {"message": f"SHA does not match HEAD of source branch: {head}"})  # [src]
        if not self.state.merge(pull, body["merge_commit_message"], asked.login):
            return Reply(422, {"message": "Branch cannot be merged"})  # [issue] python-gitlab#2719
        return Reply(200, self._pull(pull))

    def _comments(self, asked: Asked, number: str) -> Reply:
        self.pull(number)
        notes = [n for n in self.state.notes if n.number == int(number)]
        notes.sort(key=lambda n: n.id, reverse=asked.query.get("sort") != "asc")
        return self.paged(asked, [_note(note) for note in notes])

    def _comment(self, asked: Asked, number: str) -> Reply:
        pull = self.pull(number)
        if asked.body["body"].startswith(
            "/close"
        ):  # a quick action, done in the name of whoever writes it [src]
            self.state.close(pull.number, asked.login)
        return Reply(201, _note(self.state.note(int(number), asked.login, asked.body["body"])))

    def _edit_comment(self, asked: Asked, number: str, note_id: str) -> Reply:
        note = next(note for note in self.state.notes if note.id == int(note_id))
        note.text = asked.body["body"]
        return Reply(200, _note(note))

    def _pull(self, pull: HeldPull) -> dict[str, Any]:
        merged, closed = pull.state == "merged", pull.state == "closed"
        who = {"username": pull.decided_by, "id": 1}
        return {
            "id": 1000 + pull.number,
            "iid": pull.number,
            "state": _STATES[pull.state],
            "title": pull.title,
            "description": pull.body,
            "source_branch": pull.head_ref,
            "target_branch": pull.base,
            "source_project_id": 8 if pull.fork else 7,
            "target_project_id": 7,
            "sha": self.state.head(pull),
            "created_at": f"{(when(pull.opened_at) or '')[:-1]}.123Z",
            "closed_at": when(pull.decided_at) if closed else None,
            "closed_by": who if closed else None,
            "merged_at": when(pull.decided_at) if merged else None,
            "merge_user": who if merged else None,
            "merge_commit_sha": pull.merge,
            "web_url": f"{ELSEWHERE}/{REPOSITORY}/-/merge_requests/{pull.number}",
        }


def _note(note: HeldNote) -> Mapping[str, Any]:
    return {
        "id": note.id, "body": note.text, "author": {"username": note.by, "id": 1}, "created_at": when(note.at),
        "system": note.system,
    }  # fmt: skip
