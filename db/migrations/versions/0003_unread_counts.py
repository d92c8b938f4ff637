"""unread counts: summing them up reads the index of the list alone"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "idx_im_conversation_list"
_LIST = ["user_id", "del_state", "is_top", "last_message_id"]


def upgrade() -> None:
    with op.batch_alter_table("im_conversation") as batch:
        batch.drop_index(_NAME)
        batch.create_index(_NAME, [*_LIST, "is_mute", "unread_count"])


def downgrade() -> None:
    with op.batch_alter_table("im_conversation") as batch:
        batch.drop_index(_NAME)
        batch.create_index(_NAME, _LIST)
