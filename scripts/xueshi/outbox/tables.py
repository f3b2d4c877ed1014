"""The outbox's tables, and the way from older ones to these."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from xueshi.errors import XueshiError

VERSION = 2
TABLES = sa.MetaData()
version = sa.Table("schema_version", TABLES, sa.Column("version", sa.Integer, nullable=False))
submission = sa.Table(
    "submission",
    TABLES,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column(
        "record_path", sa.String(120), unique=True
    ),  # of a registration; a correction has none of its own
    sa.Column("member", sa.String(32), nullable=False, index=True),
    sa.Column("branch", sa.String(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("received_at", sa.String(32), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # the contract's states
    sa.Column("batch", sa.String(26), sa.ForeignKey("batch.id"), index=True),
    sa.Column("pending_at", sa.String(32)),
    sa.Column("decided_at", sa.String(32)),
    sa.Column("decided_by", sa.String(32)),
    sa.Column("reason", sa.Text),
)
# What goes to the host together: one ref, one commit a submission, one pull request.
batch = sa.Table(
    "batch",
    TABLES,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("branch", sa.String(32), nullable=False),
    sa.Column(
        "state", sa.String(12), nullable=False, index=True
    ),  # sealed | pushed | proposed | decided | parked
    sa.Column("sealed_at", sa.String(32), nullable=False),
    sa.Column("base", sa.String(40)),
    sa.Column("commit", sa.String(40)),
    sa.Column("pull", sa.Integer, index=True),
    sa.Column("url", sa.Text),
    sa.Column("replaces", sa.String(26)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", sa.Float, nullable=False, default=0.0),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text),
)
# The end of an id is the code that people read out; found by it at once.
code = sa.func.substr(submission.c.id, sa.literal_column("17"))
_by_code = sa.Index("ix_submission_code", code)
# What its member wants back although it is on its way to the host, or there.
withdrawal = sa.Table(
    "withdrawal",
    TABLES,
    sa.Column("submission", sa.String(26), sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
)
picture = sa.Table(
    "picture",
    TABLES,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("source_sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("taken_on", sa.String(10)),
    sa.Column("kept_at", sa.String(32), nullable=False),
)
# What the host lets us do, for all processes: calls that changed something, and until when it wants none.
call = sa.Table("host_call", TABLES, sa.Column("at", sa.Float, primary_key=True))
host = sa.Table(
    "host_state",
    TABLES,
    sa.Column("host", sa.String(32), primary_key=True),
    sa.Column("blocked_until", sa.Float, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
hook = sa.Table(
    "hook_delivery",
    TABLES,
    sa.Column("host", sa.String(32), primary_key=True),
    sa.Column("delivery", sa.String(64), primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)
# What a reviewer decided at the desk, until it is carried out.
decision = sa.Table(
    "decision",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("pull", sa.Integer, nullable=False, index=True),
    sa.Column("head", sa.String(40), nullable=False),
    sa.Column("by", sa.String(32), nullable=False, index=True),
    sa.Column("what", sa.String(12), nullable=False),  # approve | amend | return | drop
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("due", sa.Float, nullable=False),
    sa.Column(
        "state", sa.String(12), nullable=False, index=True
    ),  # waiting | undone | begun | done | failed | told
    sa.Column("error", sa.Text),
)
# Links carry a generation; raising it makes every older link of that kind and person worthless.
generation = sa.Table(
    "link_generation",
    TABLES,
    sa.Column("purpose", sa.String(8), primary_key=True),
    sa.Column("subject", sa.String(32), primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.String(32), nullable=False),
)
attempt = sa.Table(  # wrong codes typed at a desk
    "attempt",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
)


def migrate(connection: sa.Connection) -> None:
    """Bring the file's tables to this version. Raises XueshiError for one that is newer than this program."""
    exists = sa.inspect(connection).has_table("schema_version")
    found = connection.execute(sa.select(version.c.version)).scalar() if exists else None
    if found is not None and found > VERSION:
        raise XueshiError(f"the outbox has version {found}, this program knows {VERSION}; update it")
    for step in range(found or VERSION, VERSION):
        _STEPS[step](connection)
    TABLES.create_all(connection)
    connection.execute(sa.schema.CreateIndex(_by_code, if_not_exists=True))
    if found is None:
        connection.execute(version.insert().values(version=VERSION))
    elif found != VERSION:
        connection.execute(version.update().values(version=VERSION))


def _to_2(connection: sa.Connection) -> None:
    """Before, each submission went alone: it becomes a batch of one, with the same id and so the same ref."""
    connection.exec_driver_sql("ALTER TABLE submission RENAME TO old")
    for name in ("ix_submission_member", "ix_submission_state"):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
    TABLES.create_all(connection)
    begun = "step != 'stored' OR base IS NOT NULL OR state = 'parked'"
    connection.exec_driver_sql(
        'INSERT INTO batch (id, branch, state, sealed_at, base, "commit", pull, attempts, next_at, fence, error) '
        "SELECT id, branch, CASE WHEN state = 'parked' THEN 'parked' WHEN step = 'stored' THEN 'sealed' ELSE step END, "
        f'received_at, base, "commit", pull, attempts, next_at, 0, error FROM old WHERE {begun}'
    )
    same = "id, key, record_path, member, branch, payload, received_at, state, pending_at, decided_at, decided_by, reason"
    connection.exec_driver_sql(
        f"INSERT INTO submission ({same}, batch) SELECT {same}, CASE WHEN {begun} THEN id END FROM old"
    )
    connection.exec_driver_sql("DROP TABLE old")


_STEPS: dict[int, Any] = {1: _to_2}
