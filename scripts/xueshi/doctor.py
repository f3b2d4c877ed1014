"""Whether a repository on its host is set up so that approval holds. What the host tells × what we need → findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from xueshi.hosts.base import Probe
from xueshi.model import Organisation, contains

_LOSING = {
    "squash": "压缩合并 squash",
    "rebase": "变基合并 rebase",
    "fast-forward-only": "快进合并 fast-forward",
}
_TOO_MUCH = ("admin", "workflow", "sudo", "delete_repo", "write:admin", "write:organization", "admin:org")


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: ok | unknown | warning | error; `what` was found and the `cure`, which is empty when all is well."""

    level: str
    what: str
    cure: str = ""


def diagnose(
    probe: Probe, organisation: Organisation, on: date, *, bridge: str, desk: str | None
) -> tuple[Finding, ...]:
    """Everything that is right or wrong. `bridge` and `desk` are e-mail addresses of our identities; None: no desk."""
    return (
        Finding("ok", f"{probe.name} {probe.version}，账号 account {probe.account}"),
        *_token(probe),
        *_accounts(probe),
        *_main(probe),
        *_merging(probe),
        *_identities(organisation, on, bridge, desk),
        *(_granting(probe) if desk is not None else ()),
        *(_addresses(organisation, on) if desk is None else ()),
    )


def sealing(edition: str, fault: str, *, given: bool) -> Finding:
    """How the site is sealed. `fault`: why it cannot be, empty when it can; `given`: whether the roots were told, and not
    made from the installation's own secret."""
    if edition == "open":
        cure = "只在要登录才能打开的地方发布；否则改用密封版 / publish it behind a login only, or use the sealed edition"
        return Finding("warning", "网站是公开版 the site is the open edition", cure)
    if fault:
        return Finding("error", fault, "换好保密变量以后重新启动 / replace the secrets and start again")
    if not given:
        cure = (
            "这里自己的链接打得开；要印二维码或由 CI 发布，见 docs/operating.md / its own links open; for printed sheets, or a "
            "site from CI, see docs/operating.md"
        )
        return Finding(
            "unknown", "密封用的是这里自己的密钥 the site is sealed with the installation's own key", cure
        )
    return Finding("ok", "密封用的密钥与 keys.yaml 不矛盾 the roots agree with keys.yaml")


def _token(probe: Probe) -> Iterator[Finding]:
    if probe.can_push is None:
        yield _unknown("令牌能否推送 whether the token may push")
    elif not probe.can_push:
        cure = "给机器人账号写入内容和合并请求的权限 / give the bot account write access to contents and pull requests"
        yield Finding("error", "令牌不能推送 the token may not push", cure)
    else:
        yield Finding("ok", "令牌可以推送提案 the token may push proposals")
    if probe.can_administer and probe.name != "local":
        cure = "换一个不是管理员的账号：管理员可以绕过保护 / use an account that is no administrator"
        yield Finding("warning", "令牌是仓库管理员 the token administers the repository", cure)
    for scope in probe.scopes or ():
        if scope in _TOO_MUCH:
            cure = "去掉这项权限，泄露时少受损失 / take it away: a leaked token then does less harm"
            yield Finding("warning", f"令牌多了权限 the token also has {scope}", cure)
    if probe.private is False:
        cure = (
            "姓名和学习记录会公开；改成私有仓库 / names and records are public: make the repository private"
        )
        yield Finding("error", "仓库是公开的 the repository is public", cure)


def _accounts(probe: Probe) -> Iterator[Finding]:
    """Anybody may write below a pull request: what we wrote ourselves is known by its account alone."""
    for setting, account in (("host.account", probe.account), ("desk.account", probe.desk_account)):
        if account == "":
            cure = (
                f"在设置里写上它的登录名 {setting}；不写的话，退回和撤回都办不成 / set {setting} to its login: until then "
                "nothing can be returned or withdrawn"
            )
            yield Finding("error", f"平台不说令牌是谁 the host does not tell whose token {setting} is", cure)


def _main(probe: Probe) -> Iterator[Finding]:
    if probe.main_protected is None:
        yield _unknown("main 是否受保护 whether main is protected")
    elif not probe.main_protected:
        cure = "保护 main：只能通过合并请求 / protect main: pull requests only"
        yield Finding("error", "main 没有保护 main is not protected", cure)
    else:
        yield Finding("ok", "main 受保护 main is protected")
    if probe.checks_required is not None and probe.name != "local" and "check" not in probe.checks_required:
        cure = "把 check 设为合并前必须通过 / require the check named check"
        yield Finding("warning", "没有要求 check 通过 the check is not required", cure)


def _merging(probe: Probe) -> Iterator[Finding]:
    if probe.merge_methods is None:
        yield _unknown("允许哪些合并方式 which ways to merge are allowed")
    for method in probe.merge_methods or ():
        if method in _LOSING:
            cure = "关掉：这样合并看不出谁审核，记录不计学时 / switch it off: such a merge loses who decided"
            yield Finding("error", f"允许{_LOSING[method]}", cure)
    if probe.merge_methods is not None and "merge" not in probe.merge_methods:
        cure = "打开“合并提交” / allow merge commits"
        yield Finding("error", "不允许合并提交 merge commits are not allowed", cure)
    if probe.names_in_merge:
        cure = "合并信息模板不要带标题或说明：姓名会永远留在 Git 里 / keep titles out of the merge message's template"
        yield Finding("error", "合并信息会带上姓名 merge messages carry names", cure)
    elif probe.names_in_merge is None:
        yield _unknown("合并信息是否带姓名 whether merge messages carry names")


def _identities(organisation: Organisation, on: date, bridge: str, desk: str | None) -> Iterator[Finding]:
    listed = {one.email for one in organisation.desks if contains(one.start, one.until, on)}
    if desk is not None and desk not in listed:
        cure = f"请党委在 organisation.yaml 的 desks 下写上 {desk} / list it under desks in organisation.yaml"
        yield Finding("error", f"审核台身份 {desk} 没有登记，它的审核不算 the desk is not listed", cure)
    if bridge in listed:
        cure = "从 desks 中去掉：提出的人不能也审核 / take it off the desks: who proposes must not approve"
        yield Finding("error", f"登记身份 {bridge} 也被当作审核台 the bridge is listed as a desk", cure)
    for reviewer in organisation.reviewers:
        if bridge in reviewer.emails:
            cure = "换一个邮箱 / use another address"
            yield Finding("error", f"登记身份用了审核人 {reviewer.member} 的邮箱 {bridge}", cure)


def _granting(probe: Probe) -> Iterator[Finding]:
    """A merge with fewer hours is pushed: no API of a host changes a file in a merge."""
    if probe.name != "local":
        cure = (
            "要在审核台改学时，请允许审核台的账号推送到 main（docs/hosting.md）；不允许就只能退回让本人改 / to grant fewer "
            "hours at the desk, let its account alone push to main (docs/hosting.md); else such records are returned"
        )
        yield Finding("unknown", "看不到：审核台能否推送合并提交 whether the desk may push its merges", cure)


def _addresses(organisation: Organisation, on: date) -> Iterator[Finding]:
    """Without a desk every reviewer merges on the host, and is known by an address alone."""
    for reviewer in organisation.reviewers:
        if contains(reviewer.start, reviewer.until, on) and not reviewer.emails:
            cure = "在 organisation.yaml 写上合并时用的邮箱，否则认不出是谁审核 / add the address they merge with"
            yield Finding("warning", f"审核人 {reviewer.member}（{reviewer.unit}）没有邮箱 no address", cure)


def _unknown(what: str) -> Finding:
    cure = (
        "请在平台设置里看，或给令牌读取设置的权限 / look at the host's settings, or let the token read them"
    )
    return Finding("unknown", f"看不到：{what}", cure)
