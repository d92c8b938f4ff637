"""The roles in a group, as IM-Zero numbers them."""

from enum import IntEnum


class Role(IntEnum):
    """What a user is in a group. NONE is a user who is not in it."""

    NONE = 0
    MEMBER = 1
    ADMIN = 2
    OWNER = 3
