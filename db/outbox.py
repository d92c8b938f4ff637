"""`im_outbox`: events that the workers still have to apply to conversation rows and publish."""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Boolean, Index, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Kind(IntEnum):
    """The kind of an event: what happened."""

    SENT = 1
    READ = 2
    RECALLED = 3
    DELETED = 4
    HIDDEN = 5  # deleted for one user
    CHANGED = 6  # one user's view: on top, muted, hidden
    GROUP_CHANGED = 7  # a system message of a group, which may say who came and who went
    GROUP_READ = 8
    UPDATED = 9  # what belongs to a message has come: its thumbnail


class OutboxEvent(Base):
    """An event. It holds its kind and ids, never content."""

    __tablename__ = "im_outbox"
    __table_args__ = table_args(
        Index("idx_im_outbox_pending", "shard", "id"),
        Index("idx_im_outbox_drain", "shard", "applied", "id"),  # used by the previous release alone: ADR 20
        comment="transactional outbox",
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    shard: Mapped[int] = mapped_column(SmallInteger)
    conversation_id: Mapped[str] = mapped_column(binary_string(64))
    kind: Mapped[int] = mapped_column(SmallInteger)
    message_id: Mapped[int] = mapped_column(comment="0 when it is not about one message")
    user_id: Mapped[int] = mapped_column(default=0, comment="who did it")
    change_seq: Mapped[int] = mapped_column(default=0, comment="the conversation's, given to this change")
    detail: Mapped[str | None] = mapped_column(Text, comment="JSON: ids and numbers that only this kind has")
    trace: Mapped[str | None] = mapped_column(
        binary_string(55), comment="the traceparent (W3C) of the request that caused it"
    )
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0", comment="times that it could not be told")
    create_time: Mapped[datetime]
    # Used by the previous release alone, and to be dropped in the next: ADR 20.
    applied: Mapped[bool] = mapped_column(Boolean, default=False, comment="conversation rows have it; publish is due")
    # Written only by the previous release, and read from its events: `detail` holds both now.
    read_seq: Mapped[int] = mapped_column(server_default="0")
    origin: Mapped[str | None] = mapped_column(String(32), comment="the connection that it came from")
