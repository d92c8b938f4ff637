"""Tests of messages that one connection sends: each is answered once, by its key, and few are on their way at once."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import orjson
import pytest
from gevent.event import Event

from actions.send import TooLate
from db.errors import DatabaseUnavailable, OutcomeUnknown
from infra.limits import SENDS, Calls
from infra.tokens import Claims
from messaging.draft import MAX_CONTENT, Draft
from messaging.errors import Code, Refused
from messaging.send import Sent
from realtime.frames import BadFrame
from realtime.outbound import Outbound
from realtime.sends import MOST_ON_THEIR_WAY, Sends
from tests.processes import PATIENCE

ME = 7
GOOD = {"to_user_id": 8, "content": "hello", "client_msg_id": "k1"}


class Client:
    """Replaces a Connection, and what stores: it waits until `free` is set, and raises `fault` if there is one."""

    def __init__(self) -> None:
        self.claims = Claims(ME, int(time.time()) + 3600, None, None)
        self.outbound = Outbound()
        self.pushed: list[dict[str, Any]] = []
        self.outbound.push = lambda raw, **_: self._push(raw)  # type: ignore[method-assign]
        self.stored: list[Draft] = []
        self.fault: Exception | None = None
        self.revoked = False
        self.free = Event()
        self.free.set()
        self.now = 1_000.0
        self.waiting = self.most = 0
        calls = Calls(SENDS, clock=lambda: self.now)
        self.sends = self.connect(limited=True, calls=calls)

    def connect(self, **options: Any) -> Sends:
        """Returns the sends of another connection of this user."""
        return Sends(self, submit=self._submit, revoked=lambda _: self.revoked, **options)  # type: ignore[arg-type]

    def send(self, **changes: Any) -> None:
        content = {name: value for name, value in (GOOD | changes).items() if value is not ...}
        self.sends.take(content)

    def answer(self, **changes: Any) -> dict[str, Any]:
        """Send a message. Returns the one frame that answers it."""
        before = len(self.pushed)
        try:
            self.send(**changes)
        except BadFrame as refused:
            return {"code": refused.code, "type": refused.kind, "client_msg_id": refused.client_msg_id}
        self.settle()
        assert len(self.pushed) == before + 1
        content: dict[str, Any] = self.pushed[-1]["content"]
        return content

    def settle(self) -> None:
        """Wait until nothing moves any more."""
        for _ in range(5):
            gevent.idle()

    def _push(self, raw: bytes) -> bool:
        self.pushed.append(orjson.loads(raw[raw.index(b"{") :]))
        return True

    def _submit(self, draft: Draft, *, gone: Callable[[], bool]) -> Sent:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        with gevent.Timeout(PATIENCE):
            self.free.wait()
        self.waiting -= 1
        if gone():
            raise TooLate
        if self.fault:
            raise self.fault
        self.stored.append(draft)
        return Sent({"seq": len(self.stored)}, duplicate=False, shard=1)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.free.set()
    client.settle()


def test_a_stored_message_is_answered_by_its_key(client: Client) -> None:
    assert client.answer() == {"client_msg_id": "k1", "message": {"seq": 1}, "duplicate": False}
    assert client.pushed[0]["type"] == "sent"
    (draft,) = client.stored
    assert (draft.from_user_id, draft.to_user_id, draft.content, draft.message_type) == (ME, 8, "hello", 1)


def test_a_message_to_a_group_is_stored_like_another(client: Client) -> None:
    client.answer(to_user_id=..., group_id=3)
    (draft,) = client.stored
    assert (draft.from_user_id, draft.conversation_id, draft.content) == (ME, "group_3", "hello")


def test_a_picture_needs_no_caption(client: Client) -> None:
    client.answer(message_type=2, content=..., extra={"media_id": "0" * 32})
    (draft,) = client.stored
    assert (draft.message_type, draft.content, draft.media_id) == (2, "", "0" * 32)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to_user_id": ...}, Code.INVALID),
        ({"to_user_id": "8"}, Code.INVALID),
        ({"to_user_id": ME}, Code.INVALID),
        ({"content": ...}, Code.INVALID),
        ({"content": ""}, Code.INVALID),
        ({"content": "x" * (MAX_CONTENT + 1)}, Code.TOO_LARGE),
        ({"extra": []}, Code.INVALID),
        ({"extra": {"x": "y" * 9_000}}, Code.TOO_LARGE),
        ({"message_type": 0}, Code.MESSAGE_TYPE),
        ({"message_type": True}, Code.INVALID),
        ({"bogus": 1}, Code.INVALID),
        ({"group_id": 3}, Code.INVALID),
        ({"to_user_id": ..., "group_id": 3, "extra": {"mentions": []}}, Code.INVALID),
        ({"client_msg_id": " k"}, Code.INVALID),
        ({"message_type": 2}, Code.INVALID),
        ({"message_type": 2, "extra": {"media_id": "x"}}, Code.INVALID),
        ({"extra": {"reply_to": 0}}, Code.INVALID),
    ],
    ids=str,
)
def test_a_form_that_rest_refuses_is_refused_with_its_code(client: Client, changes: dict[str, Any], code: Code) -> None:
    key = changes.get("client_msg_id", "k1")
    assert client.answer(**changes) == {"code": code, "type": "send", "client_msg_id": key}
    assert client.stored == client.pushed == []


@pytest.mark.parametrize("key", [..., None, 1, ["k"], {}, "x" * 65, "x" * 60_000], ids=lambda key: repr(key)[:9])
def test_a_key_is_required_and_none_that_is_not_one_is_sent_back(client: Client, key: Any) -> None:
    assert client.answer(client_msg_id=key) == {"code": Code.INVALID, "type": "send", "client_msg_id": None}
    assert client.stored == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refused(Code.NOT_FRIENDS), Code.NOT_FRIENDS),
        (Refused(Code.CLIENT_MSG_ID_REUSED), Code.CLIENT_MSG_ID_REUSED),
        (DatabaseUnavailable("away"), Code.UNAVAILABLE),
        (OutcomeUnknown("lost"), Code.UNAVAILABLE),
        (ZeroDivisionError("nobody foresaw it"), Code.INTERNAL),
    ],
    ids=repr,
)
def test_what_cannot_be_stored_is_answered_too(client: Client, fault: Exception, code: Code) -> None:
    client.fault = fault
    answer = client.answer()
    assert answer.pop("detail")
    assert answer == {"code": code, "type": "send", "client_msg_id": "k1"}
    client.fault = None
    assert client.answer()["message"]


def test_a_fault_tells_the_client_nothing_of_itself(client: Client) -> None:
    client.fault = ZeroDivisionError("secret")
    assert "secret" not in client.answer()["detail"]


def test_one_that_waits_holds_up_no_answer_to_another(client: Client) -> None:
    client.free.clear()
    client.send(client_msg_id="waits")
    client.settle()
    assert client.answer(client_msg_id="refused", content="")["client_msg_id"] == "refused"
    client.free.set()
    client.settle()
    assert [each["content"]["client_msg_id"] for each in client.pushed] == ["waits"]


def test_the_answer_to_thousands_of_bad_fields_is_short(client: Client) -> None:
    with pytest.raises(BadFrame) as refused:
        client.send(**{f"x{number}": 1 for number in range(5_000)})
    assert len(refused.value.detail) == 1_000


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_nothing_is_stored_once_the_token_has_ended(client: Client, end: str) -> None:
    if end == "expired":
        client.claims = Claims(ME, int(time.time()), None, None)
    client.revoked = end == "revoked"
    answer = client.answer()
    assert (answer["code"], answer["client_msg_id"]) == (Code.UNAUTHENTICATED, "k1")
    assert client.stored == []


def test_what_waits_is_not_stored_for_a_connection_that_has_ended(client: Client) -> None:
    client.free.clear()
    client.send()
    client.settle()
    client.outbound.close(1012)
    client.free.set()
    client.settle()
    assert client.stored == client.pushed == []
    assert client.waiting == 0


def test_no_more_than_64_are_on_their_way(client: Client) -> None:
    client.free.clear()
    unlimited = client.connect(limited=False)
    read = []

    def reader() -> None:
        for number in range(200):
            unlimited.take(GOOD | {"client_msg_id": f"k{number}"})
            read.append(number)

    reading = gevent.spawn(reader)
    client.settle()
    assert len(read) == client.waiting == MOST_ON_THEIR_WAY == 64
    client.free.set()
    reading.join(PATIENCE)
    client.settle()
    assert client.most == 64
    assert [each["content"]["client_msg_id"] for each in client.pushed] == [f"k{number}" for number in range(200)]


def test_a_user_has_the_limits_of_rest_on_all_connections_together(client: Client) -> None:
    calls = Calls(SENDS, clock=lambda: client.now)
    connections = [client.connect(limited=True, calls=calls) for _ in range(3)]
    for number in range(30):
        client.sends = connections[number % 3]
        assert client.answer()["message"]
    for client.sends in connections:
        assert client.answer() == {"code": Code.TOO_MANY_REQUESTS, "type": "send", "client_msg_id": "k1"}
    client.now += 1
    assert client.answer()["message"]


def test_refused_forms_count_as_sends_do(client: Client) -> None:
    assert [client.answer(content="")["code"] for _ in range(30)] == [Code.INVALID] * 30
    assert client.answer()["code"] == Code.TOO_MANY_REQUESTS


def test_without_limits_nothing_is_too_much(client: Client) -> None:
    client.sends = client.connect(limited=False)
    assert all("message" in client.answer() for _ in range(700))
