"""where an event came from, and what retention has removed"""

import sqlalchemy as sa
from alembic import op

from db.base import Id, binary_string

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "im_outbox",
        sa.Column("trace", binary_string(55), nullable=True, comment="the traceparent (W3C) of the request that caused it"),
    )
    op.add_column(
        "im_conversation_head",
        sa.Column(
            *("purged_seq", Id),
            nullable=False,
            server_default="0",
            comment="messages up to this seq may have been removed by retention",
        ),
    )


def downgrade() -> None:
    op.drop_column("im_conversation_head", "purged_seq")
    op.drop_column("im_outbox", "trace")
