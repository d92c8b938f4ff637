"""Tests of the one form that a message has in every answer and every frame."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from messaging.message import COLUMNS, unix, wire
from messaging.schemas import Message
from messaging.status import Status
from rpc.generated.message_pb2 import MessageInfo
from rpc.push import Pushed
from tests.processes import ROOT

NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - the database's times are naive UTC


def row(**changes: Any) -> SimpleNamespace:
    columns = {
        "id": 7,
        "conversation_id": "1_2",
        "seq": 3,
        "change_seq": 4,
        "from_user_id": 1,
        "to_user_id": 2,
        "message_type": 1,
        "content": "secret",
        "extra": '{"also":"secret"}',
        "status": Status.SENT,
        "client_msg_id": "k",
        "create_time": NEW_YEAR,
        "update_time": NEW_YEAR,
    }
    return SimpleNamespace(**(columns | changes))


@pytest.fixture(autouse=True)
def _settings(database: str) -> None:
    """Make settings available, because the placeholder is one."""


def test_a_message_has_the_same_fields_wherever_it_is_told() -> None:
    declared = list(Message().fields)
    *columns, resolved = declared  # which is told by the doors of JSON alone
    assert ([column.name for column in COLUMNS], resolved) == (columns, "reply")
    assert list(wire(row())) == declared
    assert sorted(MessageInfo.DESCRIPTOR.fields_by_name) == sorted(columns)
    assert set(Pushed().fields) < set(declared)
    _, _, documented = (ROOT / "docs/protocol.md").read_text().partition("### Message\n\n```json\n")
    assert list(orjson.loads(documented.partition("```")[0])) == declared


def test_unix_takes_a_naive_time_for_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    assert unix(NEW_YEAR) == 1_767_225_600


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.READ])
def test_a_message_is_told_whole(status: Status) -> None:
    assert wire(row(status=status)) == {
        "id": 7,
        "conversation_id": "1_2",
        "seq": 3,
        "change_seq": 4,
        "from_user_id": 1,
        "to_user_id": 2,
        "message_type": 1,
        "content": "secret",
        "extra": {"also": "secret"},
        "status": int(status),
        "client_msg_id": "k",
        "create_time": 1_767_225_600,
        "update_time": 1_767_225_600,
        "reply": None,
    }


@pytest.mark.parametrize(
    ("status", "hidden", "shown", "content"),
    [
        (Status.RECALLED, False, 4, "[消息已撤回]"),
        (Status.DELETED, False, 5, ""),
        (Status.SENT, True, 5, ""),
        (Status.RECALLED, True, 5, ""),
        (Status.DELETED, True, 5, ""),
    ],
)
def test_what_may_not_be_seen_is_not_told(status: Status, hidden: bool, shown: int, content: str) -> None:
    told = wire(row(status=status), hidden=hidden)
    assert (told["status"], told["content"], told["extra"]) == (shown, content, None)
    assert (told["id"], told["seq"], told["change_seq"]) == (7, 3, 4), "but its place is"
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("stored", "told"), [(None, None), ("", None), ("{}", {}), ('{"a":[1,null]}', {"a": [1, None]})]
)
def test_extra_is_an_object_or_null(stored: str | None, told: Any) -> None:
    assert wire(row(extra=stored))["extra"] == told


def test_statuses_are_told_as_plain_numbers() -> None:
    assert type(wire(row())["status"]) is int
