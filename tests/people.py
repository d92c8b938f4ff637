"""What a test says to the REST door, and the users on whose behalf."""

import random
import time
import uuid
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class _From(HTTPAdapter):
    """Connects from an address: all of 127.0.0.0/8 is this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


class Web:
    """Calls one web process. No connection is kept: an idle one would hold up the process's end.

    Without `address` each call comes from one of its own, so that the tests do not share the limits of one, and a call
    too many in a second is made again a second later, as a client should.
    """

    def __init__(self, url: str, *, address: str | None = None) -> None:
        self.url = url
        self._address = address

    def post(self, path: str, json: Any = None, token: str | None = None, **options: Any) -> requests.Response:
        """The answer, whatever its status."""
        return self._call("POST", path, token, json=json, **options)

    def get(self, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """The answer, whatever its status."""
        return self._call("GET", path, token, **options)

    def _call(self, method: str, path: str, token: str | None, **options: Any) -> requests.Response:
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        options.setdefault("timeout", 30)
        with requests.Session() as session:
            session.mount("http://", _From(self._address or _anywhere()))
            response = session.request(method, f"{self.url}{path}", headers=headers, **options)
            while not self._address and response.headers.get("Retry-After") == "1" and response.status_code == 429:
                time.sleep(1)
                response = session.request(method, f"{self.url}{path}", headers=headers, **options)
        return response


def _anywhere() -> str:
    return f"127.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody registered and signed in."""

    id: int
    username: str
    token: str
    refresh_token: str


def new_user(web: Web, nickname: str | None = None) -> User:
    """Register somebody with a name of their own."""
    username = f"u{uuid.uuid4().hex[:16]}"
    body = {"username": username, "password": "a long password"} | ({"nickname": nickname} if nickname else {})
    found = answer(web.post("/user/v1/register", body))
    return User(found["user"]["id"], username, found["access_token"], found["refresh_token"])


def befriend(web: Web, one: User, other: User) -> None:
    """Make two users friends: one asks, the other accepts."""
    asked = answer(web.post("/friend/v1/request", {"to_user_id": other.id}, one.token))
    answer(web.post("/friend/v1/handle", {"request_id": asked["request_id"], "action": "accept"}, other.token))


def answer(response: requests.Response) -> Any:
    """The body of a 200; anything else fails with what was said instead."""
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    return response.json()


def friends(web: Web, nickname: str | None = None) -> tuple[User, User]:
    """Two new users who are friends; the first one's id is the smaller."""
    one, other = new_user(web, nickname), new_user(web)
    befriend(web, one, other)
    return one, other


def conversation(one: User, other: User) -> str:
    """The id of the conversation of two users."""
    return f"{min(one.id, other.id)}_{max(one.id, other.id)}"


def send(web: Web, sender: User, recipient: User, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send a message; the Message of the answer."""
    body = {"to_user_id": recipient.id, "content": content} | fields
    found: dict[str, Any] = answer(web.post("/message/v1/send", body, sender.token))["message"]
    return found


def history(web: Web, user: User, conversation_id: str, **fields: Any) -> list[dict[str, Any]]:
    """One page of a conversation."""
    body = {"conversation_id": conversation_id, "limit": 100} | fields
    found: list[dict[str, Any]] = answer(web.post("/message/v1/history", body, user.token))["messages"]
    return found


def unread(web: Web, user: User, conversation_id: str | None = None) -> int:
    """A user's unread count."""
    body = {"conversation_id": conversation_id} if conversation_id else {}
    return int(answer(web.post("/message/v1/unread", body, user.token))["count"])


def conversations(web: Web, user: User) -> dict[str, dict[str, Any]]:
    """The first page of a user's list, by conversation id."""
    found = answer(web.post("/message/v1/conversations", {"limit": 50}, user.token))["conversations"]
    return {each["conversation_id"]: each for each in found}
