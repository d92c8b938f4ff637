"""`im_user_blacklist`: who blocked whom."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class Blacklist(Base):
    """A block: no messages pass between `user_id`, who blocks, and `blocked_id`, either way."""

    __tablename__ = "im_user_blacklist"
    __table_args__ = table_args(comment="who blocked whom")

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="who blocks")
    blocked_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    create_time: Mapped[datetime]
