"""The groups that users are in, as relays know them: to whom they pass a group's notes on, and from where."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from messaging.groups.rows import GroupRow, group_rows


@dataclass(frozen=True, slots=True)
class Membership:
    """A user is in the group, and sees its messages from `first_seq` on.

    This holds as of the message `members_seq`, the last that said who came or went when it was read.
    """

    conversation_id: str
    first_seq: int
    members_seq: int


def memberships(session: Session, _now: datetime, *, user_ids: Collection[int]) -> dict[int, list[Membership]]:
    """Returns the memberships of each of these users, in the order of conversation ids; an empty list for none."""
    return {user_id: of_rows(rows) for user_id, rows in group_rows(session, user_ids).items()}


def of_rows(rows: Iterable[GroupRow]) -> list[Membership]:
    """Returns the memberships among a user's rows of groups: not those of groups that they have left."""
    return [Membership(row.conversation_id, row.first_seq, row.members_seq) for row in rows if row.is_member]
