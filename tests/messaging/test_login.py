"""Registering and signing in: what is refused, and that guessing is counted before it is looked at."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from db.login_attempt import LoginAttempt
from db.session import run
from db.user import User
from messaging import passwords
from messaging.errors import Code, Refused
from messaging.login import MAX_ATTEMPTS, WINDOW, add, begin, forgive, login, register

PASSWORD = "correct horse"


@pytest.fixture
def alice(any_database: str) -> dict[str, Any]:
    return register(username="alice", password=PASSWORD)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Checks without argon2; the passwords that were checked."""
    checked: list[str] = []

    def verify(password: str, password_hash: str | None) -> bool:
        checked.append(password)
        return password_hash is not None and password == PASSWORD

    monkeypatch.setattr(passwords, "verify", verify)
    return checked


def refusal(call: Callable[[], Any]) -> Refused:
    with pytest.raises(Refused) as error:
        call()
    return error.value


def attempt(password: str = PASSWORD, username: str = "alice") -> Any:
    """What a login is answered: the user, or a code."""
    try:
        return login(username=username, password=password)
    except Refused as error:
        return error.code


def test_a_new_user_is_called_by_his_username(alice: dict[str, Any]) -> None:
    assert alice == {"id": alice["id"], "username": "alice", "nickname": "alice", "avatar": ""}
    assert alice["id"] > 0


def test_a_nickname_may_be_chosen(any_database: str) -> None:
    assert register(username="alice", password=PASSWORD, nickname="Alice 🌸")["nickname"] == "Alice 🌸"


def test_a_password_is_not_stored(alice: dict[str, Any]) -> None:
    stored = run(lambda session, _: session.scalars(select(User.password_hash)).one())
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_a_taken_username_is_refused(alice: dict[str, Any]) -> None:
    assert refusal(lambda: register(username="alice", password="another one")).code is Code.USERNAME_TAKEN
    assert attempt() == alice


def test_of_those_who_take_a_name_at_once_one_gets_it(any_database: str) -> None:
    def take(_: int) -> str:
        try:
            fields = {"username": "alice", "password_hash": "x", "nickname": "alice"}
            run(lambda session, now: add(session, now, **fields))
        except Refused as error:
            return error.code.name
        return "made"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(8))) == ["USERNAME_TAKEN"] * 7 + ["made"]


def test_the_right_password_signs_in(alice: dict[str, Any]) -> None:
    assert login(username="alice", password=PASSWORD) == alice


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(alice: dict[str, Any]) -> None:
    wrong = refusal(lambda: login(username="alice", password="wrong horse"))
    unknown = refusal(lambda: login(username="nobody", password="wrong horse"))
    assert (wrong.code, wrong.detail) == (Code.WRONG_CREDENTIALS, "")
    assert vars(wrong) == vars(unknown)


def test_an_unknown_name_costs_a_check_as_well(any_database: str, cheap: list[str]) -> None:
    assert attempt("wrong", "nobody") is Code.WRONG_CREDENTIALS
    assert cheap == ["wrong"]


@pytest.mark.parametrize("username", ["alice", "nobody"])
def test_the_eleventh_try_is_refused_even_with_the_right_password(
    alice: dict[str, Any], cheap: list[str], username: str
) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert attempt("wrong", username) is Code.WRONG_CREDENTIALS
    refused = refusal(lambda: login(username=username, password=PASSWORD))
    assert refused.code is Code.TOO_MANY_REQUESTS
    assert refused.retry_after in range(890, 901)
    assert PASSWORD not in cheap, "it was not even looked at"


def test_the_tenth_try_may_be_right(alice: dict[str, Any], cheap: list[str]) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        attempt("wrong")
    assert attempt() == alice


def test_success_forgets_the_tries(alice: dict[str, Any], cheap: list[str]) -> None:
    for _ in range(3):
        for _ in range(MAX_ATTEMPTS - 1):
            assert attempt("wrong") is Code.WRONG_CREDENTIALS
        assert attempt() == alice


def test_one_users_tries_are_not_anothers(alice: dict[str, Any], cheap: list[str]) -> None:
    for _ in range(MAX_ATTEMPTS + 1):
        attempt("wrong", "nobody")
    assert attempt() == alice


def test_no_more_than_ten_are_checked_however_many_try_at_once(alice: dict[str, Any], cheap: list[str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: attempt("wrong"), range(24)))
    assert len(cheap) == MAX_ATTEMPTS
    assert answers.count(Code.WRONG_CREDENTIALS) == MAX_ATTEMPTS
    assert answers.count(Code.TOO_MANY_REQUESTS) == 24 - MAX_ATTEMPTS


def test_no_lock_is_held_while_a_password_is_checked(alice: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def verify(*_: Any) -> bool:
        run(lambda session, now: begin(session, now, username="alice"))
        return True

    monkeypatch.setattr(passwords, "verify", verify)
    assert attempt() == alice


def after(wait: timedelta, username: str = "alice") -> Any:
    """Begin a check that much later."""
    return run(lambda session, now: begin(session, now + wait, username=username))


def test_the_wait_ends_with_the_quarter_of_an_hour(alice: dict[str, Any]) -> None:
    for _ in range(MAX_ATTEMPTS):
        after(timedelta())
    refused = refusal(lambda: after(WINDOW - timedelta(seconds=10)))
    assert refused.code is Code.TOO_MANY_REQUESTS
    assert refused.retry_after in range(5, 11)
    assert after(WINDOW).username == "alice"
    for _ in range(MAX_ATTEMPTS - 1):
        after(WINDOW + timedelta(minutes=1))
    assert refusal(lambda: after(WINDOW + timedelta(minutes=2))).code is Code.TOO_MANY_REQUESTS


def test_a_refused_try_does_not_prolong_the_wait(alice: dict[str, Any]) -> None:
    for _ in range(MAX_ATTEMPTS):
        after(timedelta())
    for minute in range(14):
        refusal(lambda minute=minute: after(timedelta(minutes=minute)))
    assert after(WINDOW).username == "alice"


def test_forgiving_removes_the_row(alice: dict[str, Any]) -> None:
    after(timedelta())
    run(lambda session, now: forgive(session, now, username="alice"))
    assert run(lambda session, _: session.scalar(select(func.count()).select_from(LoginAttempt))) == 0
