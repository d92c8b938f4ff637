"""`im_login_attempt`: counts of the password checks begun from addresses that never signed in as the username."""

from datetime import datetime

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class LoginAttempt(Base):
    """The count of one username, of a user or of nobody, in the quarter of an hour since `window_start`."""

    __tablename__ = "im_login_attempt"
    __table_args__ = table_args(comment="password checks per username")

    username: Mapped[str] = mapped_column(binary_string(32), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    window_start: Mapped[datetime] = mapped_column(index=True)
