"""accounts: closing one, ending all logins of a user, and the addresses from which somebody has signed in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import VARCHAR

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(length):
    return sa.String(length).with_variant(VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("im_user") as batch:
        batch.add_column(
            sa.Column(
                "delete_time",
                sa.DateTime(),
                nullable=True,
                comment="closed since; its username is never given again",
            )
        )
    op.create_table(
        "im_revoked_user",
        sa.Column("user_id", _ID, autoincrement=False, nullable=False),
        sa.Column("generation", _ID, nullable=False, comment="tokens of lower ones are good no longer"),
        sa.Column(
            "issued_before", sa.DateTime(), nullable=False, comment="so are those that carry none and are older"
        ),
        sa.Column("update_time", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_im_revoked_user")),
        comment="users whose logins were ended all together",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )
    op.create_index(op.f("idx_im_revoked_user_update_time"), "im_revoked_user", ["update_time"])
    op.create_table(
        "im_known_address",
        sa.Column("username", _text(32), nullable=False),
        sa.Column("address", _text(64), nullable=False, comment="a keyed hash, hexadecimal"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="in the current quarter of an hour"),
        sa.Column("window_start", sa.DateTime(), nullable=False),
        sa.Column("login_time", sa.DateTime(), nullable=False, comment="of the last login"),
        sa.PrimaryKeyConstraint("username", "address", name=op.f("pk_im_known_address")),
        comment="addresses that have signed in as a username",
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
    )
    op.create_index(op.f("idx_im_known_address_login_time"), "im_known_address", ["login_time"])


def downgrade() -> None:
    op.drop_table("im_known_address")
    op.drop_table("im_revoked_user")
    with op.batch_alter_table("im_user") as batch:
        batch.drop_column("delete_time")
