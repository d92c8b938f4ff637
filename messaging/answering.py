"""What replies add to a batch of sends: the messages that they answer, read under the locks of the heads.

A recall, a deletion and hiding hold the head too: what a reply is published with ahead of the workers stands until its
own event is published, which goes before the event of any change made since.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows
from db.hidden import Hidden
from messaging import replies
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.replies import Originals, Quote, Ranges, Reply
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_HIDDEN = table(Hidden).c
_HIDDEN_PAIRS = select(_HIDDEN.user_id, _HIDDEN.message_id).where(
    tuple_(_HIDDEN.user_id, _HIDDEN.message_id).in_(bindparam("pairs", expanding=True))
)
for _dialect in ("mysql", "mariadb"):  # which would otherwise read every message that one user has ever hidden
    _HIDDEN_PAIRS = _HIDDEN_PAIRS.with_hint(table(Hidden), "FORCE INDEX (PRIMARY)", _dialect)


def asking(drafts: Sequence[Draft]) -> list[Call]:
    """Returns the calls whose rows `Answered` needs, for a flight behind the heads' locks: none without replies."""
    pairs = sorted((draft.from_user_id, draft.reply_to) for draft in drafts if draft.reply_to is not None)
    if not pairs:
        return []
    return [Call(_HIDDEN_PAIRS, {"pairs": pairs}), *replies.asking(id_ for _, id_ in pairs)]


class Answered:
    """The messages that the replies of a batch answer, as they stand under the heads' locks."""

    def __init__(self, session: Session, rows: Sequence[Rows], ranges: Ranges) -> None:
        """Take the `rows` of the calls of `asking`, and what the senders see of the groups."""
        hidden, *found = list(rows) or [[]]
        self._ranges = ranges
        self._of_all = replies.told(session, found)
        by_senders = frozenset((row.user_id, row.message_id) for row in hidden)
        self._of_senders = Originals(self._of_all.by_id, by_senders)

    def refusal(self, draft: Draft) -> Refused | None:
        """Returns NO_SUCH_MESSAGE for a reply to what its sender does not see here; recalled messages are seen."""
        if draft.reply_to is None:
            return None
        original = self._of_senders.by_id.get(draft.reply_to)
        is_there = (
            original is not None
            and original.conversation_id == draft.conversation_id
            and original.status != Status.DELETED
            and self._of_senders.is_shown(original, draft.from_user_id, self._ranges)
        )
        return None if is_there else Refused(Code.NO_SUCH_MESSAGE)

    def reply(self, message: Any) -> Reply | None:
        """Returns the `reply` of a message as its sender sees it."""
        return self._of_senders.reply(message, message.from_user_id, ranges=self._ranges)

    def quote(self, message: Any) -> Quote | None:
        """Returns what others are told of a message's original, and who they are; None when nobody is told more."""
        return self._of_all.quote(message)
