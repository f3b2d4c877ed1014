"""GitHub's own answers and webhooks as they were recorded: @octokit/fixtures and @octokit/webhooks-examples."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from xueshi.errors import HostDenied, HostRefused
from xueshi.hosts.base import Host
from xueshi.hosts.github import GitHub
from xueshi.hosts.http import Http, Moved, NotFound

OCTOKIT = Path(__file__).parent / "node_modules" / "@octokit"
API = "https://api.github.com"
pytestmark = pytest.mark.skipif(
    not OCTOKIT.exists(), reason="no npm packages for these tests; run scripts/setup test"
)


def recorded(scenario: str) -> tuple[list[dict[str, Any]], Http]:
    """A scenario's exchanges, and a client that gets its answers in turn."""
    path = OCTOKIT / "fixtures" / "scenarios" / "api.github.com" / scenario / "normalized-fixture.json"
    exchanges = json.loads(path.read_bytes())
    turns = iter(exchanges)

    def answer(request: httpx2.Request) -> httpx2.Response:
        turn = next(turns)
        assert request.method.lower() == turn["method"]
        text = turn["response"] if isinstance(turn["response"], str) else json.dumps(turn["response"])
        kept = {name: str(value) for name, value in turn["headers"].items() if name != "content-length"}
        return httpx2.Response(int(turn["status"]), headers=kept, content=text)

    return exchanges, Http(API, {}, "a-token", transport=httpx2.MockTransport(answer))


def test_a_refusal_carries_what_github_says_is_wrong() -> None:
    exchanges, http = recorded("errors")
    with pytest.raises(HostRefused) as caught:
        http.send("POST", exchanges[0]["path"], dict, {"name": "foo", "color": "invalid"})
    assert str(caught.value).endswith("HTTP 422 Validation Failed color")  # and not the value that was sent


def test_a_list_is_read_to_its_last_page() -> None:
    exchanges, http = recorded("paginate-issues")
    numbers = http.pages("/repos/o/r/issues", lambda issue: int(issue["number"]), {"per_page": 3})
    assert len(exchanges) == 5
    assert numbers == [issue["number"] for turn in exchanges for issue in turn["response"]]


def test_a_renamed_repository_is_said_to_have_moved() -> None:
    exchanges, http = recorded("rename-repository")
    http.send("PATCH", exchanges[0]["path"], dict, {"name": "new"})
    with pytest.raises(Moved, match="HTTP 301 Moved Permanently"):
        http.get(exchanges[1]["path"], dict)


def test_a_ref_without_classic_protection_is_not_found() -> None:
    exchanges, http = recorded("branch-protection")
    with pytest.raises(NotFound, match="Branch not protected"):
        http.get(exchanges[0]["path"], dict)


# --- webhooks


def github(secret: str = "secret") -> GitHub:
    unasked = httpx2.MockTransport(lambda request: httpx2.Response(500))
    return GitHub(API, "party/records", "a-token", hook_secret=secret, transport=unasked)


def deliver(host: Host, event: str, payload: object) -> Any:
    body = json.dumps(payload).encode()
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-event": event,
        "x-github-delivery": "d",
        "x-hub-signature-256": f"sha256={signature}",
    }
    return host.hint(headers, body)


@cache
def examples() -> dict[str, list[dict[str, Any]]]:
    path = OCTOKIT / "webhooks-examples" / "api.github.com" / "index.json"
    return {one["name"]: one["examples"] for one in json.loads(path.read_bytes())}


def shown(*events: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for event in events:
        yield from ((event, example) for example in examples()[event])


def test_every_recorded_webhook_of_a_pull_names_its_number() -> None:
    seen = 0
    for event, example in shown("pull_request", "pull_request_review"):
        hint = deliver(github(), event, example)
        assert (hint.event, hint.number, hint.delivery) == (event, example["pull_request"]["number"], "d")
        seen += 1
    assert seen > 20


def test_a_comment_on_an_issue_is_none_of_ours() -> None:
    for event, example in shown("issue_comment"):
        hint = deliver(github(), event, example)
        assert (hint is not None) == ("pull_request" in example["issue"])
        assert hint is None or hint.number == example["issue"]["number"]


def test_a_push_wakes_and_all_else_does_not() -> None:
    assert all(deliver(github(), event, example).number is None for event, example in shown("push"))
    others = set(examples()) - {"push", "pull_request", "pull_request_review", "issue_comment"}
    assert len(others) > 40
    assert all(deliver(github(), event, example) is None for event, example in shown(*others))


@pytest.mark.parametrize(
    "payload", ([], "text", 7, None, {"pull_request": {"number": "7"}}, {"pull_request": {"number": -1}})
)
def test_a_signed_webhook_of_another_shape_is_refused(payload: object) -> None:
    with pytest.raises(HostRefused, match="a webhook"):
        deliver(github(), "pull_request", payload)


def test_a_webhook_too_large_or_without_a_secret_is_not_looked_at() -> None:
    with pytest.raises(HostRefused, match="more than"):
        github().hint({}, b" " * (5 * 1024 * 1024 + 1))
    signature = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
    with pytest.raises(HostDenied):
        github("").hint({"x-github-event": "push", "x-hub-signature-256": f"sha256={signature}"}, b"{}")
