"""Whether this process is up, and whether it can do its work."""

from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from sqlalchemy.exc import DBAPIError

from db.schema_version import require_current
from db.session import DatabaseUnavailable, run
from messaging.errors import Code
from web.auth import public
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("health", __name__)


class Up(Schema):
    status = fields.String(validate=OneOf(["up"]))


class Ready(Schema):
    status = fields.String(validate=OneOf(["ready"]))


@bp.get("/healthz")
@public
@bp.response(200, Up)
def healthz() -> dict[str, str]:
    """Whether the process is up."""
    return {"status": "up"}


@bp.get("/readyz")
@public
@refuses(Code.UNAVAILABLE)
@bp.response(200, Ready)
def readyz() -> dict[str, str]:
    """Whether it can do its work.

    The database and its migrations; Redis may be away, sends and history go on without it."""
    try:
        run(lambda session, _now: require_current(session), write=False)
    except DBAPIError as error:
        raise DatabaseUnavailable("no schema") from error
    return {"status": "ready"}
