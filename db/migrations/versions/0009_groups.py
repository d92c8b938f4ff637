"""groups, their members and requests, mentions, and what the head and a member's row hold of a group"""

import sqlalchemy as sa
from alembic import op

from db.base import Id, binary_string, table_args

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_LIST = ["user_id", "del_state", "is_top", "last_message_id", "is_mute", "unread_count"]


def _table(name: str, *parts: object, comment: str) -> None:
    (options,) = table_args(comment=comment)
    op.create_table(name, *parts, **options)


def upgrade() -> None:
    _groups()
    _table(
        "im_mention",
        sa.Column("conversation_id", binary_string(64), nullable=False),
        sa.Column("user_id", Id, autoincrement=False, nullable=False, comment="0: all members"),
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("from_user_id", Id, nullable=False, comment="the message's author, whom it does not count for"),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", "seq", name="pk_im_mention"),
        comment="mentions in messages of groups",
    )
    with op.batch_alter_table("im_conversation_head") as batch:
        batch.add_column(
            sa.Column("counted", Id, server_default="0", nullable=False, comment="messages that may count as unread")
        )
        batch.add_column(
            sa.Column(
                "last_message_id", Id, nullable=True, comment="the newest message that is not deleted for everyone"
            )
        )
        batch.add_column(
            sa.Column(
                *("members_seq", Id),
                server_default="0",
                nullable=False,
                comment="the seq of the last message that says who came or went",
            )
        )
    with op.batch_alter_table("im_conversation") as batch:
        for name, default, comment in (
            ("base", "0", "messages that do not count as unread"),
            ("first_seq", "1", "the first message that they see"),
            ("upto_seq", None, "the last message that they see; NULL while they are members"),
            ("hidden_seq", "0", "not in the list while there is no message above it"),
        ):
            batch.add_column(sa.Column(name, Id, server_default=default, nullable=default is None, comment=comment))
        batch.drop_index("idx_im_conversation_list")
        batch.create_index("idx_im_conversation_list", [_LIST[0], "conversation_type", *_LIST[1:]])
        batch.create_index("idx_im_conversation_read", ["conversation_id", "read_seq"])
        batch.create_index("idx_im_conversation_delivered", ["conversation_id", "delivered_seq"])


def _groups() -> None:
    flag = {"nullable": False}
    _table(
        "im_group",
        sa.Column("id", Id, autoincrement=True, nullable=False, comment="群组ID"),
        sa.Column("name", sa.String(100), nullable=False, comment="群名称"),
        sa.Column("avatar", sa.String(255), nullable=False, comment="群头像URL"),
        sa.Column("description", sa.String(500), nullable=False, comment="群描述"),
        sa.Column("notice", sa.Text(), nullable=False, comment="群公告"),
        sa.Column("owner_id", Id, nullable=False, comment="群主ID"),
        sa.Column("member_count", sa.Integer(), nullable=False, comment="当前成员数量"),
        sa.Column("max_members", sa.Integer(), nullable=False, comment="最大成员数量"),
        sa.Column("status", sa.SmallInteger(), nullable=False, comment="群状态：1-正常，2-解散"),
        sa.Column("is_private", sa.Boolean(), **flag, comment="是否私有群：0-公开，1-私有"),
        sa.Column("join_approval", sa.Boolean(), **flag, comment="入群是否需要审批：0-不需要，1-需要"),
        sa.Column("allow_invite", sa.Boolean(), **flag, comment="是否允许邀请：0-不允许，1-允许"),
        sa.Column(
            "allow_member_modify", sa.Boolean(), **flag, comment="是否允许成员修改群信息：0-不允许，1-允许"
        ),
        sa.Column("mute_all", sa.Boolean(), **flag, comment="only the owner and admins may write"),
        sa.Column("create_time", sa.DateTime(), nullable=False, comment="创建时间"),
        sa.Column("update_time", sa.DateTime(), nullable=False, comment="更新时间"),
        sa.PrimaryKeyConstraint("id", name="pk_im_group"),
        comment="群组表",
    )
    op.create_index("idx_im_group_owner", "im_group", ["owner_id"])
    _table(
        "im_group_member",
        sa.Column("group_id", Id, autoincrement=False, nullable=False, comment="群组ID"),
        sa.Column("user_id", Id, autoincrement=False, nullable=False, comment="用户ID"),
        sa.Column("nickname", sa.String(50), nullable=False, comment="群内昵称"),
        sa.Column("role", sa.SmallInteger(), nullable=False, comment="成员角色：1-普通成员，2-管理员，3-群主"),
        sa.Column("mute_end_time", sa.DateTime(), nullable=True, comment="禁言结束时间"),
        sa.Column("join_time", sa.DateTime(), nullable=False, comment="入群时间"),
        sa.Column("inviter_id", Id, nullable=False, comment="邀请人ID"),
        sa.Column("update_time", sa.DateTime(), nullable=False, comment="更新时间"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_im_group_member"),
        comment="群成员表",
    )
    op.create_index("idx_im_group_member_user", "im_group_member", ["user_id"])
    op.create_index("idx_im_group_member_list", "im_group_member", ["group_id", "role", "join_time"])
    _table(
        "im_group_request",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("group_id", Id, nullable=False, comment="群组ID"),
        sa.Column("user_id", Id, nullable=False, comment="申请人ID"),
        sa.Column(
            "inviter_id", Id, nullable=False, comment="邀请人ID(如果是邀请入群); 0: they asked themselves"
        ),
        sa.Column("message", sa.String(255), nullable=False, comment="申请消息"),
        sa.Column(
            "status", sa.SmallInteger(), nullable=False, comment="申请状态：0-待处理，1-已同意，2-已拒绝"
        ),
        sa.Column("handle_user_id", Id, nullable=False, comment="处理人ID"),
        sa.Column("create_time", sa.DateTime(), nullable=False, comment="创建时间"),
        sa.Column("update_time", sa.DateTime(), nullable=False, comment="更新时间"),
        sa.PrimaryKeyConstraint("id", name="pk_im_group_request"),
        comment="群申请表",
    )
    op.create_index("idx_im_group_request_inbox", "im_group_request", ["group_id", "status", "id"])
    op.create_index("idx_im_group_request_user", "im_group_request", ["group_id", "user_id", "status"])
    op.create_index("idx_im_group_request_asker", "im_group_request", ["user_id"])


def downgrade() -> None:
    """Return to the tables of 0008. Groups, their messages and the rows of their members are lost."""
    of_groups = "WHERE conversation_id LIKE 'group!_%' ESCAPE '!'"
    # What was hidden goes with its message: SQLite gives the ids of its last messages out again.
    op.execute(f"DELETE FROM im_message_hidden WHERE message_id IN (SELECT id FROM im_message {of_groups})")
    for table in ("im_message", "im_conversation", "im_conversation_head", "im_outbox", "im_outbox_parked"):
        op.execute(f"DELETE FROM {table} {of_groups}")
    with op.batch_alter_table("im_conversation", recreate="never") as batch:
        batch.drop_index("idx_im_conversation_delivered")
        batch.drop_index("idx_im_conversation_read")
        batch.drop_index("idx_im_conversation_list")
        batch.create_index("idx_im_conversation_list", _LIST)
        for name in ("hidden_seq", "upto_seq", "first_seq", "base"):
            batch.drop_column(name)
    with op.batch_alter_table("im_conversation_head") as batch:
        for name in ("members_seq", "last_message_id", "counted"):
            batch.drop_column(name)
    for table in ("im_mention", "im_group_request", "im_group_member", "im_group"):
        op.drop_table(table)
