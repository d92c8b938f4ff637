"""Tests that the unread rule gives the same result for a message in memory and as a query."""

from itertools import product
from typing import Any

from sqlalchemy.orm import Session

from db.message import Message
from messaging import rows
from messaging.status import Status
from messaging.unread import count_unread, counts_for
from tests.messaging.conftest import ALICE, BOB, hide, messages, project, read, set_message, store_many, view

SYSTEM, TEXT = 0, 1
KINDS = list(product((ALICE, BOB), (SYSTEM, TEXT), Status, (False, True)))  # sender, type, status, hidden by BOB


def one_of_each_kind() -> list[tuple[Message, bool]]:
    """Returns stored messages, one of every possible kind, each with whether BOB has hidden it."""
    sent = store_many(ALICE, BOB, len(KINDS))
    project()
    for message, (sender, kind, status, _) in zip(sent, KINDS, strict=True):
        set_message(message, from_user_id=sender, message_type=kind, status=status)
    hide(BOB, *(message for message, (*_, hidden) in zip(sent, KINDS, strict=True) if hidden))
    return [(message, hidden) for message, (*_, hidden) in zip(messages(), KINDS, strict=True)]


def row_of_bob(read_seq: int) -> rows.View:
    """Returns BOB's row, as it is while it is locked."""
    stored = view(BOB)
    row = rows.View(*(getattr(stored, name) for name in rows.View.__slots__))
    row.read_seq = read_seq
    return row


def test_a_query_counts_what_the_rule_counts_one_by_one(pair: str) -> None:
    there = one_of_each_kind()

    def counted(session: Session) -> list[tuple[Any, int, int]]:
        found = []
        for read_seq, upto in product(range(0, len(there) + 1, 3), range(0, len(there) + 1, 3)):
            row = row_of_bob(read_seq)
            by_rule: Any = [counts_for(row, message, hidden=hidden) for message, hidden in there if message.seq <= upto]
            found.append(((read_seq, upto), sum(by_rule), count_unread(session, row, upto=upto)))
        return found

    outcomes = read(counted)
    assert [place for place, by_rule, by_query in outcomes if by_rule != by_query] == []
    assert max(by_rule for _, by_rule, _ in outcomes) == 2  # texts of ALICE with status sent or delivered
