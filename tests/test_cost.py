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
# drain: clock, locks, events, rows in parts of 100, messages, hidden, rows written, events marked; COMMIT;
#        clock, locks, events, messages, hidden, events deleted; COMMIT.
EXACT: dict[int, Cost] = {
    1: {
        "send": {"flights": 3, "statements": 7, "redis_commands": 0},
        "poke": {"flights": 0, "statements": 0, "redis_commands": 2, "tasks": 1},
        # flags deleted, two users published to, marks read
        "drain": {"flights": 16, "statements": 16, "redis_commands": 4},
    },
    64: {
        "send": {"flights": 3, "statements": 7, "redis_commands": 0},
        # a flag for each shard, and the task
        "poke": {"flights": 0, "statements": 0, "redis_commands": 17, "tasks": 1},
        "drain": {"flights": 17, "statements": 17, "redis_commands": 130},
    },
}
MOST_BYTES: dict[int, Cost] = {
    1: {
        "send": {"sql_bytes": 2_200},
        "poke": {"redis_bytes": 1_200},
        "drain": {"sql_bytes": 4_600, "redis_bytes": 1_700},
    },
    64: {
        "send": {"sql_bytes": 25_000},
        "poke": {"redis_bytes": 2_300},
        "drain": {"sql_bytes": 45_000, "redis_bytes": 67_000},
    },
}


@pytest.mark.parametrize("count", EXACT)
def test_a_batch_costs_what_it_did(mariadb_database: str, own_redis: RedisServer, count: int) -> None:
    environment = os.environ | databases.environment(mariadb_database, own_redis.url)
    command = [sys.executable, "-m", "tests.cost", str(count)]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True, timeout=60).stdout
    found: Cost = json.loads(told)
    for phase, exact in EXACT[count].items():
        assert {name: found[phase][name] for name in exact} == exact, (phase, found)
    for phase, most in MOST_BYTES[count].items():
        assert all(found[phase][name] <= bytes_ for name, bytes_ in most.items()), (phase, found)
