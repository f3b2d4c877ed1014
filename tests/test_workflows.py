"""The workflows: what they may do, and the commands of the check run as they stand on hostile pull requests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from conftest import BRIDGE, School, committee_files

from xueshi import project, publish, records
from xueshi.cli import main
from xueshi.git import Identity, RefUpdate, Repository
from xueshi.records import study_file
from xueshi.sealing.fingerprints import fingerprint

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ORGANISATION = "records/organisation.yaml"
MALLORY = Identity("Mallory", "mallory@example.invalid")
_SECRETS = {
    "XUESHI_SITE_SECRET": "ab" * 16,
    "XUESHI_LINK_ROOT": "cd" * 32,
    "XUESHI_CONTENT_ROOT": "ef" * 32,
}  # of a build, and values they could have


def workflow(path: Path) -> dict[str, Any]:
    """A workflow as data; `on`, which YAML 1.1 takes for true, by its name."""
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on": loaded.pop(True), **loaded}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = workflow(path)["jobs"]
    return found


def every_step() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in FILES:
        for name, job in jobs(path).items():
            yield from ((f"{path.name}: {name}", step) for step in job["steps"])


# --- what they may do


def test_all_workflows_are_looked_at() -> None:
    assert [path.stem for path in FILES] == ["check", "publish", "remind"]


def test_nothing_is_put_into_a_script() -> None:
    """A title, a branch's name or a variable in `run` would be read as shell."""
    assert [where for where, step in every_step() if "${{" in step.get("run", "")] == []
    ci = (ROOT / ".gitlab-ci.yml").read_text(encoding="utf-8")
    assert "$CI_MERGE_REQUEST_TITLE" not in ci and "$CI_COMMIT_MESSAGE" not in ci and "eval" not in ci


def test_every_action_is_githubs_own_for_pages_and_pinned_whole() -> None:
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                known = r"\s*- uses: actions/(upload-pages-artifact|deploy-pages)@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+"
                assert re.fullmatch(known, line), line
                assert path.name == "publish.yml"


def test_rights_are_given_to_single_jobs() -> None:
    given = {}
    for path in FILES:
        assert workflow(path)["permissions"] == {}
        given.update({name: job["permissions"] for name, job in jobs(path).items()})
    assert given == {
        "check": {"contents": "read", "pull-requests": "write"},
        "server": {"contents": "read"},
        "pages": {"contents": "read"},
        "deploy": {"pages": "write", "id-token": "write"},
        "remind": {"contents": "write"},
    }


def test_secrets_are_where_main_runs_and_nowhere_else() -> None:
    told: dict[str, set[str]] = {}
    for path in FILES:
        for name, job in jobs(path).items():
            found = set(re.findall(r"secrets\.(\w+)", json.dumps(job)))
            told[name] = found
            assert not found or job["environment"] in ("publish", "remind")
    assert told == {
        "check": set(),
        "server": {*_SECRETS, "XUESHI_SSH_KEY"},
        "pages": {*_SECRETS},
        "deploy": set(),
        "remind": {"XUESHI_NOTIFY_URL"},
    }
    assert workflow(FILES[0])["on"] == {"pull_request": {"branches": ["main"]}}
    assert "push" not in workflow(FILES[2])["on"] and workflow(FILES[1])["on"]["push"] == {
        "branches": ["main"]
    }


def test_secrets_stand_in_no_command() -> None:
    """A process's arguments can be read by every other one of the machine."""
    for _, step in every_step():
        for name, value in step.get("env", {}).items():
            if "secrets." in value or value == "${{ github.token }}":
                spoken = [line for line in step["run"].splitlines() if f"${name}" in line]
                assert all("printf" in line for line in spoken), spoken


# --- the check, run as it stands


@dataclass
class Ran:
    """What a run did: exit codes by step, what it showed, and all that it printed."""

    codes: dict[str, int]
    summary: str
    log: str

    @property
    def ok(self) -> bool:
        return not any(self.codes.values())


@dataclass
class Office:
    """A host with one repository, and the folder that a runner works in."""

    school: School
    server: str
    folder: Path
    runs: int = 0

    def propose(self, head: str, ref: str) -> str:
        self.school.repo.update_refs([RefUpdate(f"refs/heads/{ref}", head, None)])
        return ref

    def check(self, head: str, ref: str, *, without: str = "Comment", **environment: str) -> Ran:
        """The job of check.yml on a pull request of `ref` at `head`; `without` one of its steps."""
        context = {
            "github.event.pull_request.head.sha": head,
            "github.event.number": "7",
            "github.head_ref": ref,
        }
        return self.run(FILES[0], "check", context, without=without, **environment)

    def run(
        self, file: Path, job: str, context: Mapping[str, str], *, without: str, **environment: str
    ) -> Ran:
        """A job, by bash as a runner starts it, in a folder where an earlier one left something."""
        self.runs += 1
        place = self.place
        place.mkdir()
        (place / "report.md").write_text("an earlier job's")
        known = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        known |= {"GITHUB_SERVER_URL": self.server, "GITHUB_REPOSITORY": "party/records"}
        known |= {"GITHUB_STEP_SUMMARY": str(self.folder / f"summary{self.runs}"), **environment}
        ran = Ran({}, "", "")
        for step in jobs(file)[job]["steps"]:
            if step["name"] != without and (ran.ok or "if" in step):
                _step(step, {"github.token": "job-token", **context}, known, place, ran)
        summary = Path(known["GITHUB_STEP_SUMMARY"])
        ran.summary = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return ran

    @property
    def place(self) -> Path:
        """Where the last run worked."""
        return self.folder / f"run{self.runs}"


def _step(
    step: dict[str, Any], context: Mapping[str, str], known: Mapping[str, str], place: Path, ran: Ran
) -> None:
    own = {
        k: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: context[m[1]], v) for k, v in step.get("env", {}).items()
    }
    script = place.parent / f"{place.name}.sh"
    script.write_text(step["run"], encoding="utf-8")
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(
        command,
        cwd=place,
        env={**known, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    ran.codes[step["name"]] = done.returncode
    ran.log += done.stdout.decode()


# Instead of what scripts/setup installs: the same Python, with the code of the folder it stands in.
_SETUP = f"""#!/bin/sh
set -e
mkdir -p .venv/bin
printf '#!/bin/sh\\nPYTHONPATH="%s/scripts" exec {sys.executable} -c "from xueshi.cli import main; main()" "$@"\\n' \\
  "$PWD" > .venv/bin/xueshi
chmod +x .venv/bin/xueshi
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with code, records and workflows on main, as an organisation has it."""
    tree = tmp_path_factory.mktemp("tree")
    for path, data in {**project.files(), **committee_files()}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data or b"")
    shutil.copytree(ROOT / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "scripts" / "setup").write_text(_SETUP)
    bare = tmp_path_factory.mktemp("host") / "records.git"
    repo = Repository(tree)
    repo.run("init", "-q", "-b", "main")
    repo.run("add", "--all")
    who = ("-c", "user.name=Founder", "-c", "user.email=founder@example.invalid")
    dates = {
        "GIT_AUTHOR_DATE": "2026-03-01T08:00:00+08:00",
        "GIT_COMMITTER_DATE": "2026-03-01T08:00:00+08:00",
    }
    repo.run(*who, "commit", "-q", "-m", "Begin", env=dates)
    repo.run("clone", "-q", "--bare", str(tree), str(bare))
    return bare


@pytest.fixture
def office(original: Path, tmp_path: Path) -> Office:
    bare = tmp_path / "host" / "party" / "records.git"
    shutil.copytree(original, bare)
    repo = Repository(bare)
    repo.run(
        "config", "uploadpack.allowAnySHA1InWant", "true"
    )  # as GitHub, Gitea, Forgejo and GitLab have it
    school = School(repo, tip=repo.resolve("main") or "")
    return Office(school, f"file://{tmp_path}/host", tmp_path)


def current(school: School, path: str) -> bytes:
    return school.repo.blobs([f"main:{path}"])[f"main:{path}"]


def with_reviewer(school: School, member: str, unit: str) -> bytes:
    """The organisation with one reviewer more."""
    line = f'  - {{member: {member}, unit: {unit}, from: "2024-06-01", emails: [{MALLORY.email}]}}\n'
    return current(school, ORGANISATION).replace(b"reviewers:\n", b"reviewers:\n" + line.encode())


def test_a_sound_registration_passes_and_is_shown(office: Office) -> None:
    study = office.school.study()
    head = office.school.propose(study)
    ran = office.check(head, office.propose(head, f"sub/{study.id}"), without="")
    assert ran.ok and ran.codes == dict.fromkeys(
        ("Fetch main and the proposal", "Set up", "Look at CODEOWNERS", "Judge", "Comment"), 0
    )
    assert ran.summary.startswith("**检查通过**：0 个错误，0 个提示\n") and "| 林样青 |" in ran.summary
    assert "job-token" not in ran.log


def test_an_error_fails_the_job_and_still_comments(office: Office) -> None:
    study = office.school.study()
    files = {study.path: study_file(study).replace(b"hours: 2", b"hours: 2.1")}
    head = office.school.commit((office.school.tip,), files, "Register\n", BRIDGE)
    ran = office.check(head, office.propose(head, f"sub/{study.id}"), without="")
    assert (ran.codes["Judge"], ran.codes["Comment"]) == (1, 0)
    assert "**检查没有通过**" in ran.summary and "算不出对学时的影响" in ran.summary
    assert f"| {study.path}:7: 学时应为" in ran.log


def test_nobody_becomes_reviewer_by_a_pull_request_of_their_own(office: Office) -> None:
    """With a record in it, it is refused. Alone it may be right, so it is told; merged by its author it has no effect."""
    school = office.school
    study = school.study(member="m0006", branch="yjs")
    changed = with_reviewer(school, "m0006", "sample-art")
    both = school.commit(
        (school.tip,), {ORGANISATION: changed, study.path: study_file(study)}, "Me\n", MALLORY
    )
    ran = office.check(both, office.propose(both, "mine"))
    assert ran.codes["Judge"] == 1 and "only-records-change" in ran.log

    alone = school.commit((school.tip,), {ORGANISATION: changed}, "Me\n", MALLORY)
    ran = office.check(alone, office.propose(alone, "me-alone"))
    assert ran.ok and "只能由党委审核人看过后合并" in ran.summary

    school.merge(alone, who=MALLORY)
    school.merge(school.propose(study), who=MALLORY)
    approved, history = records.load_approved(school.repo, "main")
    assert "m0006" not in {r.member for r in approved.organisation.reviewers}
    last = [history.last(path) for path in (ORGANISATION, study.path)]
    assert [(v.approved, v.reason) for v in last if v] == [(False, "unknown-decider")] * 2
    audit = CliRunner().invoke(main, ["audit", "--repo", str(school.repo.path), "--rev", "main"])
    assert audit.exit_code == 1


def test_code_that_a_proposal_brings_is_refused_and_never_run(office: Office) -> None:
    """All is well, says the proposal's own check; and would have told whoever asks that it ran."""
    school, mark = office.school, office.folder / "mark"
    liar = f"#!/bin/sh\ntouch {mark}\nmkdir -p .venv/bin\nprintf 'exit 0' > .venv/bin/xueshi\n".encode()
    code = {"scripts/setup": liar, "scripts/xueshi/cli/__init__.py": b"def main() -> None: ...\n"}
    study = school.study()
    wrong = study_file(study).replace(b"hours: 2", b"hours: 2.1")
    for number, files in enumerate(({**code, study.path: wrong}, code)):
        head = school.commit((school.tip,), files, "Help\n", MALLORY)
        ran = office.check(head, office.propose(head, f"sub/01KJYKG9Z08M4T0V2N9X5B7CD{number}"))
        assert ran.codes["Judge"] == 1 and "| scripts/setup: 登记不能同时改动程序" in ran.log
        assert not mark.exists()
    head = school.commit((school.tip,), code, "Maintain\n", MALLORY)
    ran = office.check(head, office.propose(head, "maintenance"))  # the maintainers' own way stays open
    assert ran.ok and "有 2 个文件只能由党委审核人看过后合并" in ran.summary and not mark.exists()


def test_a_proposal_for_two_branches_is_refused(office: Office) -> None:
    school = office.school
    one, other = school.study(), school.study(member="m0006", branch="yjs")
    files = {study.path: study_file(study) for study in (one, other)}
    head = school.commit((school.tip,), files, "Register\n", BRIDGE)
    ran = office.check(head, office.propose(head, f"sub/{one.id}"))
    assert ran.codes["Judge"] == 1 and "touches-one-branch" in ran.log and "请分开提交" in ran.summary


def test_a_forged_merge_is_refused(office: Office) -> None:
    """A merge in the reviewer's name, made by the proposer: main need only be moved to it."""
    school = office.school
    study = school.study()
    head = school.propose(study)
    wei = Identity("韦测宁", "weicn@example.invalid")
    forged = school.commit((school.tip, head), {study.path: study_file(study)}, "Merge\n\nPull: 1\n", wei)
    ran = office.check(forged, office.propose(forged, f"sub/{study.id}"))
    assert ran.codes["Judge"] == 1 and "main-is-not-merged-inside" in ran.log


def test_what_was_pushed_is_judged_not_where_the_branch_went_since(office: Office) -> None:
    """Else a good commit would earn the mark of the bad one that is put back afterwards."""
    school = office.school
    study = school.study()
    bad = school.commit((school.tip,), {study.path: b"hours: 99\n"}, "Register\n", MALLORY)
    good = school.propose(study)
    ref = office.propose(good, f"sub/{study.id}")
    assert office.check(bad, ref).codes["Judge"] == 1
    assert office.check(good, ref).ok


@pytest.mark.parametrize("ref", ["$(touch mark)`touch mark`;touch mark", "--help", 'x" "$TOKEN\n'])
def test_the_name_of_a_branch_is_only_a_name(office: Office, ref: str) -> None:
    head = office.school.propose(office.school.study())
    ran = office.check(head, ref)
    assert ran.ok and ran.summary.startswith("**检查通过**")
    assert not list(office.folder.rglob("mark")) and "job-token" not in ran.log


def test_names_of_files_command_neither_the_log_nor_the_comment(office: Office) -> None:
    school = office.school
    study = school.study()
    nasty = {"::add-mask::x": b"", "::error::\u2028y\n::z": b"", "<img src=x>@everyone": b""}
    head = school.commit((school.tip,), {study.path: study_file(study), **nasty}, "Register\n", MALLORY)
    ran = office.check(head, office.propose(head, "x"))
    assert ran.codes["Judge"] == 1
    told = [line for line in ran.log.splitlines() if line.lstrip().startswith("::")]
    assert [line for line in told if not line.startswith("::warning::没有写成评论")] == []
    assert "<img" not in ran.summary and " @everyone" not in ran.summary


def test_a_codeowners_that_is_out_of_date_is_a_warning(office: Office) -> None:
    school = office.school
    school.push({".github/CODEOWNERS": b"* @somebody\n"})
    head = school.propose(school.study())
    ran = office.check(head, office.propose(head, "x"))
    assert ran.ok and "::warning::main 的 .github/CODEOWNERS" in ran.log


def test_what_could_not_run_is_no_success(office: Office) -> None:
    head = office.school.propose(office.school.study())
    office.school.push({"scripts/setup": b"#!/bin/sh\nexit 1\n"})  # not executable any more either
    ran = office.check(head, "x", without="")
    assert not ran.ok and "Judge" not in ran.codes and ran.codes["Comment"] == 0
    gone = office.check("0" * 39 + "1", "x")
    assert not gone.ok and gone.summary == "" and not (office.place / "report.md").exists()


# --- publishing and reminding


def test_nothing_is_published_at_addresses_that_can_be_guessed(office: Office) -> None:
    variables = {f"vars.XUESHI_SSH_{name}": "" for name in ("KNOWN_HOSTS", "TARGET")}
    secrets = {**secrets_of(XUESHI_SITE_SECRET=""), "secrets.XUESHI_SSH_KEY": "key"}
    ran = office.run(FILES[1], "server", {**variables, **secrets}, without="")
    assert ran.codes["Build"] == 2 and "XUESHI_SITE_SECRET" in ran.log
    assert "Copy to the web server" not in ran.codes


@pytest.mark.parametrize("missing", [["XUESHI_LINK_ROOT"], ["XUESHI_CONTENT_ROOT"], [*_SECRETS][1:]])
def test_nothing_is_published_that_nobody_could_open(office: Office, missing: list[str]) -> None:
    """A secret that a host does not have comes empty; no throw-away takes its place."""
    ran = office.run(FILES[1], "server", secrets_of(**dict.fromkeys(missing, "")), without="")
    assert ran.codes["Build"] == 2 and "Copy to the web server" not in ran.codes
    assert missing[0] in ran.log and "xueshi keys derive" in ran.log and "xueshi keys make" in ran.log
    assert not (office.place / "build" / "published").exists()
    assert not [value for value in _SECRETS.values() if value in ran.log]


def test_roots_of_another_year_publish_nothing(office: Office) -> None:
    school = office.school
    said = {"link": _SECRETS["XUESHI_LINK_ROOT"], "content": "12" * 32}
    lines = [
        f'  - {{kind: {kind}, epoch: "2026", fingerprint: "{fingerprint(bytes.fromhex(root))}"}}\n'
        for kind, root in said.items()
    ]
    told = 'schema: keys/1\nepochs: {content: "2026"}\nroots:\n' + "".join(lines)
    head = school.commit((school.tip,), {"records/keys.yaml": told.encode()}, "Keys\n", BRIDGE)
    school.merge(head, by="m0005")
    ran = office.run(FILES[1], "server", secrets_of(), without="")
    assert ran.codes["Build"] == 2 and "Copy to the web server" not in ran.codes
    assert "XUESHI_CONTENT_ROOT 不是内容期次 2026 的密钥" in ran.log and "records/keys.yaml" in ran.log
    ran = office.run(
        FILES[1], "server", secrets_of(XUESHI_CONTENT_ROOT="12" * 32), without="Copy to the web server"
    )
    assert ran.ok, ran.log


def secrets_of(**other: str) -> dict[str, str]:
    """The secrets of a build, as a workflow names them."""
    return {f"secrets.{name}": value for name, value in {**_SECRETS, **other}.items()}


def test_the_site_is_built_with_what_waits_and_the_pictures(office: Office) -> None:
    school = office.school
    study = school.study()
    head = school.propose(study)
    office.propose(head, f"sub/{study.id}")
    for year in ("2025", "2026"):
        kept = school.commit((), {f"aa/{'a' * 64}.webp": b"x"}, "Keep\n", BRIDGE)
        office.propose(school.commit((kept,), {"b": b"y"}, "Keep\n", BRIDGE), f"evidence/{year}")
    ran = office.run(FILES[1], "server", secrets_of(), without="Copy to the web server")
    assert ran.ok, ran.log
    built, clone = office.place / "build" / "published", Repository(office.place)
    assert (built / "index.html").is_file()
    wanted = publish.inputs(clone, "HEAD", on=date.today(), secret=bytes(16))
    assert json.loads((built / "manifest.json").read_bytes())["refs"] == wanted.manifest()["refs"]
    assert wanted.refs.keys() == {
        f"refs/remotes/origin/sub/{study.id}", *(f"refs/remotes/origin/evidence/{year}" for year in ("2025", "2026"))
    }  # fmt: skip
    count = ("rev-list", "--count")
    assert int(clone.run(*count, "refs/remotes/origin/evidence/2026")) == 1  # the pictures of today only
    assert int(clone.run(*count, "main")) == int(school.repo.run(*count, "main"))


def test_what_was_sent_is_kept_on_a_ref_without_history(office: Office) -> None:
    """Each run goes on where the last one ended; the robot itself is not called here."""
    context = {"secrets.XUESHI_NOTIFY_URL": "", "vars.XUESHI_SITE_URL": ""}
    ref = "refs/heads/state/sent"
    ran = office.run(FILES[2], "remind", context, without="Keep what was sent")
    assert ran.codes["Send"] == 2 and "XUESHI_NOTIFY_URL" in ran.log  # nowhere to send to
    assert office.school.repo.resolve(ref) is None
    for line in ("one", "two"):
        office.run(FILES[2], "remind", context, without="Keep what was sent")
        sent = office.place / "build" / "sent.jsonl"
        with sent.open("a") as file:
            file.write(f"{line}\n")
        keep = next(
            step for step in jobs(FILES[2])["remind"]["steps"] if step["name"] == "Keep what was sent"
        )
        known = {"PATH": os.environ["PATH"], "GITHUB_SERVER_URL": office.server}
        ran = Ran({}, "", "")
        _step(keep, {"github.token": "t"}, {**known, "GITHUB_REPOSITORY": "party/records"}, office.place, ran)
        assert ran.ok, ran.log
    repo = office.school.repo
    assert repo.blobs([f"{ref}:sent.jsonl"])[f"{ref}:sent.jsonl"] == b"one\ntwo\n"
    assert int(repo.run("rev-list", "--count", ref)) == 1


# --- the same on GitLab


class GitLab(yaml.SafeLoader):
    """YAML with GitLab's !reference, kept as the list of names that it is."""


GitLab.add_constructor("!reference", lambda loader, node: ["!reference", *loader.construct_sequence(node)])


def gitlab_job(name: str) -> str:
    """A job's script, with what it refers to put in its place."""
    data = yaml.load((ROOT / ".gitlab-ci.yml").read_text(encoding="utf-8"), GitLab)
    script = data[name]["script"]
    assert data["variables"] == {"GIT_STRATEGY": "none"}
    parts = [data[line[1]][line[2]] if line[0] == "!reference" else [line] for line in script]
    return "\n".join(line for part in parts for line in part) + "\n"


def run_gitlab(office: Office, name: str, **environment: str) -> tuple[int, str]:
    place = office.folder / "gitlab"
    place.mkdir(exist_ok=True)  # a runner keeps the folder
    known = {"PATH": os.environ["PATH"], "HOME": str(office.folder), "LC_ALL": "C.UTF-8", "CI_JOB_TOKEN": "t"}
    known |= {
        "CI_PROJECT_DIR": str(place),
        "CI_SERVER_URL": office.server,
        "CI_PROJECT_PATH": "party/records",
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", gitlab_job(name)], cwd=place, env={**known, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode()


def test_gitlab_judges_and_publishes_alike(office: Office) -> None:
    school = office.school
    study = school.study()
    good = school.propose(study)
    bad = school.commit((good,), {"scripts/setup": b"#!/bin/sh\nexit 0\n"}, "More\n", MALLORY)
    merge_request = {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": f"sub/{study.id}", "CI_MERGE_REQUEST_IID": "7"}
    code, log = run_gitlab(office, "check", CI_COMMIT_SHA=good, **merge_request)
    assert code == 0 and "**检查通过**" in log, log
    code, log = run_gitlab(office, "check", CI_COMMIT_SHA=bad, **merge_request)
    assert code == 1 and "请去掉 scripts/setup" in log, log
    for name in _SECRETS:
        code, log = run_gitlab(office, "pages", **{k: v for k, v in _SECRETS.items() if k != name})
        assert code == 2 and name in log and not (office.folder / "gitlab" / "public").exists(), log
    code, log = run_gitlab(office, "pages", **_SECRETS)
    assert code == 0 and (office.folder / "gitlab" / "public" / "index.html").is_file(), log


# --- the comment


class Comments(BaseHTTPRequestHandler):
    """As much of GitHub's API as the comment needs; `held` are the comments, `asked` what came."""

    held: dict[int, str]
    asked: list[str]

    def _answer(self, data: Any, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.headers['Authorization']}")
        if not self.path.startswith("/api/v3/repos/party/records/issues/7/comments"):
            return self._answer({"message": "Resource not accessible by integration"}, 403)
        user, at = {"login": "github-actions[bot]", "type": "Bot"}, "2026-03-01T01:00:00Z"
        return self._answer(
            [
                {"id": n, "user": user, "body": text, "created_at": at, "updated_at": at}
                for n, text in self.held.items()
            ]
        )

    def do_POST(self) -> None:
        self.asked.append(f"POST {self.path}")
        self.held[len(self.held) + 1] = self._body()
        self._answer({"id": len(self.held)}, 201)

    def do_PATCH(self) -> None:
        self.asked.append(f"PATCH {self.path}")
        self.held[int(self.path.rsplit("/", 1)[1])] = self._body()
        self._answer({"id": 1})

    def _body(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def log_message(self, *args: object) -> None:
        """Nothing to the console."""


@contextmanager
def github() -> Iterator[tuple[str, type[Comments]]]:
    handler = type("Held", (Comments,), {"held": {}, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api/v3", handler
        finally:
            server.shutdown()
            thread.join()


def test_one_comment_is_kept_up_to_date(office: Office) -> None:
    study = office.school.study()
    good = office.school.propose(study)
    bad = office.school.commit((good,), {"scripts/setup": b""}, "More\n", MALLORY)
    ref = office.propose(bad, f"sub/{study.id}")
    with github() as (api, handler):
        told = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": api}
        for head, verdict in ((good, "**检查通过**"), (bad, "**检查没有通过**")):
            ran = office.check(head, ref, without="", **told)
            assert ran.codes["Comment"] == 0 and "没有写成评论" not in ran.log, ran.log
            assert len(handler.held) == 1 and handler.held[1].startswith(verdict)
        assert "job-token" in "".join(handler.asked)
        assert [line.split("/")[0] for line in handler.asked if not line.startswith("GET")] == [
            "POST ",
            "PATCH ",
        ]


def test_a_comment_is_as_long_as_every_host_takes(tmp_path: Path) -> None:
    body = tmp_path / "report.md"
    body.write_text("好" * 999 + "\n" + f"{'好' * 99}\n" * 1000, encoding="utf-8")
    with github() as (api, handler), pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("GITHUB_ACTIONS", "true"), ("GITHUB_API_URL", api), ("GITHUB_REPOSITORY", "party/records"),
            ("GITHUB_TOKEN", "job-token"), ("GITHUB_SERVER_URL", "https://github.com"),
        ):  # fmt: skip
            patch.setenv(name, value)
        args = ["bridge", "comment", "--number", "7", "--marker", "check", "--body-file", str(body)]
        assert CliRunner().invoke(main, args).exit_code == 0
    assert len(handler.held[1]) < 65_536 and "太长" in handler.held[1]


def test_outside_a_workflow_there_is_nowhere_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITEA_ACTIONS", "FORGEJO_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    body = tmp_path / "report.md"
    args = ["bridge", "comment", "--number", "7", "--marker", "check", "--body-file", str(body)]
    body.write_bytes(b"\xff")
    assert CliRunner().invoke(main, args).exit_code == 2
    body.write_text("x")
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 2 and "xueshi: " in result.stderr
