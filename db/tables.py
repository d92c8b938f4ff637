"""All tables at once: importing this module fills `Base.metadata`, which migrations and their test compare with."""

from db.base import Base
from db.blacklist import Blacklist
from db.blob import Blob
from db.conversation import Conversation
from db.friend import Friend
from db.friend_request import FriendRequest
from db.group import Group
from db.group_member import GroupMember
from db.group_request import GroupRequest
from db.head import Head
from db.hidden import Hidden
from db.known_address import KnownAddress
from db.login_attempt import LoginAttempt
from db.media import Media
from db.media_use import MediaUse
from db.mention import Mention
from db.message import Message
from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.outbox_shard import OutboxShard
from db.revoked_token import RevokedToken
from db.revoked_user import RevokedUser
from db.ticket import Ticket
from db.user import User

metadata = Base.metadata

__all__ = [
    "Blacklist",
    "Blob",
    "Conversation",
    "Friend",
    "FriendRequest",
    "Group",
    "GroupMember",
    "GroupRequest",
    "Head",
    "Hidden",
    "KnownAddress",
    "LoginAttempt",
    "Media",
    "MediaUse",
    "Mention",
    "Message",
    "OutboxEvent",
    "OutboxShard",
    "Parked",
    "RevokedToken",
    "RevokedUser",
    "Ticket",
    "User",
    "metadata",
]
