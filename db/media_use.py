"""`im_media_use`: the messages that carry an upload. Rows of messages that were withdrawn are gone."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class MediaUse(Base):
    """A message that carries an upload. `low_id` and `high_id` are the users of its pair, both 0 in a group."""

    __tablename__ = "im_media_use"
    __table_args__ = table_args(
        Index("idx_im_media_use_message", "message_id"), comment="the messages that carry an upload"
    )

    media_id: Mapped[str] = mapped_column(binary_string(32), primary_key=True)
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    conversation_id: Mapped[str] = mapped_column(binary_string(64))
    seq: Mapped[int]
    low_id: Mapped[int]
    high_id: Mapped[int]
