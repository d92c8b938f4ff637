"""unread counts: summing them up reads an index alone"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("im_conversation") as batch:
        batch.create_index("idx_im_conversation_unread", ["user_id", "del_state", "is_mute", "unread_count"])


def downgrade() -> None:
    with op.batch_alter_table("im_conversation") as batch:
        batch.drop_index("idx_im_conversation_unread")
