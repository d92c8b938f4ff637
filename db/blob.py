"""`im_blob`: bytes that users have uploaded, once however often they came, and their thumbnail.

A row is locked before its `im_media` rows are counted or added to, so that bytes are never removed under a new upload.
"""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Index, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.mysql import BINARY
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class ThumbnailState(IntEnum):
    """What has become of a thumbnail."""

    NONE = 0  # nobody wants one
    WANTED = 1  # with a `thumbnail_name`: made, and the messages that carry the bytes are being told
    MADE = 2
    FAILED = 3


class Blob(Base):
    """Stored bytes: `name` is their name in the storage, random and never used again."""

    __tablename__ = "im_blob"
    __table_args__ = table_args(
        UniqueConstraint("sha256"),
        Index("idx_im_blob_name", "name"),
        Index("idx_im_blob_thumbnail_name", "thumbnail_name"),
        Index("idx_im_blob_thumbnail_state", "thumbnail_state"),
        comment="stored bytes of media",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32).with_variant(BINARY(32), "mysql", "mariadb"))
    size: Mapped[int] = mapped_column(comment="bytes")
    name: Mapped[str] = mapped_column(binary_string(64), comment="in the storage")
    thumbnail_state: Mapped[int] = mapped_column(
        SmallInteger, default=0, comment="0 nobody wants one, 1 wanted, 2 made, 3 failed"
    )
    thumbnail_name: Mapped[str | None] = mapped_column(binary_string(64), comment="in the storage")
    thumbnail_attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    create_time: Mapped[datetime]
