"""One way to change a conversation after a message was sent: number the change and tell of it.

The caller holds the head's lock; rows and messages are locked after it. `change_seq` is dense, so that a client can
tell from a frame's number that it has missed one.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from messaging import heads, outbox
from messaging.events import Event


def record(session: Session, now: datetime, head: heads.LockedHead, event: type[Event], **fields: Any) -> int:
    """Take the conversation's next `change_seq` and add an event of this class with these fields to the outbox.

    Returns that number.
    """
    change_seq: int = head.change_seq + 1
    heads.advance(session, [head], {head.conversation_id: 1}, messages=False)
    recorded = event(conversation_id=head.conversation_id, change_seq=change_seq, **fields)
    outbox.append(session, now, [(head.shard, recorded)])
    return change_seq
