"""Tests that a revoked token is refused within 5 s, whatever happens."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from actions.revocations import Revocations
from db.errors import DatabaseUnavailable
from db.revoked_token import RevokedToken
from db.session import Rule, read, write
from infra.settings import settings
from messaging.message import unix
from messaging.revocations import News, Token
from messaging.tokens import revoke_user
from tests.processes import PATIENCE

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Claims:
    """The claims of a token that decide whether it is revoked."""

    revocable: tuple[str, ...] = ()
    user_id: int = 7
    generation: int | None = None
    issued_at: int | None = None


def named(*names: str) -> Token:
    return Claims(names)


ANY = named()


class Clock:
    """A clock, in seconds, that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Table:
    """Stands between Revocations and the database, to count, break and stop its reads."""

    def __init__(self, clock: Clock) -> None:
        self.ahead = timedelta(0)
        self.reads = 0
        self.rows = 0
        self.away = False
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self._clock = clock

    def known(self) -> Revocations:
        """Returns the Revocations of a process that reads this table."""
        return Revocations(clock=self._clock, read=self.read)

    def read(self, rule: Rule[[], News]) -> News:
        self.reads += 1
        self.entered.set()
        assert self.go.wait(PATIENCE)
        if self.away:
            raise DatabaseUnavailable("away")
        found = read(lambda session, now: rule(session, now + self.ahead))
        self.rows += len(found.ids) + len(found.users)
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(database: str, clock: Clock) -> Iterator[Table]:
    table = Table(clock)
    yield table
    table.go.set()


def revoke(token_id: str, *, ago: timedelta = timedelta(0), of_access: bool = True) -> None:
    """Store a revocation made that long ago."""

    def rule(session: Session, now: datetime) -> None:
        times = {"expires_at": now + HOUR, "create_time": now - ago}
        session.execute(insert(RevokedToken), [{"token_id": token_id, "of_access": of_access} | times])

    write(rule)


def test_nothing_is_revoked_at_first(table: Table) -> None:
    assert not table.known().revoked(named("token", "family"))


@pytest.mark.parametrize("name", ["token", "family"])
def test_one_revoked_id_is_enough(table: Table, name: str) -> None:
    revoke(name)
    assert table.known().revoked(named("token", "family"))


def test_a_token_without_ids_cannot_be_revoked(table: Table) -> None:
    revoke("token")
    assert not table.known().revoked(ANY)


def test_a_revocation_counts_as_long_as_a_token_can_live(table: Table) -> None:
    life = timedelta(seconds=settings().access_token_seconds)
    revoke("old", ago=life)
    revoke("older than clocks differ", ago=life + HOUR * 3)
    known = table.known()
    assert known.revoked(named("old"))
    assert not known.revoked(named("older than clocks differ"))


def test_what_no_access_token_carries_is_not_kept(table: Table) -> None:
    revoke("refresh token", of_access=False)
    assert not table.known().revoked(named("refresh token"))


def test_the_table_is_read_every_two_seconds(table: Table, clock: Clock) -> None:
    known = table.known()
    known.revoked(ANY)
    revoke("token")
    clock.now += 2
    assert not known.revoked(named("token"))
    assert table.reads == 1
    clock.now += 0.1
    assert known.revoked(named("token"))
    assert table.reads == 2


def test_what_this_process_revoked_counts_at_once(table: Table) -> None:
    known = table.known()
    known.revoked(ANY)
    revoke("token")
    known.look_again()
    assert known.revoked(named("token"))


def test_a_database_that_is_away_is_forgiven_for_five_seconds(table: Table, clock: Clock) -> None:
    revoke("token")
    known = table.known()
    known.revoked(ANY)
    table.away = True
    clock.now += 5
    assert known.revoked(named("token"))
    assert not known.revoked(named("another"))
    clock.now += 0.1
    with pytest.raises(DatabaseUnavailable):
        known.revoked(named("another"))
    table.away = False
    assert known.revoked(named("token"))


def test_a_process_that_never_read_the_table_trusts_nobody(table: Table) -> None:
    table.away = True
    with pytest.raises(DatabaseUnavailable):
        table.known().revoked(named("token"))


def test_a_failed_read_is_tried_again_at_once(table: Table, clock: Clock) -> None:
    known = table.known()
    known.revoked(ANY)
    clock.now += 3
    table.away = True
    known.revoked(ANY)
    revoke("token")
    table.away = False
    assert known.revoked(named("token"))


def test_nobody_waits_for_a_read_while_what_is_known_is_young(table: Table, clock: Clock) -> None:
    revoke("token")
    known = table.known()
    known.revoked(ANY)
    clock.now += 3
    table.entered.clear()
    table.go.clear()
    reader = threading.Thread(target=known.revoked, args=(ANY,))
    reader.start()
    assert table.entered.wait(PATIENCE)
    assert known.revoked(named("token"))
    assert table.reads == 2, "one is at it"
    table.go.set()
    reader.join()


def test_those_who_must_wait_share_one_read(table: Table) -> None:
    revoke("token")
    known = table.known()
    table.go.clear()
    answers: list[bool] = []
    readers = [threading.Thread(target=lambda: answers.append(known.revoked(named("token")))) for _ in range(5)]
    for reader in readers:
        reader.start()
    assert table.entered.wait(PATIENCE)
    table.go.set()
    for reader in readers:
        reader.join()
    assert (answers, table.reads) == ([True] * 5, 1)


def test_a_read_costs_what_is_new_and_not_what_there_is(table: Table, clock: Clock) -> None:
    for number in range(300):
        revoke(f"t{number}", ago=HOUR)
    for user_id in range(10, 20):
        write(lambda session, now, user_id=user_id: revoke_user(session, now - HOUR, user_id=user_id))
    known = table.known()
    assert known.revoked(named("t0"))
    assert table.rows == 310, "the first reads all"
    for number in range(3):
        revoke(f"new{number}")
        clock.now += 3
        assert known.revoked(named(f"new{number}"))
    assert table.rows <= 310 + 1 + 2 + 3
    assert known.revoked(named("t299"))


def test_one_that_commits_after_a_younger_one_is_not_missed(any_database: str, clock: Clock) -> None:
    """The older transaction began, and got its time, before the table was last read."""
    known = Revocations(clock=clock)
    known.revoked(ANY)
    revoke("younger")
    clock.now += 3
    assert known.revoked(named("younger"))
    revoke("older", ago=timedelta(minutes=1))
    clock.now += 3
    assert known.revoked(named("older"))


def test_of_two_transactions_that_commit_in_reverse_order_both_are_seen(mariadb_database: str, clock: Clock) -> None:
    known = Revocations(clock=clock)
    inserted, go = threading.Event(), threading.Event()

    def slow(session: Session, now: datetime) -> None:
        times = {"expires_at": now + HOUR, "create_time": now}
        session.execute(insert(RevokedToken), [{"token_id": "first", "of_access": True} | times])
        inserted.set()
        assert go.wait(PATIENCE)

    first = threading.Thread(target=write, args=(slow,))
    first.start()
    assert inserted.wait(PATIENCE)
    revoke("second", ago=timedelta(seconds=-2))  # as if it were made two seconds later
    assert known.revoked(named("second"))
    assert not known.revoked(named("first"))
    go.set()
    first.join()
    clock.now += 3
    assert known.revoked(named("first"))


def test_a_clock_of_the_database_that_was_set_back_hides_nothing(table: Table, clock: Clock) -> None:
    known = table.known()
    table.ahead = HOUR
    known.revoked(ANY)
    table.ahead = timedelta(0)
    revoke("token")
    clock.now += 3
    assert known.revoked(named("token"))


def test_what_covers_no_living_token_any_more_is_forgotten(table: Table, clock: Clock) -> None:
    life = timedelta(seconds=settings().access_token_seconds) + HOUR * 2
    revoke("old", ago=life - HOUR)
    revoke("young")
    write(lambda session, now: revoke_user(session, now - life + HOUR, user_id=7))
    known = table.known()
    assert known.revoked(named("old"))
    assert known.revoked(Claims(generation=0))
    table.ahead = HOUR * 3
    clock.now += 3
    assert not known.revoked(named("old"))
    assert not known.revoked(Claims(generation=0))
    assert known.revoked(named("young"))


def end_all(user_id: int = 7) -> tuple[int, int]:
    """Revoke all logins of a user. Returns the next generation, and when it began in Unix seconds."""

    def rule(session: Session, now: datetime) -> tuple[int, int]:
        return revoke_user(session, now, user_id=user_id), unix(now)

    return write(rule)


def test_all_logins_of_a_user_end_and_the_next_one_holds(table: Table) -> None:
    following, began = end_all()
    known = table.known()
    assert following == 1
    assert known.revoked(Claims(generation=0, issued_at=began))
    assert not known.revoked(Claims(generation=1, issued_at=began)), "of the same second"
    assert not known.revoked(Claims(user_id=8, generation=0))


def test_each_end_counts(table: Table) -> None:
    assert [end_all()[0] for _ in range(3)] == [1, 2, 3]
    known = table.known()
    assert [known.revoked(Claims(generation=number)) for number in range(5)] == [True, True, True, False, False]


def test_ends_of_one_user_at_the_same_time_all_count(any_database: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(lambda _: end_all()[0], range(8)))
    assert found == list(range(1, 9))


def test_a_token_of_another_issuer_goes_by_when_it_was_issued(table: Table) -> None:
    _, began = end_all()
    known = table.known()
    assert known.revoked(Claims(issued_at=began - 1))
    assert known.revoked(Claims(issued_at=None)), "one that does not say counts as old"
    assert not known.revoked(Claims(issued_at=began))
    assert not known.revoked(Claims(user_id=8))


def test_a_revocation_made_while_the_table_was_read_counts_at_once(table: Table) -> None:
    known = table.known()
    table.go.clear()
    reader = threading.Thread(target=known.revoked, args=(ANY,))
    reader.start()
    assert table.entered.wait(PATIENCE)
    known.look_again()
    table.go.set()
    reader.join()
    revoke("token")
    assert known.revoked(named("token"))
