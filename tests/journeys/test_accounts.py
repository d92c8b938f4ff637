"""Tests that the owner of an account, and an operator, can end its logins and the account itself."""

import time
from typing import Any

import jwt
import pytest
import requests
import websocket

from tests import databases
from tests.commands import im
from tests.device import Device
from tests.journeys.conftest import Deployment
from tests.people import (
    User,
    Web,
    answer,
    befriend,
    conversation,
    conversations,
    friends,
    history,
    new_user,
    send,
    unread,
)
from tests.processes import wait_until
from tests.rpc.client import Client
from tests.servers import RedisServer
from tests.stack import Stack

PASSWORD, ANOTHER = "a long password", "another long password"


def login(web: Web, user: User, password: str = PASSWORD, **options: Any) -> requests.Response:
    return web.post("/user/v1/login", {"username": user.username, "password": password}, **options)


def call(web: Web, path: str, token: str, **body: Any) -> requests.Response:
    return web.post(f"/user/v1/{path}", body, token)


def code(response: requests.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


def is_dead(web: Web, token: str) -> bool:
    return call(web, "me", token).status_code == 401


def opens_nothing(url: str, token: str) -> bool:
    try:
        Device(url, token).close()
    except websocket.WebSocketBadStatusException as error:
        return bool(error.status_code == 401)
    return False


def foreign(user: User, **claims: Any) -> str:
    """Returns a token of another issuer, which shares the secret and knows neither logins nor generations."""
    body = {"sub": str(user.id), "type": "access", "exp": int(time.time()) + 600} | claims
    return jwt.encode(body, databases.SECRET, "HS256")


def test_a_new_password_ends_all_logins_but_the_new_one(service: Deployment) -> None:
    web, user = service.web, new_user(service.web)
    other = answer(login(web, user))
    devices = [Device(service.sockets, token).online() for token in (user.token, other["access_token"])]
    found = answer(call(web, "password", user.token, old_password=PASSWORD, new_password=ANOTHER))
    assert set(found) == {"user", "access_token", "refresh_token", "expires_in"}
    assert found["user"]["id"] == user.id
    assert is_dead(web, user.token)
    assert is_dead(web, other["access_token"])
    assert [device.wait_closed() for device in devices] == [1008, 1008]
    assert opens_nothing(service.sockets, user.token)
    for token in (user.refresh_token, other["refresh_token"]):
        assert code(call(web, "refresh", token)) == (401, 100008)
    Device(service.sockets, found["access_token"]).online().close()
    newer = answer(call(web, "refresh", found["refresh_token"]))
    assert answer(call(web, "me", newer["access_token"]))["user"]["id"] == user.id
    assert code(login(web, user)) == (401, 101003)
    assert not is_dead(web, answer(login(web, user, ANOTHER))["access_token"])


def test_a_login_of_the_same_second_holds(web: Web) -> None:
    """Four pairs in a row, so that a change and a login of some pair fall into the same second."""
    user = new_user(web)
    token, old, new = user.token, PASSWORD, ANOTHER
    for _ in range(4):
        token = answer(call(web, "password", token, old_password=old, new_password=new))["access_token"]
        old, new = new, old
        logged_in = answer(login(web, user, old))["access_token"]
        assert not is_dead(web, token)
        assert not is_dead(web, logged_in)


def test_without_the_old_password_nothing_changes_and_guesses_are_counted(web: Web) -> None:
    user = new_user(web)
    wrong = {"old_password": "wrong password", "new_password": ANOTHER}
    for _ in range(5):
        assert code(call(web, "password", user.token, **wrong)) == (401, 101003)
        assert code(call(web, "delete", user.token, password="wrong password")) == (401, 101003)
    for path, body in (("password", wrong | {"old_password": PASSWORD}), ("delete", {"password": PASSWORD})):
        refused = call(web, path, user.token, **body)
        assert code(refused) == (429, 100010)
        assert 840 < int(refused.headers["Retry-After"]) <= 900
    assert code(login(web, user)) == (429, 100010)
    assert not is_dead(web, user.token)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("password", {"old_password": PASSWORD}, "new_password"),
        ("password", {"new_password": ANOTHER}, "old_password"),
        ("password", {"old_password": PASSWORD, "new_password": "short12"}, "new_password"),
        ("password", {"old_password": PASSWORD, "new_password": "x" * 129}, "new_password"),
        ("password", {"old_password": PASSWORD, "new_password": ANOTHER, "user_id": 1}, "user_id"),
        ("delete", {}, "password"),
        ("delete", {"password": None}, "password"),
        ("delete", {"password": PASSWORD, "user_id": 1}, "user_id"),
        ("logout", {"everywhere": 1}, "everywhere"),
        ("logout", {"all": True}, "all"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(web: Web, path: str, body: dict[str, Any], field: str) -> None:
    user = new_user(web)
    refused = call(web, path, user.token, **body)
    assert code(refused) == (400, 100002)
    assert set(refused.json()["errors"]) == {field}
    assert not is_dead(web, user.token)


def test_logging_out_everywhere_ends_all_logins_and_no_others(service: Deployment) -> None:
    web = service.web
    user, bystander = new_user(web), new_user(web)
    other = answer(login(web, user))
    devices = [Device(service.sockets, token).online() for token in (user.token, other["access_token"])]
    assert answer(call(web, "logout", user.token, everywhere=True)) == {}
    assert is_dead(web, user.token)
    assert is_dead(web, other["access_token"])
    assert [device.wait_closed() for device in devices] == [1008, 1008]
    assert code(call(web, "refresh", other["refresh_token"])) == (401, 100008)
    assert not is_dead(web, answer(login(web, user))["access_token"])
    assert not is_dead(web, bystander.token)


def test_everywhere_false_is_this_login_alone(web: Web) -> None:
    user = new_user(web)
    other = answer(login(web, user))
    assert answer(call(web, "logout", user.token, everywhere=False)) == {}
    assert is_dead(web, user.token)
    assert not is_dead(web, other["access_token"])


def test_every_process_learns_of_it_whatever_redis_forgets(fresh_stack: Stack, own_redis: RedisServer) -> None:
    fresh_stack.start(web=2, realtime=1, workers=0, beat=0, rpc=0)
    first, second = (Web(process.url) for process in fresh_stack.named("web"))  # type: ignore[attr-defined]
    user = new_user(first)
    assert not is_dead(second, user.token)
    answer(call(first, "logout", user.token, everywhere=True))
    own_redis.flushall()
    wait_until(lambda: is_dead(second, user.token), "the other process to know", seconds=5)
    wait_until(lambda: opens_nothing(fresh_stack.realtime_urls[0], user.token), "the relay to know", seconds=5)
    assert is_dead(Web(fresh_stack.add("web").url), user.token), "and one that starts later"  # type: ignore[attr-defined]


def test_an_operator_ends_the_logins_of_another_issuer(web: Web, stack: Stack) -> None:
    user, bystander = new_user(web), new_user(web)
    before = int(time.time()) - 1
    old, ageless = foreign(user, iat=before), foreign(user)
    device = Device(stack.realtime_urls[0], old).online()
    told = f"all logins of user {user.id} have ended, everywhere within 5 seconds\n"
    assert im(stack, "user", "revoke", str(user.id)) == (0, told)
    for token in (old, ageless, user.token):
        wait_until(lambda token=token: is_dead(web, token), "the token to be refused")
    assert device.wait_closed() == 1008
    assert not is_dead(web, foreign(user, iat=int(time.time())))
    assert not is_dead(web, answer(login(web, user))["access_token"])
    assert not is_dead(web, foreign(bystander, iat=before))


@pytest.mark.parametrize("user_id", ["0", "-1", "alice", str(2**53)])
def test_an_operator_who_names_nobody_is_told(stack: Stack, user_id: str) -> None:
    status, told = im(stack, "user", "revoke", "--", user_id)
    assert status == 2
    assert "USER_ID" in told


def others(web: Web, path: str, user: User, key: str, **body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(web.post(path, {"limit": 50} | body, user.token))[key]
    return found


def test_a_closed_account_leaves_only_what_it_has_written(web: Web, stack: Stack) -> None:
    alice, bob = friends(web, "Alice")
    asker, asked, blocker = new_user(web), new_user(web), new_user(web)
    name = conversation(alice, bob)
    answer(call(web, "update", alice.token, avatar="https://example.org/alice.png"))
    said = send(web, alice, bob, "remember me")
    request_id = answer(web.post("/friend/v1/request", {"to_user_id": asked.id}, alice.token))["request_id"]
    answer(web.post("/friend/v1/request", {"to_user_id": alice.id}, asker.token))
    befriend(web, alice, blocker)
    answer(web.post("/friend/v1/block", {"user_id": alice.id}, blocker.token))
    wait_until(lambda: unread(web, bob) == 1, "the message to be counted")
    device = Device(stack.realtime_urls[0], alice.token).online()
    friend = Device(stack.realtime_urls[0], bob.token).online()
    other = answer(login(web, alice))

    assert answer(call(web, "delete", alice.token, password=PASSWORD)) == {}

    nobody = {"id": alice.id, "username": "", "nickname": "", "avatar": ""}
    assert {"event": "removed", "user": nobody} in friend.expect("friend")
    assert device.wait_closed() == 1008
    for token in (alice.token, other["access_token"]):
        assert is_dead(web, token)
    assert code(call(web, "refresh", other["refresh_token"])) == (401, 100008)
    assert code(login(web, alice)) == (401, 101003)
    taken = web.post("/user/v1/register", {"username": alice.username, "password": PASSWORD})
    assert code(taken) == (409, 101002)

    nobody = {"id": alice.id, "username": "", "nickname": "", "avatar": ""}
    for keyword in (alice.username, "Alice"):
        found = others(web, "/user/v1/search", bob, "users", keyword=keyword)
        assert alice.id not in [each["id"] for each in found]
    assert others(web, "/friend/v1/list", bob, "friends") == []
    assert others(web, "/friend/v1/requests", asked, "requests") == []
    assert others(web, "/friend/v1/blocks", blocker, "users") == [nobody]
    shown = conversations(web, bob)[name]
    assert (shown["name"], shown["avatar"], shown["last_message"]["id"]) == ("", "", said["id"])
    synced = answer(web.post("/message/v1/sync", {"heads": {}}, bob.token))["conversations"][0]
    assert (synced["conversation"]["name"], synced["messages"][0]["content"]) == ("", "remember me")
    seen = Client(stack.rpc_address).GetConversations(user_id=bob.id).conversations[0]
    assert (seen.name, seen.avatar, seen.unread_count) == ("", "", 1)

    assert [each["content"] for each in history(web, bob, name)] == ["remember me"]
    assert code(web.post("/message/v1/send", {"to_user_id": alice.id, "content": "x"}, bob.token)) == (403, 101007)
    for user in (bob, asker):
        assert code(web.post("/friend/v1/request", {"to_user_id": alice.id}, user.token)) == (404, 100007)
    assert code(web.post("/friend/v1/block", {"user_id": alice.id}, bob.token)) == (404, 100007)
    handled = web.post("/friend/v1/handle", {"request_id": request_id, "action": "accept"}, asked.token)
    assert code(handled) == (409, 101010)


def test_strangers_cannot_lock_out_whoever_has_signed_in_before(stack: Stack) -> None:
    web = Web(stack.add("web", TRUSTED_PROXIES="1").url)  # type: ignore[attr-defined]
    user = new_user(web)

    def sign_in(address: str, password: str = PASSWORD) -> int:
        return login(web, user, password, headers={"X-Forwarded-For": address}).status_code

    assert sign_in("192.0.2.1") == 200
    guesses = [sign_in(f"203.0.113.{number}", "wrong password") for number in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    assert sign_in("203.0.113.50") == 429, "the right password too, from where nobody has signed in"
    assert sign_in("192.0.2.1") == 200
    assert sign_in("203.0.113.1", "wrong password") == 429, "which gives no new guesses"
