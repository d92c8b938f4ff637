"""a drain reads a shard's events in their order, and who has hidden a message, by an index each"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The column `applied` and the index idx_im_outbox_drain stay: workers of the previous release go by them. A later
# migration drops both.


def upgrade() -> None:
    with op.batch_alter_table("im_outbox") as batch:
        batch.create_index("idx_im_outbox_pending", ["shard", "id"])
    with op.batch_alter_table("im_message_hidden") as batch:
        batch.create_index("idx_im_message_hidden_message", ["message_id"])


def downgrade() -> None:
    with op.batch_alter_table("im_message_hidden") as batch:
        batch.drop_index("idx_im_message_hidden_message")
    with op.batch_alter_table("im_outbox") as batch:
        batch.drop_index("idx_im_outbox_pending")
