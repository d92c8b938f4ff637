"""a hash of the body as it was sent, to compare a retry with"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BINARY

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Last and nullable, so that no server copies the table for it. Existing messages keep NULL and are compared by
    # their body, which nothing has changed so far: filling the column in would write all of them anew.
    with op.batch_alter_table("im_message") as batch:
        batch.add_column(
            sa.Column(
                "body_hash",
                sa.LargeBinary(8).with_variant(BINARY(8), "mysql", "mariadb"),
                nullable=True,
                comment="of what the sender sent, whatever has become of it; NULL: sent before this column was there",
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("im_message") as batch:
        batch.drop_column("body_hash")
