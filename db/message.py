"""`im_message`: one row for each message, also in a group."""

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import BINARY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Message(Base):
    """A message. (`conversation_id`, `seq`) is unique, and so is (`from_user_id`, `client_msg_id`)."""

    __tablename__ = "im_message"
    __table_args__ = table_args(
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("from_user_id", "client_msg_id"),
        Index("idx_im_message_changes", "conversation_id", "change_seq"),
        comment="消息表",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, comment="消息ID")
    from_user_id: Mapped[int] = mapped_column(comment="发送者ID")
    to_user_id: Mapped[int] = mapped_column(comment="接收者ID")
    conversation_id: Mapped[str] = mapped_column(binary_string(64), comment="会话ID")
    message_type: Mapped[int] = mapped_column(
        SmallInteger, comment="消息类型：0-系统，1-文本，2-图片，3-语音，4-视频，5-文件"
    )
    content: Mapped[str] = mapped_column(Text, comment="消息内容")
    extra: Mapped[str | None] = mapped_column(Text, comment="额外信息(JSON格式)")
    status: Mapped[int] = mapped_column(
        SmallInteger, default=1, comment="消息状态：0-发送中，1-已发送，2-已送达，3-已读，4-撤回，5-删除"
    )
    seq: Mapped[int] = mapped_column(comment="消息序号，用于排序")
    # del_state and delete_time repeat status 5, for queries that were written for IM-Zero's table.
    del_state: Mapped[int] = mapped_column(SmallInteger, default=0, comment="删除状态：0-未删除，1-已删除")
    delete_time: Mapped[datetime | None] = mapped_column(comment="删除时间")
    create_time: Mapped[datetime] = mapped_column(comment="创建时间")
    update_time: Mapped[datetime] = mapped_column(comment="更新时间")
    version: Mapped[int] = mapped_column(Integer, default=0, comment="版本号")  # no longer counted: ADR 16
    client_msg_id: Mapped[str | None] = mapped_column(binary_string(64), comment="the sender's key of a retry")
    change_seq: Mapped[int] = mapped_column(comment="the conversation's change_seq at this message's last change")
    recalled_at: Mapped[datetime | None] = mapped_column()  # no longer written: ADR 16
    delivered_at: Mapped[datetime | None] = mapped_column()
    read_at: Mapped[datetime | None] = mapped_column()
    body_hash: Mapped[bytes | None] = mapped_column(
        LargeBinary(8).with_variant(BINARY(8), "mysql", "mariadb"),
        comment="of what the sender sent, whatever has become of it; NULL: sent before this column was there",
    )
