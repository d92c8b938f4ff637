"""The gRPC door of the shared deployment, and other services that call it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.rpc.client import Client
from tests.stack import RpcDoor, Stack, commands, with_programs

MakeDoor = Callable[..., RpcDoor]


@pytest.fixture
def service(stack: Stack) -> Client:
    """A service compiled against our proto, with a good token."""
    return Client(stack.rpc_address)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[MakeDoor]:
    """Makes a gRPC door with settings of its own, on a database that nobody needs. The test starts it."""
    made: list[RpcDoor] = []

    def make(**environment: str) -> RpcDoor:
        env = with_programs(databases.environment(f"sqlite:///{tmp_path}/im.db") | environment)
        made.append(RpcDoor("rpc", f"exec {commands()['rpc']}", log=tmp_path / f"rpc{len(made)}.log", env=env))
        return made[-1]

    yield make
    for process in made:
        process.kill()
