"""The names of all channels in Redis that notes and answers are published on."""

from uuid import uuid4


def of_user(user_id: int) -> str:
    """Returns the channel that relays subscribe to for a user's connections."""
    return f"im:user:{user_id}"


def user_of(channel: str) -> int:
    """Returns the user whose channel this is."""
    return int(channel.removeprefix("im:user:"))


def of_group(conversation_id: str) -> str:
    """Returns the channel that relays with members of a group subscribe to, by its conversation's id."""
    return f"im:group:{conversation_id.removeprefix('group_')}"


def of_relay(relay_id: str) -> str:
    """Returns the channel that one relay subscribes to, for itself and for single connections."""
    return f"im:relay:{relay_id}"


def for_reply() -> str:
    """Returns a new channel, for the answers to one trace."""
    return f"im:trace:{uuid4().hex}"
