"""Tests that the accounts of grants.sql have the rights that they need, and no more."""

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

from tests import databases
from tests.deploy.granted import Granted


def test_only_migrations_may_alter_tables(granted: Granted) -> None:
    granted.grant("one of the service", "one of migrations")
    granted.grant("another", "one of migrations")
    databases.migrate(granted.url("one of migrations", migrations=True))
    engine = create_engine(granted.url("another"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM im_message")
    for refused in ("CREATE TABLE more (id INT)", "ALTER TABLE im_message ADD more INT", "DROP TABLE im_message"):
        with pytest.raises(DBAPIError, match="denied"), engine.begin() as connection:
            connection.exec_driver_sql(refused)
    engine.dispose()


@pytest.mark.parametrize("passwords", [(), ("one of the service",)], ids=["none", "one"])
def test_no_account_is_left_without_a_password(granted: Granted, passwords: tuple[str, ...]) -> None:
    with pytest.raises(DBAPIError, match="NULL"):  # there is no statement to prepare
        granted.grant(*passwords)
    engine = create_engine(make_url(granted.url("", migrations=True)).set(database=""))
    with pytest.raises(DBAPIError, match="locked"), engine.begin():
        pass
    engine.dispose()
