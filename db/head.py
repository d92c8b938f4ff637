"""`im_conversation_head`: the counters of each conversation; `seq` and `change_seq` are given out under its lock."""

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Head(Base):
    """A conversation's head: the last `seq` and `change_seq` given out, and the outbox shard of its events."""

    __tablename__ = "im_conversation_head"
    __table_args__ = table_args(comment="the counters of a conversation, and its outbox shard")

    conversation_id: Mapped[str] = mapped_column(binary_string(64), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, comment="given at creation: a changed count moves only new ones")
    last_seq: Mapped[int] = mapped_column(default=0)
    change_seq: Mapped[int] = mapped_column(default=0)
    # Only groups use the rest: what all of their members share.
    counted: Mapped[int] = mapped_column(default=0, server_default="0", comment="messages that may count as unread")
    last_message_id: Mapped[int | None] = mapped_column(comment="the newest message that is not deleted for everyone")
    members_seq: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="the seq of the last message that says who came or went"
    )
