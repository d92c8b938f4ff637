"""Whether this process is up, and whether it can do its work."""

from flask import Blueprint, Response

from db.schema_version import require_current
from db.session import run
from infra import logs, loops
from messaging.errors import Code
from web.auth import public
from web.errors import problem

log = logs.get(__name__)

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> dict[str, str]:
    return {"status": "up"}


@bp.get("/readyz")
@public
def readyz() -> Response | dict[str, str]:
    """The database and its migrations, and loops that turn; Redis may be away, sends and history go on without it."""
    run(lambda session, _now: require_current(session), write=False)
    if still := loops.stalled():
        log.error("loops_stalled", loops=still)
        return problem(Code.UNAVAILABLE, "", headers={"Retry-After": "1"})
    return {"status": "ready"}
