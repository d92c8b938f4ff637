"""The parts that all tables share: names of constraints, and column types alike on MariaDB, MySQL and SQLite."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import BigInteger, DateTime, Integer, MetaData, String, Table
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase

# SQLite counts up only an INTEGER primary key.
Id = BigInteger().with_variant(Integer, "sqlite")


def binary_string(length: int) -> String:
    """Returns a type for text of up to `length` characters that is compared byte for byte.

    MariaDB's default collation would take `K1` for `k1`, SQLite's would not.
    """
    return String(length).with_variant(VARCHAR(length, collation="utf8mb4_bin"), "mysql", "mariadb")


class Base(DeclarativeBase):
    """The parent of all tables. Times are naive UTC in whole seconds, always of the database's clock."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uk_%(table_name)s_%(column_0_N_name)s",
            "ix": "idx_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {int: Id, datetime: DateTime()}  # noqa: RUF012 - SQLAlchemy reads it from the class


def table(model: type[Base]) -> Table:
    """Returns a model's table, for hot statements: on the model, the ORM's preparation would double their cost."""
    return cast(Table, model.__table__)


def table_args(*constraints: Any, comment: str) -> tuple[Any, ...]:
    """Returns `__table_args__`: these constraints, the comment, InnoDB and utf8mb4."""
    return (*constraints, {"comment": comment, "mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"})
