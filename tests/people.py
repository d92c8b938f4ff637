"""A client of the REST door, and users who act through it."""

import random
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests import untold


class _From(HTTPAdapter):
    """Connects from a given address. All of 127.0.0.0/8 is this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


class Web:
    """A client of one web process. It keeps no connection: an idle one would hold up the process's end.

    Without `address` each call comes from another address, so that tests do not share the limits of one. A call that
    exceeds a limit per second is repeated a second later, as a client should do. `trusted` is the certificate by which
    an https URL is verified.
    """

    def __init__(self, url: str, *, address: str | None = None, trusted: Path | None = None) -> None:
        self.url = url
        self._trusted = trusted
        self._address = address

    def post(self, path: str, json: Any = None, token: str | None = None, **options: Any) -> requests.Response:
        """Call by POST. Returns the answer, whatever its status."""
        return self._call("POST", path, token, json=json, **options)

    def get(self, path: str, token: str | None = None, **options: Any) -> requests.Response:
        """Call by GET. Returns the answer, whatever its status."""
        return self._call("GET", path, token, **options)

    def _call(self, method: str, path: str, token: str | None, **options: Any) -> requests.Response:
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        options.setdefault("timeout", 30)
        options["verify"] = str(self._trusted) if self._trusted else True
        untold.note(options.get("json"))
        with requests.Session() as session:
            session.mount(self.url, _From(self._address or _anywhere()))
            response = session.request(method, f"{self.url}{path}", headers=headers, **options)
            while not self._address and response.headers.get("Retry-After") == "1" and response.status_code == 429:
                time.sleep(1)
                response = session.request(method, f"{self.url}{path}", headers=headers, **options)
        if response.headers.get("Content-Type") == "application/json":
            untold.note(response.json())
        return response


def _anywhere() -> str:
    return f"127.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


@dataclass(frozen=True, slots=True)
class User:
    """A user who is registered and signed in."""

    id: int
    username: str
    token: str
    refresh_token: str


def new_user(web: Web, nickname: str | None = None) -> User:
    """Register a user with a random username, and sign them in. Returns the user."""
    username = f"u{uuid.uuid4().hex[:16]}"
    body = {"username": username, "password": "a long password"} | ({"nickname": nickname} if nickname else {})
    found = answer(web.post("/user/v1/register", body))
    return User(found["user"]["id"], username, found["access_token"], found["refresh_token"])


def befriend(web: Web, one: User, other: User) -> None:
    """Make two users friends: one asks, the other accepts."""
    asked = answer(web.post("/friend/v1/request", {"to_user_id": other.id}, one.token))
    answer(web.post("/friend/v1/handle", {"request_id": asked["request_id"], "action": "accept"}, other.token))


def answer(response: requests.Response) -> Any:
    """Returns the `data` of a 200. Fails with the answer's text when the status is another."""
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    return response.json()


def friends(web: Web, nickname: str | None = None) -> tuple[User, User]:
    """Returns two new users who are friends. The first has the smaller id."""
    one, other = new_user(web, nickname), new_user(web)
    befriend(web, one, other)
    return one, other


def new_group(web: Web, owner: User, *friends: User, **fields: Any) -> dict[str, Any]:
    """Make a group of an owner and friends of theirs. Returns the Group of the answer."""
    body = {"name": "group", "member_ids": [each.id for each in friends]} | fields
    found = answer(web.post("/group/v1/create", body, owner.token))
    assert found["failed"] == []
    group: dict[str, Any] = found["group"]
    return group


def conversation(one: User, other: User) -> str:
    """Returns the id of the conversation of two users."""
    return f"{min(one.id, other.id)}_{max(one.id, other.id)}"


def send(web: Web, sender: User, recipient: User, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send a message. Returns the Message of the answer."""
    body = {"to_user_id": recipient.id, "content": content} | fields
    found: dict[str, Any] = answer(web.post("/message/v1/send", body, sender.token))["message"]
    return found


def upload(web: Web, user: User, data: bytes, kind: str = "file") -> dict[str, Any]:
    """Upload bytes. Returns the media of the answer."""
    found = answer(web.post("/media/v1/upload", token=user.token, data={"kind": kind}, files={"file": data}))
    media: dict[str, Any] = found["media"]
    return media


def history(web: Web, user: User, conversation_id: str, **fields: Any) -> list[dict[str, Any]]:
    """Returns one page of a conversation's history: 100 messages, unless `fields` say otherwise."""
    body = {"conversation_id": conversation_id, "limit": 100} | fields
    found: list[dict[str, Any]] = answer(web.post("/message/v1/history", body, user.token))["messages"]
    return found


def unread(web: Web, user: User, conversation_id: str | None = None) -> int:
    """Returns a user's unread count, of one conversation or of all."""
    body = {"conversation_id": conversation_id} if conversation_id else {}
    return int(answer(web.post("/message/v1/unread", body, user.token))["count"])


def conversations(web: Web, user: User) -> dict[str, dict[str, Any]]:
    """Returns the first 50 conversations of a user's list, by their id."""
    found = answer(web.post("/message/v1/conversations", {"limit": 50}, user.token))["conversations"]
    return {each["conversation_id"]: each for each in found}
