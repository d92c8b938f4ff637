"""The one map from a rule's refusal to the answer of gRPC: a status, a detail, and `im-code` in the trailers."""

from dataclasses import dataclass

from grpc import StatusCode

from actions.send import TooLate
from db.errors import DatabaseUnavailable
from infra import logs
from infra.redis import RedisError
from messaging.errors import Code, Refused

log = logs.get(__name__)

CODE_KEY = "im-code"

_STATUS: dict[Code, StatusCode] = {
    Code.INTERNAL: StatusCode.INTERNAL,
    Code.INVALID: StatusCode.INVALID_ARGUMENT,
    Code.NOT_FOUND: StatusCode.NOT_FOUND,
    Code.UNAUTHENTICATED: StatusCode.UNAUTHENTICATED,
    Code.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    Code.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    Code.UNSUPPORTED: StatusCode.UNIMPLEMENTED,
    Code.UNAVAILABLE: StatusCode.UNAVAILABLE,
    Code.CLIENT_MSG_ID_REUSED: StatusCode.ALREADY_EXISTS,
    Code.NOT_FRIENDS: StatusCode.PERMISSION_DENIED,
    Code.NO_SUCH_GROUP: StatusCode.NOT_FOUND,
    Code.GROUP_DISSOLVED: StatusCode.FAILED_PRECONDITION,
    Code.GROUP_FULL: StatusCode.FAILED_PRECONDITION,
    Code.NOT_A_MEMBER: StatusCode.NOT_FOUND,
    Code.ALREADY_A_MEMBER: StatusCode.ALREADY_EXISTS,
    Code.OWNER_CANNOT_LEAVE: StatusCode.FAILED_PRECONDITION,
    Code.ROLE_TOO_LOW: StatusCode.PERMISSION_DENIED,
    Code.MUTED: StatusCode.PERMISSION_DENIED,
    Code.INVITING_NOT_ALLOWED: StatusCode.PERMISSION_DENIED,
    Code.GROUP_NAME_TOO_LONG: StatusCode.INVALID_ARGUMENT,
    Code.GROUP_DESCRIPTION_TOO_LONG: StatusCode.INVALID_ARGUMENT,
    Code.NO_SUCH_MESSAGE: StatusCode.NOT_FOUND,
    Code.NO_SUCH_CONVERSATION: StatusCode.NOT_FOUND,
    Code.RECALL_TOO_LATE: StatusCode.FAILED_PRECONDITION,
    Code.ALREADY_WITHDRAWN: StatusCode.FAILED_PRECONDITION,
    Code.TOO_LARGE: StatusCode.INVALID_ARGUMENT,
    Code.MESSAGE_TYPE: StatusCode.INVALID_ARGUMENT,
    Code.NO_SUCH_MEDIA: StatusCode.NOT_FOUND,
    Code.MEDIA_TOO_LARGE: StatusCode.INVALID_ARGUMENT,
    Code.MEDIA_KIND: StatusCode.INVALID_ARGUMENT,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The end of a call that failed."""

    status: StatusCode
    code: Code
    detail: str


def refusal(error: Exception) -> Refusal:
    """Returns the refusal that answers an error. An unforeseen error is logged, and answered as INTERNAL."""
    if isinstance(error, Refused):
        return Refusal(_STATUS.get(error.code, StatusCode.FAILED_PRECONDITION), error.code, _detail(error))
    if isinstance(error, TooLate):
        return Refusal(StatusCode.DEADLINE_EXCEEDED, Code.UNAVAILABLE, "nothing was stored")
    if isinstance(error, DatabaseUnavailable | RedisError):
        log.warning("unavailable", reason=str(error))
        return Refusal(StatusCode.UNAVAILABLE, Code.UNAVAILABLE, "temporarily unavailable")
    log.error("unhandled", exc_info=error)
    return Refusal(StatusCode.INTERNAL, Code.INTERNAL, "internal error")


def _detail(error: Refused) -> str:
    fields = "; ".join(f"{name}: {' '.join(map(str, told))}" for name, told in (error.fields or {}).items())
    return error.detail or fields or error.code.name.lower().replace("_", " ")
