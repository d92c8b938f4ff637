"""What is said in `hello`, and whether a backlog has to follow, for many users in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select, true
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from messaging.groups import memberships, rows
from messaging.groups.memberships import Membership
from messaging.tops import Top, tops
from messaging.totals import of_pairs, totals

_ROWS = table(Conversation).c
# Built once: putting a statement together costs as much as running it.
_WAITING = (
    select(_ROWS.user_id)
    .where(_ROWS.user_id.in_(bindparam("users", expanding=True)), _ROWS.undelivered == true())
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Hello:
    """A user's unread messages, and `tops` when no message waits for their devices; None when a backlog has to run.

    `groups` are those that they are in.
    """

    now: datetime
    total_unread: int
    tops: list[Top] | None
    groups: list[Membership] = field(default_factory=list)


def hellos(session: Session, now: datetime, *, user_ids: Sequence[int]) -> dict[int, Hello]:
    """Returns what each of the users is told. Read it once their subscriptions are confirmed.

    A message that is counted after that is published to the connection, and one counted before it waits. Of a group
    this holds where the subscription to its channel was confirmed as well.
    """
    users = {"users": list(user_ids)}
    unread, waiting, of_groups = fly(session, of_pairs(user_ids), Call(_WAITING, users), rows.reading(user_ids))
    groups = rows.by_user(user_ids, of_groups)
    total = totals(session, unread, groups)
    busy = {user_id for (user_id,) in waiting} | {user for user, its in groups.items() if any(row.waits for row in its)}
    at_rest = tops(session, {user_id: groups[user_id] for user_id in sorted(groups.keys() - busy)})
    return {
        user_id: Hello(now, total[user_id], at_rest.get(user_id), memberships.of_rows(groups[user_id]))
        for user_id in user_ids
    }
