"""The schemas of forwards on the wire."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from messaging.errors import Code
from messaging.fields import Id, Matches
from messaging.schemas import Message

MOST_MESSAGES = 50
MOST_TARGETS = 20

_KEY = Matches(
    "^[!-~]([ -~]{0,38}[!-~])?$", "Must be 1 to 40 printable ASCII characters, without a space at either end."
)
_KEY_SHOWN = {
    "pattern": _KEY.regex.pattern,
    "minLength": 1,
    "maxLength": 40,
    "description": "The sender's own key. The copies have the keys `{client_msg_id}.0`, `.1` and so on.",
}
_ONE_OF_TWO: dict[str, Any] = {"x-optional": True, "description": "One of the two is there."}


class Target(Schema):
    """Where copies go: a user, or a group."""

    to_user_id = Id()
    group_id = Id()

    @validates_schema
    def _require_one(self, given: dict[str, Any], **_: Any) -> None:
        if len(given) != 1:
            raise ValidationError("Give either to_user_id or group_id.")


class Forward(Schema):
    """The messages to forward, in the order in which the copies come, and to whom; each of them once."""

    message_ids = fields.List(Id(), required=True, validate=Length(1, MOST_MESSAGES), metadata={"example": [33]})
    to = fields.List(
        fields.Nested(Target),
        required=True,
        validate=Length(1, MOST_TARGETS),
        metadata={"example": [{"to_user_id": 2}, {"group_id": 7}]},
    )
    client_msg_id = fields.String(load_default=None, allow_none=True, validate=_KEY, metadata=_KEY_SHOWN)


class NotForwarded(Schema):
    """A user or a group that did not get all copies, and the code of the first refusal."""

    to_user_id = fields.Integer(metadata=_ONE_OF_TWO)
    group_id = fields.Integer(metadata=_ONE_OF_TWO)
    code = fields.Integer(validate=OneOf(sorted(Code)), metadata={"example": Code.NOT_FRIENDS})


class Forwarded(Schema):
    """The stored copies, those for the first of `to` first, and who did not get all of them."""

    messages = fields.List(fields.Nested(Message))
    failed = fields.List(
        fields.Nested(NotForwarded), metadata={"example": [{"to_user_id": 3, "code": Code.NOT_FRIENDS}]}
    )
