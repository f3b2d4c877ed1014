"""How an adapter is made, from settings and inside a workflow; and what each does in its own way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import httpx2
import pytest
from conftest import START

from xueshi.errors import HostRefused, HostUnknown, UsageError
from xueshi.hosts import HOSTS, from_ci, make
from xueshi.hosts.base import Budget, Host

APIS = {
    "github": "https://api.github.com",
    "gitea": "https://git.example.invalid/api/v1",
    "forgejo": "https://git.example.invalid/sub/api/v1/",
    "gitlab": "https://gitlab.example.invalid/api/v4",
}


def test_every_kind_can_be_made() -> None:
    urls = {kind: make(kind, api, "party/records", "a-token").url for kind, api in APIS.items()}
    assert urls == {
        "github": "https://github.com/party/records.git",
        "gitea": "https://git.example.invalid/party/records.git",
        "forgejo": "https://git.example.invalid/sub/party/records.git",
        "gitlab": "https://gitlab.example.invalid/party/records.git",
    }
    assert set(urls) == set(HOSTS)


@pytest.mark.parametrize(
    ("api", "url"),
    (
        ("https://ghe.example.invalid/api/v3", "https://ghe.example.invalid/party/records.git"),
        ("https://api.party.ghe.com", "https://party.ghe.com/party/records.git"),
    ),
)
def test_a_github_of_ones_own_is_known_by_its_api(api: str, url: str) -> None:
    assert make("github", api, "party/records", "a-token").url == url


@pytest.mark.parametrize(
    ("kind", "api", "repository", "token"),
    (
        ("gogs", APIS["gitea"], "party/records", "a-token"),
        ("github", "https://github.com", "party/records", "a-token"),
        ("gitea", "https://git.example.invalid", "party/records", "a-token"),
        ("gitlab", "https://git.example.invalid/api/v1", "party/records", "a-token"),
        *((kind, api, "records", "a-token") for kind, api in APIS.items()),
        *((kind, api, "party/../records", "a-token") for kind, api in APIS.items()),
        *((kind, api, "party/records?x=1", "a-token") for kind, api in APIS.items()),
        *((kind, api, "party/records", "") for kind, api in APIS.items()),
        *((kind, api, "party/records", "secret token") for kind, api in APIS.items()),
        *((kind, api, "party/records", "secret\n") for kind, api in APIS.items()),
        ("github", APIS["github"], "group/party/records", "a-token"),
    ),
)
def test_wrong_settings_are_refused_without_repeating_the_token(
    kind: str, api: str, repository: str, token: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make(kind, api, repository, token)
    assert "secret" not in str(caught.value)
    assert kind == "gogs" or re.search("[一-龥].* / ", str(caught.value)), "as every fault of the settings"


def test_a_budget_is_what_the_host_is_known_to_bear() -> None:
    assert HOSTS["github"].budget == Budget(3.0, 12, 300)
    assert all(host.budget.apart and host.budget.per_minute for host in HOSTS.values())


@pytest.mark.parametrize(
    ("kind", "user"), (("github", "x-access-token"), ("gitea", "xueshi"), ("gitlab", "oauth2"))
)
def test_git_is_let_in_at_its_server_alone(kind: str, user: str) -> None:
    host = make(kind, APIS[kind], "party/records", "a-token")
    server = host.url.removesuffix("/party/records.git")
    assert host.git_environment() == {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraHeader",
        "GIT_CONFIG_VALUE_0": "Authorization: Basic " + base64.b64encode(f"{user}:a-token".encode()).decode(),
    }


# --- inside a workflow

GITHUB_CI = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "party/records",
    "GITHUB_TOKEN": "a-token",
}
GITEA_CI = GITHUB_CI | {"GITHUB_SERVER_URL": "https://git.example.invalid", "GITHUB_API_URL": APIS["gitea"]}
GITLAB_CI = {
    "GITLAB_CI": "true",
    "CI_API_V4_URL": APIS["gitlab"],
    "CI_PROJECT_PATH": "group/party/records",
    "XUESHI_TOKEN": "a-token",
    "CI_JOB_TOKEN": "another",
}


@pytest.mark.parametrize(
    ("environ", "name", "url"),
    (
        (GITHUB_CI, "github", "https://github.com/party/records.git"),
        (GITEA_CI | {"GITEA_ACTIONS": "true"}, "gitea", "https://git.example.invalid/party/records.git"),
        (GITEA_CI | {"FORGEJO_ACTIONS": "true"}, "gitea", "https://git.example.invalid/party/records.git"),
        (
            GITEA_CI | {"GITEA_ACTIONS": "true", "GITHUB_API_URL": ""},
            "gitea",
            "https://git.example.invalid/party/records.git",
        ),
        (GITLAB_CI, "gitlab", "https://gitlab.example.invalid/group/party/records.git"),
    ),
)
def test_a_workflow_knows_its_host(environ: dict[str, str], name: str, url: str) -> None:
    host = from_ci(environ)
    assert (host.name, host.url) == (name, url)
    told = host.git_environment()["GIT_CONFIG_VALUE_0"].removeprefix("Authorization: Basic ")
    assert base64.b64decode(told).endswith(b":a-token")


@pytest.mark.parametrize(
    ("environ", "words"),
    (
        ({}, "no workflow"),
        ({"CI": "true"}, "no workflow"),
        (GITHUB_CI | {"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        (GITLAB_CI | {"XUESHI_TOKEN": ""}, "XUESHI_TOKEN is not set"),
        (GITHUB_CI | {"GITHUB_REPOSITORY": ""}, "owner/name"),
        (GITHUB_CI | {"GITHUB_API_URL": ""}, "API address"),
    ),
)
def test_outside_a_workflow_there_is_no_host(environ: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        from_ci(environ)


# --- each in its own way


def asked_by(kind: str, repository: str = "party/records") -> tuple[Host, list[httpx2.Request]]:
    """An adapter whose every request is refused, and what it asked."""
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        request.read()
        seen.append(request)
        return httpx2.Response(400, json={"message": "no"})

    return make(kind, APIS[kind], repository, "a-token", transport=httpx2.MockTransport(answer)), seen


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    (
        ("github", "authorization", "Bearer a-token"),
        ("gitea", "authorization", "token a-token"),
        ("gitlab", "private-token", "a-token"),
    ),
)
def test_the_token_goes_in_the_header_and_never_in_the_address(kind: str, header: str, value: str) -> None:
    host, seen = asked_by(kind)
    with pytest.raises(HostRefused):
        host.open_pulls()
    assert seen[0].headers[header] == value and "a-token" not in str(seen[0].url)


@pytest.mark.parametrize(
    ("kind", "asked"),
    (
        ("github", "/repos/party/records/pulls?head=party%3Asub%2Fx&base=main&state=all&per_page=100"),
        ("gitea", "/api/v1/repos/party/records/pulls/main/sub/x"),
        (
            "gitlab",
            "/api/v4/projects/party%2Frecords/merge_requests?source_branch=sub%2Fx&state=all&per_page=100",
        ),
    ),
)
def test_a_ref_is_looked_for_in_the_words_of_its_host(kind: str, asked: str) -> None:
    host, seen = asked_by(kind)
    with pytest.raises(HostRefused):
        host.find("sub/x")
    assert seen[0].url.raw_path.decode() == asked


def test_a_project_of_gitlab_is_one_part_of_the_path() -> None:
    host, seen = asked_by("gitlab", "group/sub/records")
    with pytest.raises(HostRefused):
        host.get(3)
    assert seen[0].url.raw_path == b"/api/v4/projects/group%2Fsub%2Frecords/merge_requests/3"


@pytest.mark.parametrize("kind", APIS)
def test_a_long_title_is_cut_to_what_every_host_takes(kind: str) -> None:
    host, seen = asked_by(kind)
    with pytest.raises(HostRefused):
        host.open("sub/x", "题" * 300, "内容", START)
    assert json.loads(seen[0].content)["title"] == "题" * 254 + "…"


def test_no_line_is_a_command_to_gitlab() -> None:
    host, seen = asked_by("gitlab")
    with pytest.raises(HostRefused):
        host.open("sub/x", "标题", "/merge\n好\n  /close\nhttps://x/y", START)
    assert json.loads(seen[0].content)["description"] == "\\/merge\n好\n  \\/close\nhttps://x/y"


PULL = {"number": 12}
ON_A_PULL: tuple[tuple[str, str, dict[str, Any], int | None], ...] = (
    ("gitea", "pull_request_approved", {"pull_request": PULL}, 12),
    ("gitea", "pull_request_comment", {"issue": PULL}, 12),
    ("gitea", "issue_comment", {"issue": PULL | {"pull_request": {"merged": False}}}, 12),
    ("gitea", "push", {"ref": "refs/heads/main"}, None),
    ("gitlab", "Note Hook", {"merge_request": {"iid": 12}}, 12),
    ("gitlab", "Push Hook", {"ref": "refs/heads/main"}, None),
)


def hint_of(kind: str, event: str, data: dict[str, Any]) -> Any:
    host = make(
        kind,
        APIS[kind],
        "party/records",
        "a-token",
        hook_secret="s",
        transport=httpx2.MockTransport(lambda r: httpx2.Response(500)),
    )
    body = json.dumps(data).encode()
    signed = {
        "github": {
            "x-hub-signature-256": "sha256=" + hmac.new(b"s", body, hashlib.sha256).hexdigest(),
            "x-github-event": event,
        },
        "gitea": {
            "x-gitea-signature": hmac.new(b"s", body, hashlib.sha256).hexdigest(),
            "x-gitea-event": event,
        },
        "gitlab": {"x-gitlab-token": "s", "x-gitlab-event": event},
    }
    return host.hint(signed[kind], body)


@pytest.mark.parametrize(("kind", "event", "data", "number"), ON_A_PULL)
def test_what_happens_to_a_pull_wakes(
    kind: str, event: str, data: dict[str, Any], number: int | None
) -> None:
    hint = hint_of(kind, event, data)
    assert (hint.event, hint.number) == (event, number)
    assert len(hint.delivery) == 64  # an old host sends no id: then its body's digest


@pytest.mark.parametrize(
    ("kind", "event", "data"),
    (
        ("gitea", "issue_comment", {"issue": {"number": 12, "pull_request": None}}),
        ("gitea", "release", {}),
        *(
            (kind, "issue_comment", {"issue": issue})
            for kind in ("github", "gitea")
            for issue in (None, [1], "pull_request", 7)
        ),
        ("gitlab", "Note Hook", {"issue": {"iid": 12}}),
        ("gitlab", "Pipeline Hook", {"merge_request": {"iid": 12}}),
    ),
)
def test_what_happens_elsewhere_does_not(kind: str, event: str, data: dict[str, Any]) -> None:
    assert hint_of(kind, event, data) is None


@pytest.mark.parametrize("delivery", ("x" * 101, "a b", "a\nb", "文"))
def test_a_delivery_id_of_another_shape_is_refused(delivery: str) -> None:
    host = make("gitlab", APIS["gitlab"], "party/records", "a-token", hook_secret="s")
    headers = {"x-gitlab-token": "s", "x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": delivery}
    with pytest.raises(HostRefused, match="delivery id"):
        host.hint(headers, b"{}")


def test_what_a_machine_wrote_on_github_is_no_reason() -> None:
    """A bot of somebody else's, which says nothing hidden."""
    pull = {
        "number": 1, "state": "closed", "title": "标题", "body": None, "html_url": "", "merge_commit_sha": None,
        "created_at": "2026-03-01T01:00:00Z", "closed_at": "2026-03-01T02:00:00Z", "merged_at": None,
        "head": {"ref": "sub/x", "sha": "1" * 40, "repo": {"id": 7}, "user": {"login": "party"}},
        "base": {"ref": "main", "repo": {"id": 7}},
    }  # fmt: skip
    written = [
        {"id": n, "body": text, "user": {"login": by, "type": kind}, "created_at": "2026-03-01T01:30:00Z"}
        for n, (by, kind, text) in enumerate(
            (("wei", "User", "照片不清楚"), ("spell[bot]", "Bot", "no typos"))
        )
    ]
    answers = {
        "/user": {"login": "xueshi"},
        "/repos/party/records/pulls/1": pull,
        "/repos/party/records/issues/1": {"closed_by": {"login": "wei"}},
        "/repos/party/records/issues/1/comments": written,
    }
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answers[request.url.path]))
    found = make("github", APIS["github"], "party/records", "a-token", transport=transport).get(1)
    assert found is not None and (found.reason, found.decided_by) == ("照片不清楚", "wei")


def test_one_that_gitlab_is_merging_still_waits_and_a_merge_without_a_commit_is_unknown() -> None:
    pull = {
        "iid": 1, "state": "locked", "title": "标题", "description": "", "web_url": "", "merge_commit_sha": None,
        "created_at": "2026-03-01T01:00:00.123Z", "closed_at": None, "merged_at": None, "sha": "1" * 40,
        "source_branch": "sub/x", "target_branch": "main", "source_project_id": 7, "target_project_id": 7,
    }  # fmt: skip
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=pull))
    host = make("gitlab", APIS["gitlab"], "party/records", "a-token", transport=transport)
    found = host.get(1)
    assert found is not None and found.state == "open"
    with pytest.raises(HostUnknown):
        host.merge(1, found.head, "m0003", START)


def test_what_gitea_gives_for_another_ref_is_not_taken() -> None:
    side = {"label": "sub/y", "ref": "sub/y", "sha": "1" * 40, "repo_id": 7}
    pull = {
        "number": 1, "state": "open", "title": "标题", "body": "", "html_url": "", "merge_commit_sha": None,
        "created_at": "2026-03-01T01:00:00Z", "closed_at": None, "merged": False, "merged_at": None,
        "head": side, "base": {**side, "ref": "main"},
    }  # fmt: skip
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=pull))
    host = make("gitea", APIS["gitea"], "party/records", "a-token", transport=transport)
    assert host.find("sub/x") is None and host.find("sub/y") is not None
