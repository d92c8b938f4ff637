"""`im_friend`: friendships, each of two rows, one for each side."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class Friend(Base):
    """One side of a friendship. Both rows are there or neither."""

    __tablename__ = "im_friend"
    __table_args__ = table_args(comment="friendships, a row for each side")

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    friend_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    create_time: Mapped[datetime]
