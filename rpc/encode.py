"""Encoding of answers, from the dicts that the rules return to every door. A null there is an absent field here."""

from typing import Any

import orjson

from messaging.conversation_id import group_of
from rpc import legacy
from rpc.generated.group_pb2 import GroupInfo, GroupMemberInfo, GroupMessageInfo
from rpc.generated.message_pb2 import ConversationInfo, MessageInfo

# Fields that have another name on this wire, or another type.
_RENAMED = {"id": "conversation_id", "type": "conversation_type"}
_SAME = [name for name in ConversationInfo.DESCRIPTOR.fields_by_name if name not in (*_RENAMED, "last_message")]

_OF_MESSAGE = [name for name in MessageInfo.DESCRIPTOR.fields_by_name if name not in ("extra", "client_msg_id")]
_OF_GROUP = list(GroupInfo.DESCRIPTOR.fields_by_name)
_OF_GROUP_MESSAGE = [name for name in GroupMessageInfo.DESCRIPTOR.fields_by_name if name not in ("group_id", "extra")]
_IN = 1  # IM-Zero's status of a member; others have none here


def message(told: dict[str, Any]) -> MessageInfo:
    """Returns a Message of the contract as protobuf."""
    same = {name: told[name] for name in _OF_MESSAGE}
    return MessageInfo(**same, extra=_extra(told["extra"]), client_msg_id=told["client_msg_id"] or "")


def _extra(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    plain = legacy.given_back(told) if legacy.serves() else None
    return orjson.dumps(told).decode() if plain is None else plain


def conversation(told: dict[str, Any]) -> ConversationInfo:
    """Returns a Conversation of the contract as protobuf."""
    same = {name: told[name] for name in _SAME} | {name: told[theirs] for name, theirs in _RENAMED.items()}
    last = message(told["last_message"]) if told["last_message"] else None
    return ConversationInfo(**same, last_message=last)


def group(told: dict[str, Any]) -> GroupInfo:
    """Returns a Group of the contract as protobuf."""
    return GroupInfo(**{name: told[name] for name in _OF_GROUP})


def member(group_id: int, told: dict[str, Any]) -> GroupMemberInfo:
    """Returns a Member of the contract as protobuf."""
    return GroupMemberInfo(**told | {"group_id": group_id, "status": _IN, "mute_end_time": told["mute_end_time"] or 0})


def group_message(told: dict[str, Any]) -> GroupMessageInfo:
    """Returns a Message of a group's conversation as protobuf."""
    same = {name: told[name] for name in _OF_GROUP_MESSAGE}
    return GroupMessageInfo(**same, group_id=group_of(told["conversation_id"]), extra=_extra(told["extra"]))
