"""What every adapter does alike, the embedded host among them; then what the network does to those that use it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import DESK as DESK_IDENTITY
from fake_host import (
    BRIDGE,
    DESK,
    HALF,
    LOGINS,
    PERSON,
    REPOSITORY,
    SECRET,
    SILENT,
    STRANGER,
    WORKFLOW,
    FakeHost,
    Fault,
    Reply,
)
from published import descriptions
from sides import FAKES, NOW, Hasty, Side, standing

from xueshi import records
from xueshi.errors import (
    GitError,
    HostConflict,
    HostDenied,
    HostError,
    HostLimited,
    HostRefused,
    HostUnavailable,
    HostUnknown,
)
from xueshi.git import RefUpdate
from xueshi.hosts import HOSTS, from_ci, make
from xueshi.hosts.base import Host
from xueshi.hosts.granting import Granting
from xueshi.hosts.local import LocalHost
from xueshi.records import study_file

REMOTE = tuple(FAKES)


@pytest.fixture
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    with standing(request.param, tmp_path, descriptions) as made:
        yield made


everywhere = pytest.mark.parametrize("side", ("local", *REMOTE), indirect=True)
remote = pytest.mark.parametrize("side", REMOTE, indirect=True)


def fake_of(side: Side) -> FakeHost:
    assert side.fake is not None
    return side.fake


# --- what all do


@pytest.mark.parametrize("adapter", (LocalHost, *dict.fromkeys(HOSTS.values())))
def test_an_adapter_has_the_functions_of_every_host_in_the_same_order(adapter: type[Host]) -> None:
    wanted = [name for name in vars(Host) if not name.startswith("_") and name != "url"]
    public = [name for name in vars(adapter) if name in wanted and callable(getattr(adapter, name))]
    if adapter is not LocalHost:
        assert public == wanted
    for name in wanted:
        assert inspect.signature(getattr(adapter, name)) == inspect.signature(getattr(Host, name)), name


@everywhere
def test_a_pushed_ref_gets_one_pull(side: Side) -> None:
    study = side.school.study()
    ref, head = side.push(study)
    assert side.host.find(ref) is None
    pull = side.host.open(ref, "【待审核】林样青", "| 学习日期 |\n", side.now)
    assert (pull.number, pull.head_ref, pull.head, pull.state) == (1, ref, head, "open")
    assert (pull.title, pull.body) == ("【待审核】林样青", "| 学习日期 |\n")
    assert (
        pull.opened_at.endswith("+08:00") and (pull.decided_at, pull.decided_by, pull.reason) == (None,) * 3
    )
    with pytest.raises(HostConflict):
        side.host.open(ref, "别的", "", side.now)
    assert side.host.find(ref) == side.host.get(1) == pull
    assert side.host.open_pulls() == [pull]


@everywhere
def test_a_ref_that_is_not_there_is_refused(side: Side) -> None:
    with pytest.raises(HostRefused) as caught:
        side.host.open("sub/01KJYKG9Z08M4T0V2N9X5B7CDE", "标题", "", side.now)
    assert not isinstance(caught.value, HostConflict)


@everywhere
def test_a_number_that_is_not_there_is_none_and_cannot_be_decided(side: Side) -> None:
    assert side.host.get(9) is None
    for act in (
        lambda: side.host.close(9, "m0003", "原因", side.now),
        lambda: side.host.merge(9, side.school.tip, "m0003", side.now),
        lambda: side.host.comment(9, "check", "文字"),
    ):
        with pytest.raises(HostRefused, match="no pull 9"):
            act()


@everywhere
def test_what_waits_comes_oldest_first(side: Side) -> None:
    if side.fake:
        side.fake.state.page = 2
    pulls = [side.offer() for _ in range(5)]
    side.host.close(2, "m0003", "原因", side.now)
    assert [pull.number for pull in side.host.open_pulls()] == [1, 3, 4, 5]
    assert [side.host.find(pull.head_ref) for pull in pulls] == [side.host.get(n) for n in range(1, 6)]


@everywhere
def test_a_returned_proposal_keeps_who_and_why(side: Side) -> None:
    pull = side.offer()
    why = "照片是上周的；@小王 请换成 #3 <b>\n/close 第二行"
    closed = side.desk.close(pull.number, "m0003", why, side.now)
    assert (closed.state, closed.decided_by) == ("closed", "m0003")
    assert closed.reason is not None and closed.reason.split() == why.split()
    assert closed.decided_at is not None and closed.decided_at.endswith("+08:00")
    assert side.host.find(pull.head_ref) == side.host.get(pull.number) == closed, (
        "the bridge believes the desk"
    )
    assert all(one.own for one in side.host.comments(pull.number))
    assert side.host.open_pulls() == []
    with pytest.raises(HostRefused, match="closed already"):
        side.desk.close(pull.number, "m0003", "再次", side.now)


@everywhere
def test_a_decided_proposal_is_found_after_its_ref_is_gone(side: Side) -> None:
    returned, merged = side.offer(), side.offer()
    side.desk.close(returned.number, "m0003", "原因", side.now)
    side.desk.merge(merged.number, merged.head, "m0003", side.now)
    for pull, state in ((returned, "closed"), (merged, "merged")):
        side.delete(pull.head_ref)
        found = side.host.find(pull.head_ref)
        assert found is not None and (found.number, found.head_ref, found.state) == (
            pull.number,
            pull.head_ref,
            state,
        )
        assert found.head == pull.head


@remote
@pytest.mark.parametrize("again", [1, 2])
def test_of_two_pulls_of_a_ref_the_open_one_is_found(side: Side, again: int) -> None:
    """Somebody opened a second one on the host, and perhaps the first again."""
    state, pull = fake_of(side).state, side.offer()
    state.close(pull.number, "weiceining")
    second = state.open(pull.head_ref, "再来", "")
    found = side.host.find(pull.head_ref)
    assert found is not None and (found.number, found.state) == (2, "open")
    state.close(second.number, "weiceining")
    state.pulls[again].state, state.pulls[again].decided_at = "open", None
    found = side.host.find(pull.head_ref)
    assert found is not None and (found.number, found.state) == (again, "open")


@everywhere
def test_a_comment_is_written_once_and_then_replaced(side: Side) -> None:
    pull = side.offer()
    for text in ("第一版", "第二版\n两行"):
        side.host.comment(pull.number, "check", text)
    side.host.comment(pull.number, "other", "别的")
    found = side.host.comments(pull.number)
    assert [(one.text, one.own) for one in found] == [("第二版\n两行", True), ("别的", True)]
    assert all(one.at.endswith("+08:00") for one in found)


@everywhere
def test_a_merge_is_an_approval_that_history_reads(side: Side) -> None:
    study = side.school.study()
    pull = side.offer(study)
    merge = side.desk.merge(pull.number, pull.head, "m0003", side.now)
    repo = side.school.repo
    assert repo.resolve("refs/heads/main") == merge
    version = records.read_history(repo, "main").last(study.path)
    assert version is not None and version.approved
    assert (version.commit, version.pull, version.decided_by) == (merge, pull.number, "m0003")
    message = repo.run("show", "-s", "--format=%ae%n%B", merge).decode().rstrip()
    assert message.split("\n", 1) == [
        DESK_IDENTITY.email, f"Merge proposal {study.id}\n\nPull: {pull.number}\nApproved-By: m0003"
    ]  # fmt: skip
    found = side.host.get(pull.number)
    assert found is not None and found.state == "merged" and found.merge in (merge, None)
    assert found.decided_at is not None
    with pytest.raises(HostRefused, match="merged already"):
        side.desk.merge(pull.number, pull.head, "m0003", side.now)


@everywhere
def test_only_what_was_read_is_merged(side: Side) -> None:
    study = side.school.study()
    pull = side.offer(study)
    _, head = side.push(study, parent=pull.head, files={"records/jg1/more.yaml": b"more: 1\n"})
    if side.fake:
        found = side.host.get(pull.number)
        assert found is not None and found.head == head
    with pytest.raises(HostConflict):
        side.desk.merge(pull.number, pull.head, "m0003", side.now)
    assert side.school.repo.resolve("refs/heads/main") == side.school.tip
    assert side.fake is None or not any(asked.path.endswith("/merge") for asked in side.fake.asked)


@everywhere
def test_what_clashes_with_main_is_not_merged(side: Side) -> None:
    study = side.school.study()
    pull = side.offer(study)
    side.school.push({study.path: study_file(study)})
    with pytest.raises(HostConflict):
        side.desk.merge(pull.number, pull.head, "m0003", side.now)
    found = side.host.get(pull.number)
    assert found is not None and found.state == "open"


@everywhere
def test_a_grant_is_merged_by_the_embedded_host_alone(side: Side) -> None:
    study = side.school.study()
    pull, content = side.offer(study), b"granted: 1\n"
    grant = {study.path: content}
    if side.fake is None:
        merge = side.desk.merge(pull.number, pull.head, "m0003", side.now, grant=grant)
        assert list(side.school.repo.blobs([f"{merge}:{study.path}"]).values()) == [content]
        return
    with pytest.raises(HostRefused, match="cannot change files in a merge"):
        side.desk.merge(pull.number, pull.head, "m0003", side.now, grant=grant)
    assert side.school.repo.resolve("refs/heads/main") == side.school.tip


def granting(side: Side) -> Granting:
    return Granting(side.desk, side.clone, DESK_IDENTITY)


@remote
def test_the_desk_pushes_the_merge_that_grants_fewer_hours(side: Side) -> None:
    study = side.school.study()
    pull, content = side.offer(study), b"granted: 1\n"
    merge = granting(side).merge(pull.number, pull.head, "m0003", side.now, grant={study.path: content})
    repo = side.school.repo
    assert repo.resolve("refs/heads/main") == merge
    assert list(repo.blobs([f"{merge}:{study.path}"]).values()) == [content]
    told = (
        repo.run("log", "-1", "--format=%ae%n%P%n%(trailers:key=Approved-By,valueonly)", merge)
        .decode()
        .split()
    )
    assert told == [DESK_IDENTITY.email, side.school.tip, pull.head, "m0003"]
    with pytest.raises(HostRefused, match="may only change files of the proposal"):
        granting(side).merge(
            side.offer().number, side.host.open_pulls()[-1].head, "m0003", side.now, grant={"x": b""}
        )


@remote
def test_where_main_takes_no_push_nothing_is_granted(side: Side) -> None:
    study = side.school.study()
    pull = side.offer(study)
    hook = side.school.repo.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(HostDenied, match=r"不让审核台推送到 main.* does not let the desk push to main"):
        granting(side).merge(pull.number, pull.head, "m0003", side.now, grant={study.path: b"granted: 1\n"})
    with pytest.raises(HostConflict):
        granting(side).merge(pull.number, "0" * 40, "m0003", side.now, grant={study.path: b""})
    assert side.school.repo.resolve("refs/heads/main") == side.school.tip


@remote
def test_a_grant_whose_push_got_lost_says_nothing_of_rights(side: Side) -> None:
    study = side.school.study()
    pull, desk = side.offer(study), granting(side)
    fake_of(side).git_fault = lambda path: "before" if path == "/git-receive-pack" else ""
    with pytest.raises(HostUnknown):
        desk.merge(pull.number, pull.head, "m0003", side.now, grant={study.path: b"granted: 1\n"})


@everywhere
def test_a_probe_says_what_the_host_is(side: Side) -> None:
    probe = side.host.probe()
    assert probe.name == (side.fake.kind if side.fake else "local") == side.host.name
    assert probe.version and probe.account == (LOGINS[BRIDGE] if side.fake else DESK_IDENTITY.email)
    assert (probe.can_push, probe.private, probe.main_protected) == (True, True, True)
    assert (probe.merge_methods, probe.names_in_merge) == (("merge",), False)
    assert probe.desk_account == (LOGINS[DESK] if side.fake else None)


@everywhere
def test_a_webhook_is_believed_only_when_it_is_signed(side: Side) -> None:
    if side.fake is None:
        with pytest.raises(HostDenied):
            side.host.hint({}, b"{}")
        return
    headers, body = side.fake.webhook(12)
    found = side.host.hint(headers, body)
    assert found is not None and found.number == 12 and found.delivery in headers.values()
    signature = next(name for name in headers if name.endswith(("signature", "signature-256", "token")))
    wrong = headers[signature][:-1] + ("0" if headers[signature][-1] != "0" else "1")
    for value in (wrong, "", "é", headers[signature] + "0"):
        with pytest.raises(HostDenied):
            side.host.hint({**headers, signature: value}, body)
    with pytest.raises(HostDenied):
        side.host.hint({name: value for name, value in headers.items() if name != signature}, body)


# --- only on the network


@remote
def test_git_is_let_in_by_environment_and_not_by_address(side: Side, tmp_path: Path) -> None:
    assert BRIDGE not in side.host.url
    wrong = make(side.host.name, fake_of(side).api, REPOSITORY, "wrong-token", transport=Hasty())
    with pytest.raises(GitError):
        side.clone.run("ls-remote", side.host.url, env=wrong.git_environment())


@remote
def test_a_fork_is_never_taken_for_a_proposal_of_ours(side: Side) -> None:
    study = side.school.study()
    ref, _ = side.push(study)
    fake_of(side).state.open(ref, "抢先", "", fork="stranger")
    assert side.host.find(ref) is None
    pull = side.host.open(ref, "标题", "", side.now)
    assert side.host.find(ref) == pull
    assert [one.head_ref == ref for one in side.host.open_pulls()] == [False, True]


@remote
def test_a_host_that_ignores_what_it_is_asked_for_misleads_nobody(side: Side) -> None:
    fake_of(side).state.deaf = True
    pulls = [side.offer(), side.offer()]
    assert [side.host.find(pull.head_ref) for pull in pulls] == pulls
    assert side.host.find(side.ready[0]) is None


@remote
def test_a_pull_into_another_ref_is_none_of_ours(side: Side) -> None:
    pull = side.offer()
    fake_of(side).state.pulls[pull.number].base = "other"
    assert side.host.get(pull.number) is None and side.host.open_pulls() == []


@remote
@pytest.mark.parametrize("said", ["--output=secret", "HEAD", "f" * 39, f"{'f' * 40}\n", "zz\0"])
def test_what_is_no_commit_is_no_answer_of_a_host(side: Side, said: str) -> None:
    state, ref = fake_of(side).state, side.ready[0]
    forked = state.open(ref, "别人的", "", fork="stranger")
    forked.head = said
    for ask in (side.host.open_pulls, lambda: side.host.get(forked.number)):
        with pytest.raises(HostUnavailable, match="not an answer of this host"):
            ask()
    forked.head, forked.state, forked.decided_at = "f" * 40, "merged", state.tick()
    forked.decided_by = forked.merge = said
    with pytest.raises(HostUnavailable, match="not an answer of this host"):
        side.host.get(forked.number)


@remote
def test_a_name_that_no_ref_can_have_is_no_answer_of_a_host(side: Side) -> None:
    forked = fake_of(side).state.open(side.ready[0], "别人的", "", fork="stranger")
    forked.head_ref = "sub/x\n\nApproved-By: m0001"
    with pytest.raises(HostUnavailable, match="not an answer of this host"):
        side.host.open_pulls()


@remote
def test_a_grant_fetches_nothing_but_a_proposals_ref(side: Side) -> None:
    study = side.school.study()
    pull = side.offer(study)
    held = fake_of(side).state.pulls[pull.number]
    repo = side.school.repo
    repo.update_refs([RefUpdate("refs/heads/evidence/2026", pull.head, None)])
    held.head_ref = "evidence/2026"
    with pytest.raises(HostRefused, match="no proposal's ref"):
        granting(side).merge(pull.number, pull.head, "m0003", side.now, grant={study.path: b"granted: 1\n"})


@remote
def test_the_reason_is_what_a_person_wrote_last(side: Side) -> None:
    pull, state = side.offer(), fake_of(side).state
    state.note(pull.number, "weiceining", "第一条")
    state.note(pull.number, "weiceining", "<!-- 藏 -->照片\x00不清楚\r\n请重拍" + "啊" * 600)
    side.host.comment(pull.number, "check", "机器的话")
    state.note(pull.number, "someone-bot", "检查通过\n\n<!-- xueshi:ci -->")
    state.close(pull.number, "weiceining")
    found = side.host.get(pull.number)
    assert found is not None and (found.state, found.decided_by) == ("closed", "weiceining")
    assert (
        found.reason is not None
        and found.reason.startswith("照片不清楚\n请重拍啊")
        and len(found.reason) == 500
    )
    comments = side.host.comments(pull.number)
    assert [one.own for one in comments] == [False, False, True, False]


@remote
def test_what_others_write_is_not_the_reason_of_whoever_closed(side: Side) -> None:
    pull, state = side.offer(), fake_of(side).state
    state.note(pull.number, "weiceining", "日期有误，请改")
    state.note(pull.number, "mallory", "你被开除了，请打 13800000000")
    state.close(pull.number, "weiceining")
    state.note(pull.number, "mallory", "说了你被开除了")
    found = side.host.get(pull.number)
    assert found is not None and (found.decided_by, found.reason) == ("weiceining", "日期有误，请改")


@remote
def test_closed_without_a_word_has_no_reason(side: Side) -> None:
    pull = side.offer()
    fake_of(side).state.close(pull.number, "weiceining")
    side.host.comment(pull.number, "check", "机器的话")
    found = side.host.get(pull.number)
    assert found is not None and (found.decided_by, found.reason) == ("weiceining", None)


@remote
def test_a_stranger_cannot_forge_who_returned_it(side: Side) -> None:
    pull, state = side.offer(), fake_of(side).state
    state.note(pull.number, "weiceining", "照片不清楚")
    state.note(pull.number, "stranger", "我说的\n\n<!-- xueshi:close:m0005 -->")
    state.close(pull.number, "weiceining")
    found = side.host.get(pull.number)
    assert found is not None and (found.decided_by, found.reason) == ("weiceining", "照片不清楚")


@remote
def test_closing_again_after_a_lost_answer_does_not_say_it_twice(side: Side) -> None:
    pull, fake = side.offer(), fake_of(side)
    close = "PUT" if fake.kind == "gitlab" else "PATCH"
    fake.faults.append(Fault(close, f"/{pull.number}", None))
    with pytest.raises(HostUnknown):
        side.desk.close(pull.number, "m0003", "原因", side.now)
    side.desk.close(pull.number, "m0003", "原因", side.now)
    assert [one.text for one in side.desk.comments(pull.number)] == ["原因"]


@remote
def test_a_long_list_is_read_to_its_end_and_the_token_goes_nowhere_else(side: Side) -> None:
    """The fake's next pages are at an address that nobody answers."""
    fake = fake_of(side)
    fake.state.page = 1
    pull = side.offer()
    for number in range(4):
        side.host.comment(pull.number, f"mark-{number}", str(number))
    assert [one.text for one in side.host.comments(pull.number)] == ["0", "1", "2", "3"]
    assert all(one.headers["host"] == fake.base.removeprefix("http://") for one in fake.asked)


@remote
def test_a_token_that_may_not_say_who_it_is_is_told(side: Side) -> None:
    pull, fake = side.offer(), fake_of(side)
    flow = make(fake.kind, fake.api, REPOSITORY, WORKFLOW, account="Actions", transport=Hasty())
    fake.state.note(pull.number, "weiceining", "看一下")
    for text in ("第一版", "第二版"):
        flow.comment(pull.number, "ci", text)
    assert [(one.text, one.own) for one in flow.comments(pull.number)] == [
        ("看一下", False),
        ("第二版", True),
    ]
    assert (flow.account(), flow.probe().account) == ("Actions", "Actions")


@pytest.mark.parametrize(
    ("side", "more", "account"),
    (
        ("github", {}, "github-actions[bot]"),
        ("gitea", {"GITEA_ACTIONS": "true"}, "gitea-actions"),
        ("forgejo", {"GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "forgejo-actions"),
    ),
    indirect=["side"],
)
def test_a_workflow_knows_as_whom_it_writes(side: Side, more: dict[str, str], account: str) -> None:
    """Its own token may not ask, and it would not find its comment again."""
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": fake_of(side).api, "GITHUB_REPOSITORY": REPOSITORY}
    assert from_ci({**environ, "GITHUB_TOKEN": WORKFLOW, **more}).account() == account


@remote
def test_while_nobody_knows_who_we_are_nothing_is_believed_to_be_ours(side: Side) -> None:
    """A mark is a text like any other: who can comment can write one."""
    pull, fake = side.offer(), fake_of(side)
    app = make(fake.kind, fake.api, REPOSITORY, WORKFLOW, transport=Hasty())
    forged = fake.state.note(pull.number, "stranger", "退回：造假\n\n<!-- xueshi:close:m0005 -->")
    planted = fake.state.note(pull.number, "stranger", "好\n\n<!-- xueshi:ci -->")
    app.comment(pull.number, "ci", "检查没有通过")
    with pytest.raises(HostDenied, match=r"host\.account"):
        app.close(pull.number, "m0003", "原因", side.now)
    assert pull.state == "open" and [one.own for one in app.comments(pull.number)] == [False] * 3
    assert "造假" in forged.text and planted.text.startswith("好"), "nobody's comment is written over"
    fake.state.close(pull.number, "weiceining")
    found = app.get(pull.number)
    assert found is not None and (found.decided_by, found.reason) == ("weiceining", None)
    assert (app.account(), app.probe().account) == (None, "")


@remote
def test_what_a_token_says_of_itself_counts_more_than_a_setting(side: Side) -> None:
    fake = fake_of(side)
    host = make(fake.kind, fake.api, REPOSITORY, BRIDGE, account="stranger", transport=Hasty())
    assert host.account() == LOGINS[BRIDGE]


@remote
def test_a_probe_shows_what_is_set_up_wrongly(side: Side) -> None:
    fake = fake_of(side)
    right = side.host.probe()
    assert (right.approvals_required, bool(right.checks_required)) == (2, True)
    fake.state.private, fake.state.protected, fake.state.names_in_merge = False, False, True
    fake.state.ways = ["merge", "squash"]
    wrong = side.host.probe()
    assert (wrong.private, wrong.main_protected, wrong.names_in_merge) == (False, False, True)
    assert (wrong.merge_methods, wrong.checks_required) == (("merge", "squash"), ())
    assert wrong.approvals_required in (0, None)


# --- faults


def host_of(side: Side, token: str, read: float = 20.0) -> Host:
    """Another adapter for the same other side, which waits `read` seconds for an answer."""
    fake = fake_of(side)
    return make(fake.kind, fake.api, REPOSITORY, token, transport=Hasty(read), clock=lambda: NOW)


def host_for(side: Side, fault: str) -> Host:
    return host_of(side, BRIDGE, 0.2) if fault == "silent" else side.host


@remote
def test_a_wrong_token_and_a_token_without_the_repository_are_denied(side: Side) -> None:
    pull = side.offer()
    for token in ("wrong-token", STRANGER):
        host = host_of(side, token)
        for act in (
            host.open_pulls,
            host.probe,
            lambda host=host: host.get(pull.number),
            lambda host=host: host.find(pull.head_ref),
            lambda host=host: host.comments(pull.number),
            lambda host=host: host.open("sub/x", "标题", "", side.now),
        ):
            with pytest.raises(HostDenied):
                act()


SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes."
}  # GitHub, [docs]
BLOCKED = {
    "message": "You have been temporarily blocked from content creation. Please retry your request again later."
}
PRIMARY = {"message": "API rate limit exceeded for user ID 1."}  # GitHub, [docs]
LIMITS = {
    "403 with Retry-After": (Reply(403, SECONDARY, {"Retry-After": "120"}), 120.0),
    "429 with Retry-After": (Reply(429, b"Retry later\n", {"Retry-After": "90"}), 90.0),
    "429 alone": (Reply(429, {"message": "Too Many Requests"}), 60.0),
    "a short Retry-After": (Reply(429, {}, {"Retry-After": "1"}), 60.0),
    "a Retry-After as a date": (Reply(429, {}, {"Retry-After": "Wed, 25 Feb 2026 06:15:20 GMT"}), 120.0),
    "only the secondary limit's words": (Reply(403, SECONDARY), 60.0),
    "blocked from content creation": (Reply(403, BLOCKED), 60.0),  # flatpak-external-data-checker#383
    "nothing remains": (
        Reply(403, PRIMARY, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{NOW + 600:.0f}"}), 600.0
    ),
    "a reset in milliseconds": (
        Reply(403, PRIMARY, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{NOW * 1000:.0f}"}), 6 * 3600.0
    ),
    "a Retry-After without sense": (Reply(429, {}, {"Retry-After": "soon"}), 60.0),
}  # fmt: skip


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("side", ("github",), indirect=True)
def test_a_limit_says_until_when(side: Side, limit: str) -> None:
    reply, wait = LIMITS[limit]
    fake_of(side).faults.append(Fault("GET", "/pulls", reply))
    with pytest.raises(HostLimited) as caught:
        side.host.open_pulls()
    assert caught.value.until == NOW + wait


@remote
def test_a_limit_while_opening_leaves_nothing_and_is_over_later(side: Side) -> None:
    fake = fake_of(side)
    ref = side.ready[0]
    path = "/merge_requests" if fake.kind == "gitlab" else "/pulls"
    fake.faults.append(Fault("POST", path, Reply(429, {"message": "x"}, {"Retry-After": "60"})))
    with pytest.raises(HostLimited):
        side.host.open(ref, "标题", "", side.now)
    assert side.host.find(ref) is None
    assert side.host.open(ref, "标题", "", side.now).number == 1


UNAVAILABLE = {
    "502": Reply(502, b"<html>Bad gateway</html>"),
    "503": Reply(503, {"message": "x"}, {"Retry-After": "5"}),
    "cut": None,
    "cut in the middle": HALF,
    "silent": SILENT,
    "a page of a proxy": Reply(200, b"<html>Log in first</html>"),
    "another answer": Reply(200, {"message": "hello"}),
}


@pytest.mark.parametrize("fault", UNAVAILABLE)
@remote
def test_a_lost_question_may_be_asked_again(side: Side, fault: str) -> None:
    pull = side.offer()
    fake_of(side).faults.append(Fault("GET", f"/{pull.number}", UNAVAILABLE[fault]))
    with pytest.raises(HostUnavailable) as caught:
        host_for(side, fault).get(pull.number)
    assert not isinstance(caught.value, (HostUnknown, HostLimited))
    assert side.host.get(pull.number) == pull


@pytest.mark.parametrize("fault", UNAVAILABLE)
@remote
def test_a_pull_opened_without_an_answer_is_found_and_never_doubled(side: Side, fault: str) -> None:
    fake = fake_of(side)
    ref = side.ready[0]
    path = "/merge_requests" if fake.kind == "gitlab" else "/pulls"
    fake.faults.append(Fault("POST", path, UNAVAILABLE[fault], done=True))
    with pytest.raises(HostUnknown):
        host_for(side, fault).open(ref, "标题", "", side.now)
    found = side.host.find(ref)
    assert found is not None and found.number == 1
    with pytest.raises(HostConflict):
        side.host.open(ref, "标题", "", side.now)
    assert len(fake.state.pulls) == 1


@remote
def test_a_merge_without_an_answer_is_seen_afterwards(side: Side) -> None:
    fake, pull = fake_of(side), side.offer()
    fake.faults.append(
        Fault("POST" if "gitea" in HOSTS[fake.kind].__module__ else "PUT", "/merge", None, done=True)
    )
    with pytest.raises(HostUnknown):
        side.desk.merge(pull.number, pull.head, "m0003", side.now)
    found = side.host.get(pull.number)
    assert found is not None and found.merge == side.school.repo.resolve("refs/heads/main")


@remote
def test_nobody_listening_did_nothing(side: Side) -> None:
    host = make(fake_of(side).kind, "http://127.0.0.1:9" + fake_of(side).prefix, REPOSITORY, BRIDGE)
    for act in (host.open_pulls, lambda: host.open("sub/x", "标题", "", side.now)):
        with pytest.raises(HostUnavailable) as caught:
            act()
        assert not isinstance(caught.value, HostUnknown)


@remote
def test_a_list_that_moves_while_it_is_read_says_nothing_twice(side: Side) -> None:
    pulls, fake = [side.offer() for _ in range(3)], fake_of(side)
    fake.state.page = 2
    path = "/merge_requests" if fake.kind == "gitlab" else "/pulls"
    first = fake.answer
    pages = iter((None, {"page": "1"}))  # the second page asked for is the first again, and has no next one

    def moving(asked, token):  # type: ignore[no-untyped-def]
        turn = next(pages, None) if asked.path.endswith(path) else None
        reply = first(
            asked if turn is None else type(asked)(**{**vars(asked), "query": {**asked.query, **turn}}), token
        )
        return reply if turn is None else Reply(reply.status, reply.data)

    fake.answer = moving  # type: ignore[method-assign]
    assert [pull.number for pull in side.host.open_pulls()] == [pulls[0].number, pulls[1].number]


@remote
def test_neither_token_nor_personal_data_gets_into_errors_or_logs(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake = fake_of(side)
    ref = side.ready[0]
    path = "/merge_requests" if fake.kind == "gitlab" else "/pulls"
    told: list[str] = []
    for reply in (
        Reply(400, {"message": f"bad title 林样青 Lin Yangqing {BRIDGE}", "errors": ["Lin Yangqing's body"]}),
        Reply(502, {"message": "Lin Yangqing"}),
        None,
    ):
        fake.faults.append(Fault("POST", path, reply))
        with pytest.raises(HostError) as caught:
            side.host.open(ref, "Lin Yangqing", "Lin Yangqing's body", side.now)
        told += [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    side.host.open(ref, "Lin Yangqing", "Lin Yangqing's body", side.now)
    for words in (*told, caplog.text):
        assert "Yangqing" not in words and "林样青" not in words
        assert BRIDGE not in words and DESK not in words and PERSON not in words and SECRET not in words


@remote
def test_a_line_of_ours_comes_back_as_it_was_written(side: Side) -> None:
    """Delivery reads from it who leaves a pull request."""
    line = "撤回 7YQ2M-KX4TD 本人撤回 @all #1"
    side.host.close(side.offer().number, "m0012", line, side.now)
    (told,) = [comment.text for comment in side.host.comments(1) if comment.own]
    assert told == line
