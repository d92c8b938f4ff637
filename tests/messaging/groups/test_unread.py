"""Tests that the unread rule of groups gives the same result for a message in memory and as a query."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.flight import fly
from db.message import Message
from db.session import write
from messaging.conversation_id import group
from messaging.groups.views import GroupView
from messaging.status import Status
from messaging.unread import counting_in_group, counts_in_group
from tests.messaging.conftest import ALICE, DAVE, hide, read
from tests.messaging.groups.counting import change, four, row_of, say

KINDS = list(product((ALICE, DAVE), (0, 1), (Status.SENT, Status.RECALLED, Status.DELETED), (False, True)))


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def one_of_each_kind(group_id: int) -> list[tuple[Message, bool]]:
    """Returns stored messages, one of every possible kind, each with whether DAVE has hidden it."""
    for sender, kind, status, hidden in KINDS:
        message = say(group_id, sender) if kind else change(group_id, sender)
        stored = update(Message).where(Message.id == message.id).values(status=status)
        write(lambda session, _, stored=stored: session.execute(stored))
        if hidden:
            hide(DAVE, {"id": message.id})
    stored = select(Message).where(Message.seq > 1).order_by(Message.seq)
    messages = read(lambda session: session.scalars(stored).all())
    return [(message, hidden) for message, (*_, hidden) in zip(messages, KINDS, strict=True)]


def test_a_query_counts_what_the_rule_counts_one_by_one(group_id: int) -> None:
    there = one_of_each_kind(group_id)
    stored = row_of(group_id, DAVE)
    places = range(0, len(there) + 3, 4)

    def counted(session: Session) -> list[tuple[Any, int, int]]:
        found = []
        for read_seq, first, upto, end in product(places, places, (None, *places), places):
            row = GroupView(stored.id, group(group_id), DAVE, 1, read_seq, 0, 0, first, upto, 0)
            by_rule = sum(
                counts_in_group(row, message, hidden=hidden) for message, hidden in there if message.seq <= end
            )
            (((count,),),) = fly(session, counting_in_group(row, upto=end))
            found.append(((read_seq, first, upto, end), by_rule, count))
        return found

    outcomes = read(counted)
    assert [place for place, by_rule, by_query in outcomes if by_rule != by_query] == []
    assert max(by_rule for _, by_rule, _ in outcomes) == 1, "one text of ALICE, neither hidden nor withdrawn"
