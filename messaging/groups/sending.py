"""What groups add to a batch of sends: who may write to them and mention whom, and what is written beside the messages.

However large a group is, a message to it changes two rows: the head, and its author's own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows
from db.group_member import GroupMember
from db.mention import Mention
from infra.ids import MAX_ID
from messaging import heads
from messaging.bodies import EVERYBODY
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.groups import standing, views
from messaging.groups.roles import Role
from messaging.groups.standing import GroupAndUser, Standing
from messaging.members import Range
from messaging.replies import Ranges

# Built once: putting a statement together costs as much as running it.
_MEMBERS = table(GroupMember).c
# One for each message that mentions: MariaDB plans a long list of pairs for longer than it takes to answer them all.
# Pairs all the same: asked for users of one group, it would read all of its members.
_PRESENT = select(_MEMBERS.group_id, _MEMBERS.user_id).where(
    tuple_(_MEMBERS.group_id, _MEMBERS.user_id).in_(bindparam("pairs", expanding=True))
)
_MENTION = insert(table(Mention))


def asking(drafts: Sequence[Draft]) -> list[Call]:
    """Returns the calls whose rows `Writers` needs, for a flight behind the heads' locks: none for pairs alone."""
    to_groups = [draft for draft in drafts if draft.group_id]
    if not to_groups:
        return []
    return [
        *standing.asking({(draft.group_id, draft.from_user_id) for draft in to_groups}, standing.FOR_WRITING),
        *(Call(_PRESENT, {"pairs": _mentioned(each)}) for each in to_groups if _names(each)),
        *views.locking({(draft.conversation_id, draft.from_user_id) for draft in to_groups}),
    ]


def _names(draft: Draft) -> bool:
    return bool(draft.mentions) and EVERYBODY not in draft.mentions


def _mentioned(draft: Draft) -> list[GroupAndUser]:
    return [(draft.group_id, user_id) for user_id in draft.mentions]


class Writers:
    """Those who send to groups in a batch, as they stand under the heads' locks, and their own rows, locked."""

    def __init__(self, drafts: Sequence[Draft], rows: Sequence[Rows]) -> None:
        """Take the `rows` of the calls of `asking` for these drafts."""
        found = list(rows) or [[], []]
        mentioned = 2 + sum(map(_names, drafts))
        self._standings = standing.told(found[:2])
        self._present = {tuple(row) for part in found[2:mentioned] for row in part}
        self._views = views.views(found[mentioned:])

    @property
    def ranges(self) -> Ranges:
        """Returns what each of them sees of their groups, also of those that they have left."""
        return {
            (user_id, name): Range(view.first_seq, view.upto_seq or MAX_ID)
            for (name, user_id), view in self._views.items()
        }

    def refusal(self, now: datetime, draft: Draft) -> Refused | None:
        """Returns why a group's draft may not be sent now, or None: it may."""
        try:
            author = self._standings.of(draft.group_id, draft.from_user_id)
        except Refused as refused:
            return refused
        if author.role == Role.NONE:
            seen = not author.group.is_private or (draft.conversation_id, draft.from_user_id) in self._views
            return Refused(Code.ROLE_TOO_LOW if seen else Code.NO_SUCH_GROUP)
        if author.dissolved:
            return Refused(Code.GROUP_DISSOLVED)
        if author.muted(now):
            return Refused(Code.MUTED)
        return self._mentioning(author, draft)

    def _mentioning(self, author: Standing, draft: Draft) -> Refused | None:
        if EVERYBODY in draft.mentions:
            return None if author.role >= Role.ADMIN else Refused(Code.ROLE_TOO_LOW)
        if self._present.issuperset(_mentioned(draft)):
            return None
        return Refused(Code.INVALID, fields={"extra": ["mentions names somebody who is not in the group."]})

    def writing(self, session: Session, now: datetime, stored: Sequence[tuple[Draft, int]]) -> list[Call]:
        """Returns the calls that write what messages to groups change beside the counters of the heads.

        They follow the messages' own. `stored` are drafts with the seqs that they got, in the order of these.
        """
        changed: dict[views.RowKey, views.GroupView] = {}
        mentions: list[dict[str, Any]] = []
        for draft, seq in stored:
            if draft.group_id:
                key = draft.conversation_id, draft.from_user_id
                changed[key] = view = self._views[key]
                view.base += 1  # nobody's own message is unread
                if view.received_seq == seq - 1:
                    view.delivered_seq = seq  # nor does it wait for a device
                mentions += [_mention(draft, seq, user_id) for user_id in draft.mentions]
        if not changed:
            return []
        ordered = [changed[key] for key in sorted(changed)]
        calls = [heads.newest_call({view.conversation_id for view in ordered}), views.writing(session, now, ordered)]
        return [*calls, Call(_MENTION, mentions)] if mentions else calls


def _mention(draft: Draft, seq: int, user_id: int) -> dict[str, Any]:
    return {
        "conversation_id": draft.conversation_id,
        "user_id": user_id,
        "seq": seq,
        "from_user_id": draft.from_user_id,
    }
