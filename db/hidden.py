"""`im_message_hidden`: messages that one user deleted for themselves alone."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class Hidden(Base):
    """A message that `user_id` no longer sees."""

    __tablename__ = "im_message_hidden"
    __table_args__ = table_args(
        Index("idx_im_message_hidden_message", "message_id"), comment="messages that a user deleted for himself"
    )

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
