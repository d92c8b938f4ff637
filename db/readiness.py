"""Whether the database can be used."""

from sqlalchemy.exc import DBAPIError

from db.errors import DatabaseUnavailable
from db.schema_version import NotMigrated, require_current
from db.session import read


def database_answers() -> str:
    """Returns what is wrong with the database, and what to do; nothing when it answers and has been migrated."""
    try:
        read(require_current)
    except NotMigrated as error:
        return str(error)
    except (DatabaseUnavailable, DBAPIError):
        return "does not answer; see that it runs, and that DATABASE_URL is right"
    return ""
