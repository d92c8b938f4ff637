"""Tests that a ticket is valid once, for 30 s, and never longer than its token."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from db.session import read, write
from db.ticket import Ticket
from messaging.tickets import issue, redeem

pytestmark = pytest.mark.usefixtures("any_database")


def claims(*, lives: int = 600) -> dict[str, Any]:
    return {"user_id": 7, "expires_at": int(time.time()) + lives, "token_id": "t", "family": None}


def issued(found: dict[str, Any]) -> str:
    return write(issue, claims=found)


def redeemed(ticket: str, *, later: float = 0) -> dict[str, Any] | None:
    return write(lambda session, now: redeem(session, now + timedelta(seconds=later), ticket=ticket))


def test_it_stands_for_the_tokens_claims() -> None:
    mine = claims()
    assert redeemed(issued(mine)) == mine


def test_it_is_good_once() -> None:
    ticket = issued(claims())
    assert redeemed(ticket)
    assert redeemed(ticket) is None


@pytest.mark.parametrize("ticket", ["", "invented", "x" * 5_000, "票\x00"], ids=lambda ticket: ticket[:10])
def test_an_unknown_one_is_worth_nothing(ticket: str) -> None:
    issued(claims())
    assert redeemed(ticket) is None


def test_it_is_good_for_30_seconds() -> None:
    young, old = issued(claims()), issued(claims())
    assert redeemed(young, later=25)
    assert redeemed(old, later=31) is None


def test_it_does_not_outlive_its_token() -> None:
    young, old = issued(claims(lives=10)), issued(claims(lives=10))
    assert redeemed(young, later=5)
    assert redeemed(old, later=12) is None


def test_it_cannot_be_told_from_what_is_stored() -> None:
    ticket = issued(claims())
    row = read(lambda session, _: session.scalars(select(Ticket)).one())
    assert ticket not in (row.ticket_hash + row.claims)
    assert redeemed(row.ticket_hash) is None


def test_no_two_are_alike_and_each_has_256_bits() -> None:
    tickets = {issued(claims()) for _ in range(20)}
    assert len(tickets) == 20
    assert {len(ticket) for ticket in tickets} == {43}


def test_of_those_who_redeem_it_at_once_one_gets_in() -> None:
    for _ in range(5):
        ticket = issued(claims())
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _, ticket=ticket: redeemed(ticket), range(8)))
        assert sum(answer is not None for answer in answers) == 1
