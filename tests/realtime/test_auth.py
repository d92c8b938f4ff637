"""Tests of who may open a socket, without opening one."""

import time
from collections.abc import Iterator

import pytest
from flask import Flask, g
from sqlalchemy import Connection

from db.session import engine, write
from messaging import tickets
from realtime.auth import authenticate


@pytest.fixture
def writer(database: str) -> Iterator[Connection]:
    """Yields a connection that keeps a write transaction of the same SQLite database open."""
    with engine().connect() as connection, connection.begin():
        yield connection


def status(ticket: str) -> int:
    """Returns the status of a request with that ticket, 101 when it may open a socket."""
    app = Flask(__name__)
    with app.test_request_context(f"/message/v1/ws?ticket={ticket}"):
        refused = authenticate()
        if refused is None:
            assert g.claims.user_id == 7
            return 101
        return refused.status_code


def issued() -> str:
    claims = {"user_id": 7, "expires_at": int(time.time()) + 600, "token_id": "t", "family": None}
    return write(tickets.issue, claims=claims)


def test_a_good_ticket_opens_once(database: str) -> None:
    ticket = issued()
    assert [status(ticket), status(ticket), status("invented")] == [101, 401, 401]


def test_a_guess_waits_for_no_writer_and_holds_up_none(writer: Connection) -> None:
    assert status("invented") == 401
