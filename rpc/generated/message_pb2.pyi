from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageInfo(_message.Message):
    __slots__ = ("id", "from_user_id", "to_user_id", "conversation_id", "message_type", "content", "extra", "status", "create_time", "update_time", "seq", "client_msg_id", "change_seq")
    ID_FIELD_NUMBER: _ClassVar[int]
    FROM_USER_ID_FIELD_NUMBER: _ClassVar[int]
    TO_USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CLIENT_MSG_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_SEQ_FIELD_NUMBER: _ClassVar[int]
    id: int
    from_user_id: int
    to_user_id: int
    conversation_id: str
    message_type: int
    content: str
    extra: str
    status: int
    create_time: int
    update_time: int
    seq: int
    client_msg_id: str
    change_seq: int
    def __init__(self, id: _Optional[int] = ..., from_user_id: _Optional[int] = ..., to_user_id: _Optional[int] = ..., conversation_id: _Optional[str] = ..., message_type: _Optional[int] = ..., content: _Optional[str] = ..., extra: _Optional[str] = ..., status: _Optional[int] = ..., create_time: _Optional[int] = ..., update_time: _Optional[int] = ..., seq: _Optional[int] = ..., client_msg_id: _Optional[str] = ..., change_seq: _Optional[int] = ...) -> None: ...

class ConversationInfo(_message.Message):
    __slots__ = ("id", "type", "name", "avatar", "last_message", "unread_count", "update_time", "last_seq", "read_seq", "is_top", "is_mute", "friend_id", "group_id", "peer_read_seq")
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    LAST_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    IS_TOP_FIELD_NUMBER: _ClassVar[int]
    IS_MUTE_FIELD_NUMBER: _ClassVar[int]
    FRIEND_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: int
    name: str
    avatar: str
    last_message: MessageInfo
    unread_count: int
    update_time: int
    last_seq: int
    read_seq: int
    is_top: bool
    is_mute: bool
    friend_id: int
    group_id: int
    peer_read_seq: int
    def __init__(self, id: _Optional[str] = ..., type: _Optional[int] = ..., name: _Optional[str] = ..., avatar: _Optional[str] = ..., last_message: _Optional[_Union[MessageInfo, _Mapping]] = ..., unread_count: _Optional[int] = ..., update_time: _Optional[int] = ..., last_seq: _Optional[int] = ..., read_seq: _Optional[int] = ..., is_top: _Optional[bool] = ..., is_mute: _Optional[bool] = ..., friend_id: _Optional[int] = ..., group_id: _Optional[int] = ..., peer_read_seq: _Optional[int] = ...) -> None: ...

class SendMessageReq(_message.Message):
    __slots__ = ("from_user_id", "to_user_id", "message_type", "content", "extra", "client_msg_id", "group_id")
    FROM_USER_ID_FIELD_NUMBER: _ClassVar[int]
    TO_USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    CLIENT_MSG_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    from_user_id: int
    to_user_id: int
    message_type: int
    content: str
    extra: str
    client_msg_id: str
    group_id: int
    def __init__(self, from_user_id: _Optional[int] = ..., to_user_id: _Optional[int] = ..., message_type: _Optional[int] = ..., content: _Optional[str] = ..., extra: _Optional[str] = ..., client_msg_id: _Optional[str] = ..., group_id: _Optional[int] = ...) -> None: ...

class SendMessageResp(_message.Message):
    __slots__ = ("message", "duplicate")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    message: MessageInfo
    duplicate: bool
    def __init__(self, message: _Optional[_Union[MessageInfo, _Mapping]] = ..., duplicate: _Optional[bool] = ...) -> None: ...

class GetChatHistoryReq(_message.Message):
    __slots__ = ("conversation_id", "last_message_id", "limit", "user_id", "before_seq", "after_seq")
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    conversation_id: str
    last_message_id: int
    limit: int
    user_id: int
    before_seq: int
    after_seq: int
    def __init__(self, conversation_id: _Optional[str] = ..., last_message_id: _Optional[int] = ..., limit: _Optional[int] = ..., user_id: _Optional[int] = ..., before_seq: _Optional[int] = ..., after_seq: _Optional[int] = ...) -> None: ...

class GetChatHistoryResp(_message.Message):
    __slots__ = ("messages", "has_more")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[MessageInfo]
    has_more: bool
    def __init__(self, messages: _Optional[_Iterable[_Union[MessageInfo, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...

class GetConversationsReq(_message.Message):
    __slots__ = ("user_id", "page", "limit")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    page: int
    limit: int
    def __init__(self, user_id: _Optional[int] = ..., page: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class GetConversationsResp(_message.Message):
    __slots__ = ("conversations", "total", "total_unread")
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TOTAL_UNREAD_FIELD_NUMBER: _ClassVar[int]
    conversations: _containers.RepeatedCompositeFieldContainer[ConversationInfo]
    total: int
    total_unread: int
    def __init__(self, conversations: _Optional[_Iterable[_Union[ConversationInfo, _Mapping]]] = ..., total: _Optional[int] = ..., total_unread: _Optional[int] = ...) -> None: ...

class MarkAsReadReq(_message.Message):
    __slots__ = ("user_id", "conversation_id", "message_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    conversation_id: str
    message_id: int
    def __init__(self, user_id: _Optional[int] = ..., conversation_id: _Optional[str] = ..., message_id: _Optional[int] = ...) -> None: ...

class MarkAsReadResp(_message.Message):
    __slots__ = ("success", "read_seq", "unread_count")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    READ_SEQ_FIELD_NUMBER: _ClassVar[int]
    UNREAD_COUNT_FIELD_NUMBER: _ClassVar[int]
    success: bool
    read_seq: int
    unread_count: int
    def __init__(self, success: _Optional[bool] = ..., read_seq: _Optional[int] = ..., unread_count: _Optional[int] = ...) -> None: ...

class DeleteMessageReq(_message.Message):
    __slots__ = ("user_id", "message_id", "scope")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    message_id: int
    scope: str
    def __init__(self, user_id: _Optional[int] = ..., message_id: _Optional[int] = ..., scope: _Optional[str] = ...) -> None: ...

class DeleteMessageResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class RecallMessageReq(_message.Message):
    __slots__ = ("user_id", "message_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    message_id: int
    def __init__(self, user_id: _Optional[int] = ..., message_id: _Optional[int] = ...) -> None: ...

class RecallMessageResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class GetUnreadCountReq(_message.Message):
    __slots__ = ("user_id", "conversation_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    conversation_id: str
    def __init__(self, user_id: _Optional[int] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class GetUnreadCountResp(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class PushMessageReq(_message.Message):
    __slots__ = ("user_id", "message")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    message: MessageInfo
    def __init__(self, user_id: _Optional[int] = ..., message: _Optional[_Union[MessageInfo, _Mapping]] = ...) -> None: ...

class PushMessageResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...
