"""Tests that a refresh token is spent once, that reuse ends the login, and that revocations outlive the tokens."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from actions.revocations import Revocations
from db.revoked_token import RevokedToken
from db.session import read, write
from infra.settings import settings
from infra.tokens import Claims
from messaging.revocations import news
from messaging.tokens import Refresh, revoke_login, revoke_user, spend_refresh
from messaging.upkeep import expire

MONTH = 30 * 86_400

pytestmark = pytest.mark.usefixtures("any_database")


def spend(
    token_id: str = "t1", family: str = "f", *, lives: int = MONTH, generation: int | None = 0, issued_at: int = 0
) -> Refresh:
    ends = int(time.time()) + lives
    claims = Claims(7, ends, token_id, family, generation, issued_at)
    ids = {"token_id": token_id, "family": family}
    return write(spend_refresh, token=claims, **ids, expires_at=ends)


def end_login(family: str = "f", *, lives: int = 600) -> None:
    ends = int(time.time()) + lives
    write(revoke_login, family=family, expires_at=ends)


def revoked() -> set[str]:
    return read(lambda session, _: set(session.scalars(select(RevokedToken.token_id))))


def survivors(after: timedelta) -> set[str]:
    """Returns the ids of the revoked tokens that upkeep leaves, that much later."""
    write(lambda session, now: expire(session, now + after))
    return read(lambda session, _: set(session.scalars(select(RevokedToken.token_id))))


def test_a_refresh_token_is_spent() -> None:
    assert spend() is Refresh.SPENT
    assert revoked() == {"t1"}


def test_the_next_one_of_the_login_is_spent_as_well() -> None:
    assert [spend("t1"), spend("t2"), spend("t3")] == [Refresh.SPENT] * 3


def test_using_it_again_revokes_the_login() -> None:
    spend("t1")
    assert spend("t1") is Refresh.REUSED
    assert revoked() == {"t1", "f"}


def test_a_revoked_login_spends_nothing() -> None:
    end_login()
    assert spend("t1") is Refresh.REVOKED
    assert revoked() == {"f"}


def test_after_a_reuse_the_login_has_ended_for_its_newest_token_too() -> None:
    for token in ("t1", "t2", "t1"):
        spend(token)
    assert spend("t3") is Refresh.REVOKED


def test_another_login_goes_on() -> None:
    spend("t1")
    spend("t1")
    end_login("g")
    assert spend("u1", "h") is Refresh.SPENT


def test_of_those_who_use_it_at_once_exactly_one_wins() -> None:
    for number in range(5):
        with ThreadPoolExecutor(8) as pool:
            found = Counter(pool.map(lambda _, n=number: spend(f"t{n}", f"f{n}"), range(8)))
        assert found[Refresh.SPENT] == 1
        assert found[Refresh.REUSED] >= 1
        assert f"f{number}" in revoked()


def test_ending_a_login_twice_is_ending_it() -> None:
    end_login()
    end_login()
    assert revoked() == {"f"}


def test_ids_are_told_apart_by_case() -> None:
    end_login("f")
    assert spend("t", "F") is Refresh.SPENT
    assert spend("T", "F") is Refresh.SPENT


def test_every_process_learns_of_it() -> None:
    known = Revocations()
    token = Claims(7, 0, "a", "f")
    assert not known.revoked(token)
    end_login()
    known.look_again()
    assert known.revoked(token)


def test_processes_keep_no_copy_of_what_no_living_access_token_carries() -> None:
    spend("t1")
    end_login("f")
    assert set(write(lambda session, now: news(session, now, since=None).ids)) == {"f"}
    later = timedelta(seconds=settings().access_token_seconds) + timedelta(hours=3)
    assert write(lambda session, now: news(session, now + later, since=None).ids) == {}


def test_when_all_logins_were_ended_no_refresh_token_of_theirs_is_spent() -> None:
    assert write(revoke_user, user_id=7) == 1
    assert spend("t1", generation=0) is Refresh.REVOKED
    assert spend("t2", generation=None, issued_at=0) is Refresh.REVOKED
    assert spend("t3", generation=1) is Refresh.SPENT
    assert spend("t4", generation=None, issued_at=2**40) is Refresh.SPENT


def test_a_user_whose_logins_were_ended_is_remembered_for_good() -> None:
    write(revoke_user, user_id=7)
    survivors(timedelta(days=3_650))
    assert spend("t1", generation=0) is Refresh.REVOKED


def test_a_login_stays_revoked_while_any_of_its_tokens_lives() -> None:
    end_login(lives=60)
    assert survivors(timedelta(seconds=settings().refresh_token_seconds + 60)) == {"f"}
    assert survivors(timedelta(seconds=settings().refresh_token_seconds + 7200)) == set()


def test_a_token_made_under_longer_settings_is_outlived() -> None:
    end_login(lives=10 * MONTH)
    assert survivors(timedelta(seconds=10 * MONTH + 60)) == {"f"}


def test_a_spent_token_stays_spent_while_it_lives() -> None:
    spend(lives=1_000)
    assert survivors(timedelta(seconds=1_000)) == {"t1"}
    assert survivors(timedelta(seconds=1_000 + 7_200)) == set()
