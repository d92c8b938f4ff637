"""`im_group_request`: requests to join a group, and members' invitations that wait for approval."""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class GroupRequestStatus(IntEnum):
    """The state of a request."""

    PENDING = 0
    ACCEPTED = 1
    REJECTED = 2


class GroupRequest(Base):
    """A request for `user_id` to join a group. At most one of a user in a group is pending."""

    __tablename__ = "im_group_request"
    __table_args__ = table_args(
        Index("idx_im_group_request_inbox", "group_id", "status", "id"),
        Index("idx_im_group_request_user", "group_id", "user_id", "status"),
        Index("idx_im_group_request_asker", "user_id"),
        comment="群申请表",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    group_id: Mapped[int] = mapped_column(comment="群组ID")
    user_id: Mapped[int] = mapped_column(comment="申请人ID")
    inviter_id: Mapped[int] = mapped_column(default=0, comment="邀请人ID(如果是邀请入群); 0: they asked themselves")
    message: Mapped[str] = mapped_column(String(255), default="", comment="申请消息")
    status: Mapped[int] = mapped_column(
        SmallInteger, default=GroupRequestStatus.PENDING, comment="申请状态：0-待处理，1-已同意，2-已拒绝"
    )
    handle_user_id: Mapped[int] = mapped_column(default=0, comment="处理人ID")
    create_time: Mapped[datetime] = mapped_column(comment="创建时间")
    update_time: Mapped[datetime] = mapped_column(comment="更新时间")
