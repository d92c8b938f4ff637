"""`im_mention`: who is mentioned in a message of a group. Rows of messages that were withdrawn are gone."""

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, binary_string, table_args


class Mention(Base):
    """A mention of `user_id`, or of all members when it is 0, in the message (`conversation_id`, `seq`)."""

    __tablename__ = "im_mention"
    __table_args__ = table_args(comment="mentions in messages of groups")

    conversation_id: Mapped[str] = mapped_column(binary_string(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="0: all members")
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    from_user_id: Mapped[int] = mapped_column(comment="the message's author, whom it does not count for")
