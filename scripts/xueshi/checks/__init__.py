"""RecordSet → problems. Every rule is a small function whose docstring is the rule and whose name is its id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date, timedelta

from xueshi.checks import closing, duplicates, keys, organisation, pictures, policy, proposal, record
from xueshi.checks.context import Context, told_date
from xueshi.checks.proposal import Proposed
from xueshi.model import History, Kept, Problem, RecordSet, Severity
from xueshi.records.source import ORGANISATION, POLICY, kind_of

Rule = Callable[[Context], Iterator[Problem]]
ChangeRule = Callable[[Proposed], Iterator[Problem]]

_OF_RECORDS: tuple[Rule, ...] = (
    record.path_and_id_agree,
    record.branch_is_known,
    record.member_is_on_roster,
    record.kind_is_known,
    record.title_is_not_blank,
    record.date_is_not_in_future,
    record.moments_are_past,
    record.date_is_in_plan,
    record.late_entry,
    record.dates_are_in_order,
    record.hours_fit_the_days,
    record.hours_agree_with_duration,
    record.day_is_within_cap,
    record.kind_needs_its_fields,
    record.people_named_exist,
    record.replaces_another_record,
    pictures.evidence_exists,
    pictures.picture_is_what_it_says,
    pictures.picture_carries_no_metadata,
    duplicates.ids_are_unique,
    duplicates.same_event_once,
    duplicates.times_do_not_overlap,
    duplicates.picture_of_one_day,
    closing.closing_stands,
)

_OF_COMMITTEE_FILES: tuple[Rule, ...] = (
    organisation.units_form_a_tree,
    organisation.somebody_can_decide,
    organisation.organisation_spans_are_in_order,
    organisation.rosters_have_a_branch,
    organisation.roster_periods_are_in_order,
    organisation.members_stand_once,
    organisation.one_id_is_one_person,
    organisation.reviewers_are_members,
    organisation.desks_have_their_own_address,
    policy.policy_names_exist,
    policy.policy_groups_are_sound,
    policy.policy_spans_are_in_order,
    policy.policy_rules_are_whole,
    keys.readers_of_links_are_known,
    keys.links_stand_once,
    keys.epochs_are_not_ahead,
    keys.roots_stand_once,
)

RULES: tuple[Rule, ...] = _OF_RECORDS + _OF_COMMITTEE_FILES

CHANGE_RULES: tuple[ChangeRule, ...] = (
    proposal.touches_one_branch,
    proposal.only_records_change,
    proposal.identity_never_changes,
    proposal.nothing_is_deleted,
    proposal.changes_say_why,
    proposal.first_versions_are_unchanged,
    proposal.commits_say_who_sent_it,
    proposal.confirming_changes_nothing,
    proposal.ids_are_never_reused,
    proposal.main_is_not_merged_inside,
    proposal.approvals_stay,
    proposal.committee_changes_break_no_record,
    proposal.rules_in_force_are_ended_not_changed,
    closing.year_is_not_closed,
    closing.closed_years_keep_their_figures,
    closing.closing_only_grows,
    closing.closing_is_of_main,
    keys.links_only_move_on,
    keys.fingerprints_stay,
)


def check(records: RecordSet, today: date, evidence: Kept | None = None) -> tuple[Problem, ...]:
    """Every problem of a RecordSet, sorted by place. `evidence`: what is known of kept pictures, None: not looked at.
    While organisation or policy cannot be read only the files' own faults are told: all others would follow from it."""
    for path in (ORGANISATION, POLICY):
        if any(p.path == path and p.severity is Severity.ERROR for p in records.problems):
            wait = Problem(path, 0, "schema", "其余检查要等它改好", severity=Severity.NOTE)
            return tuple(sorted({*records.problems, wait}))
    return tuple(sorted({*records.problems, *_judged(records, None, today, evidence)}))


def check_change(proposed: Proposed, evidence: Kept | None = None) -> tuple[Problem, ...]:
    """Problems of a proposed change: of the changed files, and of the change itself. Other files' problems are left
    out, so that one wrong record blocks nothing else. Roles, rosters and policy are the base's."""
    only_records = all(kind_of(path) == "study" for path in proposed.changed)
    rules = _OF_RECORDS if only_records else RULES  # what the others find would be left out anyway
    judged = _judged(proposed.judged(), set(proposed.changed), proposed.today, evidence, rules)
    found = {p for p in (*proposed.head.problems, *judged) if p.path in proposed.changed}
    for rule in CHANGE_RULES:
        found |= {replace(problem, rule=rule_id(rule)) for problem in rule(proposed)}
    return tuple(sorted(found))


def removed(records: RecordSet, history: History) -> Iterator[Problem]:
    """Records that main has had approved and that are gone: one is voided, never removed."""
    for path, versions in sorted(history.versions.items()):
        had = [v.commit for v in versions if v.approved and v.blob is not None]
        if kind_of(path) == "study" and path not in records.blobs and had:
            last = had[-1]
            ident = path.rsplit("/", 1)[1].removesuffix(".yaml")
            words = f"记录被删除了，请恢复：xueshi restore-record {ident} --to {last[:10]} --by 编号 --reason 原因"
            yield Problem(path, 0, "records-are-never-removed", words)


def of_history(records: RecordSet, history: History, today: date) -> Iterator[Problem]:
    """What main's history shows that the files do not: records that are gone, newest versions that nobody approved, and
    clocks that were wrong."""
    yield from removed(records, history)
    approved = history.approvals()
    open_ones = sorted(path for path in records.studies if path not in approved)
    if open_ones:
        words = f"main 上有 {len(open_ones)} 条记录的最新一版没有有效的审核，不计学时，例如 {open_ones[0]}；xueshi audit 会列出原因和处理办法"
        yield Problem("records", 0, "newest-versions-are-approved", words, severity=Severity.WARNING)
    late = {history.tip: history.at} if history.at.date() > today + timedelta(1) else {}
    for sha, at in sorted({**history.ahead, **late}.items()):
        words = f"提交 {sha[:10]} 的时间是 {told_date(at.date())}，不可能，已有更多后来的提交时不作数；请校准那台机器的时钟"
        yield Problem("records", 0, "clocks-are-right", words, severity=Severity.WARNING)


def rule_id(rule: Rule | ChangeRule) -> str:
    """A rule's id: its function name in kebab-case."""
    return rule.__name__.replace("_", "-")


def _judged(
    records: RecordSet,
    only: Collection[str] | None,
    today: date,
    evidence: Kept | None,
    rules: Collection[Rule] = RULES,
) -> Iterator[Problem]:
    everything = tuple(records.studies[path] for path in sorted(records.studies))
    chosen = everything if only is None else tuple(study for study in everything if study.path in only)
    context = Context(records, chosen, everything, records.people(), today, evidence)
    for rule in rules:
        yield from (replace(problem, rule=rule_id(rule)) for problem in rule(context))
