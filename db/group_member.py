"""`im_group_member`: the members of groups, with IM-Zero's names. Who has left has no row."""

from datetime import datetime

from sqlalchemy import Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class GroupMember(Base):
    """A member of a group. What they may see and have read stands in their row of im_conversation."""

    __tablename__ = "im_group_member"
    __table_args__ = table_args(
        Index("idx_im_group_member_user", "user_id"),
        Index("idx_im_group_member_list", "group_id", "role", "join_time"),
        comment="群成员表",
    )

    group_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="群组ID")
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="用户ID")
    nickname: Mapped[str] = mapped_column(String(50), default="", comment="群内昵称")
    role: Mapped[int] = mapped_column(SmallInteger, comment="成员角色：1-普通成员，2-管理员，3-群主")
    mute_end_time: Mapped[datetime | None] = mapped_column(comment="禁言结束时间")
    join_time: Mapped[datetime] = mapped_column(comment="入群时间")
    inviter_id: Mapped[int] = mapped_column(default=0, comment="邀请人ID")
    update_time: Mapped[datetime] = mapped_column(comment="更新时间")
