"""`im_friend_request`: requests to be friends, open or answered."""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class RequestState(IntEnum):
    """The state of a request. UNSEEN is open and never shown: the addressee has blocked the user who asks."""

    PENDING = 0
    ACCEPTED = 1
    REJECTED = 2
    UNSEEN = 3


class FriendRequest(Base):
    """A request of `from_user_id` to `to_user_id`. At most one between two users is open."""

    __tablename__ = "im_friend_request"
    __table_args__ = table_args(
        Index("idx_im_friend_request_inbox", "to_user_id", "state", "id"),
        Index("idx_im_friend_request_pair", "from_user_id", "to_user_id", "state"),
        comment="friend requests",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    from_user_id: Mapped[int]
    to_user_id: Mapped[int]
    message: Mapped[str] = mapped_column(String(255))
    state: Mapped[int] = mapped_column(SmallInteger, default=RequestState.PENDING)
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
