"""`im_ws_ticket`: one-time keys to the WebSocket, for clients that cannot set a header."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Ticket(Base):
    """A ticket, kept as a hash only, and the claims of the token that it stands for."""

    __tablename__ = "im_ws_ticket"
    __table_args__ = table_args(comment="one-time WebSocket tickets")

    ticket_hash: Mapped[str] = mapped_column(binary_string(64), primary_key=True, comment="SHA-256, hexadecimal")
    claims: Mapped[str] = mapped_column(Text, comment="the token that it stands for, as JSON")
    expires_at: Mapped[datetime] = mapped_column(index=True)
