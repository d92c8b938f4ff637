"""`im_known_address`: the addresses that users have signed in from, each with its own count of password checks."""

from datetime import datetime

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class KnownAddress(Base):
    """An address that has signed in as `username`, and the password checks of that username begun there."""

    __tablename__ = "im_known_address"
    __table_args__ = table_args(comment="addresses that have signed in as a username")

    username: Mapped[str] = mapped_column(binary_string(32), primary_key=True)
    address: Mapped[str] = mapped_column(binary_string(64), primary_key=True, comment="a keyed hash, hexadecimal")
    attempts: Mapped[int] = mapped_column(Integer, default=0, comment="in the current quarter of an hour")
    window_start: Mapped[datetime]
    login_time: Mapped[datetime] = mapped_column(index=True, comment="of the last login")
