"""A message for a user's live connections on whatever relay: published, never stored."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from infra import bus, presence
from messaging.draft import MAX_CONTENT
from messaging.fields import MAX_ID, Int, Object


class Pushed(Schema):
    """A Message of the contract as far as its sender knows it: there is no row to take the rest from."""

    id = Int(minimum=0, maximum=MAX_ID, load_default=0)
    conversation_id = fields.String(load_default="", validate=Length(max=64))
    seq = Int(minimum=0, maximum=MAX_ID, load_default=0)
    change_seq = Int(minimum=0, maximum=MAX_ID, load_default=0)
    from_user_id = Int(minimum=0, maximum=MAX_ID, load_default=0)
    to_user_id = Int(minimum=0, maximum=MAX_ID, load_default=0)
    message_type = Int(minimum=0, maximum=5, load_default=0)
    content = fields.String(load_default="", validate=Length(max=MAX_CONTENT))
    extra = Object(load_default=None, allow_none=True)
    status = Int(minimum=1, maximum=5, load_default=1)
    client_msg_id = fields.String(load_default=None, validate=Length(max=64))
    create_time = Int(minimum=0, maximum=MAX_ID, load_default=0)
    update_time = Int(minimum=0, maximum=MAX_ID, load_default=0)


def push(user_id: int, message: dict[str, Any]) -> bool:
    """Publish to all connections of a user. Whether he had one. Raises RedisError.

    As a plain frame: a relay counts what it pushes of a conversation, and this is not of it.
    """
    there = bool(presence.online([user_id]))
    note = bus.Note({"kind": "frame", "origin": None}, (bus.frame("new_message", message),))
    bus.publish([(bus.user_channel(user_id), note)])
    return there
