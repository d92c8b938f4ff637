from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CheckFriendshipReq(_message.Message):
    __slots__ = ("user_id", "target_user_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    target_user_id: int
    def __init__(self, user_id: _Optional[int] = ..., target_user_id: _Optional[int] = ...) -> None: ...

class CheckFriendshipResp(_message.Message):
    __slots__ = ("is_friend", "remark")
    IS_FRIEND_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    is_friend: bool
    remark: str
    def __init__(self, is_friend: _Optional[bool] = ..., remark: _Optional[str] = ...) -> None: ...

class CheckBlockedReq(_message.Message):
    __slots__ = ("user_id", "target_user_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TARGET_USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    target_user_id: int
    def __init__(self, user_id: _Optional[int] = ..., target_user_id: _Optional[int] = ...) -> None: ...

class CheckBlockedResp(_message.Message):
    __slots__ = ("is_blocked", "has_blocked")
    IS_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    HAS_BLOCKED_FIELD_NUMBER: _ClassVar[int]
    is_blocked: bool
    has_blocked: bool
    def __init__(self, is_blocked: _Optional[bool] = ..., has_blocked: _Optional[bool] = ...) -> None: ...

class GetFriendListReq(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    def __init__(self, user_id: _Optional[int] = ...) -> None: ...

class UserInfo(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: int
    def __init__(self, id: _Optional[int] = ...) -> None: ...

class FriendInfo(_message.Message):
    __slots__ = ("user_info",)
    USER_INFO_FIELD_NUMBER: _ClassVar[int]
    user_info: UserInfo
    def __init__(self, user_info: _Optional[_Union[UserInfo, _Mapping]] = ...) -> None: ...

class GetFriendListResp(_message.Message):
    __slots__ = ("friends",)
    FRIENDS_FIELD_NUMBER: _ClassVar[int]
    friends: _containers.RepeatedCompositeFieldContainer[FriendInfo]
    def __init__(self, friends: _Optional[_Iterable[_Union[FriendInfo, _Mapping]]] = ...) -> None: ...
