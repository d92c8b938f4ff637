"""Tests of POST /message/v1/ws/ticket, through the real process."""

import pytest
import websocket

from tests.device import Device
from tests.people import Web, answer, new_user
from tests.stack import Stack

PATH = "/message/v1/ws/ticket"


def test_a_ticket_opens_one_socket_as_its_user(web: Web, stack: Stack) -> None:
    user = new_user(web)
    found = answer(web.post(PATH, token=user.token))
    assert found == {"ticket": found["ticket"], "expires_in": 30}
    query = f"?ticket={found['ticket']}&user_id={user.id}"
    assert Device(stack.realtime_urls[0], query=query).online()
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        Device(stack.realtime_urls[0], query=query)
    assert error.value.status_code == 401


def test_each_call_gives_another_one(web: Web) -> None:
    token = new_user(web).token
    assert len({answer(web.post(PATH, token=token))["ticket"] for _ in range(3)}) == 3


def test_it_takes_an_access_token(web: Web) -> None:
    for token in (None, "x.y.z", new_user(web).refresh_token):
        found = web.post(PATH, token=token)
        assert (found.status_code, found.json()["code"]) == (401, 100008)
