"""Pushes: content to show on a user's open connections, on any relay, published as a `push` frame and never stored."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from infra import bus, channels, presence
from infra.notes import Frame
from messaging.draft import MAX_CONTENT
from messaging.fields import MAX_ID, Int, Object
from messaging.frame import frame
from messaging.message_type import MessageType


class Pushed(Schema):
    """The fields of a Message that a `push` frame shows, each with a default.

    It names no message and no conversation, so that it is not taken for a stored one.
    """

    from_user_id = Int(minimum=0, maximum=MAX_ID, load_default=0)
    message_type = Int(minimum=min(MessageType), maximum=max(MessageType), load_default=MessageType.SYSTEM.value)
    content = fields.String(load_default="", validate=Length(max=MAX_CONTENT))
    extra = Object(load_default=None, allow_none=True)


def push(user_id: int, message: dict[str, Any]) -> bool:
    """Publish a `push` frame to all connections of a user. Returns whether they had one. Raises RedisError."""
    there = bool(presence.online([user_id]))
    bus.publish([(channels.of_user(user_id), Frame(frame("push", message)))])
    return there
