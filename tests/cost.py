"""Counts what a batch of sends and its delivery cost: `python -m tests.cost 64` prints the counts as JSON.

With `python -m tests.cost 64 1000` the messages go to a group of 1,000 members, which a member then reads and lists.
With `python -m tests.cost 64 1000 1` they answer each others' first one there.
With `python -m tests.cost 64 0 0 1` each of them carries an upload.

It runs in a process of its own, because the Celery application keeps its first broker for life.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import redis
from sqlalchemy import event, insert

from actions.poke import poke
from db.friend import Friend
from db.session import engine, read, write
from infra import logs, trace
from infra.redis import client
from infra.settings import settings
from messaging.conversation_id import group
from messaging.conversations import conversations
from messaging.draft import Draft
from messaging.read import read as mark_read
from messaging.send import Sent
from tests.groups import made
from tests.messaging import uploads
from tests.messaging.conftest import store
from workers.work import work

_ROWS = ("Handler_write", "Handler_update", "Handler_delete")
_STATUS = f"SHOW SESSION STATUS WHERE Variable_name IN {('Questions', 'Bytes_received', *_ROWS)}"
_NOBODYS_SHARD = 99
_PATIENCE = 30.0


def main(count: int, members: int = 0, answers: int = 0, carrying: int = 0) -> dict[str, dict[str, int]]:
    """Send `count` messages to as many friends, or to a group when it has `members`, poke, work.

    With `answers` the messages to the group answer one of it, with `carrying` each carries an upload that none has yet.

    Returns the counts of each step, once all is warm.
    """
    logs.configure()  # to stderr: what is printed is the result
    trace.enter("a test")
    write(lambda session, now: session.execute(insert(Friend), [_friends(number, now) for number in range(count)]))
    group_id = made(*range(1, members + 1)) if members else 0
    flights: list[str] = []
    event.listen(engine(), "before_cursor_execute", lambda *given: flights.append(given[2]))
    event.listen(engine(), "commit", lambda _: flights.append("COMMIT"))
    _poke([_NOBODYS_SHARD], flights)  # the first poke starts the poker's thread, which would miss part of a round
    work()
    original = _answered(group_id) if answers else None
    rounds = [_drafts(count, group_id, key, original, carrying=bool(carrying)) for key in ("first", "second")]
    _round(rounds[0], group_id, flights)
    return _round(rounds[1], group_id, flights)


def _answered(group_id: int) -> int:
    (sent,) = store(Draft(1, 0, 1, "what do you say?", None, "original", group_id))
    assert isinstance(sent, Sent)
    return int(sent.message["id"])


def _round(drafts: Sequence[Draft], group_id: int, flights: list[str]) -> dict[str, dict[str, int]]:
    client().delete("outbox")
    shards: set[int] = set()
    costs = {
        "send": _counted(lambda: shards.update(_send(drafts)), flights),
        "poke": _poke(sorted(shards), flights),
        "drain": _counted(work, flights),
    }
    if group_id:
        costs |= _looks(group(group_id), flights)
        _poke(sorted(shards), flights)
        work()  # what has been read is told: it is no part of the next round
    return costs


def _looks(name: str, flights: list[str]) -> dict[str, dict[str, int]]:
    """Returns the cost of what a member does who opens the list and reads the group."""
    return {
        "list": _counted(lambda: read(conversations, user_id=2, page=1, limit=20), flights),
        "read": _counted(lambda: write(mark_read, user_id=2, conversation_id=name), flights),
    }


def _poke(shards: Sequence[int], flights: list[str]) -> dict[str, int]:
    """Returns the cost of poking all these shards, up to the moment at which the task is in its queue."""
    with redis.Redis.from_url(settings().redis_url, socket_timeout=_PATIENCE).monitor() as commands:

        def work() -> None:
            _all_at_once(lambda: [poke(shard) for shard in shards])
            while not commands.next_command()["command"].startswith("LPUSH outbox "):
                pass

        cost = _counted(work, flights)
    return cost | {"tasks": client().llen("outbox")}


def _all_at_once(work: Callable[[], object]) -> None:
    """Do the work before any other thread has a turn: the background poker finds all of it, or nothing."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_PATIENCE)
    try:
        work()
    finally:
        sys.setswitchinterval(interval)


def _friends(number: int, now: Any) -> dict[str, Any]:
    return {"user_id": 1, "friend_id": 1_000 + number, "create_time": now}


def _drafts(count: int, group_id: int, key: str, original: int | None, *, carrying: bool) -> list[Draft]:
    to_friends = [0 if group_id else 1_000 + number for number in range(count)]
    extra = None if original is None else f'{{"reply_to":{original}}}'
    drafts = [
        Draft(1, user, 1, "x" * 100, extra, f"{key} {number}", group_id, reply_to=original)
        for number, user in enumerate(to_friends)
    ]
    if not carrying:
        return drafts
    carried = [(draft, uploads.upload(1)) for draft in drafts]
    return [replace(draft, **uploads.carrying(media_id)) for draft, media_id in carried]


def _send(drafts: Sequence[Draft]) -> list[int]:
    return [answer.shard for answer in store(*drafts) if isinstance(answer, Sent) and answer.shard is not None]


def _counted(work: Callable[[], object], flights: list[str]) -> dict[str, int]:
    before, heard = _spent(), _spent()
    flights.clear()
    work()
    made, after = len(flights), _spent()
    # Reading the counters costs something too: as much as between the first two readings.
    return {"flights": made} | {name: after[name] - 2 * heard[name] + before[name] for name in after}


def _spent() -> dict[str, int]:
    database = dict(write(lambda session, _: session.connection().exec_driver_sql(_STATUS).all()))
    commands = client().info("commandstats")
    return {
        "statements": int(database["Questions"]),
        "sql_bytes": int(database["Bytes_received"]),
        "rows": sum(int(database[name]) for name in _ROWS),
        "redis_commands": sum(each["calls"] for each in commands.values()),
        "publishes": commands.get("cmdstat_publish", {"calls": 0})["calls"],
        "redis_bytes": int(client().info("stats")["total_net_input_bytes"]),
    }


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
