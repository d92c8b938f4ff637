"""POST /group/v1/create, /info, /update, /invite, /join, /requests, /handle, /remove, /leave, /role, /mute, /transfer,
/dissolve, /member/update, /members and /mine"""

from typing import Any

from actions import groups
from db.session import read, write
from infra.limits import GROUP_CHANGES, limited_to
from messaging import group_schemas, user_schemas
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("groups", __name__)

Body = dict[str, Any]

# One limit for all calls that store a message: each of them is brought to all members.
_counted = limited_to(GROUP_CHANGES, together="group changes")

_HIDDEN = (Code.NO_SUCH_GROUP, Code.ROLE_TOO_LOW)  # of every call about a group that the caller is not in
_CHANGED = (*_HIDDEN, Code.GROUP_DISSOLVED)


@bp.post("/group/v1/create")
@refuses(Code.GROUP_NAME_TOO_LONG, Code.GROUP_DESCRIPTION_TOO_LONG)
@_counted
@bp.arguments(group_schemas.GroupCreation)
@bp.response(200, group_schemas.GroupCreated)
def create_group(body: Body) -> Body:
    """Make a group, which the caller owns, with friends of theirs."""
    return groups.create(auth.user_id(), within=write, **body)


@bp.post("/group/v1/info")
@refuses(*_HIDDEN)
@bp.arguments(group_schemas.GroupNamed)
@bp.response(200, group_schemas.GroupInfo)
def get_group(body: Body) -> Body:
    """Get a group, and the caller's role in it. Groups that are not private can be seen by everybody."""
    return groups.info(auth.user_id(), within=read, **body)


@bp.post("/group/v1/update")
@refuses(*_CHANGED, Code.GROUP_NAME_TOO_LONG, Code.GROUP_DESCRIPTION_TOO_LONG)
@_counted
@bp.arguments(group_schemas.GroupUpdate)
@bp.response(200, group_schemas.GroupAnswer)
def update_group(body: Body) -> Body:
    """Change a group. Its owner and admins may; members may change its texts and picture if the group allows it."""
    return groups.update(auth.user_id(), within=write, **body)


@bp.post("/group/v1/invite")
@refuses(*_CHANGED, Code.INVITING_NOT_ALLOWED)
@_counted
@bp.arguments(group_schemas.MembersNamed)
@bp.response(200, group_schemas.Invited)
def invite_users(body: Body) -> Body:
    """Make friends of the caller members of a group, or ask its admins to, where the group wants their approval."""
    return groups.invite(auth.user_id(), within=write, **body)


@bp.post("/group/v1/join")
@refuses(*_CHANGED, Code.GROUP_FULL, Code.ALREADY_A_MEMBER)
@_counted
@bp.arguments(group_schemas.JoinRequested)
@bp.response(200, group_schemas.Joined)
def join_group(body: Body) -> Body:
    """Become a member of a group that is not private, or ask to, where the group wants approval."""
    return groups.join(auth.user_id(), within=write, **body)


@bp.post("/group/v1/requests")
@refuses(*_HIDDEN)
@bp.arguments(group_schemas.GroupRequestsAsked)
@bp.response(200, group_schemas.GroupRequestPage)
def list_group_requests(body: Body) -> Body:
    """List a page of the requests to join a group that wait for an answer of its owner or admins."""
    return groups.requests(auth.user_id(), within=read, **body)


@bp.post("/group/v1/handle")
@refuses(Code.ROLE_TOO_LOW, Code.GROUP_DISSOLVED, Code.NO_SUCH_REQUEST, Code.REQUEST_HANDLED, Code.GROUP_FULL)
@_counted
@bp.arguments(user_schemas.RequestHandled)
@bp.response(200, user_schemas.Nothing)
def handle_group_request(body: Body) -> Body:
    """Accept or reject a request to join a group that the caller owns or administers."""
    return groups.handle(auth.user_id(), within=write, **body)


@bp.post("/group/v1/remove")
@refuses(*_CHANGED)
@_counted
@bp.arguments(group_schemas.MembersNamed)
@bp.response(200, group_schemas.Removed)
def remove_members(body: Body) -> Body:
    """Remove members. The owner removes anybody else, admins remove members."""
    return groups.remove(auth.user_id(), within=write, **body)


@bp.post("/group/v1/leave")
@refuses(*_HIDDEN, Code.OWNER_CANNOT_LEAVE)
@_counted
@bp.arguments(group_schemas.GroupNamed)
@bp.response(200, user_schemas.Nothing)
def leave_group(body: Body) -> Body:
    """Leave a group. What the caller could see of it stays readable for them."""
    return groups.leave(auth.user_id(), within=write, **body)


@bp.post("/group/v1/role")
@refuses(*_CHANGED, Code.NOT_A_MEMBER)
@_counted
@bp.arguments(group_schemas.RoleChange)
@bp.response(200, user_schemas.Nothing)
def set_member_role(body: Body) -> Body:
    """Make a member an admin, or an admin a member. Only the owner may."""
    return groups.set_role(auth.user_id(), within=write, **body)


@bp.post("/group/v1/mute")
@refuses(*_CHANGED)
@_counted
@bp.arguments(group_schemas.MuteChange)
@bp.response(200, group_schemas.Muted)
def mute_members(body: Body) -> Body:
    """Let members write nothing for a time, or let them write again. The owner mutes anybody else, admins members."""
    return groups.mute(auth.user_id(), within=write, **body)


@bp.post("/group/v1/transfer")
@refuses(*_CHANGED, Code.NOT_A_MEMBER)
@_counted
@bp.arguments(group_schemas.MemberNamed)
@bp.response(200, group_schemas.GroupAnswer)
def transfer_group(body: Body) -> Body:
    """Give a group to another member. The caller is an admin from then on."""
    return groups.transfer(auth.user_id(), within=write, **body)


@bp.post("/group/v1/dissolve")
@refuses(*_CHANGED)
@_counted
@bp.arguments(group_schemas.GroupNamed)
@bp.response(200, user_schemas.Nothing)
def dissolve_group(body: Body) -> Body:
    """End a group for good. Its history stays readable. Only the owner may."""
    return groups.dissolve(auth.user_id(), within=write, **body)


@bp.post("/group/v1/member/update")
@refuses(*_CHANGED)
@bp.arguments(group_schemas.MemberUpdate)
@bp.response(200, group_schemas.MemberAnswer)
def update_member(body: Body) -> Body:
    """Change the caller's own nickname in a group."""
    return groups.update_member(auth.user_id(), within=write, **body)


@bp.post("/group/v1/members")
@refuses(*_HIDDEN)
@bp.arguments(group_schemas.MembersAsked)
@bp.response(200, group_schemas.MemberPage)
def list_members(body: Body) -> Body:
    """List a page of a group's members: the owner, then admins, then members."""
    return groups.members(auth.user_id(), within=read, **body)


@bp.post("/group/v1/mine")
@bp.arguments(user_schemas.Paged)
@bp.response(200, group_schemas.GroupPage)
def list_groups(body: Body) -> Body:
    """List a page of the groups that the caller is in."""
    return groups.mine(auth.user_id(), within=read, **body)
