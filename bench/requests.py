"""Requests as bytes, made beforehand, so that the load generator only fills in the time."""

import random
from collections.abc import Callable
from functools import cache
from itertools import cycle
from typing import Any

import orjson

from bench import people
from messaging.conversation_id import group

Make = Callable[[bytes], bytes]
MakeFrame = Callable[[bytes], tuple[int, bytes]]
Planned = tuple[str, int, dict[str, Any]]  # path, user, body

STAMP = b"00000000000000000000"  # twenty digits: monotonic nanoseconds, the same clock in every process
MARK = b"t="
_MESSAGE = {
    "content": f"{MARK.decode()}{STAMP.decode()} how about lunch at the usual place?",
    "client_msg_id": STAMP.decode(),
}


def maker(kind: str, host: str, first: int, count: int, most: int | None = None, **more: int) -> Make:
    """Returns `make(stamp)`, which returns the next request of a kind ("send", "history" …) of these users.

    It takes turns over all possible requests, or `most` of them: chosen at random, but the same in every run. The kinds
    about groups also take the `size` of each.
    """
    made = [_request(host, *each) for each in _shuffled(kind, first, count, **more)[:most]]
    following = cycle([tuple(each.split(STAMP)) for each in made])
    return lambda stamp: stamp.join(next(following))


def frame_maker(first: int, count: int, senders: int) -> MakeFrame:
    """Returns `make(stamp)`, which returns the next user who sends, and their frame, in the order of "send".

    Only the first `senders` of the users send.
    """
    planned = [(user, body) for _, user, body in _shuffled("send", first, count) if user < first + senders]
    made = [(user, _frame({"type": "send", "content": body})) for user, body in planned]
    following = cycle([(user, tuple(frame.split(STAMP))) for user, frame in made])

    def make(stamp: bytes) -> tuple[int, bytes]:
        user, parts = next(following)
        return user, stamp.join(parts)

    return make


def stamp(nanoseconds: int) -> bytes:
    """Returns a time in the form of STAMP."""
    return b"%020d" % nanoseconds


def _sends(first: int, count: int) -> list[Planned]:
    return [("/message/v1/send", one, {"to_user_id": other} | _MESSAGE) for one, other in people.directed(first, count)]


def _group_sends(first: int, count: int, size: int) -> list[Planned]:
    return [
        ("/message/v1/send", user, {"group_id": group_id} | _MESSAGE)
        for group_id, members in people.groups(first, count, size).items()
        for user in members
    ]


def _group_reads(first: int, count: int, size: int) -> list[Planned]:
    return [
        ("/message/v1/read", user, {"conversation_id": group(group_id)})
        for group_id, members in people.groups(first, count, size).items()
        for user in members
    ]


def _histories(first: int, count: int) -> list[Planned]:
    return [
        ("/message/v1/history", pair[0], {"conversation_id": people.conversation(pair), "limit": 20})
        for pair in people.directed(first, count)
    ]


def _lists(first: int, count: int) -> list[Planned]:
    return [("/message/v1/conversations", user, {"page": 1, "limit": 10}) for user in people.users(first, count)]


_KINDS: dict[str, Callable[..., list[Planned]]] = {
    "send": _sends,
    "history": _histories,
    "list": _lists,
    "group send": _group_sends,
    "group read": _group_reads,
}
_token = cache(people.token)


def _shuffled(kind: str, first: int, count: int, **more: int) -> list[Planned]:
    planned = _KINDS[kind](first, count, **more)
    random.Random(first).shuffle(planned)
    return planned


def _frame(body: dict[str, Any]) -> bytes:
    raw = orjson.dumps(body)
    assert 125 < len(raw) < 65_536  # the form of a frame's head depends on it
    return b"\x81\xfe" + len(raw).to_bytes(2, "big") + b"\0\0\0\0" + raw  # masked with zeros, which changes nothing


def _request(host: str, path: str, user: int, body: dict[str, Any]) -> bytes:
    raw = orjson.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {_token(user)}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw
