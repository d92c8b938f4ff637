"""where an event came from"""

import sqlalchemy as sa
from alembic import op

from db.base import binary_string

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "im_outbox",
        sa.Column("trace", binary_string(55), nullable=True, comment="the traceparent (W3C) of the request that caused it"),
    )


def downgrade() -> None:
    op.drop_column("im_outbox", "trace")
