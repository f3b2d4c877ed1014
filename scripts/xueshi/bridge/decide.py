"""Decisions of the desk: kept, open to be undone for a while, then carried out on the host, once, whatever dies when."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from xueshi import records
from xueshi.bridge.brought import Brought, bring, brings
from xueshi.bridge.obstacles import gone, moved, over, why
from xueshi.bridge.office import Office
from xueshi.bridge.pages import Refused
from xueshi.bridge.people import named, names
from xueshi.bridge.queue import is_own, judged, may_decide
from xueshi.bridge.withdraw import carry_withdrawals, wanted_back, was_withdrawn
from xueshi.delivery import MAIN, leaving, returning
from xueshi.errors import (
    HostDenied,
    HostLimited,
    HostRefused,
    HostUnavailable,
    XueshiError,
)
from xueshi.hosts.base import Host, Pull
from xueshi.model import Change, Problem, Severity, Study
from xueshi.outbox import Decision
from xueshi.proposals import granted
from xueshi.records import study_file

_LOG = logging.getLogger("xueshi.bridge")
_LOOK_BACK = "-500"  # merges among which one that was lost from sight is looked for
DONE, WAITING = "done", "waiting"


def decide(
    office: Office, by: str, pull: Pull, head: str, what: str, payload: Mapping[str, Any] | None = None
) -> str:
    """Keep what reviewer `by` decided on a pull request as they saw it (`head`); DONE or WAITING.

    Raises Refused for what could not be carried out as things stand now. The same decision sent twice is one."""
    host = desk_host(office)
    payload = {**(payload or {}), "title": title_of(pull)}
    if _is_done(office, pull, by, what):
        return DONE
    _ready(office, pull, head, by, what, payload)
    now = office.now()
    made = office.outbox.decisions.add(
        pull.number, head, by, what, payload, now, (now + office.undo).timestamp()
    )
    if made is None:
        held = next((d for d in office.outbox.decisions.waiting() if d.pull == pull.number), None)
        if held is not None and (held.by, held.what, held.head) == (by, what, head):
            return WAITING
        if held is not None and held.by != by:
            raise Refused(409, "decided", "另一位审核人已经决定了这条", "生效以前要改，请与他联系。")
        raise Refused(409, "decided", "这条您已经决定了", "要改主意，请先撤销原来的决定。")
    if office.undo:
        return WAITING
    _carry(office, host, made, now, wanted_back(office, now))
    return _told(office, made)


def hasten(office: Office, by: str, ident: int) -> None:
    """Carry out at once what `by` decided, unless a member is taking it back."""
    now = office.now()
    if office.outbox.decisions.hasten(ident, by, now.timestamp()):
        made = next((d for d in office.outbox.decisions.due(now.timestamp()) if d.id == ident), None)
        if made is not None:
            _carry(office, desk_host(office), made, now, wanted_back(office, now))


def carry_out(office: Office, now: datetime) -> int:
    """Carry out what is due, each judged again as of now, and take back what members withdrew; how many decisions are
    still to be carried out, since the host was away or wants fewer calls. What fails is told at the desk."""
    denied = carry_withdrawals(office, now)
    if office.desk is None:
        return 0
    going = wanted_back(office, now) - denied  # its member was first
    for made in office.outbox.decisions.due(now.timestamp()):
        if office.outbox.limits.blocked(now.timestamp()):
            break
        _carry(office, office.desk, made, now, going)
    with contextlib.suppress(
        XueshiError
    ):  # read what main's move made stale here: no reviewer waits for that
        brings(office, office.pulls())
    return len(office.outbox.decisions.due(now.timestamp()))


def allowed(office: Office, by: str, pull: Pull) -> Brought:
    """What the pull request brings, if this reviewer may decide on it today. Raises Refused, and HostUnavailable as long
    as it is not fetched: nobody's role is judged by what was not read."""
    content = bring(office, pull)
    if not content.files:
        if office.repo.resolve(f"{pull.head}^{{commit}}") is None:
            raise HostUnavailable(f"pull {pull.number} is not fetched yet")
        cure = "它带来的内容已经在正式记录里，或被撤掉了。请刷新后再看。"
        raise Refused(409, "nothing in it", "这条里没有要审的内容", cure)
    if not may_decide(office.current(), by, content):
        raise Refused(403, "other branch", "这条登记不归您审核", "请由该支部的审核人决定。")
    if is_own(office.current(), content, by):
        raise Refused(403, "own record", "不能审核自己的登记", "请由另一位审核人或上级党委决定。")
    return content


def title_of(pull: Pull) -> str:
    """A pull request's title without the state that it begins with."""
    return re.sub(r"^【[^】]*】", "", pull.title)


def desk_host(office: Office) -> Host:
    """The host as the desk's own identity. Raises Refused where the desk is switched off."""
    if office.desk is None:
        raise Refused(404, "desk is off", "这里没有开通审核台", "请到代码托管平台上审核，或联系党委管理员。")
    return office.desk


def _carry(office: Office, host: Host, made: Decision, now: datetime, going: frozenset[str]) -> None:
    """One decision, unless a member who was first is taking back what it is about (`going`: refs). What the host could
    not do now is tried again; it can be undone until the host was there."""
    decisions, limits, at = office.outbox.decisions, office.outbox.limits, now.timestamp()
    if limits.ready(host.budget, at) > at:
        return
    try:
        pull = host.get(made.pull)
        if pull is None:
            raise gone()
        if pull.head_ref in going or not limits.spend(host.budget, at) or not decisions.begin(made.id):
            return
        _act(office, host, made, pull, now)
        decisions.end(made.id, "done")
    except Refused as refused:
        decisions.end(made.id, "failed", f"{refused.title}：{refused.cure}")
    except HostRefused as refused:
        _LOG.warning("decision %d: %s", made.id, refused)
        words = "代码托管平台没有照办，没有生效。请再决定一次；还是不行，请联系党委管理员"
        decisions.end(made.id, "failed", words)
    except HostDenied as denied:
        _LOG.error("decision %d is denied: %s", made.id, denied)
        words = "代码托管平台不让审核台这样做，没有生效。请告诉党委管理员，处理好后再决定一次"
        decisions.end(made.id, "failed", words)
    except HostLimited as error:
        limits.block(host.name, error.until, str(error))
    except XueshiError as error:
        _LOG.warning("decision %d is put off: %s", made.id, error)
    except Exception:  # a fault of ours in one decision must not hold up the others
        _LOG.exception("decision %d failed", made.id)
        decisions.end(made.id, "failed", "系统出错了，没有办成。请再试一次；还是不行，请联系党委管理员")


def _act(office: Office, host: Host, made: Decision, pull: Pull, now: datetime) -> None:
    if _is_done(office, pull, made.by, made.what):
        return
    grant = _ready(office, pull, made.head, made.by, made.what, made.payload, made.at)
    try:
        if made.what in ("return", "drop"):
            host.close(pull.number, made.by, _reason(made), now)
        else:
            host.merge(pull.number, made.head, made.by, now, grant=grant)
    except HostRefused as refused:  # perhaps the same decision, carried out by another thread meanwhile
        seen = host.get(made.pull)
        if seen is None:
            raise gone() from None
        if seen.state == "open":
            raise why(office, seen, made, refused) from None
        if not _is_done(office, seen, made.by, made.what):
            raise over(office, seen) from None


def _ready(
    office: Office,
    pull: Pull,
    head: str,
    by: str,
    what: str,
    payload: Mapping[str, Any],
    at: datetime | None = None,
) -> dict[str, bytes]:
    """The files that go with a merge. Raises Refused for what may not be done now. `at`: when it was decided, for what is
    carried out now; a role that ended in between decides nothing, as history would not count it."""
    if pull.state != "open" or was_withdrawn(office, pull):
        raise over(office, pull)
    if not head:
        raise Refused(409, "no head", "没有说明看到的是哪一版", "请刷新后再看。")
    if head != pull.head:  # first: whose it is to decide follows from what it brings now
        raise moved()
    if at is not None and not may_decide(office.current(), by, bring(office, pull)):
        raise Refused(
            403, "role ended", "到生效的时候，这条已不归您审核", "它仍在等待审核，由现在的审核人决定。"
        )
    content = allowed(office, by, pull)
    if what in ("return", "drop"):
        if what == "drop":
            row(content, str(payload["record"]))
        return {}
    grant: dict[str, bytes] = {}
    if what == "amend":
        study = row(content, str(payload["record"]))
        change = Change("amend", by, (at or office.now()).replace(microsecond=0), str(payload["reason"]))
        grant[study.path] = study_file(granted(study, Decimal(str(payload["hours"])), change))
    # Judged as proposed: fewer hours are the decision itself, of which no commit of the proposal speaks.
    found = judged(office.current(), content, office.evidence())
    error = next((problem for problem in found if problem.severity is Severity.ERROR), None)
    if error is not None:
        raise Refused(409, "check failed", "检查没有通过", _told_error(office, content, error))
    return grant


def row(content: Brought, record: str) -> Study:
    """One record of a proposal; of one that has a single record it need not be named. Raises Refused."""
    for study in content.studies:
        if study.id == record or (not record and len(content.studies) == 1):
            return study
    raise Refused(404, "no such row", "没有这条登记", "请回到列表刷新后再看。")


def _told_error(office: Office, content: Brought, error: Problem) -> str:
    """An error as its reviewer reads it: whose record it is, where it is in one."""
    study = next((one for one in content.studies if one.path == error.path), None)
    if study is None:
        return str(error)
    name = names(office.current()).get(study.member, study.member)
    return f"{name}：{named(error.message, study.member, name)}"


def _reason(made: Decision) -> str:
    reason = str(made.payload["reason"])
    if made.what == "drop":
        return leaving("退回", str(made.payload["submission"]), reason)
    return returning(reason)


def _is_done(office: Office, pull: Pull, by: str, what: str) -> bool:
    """Whether the host has carried out this decision of the same reviewer, whatever was noted of it here."""
    if what in ("return", "drop"):
        return pull.state == "closed" and pull.decided_by == by
    return pull.state == "merged" and _merged_by(office, pull) == by


def _merged_by(office: Office, pull: Pull) -> str | None:
    """Who decided a merge: it says so itself; the host may know a login only, or have died before it noted anything."""
    if pull.merge is not None and office.repo.resolve(pull.merge) is None:
        raise HostUnavailable(f"the merge of pull {pull.number} is not fetched yet")
    line = records.read_commits(office.repo, MAIN, options=("--first-parent", "--merges", _LOOK_BACK))
    merge = next((commit for commit in line if pull.head in commit.parents[1:]), None)
    return (merge.sole("Approved-By") if merge else None) or pull.decided_by


def _told(office: Office, made: Decision) -> str:
    """What became of a decision that was to be carried out at once. Raises Refused when it could not be."""
    decisions = office.outbox.decisions
    failed = {one.id: one.error for one in decisions.failed(made.by, made.at)}
    if made.id in failed:
        decisions.tell(made.id, made.by)
        title, _, cure = (failed[made.id] or "").partition("：")
        raise Refused(409, "not carried out", title, cure)
    return WAITING if any(one.id == made.id for one in decisions.waiting(made.by)) else DONE
