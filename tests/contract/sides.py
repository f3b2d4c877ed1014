"""Every adapter with another side that answers it: the embedded host with its folder, the others with a fake of their
host. What a test needs of the other side is the same for all."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path

import httpx2
from conftest import DESK as DESK_IDENTITY
from conftest import School, committee_files
from fake_gitea import FakeForgejo, FakeGitea
from fake_github import FakeGitHub
from fake_gitlab import FakeGitLab
from fake_host import BRIDGE, DESK, REPOSITORY, SECRET, FakeHost, running

from xueshi.git import BRIDGE as BRIDGE_IDENTITY
from xueshi.git import NewCommit, RefUpdate, Repository, clone_bare, init_bare
from xueshi.hosts import make
from xueshi.hosts.base import Host, Pull
from xueshi.hosts.local import LocalHost
from xueshi.model import Study
from xueshi.proposals import commit_message
from xueshi.records import study_file

FAKES: dict[str, type[FakeHost]] = {
    fake.kind: fake for fake in (FakeGitHub, FakeGitea, FakeForgejo, FakeGitLab)
}
NOW = 1_772_000_000.0
_READY = 5


class Hasty(httpx2.BaseTransport):
    """Real connections, but nobody is waited for longer than a moment."""

    def __init__(self, read: float = 20.0) -> None:
        self._inner = httpx2.HTTPTransport(verify=False)  # plain HTTP; saves reading the certificates
        self._read = read

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["timeout"] = {"connect": 5.0, "read": self._read, "write": 5.0, "pool": 5.0}
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@dataclass
class Side:
    """`host` with the bridge's token, `desk` with the desk's; `school` writes into the other side's repository."""

    host: Host
    desk: Host
    school: School
    folder: Path
    ready: list[str]  # refs of proposals that nobody has opened yet
    fake: FakeHost | None

    @cached_property
    def clone(self) -> Repository:
        """The bridge's clone."""
        return clone_bare(self.host.url, self.folder / "clone.git", self.host.git_environment())

    @property
    def now(self) -> datetime:
        return self.school.tick()

    def push(
        self, study: Study, parent: str = "", files: dict[str, bytes | None] | None = None
    ) -> tuple[str, str]:
        """A proposal as the bridge makes it, pushed over the host's own way in: its ref and its commit."""
        ref = f"refs/heads/sub/{study.id}"
        message = commit_message("register", study.id, study.id, study.submitted.by)
        content = files or {study.path: study_file(study)}
        tip = parent or self.school.tip
        if self.clone.resolve(tip) is None:
            self.clone.fetch(self.host.url, "+refs/heads/*:refs/heads/*")
        head = self.clone.commits([NewCommit((tip,), content, message, BRIDGE_IDENTITY, self.now)])[0]
        self.clone.push(self.host.url, f"{head}:{ref}", leases={ref: parent})
        return f"sub/{study.id}", head

    def offer(self, study: Study | None = None, title: str = "【待审核】标题", body: str = "内容") -> Pull:
        """A proposal that waits: of this record, or one that is ready."""
        ref = self.push(study)[0] if study else self.ready.pop(0)
        return self.host.open(ref, title, body, self.now)

    def delete(self, ref: str) -> None:
        name = f"refs/heads/{ref}"
        sha = self.school.repo.resolve(name)
        assert sha is not None
        self.clone.push(self.host.url, f":{name}", leases={name: sha})

    def account(self, login: str) -> str:
        """How the other side calls the desk."""
        return login if self.fake else DESK_IDENTITY.email


@contextmanager
def standing(
    kind: str, folder: Path, check: Callable[[FakeHost], None] = lambda fake: None
) -> Iterator[Side]:
    """One adapter with its other side up and running."""
    template = _template(kind == "local")
    repo = Repository(folder / "host.git")
    shutil.copytree(template.path, repo.path)
    school, ready = School(repo, at=template.at, tip=template.tip), list(template.ready)
    if kind == "local":
        local = LocalHost(repo, DESK_IDENTITY)
        yield Side(local, local, school, folder, ready, None)
        return
    fake = FAKES[kind](repo)
    check(fake)
    with running(fake):
        desk = make(
            kind, fake.api, REPOSITORY, DESK, hook_secret=SECRET, transport=Hasty(), clock=lambda: NOW
        )
        host = make(
            kind, fake.api, REPOSITORY, BRIDGE,
            hook_secret=SECRET, desk=desk, transport=Hasty(), clock=lambda: NOW,
        )  # fmt: skip
        yield Side(host, desk, school, folder, ready, fake)
    assert fake.complaints == []


@dataclass(frozen=True)
class _Template:
    path: Path
    tip: str
    at: datetime
    ready: tuple[str, ...]


@cache
def _template(local: bool) -> _Template:
    """A repository with the committee's files and some proposals, made once and copied for every test."""
    folder = Path(tempfile.mkdtemp(prefix="xueshi-contract-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "host.git"
    repo = LocalHost.create(path, DESK_IDENTITY).repo if local else init_bare(path)
    repo.run("config", "http.receivepack", "true")
    school = School(repo)
    tip = school.to_main(school.commit((), committee_files(), "Begin\n", BRIDGE_IDENTITY))
    studies = [school.study() for _ in range(_READY)]
    refs = [RefUpdate(f"refs/heads/sub/{one.id}", school.propose(one), None) for one in studies]
    repo.update_refs(refs)
    return _Template(path, tip, school.at, tuple(one.name.removeprefix("refs/heads/") for one in refs))
