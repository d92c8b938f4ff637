"""One way to change a conversation after a message was sent: number the change and tell of it.

The caller holds the head's lock; rows and messages are locked after it. `change_seq` is dense, so that a client can
tell from a frame's number that it has missed one.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from db.outbox import Kind
from messaging import heads, outbox


def record(
    session: Session,
    now: datetime,
    head: heads.LockedHead,
    *,
    kind: Kind,
    user_id: int,
    message_id: int = 0,
    read_seq: int = 0,
    origin: str | None = None,
) -> int:
    """Take the conversation's next `change_seq` and add the outbox event. Answers that number."""
    change_seq: int = head.change_seq + 1
    heads.advance(session, [head], {head.conversation_id: 1}, messages=False)
    event = outbox.event(
        shard=head.shard,
        conversation_id=head.conversation_id,
        kind=kind,
        message_id=message_id,
        change_seq=change_seq,
        now=now,
    )
    outbox.append(session, [event | {"user_id": user_id, "read_seq": read_seq, "origin": origin}])
    return change_seq
