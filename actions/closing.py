"""Leaving the groups of closed accounts: in several transactions, so that nobody's sends wait for all of them."""

from actions.poke import poke
from db.session import read, write
from messaging.groups import closing


def leave_groups(user_id: int) -> None:
    """Take a user, whose account is closed, out of all groups. Raises DatabaseUnavailable."""
    while shards := write(closing.leave_some, user_id=user_id):
        for shard in sorted(set(shards)):
            poke(shard)


def leave_the_rest() -> None:
    """Take the users whose accounts were closed lately out of the groups that they are still in.

    Whoever closed such an account was stopped before its end. Raises DatabaseUnavailable.
    """
    for user_id in read(closing.still_in_groups):
        leave_groups(user_id)
