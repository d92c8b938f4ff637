"""Tests that no caller can starve the others, and that nothing is done for callers whose deadline has passed."""

import os
import signal
import time
from contextlib import AbstractContextManager
from typing import Any

import grpc
import psutil
from sqlalchemy import Connection

from tests.journeys import storage
from tests.people import Web, conversation, friends, history, send
from tests.processes import wait_until
from tests.rpc.client import Client, refused
from tests.stack import RpcDoor, Stack


def head_locked(stack: Stack, conversation_id: str) -> AbstractContextManager[Connection]:
    """Lock a conversation's head for the block, so that every change waits. The conversation must have a message."""
    statement = "SELECT last_seq FROM im_conversation_head WHERE conversation_id = :name FOR UPDATE"
    return storage.locked(stack, statement, name=conversation_id)


def test_a_message_of_2_mib_is_refused(service: Client, web: Web) -> None:
    alice, bob = friends(web)
    fields: dict[str, Any] = {"from_user_id": alice.id, "to_user_id": bob.id}
    too_large = service.start("SendMessage", **fields, content="x" * 2 * 1024 * 1024)
    assert refused(too_large)[0] == "RESOURCE_EXHAUSTED"
    assert refused(service.start("SendMessage", **fields, content="x" * 1_000_000))[1] == "104006", "under 1 MiB"
    assert service.SendMessage(**fields, content="x").message.seq == 1, "the connection lives"


def test_a_call_whose_deadline_passes_stores_nothing(stack: Stack, service: Client, web: Web) -> None:
    alice, bob = friends(web)
    first, name = send(web, alice, bob), conversation(alice, bob)
    fields = {"from_user_id": alice.id, "to_user_id": bob.id}
    with head_locked(stack, name):
        waiting = service.start("SendMessage", **fields, content="patient")
        late = [
            service.start("SendMessage", 0.5, **fields, content="late"),
            service.start("RecallMessage", 0.5, user_id=alice.id, message_id=first["id"]),
            service.start("DeleteMessage", 0.5, user_id=bob.id, message_id=first["id"]),
            service.start("MarkAsRead", 0.5, user_id=bob.id, conversation_id=name),
        ]
        assert {refused(each)[0] for each in late} == {"DEADLINE_EXCEEDED"}
    assert waiting.result().message.seq == 2
    assert service.SendMessage(**fields, content="next").message.seq == 3, "no seq is lost"
    log = next(process for process in stack.processes if isinstance(process, RpcDoor))
    wait_until(lambda: log.output().count('"status": "DEADLINE_EXCEEDED"') >= 4, "the server to give up on them")
    found = [(each["content"], each["status"]) for each in history(web, alice, name)]
    assert [content for content, _ in found] == ["hello", "patient", "next"]
    assert all(status < 3 for _, status in found), "none was read or recalled"


def test_one_that_expires_within_its_transaction_leaves_the_others(stack: Stack, service: Client, web: Web) -> None:
    pair = friends(web)
    send(web, *pair)
    fields = {"from_user_id": pair[0].id, "to_user_id": pair[1].id}
    with head_locked(stack, conversation(*pair)):
        leading = service.start("SendMessage", 2, **fields, content="is in its transaction when its time is over")
        wait_until(lambda: storage.lock_waits(stack), "it to wait for the lock")
        others = [service.start("SendMessage", **fields, content=f"patient {number}") for number in range(20)]
        assert refused(leading)[0] == "DEADLINE_EXCEEDED"
    assert sorted(each.result().message.seq for each in others) == list(range(2, 22))


def test_a_deadline_that_has_passed(service: Client) -> None:
    assert refused(service.start("GetUnreadCount", timeout=0, user_id=1))[0] == "DEADLINE_EXCEEDED"


def test_500_calls_at_once(stack: Stack, web: Web) -> None:
    """Eight places are taken by calls that wait for a lock."""
    process = stack.add("rpc", RPC_CONCURRENCY="8")
    assert isinstance(process, RpcDoor)
    service, pair = Client(process.address), friends(web)
    send(web, *pair)
    fields = {"from_user_id": pair[0].id, "to_user_id": pair[1].id}
    with head_locked(stack, conversation(*pair)):
        calls = [service.start("SendMessage", **fields, content=str(number)) for number in range(500)]
        wait_until(lambda: sum(call.done() for call in calls) >= 492, "all to give up for whom there is no place")
        assert psutil.Process(process.pid).num_threads() < 130
        told = [refused(call) for call in calls if call.done()]
    assert {status for status, _ in told} == {"RESOURCE_EXHAUSTED"}
    assert {code for _, code in told} <= {"100010", ""}
    assert ("RESOURCE_EXHAUSTED", "100010") in told
    served = [call.result().message.seq for call in calls if call.exception() is None]
    assert sorted(served) == list(range(2, 10))
    assert service.SendMessage(**fields, content="after").message.seq == 10


def test_those_for_whom_there_is_no_place_wait_for_one(stack: Stack, web: Web) -> None:
    process = stack.add("rpc", RPC_CONCURRENCY="8")
    assert isinstance(process, RpcDoor)
    service, pair = Client(process.address), friends(web)
    send(web, *pair)
    fields = {"from_user_id": pair[0].id, "to_user_id": pair[1].id}
    with head_locked(stack, conversation(*pair)):
        holding = [service.start("SendMessage", **fields, content=str(number)) for number in range(8)]
        wait_until(lambda: storage.lock_waits(stack), "the places to be taken")
        waiting = [service.start("SendMessage", **fields, content=str(number)) for number in range(8, 30)]
    assert sorted(call.result().message.seq for call in (*holding, *waiting)) == list(range(2, 32))


def test_who_waits_for_a_place_is_known(stack: Stack, web: Web) -> None:
    """A caller without a token takes no waiting place from the others."""
    process = stack.add("rpc", RPC_CONCURRENCY="1")
    assert isinstance(process, RpcDoor)
    pair = friends(web)
    send(web, *pair)
    stranger = Client(process.address, token=None)
    with head_locked(stack, conversation(*pair)):
        holding = Client(process.address).start(
            "SendMessage", from_user_id=pair[0].id, to_user_id=pair[1].id, content="holds the one place"
        )
        wait_until(lambda: storage.lock_waits(stack), "it to have its place")
        assert refused(stranger.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")
    assert holding.result().message.seq == 2


def test_a_call_that_hangs_does_not_hold_up_the_end(stack: Stack, web: Web) -> None:
    process = stack.add("rpc")
    assert isinstance(process, RpcDoor)
    service, pair = Client(process.address), friends(web)
    message = send(web, *pair)
    with head_locked(stack, conversation(*pair)):
        hanging = service.start("RecallMessage", user_id=pair[0].id, message_id=message["id"])
        ending = service.start("RecallMessage", user_id=pair[1].id, message_id=message["id"])
        assert refused(ending)[1] == "100009", "by now the first one waits"
        started = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: not process.running, "it to end")
        assert time.monotonic() - started < 8
        assert refused(hanging)[0] in {"UNAVAILABLE", "CANCELLED"}
    assert [each["status"] < 4 for each in history(web, pair[0], conversation(*pair))] == [True]
    process.start()
    assert service.GetUnreadCount(user_id=pair[0].id).count == 0
    assert grpc.channel_ready_future(service.channel).result(10) is None
