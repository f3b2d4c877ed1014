"""Door: the command, through its exit codes and its output."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from conftest import School

from xueshi import demo, sample, service
from xueshi.cli import main
from xueshi.cli.lazy import LazyGroup
from xueshi.errors import UsageError, XueshiError
from xueshi.git import Repository
from xueshi.records import study_file


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(args))
    return result.exit_code, result.output


def test_a_command_loads_what_it_needs_and_not_what_others_need() -> None:
    code = "import sys; from xueshi.cli import main; main(['check', '--help'], standalone_mode=False); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = set(told.split())
    assert "xueshi.checks" in loaded
    others = {"sqlalchemy", "starlette", "uvicorn", "httpx2", "pypinyin", "jinja2", "xlsxwriter", "typst"}
    assert not loaded & others


def test_a_command_is_found_by_its_name() -> None:
    def named(group: click.Command) -> int:
        context, number = click.Context(group), 0
        assert isinstance(group, LazyGroup)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None and command.name == name
            number += 1
        return number

    bridge = main.get_command(click.Context(main), "bridge")
    assert bridge is not None and (named(main), named(bridge)) == (26, 6)


def test_check_tells_clean_problems_and_could_not_run_apart(school: School, tmp_path: Path) -> None:
    repo = str(school.repo.path)
    assert run("check", "--repo", repo, "--rev", "main")[0] == 0
    study = school.study()
    school.push({study.path: study_file(study).replace(b"hours: 2", b"hours: 2.1")})
    code, out = run("check", "--repo", repo, "--rev", "main")
    assert code == 1 and f"{study.path}:7: 学时应为 0.25 的整数倍，现为 2.1 [schema]" in out
    code, out = run("check", "--repo", repo, "--rev", "main", "--format", "json")
    assert code == 1 and json.loads(out[: out.rindex("]") + 1])[0]["line"] == 7
    assert run("check", "--repo", str(tmp_path))[0] == 2


def test_totals_and_history_open_a_number_into_its_records(school: School) -> None:
    repo = str(school.repo.path)
    study, pushed = school.study(), school.study(title="直接推送")
    merge = school.merge(school.propose(study))
    school.push({pushed.path: study_file(pushed)})
    code, out = run("totals", "--repo", repo, "--member", "m0012", "--at", "2026-03-02", "--format", "json")
    told = json.loads(out)
    assert code == 0 and told["members"]["m0012"]["requirements"]["member-year"]["counted"] == "2"
    assert told["branches"] == {"jg1": "2", "yjs": "0"}
    assert [line["record"] for line in told["uncounted"]] == [pushed.id]
    assert "未经审核人通过" in run("totals", "--repo", repo, "--branch", "jg1", "--at", "2026-03-02")[1]
    code, out = run("history", "--repo", repo, study.id)
    assert code == 0 and merge in out and "韦测宁（m0003）通过，合并请求 1" in out
    assert run("history", "--repo", repo, "nothing")[0] == 2
    assert run("totals", "--repo", repo, "--branch", "nope")[0] == 2


def test_an_organisation_is_made_published_and_linked_to(tmp_path: Path) -> None:
    host, site, codes = tmp_path / "host.git", tmp_path / "site", tmp_path / "codes"
    code, out = run("sample", str(host), "--members", "12", "--records", "60", "--until", "2026-11-24")
    assert code == 0 and out.split()[0] == str(host)
    code, out = run("sample", str(host))
    assert code == 2 and "is not empty" in out

    built = ("build", "--repo", str(host), "--into", str(site), "--on", "2026-11-24")
    assert run(*built)[1].split()[-1] == "built"
    assert run(*built)[1].split()[-1] == "unchanged"
    assert (site / "index.html").is_file()

    links = (
        "links",
        "--dir",
        str(tmp_path),
        "--base-url",
        "https://study.example.invalid/",
        "--branch",
        "jg1",
    )
    code, out = run(*links, "--qr", str(codes))
    rows = [line.split("\t") for line in out.splitlines()]
    assert code == 0 and {row[0] for row in rows} == {"poster", "member", "desk"}
    assert all(row[3].startswith("https://study.example.invalid/") for row in rows)
    assert {path.name for path in codes.iterdir()} == {f"{kind}-{ident}.svg" for kind, ident, _, _ in rows}
    assert run(*links[:-1], "nowhere")[0] == 2
    code, out = run("links", "--dir", str(tmp_path / "no"), "--base-url", "https://x.invalid")
    assert code == 2 and "no installation" in out
    code, out = run("links", "--dir", str(tmp_path))
    assert code == 2 and "--config" in out and "--base-url" in out

    told = tmp_path / "xueshi.toml"
    told.write_text(
        f'folder = "{tmp_path}"\nbase_url = "https://study.example.invalid"\n[host]\nkind = "local"\n',
        encoding="utf-8",
    )
    code, out = run("links", "--config", str(told), "--branch", "jg1")
    assert code == 0 and [line.split("\t")[:3] for line in out.splitlines()] == [row[:3] for row in rows]
    (tmp_path / "clone.git").rename(tmp_path / "aside")
    shutil.move(host, tmp_path / "clone.git")  # all that the installation has of a host elsewhere
    code, out = run(*links)
    assert code == 0 and [line.split("\t")[:3] for line in out.splitlines()] == [row[:3] for row in rows]


def test_serving_nothing_says_how_to_begin(tmp_path: Path) -> None:
    code, out = run("serve", "--dir", str(tmp_path), "--port", "0")
    assert code == 2 and "xueshi sample" in out and "Traceback" not in out


def test_a_wrong_folder_is_never_the_repository_it_lies_in(school: School, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    school.repo.run("clone", "-q", str(school.repo.path), str(clone))
    (clone / "deep" / "empty").mkdir(parents=True)
    assert Repository(clone).resolve("HEAD") == school.tip
    assert Repository(clone / "deep" / "empty").resolve("HEAD") is None
    assert Repository(clone / "missing").resolve("HEAD") is None
    assert run("check", "--repo", str(clone / "deep"))[0] == 0  # people may stand anywhere in theirs
    assert run("check", "--repo", str(school.repo.path), "--rev", "main")[0] == 0


def test_a_demo_deletes_no_installation(tmp_path: Path) -> None:
    run("sample", str(tmp_path / "host.git"), "--members", "12", "--records", "60", "--until", "2026-11-24")
    tip = Repository(tmp_path / "host.git").resolve("main")
    code, out = run("demo", "--dir", str(tmp_path), "--port", "0")
    assert code == 2 and "is no demo" in out
    assert tip is not None and Repository(tmp_path / "host.git").resolve("main") == tip


def test_an_interrupted_demo_begins_again(tmp_path: Path) -> None:
    (tmp_path / "host.git.part").mkdir()
    (tmp_path / "demo.json").write_text("{")
    assert demo.prepare(tmp_path, date(2026, 11, 24))["member"] == "m0001"
    assert demo.prepare(tmp_path, date(2026, 11, 24))["branch"] == "jg1"
    (tmp_path / "demo.json").write_text("{")
    code, out = run("demo", "--dir", str(tmp_path), "--port", "0")
    assert code == 2 and "cannot be read" in out
    assert (tmp_path / "host.git" / "HEAD").is_file()


def test_a_fault_of_ours_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    turns, done = [], threading.Event()

    def act() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise ZeroDivisionError("ours")
        if len(turns) == 2:
            raise XueshiError("expected")
        done.set()

    thread = service._Repeating("test", act)
    thread.start()
    try:
        while not done.wait(0.01):
            thread.wake()
    finally:
        thread.stop()
    assert "ZeroDivisionError: ours" in caplog.text and "expected" in caplog.text


def test_a_site_is_built_where_one_stands(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI says `--into build/published`, and git is called in another folder."""
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(
        main, ["build", "--repo", str(school.repo.path), "--rev", "main", "--into", "out/site"]
    )
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "out" / "site" / "index.html").is_file()
    assert "没有给出密钥" in answer.stderr and "xueshi keys make" in answer.stderr


def test_an_address_that_cannot_be_listened_at_is_named_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with demo.listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port} is taken; .*--port \(listen\.port\)"):
            demo.listen("127.0.0.1", port)
    with pytest.raises(
        UsageError, match=r"192\.0\.2\.7:8765 is no address of this machine; set listen\.host"
    ):
        demo.listen("192.0.2.7", 8765)
    for number, told in (
        (errno.EACCES, r"\[::1\]:80 is not for this user"),
        (errno.EINVAL, r"cannot listen at \[::1\]:80"),
    ):

        def refuse(self: socket.socket, address: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as broken, pytest.raises(UsageError, match=told):
            broken.setattr(socket.socket, "bind", refuse)
            demo.listen("::1", 80)


def test_a_day_before_the_records_is_told_when_a_site_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sample.write(tmp_path / "org", members=10, records=60, seed=1, until=date(2026, 11, 19))
    monkeypatch.setattr("xueshi.publish.build", lambda *_: True)
    for day, told in (("2026-01-01", True), ("2026-11-19", False)):
        ran = CliRunner().invoke(
            main, ["build", "--repo", str(made.repo.path), "--into", str(tmp_path / "site"), "--on", day]
        )
        assert ran.exit_code == 0 and ("--rev 选那时的提交" in ran.stderr) == told, ran.output
