"""`im_outbox_parked`: events that could not be applied or published, until `im outbox retry` takes them back."""

from datetime import datetime

from sqlalchemy import Boolean, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Parked(Base):
    """An event of the outbox that was put aside, and the reason."""

    __tablename__ = "im_outbox_parked"
    __table_args__ = table_args(comment="outbox events that could not be told")

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)  # SQLite gives ids of im_outbox out again
    shard: Mapped[int] = mapped_column(SmallInteger)
    conversation_id: Mapped[str] = mapped_column(binary_string(64))
    kind: Mapped[int] = mapped_column(SmallInteger)
    message_id: Mapped[int]
    user_id: Mapped[int]
    detail: Mapped[str | None] = mapped_column(Text)
    read_seq: Mapped[int] = mapped_column(server_default="0")
    change_seq: Mapped[int]
    origin: Mapped[str | None] = mapped_column(String(32))
    applied: Mapped[bool] = mapped_column(Boolean)
    create_time: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(255), comment="what its last attempt ended in")
    park_time: Mapped[datetime]
