"""Tests of the legal moves of a status."""

from itertools import product

import pytest

from messaging.status import BEFORE, UNREAD, Status, may_become

_LEGAL = {(1, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 4), (1, 5), (2, 5), (3, 5), (4, 5)}


@pytest.mark.parametrize(("old", "new"), product(Status, [status for status in Status if status != Status.SENT]))
def test_only_the_contracts_moves_are_legal(old: Status, new: Status) -> None:
    assert may_become(old, new) == ((old, new) in _LEGAL)


def test_every_move_rises() -> None:
    assert all(old < new for new, olds in BEFORE.items() for old in olds)


def test_nothing_becomes_sent() -> None:
    assert Status.SENT not in BEFORE


def test_sent_and_delivered_messages_are_unread() -> None:
    assert {Status.SENT, Status.DELIVERED} == UNREAD
