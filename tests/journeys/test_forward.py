"""Tests that a forward whose process is killed halfway is completed by its repeat, in order and without doubles."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, answer, friends, new_group, send
from tests.processes import wait_until
from tests.stack import Stack

PATH = "/message/v1/forward"
HEAD = "SELECT conversation_id FROM im_conversation_head WHERE conversation_id = :name FOR UPDATE"
BEFORE = 480  # copies in the fifteen parts of 32 before the eleventh group's first


def stored(stack: Stack, user: User) -> list[tuple[str, str, int]]:
    """Returns the conversation, the key and the seq of each copy of the user's, by conversation and seq."""
    asked = "SELECT conversation_id, client_msg_id, seq FROM im_message WHERE from_user_id = :user AND client_msg_id "
    found = storage.rows(stack, f"{asked} LIKE 'f.%' ORDER BY conversation_id, seq", user=user.id)
    return [tuple(row) for row in found]


def test_a_forward_that_is_killed_halfway_is_completed_by_its_repeat(stack: Stack, unlimited_web: Web) -> None:
    alice, bob = friends(unlimited_web)
    originals = [send(unlimited_web, bob, alice, f"{number}")["id"] for number in range(50)]
    groups = [new_group(unlimited_web, alice, bob)["conversation_id"] for _ in range(20)]
    to = [{"group_id": int(name.removeprefix("group_"))} for name in groups]
    body: dict[str, Any] = {"message_ids": originals, "to": to, "client_msg_id": "f"}
    doomed = stack.add("web", RATE_LIMITS="0")
    with storage.locked(stack, HEAD, name=groups[10]), ThreadPoolExecutor(1) as callers:
        forwarding = callers.submit(Web(doomed.url).post, PATH, body, alice.token)  # type: ignore[attr-defined]
        wait_until(lambda: len(stored(stack, alice)) == BEFORE, "all parts before the one that waits for the group")
        doomed.kill()
        with pytest.raises(requests.RequestException):
            forwarding.result()
    before = stored(stack, alice)
    assert len(before) == BEFORE

    device = Device(stack.realtime_urls[0], bob.token).online()
    found = answer(unlimited_web.post(PATH, body, alice.token))
    assert (len(found["messages"]), found["failed"]) == (1_000, [])
    after = stored(stack, alice)
    assert set(before) < set(after)
    in_order = [
        (name, f"f.{50 * place + number}", 2 + number) for place, name in enumerate(groups) for number in range(50)
    ]
    assert sorted(after) == sorted(in_order)
    for name in groups:
        device.wait(lambda name=name: device.seqs(name)[-1:] == [51], f"all of {name}")
        assert device.seqs(name) == sorted(set(device.seqs(name)))
    assert answer(unlimited_web.post(PATH, body, alice.token)) == found
