"""From settings to the host that is meant, as the bridge and as the desk, and to the bridge's clone of it."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from pathlib import Path

from xueshi import hosts
from xueshi.delivery import MAIN, open_clone
from xueshi.errors import GitError, HostError, HostUnavailable, UsageError
from xueshi.git import Repository
from xueshi.hosts.base import Host
from xueshi.hosts.granting import Granting
from xueshi.hosts.local import LocalHost
from xueshi.hosts.remote import UNNAMED
from xueshi.settings import Settings

_LOG = logging.getLogger("xueshi.service")
_EMPTY = "couldn't find remote ref refs/heads/main"  # git's words


def connect(told: Settings) -> tuple[Host, Host | None, Repository]:
    """The host as the bridge, the same as the desk (None: switched off), and the bridge's clone. Raises UsageError
    where there is no folder or no repository, XueshiError while there is no clone yet and the host is away."""
    folder = told.folder.resolve()
    take(folder)
    if told.host.kind == "local":
        own = LocalHost(Repository(folder / "host.git"), told.desk.identity)
        if own.repo.resolve(MAIN) is None:
            raise UsageError(
                f"{own.repo.path} 里还没有记录，请先运行 xueshi sample 或 xueshi demo / no repository of records in "
                f"{own.repo.path}; make one with xueshi sample or xueshi demo"
            )
        return own, own if told.desk.enabled else None, _clone(own, folder)
    desk = _remote(told, told.desk.token or "", told.desk.account) if told.desk.enabled else None
    host = _remote(told, told.host.token or "", told.host.account, desk)
    clone = _clone(host, folder)
    return host, Granting(desk, clone, told.desk.identity) if desk else None, clone


def take(folder: Path) -> None:
    """Make an installation's folder where there is none. Raises UsageError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(
            f"folder = {folder}：不能当作安装的文件夹（{why}），请另写一个能写入的 / cannot be the installation's folder "
            f"({why}); name one that can be written to"
        ) from None


def _clone(host: Host, folder: Path) -> Repository:
    """The bridge's clone. Raises UsageError for a host without main, HostUnavailable while there is no clone and the
    host is away."""
    try:
        return open_clone(host, folder / "clone.git")
    except (GitError, HostUnavailable) as error:
        if _EMPTY in str(error):
            raise UsageError(
                f"{host.url} 还没有 main，请先把记录推上去（见 docs/hosting.md） / it has no main yet; push the records "
                "first (see docs/hosting.md)"
            ) from None
        raise HostUnavailable(
            f"第一次启动要连上代码托管，现在连不上或不让读 {host.url}，请核对地址、仓库和令牌 / the first start needs the "
            f"host, and {host.url} cannot be read; check address, repository and token ({error})"
        ) from None


def _remote(told: Settings, token: str, account: str | None, desk: Host | None = None) -> Host:
    where = told.host
    host = hosts.make(
        where.kind, where.api_url or "", where.repository or "", token,
        hook_secret=where.hook_secret or "", account=account or "", desk=desk,
    )  # fmt: skip
    host.budget = told.budget.over(host.budget)
    return host


def tell_unnamed(*asked: Host | None) -> None:
    """Log an account that nobody tells: until it is told, nothing that it writes on the host is believed to be ours."""
    with contextlib.suppress(HostError):  # away, or does not let us in: who comes to it next tells that
        if any(host is not None and host.account() is None for host in asked):
            _LOG.error("%s", UNNAMED)
