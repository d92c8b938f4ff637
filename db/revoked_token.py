"""`im_revoked_token`: ids of revoked tokens, and of revoked logins (families of tokens)."""

from datetime import datetime

from sqlalchemy import Boolean
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class RevokedToken(Base):
    """A revoked token or login. The row may go once `expires_at` has passed."""

    __tablename__ = "im_revoked_token"
    __table_args__ = table_args(comment="revoked token ids and login families")

    token_id: Mapped[str] = mapped_column(binary_string(64), primary_key=True, comment="a jti, or a family")
    expires_at: Mapped[datetime] = mapped_column(index=True, comment="the last token it covers is dead by then")
    of_access: Mapped[bool] = mapped_column(
        Boolean, default=True, comment="access tokens carry it: every process keeps a copy"
    )
    create_time: Mapped[datetime] = mapped_column(index=True)
