"""A revoked token is refused within 5 s, whatever happens."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.revoked_token import RevokedToken
from db.session import DatabaseUnavailable, run
from infra.settings import settings
from messaging import revocations as module
from messaging.revocations import Revocations
from tests.processes import PATIENCE

HOUR = timedelta(hours=1)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_000.0


class Table:
    """Stands between Revocations and the database: counts, breaks and stops its reads."""

    def __init__(self) -> None:
        self.reads = 0
        self.away = False
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def run(self, rule: object, *, write: bool) -> set[str]:
        assert not write
        self.reads += 1
        self.entered.set()
        assert self.go.wait(PATIENCE)
        if self.away:
            raise DatabaseUnavailable("away")
        return run(rule, write=False)  # type: ignore[arg-type]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def table(database: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    table = Table()
    monkeypatch.setattr(module, "run", table.run)
    yield table
    table.go.set()


def revoke(token_id: str, *, ago: timedelta = timedelta(0), of_access: bool = True) -> None:
    """A revocation made that long ago."""

    def rule(session: Session, now: datetime) -> None:
        times = {"expires_at": now + HOUR, "create_time": now - ago}
        session.execute(insert(RevokedToken), [{"token_id": token_id, "of_access": of_access} | times])

    run(rule)


def test_nothing_is_revoked_at_first(table: Table) -> None:
    assert not Revocations().revoked(["token", "family"])


@pytest.mark.parametrize("named", ["token", "family"])
def test_one_revoked_id_is_enough(table: Table, named: str) -> None:
    revoke(named)
    assert Revocations().revoked(("token", "family"))


def test_a_token_without_ids_cannot_be_revoked(table: Table) -> None:
    revoke("token")
    assert not Revocations().revoked(())


def test_a_revocation_counts_as_long_as_a_token_can_live(table: Table) -> None:
    life = timedelta(seconds=settings().access_token_seconds)
    revoke("old", ago=life)
    revoke("older than clocks differ", ago=life + HOUR * 3)
    known = Revocations()
    assert known.revoked(["old"])
    assert not known.revoked(["older than clocks differ"])


def test_what_no_access_token_carries_is_not_kept(table: Table) -> None:
    revoke("refresh token", of_access=False)
    assert not Revocations().revoked(["refresh token"])


def test_the_table_is_read_every_two_seconds(table: Table, clock: Clock) -> None:
    known = Revocations()
    known.revoked([])
    revoke("token")
    clock.now += 2
    assert not known.revoked(["token"])
    assert table.reads == 1
    clock.now += 0.1
    assert known.revoked(["token"])
    assert table.reads == 2


def test_what_this_process_revoked_counts_at_once(table: Table) -> None:
    known = Revocations()
    known.revoked([])
    revoke("token")
    known.forget()
    assert known.revoked(["token"])


def test_a_database_that_is_away_is_forgiven_for_five_seconds(table: Table, clock: Clock) -> None:
    revoke("token")
    known = Revocations()
    known.revoked([])
    table.away = True
    clock.now += 5
    assert known.revoked(["token"])
    assert not known.revoked(["another"])
    clock.now += 0.1
    with pytest.raises(DatabaseUnavailable):
        known.revoked(["another"])
    table.away = False
    assert known.revoked(["token"])


def test_a_process_that_never_read_the_table_trusts_nobody(table: Table) -> None:
    table.away = True
    with pytest.raises(DatabaseUnavailable):
        Revocations().revoked(["token"])


def test_a_failed_read_is_tried_again_at_once(table: Table, clock: Clock) -> None:
    known = Revocations()
    known.revoked([])
    clock.now += 3
    table.away = True
    known.revoked([])
    revoke("token")
    table.away = False
    assert known.revoked(["token"])


def test_nobody_waits_for_a_read_while_what_is_known_is_young(table: Table, clock: Clock) -> None:
    revoke("token")
    known = Revocations()
    known.revoked([])
    clock.now += 3
    table.entered.clear()
    table.go.clear()
    reader = threading.Thread(target=known.revoked, args=([],))
    reader.start()
    assert table.entered.wait(PATIENCE)
    assert known.revoked(["token"])
    assert table.reads == 2, "one is at it"
    table.go.set()
    reader.join()


def test_those_who_must_wait_share_one_read(table: Table) -> None:
    revoke("token")
    known = Revocations()
    table.go.clear()
    answers: list[bool] = []
    readers = [threading.Thread(target=lambda: answers.append(known.revoked(["token"]))) for _ in range(5)]
    for reader in readers:
        reader.start()
    assert table.entered.wait(PATIENCE)
    table.go.set()
    for reader in readers:
        reader.join()
    assert (answers, table.reads) == ([True] * 5, 1)
