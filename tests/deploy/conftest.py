"""Fixtures: accounts of the database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from tests.deploy.granted import Granted
from tests.servers import Databases


@pytest.fixture
def granted(mariadb: Databases) -> Iterator[Granted]:
    """Yields a new, empty database, on which no account has a right yet."""
    server = make_url(mariadb.create_database())
    assert server.database
    made = Granted(server, server.database)
    yield made
    made.drop()
