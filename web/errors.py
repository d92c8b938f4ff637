"""The one map from a rule's refusal to the answer of REST: an RFC 9457 problem document."""

from typing import Any

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from db.errors import DatabaseUnavailable
from infra import logs
from infra.storage import StorageAway
from messaging.errors import Code, Refused

log = logs.get(__name__)

_ANSWERS: dict[Code, tuple[int, str]] = {
    Code.INTERNAL: (500, "Internal error"),
    Code.INVALID: (400, "Invalid request"),
    Code.NOT_FOUND: (404, "Not found"),
    Code.UNAUTHENTICATED: (401, "Not authenticated"),
    Code.FORBIDDEN: (403, "Not allowed"),
    Code.TOO_MANY_REQUESTS: (429, "Too many requests"),
    Code.UNSUPPORTED: (405, "Unsupported method or content type"),
    Code.UNAVAILABLE: (503, "Temporarily unavailable"),
    Code.CLIENT_MSG_ID_REUSED: (409, "client_msg_id was used with another body"),
    Code.USERNAME_TAKEN: (409, "Username taken"),
    Code.WRONG_CREDENTIALS: (401, "Wrong user name or password"),
    Code.ALREADY_FRIENDS: (409, "Already friends"),
    Code.NOT_FRIENDS: (403, "Not a friend"),
    Code.NO_SUCH_REQUEST: (404, "No such request"),
    Code.REQUEST_HANDLED: (409, "The request was handled already"),
    Code.BEFRIENDING_ONESELF: (400, "Befriending oneself"),
    Code.NO_SUCH_GROUP: (404, "No such group"),
    Code.GROUP_DISSOLVED: (409, "The group was dissolved"),
    Code.GROUP_FULL: (409, "The group is full"),
    Code.NOT_A_MEMBER: (404, "Not in the group"),
    Code.ALREADY_A_MEMBER: (409, "In the group already"),
    Code.OWNER_CANNOT_LEAVE: (409, "The owner cannot leave"),
    Code.ROLE_TOO_LOW: (403, "Not allowed to this role"),
    Code.MUTED: (403, "Muted"),
    Code.INVITING_NOT_ALLOWED: (403, "Members may not invite"),
    Code.GROUP_NAME_TOO_LONG: (400, "Name too long"),
    Code.GROUP_DESCRIPTION_TOO_LONG: (400, "Description too long"),
    Code.NO_SUCH_MESSAGE: (404, "No such message"),
    Code.RECALL_TOO_LATE: (409, "The recall window has passed"),
    Code.ALREADY_WITHDRAWN: (409, "Already recalled or deleted"),
    Code.NO_SUCH_CONVERSATION: (404, "No such conversation"),
    Code.TOO_LARGE: (413, "Too large"),
    Code.MESSAGE_TYPE: (400, "Message type unknown or not to be sent"),
    Code.NO_SUCH_MEDIA: (404, "No such media"),
    Code.MEDIA_TOO_LARGE: (413, "Media too large or too long"),
    Code.MEDIA_KIND: (415, "Not of this kind of media"),
}
_OF_STATUS = {
    400: Code.INVALID,
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.UNSUPPORTED,
    413: Code.TOO_LARGE,
    415: Code.UNSUPPORTED,
    429: Code.TOO_MANY_REQUESTS,
    503: Code.UNAVAILABLE,
}


def register(app: Flask) -> None:
    """Answer every error of `app` with a problem document."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(StorageAway, _storage_away)
    app.register_error_handler(Exception, _internal)


def answer_of(code: Code) -> tuple[int, str]:
    """Returns the HTTP status and the title of a code's problem document."""
    return _ANSWERS[code]


def problem(
    code: Code,
    detail: str,
    *,
    status: int | None = None,
    fields: Any = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Returns a problem document. `status` overrides the code's own where one code has two (405 and 415)."""
    own_status, title = _ANSWERS[code]
    status = status or own_status
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail or title, "code": code}
    if fields:
        body["errors"] = fields
    encoded = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)  # the errors of a list's entries go by their places
    return Response(encoded, status, headers, mimetype="application/problem+json")


def _refused(error: Refused) -> Response:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, error.retry_after))
    if error.code is Code.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(error.code, error.detail, fields=error.fields, headers=headers)


def _http(error: HTTPException) -> Response:
    response = error.get_response()
    if error.code is None or error.code < 400:
        return response  # type: ignore[return-value]
    code = _OF_STATUS.get(error.code, Code.INTERNAL if error.code >= 500 else Code.INVALID)
    keep = {name: value for name in ("Allow", "Retry-After") if (value := response.headers.get(name))}
    return problem(code, error.description or "", status=error.code, headers=keep)


def _unavailable(error: DatabaseUnavailable) -> Response:
    log.warning("database_unavailable", reason=str(error))
    return problem(Code.UNAVAILABLE, "", headers={"Retry-After": "1"})


def _storage_away(error: StorageAway) -> Response:
    log.warning("storage_away", reason=str(error))
    return problem(Code.UNAVAILABLE, "", headers={"Retry-After": "5"})


def _internal(error: Exception) -> Response:
    log.error("unhandled", exc_info=error)
    return problem(Code.INTERNAL, "")
