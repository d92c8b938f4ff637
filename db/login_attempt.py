"""`im_login_attempt`: password checks of a username, known or not, begun from addresses that never signed in as it."""

from datetime import datetime

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class LoginAttempt(Base):
    __tablename__ = "im_login_attempt"
    __table_args__ = table_args(comment="password checks per username")

    username: Mapped[str] = mapped_column(binary_string(32), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    window_start: Mapped[datetime] = mapped_column(index=True)
