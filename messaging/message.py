"""What a Message is, and how a stored one is told: every door and every frame does it by `wire`."""

from calendar import timegm
from datetime import datetime
from enum import IntEnum
from typing import Any

import orjson
from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from db import message
from db.base import table
from infra.settings import settings
from messaging.status import Status


class MessageType(IntEnum):
    """0, system, is the service's own: nobody can send it, and it is never unread."""

    SYSTEM = 0
    TEXT = 1
    IMAGE = 2
    VOICE = 3
    VIDEO = 4
    FILE = 5


SYSTEM = MessageType.SYSTEM
SENDABLE = frozenset(MessageType) - {SYSTEM}

_TYPES = {"example": 1, "description": "0 system, 1 text, 2 image, 3 voice, 4 video, 5 file."}
_STATUS = {"description": "1 sent, 2 delivered, 3 read, 4 recalled, 5 deleted."}


class Message(Schema):
    """The Message of the contract. Each field is a column of im_message, and a field of rpc/message.proto."""

    id = fields.Integer()
    conversation_id = fields.String()
    seq = fields.Integer()
    change_seq = fields.Integer()
    from_user_id = fields.Integer()
    to_user_id = fields.Integer()
    message_type = fields.Integer(validate=OneOf([each.value for each in MessageType]), metadata=_TYPES)
    content = fields.String()
    extra = fields.Dict(allow_none=True)
    status = fields.Integer(validate=OneOf([each.value for each in Status]), metadata=_STATUS)
    client_msg_id = fields.String(allow_none=True)
    create_time = fields.Integer()
    update_time = fields.Integer()


# What `wire` reads of im_message; other columns would only be carried.
COLUMNS = tuple(table(message.Message).c[name] for name in Message().fields)


def unix(moment: datetime) -> int:
    """Unix seconds of a naive UTC time."""
    return timegm(moment.timetuple())


def wire(row: Any, *, hidden: bool = False) -> dict[str, Any]:
    """Returns the Message of a row with `COLUMNS`, spelled out because each message of each answer comes through here.

    A recalled one shows the placeholder; a deleted one, or one `hidden` from this user, is an empty tombstone.
    """
    status = Status.DELETED if hidden else row.status
    readable = status < Status.RECALLED
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "seq": row.seq,
        "change_seq": row.change_seq,
        "from_user_id": row.from_user_id,
        "to_user_id": row.to_user_id,
        "message_type": row.message_type,
        "content": row.content if readable else _instead(status),
        "extra": orjson.loads(row.extra) if readable and row.extra else None,
        "status": int(status),
        "client_msg_id": row.client_msg_id,
        "create_time": unix(row.create_time),
        "update_time": unix(row.update_time),
    }


def shown(row: Any) -> str:
    """The text of a message for those from whom it is not hidden."""
    content: str = row.content if row.status < Status.RECALLED else _instead(row.status)
    return content


def _instead(status: int) -> str:
    return settings().recalled_text if status == Status.RECALLED else ""
