"""`im_user`: the users of the built-in directory."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class User(Base):
    """A user. The row of a closed account stays, so that nobody gets its username again."""

    __tablename__ = "im_user"
    __table_args__ = table_args(UniqueConstraint("username"), comment="users of the built-in directory")

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(binary_string(32), comment="in lower case")
    password_hash: Mapped[str] = mapped_column(String(255), comment="argon2id")
    nickname: Mapped[str] = mapped_column(String(64))
    avatar: Mapped[str] = mapped_column(String(255))
    create_time: Mapped[datetime]
    update_time: Mapped[datetime]
    delete_time: Mapped[datetime | None] = mapped_column(comment="closed since; its username is never given again")
