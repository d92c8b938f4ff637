"""The names of all channels on which something is published in Redis."""

from uuid import uuid4


def of_user(user_id: int) -> str:
    """Returns the channel that relays hear for a user's connections."""
    return f"im:user:{user_id}"


def of_relay(relay_id: str) -> str:
    """Returns the channel that one relay hears for itself and for single connections."""
    return f"im:relay:{relay_id}"


def for_reply() -> str:
    """Returns a new channel, for the answers to one question."""
    return f"im:trace:{uuid4().hex}"
