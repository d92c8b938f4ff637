"""Publishes notes to users' channels, a process of its own: `python -m bench.publish`, with orders on standard input.

The kind "message" is the note of a worker for a message, of conversations that no table knows; "group" that for a
message of a group, which takes the place of the user; "frame" is any other frame for a user; "bare" is the frame alone,
for the bare loop.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import redis

from bench.requests import MARK, stamp
from infra import channels, notes
from messaging.conversation_id import group
from messaging.frame import frame

_STRANGERS = 1_000_000_000  # senders' ids are above it, where no other users are

Note = tuple[str, bytes]


def _message(user: int, seq: int, at: bytes) -> Note:
    sender = user + _STRANGERS
    note = notes.Message(f"{user}_{sender}", seq, sender, _frame(user, seq, at))
    return channels.of_user(user), notes.encode(note)


def _of_group(group_id: int, seq: int, at: bytes) -> Note:
    name = group(group_id)
    note = notes.GroupMessage(name, seq, group_id + _STRANGERS, _frame(group_id, seq, at))
    return channels.of_group(name), notes.encode(note)


def _other(user: int, seq: int, at: bytes) -> Note:
    return channels.of_user(user), notes.encode(notes.Frame(_frame(user, seq, at)))


def _bare(user: int, seq: int, at: bytes) -> Note:
    return f"bare:user:{user}", _frame(user, seq, at)


def _frame(user: int, seq: int, at: bytes) -> bytes:
    sender, now = user + _STRANGERS, int(time.time())
    content = {
        "id": seq,
        "conversation_id": f"{user}_{sender}",
        "seq": seq,
        "change_seq": seq,
        "from_user_id": sender,
        "to_user_id": user,
        "message_type": 1,
        "content": f"{MARK.decode()}{at.decode()} how about lunch at the usual place?",
        "extra": None,
        "status": 1,
        "client_msg_id": at.decode(),
        "create_time": now,
        "update_time": now,
    }
    return frame("new_message", content)


_KINDS: dict[str, Callable[[int, int, bytes], Note]] = {
    "message": _message,
    "group": _of_group,
    "frame": _other,
    "bare": _bare,
}


def main(orders: dict[str, Any]) -> dict[str, Any]:
    """Publish by these orders: redis, kind, first, count, total, seq (of the first round), batch, rate (notes/s).

    Returns when it began and ended, in monotonic nanoseconds.
    """
    client = redis.Redis.from_url(orders["redis"])
    make, batch = _KINDS[orders["kind"]], orders["batch"]
    began = time.monotonic_ns()
    for start in range(0, orders["total"], batch):
        if orders.get("rate"):
            due = began / 1e9 + start / orders["rate"]
            time.sleep(max(0.0, due - time.monotonic()))
        pipeline = client.pipeline(transaction=False)
        at = stamp(time.monotonic_ns())
        for place in range(start, min(start + batch, orders["total"])):
            turn, who = divmod(place, orders["count"])
            pipeline.publish(*make(orders["first"] + who, orders["seq"] + turn, at))
        pipeline.execute()
    return {"began": began, "ended": time.monotonic_ns()}


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
