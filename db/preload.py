"""What a process loads at its first use of the database: loaded before a fork instead, it is shared by the children."""

from sqlalchemy import make_url
from sqlalchemy.orm import configure_mappers

import db.tables  # noqa: F401 - the mappers
from infra.settings import settings


def preload() -> None:
    """Load the driver of DATABASE_URL, and set up the mappers. Nothing connects: a connection must not cross a fork."""
    make_url(settings().database_url).get_dialect().import_dbapi()
    configure_mappers()
