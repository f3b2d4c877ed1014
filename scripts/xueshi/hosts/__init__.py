"""Where a proposal becomes a pull request: the adapters, and how one is made from settings or inside a workflow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx2

from xueshi.errors import UsageError
from xueshi.hosts.base import Host
from xueshi.hosts.gitea import Gitea
from xueshi.hosts.github import GitHub
from xueshi.hosts.gitlab import GitLab

# Forgejo speaks Gitea's API; the embedded host is made by the service, from a folder.
HOSTS: Mapping[str, type[GitHub] | type[Gitea] | type[GitLab]] = {
    "github": GitHub,
    "gitea": Gitea,
    "forgejo": Gitea,
    "gitlab": GitLab,
}
_GITEA_LIKE = ("GITEA_ACTIONS", "FORGEJO_ACTIONS")


def make(
    kind: str,
    api: str,
    repository: str,
    token: str,
    *,
    hook_secret: str = "",
    account: str = "",
    desk: Host | None = None,
    transport: httpx2.BaseTransport | None = None,
    clock: Callable[[], float] = time.time,
) -> Host:
    """The adapter of `kind` (a key of HOSTS) for one repository. `api` is the API's base address:
    https://api.github.com, https://HOST/api/v1 or https://HOST/api/v4. `account` is the token's login, for a host that
    does not say it; `desk` the same repository as the desk, whose comments are then ours too. Raises UsageError; asks
    nothing yet."""
    if kind not in HOSTS:
        raise UsageError(f"no host of kind {kind!r}; write one of {', '.join(HOSTS)}")
    return HOSTS[kind](
        api, repository, token,
        hook_secret=hook_secret, account=account, desk=desk, transport=transport, clock=clock,
    )  # fmt: skip


_RAW = {"github": "blob/{ref}/{path}?raw=true", "gitlab": "-/raw/{ref}/{path}"}


def raw_address(kind: str, web: str, repository: str, ref: str, path: str) -> str:
    """Where a browser that is signed in at the host sees a file as it is on a ref: pictures in a pull request."""
    below = _RAW.get(kind, "raw/branch/{ref}/{path}").format(ref=ref, path=path)
    return f"{web}/{repository}/{below}"


def from_ci(environ: Mapping[str, str]) -> Host:
    """The host whose workflow this is, by what GitHub, Gitea, Forgejo or GitLab put into the environment.

    The token is GITHUB_TOKEN, which a workflow must pass on itself, or XUESHI_TOKEN on GitLab, whose own job token
    may not write below a merge request. Raises UsageError outside a workflow or without a token."""
    if environ.get("GITLAB_CI"):
        api, repository = environ.get("CI_API_V4_URL", ""), environ.get("CI_PROJECT_PATH", "")
        return make("gitlab", api, repository, _token(environ, "XUESHI_TOKEN"))
    if not environ.get("GITHUB_ACTIONS") and not any(environ.get(name) for name in _GITEA_LIKE):
        raise UsageError("this is no workflow of GitHub, Gitea, Forgejo or GitLab")
    gitea = any(environ.get(name) == "true" for name in _GITEA_LIKE)
    server = environ.get("GITHUB_SERVER_URL", "").rstrip("/")
    # Gitea names its server always, its API only since some version.
    api = environ.get("GITHUB_API_URL") or (f"{server}/api/v1" if gitea else "")
    token, repository = _token(environ, "GITHUB_TOKEN"), environ.get("GITHUB_REPOSITORY", "")
    return make("gitea" if gitea else "github", api, repository, token, account=_actor(environ, gitea=gitea))


def _actor(environ: Mapping[str, str], *, gitea: bool) -> str:
    """As whom a workflow's own token writes; it may not ask that itself."""
    if environ.get("FORGEJO_ACTIONS") == "true":
        return "forgejo-actions"
    return "gitea-actions" if gitea else "github-actions[bot]"


def _token(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise UsageError(f"{name} is not set; pass the workflow's token on as {name}")
    return environ[name]
