"""Recording a change of a conversation other than a new message: numbering it and adding its event to the outbox.

The caller holds the head's lock; rows and messages are locked after it. `change_seq` is dense, so that a client sees
from a frame's number that it has missed one.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from messaging import heads, outbox
from messaging.events import Event


def record(session: Session, now: datetime, head: heads.LockedHead, event: type[Event], **fields: Any) -> int:
    """Take the conversation's next `change_seq`, and add an event of this class with these fields to the outbox.

    Returns the `change_seq`.
    """
    change_seq: int = head.change_seq + 1
    heads.advance(session, [head], {head.conversation_id: 1}, messages=False)
    recorded = event(conversation_id=head.conversation_id, change_seq=change_seq, **fields)
    outbox.append(session, now, [(head.shard, recorded)])
    return change_seq
