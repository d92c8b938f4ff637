"""Tests that trips to the database are counted under their names, and connections as long as they are in use."""

from typing import NoReturn

import pytest
from prometheus_client import REGISTRY
from pymysql.err import OperationalError
from sqlalchemy import event

from db.errors import DatabaseUnavailable
from db.session import engine, read


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_database_that_goes_away_leaves_no_connection_in_use(mariadb_database: str) -> None:
    before = sample("im_database_connections")

    def away(*_: object) -> NoReturn:
        raise OperationalError(2003, "away")

    with engine().connect() as connection:
        event.listen(engine(), "do_connect", away)
        connection.invalidate()
    try:
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                read(lambda _session, _now: None)
    finally:
        event.remove(engine(), "do_connect", away)
    assert sample("im_database_connections") == before
    with engine().connect():
        assert sample("im_database_connections") == before + 1
    assert sample("im_database_connections") == before


def test_a_trip_has_its_name_however_many_texts_came_before(database: str) -> None:
    with engine().connect() as connection:
        for number in range(1_100):
            connection.exec_driver_sql(f"SELECT {number} FROM im_conversation_head")
        before = sample("im_database_seconds_count", statement="select im_outbox_parked")
        connection.exec_driver_sql("SELECT 1 FROM im_outbox_parked")
    assert sample("im_database_seconds_count", statement="select im_outbox_parked") == before + 1
