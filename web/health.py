"""Whether this process is up, and whether it can do its work."""

from flask import Blueprint
from sqlalchemy.exc import DBAPIError

from db.schema_version import require_current
from db.session import DatabaseUnavailable, run
from web.auth import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> dict[str, str]:
    return {"status": "up"}


@bp.get("/readyz")
@public
def readyz() -> dict[str, str]:
    """The database and its migrations; Redis may be away, sends and history go on without it."""
    try:
        run(lambda session, _now: require_current(session), write=False)
    except DBAPIError as error:
        raise DatabaseUnavailable("no schema") from error
    return {"status": "ready"}
