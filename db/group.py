"""`im_group`: one row for each group, with IM-Zero's names."""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Boolean, Index, Integer, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class GroupStatus(IntEnum):
    """The state of a group. A dissolved one can still be read."""

    OPEN = 1
    DISSOLVED = 2


class Group(Base):
    """A group. Its row changes only under the lock of its conversation's head."""

    __tablename__ = "im_group"
    __table_args__ = table_args(Index("idx_im_group_owner", "owner_id"), comment="群组表")

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True, comment="群组ID")
    name: Mapped[str] = mapped_column(String(100), comment="群名称")
    avatar: Mapped[str] = mapped_column(String(255), default="", comment="群头像URL")
    description: Mapped[str] = mapped_column(String(500), default="", comment="群描述")
    notice: Mapped[str] = mapped_column(Text, comment="群公告")
    owner_id: Mapped[int] = mapped_column(comment="群主ID")
    member_count: Mapped[int] = mapped_column(Integer, default=0, comment="当前成员数量")
    max_members: Mapped[int] = mapped_column(Integer, comment="最大成员数量")
    status: Mapped[int] = mapped_column(SmallInteger, default=GroupStatus.OPEN, comment="群状态：1-正常，2-解散")
    is_private: Mapped[bool] = mapped_column(Boolean, default=False, comment="是否私有群：0-公开，1-私有")
    join_approval: Mapped[bool] = mapped_column(Boolean, default=False, comment="入群是否需要审批：0-不需要，1-需要")
    allow_invite: Mapped[bool] = mapped_column(Boolean, default=True, comment="是否允许邀请：0-不允许，1-允许")
    allow_member_modify: Mapped[bool] = mapped_column(
        Boolean, default=False, comment="是否允许成员修改群信息：0-不允许，1-允许"
    )
    mute_all: Mapped[bool] = mapped_column(Boolean, default=False, comment="only the owner and admins may write")
    create_time: Mapped[datetime] = mapped_column(comment="创建时间")
    update_time: Mapped[datetime] = mapped_column(comment="更新时间")
