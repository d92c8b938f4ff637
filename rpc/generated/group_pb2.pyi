from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GroupInfo(_message.Message):
    __slots__ = ("id", "name", "avatar", "description", "notice", "owner_id", "member_count", "max_members", "status", "is_private", "join_approval", "allow_invite", "allow_member_modify", "create_time", "update_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    JOIN_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INVITE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MEMBER_MODIFY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    avatar: str
    description: str
    notice: str
    owner_id: int
    member_count: int
    max_members: int
    status: int
    is_private: bool
    join_approval: bool
    allow_invite: bool
    allow_member_modify: bool
    create_time: int
    update_time: int
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., avatar: _Optional[str] = ..., description: _Optional[str] = ..., notice: _Optional[str] = ..., owner_id: _Optional[int] = ..., member_count: _Optional[int] = ..., max_members: _Optional[int] = ..., status: _Optional[int] = ..., is_private: _Optional[bool] = ..., join_approval: _Optional[bool] = ..., allow_invite: _Optional[bool] = ..., allow_member_modify: _Optional[bool] = ..., create_time: _Optional[int] = ..., update_time: _Optional[int] = ...) -> None: ...

class GroupMemberInfo(_message.Message):
    __slots__ = ("user_id", "group_id", "nickname", "avatar", "role", "status", "mute_end_time", "join_time")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    NICKNAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MUTE_END_TIME_FIELD_NUMBER: _ClassVar[int]
    JOIN_TIME_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    group_id: int
    nickname: str
    avatar: str
    role: int
    status: int
    mute_end_time: int
    join_time: int
    def __init__(self, user_id: _Optional[int] = ..., group_id: _Optional[int] = ..., nickname: _Optional[str] = ..., avatar: _Optional[str] = ..., role: _Optional[int] = ..., status: _Optional[int] = ..., mute_end_time: _Optional[int] = ..., join_time: _Optional[int] = ...) -> None: ...

class GroupMessageInfo(_message.Message):
    __slots__ = ("id", "group_id", "from_user_id", "message_type", "content", "extra", "status", "create_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: int
    group_id: int
    from_user_id: int
    message_type: int
    content: str
    extra: str
    status: int
    create_time: int
    def __init__(self, id: _Optional[int] = ..., group_id: _Optional[int] = ..., from_user_id: _Optional[int] = ..., message_type: _Optional[int] = ..., content: _Optional[str] = ..., extra: _Optional[str] = ..., status: _Optional[int] = ..., create_time: _Optional[int] = ...) -> None: ...

class CreateGroupReq(_message.Message):
    __slots__ = ("owner_id", "name", "avatar", "description", "member_ids", "is_private", "join_approval")
    OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MEMBER_IDS_FIELD_NUMBER: _ClassVar[int]
    IS_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    JOIN_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    owner_id: int
    name: str
    avatar: str
    description: str
    member_ids: _containers.RepeatedScalarFieldContainer[int]
    is_private: bool
    join_approval: bool
    def __init__(self, owner_id: _Optional[int] = ..., name: _Optional[str] = ..., avatar: _Optional[str] = ..., description: _Optional[str] = ..., member_ids: _Optional[_Iterable[int]] = ..., is_private: _Optional[bool] = ..., join_approval: _Optional[bool] = ...) -> None: ...

class CreateGroupResp(_message.Message):
    __slots__ = ("group",)
    GROUP_FIELD_NUMBER: _ClassVar[int]
    group: GroupInfo
    def __init__(self, group: _Optional[_Union[GroupInfo, _Mapping]] = ...) -> None: ...

class GetGroupInfoReq(_message.Message):
    __slots__ = ("group_id", "user_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    user_id: int
    def __init__(self, group_id: _Optional[int] = ..., user_id: _Optional[int] = ...) -> None: ...

class GetGroupInfoResp(_message.Message):
    __slots__ = ("group", "my_role")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    MY_ROLE_FIELD_NUMBER: _ClassVar[int]
    group: GroupInfo
    my_role: int
    def __init__(self, group: _Optional[_Union[GroupInfo, _Mapping]] = ..., my_role: _Optional[int] = ...) -> None: ...

class UpdateGroupReq(_message.Message):
    __slots__ = ("group_id", "operator_id", "name", "avatar", "description", "notice", "join_approval", "allow_invite", "allow_member_modify")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AVATAR_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    JOIN_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    ALLOW_INVITE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_MEMBER_MODIFY_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    operator_id: int
    name: str
    avatar: str
    description: str
    notice: str
    join_approval: bool
    allow_invite: bool
    allow_member_modify: bool
    def __init__(self, group_id: _Optional[int] = ..., operator_id: _Optional[int] = ..., name: _Optional[str] = ..., avatar: _Optional[str] = ..., description: _Optional[str] = ..., notice: _Optional[str] = ..., join_approval: _Optional[bool] = ..., allow_invite: _Optional[bool] = ..., allow_member_modify: _Optional[bool] = ...) -> None: ...

class UpdateGroupResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class DissolveGroupReq(_message.Message):
    __slots__ = ("group_id", "operator_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    operator_id: int
    def __init__(self, group_id: _Optional[int] = ..., operator_id: _Optional[int] = ...) -> None: ...

class DissolveGroupResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class InviteUsersReq(_message.Message):
    __slots__ = ("group_id", "inviter_id", "user_ids")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    INVITER_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    inviter_id: int
    user_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, group_id: _Optional[int] = ..., inviter_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class InviteUsersResp(_message.Message):
    __slots__ = ("success_count", "failed_users")
    SUCCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_USERS_FIELD_NUMBER: _ClassVar[int]
    success_count: int
    failed_users: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, success_count: _Optional[int] = ..., failed_users: _Optional[_Iterable[int]] = ...) -> None: ...

class RemoveMembersReq(_message.Message):
    __slots__ = ("group_id", "operator_id", "user_ids")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    operator_id: int
    user_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, group_id: _Optional[int] = ..., operator_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class RemoveMembersResp(_message.Message):
    __slots__ = ("success_count", "failed_users")
    SUCCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_USERS_FIELD_NUMBER: _ClassVar[int]
    success_count: int
    failed_users: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, success_count: _Optional[int] = ..., failed_users: _Optional[_Iterable[int]] = ...) -> None: ...

class LeaveGroupReq(_message.Message):
    __slots__ = ("group_id", "user_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    user_id: int
    def __init__(self, group_id: _Optional[int] = ..., user_id: _Optional[int] = ...) -> None: ...

class LeaveGroupResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class GetGroupMembersReq(_message.Message):
    __slots__ = ("group_id", "role", "page", "limit")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    role: int
    page: int
    limit: int
    def __init__(self, group_id: _Optional[int] = ..., role: _Optional[int] = ..., page: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class GetGroupMembersResp(_message.Message):
    __slots__ = ("members", "total")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[GroupMemberInfo]
    total: int
    def __init__(self, members: _Optional[_Iterable[_Union[GroupMemberInfo, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class SetMemberRoleReq(_message.Message):
    __slots__ = ("group_id", "operator_id", "user_id", "role")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    operator_id: int
    user_id: int
    role: int
    def __init__(self, group_id: _Optional[int] = ..., operator_id: _Optional[int] = ..., user_id: _Optional[int] = ..., role: _Optional[int] = ...) -> None: ...

class SetMemberRoleResp(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class MuteMembersReq(_message.Message):
    __slots__ = ("group_id", "operator_id", "user_ids", "duration")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    operator_id: int
    user_ids: _containers.RepeatedScalarFieldContainer[int]
    duration: int
    def __init__(self, group_id: _Optional[int] = ..., operator_id: _Optional[int] = ..., user_ids: _Optional[_Iterable[int]] = ..., duration: _Optional[int] = ...) -> None: ...

class MuteMembersResp(_message.Message):
    __slots__ = ("success_count", "failed_users")
    SUCCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_USERS_FIELD_NUMBER: _ClassVar[int]
    success_count: int
    failed_users: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, success_count: _Optional[int] = ..., failed_users: _Optional[_Iterable[int]] = ...) -> None: ...

class GetUserGroupsReq(_message.Message):
    __slots__ = ("user_id", "page", "limit")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    user_id: int
    page: int
    limit: int
    def __init__(self, user_id: _Optional[int] = ..., page: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class GetUserGroupsResp(_message.Message):
    __slots__ = ("groups", "total")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[GroupInfo]
    total: int
    def __init__(self, groups: _Optional[_Iterable[_Union[GroupInfo, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class CheckMembershipReq(_message.Message):
    __slots__ = ("group_id", "user_id")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    user_id: int
    def __init__(self, group_id: _Optional[int] = ..., user_id: _Optional[int] = ...) -> None: ...

class CheckMembershipResp(_message.Message):
    __slots__ = ("is_member", "role")
    IS_MEMBER_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    is_member: bool
    role: int
    def __init__(self, is_member: _Optional[bool] = ..., role: _Optional[int] = ...) -> None: ...

class SendGroupMessageReq(_message.Message):
    __slots__ = ("group_id", "from_user_id", "message_type", "content", "extra")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_USER_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    from_user_id: int
    message_type: int
    content: str
    extra: str
    def __init__(self, group_id: _Optional[int] = ..., from_user_id: _Optional[int] = ..., message_type: _Optional[int] = ..., content: _Optional[str] = ..., extra: _Optional[str] = ...) -> None: ...

class SendGroupMessageResp(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: GroupMessageInfo
    def __init__(self, message: _Optional[_Union[GroupMessageInfo, _Mapping]] = ...) -> None: ...

class GetGroupHistoryReq(_message.Message):
    __slots__ = ("group_id", "user_id", "last_message_id", "limit")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    group_id: int
    user_id: int
    last_message_id: int
    limit: int
    def __init__(self, group_id: _Optional[int] = ..., user_id: _Optional[int] = ..., last_message_id: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class GetGroupHistoryResp(_message.Message):
    __slots__ = ("messages", "has_more")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[GroupMessageInfo]
    has_more: bool
    def __init__(self, messages: _Optional[_Iterable[_Union[GroupMessageInfo, _Mapping]]] = ..., has_more: _Optional[bool] = ...) -> None: ...
