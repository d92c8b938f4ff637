"""`im_revoked_user`: one row for each user whose logins were ever ended all together."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, table_args


class RevokedUser(Base):
    """The latest ending of all of a user's logins: which of their tokens it revoked."""

    __tablename__ = "im_revoked_user"
    __table_args__ = table_args(comment="users whose logins were ended all together")

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Whole seconds could not distinguish a login of the same second from the ones that were ended.
    generation: Mapped[int] = mapped_column(comment="tokens of lower ones are good no longer")
    issued_before: Mapped[datetime] = mapped_column(comment="so are those that carry none and are older")
    update_time: Mapped[datetime] = mapped_column(index=True)
