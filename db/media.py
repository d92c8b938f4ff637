"""`im_media`: uploads. Each has an id of its own, also when its bytes were there already."""

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Media(Base):
    """An upload: `id` is 128 random bits in hexadecimal. A width, height or duration of 0 is unknown."""

    __tablename__ = "im_media"
    __table_args__ = table_args(
        Index("idx_im_media_blob", "blob_id"),
        Index("idx_im_media_user", "user_id", "create_time"),
        Index("idx_im_media_unused", "unused_since"),
        comment="uploads",
    )

    id: Mapped[str] = mapped_column(binary_string(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(comment="who uploaded it")
    kind: Mapped[int] = mapped_column(SmallInteger, comment="the message_type that may carry it")
    blob_id: Mapped[int]
    content_type: Mapped[str] = mapped_column(String(100))
    width: Mapped[int] = mapped_column(Integer, default=0, comment="pixels, as shown")
    height: Mapped[int] = mapped_column(Integer, default=0, comment="pixels, as shown")
    duration: Mapped[int] = mapped_column(default=0, comment="milliseconds")
    sent: Mapped[bool] = mapped_column(Boolean, default=False, comment="a message has carried it")
    unused_since: Mapped[datetime | None] = mapped_column(comment="NULL: a message carries it")
    create_time: Mapped[datetime]
