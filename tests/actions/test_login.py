"""Tests of registering and signing in: what is refused, and that an attempt is counted before it is checked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from actions.login import change_password, close_account, login, register
from db.known_address import KnownAddress
from db.login_attempt import LoginAttempt
from db.session import read, write
from db.user import User
from messaging import friends, passwords, users
from messaging.attempts import MAX_ATTEMPTS, WINDOW, succeeded
from messaging.errors import Code, Refused
from messaging.login import SignedIn, add, begin
from messaging.tokens import revoke_user

PASSWORD = "correct horse"
HOME, AWAY = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def alice(any_database: str) -> dict[str, Any]:
    return register(username="alice", password=PASSWORD, address=HOME).user


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace argon2 by a plain comparison. Returns a list that collects the passwords that were checked."""
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


def attempt(password: str = PASSWORD, username: str = "alice", address: str = AWAY) -> Any:
    """Try to sign in. Returns the user, or the code of the refusal."""
    try:
        return login(username=username, password=password, address=address).user
    except Refused as error:
        return error.code


def test_a_new_user_is_called_by_his_username(alice: dict[str, Any]) -> None:
    assert alice == {"id": alice["id"], "username": "alice", "nickname": "alice", "avatar": ""}
    assert alice["id"] > 0


def test_a_nickname_may_be_chosen(any_database: str) -> None:
    assert (
        register(username="alice", password=PASSWORD, address=HOME, nickname="Alice 🌸").user["nickname"] == "Alice 🌸"
    )


def test_a_password_is_not_stored(alice: dict[str, Any]) -> None:
    stored = read(lambda session, _: session.scalars(select(User.password_hash)).one())
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_a_taken_username_is_refused(alice: dict[str, Any]) -> None:
    assert refusal(lambda: register(username="alice", password="another one", address=HOME)).code is Code.USERNAME_TAKEN
    assert attempt() == alice


def test_of_those_who_take_a_name_at_once_one_gets_it(any_database: str) -> None:
    def take(_: int) -> str:
        try:
            fields = {"username": "alice", "password_hash": "x", "nickname": "alice"}
            write(add, **fields)
        except Refused as error:
            return error.code.name
        return "made"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(8))) == ["USERNAME_TAKEN"] * 7 + ["made"]


def test_the_right_password_signs_in(alice: dict[str, Any]) -> None:
    assert login(username="alice", password=PASSWORD, address=AWAY) == SignedIn(alice, 0)


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(alice: dict[str, Any]) -> None:
    wrong = refusal(lambda: login(username="alice", password="wrong horse", address=AWAY))
    unknown = refusal(lambda: login(username="nobody", password="wrong horse", address=AWAY))
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
    refused = refusal(lambda: login(username=username, password=PASSWORD, address=AWAY))
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
        write(begin, username="alice", address=AWAY)
        return True

    monkeypatch.setattr(passwords, "verify", verify)
    assert attempt() == alice


def after(wait: timedelta, username: str = "alice") -> Any:
    """Begin a check of a login that much later. Returns the rule's answer."""
    return write(lambda session, now: begin(session, now + wait, username=username, address=AWAY))


def test_the_wait_ends_with_the_quarter_of_an_hour(alice: dict[str, Any]) -> None:
    for _ in range(MAX_ATTEMPTS):
        after(timedelta())
    refused = refusal(lambda: after(WINDOW - timedelta(seconds=10)))
    assert refused.code is Code.TOO_MANY_REQUESTS
    assert refused.retry_after in range(5, 11)
    assert after(WINDOW).user["username"] == "alice"
    for _ in range(MAX_ATTEMPTS - 1):
        after(WINDOW + timedelta(minutes=1))
    assert refusal(lambda: after(WINDOW + timedelta(minutes=2))).code is Code.TOO_MANY_REQUESTS


def test_a_refused_try_does_not_prolong_the_wait(alice: dict[str, Any]) -> None:
    for _ in range(MAX_ATTEMPTS):
        after(timedelta())
    for minute in range(14):
        refusal(lambda minute=minute: after(timedelta(minutes=minute)))
    assert after(WINDOW).user["username"] == "alice"


def counted() -> int:
    """Returns the number of checks from unknown addresses that are on record."""
    return read(lambda session, _: session.scalar(select(func.sum(LoginAttempt.attempts)))) or 0


def test_success_forgets_its_own_check_alone(alice: dict[str, Any]) -> None:
    for _ in range(3):
        after(timedelta())
    write(succeeded, username="alice", address=AWAY)
    assert counted() == 2


def test_strangers_who_use_up_the_tries_lock_out_nobody_who_was_there_before(
    alice: dict[str, Any], cheap: list[str]
) -> None:
    for number in range(MAX_ATTEMPTS):
        assert attempt("wrong", address=f"203.0.113.{number}") is Code.WRONG_CREDENTIALS
    assert attempt("wrong", address="203.0.113.99") is Code.TOO_MANY_REQUESTS
    assert attempt(address=HOME) == alice, "they have registered there"
    for _ in range(MAX_ATTEMPTS - 1):
        assert attempt("wrong", address=HOME) is Code.WRONG_CREDENTIALS
    assert attempt(address=HOME) == alice
    assert attempt(address=AWAY) is Code.TOO_MANY_REQUESTS, "an unknown one has to wait"


def test_who_has_signed_in_somewhere_may_go_on_there(alice: dict[str, Any], cheap: list[str]) -> None:
    assert attempt(address=AWAY) == alice
    for _ in range(MAX_ATTEMPTS + 1):
        attempt("wrong", address="203.0.113.1")
    assert attempt(address=AWAY) == alice


def test_a_known_address_has_ten_guesses_as_well(alice: dict[str, Any], cheap: list[str]) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert attempt("wrong", address=HOME) is Code.WRONG_CREDENTIALS
    assert attempt(address=HOME) is Code.TOO_MANY_REQUESTS
    assert attempt(address=AWAY) == alice


def test_an_address_is_known_for_one_name_alone(alice: dict[str, Any], cheap: list[str]) -> None:
    register(username="mallory", password=PASSWORD, address=AWAY)
    for _ in range(MAX_ATTEMPTS):
        attempt("wrong", address=AWAY)
    assert attempt(address=AWAY) is Code.TOO_MANY_REQUESTS


def test_logins_of_the_owner_give_strangers_no_more_guesses(alice: dict[str, Any], cheap: list[str]) -> None:
    for number in range(MAX_ATTEMPTS):
        assert attempt("wrong", address="203.0.113.1") is Code.WRONG_CREDENTIALS
        assert attempt(address=HOME) == alice
        if number < MAX_ATTEMPTS - 1:
            assert attempt(address=f"192.0.2.{number + 10}") == alice, "a new address of theirs each time"
    assert attempt("wrong", address="203.0.113.1") is Code.TOO_MANY_REQUESTS


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ("192.0.2.9", "::ffff:192.0.2.9", "192.0.2.8"),
        ("", "", "192.0.2.9"),
    ],
)
def test_what_one_subscriber_can_choose_from_is_one_address(
    alice: dict[str, Any], cheap: list[str], one: str, same: str, other: str
) -> None:
    assert attempt(address=one) == alice
    for _ in range(MAX_ATTEMPTS):
        attempt("wrong", address="203.0.113.1")
    assert attempt(address=same) == alice
    assert attempt(address=other) is Code.TOO_MANY_REQUESTS


def test_no_address_is_stored_as_it_is(alice: dict[str, Any]) -> None:
    stored = read(lambda session, _: session.scalars(select(KnownAddress.address)).one())
    assert len(stored) == 64
    assert HOME not in stored


def test_ten_from_a_known_address_are_checked_however_many_try_at_once(alice: dict[str, Any], cheap: list[str]) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: attempt("wrong", address=HOME), range(24)))
    assert (len(cheap), answers.count(Code.WRONG_CREDENTIALS)) == (MAX_ATTEMPTS, MAX_ATTEMPTS)


def test_a_new_password_takes_the_place_of_the_old_one(alice: dict[str, Any]) -> None:
    fields = {"user_id": alice["id"], "address": HOME}
    assert change_password(old_password=PASSWORD, new_password="another horse", **fields) == SignedIn(alice, 1)
    assert attempt() is Code.WRONG_CREDENTIALS
    assert login(username="alice", password="another horse", address=HOME) == SignedIn(alice, 1)


def test_the_password_is_asked_for_and_guesses_of_it_are_counted(alice: dict[str, Any], cheap: list[str]) -> None:
    fields = {"user_id": alice["id"], "address": AWAY}
    for _ in range(MAX_ATTEMPTS // 2):
        wrong = {"old_password": "wrong", "new_password": "another horse"}
        assert refusal(lambda wrong=wrong: change_password(**wrong, **fields)).code is Code.WRONG_CREDENTIALS
        assert refusal(lambda: close_account(password="wrong", **fields)).code is Code.WRONG_CREDENTIALS
    assert refusal(lambda: close_account(password=PASSWORD, **fields)).code is Code.TOO_MANY_REQUESTS
    assert attempt() is Code.TOO_MANY_REQUESTS, "they are the same guesses"


@pytest.mark.parametrize("call", ["change_password", "close_account"])
def test_a_password_that_changes_while_it_is_checked_is_the_wrong_one(
    alice: dict[str, Any], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: Any) -> bool:
        write(lambda session, _: session.execute(update(User).values(password_hash="of another password")))
        return True

    monkeypatch.setattr(passwords, "verify", verify)
    fields = {"user_id": alice["id"], "address": HOME}
    calls: dict[str, Callable[[], Any]] = {
        "change_password": lambda: change_password(old_password=PASSWORD, new_password="another horse", **fields),
        "close_account": lambda: close_account(password=PASSWORD, **fields),
    }
    assert refusal(calls[call]).code is Code.WRONG_CREDENTIALS
    stored = read(lambda session, _: session.execute(select(User.password_hash, User.delete_time)).one())
    assert tuple(stored) == ("of another password", None)


def test_a_login_that_had_begun_before_the_password_was_changed_has_ended(
    alice: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*_: Any) -> bool:
        write(revoke_user, user_id=alice["id"])
        return True

    monkeypatch.setattr(passwords, "verify", verify)
    assert login(username="alice", password=PASSWORD, address=HOME).generation == 0
    monkeypatch.undo()
    assert login(username="alice", password=PASSWORD, address=HOME).generation == 1


def test_a_new_user_is_of_the_current_generation(any_database: str) -> None:
    write(revoke_user, user_id=1)
    assert register(username="alice", password=PASSWORD, address=HOME).generation == 1


@pytest.fixture
def closed(alice: dict[str, Any]) -> dict[str, Any]:
    """Close Alice's account. Returns Alice's user."""
    close_account(user_id=alice["id"], password=PASSWORD, address=HOME)
    return alice


def test_who_has_closed_an_account_signs_in_no_more_and_nobody_gets_the_name(closed: dict[str, Any]) -> None:
    assert attempt() is Code.WRONG_CREDENTIALS
    assert attempt(address=HOME) is Code.WRONG_CREDENTIALS
    for password in (PASSWORD, ""):
        assert attempt(password) is Code.WRONG_CREDENTIALS
    assert refusal(lambda: register(username="alice", password=PASSWORD, address=HOME)).code is Code.USERNAME_TAKEN
    fields = {"user_id": closed["id"], "password": PASSWORD, "address": HOME}
    assert refusal(lambda: close_account(**fields)).code is Code.NOT_FOUND


def test_a_closed_account_costs_a_check_like_an_unknown_name(closed: dict[str, Any], cheap: list[str]) -> None:
    assert attempt("wrong") is Code.WRONG_CREDENTIALS
    assert cheap == ["wrong"]


def test_what_is_left_of_a_closed_account(closed: dict[str, Any]) -> None:
    row = read(lambda session, _: session.scalars(select(User)).one())
    assert (row.username, row.password_hash, row.nickname, row.avatar) == ("alice", "", "", "")
    assert read(lambda session, _: session.scalars(select(KnownAddress)).all()) == []
    assert counted() == 0


def test_a_token_that_has_not_yet_ended_does_nothing_for_a_closed_account(closed: dict[str, Any]) -> None:
    """Another process may accept such a token for up to five seconds."""
    bob = register(username="bob", password=PASSWORD, address=HOME).user["id"]
    fields = {"user_id": closed["id"]}
    calls: list[Callable[[Session, datetime], Any]] = [
        lambda session, now: users.profile(session, now, **fields),
        lambda session, now: users.change(session, now, **fields, nickname="back again"),
        lambda session, now: friends.request(session, now, **fields, to_user_id=bob),
        lambda session, now: friends.block(session, now, **fields, other_id=bob),
    ]
    for call in calls:
        assert refusal(lambda call=call: write(call)).code is Code.NOT_FOUND
    assert read(lambda session, _: session.scalars(select(User.nickname).where(User.id == closed["id"])).one()) == ""
