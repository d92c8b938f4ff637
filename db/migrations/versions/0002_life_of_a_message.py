"""life of a message: what outbox events of reading, recalling and deleting carry, finding changed messages, and which
revoked tokens processes need to know"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("im_outbox") as batch:
        batch.add_column(sa.Column("user_id", _ID, nullable=False, server_default="0", comment="who did it"))
        batch.add_column(sa.Column("read_seq", _ID, nullable=False, server_default="0"))
        batch.add_column(
            sa.Column(
                "change_seq",
                _ID,
                nullable=False,
                server_default="0",
                comment="the conversation's, given to this change",
            )
        )
        batch.add_column(
            sa.Column("origin", sa.String(32), nullable=True, comment="the connection that it came from")
        )
    with op.batch_alter_table("im_outbox") as batch:
        for name in ("user_id", "read_seq", "change_seq"):
            batch.alter_column(name, existing_type=_ID, existing_nullable=False, server_default=None)
        batch.alter_column(
            "message_id", existing_type=_ID, existing_nullable=False, comment="0 when it is not about one message"
        )
    with op.batch_alter_table("im_message") as batch:
        batch.create_index("idx_im_message_changes", ["conversation_id", "change_seq"])
    comment = "access tokens carry it: every process keeps a copy"
    with op.batch_alter_table("im_revoked_token") as batch:
        batch.add_column(sa.Column("of_access", sa.Boolean(), nullable=False, server_default="1", comment=comment))
    with op.batch_alter_table("im_revoked_token") as batch:
        batch.alter_column(
            "of_access", existing_type=sa.Boolean(), existing_nullable=False, server_default=None, existing_comment=comment
        )


def downgrade() -> None:
    with op.batch_alter_table("im_revoked_token") as batch:
        batch.drop_column("of_access")
    with op.batch_alter_table("im_message") as batch:
        batch.drop_index("idx_im_message_changes")
    with op.batch_alter_table("im_outbox") as batch:
        for name in ("origin", "change_seq", "read_seq", "user_id"):
            batch.drop_column(name)
