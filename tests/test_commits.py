"""Reading commits whose every byte somebody else chose."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from conftest import BRIDGE, DESK, START, School, committee_files
from hypothesis import given
from hypothesis import strategies as st

import xueshi
from xueshi import records
from xueshi.errors import GitError, UsageError
from xueshi.git import Identity, NewCommit, RefUpdate, init_bare, object_id
from xueshi.model import Study
from xueshi.proposals import merge_message
from xueshi.records import read_commits, read_history, study_file, trailers
from xueshi.records.commits import believed
from xueshi.records.history import forged_merges

WEI = Identity("韦测宁", "weicn@example.invalid")
SAY = b"Merge\n\nPull: 1\nApproved-By: m0003\n"


def verdict(school: School, study: Study) -> tuple[bool, str]:
    last = read_history(school.repo, "main").last(study.path)
    assert last is not None
    return last.approved, last.reason


def written(school: School, head: str, files: str, *, people: bytes, message: bytes = SAY) -> str:
    """A merge of `head` on main, with the tree of `files`, as raw bytes that no tool of ours would write."""
    tree = school.repo.run("rev-parse", f"{files}^{{tree}}").strip()
    parents = b"".join(b"parent %s\n" % sha.encode() for sha in (school.tip, head))
    data = b"tree %s\n%s%s\n%s" % (tree, parents, people, message)
    sha = school.repo.run("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=data)
    return school.to_main(sha.decode().strip())


def by(author: str = "D <desk@example.invalid> 1772416800 +0800", committer: str = "") -> bytes:
    return f"author {author}\ncommitter {committer or author}\n".encode()


# --- messages, addresses, times


@pytest.mark.parametrize(
    "message",
    [
        b"Merge \x02" + b"1" * 40 + b"\n\nApproved-By: m0003\n",
        b"Merge\n\n:100644 100644 0 0 M\n\nApproved-By: m0003\n",
        b"Merge\n\n" + b"x" * 3_000_000 + b"\n" * 3_000_000 + b"Approved-By: m0003\n",
        b"Merge\n\n" + b"Reviewed-By: m0001\n" * 100_000 + b"Approved-By: m0003\n",
        b"Merge \xff\xfe\n\nApproved-By: m0003\n",
        b"Merge\n\nPull: " + b"9" * 5000 + b"\nApproved-By: m0003\n",
        b"Merge\n\nPull: \xd9\xa1\nApproved-By: m0003\n",
    ],
    ids=["separator", "raw", "huge", "repeated", "not-utf-8", "long-pull", "arabic-pull"],
)
def test_a_message_is_only_a_message(school: School, message: bytes) -> None:
    study = school.study()
    head = school.propose(study)
    written(school, head, head, people=by(), message=message)
    assert verdict(school, study) == (True, "")
    assert read_history(school.repo, "main").versions[study.path][0].pull is None


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (by(), b"Merge\0\n\nApproved-By: m0003\n"),
        (by("D <desk\0@example.invalid> 1772416800 +0800"), SAY),
        (by("desk@example.invalid 1772416800 +0800"), SAY),
        (by("D <desk@example.invalid"), SAY),
        (by("D <<desk@example.invalid>> 1772416800 +0800"), SAY),
        (b"author \xff <\xff\xfe> 1 +0800\ncommitter \xff <\xff> 1 +0800\n", SAY),
        (b"", SAY),
        (by() + b"encoding UTF-16\n", SAY),
        (by() + b"encoding none-such\n", b"\0" + SAY),
    ],
)
def test_a_broken_commit_decides_nothing_and_breaks_nothing(
    school: School, people: bytes, message: bytes
) -> None:
    study, later = school.study(), school.study()
    head = school.propose(study)
    written(school, head, head, people=people, message=message)
    assert verdict(school, study) == (False, "unknown-decider")
    school.merge(school.propose(later))
    assert verdict(school, later) == (True, "")


def test_a_message_in_another_encoding_is_read(school: School) -> None:
    study = school.study()
    head = school.propose(study)
    message = "合并\n\nPull: 7\nApproved-By: m0003\n".encode("gbk")
    written(school, head, head, people=by() + b"encoding GBK\n", message=message)
    assert verdict(school, study) == (True, "")


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        ("0", date(2026, 3, 1)),  # before what main had: the running maximum
        ("-1", date(2026, 3, 1)),
        ("", date(2026, 3, 1)),
        ("253402300799", date(9999, 1, 1)),
        ("18446744073709551615", date(9999, 1, 1)),
        ("99999999999999999999999", date(9999, 1, 1)),
    ],
)
def test_times_beyond_the_calendar_are_clamped(school: School, seconds: str, seen: date) -> None:
    study = school.study()
    head = school.propose(study)
    sha = written(
        school, head, head, people=by(committer=f"D <d@d.d> {seconds}{' +0800' if seconds else ''}")
    )
    history = read_history(school.repo, "main")
    assert history.at.date() in (seen, date(1970, 1, 1)) and history.tip == sha
    at = history.versions[study.path][0].at
    assert at >= history.versions["records/policy.yaml"][0].at
    assert records.commit_at(school.repo, "main", date(2026, 12, 31)) == (
        sha if seen.year == 2026 else school.repo.resolve(f"{sha}^1")
    )


def test_a_clock_that_ran_back_reorders_nothing(school: School) -> None:
    first, second = school.study(), school.study()
    school.at = school.at.replace(month=6)
    school.merge(school.propose(first))
    school.at = school.at.replace(month=4)
    school.merge(school.propose(second))  # one against one: as it came
    found = read_history(school.repo, "main").versions
    assert found[first.path][0].at == found[second.path][0].at
    assert found[first.path][0].step < found[second.path][0].step


DAYS = {"jan": 0, "mar": 60, "mar+": 60.9, "apr": 90, "may": 120, "jun": 150, "jul": 180, "2099": 26_600}


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("mar", "mar"),
        ("mar jun apr", "mar jun jun"),  # which of two clocks was wrong nobody can say: as it came
        ("mar jun apr may", "mar mar apr may"),
        ("mar mar+ mar apr", "mar mar+ mar+ apr"),  # less than a day is no wrong clock
        ("mar 2099", "mar 2099"),
        ("mar 2099 apr", "mar 2099 2099"),
        ("mar 2099 apr may", "mar mar apr may"),
        ("mar 2099 2099 apr may", "mar 2099 2099 2099 2099"),
        ("mar 2099 2099 apr may jun", "mar mar mar apr may jun"),
        ("mar 2099 apr 2099 may", "mar 2099 2099 2099 2099"),
        ("mar 2099 apr 2099 may jun", "mar mar apr apr may jun"),
        ("2099 mar apr", "mar mar apr"),
        ("2099 apr mar may", "apr apr apr may"),
        ("mar apr may jan", "mar apr may may"),
        ("mar apr may jan jan jun", "mar apr may may may jun"),
    ],
)
def test_a_clock_that_ran_ahead_is_not_believed_once_more_commits_say_so(given: str, seen: str) -> None:
    times = [START + timedelta(days=DAYS[one]) for one in given.split()]
    assert believed(times) == [START + timedelta(days=DAYS[one]) for one in seen.split()]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_times_never_run_back_and_those_in_order_stay(days: list[int]) -> None:
    times = [START + timedelta(days=day) for day in days]
    found = believed(times)
    assert found == sorted(found) and len(found) == len(times)
    assert believed(sorted(times)) == sorted(times)
    assert believed(found) == found


def test_one_merge_from_2099_takes_no_term_away_from_later_ones(school: School) -> None:
    """The desk is listed until 2030, so that nothing would ever be approved again."""
    files = committee_files()
    ending = (files["records/organisation.yaml"] or b"").replace(
        b'from: "2026-01-01"', b'from: "2026-01-01", until: "2030-01-01"'
    )
    school.merge(school.propose(school.study()), edit={"records/organisation.yaml": ending}, by="m0005")
    real, poisoned = school.at, school.study()
    school.at = real.replace(year=2099)
    merge = school.merge(school.propose(poisoned))
    school.at = real
    later = [school.study(), school.study()]
    for study in later:
        school.merge(school.propose(study))
    assert [verdict(school, study) for study in (poisoned, *later)] == [(True, "")] * 3
    history = read_history(school.repo, "main")
    assert history.at.year == 2026
    assert {sha: at.year for sha, at in history.ahead.items()} == {merge: 2099}
    assert records.commit_at(school.repo, "main", real.date()) == school.tip


def test_only_the_last_paragraph_has_trailers() -> None:
    message = "Title: no\n\nBody: no\n\nA: 1\nKey: one\nKey: two \nno trailer\n key: no\nLast-One: x: y\n"
    assert trailers(message) == {"Key": ("one", "two"), "Last-One": ("x: y",)}
    assert trailers("Key: title\n") == trailers("\n\nKey: title\n") == trailers("") == {}


# --- what lies under records/


def imported(school: School, commands: bytes, *, head: str | None = None) -> str:
    """A commit on main made of fast-import's own words; a desk merge when there is a head."""
    who = b"D <desk@example.invalid> %d +0800\n" % school.tick().timestamp()
    merge = b"merge %s\n" % head.encode() if head else b""
    stream = b"commit refs/heads/x\nauthor %scommitter %sdata %d\n%s\nfrom %s\n%s%s\n" % (
        who, who, len(SAY), SAY, school.tip.encode(), merge, commands,
    )  # fmt: skip
    school.repo.run("fast-import", "--quiet", "--force", stdin=stream)
    sha = school.repo.resolve("refs/heads/x")
    assert sha is not None
    return school.to_main(sha)


def blob(mode: bytes, path: str, content: bytes) -> bytes:
    return b"M %s inline %s\ndata %d\n%s\n" % (mode, path.encode(), len(content), content)


def test_an_executable_record_is_a_record_and_a_mode_alone_is_no_version(school: School) -> None:
    study = school.study()
    imported(school, blob(b"100755", study.path, study_file(study)), head=school.propose(study))
    assert verdict(school, study) == (True, "")
    imported(school, blob(b"100644", study.path, study_file(study)))
    assert verdict(school, study) == (True, "")
    assert len(read_history(school.repo, "main").versions[study.path]) == 1


@pytest.mark.parametrize("kind", ["link", "submodule"])
def test_what_is_no_file_is_no_record(school: School, kind: str) -> None:
    """A symbolic link's text may be a whole record; merged by the right person, it still is none."""
    study, before = school.study(), school.study()
    school.merge(school.propose(before))
    for one in (study, before):
        entry = blob(b"120000", one.path, study_file(study))
        if kind == "submodule":
            entry = f"M 160000 {school.tip} {one.path}\n".encode()
        imported(school, entry, head=school.propose(study))
    found = read_history(school.repo, "main").versions
    for one in (study, before):
        assert (found[one.path][-1].reason, found[one.path][-1].blob) == ("unreadable", None)
    imported(school, blob(b"100644", before.path, study_file(before)), head=school.propose(before))
    assert verdict(school, before) == (True, "")


def test_a_link_in_place_of_the_organisation_leaves_the_approved_one(school: School) -> None:
    path = "records/organisation.yaml"
    before = read_history(school.repo, "main").approved_blobs
    imported(
        school, blob(b"120000", path, committee_files()[path] or b""), head=school.propose(school.study())
    )
    assert read_history(school.repo, "main").approved_blobs == before


def test_a_folder_that_becomes_a_link_removes_its_records(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    imported(school, b"D records/jg1\n" + blob(b"120000", "records/jg1", b"yjs"))
    assert verdict(school, study) == (False, "direct-push")
    assert read_history(school.repo, "main").versions["records/jg1"][-1].reason == "direct-push"


def test_a_renamed_record_is_one_removed_and_one_new(school: School) -> None:
    study, other = school.study(), school.study()
    school.merge(school.propose(study))
    imported(school, f"R {study.path} {other.path}\n".encode())
    found = read_history(school.repo, "main").versions
    assert [v.blob is None for v in found[study.path]] == [False, True]
    assert found[other.path][0].member == "m0012" and not found[other.path][0].approved


@pytest.mark.parametrize(
    "name", ["records/a\nb", "records/\x02", "records/:100644 x", "records/" + "1" * 40, "records/\udcff"]
)
def test_a_path_is_only_a_path(school: School, name: str) -> None:
    school.push({name: b"x\n"})
    study = school.study()
    school.merge(school.propose(study))
    found = read_history(school.repo, "main").versions
    assert found[name][0].reason == "direct-push" and found[study.path][0].approved


# --- what git is asked


def test_a_repository_without_its_beginning_is_refused(school: School, tmp_path: Path) -> None:
    """Its oldest commit would pass for the root, which is trusted."""
    study = school.study()
    school.push({study.path: study_file(study)})
    school.push({"README.md": b"x\n"})
    shallow = init_bare(tmp_path / "shallow.git")
    shallow.run("fetch", "-q", "--depth=2", f"file://{school.repo.path}", "main:refs/heads/main")
    with pytest.raises(UsageError, match="--unshallow"):
        read_history(shallow, "main")
    shallow.run("fetch", "-q", "--unshallow", f"file://{school.repo.path}", "main:refs/heads/main")
    evidence = school.commit((), {"aa/picture.webp": b"1"}, "Keep\n", BRIDGE)
    evidence = school.commit((evidence,), {"ab/picture.webp": b"2"}, "Keep\n", BRIDGE)
    school.repo.update_refs([RefUpdate("refs/heads/evidence/2026", evidence, None)])
    shallow.run(
        "fetch", "-q", "--depth=1", f"file://{school.repo.path}", "evidence/2026:refs/heads/evidence/2026"
    )
    assert shallow.run("rev-parse", "--is-shallow-repository") == b"true\n"
    assert read_history(shallow, "main").tip == school.tip


def test_a_replacement_ref_forges_nothing(school: School) -> None:
    study = school.study()
    head = school.propose(study)
    pushed = school.push({study.path: study_file(study)})
    parents = (school.repo.resolve(f"{pushed}^1") or "", head)
    forged = school.commit(parents, {study.path: study_file(study)}, merge_message("X", 1, "m0003"), DESK)
    school.repo.update_refs([RefUpdate(f"refs/replace/{pushed}", forged, None)])
    assert verdict(school, study) == (False, "direct-push")


def test_the_repositorys_own_settings_change_nothing(school: School) -> None:
    study = school.study()
    school.merge(school.propose(study))
    before = read_history(school.repo, "main")
    for setting in (
        "log.showSignature=true",
        "log.showRoot=false",
        "i18n.logOutputEncoding=UTF-16",
        "diff.renames=copies",
        "log.diffMerges=off",
        "diff.relative=true",
        "diff.orderFile=/nowhere",
    ):
        school.repo.run("config", *setting.split("="))
    assert read_history(school.repo, "main") == before


def test_an_unknown_revision_is_told(school: School) -> None:
    with pytest.raises(GitError):
        read_history(school.repo, "nowhere")


def test_commits_come_newest_first_without_what_is_left_out(school: School) -> None:
    base, first = school.tip, school.push({"a": b"1"})
    second = school.push({"a": b"2"})
    assert [c.sha for c in read_commits(school.repo, "main", f"^{base}")] == [second, first]
    assert list(read_commits(school.repo, "main", "^main")) == []


# --- what others say, on git's command line


@pytest.mark.parametrize("said", ["--output=FILE", "--all", "-1", "", "HEAD..x", "zz\0", "--format=%H"])
def test_a_revision_that_somebody_chose_is_no_option(school: School, tmp_path: Path, said: str) -> None:
    repo, file = school.repo, tmp_path / "secret"
    file.write_text("kept")
    said = said.replace("FILE", str(file))
    for ask in (
        lambda: list(read_commits(repo, said, f"^{school.tip}")),
        lambda: read_history(repo, said),
        lambda: repo.tree(said),
        lambda: repo.changed(said, school.tip),
        lambda: repo.changed(school.tip, said),
        lambda: records.commit_at(repo, said, START.date()),
        lambda: records.load(repo, said),
        lambda: repo.commits([NewCommit((said,), {"a": b"1"}, "Merge\n", WEI, START)]),
    ):
        with pytest.raises(GitError):
            ask()
    assert repo.merge_base(said, school.tip) is None and repo.merge_base(school.tip, said) is None
    assert repo.resolve(said) is None and file.read_text() == "kept"


@pytest.mark.parametrize("parent", ["main", "HEAD\nreset refs/heads/main", f"{'0' * 39}\n", "-1", ":0"])
def test_a_parent_is_a_commits_id(school: School, parent: str) -> None:
    with pytest.raises(GitError, match="no commit"):
        school.repo.commits([NewCommit((parent,), {"a": b"1"}, "Merge\n", WEI, START)])


def test_a_path_is_taken_as_it_is_written(school: School) -> None:
    names = ("a*", ":(top)b", ":/c", "a1")
    tip = school.push(dict.fromkeys(names, b"1"))
    for name in names:
        assert list(school.repo.tree(tip, name)) == [name]
    assert school.repo.tree(tip, "*", ":(glob)**", ":(top)") == {}


@pytest.mark.parametrize("said", ["", "f" * 39, "f" * 41, "F" * 40, "--output=x", f"{'0' * 40}\n", None, 7])
def test_an_id_of_an_object_is_forty_hex_digits(said: object) -> None:
    with pytest.raises(ValueError, match="no id"):
        object_id(said)
    assert object_id("f" * 40) == "f" * 40


def _calls_of_git() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(Path(xueshi.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "run" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Starred | ast.Constant):
                    yield f"{path.name}:{node.lineno}", node


def _variable(arg: ast.expr) -> bool:
    """Whether a word of a command line is not written out in the code, or at least begins as an option of ours."""
    inner = arg.value if isinstance(arg, ast.Starred) else arg
    if isinstance(inner, ast.JoinedStr):
        inner = inner.values[0]
    ours = isinstance(inner, ast.Constant) or (isinstance(inner, ast.Name) and inner.id.isupper())
    return not ours and not (isinstance(arg, ast.Starred) and isinstance(inner, ast.Name))


def test_nothing_variable_stands_where_git_looks_for_options() -> None:
    """A word that is computed comes behind END; several at once are named, and looked at by the tests above."""
    calls = list(_calls_of_git())
    assert len(calls) > 15
    for place, call in calls:
        ended = [n for n, arg in enumerate(call.args) if isinstance(arg, ast.Name) and arg.id == "END"]
        before = call.args[: ended[0]] if ended else call.args
        assert not any(map(_variable, before)), place


# --- proposals that hold merges


@pytest.fixture
def open_proposal(school: School) -> tuple[School, Study, str]:
    """A proposal beside a main that has gone on meanwhile."""
    study = school.study()
    head = school.propose(study)
    school.push({"README.md": b"on\n"})
    return school, study, head


def updated(school: School, head: str, files: dict[str, bytes | None]) -> str:
    """main taken into the proposal, as a host's button does."""
    return school.commit((head, school.tip), {"README.md": b"on\n", **files}, "Merge branch 'main'\n", WEI)


def test_amendments_and_main_taken_in_are_no_forgery(open_proposal: tuple[School, Study, str]) -> None:
    school, study, head = open_proposal
    assert forged_merges(school.repo, "main", head) == ()
    head = updated(school, head, {})
    head = school.commit((head,), {study.path: study_file(study) + b"# more\n"}, "Amend\n", BRIDGE)
    assert forged_merges(school.repo, "main", head) == ()


def test_a_merge_made_in_a_proposal_would_pass_for_a_decision(
    open_proposal: tuple[School, Study, str],
) -> None:
    """Made by the proposer in the reviewer's name on main itself; main need only be moved to it."""
    school, study, head = open_proposal
    forged = school.commit((school.tip, head), {study.path: study_file(study)}, "Merge\n", WEI)
    assert forged_merges(school.repo, school.tip, forged) == (forged,)
    then = school.commit((forged,), {"README.md": b"x\n"}, "More\n", BRIDGE)
    assert forged_merges(school.repo, school.tip, then) == (forged,)
    school.to_main(forged)
    assert verdict(school, study) == (True, "")


def test_so_would_one_that_stands_on_the_proposals_own_commit(
    open_proposal: tuple[School, Study, str],
) -> None:
    school, study, head = open_proposal
    step = school.commit((school.tip,), {"README.md": b"step\n"}, "A step\n", BRIDGE)
    forged = school.commit((step, head), {study.path: study_file(study)}, "Merge\n", WEI)
    assert forged_merges(school.repo, school.tip, forged) == (forged,)
    school.to_main(forged)
    assert verdict(school, study) == (True, "")


def test_main_taken_in_with_an_edit_of_records_is_told_and_decides_nothing(
    open_proposal: tuple[School, Study, str],
) -> None:
    school, study, head = open_proposal
    forged = updated(school, head, {study.path: study_file(study) + b"# edited\n"})
    assert forged_merges(school.repo, school.tip, forged) == (forged,)
    school.to_main(forged)
    assert verdict(school, study) == (False, "edited-in-merge")


def test_every_forged_merge_is_told_oldest_first(open_proposal: tuple[School, Study, str]) -> None:
    school, study, head = open_proposal
    tip = school.tip
    one = school.commit((tip, head), {study.path: study_file(study)}, "Merge\n", WEI)
    three = school.commit((one, head, tip), {"README.md": b"y\n"}, "Octopus\n", WEI)
    assert forged_merges(school.repo, tip, three) == (one, three)
    assert forged_merges(school.repo, three, three) == ()


def test_a_history_with_a_root_of_its_own_is_told(school: School) -> None:
    stranger = school.commit((), {"records/x": b"1"}, "Root\n", WEI)
    head = school.propose(school.study())
    merged = school.commit((head, stranger), {"records/x": b"1"}, "Merge\n", WEI)
    assert forged_merges(school.repo, school.tip, merged) == (merged,)


def test_what_is_not_in_a_repository_is_nobodys_ancestor(school: School) -> None:
    before = school.tip
    school.push({"README.md": b"x\n"})
    repo, absent = school.repo, "f" * 40
    assert repo.is_ancestor(before, school.tip) and not repo.is_ancestor(school.tip, before)
    assert not repo.is_ancestor(absent, school.tip) and not repo.is_ancestor(absent, absent)
