"""`im_conversation_head`: where a conversation's `seq` and `change_seq` come from, under this row's lock."""

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Head(Base):
    __tablename__ = "im_conversation_head"
    __table_args__ = table_args(comment="the counters of a conversation, and its outbox shard")

    conversation_id: Mapped[str] = mapped_column(binary_string(64), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, comment="given at creation: a changed count moves only new ones")
    last_seq: Mapped[int] = mapped_column(default=0)
    change_seq: Mapped[int] = mapped_column(default=0)
