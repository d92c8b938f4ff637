"""`im_conversation`: one user's view of one conversation. A pair's counts only messages up to its `last_seq`."""

from datetime import datetime

from sqlalchemy import Boolean, Computed, Index, Integer, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Conversation(Base):
    """One user's row of a conversation. New messages reach it by way of the outbox (messaging/projection.py)."""

    __tablename__ = "im_conversation"
    __table_args__ = table_args(
        UniqueConstraint("user_id", "conversation_id"),
        Index(
            "idx_im_conversation_list",
            *("user_id", "conversation_type", "del_state", "is_top", "last_message_id", "is_mute", "unread_count"),
        ),
        Index("idx_im_conversation_read", "conversation_id", "read_seq"),
        Index("idx_im_conversation_delivered", "conversation_id", "delivered_seq"),
        Index("idx_im_conversation_backlog", "user_id", "undelivered", "conversation_id"),
        comment="会话表",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, comment="会话ID")
    conversation_id: Mapped[str] = mapped_column(binary_string(64), comment="会话唯一标识")
    user_id: Mapped[int] = mapped_column(comment="用户ID")
    friend_id: Mapped[int] = mapped_column(comment="对方用户ID")
    conversation_type: Mapped[int] = mapped_column(SmallInteger, default=1, comment="会话类型：1-单聊，2-群聊")
    last_message_id: Mapped[int | None] = mapped_column(comment="最后一条消息ID")
    # No longer written: ADR 16. The list of conversations reads the last message by its id.
    last_message_content: Mapped[str | None] = mapped_column(Text, comment="最后一条消息内容")
    last_message_time: Mapped[datetime | None] = mapped_column(comment="最后一条消息时间")
    unread_count: Mapped[int] = mapped_column(Integer, default=0, comment="未读消息数")
    is_top: Mapped[bool] = mapped_column(Boolean, default=False, comment="是否置顶：0-否，1-是")
    is_mute: Mapped[bool] = mapped_column(Boolean, default=False, comment="是否免打扰：0-否，1-是")
    del_state: Mapped[int] = mapped_column(SmallInteger, default=0, comment="删除状态：0-未删除，1-已删除")
    delete_time: Mapped[datetime | None] = mapped_column(comment="删除时间")
    create_time: Mapped[datetime] = mapped_column(comment="创建时间")
    update_time: Mapped[datetime] = mapped_column(comment="更新时间")
    version: Mapped[int] = mapped_column(Integer, default=0, comment="版本号")  # no longer counted: ADR 16
    last_seq: Mapped[int] = mapped_column(default=0, comment="the last seq that this row has counted")
    change_seq: Mapped[int] = mapped_column(default=0, comment="the last change_seq that this row has seen")
    read_seq: Mapped[int] = mapped_column(default=0, comment="everything up to it is read")
    delivered_seq: Mapped[int] = mapped_column(default=0, comment="a device has answered for everything up to it")
    undelivered: Mapped[bool | None] = mapped_column(
        Boolean, Computed("last_seq > delivered_seq", persisted=True), comment="a device has still to answer"
    )
    # Only in groups: their unread count is the head's `counted` less `base`, once they have left `base` itself, and
    # `last_seq` stays 0.
    base: Mapped[int] = mapped_column(default=0, server_default="0", comment="messages that do not count as unread")
    first_seq: Mapped[int] = mapped_column(default=1, server_default="1", comment="the first message that they see")
    upto_seq: Mapped[int | None] = mapped_column(comment="the last message that they see; NULL while they are members")
    hidden_seq: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="not in the list while there is no message above it"
    )
