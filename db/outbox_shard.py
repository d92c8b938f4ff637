"""`im_outbox_shard`: one row for each shard, locked by the worker that drains it."""

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class OutboxShard(Base):
    """The lock of one shard."""

    __tablename__ = "im_outbox_shard"
    __table_args__ = table_args(comment="the lock of a shard's drain")

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
