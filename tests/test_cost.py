"""Tests of what a send and its delivery cost, as counts that no machine changes. A changed figure needs a reason."""

import json
import os
import subprocess
import sys

import pytest

from tests import databases
from tests.processes import ROOT
from tests.servers import RedisServer

Cost = dict[str, dict[str, int]]

# A flight is what is sent before an answer is waited for; statements are counted by the server, COMMIT among them.
# send: clock, heads locked, friends; heads raised, messages, events; COMMIT.
# drain: clock, shards, events; rows in parts of 100, messages, hidden; rows written; COMMIT;
#        clock, shards; events, messages, hidden; events deleted; COMMIT.
EXACT: dict[int, Cost] = {
    1: {
        "send": {"flights": 3, "statements": 7, "redis_commands": 0},
        "poke": {"flights": 0, "statements": 0, "redis_commands": 3, "tasks": 1},
        # promise ended, shards taken, two users published to, marks read, proofs taken
        "drain": {"flights": 8, "statements": 15, "redis_commands": 6},
    },
    64: {
        "send": {"flights": 3, "statements": 7, "redis_commands": 0},
        # shards left, the task promised and sent
        "poke": {"flights": 0, "statements": 0, "redis_commands": 3, "tasks": 1},
        "drain": {"flights": 8, "statements": 16, "redis_commands": 132},
    },
}
MOST_BYTES: dict[int, Cost] = {
    1: {
        "send": {"sql_bytes": 2_400},  # of them 150 for the trace of its request
        "poke": {"redis_bytes": 1_200},
        "drain": {"sql_bytes": 3_700, "redis_bytes": 1_700},
    },
    64: {
        "send": {"sql_bytes": 26_000},
        "poke": {"redis_bytes": 1_200},
        "drain": {"sql_bytes": 24_000, "redis_bytes": 67_000},
    },
}


# To a group, whatever its size. An upserted row counts as two.
# send: clock, head locked, group, member, row locked; head raised, messages, events, newest message, row; COMMIT.
# drain: clock, shards, events; messages; COMMIT; clock, shards; events, messages; events deleted; COMMIT.
IN_A_GROUP: dict[int, Cost] = {
    1: {
        "send": {"flights": 3, "statements": 11, "rows": 7, "redis_commands": 0},
        "drain": {"flights": 7, "statements": 13, "rows": 1, "redis_commands": 5, "publishes": 1},
        "list": {"flights": 7, "statements": 11, "rows": 0},
    },
    64: {
        "send": {"flights": 3, "statements": 11, "rows": 5 + 2 * 64, "redis_commands": 0},
        "drain": {"flights": 7, "statements": 13, "rows": 64, "redis_commands": 4 + 64, "publishes": 64},
        "list": {"flights": 7, "statements": 11, "rows": 0},
    },
}
# Messages that carry an upload each. A batch without any costs what it did, and the drain is the same.
# send: as above, with all uploads locked at once and each asked for its readers; each noted with its message, all sent.
CARRYING: dict[int, Cost] = {
    1: {"send": {"flights": 3, "statements": 7 + 4}, "drain": EXACT[1]["drain"]},
    64: {"send": {"flights": 3, "statements": 7 + 2 + 2 * 64}, "drain": EXACT[64]["drain"]},
}
# Replies in a group add, in the flights that are there: to a send what they answer, who has hidden that, and whether
# the senders have; to a drain the first two; to a list what the last message answers, and whether its reader hid that.
REPLIES: Cost = {
    "send": {"flights": 3, "statements": 11 + 3, "rows": 5 + 2 * 64, "redis_commands": 0},
    "drain": {"flights": 7, "statements": 13 + 2, "rows": 64, "redis_commands": 4 + 64, "publishes": 64},
    "list": {"flights": 8, "statements": 11 + 2, "rows": 0},
}
READS = {3: 8, 1_000: 7}  # statements: of a group of up to 100, those who are told are looked up


def cost(database_url: str, redis_url: str, *arguments: int) -> Cost:
    """Returns what tests.cost counts."""
    environment = os.environ | databases.environment(database_url, redis_url) | {"LOG_SAMPLE": "0"}
    command = [sys.executable, "-m", "tests.cost", *map(str, arguments)]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60).stdout
    found: Cost = json.loads(told)
    return found


@pytest.mark.parametrize("members", [3, 1_000])
@pytest.mark.parametrize("count", IN_A_GROUP)
def test_a_batch_costs_the_same_in_every_group(
    mariadb_database: str, own_redis: RedisServer, count: int, members: int
) -> None:
    found = cost(mariadb_database, own_redis.url, count, members)
    assert (found["read"]["statements"], found["read"]["rows"]) == (READS[members], 3)
    for phase, exact in IN_A_GROUP[count].items():
        assert {name: found[phase][name] for name in exact} == exact, (phase, found)


def test_replies_cost_no_query_each(mariadb_database: str, own_redis: RedisServer) -> None:
    found = cost(mariadb_database, own_redis.url, 64, 1_000, 1)
    for phase, exact in REPLIES.items():
        assert {name: found[phase][name] for name in exact} == exact, (phase, found)


@pytest.mark.parametrize("count", EXACT)
def test_a_batch_costs_what_it_did(mariadb_database: str, own_redis: RedisServer, count: int) -> None:
    found = cost(mariadb_database, own_redis.url, count)
    for phase, exact in EXACT[count].items():
        assert {name: found[phase][name] for name in exact} == exact, (phase, found)
    for phase, most in MOST_BYTES[count].items():
        assert all(found[phase][name] <= bytes_ for name, bytes_ in most.items()), (phase, found)


@pytest.mark.parametrize("count", CARRYING)
def test_a_batch_of_pictures_costs_no_flight_more(mariadb_database: str, own_redis: RedisServer, count: int) -> None:
    found = cost(mariadb_database, own_redis.url, count, 0, 0, 1)
    for phase, exact in CARRYING[count].items():
        assert {name: found[phase][name] for name in exact} == exact, (phase, found)
    assert found["send"]["sql_bytes"] <= 3_400 + 2_240 * count
