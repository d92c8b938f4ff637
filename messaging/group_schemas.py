"""The schemas of groups and their members on the wire: the body of each call and its answer."""

from collections.abc import Callable
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf

from db.group import GroupStatus
from messaging.errors import Code
from messaging.fields import AtMost, Flag, Id, Int
from messaging.groups.roles import Role
from messaging.shown import require_address, require_name
from messaging.user_schemas import Paged, User

MAX_USERS = 100  # in one call
MAX_FIRST_MEMBERS = 500  # in the call that creates a group: a message names them all
MAX_NAME = 100
MAX_DESCRIPTION = 500
MAX_MUTE_SECONDS = 2_592_000

_ROLES = {"description": "1 member, 2 admin, 3 owner."}
_MINE = {"example": 2, "description": "0 not in it, 1 member, 2 admin, 3 owner."}
_STATUS = {"description": "1 open, 2 dissolved."}
_NICKNAME = {"description": "In this group; the user's own when they have none here."}
_MUTED = {"example": None, "description": "Until then they may not write. Null if they never were muted."}


class Ids(fields.List[int]):
    """A field for ids of users, from `least` to `most` of them. One that is named twice counts once."""

    def __init__(self, *, least: int = 1, most: int = MAX_USERS, **kwargs: Any) -> None:
        super().__init__(Id(), validate=Length(least, most), **kwargs)


def _require_name_or_none(nickname: str) -> None:
    if nickname:
        require_name(nickname)


def name(**kwargs: Any) -> fields.String:
    """Returns a field for a group's name. Its length has an error code of its own."""
    checks: list[Callable[[str], Any]] = [Length(min=1), AtMost(MAX_NAME, Code.GROUP_NAME_TOO_LONG), require_name]
    return fields.String(validate=checks, metadata={"example": "Climbing", "maxLength": MAX_NAME}, **kwargs)


def avatar(**kwargs: Any) -> fields.String:
    """Returns a field for the address of a group's picture."""
    return fields.String(validate=[Length(max=255), require_address], **kwargs)


def description(**kwargs: Any) -> fields.String:
    """Returns a field for a group's description. Its length has an error code of its own."""
    check = AtMost(MAX_DESCRIPTION, Code.GROUP_DESCRIPTION_TOO_LONG)
    return fields.String(validate=check, metadata={"maxLength": MAX_DESCRIPTION}, **kwargs)


class Group(Schema):
    """The contract's Group. Times are Unix seconds."""

    id = fields.Integer(metadata={"example": 7})
    conversation_id = fields.String(metadata={"example": "group_7"})
    name = fields.String(metadata={"example": "Climbing"})
    avatar = fields.String()
    description = fields.String(metadata={"example": "Every Tuesday"})
    notice = fields.String(metadata={"example": "The hall is closed on 24 December."})
    owner_id = fields.Integer()
    member_count = fields.Integer(metadata={"example": 3})
    max_members = fields.Integer(metadata={"example": 500})
    is_private = fields.Boolean()
    join_approval = fields.Boolean()
    allow_invite = fields.Boolean(metadata={"example": True})
    allow_member_modify = fields.Boolean()
    mute_all = fields.Boolean()
    status = fields.Integer(validate=OneOf([each.value for each in GroupStatus]), metadata=_STATUS)
    create_time = fields.Integer()
    update_time = fields.Integer()


class Member(Schema):
    """The contract's Member. Times are Unix seconds."""

    user_id = fields.Integer()
    nickname = fields.String(metadata=_NICKNAME)
    avatar = fields.String()
    role = fields.Integer(validate=OneOf([Role.MEMBER, Role.ADMIN, Role.OWNER]), metadata=_ROLES)
    mute_end_time = fields.Integer(allow_none=True, metadata=_MUTED)
    join_time = fields.Integer(metadata={"example": 1795472095})


class Failed(Schema):
    """A user to whom a call could not be applied, and the code that says why."""

    user_id = fields.Integer()
    code = fields.Integer(validate=OneOf(sorted(Code)), metadata={"example": Code.NOT_FRIENDS})


class GroupNamed(Schema):
    """The group that a call concerns."""

    group_id = Id(required=True, metadata={"example": 7})


class GroupCreation(Schema):
    """A new group, of the caller and of friends of theirs. Absent flags are false, but for `allow_invite`."""

    name = name(required=True)
    avatar = avatar(load_default="")
    description = description(load_default="")
    member_ids = Ids(least=0, most=MAX_FIRST_MEMBERS, load_default=list, metadata={"example": [2, 3]})
    is_private = Flag(load_default=False)
    join_approval = Flag(load_default=False)
    allow_invite = Flag(load_default=True)
    allow_member_modify = Flag(load_default=False)
    mute_all = Flag(load_default=False)


class GroupAnswer(Schema):
    """An answer with one group."""

    group = fields.Nested(Group)


class GroupCreated(GroupAnswer):
    """The new group, and who could not be made a member of it."""

    failed = fields.List(fields.Nested(Failed))


class GroupInfo(GroupAnswer):
    """A group, and what the caller is in it."""

    my_role = fields.Integer(validate=OneOf([each.value for each in Role]), metadata=_MINE)


class GroupUpdate(GroupNamed):
    """What to change of a group; absent fields stay."""

    name = name()
    avatar = avatar()
    description = description()
    notice = fields.String(validate=Length(max=2_000), metadata={"example": "We meet at seven."})
    is_private = Flag()
    join_approval = Flag()
    allow_invite = Flag()
    allow_member_modify = Flag()
    mute_all = Flag()


class MembersNamed(GroupNamed):
    """The users whom a call concerns."""

    user_ids = Ids(required=True, metadata={"example": [2, 3]})


class MemberNamed(GroupNamed):
    """The member whom a call concerns."""

    user_id = Id(required=True)


class Invited(Schema):
    """Who is a member now, whose invitation waits for approval, and who could not be invited."""

    added = fields.List(fields.Integer(metadata={"example": 2}))
    pending = fields.List(fields.Integer(metadata={"example": 3}))
    failed = fields.List(fields.Nested(Failed))


class JoinRequested(GroupNamed):
    """The group to join, and a message to those who decide."""

    message = fields.String(load_default="", validate=Length(max=255), metadata={"example": "It's me"})


class Joined(Schema):
    """Whether the caller is a member now; if not, the id of their request."""

    joined = fields.Boolean()
    request_id = fields.Integer(allow_none=True, metadata={"description": "Null when joined."})


class GroupRequestsAsked(GroupNamed, Paged):
    """The page of a group's requests to read."""


class GroupRequest(Schema):
    """A request to join a group, with the user who would join. `create_time` is in Unix seconds."""

    request_id = fields.Integer()
    user = fields.Nested(User)
    message = fields.String(metadata={"example": "It's me"})
    create_time = fields.Integer()


class GroupRequestPage(Schema):
    """A page of requests that wait for an answer; `total` counts all pages."""

    requests = fields.List(fields.Nested(GroupRequest))
    total = fields.Integer()


class Removed(Schema):
    """Who is no longer a member, and who could not be removed."""

    removed = fields.List(fields.Integer(metadata={"example": 2}))
    failed = fields.List(fields.Nested(Failed))


class RoleChange(MemberNamed):
    """The member and their new role."""

    role = Int(
        minimum=Role.MEMBER,
        maximum=Role.ADMIN,
        required=True,
        metadata={"example": 2, "description": "1 member, 2 admin."},
    )


class MuteChange(MembersNamed):
    """The members who may not write for so many seconds from now; 0 lets them write again."""

    seconds = Int(minimum=0, maximum=MAX_MUTE_SECONDS, required=True, metadata={"example": 3600})


class Muted(Schema):
    """To whom the call was applied, and to whom it could not be."""

    muted = fields.List(fields.Integer(metadata={"example": 2}))
    failed = fields.List(fields.Nested(Failed))


class MemberUpdate(GroupNamed):
    """The caller's nickname in the group; an empty one gives them their own name back."""

    nickname = fields.String(
        required=True, validate=[Length(max=50), _require_name_or_none], metadata={"example": "Bobby"}
    )


class MemberAnswer(Schema):
    """An answer with one member."""

    member = fields.Nested(Member)


class MembersAsked(GroupNamed, Paged):
    """The page of a group's members to read, all or those of one role."""

    role = Int(minimum=Role.MEMBER, maximum=Role.OWNER, metadata=_ROLES)
    limit = Int(minimum=1, maximum=100, load_default=20)


class MemberPage(Schema):
    """A page of members; `total` counts all pages."""

    members = fields.List(fields.Nested(Member))
    total = fields.Integer()


class GroupPage(Schema):
    """A page of the caller's groups; `total` counts all pages."""

    groups = fields.List(fields.Nested(Group))
    total = fields.Integer()
