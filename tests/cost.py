"""Counts what a batch of sends and its delivery cost: `python -m tests.cost 64` prints the counts as JSON.

It runs in a process of its own, because the Celery application keeps its first broker for life.
"""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import redis
from sqlalchemy import event, insert

from actions.poke import poke
from db.friend import Friend
from db.session import engine, write
from infra.redis import client
from infra.settings import settings
from messaging.draft import Draft
from messaging.send import Sent
from tests.messaging.conftest import store
from workers.outbox import drain

_STATUS = "SHOW SESSION STATUS WHERE Variable_name IN ('Questions', 'Bytes_received')"
_SHARDS = range(16)
_NOBODYS_SHARD = 99
_PATIENCE = 30.0


def main(count: int) -> dict[str, dict[str, int]]:
    """Send `count` messages to as many friends, poke, drain. Returns the counts of each step, once all is warm."""
    write(lambda session, now: session.execute(insert(Friend), [_friends(number, now) for number in range(count)]))
    flights: list[str] = []
    event.listen(engine(), "before_cursor_execute", lambda *given: flights.append(given[2]))
    event.listen(engine(), "commit", lambda _: flights.append("COMMIT"))
    _poke([_NOBODYS_SHARD], flights)  # the first poke starts the poker's thread, which would miss part of a round
    _round(count, "first", flights)
    return _round(count, "second", flights)


def _round(count: int, key: str, flights: list[str]) -> dict[str, dict[str, int]]:
    client().delete("outbox")
    shards: set[int] = set()
    return {
        "send": _counted(lambda: shards.update(_send(count, key)), flights),
        "poke": _poke(sorted(shards), flights),
        "drain": _counted(lambda: drain(_SHARDS), flights),
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


def _send(count: int, key: str) -> list[int]:
    drafts = [Draft(1, 1_000 + number, 1, "x" * 100, None, f"{key} {number}") for number in range(count)]
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
        "redis_commands": sum(each["calls"] for each in commands.values()),
        "redis_bytes": int(client().info("stats")["total_net_input_bytes"]),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
