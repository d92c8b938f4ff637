"""How workers and beat wait for a Redis that is away."""

import pytest
from kombu.exceptions import OperationalError

from tests import databases
from workers.app import app


@pytest.mark.usefixtures("database")
def test_they_look_for_it_every_second_however_long_it_is_away() -> None:
    pauses: list[float] = []
    with app.connection(databases.NOBODY_LISTENS) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(errback=lambda _, pause: pauses.append(pause), max_retries=2)
    assert pauses
    assert max(pauses) <= 1
