"""records/keys.yaml, and the command that makes keys, prints links and changes which hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import BRIDGE, DESK, School, committee_files, person
from hypothesis import given
from hypothesis import strategies as st

from xueshi import checks, publish, records
from xueshi.checks.proposal import Proposed
from xueshi.cli import common, generations, keys, main
from xueshi.errors import UsageError
from xueshi.hosts.local import LocalHost
from xueshi.model import CONTENT, LINK, MEMBER, OFFICER, Held, Keys, Problem, Reader, Root, epoch_order
from xueshi.records import load_approved, parse_file, render
from xueshi.records.source import KEYS
from xueshi.sealing import Card, Keyring, link, parsed_fragment, sheets, site_address
from xueshi.sealing.fingerprints import fingerprint
from xueshi.sealing.keys import content_root, link_root, parsed_master, root_from
from xueshi.sealing.moving import file_data, new_content, new_links, noted, removed, replaced
from xueshi.service import Service, embedded

TODAY = date(2026, 11, 26)
SITE = "https://study.example.invalid/"
FULL = b"""schema: keys/1
epochs: {link: 2026-2, content: "2026"}
readers:
  - {kind: member, id: m0012, gen: 2}
  - {kind: officer, id: m0003, gen: 1, removed: true}
"""


@pytest.fixture(autouse=True)
def one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (common, generations, keys):
        monkeypatch.setattr(module, "today", lambda: TODAY)
    for name in ("XUESHI_LINK_ROOT", "XUESHI_CONTENT_ROOT", "XUESHI_SITE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clone(school: School, tmp_path: Path) -> Path:
    """A work tree of the school."""
    place = tmp_path / "data"
    subprocess.run(["git", "clone", "--quiet", school.repo.path, place, "--branch", "main"], check=True)
    return place


def run(*args: object) -> Result:
    return CliRunner().invoke(main, ["keys", *map(str, args)])


def approve(school: School, content: bytes) -> None:
    """keys.yaml on main, merged by the committee."""
    head = school.commit((school.tip,), {KEYS: content}, "Keys\n\nSubmitted-By: m0003\n", BRIDGE)
    school.merge(head, by="m0005")


# --- the file


def test_the_file_says_epochs_generations_and_who_was_removed() -> None:
    found = parse_file(KEYS, FULL)
    assert found.problems == () and isinstance(found.value, Keys)
    said = found.value
    assert (said.link, said.content) == ("2026-2", "2026")
    assert said.reader(MEMBER, "m0012") == Reader(MEMBER, "m0012", 2)
    assert said.reader(OFFICER, "m0012") == Reader(OFFICER, "m0012", 0)
    assert said.reader(OFFICER, "m0003") is None
    assert render("keys", file_data(said)).replace(b'"2026-2"', b"2026-2") == FULL


def test_without_a_file_the_first_links_hold_and_contents_follow_the_year(school: School) -> None:
    approved = load_approved(school.repo, "main")[0]
    assert approved.keys == Keys() == parse_file(KEYS, b"schema: keys/1\n").value
    assert approved.keys.reader(MEMBER, "m0012") == Reader(MEMBER, "m0012", 0)
    assert approved.keys.content_epoch(date(2027, 1, 1)) == "2027" and approved.keys.link == "2026"


def test_only_what_the_committee_approved_is_in_force(school: School) -> None:
    approve(school, FULL)
    school.push({KEYS: b"schema: keys/1\n"})
    assert load_approved(school.repo, "main")[0].keys.reader(MEMBER, "m0012") == Reader(MEMBER, "m0012", 2)
    assert records.load(school.repo, "main").keys == Keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"schema: keys/1\nepochs: {link: x}\n", "链接期次写法不对：'x'，应写成 2026 的样子"),
        (b"schema: keys/1\nepochs: {content: 2026-1}\n", "内容期次写法不对"),
        (b"schema: keys/1\nepochs: {content: 1999}\n", "内容期次写法不对"),
        (b"schema: keys/1\nsecret: abc\n", "没有 'secret' 这个字段"),
        (b"schema: keys/1\nreaders: [{kind: admin, id: m0012, gen: 1}]\n", "member、officer"),
        (b"schema: keys/1\nreaders: [{kind: member, id: m0012, gen: -1}]\n", "代数不能小于 0"),
        (b"schema: keys/1\nreaders: [{kind: member, id: m0012, gen: 1.5}]\n", "代数应为整数"),
        (b'schema: keys/1\nreaders: [{kind: member, id: "m:1", gen: 1}]\n', "党员编号写法不对"),
        (b"schema: keys/1\nreaders: [{kind: member, id: m0012}]\n", "缺少“代数”"),
        (b"schema: keys/2\n", "格式不能是"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(content: bytes, words: str) -> None:
    found = parse_file(KEYS, content)
    assert found.value is None and words in found.problems[0].message and found.problems[0].line > 0


# --- rules


def problems(school: School, content: bytes, before: bytes = FULL) -> list[Problem]:
    """What the check says of a proposal that puts `content` in the place of `before`."""
    base = records.overlay(load_approved(school.repo, "main")[0], {KEYS: before})
    change = Proposed(base, records.overlay(base, {KEYS: content}), {KEYS}, TODAY)
    return list(checks.check_change(change))


def rules(found: list[Problem]) -> set[str]:
    return {problem.rule for problem in found}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"m0012, gen: 2", b"m0012, gen: 1", "已是第 2 代，不能改成第 1 代"),
        (b"  - {kind: member, id: m0012, gen: 2}\n", b"", "不能改成第 0 代"),
        (b", removed: true", b"", "请把代数（gen）改为 2"),
        (b"link: 2026-2", b'link: "2026"', "期次 link 已是 2026-2，不能改回 2026"),
        (b'content: "2026"', b'content: "2025"', "不能改回 2025"),
        (b', content: "2026"', b"", "不能改回 不写"),
    ],
)
def test_an_old_link_never_holds_again(school: School, old: bytes, new: bytes, words: str) -> None:
    assert old in FULL
    found = problems(school, FULL.replace(old, new))
    assert rules(found) == {"links-only-move-on"} and words in found[0].message and found[0].path == KEYS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"m0012, gen: 2", b"m0012, gen: 3"),
        (b"gen: 1, removed: true", b"gen: 2"),
        (b"gen: 2}", b"gen: 2, removed: true}"),
        (b"link: 2026-2", b"link: 2026-10"),
        (b'content: "2026"', b'content: "2027"'),
        (b"readers:\n", b"readers:\n  - {kind: officer, id: m0005, gen: 1}\n"),
    ],
)
def test_moving_on_is_sound(school: School, old: bytes, new: bytes) -> None:
    assert old in FULL
    assert problems(school, FULL.replace(old, new)) == []


def test_the_file_is_never_deleted(school: School) -> None:
    base = records.overlay(load_approved(school.repo, "main")[0], {KEYS: FULL})
    change = Proposed(base, records.overlay(base, {KEYS: None}), {KEYS}, TODAY)
    assert rules(list(checks.check_change(change))) == {"nothing-is-deleted"}


def test_a_stranger_is_told_and_an_epoch_far_ahead_refused(school: School) -> None:
    plain = b"schema: keys/1\n"
    found = problems(school, plain + b"readers:\n  - {kind: member, id: m9999, gen: 1}\n", plain)
    assert [(p.rule, p.severity.value, p.line) for p in found] == [
        ("readers-of-links-are-known", "warning", 3)
    ]
    found = problems(school, plain + b"readers: [{kind: officer, id: m0006, gen: 1}]\n", plain)
    assert "没有审核人链接" in found[0].message and found[0].severity.value == "warning"
    assert problems(school, plain + b'epochs: {content: "2027"}\n', plain) == []
    found = problems(school, plain + b'epochs: {content: "2062"}\n', plain)
    assert rules(found) == {"epochs-are-not-ahead"} and found[0].severity.value == "error"


HELD = st.builds(
    Held, st.sampled_from([MEMBER, OFFICER]), st.sampled_from(["m1", "m2"]), st.integers(0, 9), st.booleans()
)


@given(st.lists(HELD, max_size=3), st.lists(st.sampled_from("abcdefg"), max_size=6))
def test_whatever_the_commands_do_moves_on(held: list[Held], acts: list[str]) -> None:
    """No sequence of changes makes a link or an epoch hold that has been left before."""
    now = Keys(readers=tuple({(h.kind, h.id): h for h in held}.values()))
    left: set[Reader] = set()
    for act in acts:
        before = now
        try:
            now = CHANGES[act](now)
        except UsageError:
            continue
        for kind, ident in ((kind, ident) for kind in (MEMBER, OFFICER) for ident in ("m1", "m2")):
            was, reader = before.reader(kind, ident), now.reader(kind, ident)
            left |= {was} if was is not None and was != reader else set()
            assert reader not in left
        assert epoch_order(now.link) >= epoch_order(before.link)
        assert parse_file(KEYS, render("keys", file_data(now))).value == now


CHANGES: dict[str, Callable[[Keys], Keys]] = {
    "a": lambda now: replaced(now, [(MEMBER, "m1")]),
    "b": lambda now: replaced(now, [(MEMBER, "m2"), (OFFICER, "m2")]),
    "c": lambda now: removed(now, MEMBER, "m1"),
    "d": lambda now: removed(now, OFFICER, "m2"),
    "e": lambda now: new_links(now, 2026),
    "f": lambda now: new_content(now, 2026, again=True),
    "g": lambda now: noted(
        now, Root(LINK, now.link, "a" * 16), Root(CONTENT, now.content or "2026", "1" * 16)
    ),
}


def test_epochs_follow_each_other() -> None:
    assert new_content(Keys(), 2027, again=False).content == "2027"
    assert new_content(Keys(), 2026, again=True).content == "2026-2"  # what leaked was the calendar's
    assert new_content(Keys(content="2026-9"), 2026, again=True).content == "2026-10"
    assert new_content(Keys(content="2026-9"), 2027, again=False).content == "2027"
    with pytest.raises(UsageError, match="--again"):
        new_content(Keys(content="2026"), 2026, again=False)
    assert new_links(Keys(), 2026).link == "2026-2" and new_links(Keys(), 2028).link == "2028"
    order = ["2026", "2026-2", "2026-10", "2027"]
    assert sorted(set(order), key=epoch_order) == order


# --- make and derive


def secrets_of(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return dict(line.split("=") for line in result.stdout.splitlines())


def test_a_master_key_is_made_once_for_its_owner_alone(clone: Path, tmp_path: Path) -> None:
    place = tmp_path / "master"
    made = secrets_of(run("make", place, "--repo", clone))
    master = parsed_master(place.read_text())
    assert place.stat().st_mode & 0o777 == 0o600
    assert made == {
        "XUESHI_LINK_ROOT": link_root(master, "2026").hex(),
        "XUESHI_CONTENT_ROOT": content_root(master, "2026").hex(),
    }
    assert Keyring.from_environ(made, Keys())
    again = run("make", place, "--repo", clone)
    assert again.exit_code == 2 and "已经存在" in again.stderr and parsed_master(place.read_text()) == master
    other = secrets_of(run("make", tmp_path / "other", "--repo", clone))
    assert set(other.values()).isdisjoint(made.values())
    assert secrets_of(run("derive", place, "--repo", clone)) == made


def test_derived_secrets_follow_the_approved_epochs(school: School, clone: Path, tmp_path: Path) -> None:
    place = tmp_path / "master"
    run("make", place, "--repo", clone)
    master = parsed_master(place.read_text())
    approve(school, FULL)
    told = secrets_of(run("derive", place, "--repo", school.repo.path, "--rev", "main"))
    assert told["XUESHI_LINK_ROOT"] == link_root(master, "2026-2").hex()
    told = secrets_of(run("derive", place, "--repo", school.repo.path, "--content-epoch", "2027"))
    assert told["XUESHI_CONTENT_ROOT"] == content_root(master, "2027").hex()


def test_with_both_epochs_no_repository_is_needed(tmp_path: Path) -> None:
    labels = ("--link-epoch", "2026", "--content-epoch", "2027-2")
    made = secrets_of(run("make", tmp_path / "master", "--repo", tmp_path, *labels))
    assert secrets_of(run("derive", tmp_path / "master", "--repo", tmp_path, *labels)) == made
    without = run("derive", tmp_path / "master", "--repo", tmp_path)
    assert without.exit_code == 2 and "不是有提交的 git 仓库" in without.stderr


def test_what_is_no_place_or_no_master_key_is_told(clone: Path, tmp_path: Path) -> None:
    def refused(*args: object) -> str:
        result = run(*args, "--repo", clone)
        assert result.exit_code == 2 and result.stdout == "" and "Traceback" not in result.output
        return result.stderr

    assert "会被提交或发布" in refused("make", clone / "master") and not (clone / "master").exists()
    (tmp_path / "into").symlink_to(clone / "records")
    assert "会被提交或发布" in refused("make", tmp_path / "into" / "master")
    assert "写不了" in refused("make", tmp_path / "nowhere" / "master")
    assert "写法不对" in refused("make", tmp_path / "master", "--content-epoch", "next")
    assert not (tmp_path / "master").exists()
    assert "读不出主密钥" in refused("derive", tmp_path / "master")
    assert "is a directory" in refused("derive", clone / "records")
    for content in (b"", b"\xff\xfe", b"0" * 71, b"0" * 72, b"0" * 100_000):
        (tmp_path / "wrong").write_bytes(content)
        assert "主密钥" in refused("derive", tmp_path / "wrong")


def test_a_master_key_that_others_can_read_is_told(clone: Path, tmp_path: Path) -> None:
    place = tmp_path / "master"
    assert "chmod" not in run("make", place, "--repo", clone).stderr
    place.chmod(0o644)
    result = run("derive", place, "--repo", clone)
    assert result.exit_code == 0 and f"chmod 600 {place}" in result.stderr


# --- which roots they are


def noted_by(result: Result) -> list[str]:
    """The two fingerprints that make and derive tell."""
    (found,) = re.findall(r"指纹 ([0-9a-f]{16} [0-9a-f]{16})$", result.stderr, re.MULTILINE)
    return str(found).split()


def test_making_a_master_notes_its_roots_and_pins_the_year(clone: Path, tmp_path: Path) -> None:
    made = run("make", tmp_path / "master", "--repo", clone)
    roots = [bytes.fromhex(value) for value in secrets_of(made).values()]
    now = keys_in(clone)
    assert now.roots == (
        Root(LINK, "2026", fingerprint(roots[0])), Root(CONTENT, "2026", fingerprint(roots[1])),
    )  # fmt: skip
    assert now.content == "2026" and noted_by(made) == [root.fingerprint for root in now.roots]
    assert "xueshi propose" in made.stderr and "keys note" not in made.stderr
    told = run("derive", tmp_path / "master", "--repo", clone)
    assert noted_by(told) == noted_by(made) and f"xueshi keys note {' '.join(noted_by(made))}" in told.stderr


def test_a_fingerprint_is_no_part_of_a_key_and_the_same_everywhere() -> None:
    root = bytes(range(32))
    assert fingerprint(root) == "b65184d9b5054dff"
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(root)) and fingerprint(root) not in root.hex()
    others = {fingerprint(root[:at] + b"x" + root[at + 1 :]) for at in range(32)}
    assert len(others) == 32 and fingerprint(root) not in others


def test_from_a_machine_without_a_network_the_fingerprints_are_typed(clone: Path, tmp_path: Path) -> None:
    labels = ("--link-epoch", "2026", "--content-epoch", "2026")
    made = run("make", tmp_path / "master", "--repo", tmp_path, *labels)
    command = re.findall(r"xueshi keys (note .*)$", made.stderr, re.MULTILINE)[0].split()
    assert run(*command, "--repo", clone).exit_code == 0
    assert [root.fingerprint for root in keys_in(clone).roots] == noted_by(made)
    for wrong in (["note", "abc", "0" * 16], ["note", "0" * 16, "g" * 16]):
        result = run(*wrong, "--repo", clone)
        assert result.exit_code == 2 and "指纹写法不对" in result.stderr
    result = run("note", "0" * 16, "1" * 16, "--content-epoch", "2025", "--repo", clone)
    assert result.exit_code == 2 and "不能退回 2025" in result.stderr
    assert [root.fingerprint for root in keys_in(clone).roots] == noted_by(made)


def in_force(school: School, clone: Path) -> None:
    """Let the committee approve keys.yaml as the clone has it."""
    approve(school, (clone / KEYS).read_bytes())
    (clone / KEYS).unlink()
    subprocess.run(["git", "-C", clone, "checkout", "--quiet", "."], check=True)
    subprocess.run(["git", "-C", clone, "pull", "--quiet"], check=True)


def test_another_master_takes_no_ones_place_unseen(school: School, clone: Path, tmp_path: Path) -> None:
    run("make", tmp_path / "master", "--repo", clone)
    in_force(school, clone)
    again = run("make", tmp_path / "other", "--repo", clone)
    assert again.exit_code == 2 and again.stdout == "" and not (tmp_path / "other").exists()
    new = ("--link-epoch", "2026-2", "--content-epoch", "2026-2")
    assert " ".join(new) in again.stderr
    assert run("make", tmp_path / "other", "--repo", clone, *new).exit_code == 0
    now = keys_in(clone)
    assert (now.link, now.content, len(now.roots)) == ("2026-2", "2026-2", 4)
    wrong = run("derive", tmp_path / "other", "--repo", clone)
    assert wrong.exit_code == 2 and wrong.stdout == "" and "不是这里用的主密钥" in wrong.stderr
    assert "keys note" not in run("derive", tmp_path / "master", "--repo", clone).stderr
    result, html = printed(clone, "--branch", "jg1", "--master", tmp_path / "other")
    assert (
        result.exit_code == 2 and html == "" and "XUESHI_LINK_ROOT 不是链接期次 2026 的密钥" in result.stderr
    )
    assert printed(clone, "--branch", "jg1", "--master", tmp_path / "master")[0].exit_code == 0
    assert problems(school, (clone / KEYS).read_bytes(), records_of(school)) == []


def records_of(school: School) -> bytes:
    return school.repo.blobs([f"main:{KEYS}"])[f"main:{KEYS}"]


def test_a_new_year_from_the_master_notes_the_new_root(school: School, clone: Path, tmp_path: Path) -> None:
    master = tmp_path / "master"
    first = secrets_of(run("make", master, "--repo", clone))
    in_force(school, clone)
    run("make", tmp_path / "other", "--link-epoch", "2026", "--content-epoch", "2026", "--repo", tmp_path)
    wrong = run("new-year", "2027", "--repo", clone, "--master", tmp_path / "other")
    assert wrong.exit_code == 2 and keys_in(clone).content == "2026"
    result = run("new-year", "2027", "--repo", clone, "--master", master)
    assert result.exit_code == 0 and "把上面两个值换进 CI" in result.stderr
    told = dict(line.split("=") for line in result.stdout.splitlines()[1:])
    assert told["XUESHI_LINK_ROOT"] == first["XUESHI_LINK_ROOT"]
    assert told["XUESHI_CONTENT_ROOT"] == content_root(parsed_master(master.read_text()), "2027").hex()
    now = keys_in(clone)
    assert now.content == "2027" and [(r.kind, r.epoch) for r in now.roots] == [
        (LINK, "2026"), (CONTENT, "2026"), (CONTENT, "2027"),
    ]  # fmt: skip
    assert problems(school, (clone / KEYS).read_bytes(), records_of(school)) == []


# --- what a build takes

LINKS, CONTENTS, LATER = (bytes([number]) * 32 for number in (1, 2, 3))
NOTED = noted(Keys(), Root(LINK, "2026", fingerprint(LINKS)), Root(CONTENT, "2026", fingerprint(CONTENTS)))


def environ(links: bytes | None, content: bytes | None) -> dict[str, str]:
    told = {"XUESHI_LINK_ROOT": links, "XUESHI_CONTENT_ROOT": content}
    return {name: root.hex() for name, root in told.items() if root is not None}


def test_a_build_takes_the_roots_that_the_file_names_whatever_the_calendar_says() -> None:
    for day in (TODAY, date(2027, 1, 1)):
        found = publish.keyring(environ(LINKS, CONTENTS), b"", NOTED, day)
        assert (found.link_root, found.content_root) == (LINKS, CONTENTS)
    assert publish.keyring(environ(LATER, CONTENTS), b"", Keys(), TODAY).link_root == LATER  # nothing said
    assert publish.keyring({}, b"x" * 32, Keys(), TODAY)


@pytest.mark.parametrize(
    ("links", "content", "keys", "words"),
    [
        (LATER, CONTENTS, NOTED, "XUESHI_LINK_ROOT 不是链接期次 2026 的密钥"),
        (LINKS, LATER, NOTED, "这个指纹不属于任何一期"),
        (CONTENTS, LINKS, NOTED, "它是内容期次 2026 的"),  # put the wrong way round
        (
            LINKS,
            CONTENTS,
            new_content(NOTED, 2027, again=False),
            "里没有，它是内容期次 2026 的",
        ),  # last year's
        (None, None, NOTED, "XUESHI_EDITION=open"),
        (LINKS, None, NOTED, "没有设置 XUESHI_CONTENT_ROOT"),
        (None, CONTENTS, Keys(), "没有设置 XUESHI_LINK_ROOT"),
    ],
)
def test_a_build_refuses_roots_that_nobodys_link_is_from(
    links: bytes | None, content: bytes | None, keys: Keys, words: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(words)) as refused:
        publish.keyring(environ(links, content), b"x" * 32, keys, TODAY)
    told = str(refused.value)
    assert "xueshi keys derive" in told and not [r for r in (LINKS, CONTENTS, LATER) if r.hex() in told]


def test_the_form_goes_on_where_the_site_cannot_be_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A link without a key opens the page that asks for one; a fault would take the whole page of the form away."""
    made = LocalHost.create(tmp_path / "host.git", DESK)
    school = School(made.repo)
    school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE))
    approve(school, render("keys", file_data(NOTED)))
    service = Service(embedded(tmp_path, "http://127.0.0.1"))
    place = "http://127.0.0.1/site/o/"
    assert service.page("member", "m0012") == place and "XUESHI_EDITION" in caplog.text
    for name, value in environ(LINKS, LATER).items():
        monkeypatch.setenv(name, value)
    assert service.page("member", "m0012") == place and "XUESHI_CONTENT_ROOT 不是" in caplog.text
    monkeypatch.setenv("XUESHI_CONTENT_ROOT", CONTENTS.hex())
    link = service.page("member", "m0012")
    assert parsed_fragment(link) == Keyring(LINKS, b"", Keys()).door(Reader(MEMBER, "m0012"))


@pytest.mark.parametrize("name", ["XUESHI_LINK_ROOT", "XUESHI_CONTENT_ROOT"])
def test_an_empty_secret_is_a_missing_one(name: str) -> None:
    for told in ({name: ""}, {"XUESHI_LINK_ROOT": "", "XUESHI_CONTENT_ROOT": ""}):
        with pytest.raises(UsageError, match="没有设置 XUESHI_LINK_ROOT"):
            publish.keyring(told, b"x" * 32, Keys(), TODAY)


def test_fingerprints_stand_with_the_year_they_are_of(school: School) -> None:
    plain = b"schema: keys/1\n"
    one = b'roots: [{kind: content, epoch: "2026", fingerprint: "0123456789abcdef"}]\n'
    found = problems(school, plain + one, plain)
    assert rules(found) == {"roots-stand-once"} and 'content: "2026"' in found[0].message and found[0].line
    year = b'epochs: {content: "2026"}\n'
    assert problems(school, plain + year + one, plain) == []
    found = problems(school, plain + year + one.replace(b"abcdef", b"fedcba"), plain + year + one)
    assert [(p.rule, p.severity.value) for p in found] == [("fingerprints-stay", "warning")]


# --- print

ROOT = bytes(range(32))


def printed(clone: Path, *args: object, env: dict[str, str] | None = None) -> tuple[Result, str]:
    into = clone.parent / f"sheet-{len(list(clone.parent.iterdir()))}.html"
    told = {"XUESHI_LINK_ROOT": ROOT.hex(), "XUESHI_SITE_URL": SITE, **(env or {})}
    args = ("print", "--repo", clone, "--into", into, *args)
    result = CliRunner().invoke(main, ["keys", *map(str, args)], env=told)
    return result, into.read_text(encoding="utf-8") if into.exists() else ""


def links_on(html: str) -> list[str]:
    lines = re.findall(r'<p class="wide link">(.*?)</p>', html)
    return [re.sub(r"<[^>]+>", "", line) for line in lines]


def names_on(html: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", html)


def test_a_branch_is_printed_a_piece_for_each_member(clone: Path) -> None:
    result, html = printed(clone, "--branch", "jg1")
    assert result.exit_code == 0 and result.stdout.endswith("3 张\n")
    assert names_on(html) == ["林样青", "罗例言", "韦测宁"] and html.count("<svg") == 3
    assert html.count("教工第一党支部") == 3 and "本人学时链接" in html and "审核人链接" not in html
    ring = Keyring(ROOT, b"", Keys())
    wanted = [ring.fragment(Reader(MEMBER, ident)) for ident in ("m0012", "m0005", "m0003")]
    assert links_on(html) == [f"{SITE}o/#{fragment}" for fragment in wanted]
    into = Path(result.stdout.split("  ")[0])
    assert into.stat().st_mode & 0o777 == 0o600


def test_officers_have_links_of_their_own(clone: Path) -> None:
    result, html = printed(clone, "--officers")
    assert result.exit_code == 0 and names_on(html) == ["罗例言", "韦测宁", "覃演禾"]
    assert "审核人链接" in html and "本人学时链接" not in html
    _, of_branch = printed(clone, "--officers", "--branch", "yjs")
    assert names_on(of_branch) == ["罗例言", "覃演禾"]
    (told,) = links_on(printed(clone, "--officers", "--member", "m0003")[1])
    assert parsed_fragment(told) == Keyring(ROOT, b"", Keys()).door(Reader(OFFICER, "m0003"))


def test_a_person_is_printed_by_id_or_name_from_master_or_root(clone: Path, tmp_path: Path) -> None:
    run("make", tmp_path / "master", "--repo", clone)
    capsule = secrets_of(run("derive", tmp_path / "master", "--repo", clone))
    one = printed(clone, "--member", "m0012", "--master", tmp_path / "master")[1]
    assert links_on(one) == links_on(printed(clone, "--member", "林样青", env=capsule)[1])
    assert names_on(printed(clone, "--member", "m0006", "--member", "m0012")[1]) == ["林样青", "王演"]


def test_what_cannot_be_printed_is_told(clone: Path, tmp_path: Path) -> None:
    def refused(*args: object, env: dict[str, str] | None = None) -> str:
        result, html = printed(clone, *args, env=env)
        assert (
            result.exit_code == 2 and html == "" and result.stdout == "" and ROOT.hex() not in result.stderr
        )
        return result.stderr

    assert "请说明印谁的" in refused()
    assert "没有支部 'nope'；有：jg1、yjs" in refused("--branch", "nope")
    assert "名册上没有 'm9999'" in refused("--member", "m9999")
    assert "m0012 今天没有审核人链接" in refused("--member", "m0012", "--officers")
    assert "m0012 今天没有这个支部的本人链接" in refused("--member", "m0012", "--branch", "yjs")
    assert "--site-url" in refused("--branch", "jg1", env={"XUESHI_SITE_URL": ""})
    assert "https://" in refused("--branch", "jg1", "--site-url", "http://study.example.invalid/")
    assert "XUESHI_LINK_ROOT" in refused("--branch", "jg1", env={"XUESHI_LINK_ROOT": ""})
    assert "64 个十六进制数字" in refused("--branch", "jg1", env={"XUESHI_LINK_ROOT": ROOT.hex()[:-1]})
    assert "读不出主密钥" in refused("--branch", "jg1", "--master", tmp_path / "none")
    assert "会被提交或发布" in refused("--branch", "jg1", "--into", clone / "site" / "sheet.html")
    taken = tmp_path / "taken.html"
    taken.write_text("kept")
    assert "已经存在" in refused("--branch", "jg1", "--into", taken) and taken.read_text() == "kept"


def test_a_removed_link_is_not_printed(school: School, clone: Path) -> None:
    approve(school, FULL)
    subprocess.run(["git", "-C", clone, "pull", "--quiet"], check=True)
    result, html = printed(clone, "--officers")
    assert names_on(html) == ["罗例言", "覃演禾"] and "xueshi keys replace m0003 --officer" in result.stderr
    result, html = printed(clone, "--officers", "--member", "m0003")
    assert result.exit_code == 2 and html == ""
    (told,) = links_on(printed(clone, "--member", "m0012")[1])
    assert parsed_fragment(told) == Keyring(ROOT, b"", Keys()).door(Reader(MEMBER, "m0012", 2))


def test_a_hostile_name_is_text_and_nothing_is_fetched() -> None:
    name = "<script>alert(1)</script>\u202e&\"'"
    html = sheets([Card(Reader(MEMBER, "m1"), name, "<b>支部", link(SITE, "k1" + "x" * 48))])
    assert "<script" not in html and "<b>支部" not in html and "\u202e" not in html
    assert not re.findall(r"(?:src|href|url\()", html)
    assert SITE in html and html.count("http") == 1


def test_eight_pieces_a_sheet() -> None:
    card = Card(Reader(OFFICER, "m1"), "某人", "支部", link(SITE, "k1" + "x" * 48))
    for count, pages in ((1, 1), (8, 1), (9, 2), (17, 3)):
        html = sheets([card] * count)
        assert html.count('<section class="sheet">') == pages and html.count("<article") == count


@pytest.mark.parametrize(
    "told",
    ["", "study.example.invalid", "ftp://a.invalid/", "http://a.invalid/", "https://", "https://a.invalid/?x=1",
     "https://a.invalid/#x", "https://u:p@a.invalid/", "https://a.invalid:x/", "https://[::1/", "https://学.invalid/",
     "https://a.invalid/a b", "javascript:alert(1)"],
)  # fmt: skip
def test_a_key_goes_to_no_other_kind_of_address(told: str) -> None:
    with pytest.raises(UsageError, match="网站地址"):
        site_address(told)


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("https://a.invalid", "https://a.invalid/"),
        ("https://a.invalid/study//", "https://a.invalid/study/"),
        (" http://127.0.0.1:8000/ ", "http://127.0.0.1:8000/"),
        ("http://[::1]:8000", "http://[::1]:8000/"),
    ],
)
def test_a_site_address_ends_with_one_slash(told: str, kept: str) -> None:
    assert site_address(told) == kept


# --- replace, remove, new-year


def keys_in(clone: Path) -> Keys:
    found = parse_file(KEYS, (clone / KEYS).read_bytes())
    assert found.problems == () and isinstance(found.value, Keys)
    return found.value


def test_replacing_a_link_writes_the_next_generation(clone: Path) -> None:
    for number in (1, 2):
        result = run("replace", "林样青", "--repo", clone)
        assert result.exit_code == 0 and result.stdout.strip() == str(clone / KEYS)
        assert keys_in(clone).readers == (Held(MEMBER, "m0012", number),)
    assert "xueshi propose" in result.stderr and "xueshi keys print --member m0012" in result.stderr
    result = run("replace", "m0003", "--officer", "--repo", clone)
    assert keys_in(clone).reader(OFFICER, "m0003") == Reader(OFFICER, "m0003", 1)
    assert keys_in(clone).reader(MEMBER, "m0003") == Reader(MEMBER, "m0003", 0)
    assert "--officers" in result.stderr
    assert "--officer" in run("replace", "m0003", "--repo", clone).stderr  # there are two links
    status = subprocess.run(
        ["git", "-C", clone, "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert status.stdout == f"?? {KEYS}\n"


def test_the_change_goes_the_committees_way_and_then_holds(school: School, clone: Path) -> None:
    run("replace", "m0012", "--repo", clone)
    early = printed(clone, "--member", "m0012")
    assert "还没有生效" in early[0].stderr
    subprocess.run(["git", "-C", clone, "fetch", "--quiet"], check=True)
    args = ["propose", "--repo", str(clone), "--rev", "origin/main", "--by", "m0003"]
    proposed = CliRunner().invoke(main, args)
    assert proposed.exit_code == 0, proposed.output
    ref = proposed.stdout.split()[0]
    subprocess.run(["git", "-C", clone, "push", "--quiet", "origin", ref], check=True)
    head = school.repo.resolve(f"refs/heads/{ref}")
    assert head is not None
    school.merge(head, by="m0005")
    (clone / KEYS).unlink()
    subprocess.run(["git", "-C", clone, "pull", "--quiet"], check=True)
    late = printed(clone, "--member", "m0012")
    assert "还没有生效" not in late[0].stderr
    ring = Keyring(ROOT, b"", Keys())
    for html, generation in ((early[1], 0), (late[1], 1)):
        assert parsed_fragment(links_on(html)[0]) == ring.door(Reader(MEMBER, "m0012", generation))


def test_a_link_is_removed_once_and_comes_back_as_a_new_one(clone: Path) -> None:
    assert run("remove", "m0012", "--repo", clone).exit_code == 0
    assert keys_in(clone).reader(MEMBER, "m0012") is None
    again = run("remove", "m0012", "--repo", clone)
    assert again.exit_code == 2 and "已经停用" in again.stderr
    assert run("replace", "m0012", "--repo", clone).exit_code == 0
    assert keys_in(clone).reader(MEMBER, "m0012") == Reader(MEMBER, "m0012", 1)


def test_a_new_year_moves_contents_on_and_gives_officers_new_links(clone: Path) -> None:
    run("remove", "m0004", "--officer", "--repo", clone)
    result = run("new-year", "2027", "--repo", clone)
    assert result.exit_code == 0 and "xueshi keys derive" in result.stderr
    now = keys_in(clone)
    assert (now.link, now.content) == ("2026", "2027")
    assert [now.reader(OFFICER, ident) for ident in ("m0003", "m0004", "m0005")] == [
        Reader(OFFICER, "m0003", 1), None, Reader(OFFICER, "m0005", 1),
    ]  # fmt: skip
    assert not [held for held in now.readers if held.kind == MEMBER]
    refused = run("new-year", "2027", "--repo", clone)
    assert refused.exit_code == 2 and "--again" in refused.stderr and keys_in(clone) == now
    assert run("new-year", "2027", "--again", "--keep-officers", "--repo", clone).exit_code == 0
    assert keys_in(clone) == Keys("2026", "2027-2", now.readers)
    result = run("new-year", "2027", "--again", "--links", "--repo", clone)
    assert keys_in(clone) == Keys("2027", "2027-3", now.readers) and "全部链接要重印" in result.stderr
    assert "太靠后" in run("new-year", "2028", "--repo", clone).stderr


def test_what_cannot_be_changed_is_told_and_nothing_is_written(school: School, clone: Path) -> None:
    def refused(*args: object, repo: Path = clone) -> str:
        result = run(*args, "--repo", repo)
        assert result.exit_code == 2 and "Traceback" not in result.output and not (clone / KEYS).exists()
        return result.stderr

    assert "名册上没有 'm9999'" in refused("replace", "m9999")
    assert "不是审核人或支部书记" in refused("replace", "m0012", "--officer")
    assert "git clone" in refused("remove", "m0012", repo=school.repo.path)
    (clone / KEYS).symlink_to("/nowhere")
    result = run("replace", "m0012", "--repo", clone)
    assert result.exit_code == 2 and "符号链接" in result.stderr
    (clone / KEYS).unlink()
    (clone / KEYS).write_bytes(b"schema: keys/1\nreaders: x\n")
    result = run("replace", "m0012", "--repo", clone)
    assert result.exit_code == 2 and f"{KEYS}:2" in result.stderr
    assert (clone / KEYS).read_bytes() == b"schema: keys/1\nreaders: x\n"


def test_whoever_left_has_no_link_to_replace(school: School, tmp_path: Path) -> None:
    files = committee_files()
    left = person(
        "m0012", "林样青", periods=[{"from": "2024-01-01", "until": "2026-06-01", "status": "full"}]
    )
    roster = {"schema": "roster/1", "members": [left, person("m0003", "韦测宁"), person("m0005", "罗例言")]}
    files["records/jg1/roster.yaml"] = render("roster", roster)
    head = school.commit((school.tip,), files, "Roster\n\nSubmitted-By: m0003\n", BRIDGE)
    school.merge(head, by="m0005")
    clone = tmp_path / "data"
    subprocess.run(["git", "clone", "--quiet", school.repo.path, clone, "--branch", "main"], check=True)
    result = run("replace", "m0012", "--repo", clone)
    assert result.exit_code == 2 and "不在任何支部的名册上" in result.stderr


def test_no_secret_is_quoted_when_it_is_wrong() -> None:
    for told in ("abc", "g" * 64, ROOT.hex() + "00"):
        with pytest.raises(UsageError) as refused:
            root_from({"XUESHI_LINK_ROOT": told}, "XUESHI_LINK_ROOT")
        assert told not in str(refused.value)
