"""The gRPC door of the shared deployment, and other services that call it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from db.head import Head
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


@contextmanager
def locked(stack: Stack, conversation_id: str) -> Iterator[None]:
    """Until it is left, whoever changes the conversation waits. It must have a message."""
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        statement = select(Head).where(Head.conversation_id == conversation_id).with_for_update()
        assert connection.execute(statement).all()
        yield
    engine.dispose()


def waiting_for_locks(stack: Stack) -> int:
    """How many transactions wait for a lock that another one holds."""
    engine = create_engine(stack.database_url)
    with engine.connect() as connection:
        counted = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
        found = int(connection.scalar(counted) or 0)
    engine.dispose()
    return found
