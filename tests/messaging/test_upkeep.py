"""Tests that upkeep removes expired rows and reports counts."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db import session as database
from db.known_address import KnownAddress
from db.login_attempt import LoginAttempt
from db.outbox import OutboxEvent
from db.revoked_token import RevokedToken
from db.session import write
from db.ticket import Ticket
from db.user import User
from messaging import upkeep
from tests.messaging.conftest import ALICE, BOB, read, shards, store_many

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def add(now: datetime, table: Any, key: str, **times: dict[str, timedelta]) -> None:
    """Insert rows by their key, each with a time that far from now."""
    common: dict[str, Any] = {
        Ticket: {"claims": "{}"},
        RevokedToken: {"create_time": now},
        LoginAttempt: {"attempts": 1},
        KnownAddress: {"attempts": 1, "username": "alice", "window_start": now},
    }[table]
    ((name, ages),) = times.items()
    rows = [common | {key: row, name: now + age} for row, age in ages.items()]
    write(lambda session, _: session.execute(insert(table), rows))


def keys(column: Any) -> set[str]:
    return set(read(lambda session: list(session.scalars(select(column)))))


def expire(now: datetime) -> dict[str, int]:
    return write(lambda session, _: upkeep.expire(session, now))


def now() -> datetime:
    return database.read(lambda _, now: now)


def test_nothing_expired_is_nothing_done(database: str) -> None:
    names = ("im_ws_ticket", "im_revoked_token", "im_login_attempt", "im_known_address")
    assert write(upkeep.expire) == dict.fromkeys(names, 0)


def test_only_what_no_longer_matters_goes(database: str) -> None:
    moment = now()
    add(moment, Ticket, "ticket_hash", expires_at={"dead": -SECOND, "dying": SECOND * 0, "alive": SECOND})
    add(moment, RevokedToken, "token_id", expires_at={"dead": -HOUR, "dead too": -SECOND, "alive": HOUR})
    add(moment, LoginAttempt, "username", window_start={"old": -HOUR - SECOND, "an hour": -HOUR, "new": -SECOND})
    add(moment, KnownAddress, "address", login_time={"gone": -DAY * 90 - SECOND, "90 days": -DAY * 90, "here": -SECOND})
    assert expire(moment) == {
        "im_ws_ticket": 1,
        "im_revoked_token": 2,
        "im_login_attempt": 1,
        "im_known_address": 1,
    }
    assert keys(Ticket.ticket_hash) == {"dying", "alive"}
    assert keys(RevokedToken.token_id) == {"alive"}
    assert keys(LoginAttempt.username) == {"an hour", "new"}
    assert keys(KnownAddress.address) == {"90 days", "here"}


def test_doing_it_again_does_nothing(database: str) -> None:
    add(now(), Ticket, "ticket_hash", expires_at={"dead": -HOUR})
    assert [write(upkeep.expire)["im_ws_ticket"] for _ in range(2)] == [1, 0]


def test_an_empty_service_has_a_snapshot(database: str) -> None:
    assert write(upkeep.snapshot) == {
        "messages": 0,
        "users": 0,
        "outbox_depth": 0,
        "outbox_age": 0,
        "outbox_parked": 0,
        "shards": {},
    }


def test_a_snapshot_tells_what_there_is(pair: str) -> None:
    store_many(ALICE, BOB, 3)
    person = {"id": 9, "username": "u", "password_hash": "", "nickname": "", "avatar": ""}

    def rule(session: Session, moment: datetime) -> dict[str, int]:
        session.execute(insert(User), [person | {"create_time": moment, "update_time": moment}])
        session.execute(update(OutboxEvent).where(OutboxEvent.id == 2).values(create_time=moment - HOUR))
        session.execute(update(OutboxEvent).where(OutboxEvent.id != 2).values(create_time=moment))
        return upkeep.snapshot(session, moment)

    found = {"messages": 3, "users": 9, "outbox_depth": 3, "outbox_age": 3600, "outbox_parked": 0}
    (shard,) = shards()
    assert write(rule) == found | {"shards": {str(shard): (3, 3600)}}
