"""parked events: an event that cannot be told is put aside after a few attempts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(64).with_variant(mysql.VARCHAR(64, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    # The default stays: processes of the version before insert events without this column.
    attempts = sa.Column(
        "attempts", sa.SmallInteger(), nullable=False, server_default="0", comment="times that it could not be told"
    )
    with op.batch_alter_table("im_outbox") as batch:
        batch.add_column(attempts)
    op.create_table(
        "im_outbox_parked",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("conversation_id", _NAME, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("message_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("read_seq", _ID, nullable=False),
        sa.Column("change_seq", _ID, nullable=False),
        sa.Column("origin", sa.String(32), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("create_time", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.String(255), nullable=False, comment="what its last attempt ended in"),
        sa.Column("park_time", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_im_outbox_parked")),
        comment="outbox events that could not be told",
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    op.drop_table("im_outbox_parked")
    with op.batch_alter_table("im_outbox") as batch:
        batch.drop_column("attempts")
