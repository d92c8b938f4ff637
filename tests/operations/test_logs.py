"""Tests that the log shows the whole way of a message by its id, and what belongs to a request, connection or task."""

import json
import secrets
from contextlib import suppress
from typing import Any

import pytest

from tests.device import Device
from tests.operations.conftest import Telling
from tests.people import new_group, send
from tests.processes import Process, wait_until
from tests.rpc.client import Client
from tests.stack import SERVICE_TOKEN, Stack

Line = dict[str, Any]


def lines(process: Process, *events: str) -> list[Line]:
    """Returns the lines of these events, or all, that a process has logged."""
    found = [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]
    return [line for line in found if not events or line["event"] in events]


def way(stack: Stack, wanted: int | str) -> set[tuple[str, str]]:
    """Returns the processes and the events of the lines that name a message, or hold a request's id."""
    return {
        (process.name, line["event"])
        for process in stack.processes
        for line in lines(process)
        if (wanted in line.get("message_ids", ()) if isinstance(wanted, int) else wanted in json.dumps(line))
    }


def kinds(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(name.partition(".")[0], event) for name, event in found}


def follow(telling: Telling, wanted: int | str, whole: set[tuple[str, str]]) -> None:
    """Wait until the log tells all of a way. Fails with what is missing."""
    with suppress(AssertionError):
        wait_until(lambda: whole <= kinds(way(telling.stack, wanted)), "the whole way", seconds=20)
    assert whole - kinds(way(telling.stack, wanted)) == set()


# Without the fast path, which drops what Redis does not take within a second.
WAY = {("web", "sent"), ("worker", "published"), ("realtime", "pushed"), ("worker", "delivered")}


def test_a_message_is_followed_by_its_id_through_five_processes(telling: Telling) -> None:
    alice, bob = telling.alice, telling.bob
    given = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    metadata = [("authorization", f"Bearer {SERVICE_TOKEN}"), ("traceparent", given)]
    key = secrets.token_hex(8)
    body = {"to_user_id": bob.id, "message_type": 1, "content": "first by rpc, then again by web"}
    client = Client(telling.stack.rpc_address, token=None, metadata=metadata)
    answered = client.SendMessage(from_user_id=alice.id, client_msg_id=key, **body)
    again = telling.web.post("/message/v1/send", {**body, "client_msg_id": key}, alice.token)
    assert again.json()["duplicate"]
    wanted = int(answered.message.id)
    whole = WAY | {("rpc", "sent")}
    follow(telling, wanted, whole)
    parts = "rpc, web, the worker, and both relays"
    wait_until(lambda: len({name for name, _ in way(telling.stack, wanted)}) == 5, parts)
    request = kinds(way(telling.stack, given[3:35]))
    assert request >= whole - {("web", "sent")}, "web has a request of its own"


def test_a_request_is_followed_by_the_id_in_its_answer(telling: Telling) -> None:
    body = {"to_user_id": telling.bob.id, "message_type": 1, "content": "hi"}
    answer = telling.web.post("/message/v1/send", body, telling.alice.token)
    request_id = answer.headers["X-Request-ID"]
    follow(telling, request_id, WAY)
    assert telling.web.get("/no/such/path").headers["X-Request-ID"] != request_id


@pytest.mark.parametrize("trace_id", ["0" * 32, "A" * 32, "x" * 32, "ab", "a" * 33])
def test_a_trace_that_is_none_is_not_taken(telling: Telling, trace_id: str) -> None:
    answer = telling.web.get("/healthz", headers={"traceparent": f"00-{trace_id}-{'1' * 16}-00"})
    found = answer.headers["X-Request-ID"]
    assert (len(found), len(set(found)) > 1, found == trace_id) == (32, True, False)


def test_a_message_over_a_socket_has_a_request_and_its_connection(telling: Telling) -> None:
    mine, theirs = telling.devices
    key = secrets.token_hex(8)
    mine.say("send", {"to_user_id": telling.bob.id, "message_type": 1, "content": "hi", "client_msg_id": key})
    mine.wait(lambda: any(each["client_msg_id"] == key for each in mine.of("sent")), "the answer")
    (sent,) = (each["message"] for each in mine.of("sent") if each["client_msg_id"] == key)
    theirs.wait(lambda: sent["id"] in {each["id"] for each in theirs.messages}, "the message")
    relay = telling.stack.named("realtime")[0]
    (line,) = (each for each in lines(relay, "sent") if each["message_ids"] == [sent["id"]])
    assert line["connection_id"] == mine.of("hello")[0]["connection_id"]
    assert (line["log"], line["user_id"], line["request_ids"]) == ("send", telling.alice.id, [line["request_id"]])
    follow(telling, line["request_id"], {("worker", "delivered")})


def test_a_message_of_a_group_is_followed_too(telling: Telling) -> None:
    group = new_group(telling.web, telling.alice, telling.bob)
    body = {"group_id": group["id"], "message_type": 1, "content": "hi"}
    message = telling.web.post("/message/v1/send", body, telling.alice.token).json()["message"]
    follow(telling, message["id"], WAY)


def test_a_connection_tells_its_beginning_and_its_end(telling: Telling) -> None:
    relay = telling.stack.named("realtime")[0]
    device = Device(telling.stack.realtime_urls[0], telling.alice.token).online()
    wanted = device.of("hello")[0]["connection_id"]
    device.close()
    events = ("connection_opened", "connection_closed")
    wait_until(lambda: len(_of(relay, wanted, *events)) == 2, "both lines")
    opened, closed = _of(relay, wanted, *events)
    assert {opened["log"], closed["log"]} == {"connection"}
    assert (opened["user_id"], closed["code"]) == (telling.alice.id, 1000)
    assert closed["seconds"] > 0
    assert opened["request_id"] == closed["request_id"]


def _of(process: Process, connection_id: str, *events: str) -> list[Line]:
    return [line for line in lines(process, *events) if line.get("connection_id") == connection_id]


def test_what_a_task_logs_names_it(telling: Telling) -> None:
    (worker,) = telling.stack.named("worker")
    send(telling.web, telling.alice, telling.bob)
    wait_until(lambda: lines(worker, "published"), "a drain")
    assert all(line["task_id"] and line["task"] == "outbox.work" for line in lines(worker, "published", "delivered"))


def test_faults_are_of_a_log_of_their_own(telling: Telling) -> None:
    for process in telling.stack.processes:
        assert {line.get("log") for line in lines(process) if line["level"] in ("warning", "error")} <= {"error"}
