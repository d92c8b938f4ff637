"""The schemas of messages and conversations on the wire: the body of each call and its answer."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from messaging.conversation_id import ConversationType
from messaging.draft import CLIENT_MSG_ID, MAX_CONTENT
from messaging.fields import MAX_ID, Flag, Id, Int, Object
from messaging.message_type import SENDABLE, MessageType
from messaging.status import Status

# For the API description only: a rule checks these limits and answers with error codes of its own.
_SENDABLE = {
    "enum": sorted(each.value for each in SENDABLE),
    "minimum": min(SENDABLE).value,
    "maximum": max(SENDABLE).value,
    "description": "1 text, 2 image, 3 voice, 4 video, 5 file.",
}
_TEXT = {"example": "hello", "maxLength": MAX_CONTENT, "description": "Of types 2 to 5 a caption, which may be empty."}
_KEY = {
    "pattern": CLIENT_MSG_ID,
    "minLength": 1,
    "maxLength": 64,
    "description": "The sender's own key: a repeat stores nothing and is answered as before.",
}
_EXTRA = {
    "description": "At most 8 KiB as compact JSON. Text has one of its own. Types 2 to 5 name the `media_id` of an"
    " upload, type 5 a `name` as well. `reply_to` is the id of the message that is answered. In a group `mentions` are"
    " the ids of up to 50 members, or `all`."
}

_TYPES = {"example": 1, "description": "0 system, 1 text, 2 image, 3 voice, 4 video, 5 file."}
_STATUS = {"description": "1 sent, 2 delivered, 3 read, 4 recalled, 5 deleted."}
_IF_SEEN: dict[str, Any] = {"x-optional": True}  # of answers: the API description does not require it
_KINDS = {"description": "1 one-to-one, 2 group."}
_SCOPES = ("everyone", "self")


def conversation_id(**kwargs: object) -> fields.String:
    """Returns a field for a conversation's id; a rule checks that it exists and that the caller is a member."""
    return fields.String(validate=Length(1, 64), **kwargs)  # type: ignore[arg-type]


class Reply(Schema):
    """The message that another one answers; `id` and `status` alone of one that this reader may not see."""

    id = fields.Integer()
    seq = fields.Integer(metadata=_IF_SEEN)
    from_user_id = fields.Integer(metadata=_IF_SEEN)
    message_type = fields.Integer(validate=OneOf([each.value for each in MessageType]), metadata=_TYPES | _IF_SEEN)
    status = fields.Integer(validate=OneOf([each.value for each in Status]), metadata=_STATUS)
    content = fields.String(metadata=_IF_SEEN | {"description": "At most 100 characters."})


class Message(Schema):
    """The contract's Message. Each field but `reply` is a column of im_message and a field of rpc/message.proto."""

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
    reply = fields.Nested(Reply, allow_none=True)


class Conversation(Schema):
    """The contract's Conversation: one user's view of it. Times are Unix seconds."""

    conversation_id = fields.String()
    conversation_type = fields.Integer(validate=OneOf([each.value for each in ConversationType]), metadata=_KINDS)
    friend_id = fields.Integer()
    group_id = fields.Integer()
    name = fields.String()
    avatar = fields.String()
    last_message = fields.Nested(Message, allow_none=True)
    last_seq = fields.Integer()
    change_seq = fields.Integer()
    first_seq = fields.Integer(metadata={"example": 1, "description": "The first message that this user may see."})
    read_seq = fields.Integer()
    peer_read_seq = fields.Integer()
    peer_delivered_seq = fields.Integer()
    unread_count = fields.Integer()
    unread_mentions = fields.Integer(
        metadata={"example": 0, "description": "Mentions of this user that they have not read."}
    )
    is_top = fields.Boolean()
    is_mute = fields.Boolean()
    del_state = fields.Boolean()
    update_time = fields.Integer()


class Send(Schema):
    """The body of a call that sends a message."""

    to_user_id = Id(metadata={"example": 2, "description": "The recipient. Give either this or group_id."})
    group_id = Id(metadata={"description": "The group to send to."})
    message_type = Int(minimum=-(2**31), maximum=2**31 - 1, load_default=MessageType.TEXT.value, metadata=_SENDABLE)
    content = fields.String(load_default="", metadata=_TEXT)
    extra = Object(load_default=None, allow_none=True, metadata=_EXTRA)
    client_msg_id = fields.String(load_default=None, allow_none=True, metadata=_KEY)


class Sent(Schema):
    """The stored message; `duplicate` says that it was stored by an earlier attempt."""

    message = fields.Nested(Message)
    duplicate = fields.Boolean()


class HistoryRequest(Schema):
    """The conversation to read; at most one of the three positions may be given."""

    conversation_id = conversation_id(required=True)
    last_message_id = Id()
    before_seq = Int(minimum=1, maximum=MAX_ID)
    after_seq = Int(minimum=0, maximum=MAX_ID)
    limit = Int(minimum=1, maximum=100, load_default=20, metadata={"example": 20})


class History(Schema):
    """Messages in ascending `seq`; `has_more` says that there are more in the direction asked for."""

    messages = fields.List(fields.Nested(Message))
    has_more = fields.Boolean()


class ConversationsRequest(Schema):
    """The page of the conversation list to read, counted from 1."""

    page = Int(minimum=1, maximum=1_000_000, load_default=1)
    limit = Int(minimum=1, maximum=50, load_default=20)


class Conversations(Schema):
    """A page of conversations; `total` counts all pages.

    `total_unread` leaves out hidden ones, and muted ones but for mentions.
    """

    conversations = fields.List(fields.Nested(Conversation))
    total = fields.Integer()
    total_unread = fields.Integer()


class UnreadRequest(Schema):
    """The conversation whose unread messages to count; without one, all but the muted and the hidden."""

    conversation_id = conversation_id(load_default=None)


class Unread(Schema):
    """A number of unread messages."""

    count = fields.Integer()


class TicketIssued(Schema):
    """A one-time ticket for the WebSocket."""

    ticket = fields.String()
    expires_in = fields.Integer(metadata={"example": 30, "description": "Seconds."})


class ReadRequest(Schema):
    """The message to mark as read, the conversation, or both for all up to the message."""

    conversation_id = conversation_id(metadata={"example": "1_2"})
    message_id = Id()


class Read(Schema):
    """How far the user has read the conversation, and their unread count in it."""

    conversation_id = fields.String()
    read_seq = fields.Integer()
    unread_count = fields.Integer()


class ReceiptsRequest(Schema):
    """The message of a group, and the page of its readers, counted from 1."""

    message_id = Id(required=True)
    page = Int(minimum=1, maximum=1_000_000, load_default=1)
    limit = Int(minimum=1, maximum=100, load_default=20)


class Reader(Schema):
    """A member who has read a message."""

    user_id = fields.Integer()


class Receipts(Schema):
    """The members now who can see a message, its author left out; `total` counts the readers on all pages."""

    member_count = fields.Integer()
    delivered_count = fields.Integer()
    read_count = fields.Integer()
    readers = fields.List(fields.Nested(Reader))
    total = fields.Integer()


class RecallRequest(Schema):
    """The message to recall."""

    message_id = Id(required=True)


class Recalled(Schema):
    """The recalled message, with the placeholder as content."""

    message = fields.Nested(Message)


class DeleteRequest(Schema):
    """The message to delete, for everyone or for the user alone."""

    message_id = Id(required=True)
    scope = fields.String(load_default="everyone", validate=OneOf(_SCOPES), metadata={"example": "self"})


class Deleted(Schema):
    """The deleted message's id, and for whom it was deleted."""

    message_id = fields.Integer()
    scope = fields.String(validate=OneOf(_SCOPES), metadata={"example": "self"})


class Counters(fields.Dict):
    """A field for a map from conversation ids to the last seq, or change_seq, that the client knows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            keys=conversation_id(), values=Int(minimum=0, maximum=MAX_ID), validate=Length(max=1_000), **kwargs
        )


class SyncRequest(Schema):
    """The seqs (`heads`) and change_seqs (`changes`) that the client knows."""

    heads = Counters(required=True, metadata={"example": {"1_2": 31}})
    changes = Counters(load_default=dict, metadata={"example": {"1_2": 36}})


class Moved(Schema):
    """A conversation with the messages that the client missed; `truncated` says that there are more."""

    conversation = fields.Nested(Conversation)
    messages = fields.List(fields.Nested(Message))
    truncated = fields.Boolean()


class Sync(Schema):
    """The conversations that moved on; `truncated` says that there are more."""

    conversations = fields.List(fields.Nested(Moved))
    truncated = fields.Boolean()


class ArrangeRequest(Schema):
    """The user's settings of a conversation to change; absent ones stay."""

    conversation_id = conversation_id(required=True)
    is_top = Flag(metadata={"example": True})
    is_mute = Flag()
    del_state = Flag()


class Arranged(Schema):
    """The conversation as it now is."""

    conversation = fields.Nested(Conversation)
