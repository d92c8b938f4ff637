"""one JSON column for the fields that only one kind of event has, instead of a column each"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("im_outbox", "im_outbox_parked")
_READ = 2


def upgrade() -> None:
    # The old columns stay, with a default, as long as processes of the previous release may run.
    for name in _TABLES:
        # Where DDL commits by itself, a run whose UPDATE was stopped by a lock is repeated from here.
        if "detail" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(name)}:
            _add_detail(name)
        op.execute(
            f"UPDATE {name} SET detail = json_object('read_seq', read_seq, 'origin', origin) WHERE kind = {_READ}"
        )


def _add_detail(name: str) -> None:
    comment = "JSON: ids and numbers that only this kind has" if name == "im_outbox" else None
    with op.batch_alter_table(name) as batch:
        batch.add_column(sa.Column("detail", sa.Text(), nullable=True, comment=comment))
        batch.alter_column("read_seq", existing_type=_ID, existing_nullable=False, server_default="0")


def downgrade() -> None:
    for name in _TABLES:
        _spread(name)
        with op.batch_alter_table(name) as batch:
            batch.alter_column("read_seq", existing_type=_ID, existing_nullable=False, server_default=None)
            batch.drop_column("detail")


def _spread(name: str) -> None:
    """Write the values in `detail` back into the columns."""
    events = sa.table(name, *(sa.column(each) for each in ("id", "detail", "read_seq", "origin")))
    connection = op.get_bind()
    for row in connection.execute(sa.select(events.c.id, events.c.detail).where(events.c.detail.is_not(None))).all():
        connection.execute(sa.update(events).where(events.c.id == row.id).values(json.loads(row.detail)))
