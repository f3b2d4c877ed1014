"""Door: the command `xueshi`. Translates arguments and errors; holds no rules.

Exit codes: 0 clean, 1 problems found, 2 could not run."""

from __future__ import annotations

import gc

import click

from xueshi.cli.lazy import LazyGroup

COMMANDS = {
    "check": "read:check_command",
    "totals": "read:totals_command",
    "query": "query:query_command",
    "policy": "policy:policy_command",
    "explain": "explain:explain_command",
    "effect": "explain:effect_command",
    "export": "export:export_command",
    "history": "read:history_command",
    "audit": "audit:audit_command",
    "propose": "change:propose_command",
    "restore-record": "change:restore_command",
    "void-record": "change:void_command",
    "confirm-record": "change:confirm_command",
    "close": "change:close_command",
    "checkup": "watch:checkup_command",
    "alerts": "watch:alerts_command",
    "notify": "watch:notify_command",
    "owners": "owners:owners_command",
    "bridge": "bridge:bridge_group",
    "build": "make:build_command",
    "serve": "run:serve_command",
    "links": "links:links_command",
    "sheet": "sheet:sheet_command",
    "keys": "keys:keys_group",
    "sample": "make:sample_command",
    "demo": "run:demo_command",
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
@click.version_option(package_name="xueshi")
def main() -> None:
    """Study records (学时) of an organisation, kept in Git."""
    # Records are many, live long and hold no cycles: looking for them after each 700 new objects takes a quarter of a run.
    gc.set_threshold(100_000)
