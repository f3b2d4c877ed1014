"""Door: the command `xueshi`. Translates arguments and errors; holds no rules.

Exit codes: 0 clean, 1 problems found, 2 could not run."""

from __future__ import annotations

import gc

import click

from xueshi.cli import operate
from xueshi.cli.audit import audit_command
from xueshi.cli.bridge import bridge_group
from xueshi.cli.change import (
    close_command,
    confirm_command,
    propose_command,
    restore_command,
    void_command,
)
from xueshi.cli.explain import effect_command, explain_command
from xueshi.cli.export import export_command
from xueshi.cli.keys import keys_group
from xueshi.cli.links import links_command
from xueshi.cli.owners import owners_command
from xueshi.cli.policy import policy_command
from xueshi.cli.query import query_command
from xueshi.cli.read import check_command, history_command, totals_command
from xueshi.cli.run import build_command, demo_command, sample_command, serve_command
from xueshi.cli.sheet import sheet_command
from xueshi.cli.watch import alerts_command, checkup_command, notify_command

COMMANDS: tuple[click.Command, ...] = (
    check_command,
    totals_command,
    query_command,
    policy_command,
    explain_command,
    effect_command,
    export_command,
    history_command,
    audit_command,
    propose_command,
    restore_command,
    void_command,
    confirm_command,
    close_command,
    checkup_command,
    alerts_command,
    notify_command,
    owners_command,
    bridge_group,
    build_command,
    serve_command,
    links_command,
    sheet_command,
    keys_group,
    sample_command,
    demo_command,
)

for command in operate.COMMANDS:
    bridge_group.add_command(command)


@click.group(commands=COMMANDS)
@click.version_option(package_name="xueshi")
def main() -> None:
    """Study records (学时) of an organisation, kept in Git."""
    # Records are many, live long and hold no cycles: looking for them after each 700 new objects takes a quarter of a run.
    gc.set_threshold(100_000)
