"""GET /healthz and /readyz: whether this process is up, and whether it can do its work."""

from flask import Response
from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from db.readiness import database_answers
from infra import logs, readiness
from infra.readiness import Part
from messaging.errors import Code
from web.auth import public
from web.errors import problem
from web.json import Blueprint
from web.openapi import refuses

log = logs.get(__name__)

bp = Blueprint("health", __name__)

_PARTS = [Part("database", database_answers), Part("loops", readiness.loops_turn)]


class Up(Schema):
    """The answer of a process that is up."""

    status = fields.String(validate=OneOf(["up"]))


class Ready(Schema):
    """The answer of a process that can do its work."""

    status = fields.String(validate=OneOf(["ready"]))


@bp.get("/healthz")
@public
@bp.response(200, Up)
def healthz() -> dict[str, str]:
    """Check whether the process is up."""
    return {"status": "up"}


@bp.get("/readyz")
@public
@refuses(Code.UNAVAILABLE)
@bp.response(200, Ready)
def readyz() -> Response | dict[str, str]:
    """Check whether the process can do its work.

    The database must answer and be migrated, and the background loops must turn. Redis may be away: sends and history
    go on without it.
    """
    if found := readiness.faults(_PARTS):
        log.warning("not_ready", faults=found)
        return problem(Code.UNAVAILABLE, "; ".join(found), headers={"Retry-After": "1"})
    return {"status": "ready"}
