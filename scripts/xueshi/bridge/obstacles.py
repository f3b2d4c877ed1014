"""Why a decision cannot be made or carried out, in words for its reviewer."""

from __future__ import annotations

import logging

from xueshi.bridge.office import Office
from xueshi.bridge.pages import Refused
from xueshi.bridge.withdraw import WITHDRAWN, was_withdrawn
from xueshi.errors import HostConflict, HostProtected, HostRefused
from xueshi.hosts.base import Pull
from xueshi.outbox import Decision

_LOG = logging.getLogger("xueshi.bridge")


def over(office: Office, pull: Pull) -> Refused:
    """Why nobody can decide on a pull request any more."""
    if was_withdrawn(office, pull):
        return Refused(409, "withdrawn", WITHDRAWN, "不用再审；同组还有别的登记时，会重新送来。")
    return Refused(409, "decided", "这条已经审完了", "可能是别的审核人刚审过，或本人撤回了。")


def why(office: Office, pull: Pull, made: Decision, refused: HostRefused) -> Exception:
    """What keeps a decision from being carried out on a pull request that still waits; the host's own word where we do
    not know better."""
    if pull.head != made.head:
        return moved()
    if made.what in ("return", "drop"):
        return refused
    if isinstance(refused, HostProtected):
        _LOG.warning("decision %d: %s", made.id, refused)
        return Refused(409, "protected", *_PROTECTED[refused.wants])
    tip = office.current().tip
    base = office.repo.merge_base(tip, pull.head)
    changed = set(office.repo.changed(base, pull.head)) & set(office.repo.changed(base, tip)) if base else ()
    if changed:
        cure = "请退回，并请本人按现在的记录重新提交。"
        return Refused(409, "conflict", "正式记录里的同一条已经改过，合不上", cure)
    if isinstance(refused, HostConflict):
        _LOG.warning("decision %d: %s", made.id, refused)
        return Refused(409, "not to be merged", *_UNSAID)
    return refused


_PROTECTED = {
    "approvals": ("代码托管平台还缺规定的审批", "请告诉党委管理员，处理好后再决定一次。"),
    "checks": ("代码托管平台上的检查还没有通过", "请过几分钟再决定一次；还是不行，请联系党委管理员。"),
}
_UNSAID = (  # GitLab's 405, and some of GitHub's, do not say which
    "代码托管平台现在不让合并",
    "可能还缺规定的审批或检查，或与正式记录合不上。请过几分钟再决定一次；还是不行，请联系党委管理员。",
)


def gone() -> Refused:
    """The host does not know the pull request."""
    cure = "可能被删除了，或被移到了别处。请联系党委管理员；登记的内容没有丢。"
    return Refused(404, "no pull", "代码托管平台上找不到这一条了", cure)


def moved() -> Refused:
    """Why nobody can decide on what they saw."""
    return Refused(409, "moved", "这条登记刚才有变化", "请看清后再决定。")
