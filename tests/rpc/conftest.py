"""Fixtures: a client of the shared deployment's gRPC door, and doors of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.rpc.client import Client
from tests.stack import RpcDoor, Stack, commands, with_programs

MakeDoor = Callable[..., RpcDoor]


@pytest.fixture
def service(stack: Stack) -> Client:
    """Returns a client compiled against the product's proto, with a valid token."""
    return Client(stack.rpc_address)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[MakeDoor]:
    """Yields a function that makes a gRPC door with its own settings, on an unused database. The test starts it."""
    made: list[RpcDoor] = []

    def make(**environment: str) -> RpcDoor:
        env = with_programs(databases.environment(f"sqlite:///{tmp_path}/im.db") | environment)
        made.append(RpcDoor("rpc", f"exec {commands()['rpc']}", log=tmp_path / f"rpc{len(made)}.log", env=env))
        return made[-1]

    yield make
    for process in made:
        process.kill()
