"""RecordSet → problems. Every rule is a small function whose docstring is the rule and whose name is its id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import date

from xueshi.checks import closing, duplicates, organisation, pictures, policy, proposal, record
from xueshi.checks.context import Context
from xueshi.checks.proposal import Proposed
from xueshi.model import History, Kept, Problem, RecordSet
from xueshi.records.source import kind_of

Rule = Callable[[Context], Iterator[Problem]]
ChangeRule = Callable[[Proposed], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    record.path_and_id_agree,
    record.branch_is_known,
    record.member_is_on_roster,
    record.kind_is_known,
    record.date_is_not_in_future,
    record.date_is_in_plan,
    record.late_entry,
    record.dates_are_in_order,
    record.hours_fit_the_days,
    record.hours_agree_with_duration,
    record.day_is_within_cap,
    record.kind_needs_its_fields,
    record.people_named_exist,
    pictures.evidence_exists,
    pictures.picture_is_what_it_says,
    pictures.picture_carries_no_metadata,
    duplicates.ids_are_unique,
    duplicates.same_event_once,
    duplicates.times_do_not_overlap,
    duplicates.picture_of_one_day,
    organisation.units_form_a_tree,
    organisation.rosters_have_a_branch,
    organisation.roster_periods_are_in_order,
    organisation.members_stand_once,
    organisation.reviewers_are_members,
    policy.policy_names_exist,
    policy.policy_groups_are_sound,
    policy.policy_spans_are_in_order,
    policy.policy_rules_are_whole,
    closing.closing_stands,
)

CHANGE_RULES: tuple[ChangeRule, ...] = (
    proposal.touches_one_branch,
    proposal.only_records_change,
    proposal.identity_never_changes,
    proposal.nothing_is_deleted,
    proposal.changes_say_why,
    proposal.confirming_changes_nothing,
    proposal.ids_are_never_reused,
    proposal.main_is_not_merged_inside,
    proposal.committee_changes_break_no_record,
    proposal.rules_in_force_are_ended_not_changed,
    closing.year_is_not_closed,
    closing.closing_only_grows,
    closing.closing_is_of_main,
)


def check(records: RecordSet, today: date, evidence: Kept | None = None) -> tuple[Problem, ...]:
    """Every problem of a RecordSet, sorted by place. `evidence`: what is known of kept pictures, None: not looked at."""
    return tuple(sorted({*records.problems, *_judged(records, None, today, evidence)}))


def check_change(proposed: Proposed, evidence: Kept | None = None) -> tuple[Problem, ...]:
    """Problems of a proposed change: of the changed files, and of the change itself. Other files' problems are left
    out, so that one wrong record blocks nothing else. Roles, rosters and policy are the base's."""
    head = proposed.judged()
    found = {
        p
        for p in (*proposed.head.problems, *_judged(head, set(proposed.changed), proposed.today, evidence))
        if p.path in proposed.changed
    }
    for rule in CHANGE_RULES:
        found |= {replace(problem, rule=rule_id(rule)) for problem in rule(proposed)}
    return tuple(sorted(found))


def removed(records: RecordSet, history: History) -> Iterator[Problem]:
    """Records that main has had and that are gone: one is voided, never removed."""
    for path, versions in sorted(history.versions.items()):
        if kind_of(path) == "study" and path not in records.blobs:
            last = next((v.commit for v in reversed(versions) if v.blob is not None), versions[-1].commit)
            ident = path.rsplit("/", 1)[1].removesuffix(".yaml")
            words = f"记录被删除了，请恢复：xueshi restore-record {ident} --to {last[:10]} --by 编号 --reason 原因"
            yield Problem(path, 0, "records-are-never-removed", words)


def rule_id(rule: Rule | ChangeRule) -> str:
    """A rule's id: its function name in kebab-case."""
    return rule.__name__.replace("_", "-")


def _judged(
    records: RecordSet, only: Collection[str] | None, today: date, evidence: Kept | None
) -> Iterator[Problem]:
    everything = tuple(records.studies[path] for path in sorted(records.studies))
    chosen = everything if only is None else tuple(study for study in everything if study.path in only)
    context = Context(records, chosen, everything, records.people(), today, evidence)
    for rule in RULES:
        yield from (replace(problem, rule=rule_id(rule)) for problem in rule(context))
