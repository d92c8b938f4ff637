"""The errors with which a rule can refuse a request: a closed list with IM-Zero's numbers; each door maps them once."""

from enum import IntEnum


class Code(IntEnum):
    """The error codes that clients see (docs/protocol.md says when each is used)."""

    INTERNAL = 100001
    INVALID = 100002
    NOT_FOUND = 100007
    UNAUTHENTICATED = 100008
    FORBIDDEN = 100009
    TOO_MANY_REQUESTS = 100010
    UNSUPPORTED = 100013
    UNAVAILABLE = 100014
    CLIENT_MSG_ID_REUSED = 100015
    USERNAME_TAKEN = 101002
    WRONG_CREDENTIALS = 101003
    ALREADY_FRIENDS = 101006
    NOT_FRIENDS = 101007
    NO_SUCH_REQUEST = 101008
    REQUEST_HANDLED = 101010
    BEFRIENDING_ONESELF = 101011
    NO_SUCH_GROUP = 103001
    GROUP_DISSOLVED = 103002
    GROUP_FULL = 103003
    NOT_A_MEMBER = 103004
    ALREADY_A_MEMBER = 103005
    OWNER_CANNOT_LEAVE = 103006
    ROLE_TOO_LOW = 103007
    MUTED = 103008
    INVITING_NOT_ALLOWED = 103009
    GROUP_NAME_TOO_LONG = 103011
    GROUP_DESCRIPTION_TOO_LONG = 103012
    NO_SUCH_MESSAGE = 104001
    RECALL_TOO_LATE = 104003
    ALREADY_WITHDRAWN = 104004
    NO_SUCH_CONVERSATION = 104005
    TOO_LARGE = 104006
    MESSAGE_TYPE = 104007
    NO_SUCH_MEDIA = 105001
    MEDIA_TOO_LARGE = 105002
    MEDIA_KIND = 105003


class Refused(Exception):
    """A request is answered with an error.

    `detail` is shown to the caller, `fields` maps a field's name to its errors, `retry_after` is in seconds.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        fields: dict[str, list[str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = fields
        self.retry_after = retry_after
