"""uploads, their bytes, and the messages that carry them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import BINARY

from db.base import Id, binary_string, table_args

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _table(name: str, *parts: object, comment: str) -> None:
    (options,) = table_args(comment=comment)
    op.create_table(name, *parts, **options)


def upgrade() -> None:
    _table(
        "im_blob",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column(
            "sha256", sa.LargeBinary(32).with_variant(BINARY(32), "mysql", "mariadb"), nullable=False
        ),
        sa.Column("size", Id, nullable=False, comment="bytes"),
        sa.Column("name", binary_string(64), nullable=False, comment="in the storage"),
        sa.Column(
            *("thumbnail_state", sa.SmallInteger()),
            nullable=False,
            comment="0 nobody wants one, 1 wanted, 2 made, 3 failed",
        ),
        sa.Column("thumbnail_name", binary_string(64), nullable=True, comment="in the storage"),
        sa.Column("thumbnail_attempts", sa.SmallInteger(), nullable=False),
        sa.Column("create_time", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_im_blob"),
        sa.UniqueConstraint("sha256", name="uk_im_blob_sha256"),
        comment="stored bytes of media",
    )
    for column in ("name", "thumbnail_name", "thumbnail_state"):
        op.create_index(f"idx_im_blob_{column}", "im_blob", [column])
    _table(
        "im_media",
        sa.Column("id", binary_string(32), nullable=False),
        sa.Column("user_id", Id, nullable=False, comment="who uploaded it"),
        sa.Column("kind", sa.SmallInteger(), nullable=False, comment="the message_type that may carry it"),
        sa.Column("blob_id", Id, nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False, comment="pixels, as shown"),
        sa.Column("height", sa.Integer(), nullable=False, comment="pixels, as shown"),
        sa.Column("duration", Id, nullable=False, comment="milliseconds"),
        sa.Column("sent", sa.Boolean(), nullable=False, comment="a message has carried it"),
        sa.Column("unused_since", sa.DateTime(), nullable=True, comment="NULL: a message carries it"),
        sa.Column("create_time", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_im_media"),
        comment="uploads",
    )
    op.create_index("idx_im_media_blob", "im_media", ["blob_id"])
    op.create_index("idx_im_media_user", "im_media", ["user_id", "create_time"])
    op.create_index("idx_im_media_unused", "im_media", ["unused_since"])
    _table(
        "im_media_use",
        sa.Column("media_id", binary_string(32), nullable=False),
        sa.Column("message_id", Id, autoincrement=False, nullable=False),
        sa.Column("conversation_id", binary_string(64), nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("low_id", Id, nullable=False),
        sa.Column("high_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("media_id", "message_id", name="pk_im_media_use"),
        comment="the messages that carry an upload",
    )
    op.create_index("idx_im_media_use_message", "im_media_use", ["message_id"])


def downgrade() -> None:
    for name in ("im_media_use", "im_media", "im_blob"):
        op.drop_table(name)
