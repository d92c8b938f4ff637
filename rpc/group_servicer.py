"""The fourteen methods of groups, which decode, call and encode like those of rpc/servicer.py.

A caller names the user on whose behalf it calls, but not when it asks who is in a group: it may know that itself.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from grpc import ServicerContext

from actions import groups, send
from messaging import draft, group_schemas, schemas
from messaging.conversation_id import group
from messaging.history import history
from messaging.user_schemas import Paged
from rpc import deadline, decode, encode, legacy
from rpc.generated import group_pb2 as pb
from rpc.generated import group_pb2_grpc


class GroupServicer(group_pb2_grpc.GroupServicer):
    """The service `group.Group` of rpc/group.proto."""

    def CreateGroup(self, request: pb.CreateGroupReq, context: ServicerContext) -> pb.CreateGroupResp:  # noqa: N802
        """Make a group of its owner and friends of theirs."""
        owner_id, fields = decode.user(request, "owner_id"), decode.body(group_schemas.GroupCreation(), request)
        made = groups.create(owner_id, within=partial(deadline.write, context), **fields)
        return pb.CreateGroupResp(group=encode.group(made["group"]))

    def GetGroupInfo(self, request: pb.GetGroupInfoReq, context: ServicerContext) -> pb.GetGroupInfoResp:  # noqa: N802
        """Returns a group, and what the user is in it."""
        user_id, fields = decode.user(request), decode.body(group_schemas.GroupNamed(), request)
        found = groups.info(user_id, within=partial(deadline.read, context), **fields)
        return pb.GetGroupInfoResp(group=encode.group(found["group"]), my_role=found["my_role"])

    def UpdateGroup(self, request: pb.UpdateGroupReq, context: ServicerContext) -> pb.UpdateGroupResp:  # noqa: N802
        """Change a group's texts and flags; absent ones stay."""
        operator_id, fields = decode.user(request, "operator_id"), decode.body(group_schemas.GroupUpdate(), request)
        groups.update(operator_id, within=partial(deadline.write, context), **fields)
        return pb.UpdateGroupResp(success=True)

    def DissolveGroup(  # noqa: N802
        self, request: pb.DissolveGroupReq, context: ServicerContext
    ) -> pb.DissolveGroupResp:
        """Dissolve a group. Its history stays readable."""
        operator_id, fields = decode.user(request, "operator_id"), decode.body(group_schemas.GroupNamed(), request)
        groups.dissolve(operator_id, within=partial(deadline.write, context), **fields)
        return pb.DissolveGroupResp(success=True)

    def InviteUsers(self, request: pb.InviteUsersReq, context: ServicerContext) -> pb.InviteUsersResp:  # noqa: N802
        """Make friends of the inviter members, or have their invitations wait for approval."""
        inviter_id, fields = decode.user(request, "inviter_id"), decode.body(group_schemas.MembersNamed(), request)
        done = groups.invite(inviter_id, within=partial(deadline.write, context), **fields)
        invited = len(done["added"]) + len(done["pending"])
        return pb.InviteUsersResp(success_count=invited, failed_users=_ids(done["failed"]))

    def RemoveMembers(  # noqa: N802
        self, request: pb.RemoveMembersReq, context: ServicerContext
    ) -> pb.RemoveMembersResp:
        """Remove members from a group."""
        operator_id, fields = decode.user(request, "operator_id"), decode.body(group_schemas.MembersNamed(), request)
        done = groups.remove(operator_id, within=partial(deadline.write, context), **fields)
        return pb.RemoveMembersResp(success_count=len(done["removed"]), failed_users=_ids(done["failed"]))

    def LeaveGroup(self, request: pb.LeaveGroupReq, context: ServicerContext) -> pb.LeaveGroupResp:  # noqa: N802
        """Leave a group. Its owner cannot."""
        user_id, fields = decode.user(request), decode.body(group_schemas.GroupNamed(), request)
        groups.leave(user_id, within=partial(deadline.write, context), **fields)
        return pb.LeaveGroupResp(success=True)

    def GetGroupMembers(  # noqa: N802
        self, request: pb.GetGroupMembersReq, context: ServicerContext
    ) -> pb.GetGroupMembersResp:
        """Returns a page of a group's members. The request names nobody who asks."""
        fields = decode.body(group_schemas.MembersAsked(), request)
        found = groups.members(None, within=partial(deadline.read, context), **fields)
        shown = (encode.member(fields["group_id"], each) for each in found["members"])
        return pb.GetGroupMembersResp(members=shown, total=found["total"])

    def SetMemberRole(  # noqa: N802
        self, request: pb.SetMemberRoleReq, context: ServicerContext
    ) -> pb.SetMemberRoleResp:
        """Make a member an admin, or an admin a member."""
        operator_id, fields = decode.user(request, "operator_id"), decode.body(group_schemas.RoleChange(), request)
        groups.set_role(operator_id, within=partial(deadline.write, context), **fields)
        return pb.SetMemberRoleResp(success=True)

    def MuteMembers(self, request: pb.MuteMembersReq, context: ServicerContext) -> pb.MuteMembersResp:  # noqa: N802
        """Let members not write for some seconds, or write again."""
        operator_id = decode.user(request, "operator_id")
        fields = decode.body(group_schemas.MuteChange(), request, seconds=request.duration)
        done = groups.mute(operator_id, within=partial(deadline.write, context), **fields)
        return pb.MuteMembersResp(success_count=len(done["muted"]), failed_users=_ids(done["failed"]))

    def GetUserGroups(  # noqa: N802
        self, request: pb.GetUserGroupsReq, context: ServicerContext
    ) -> pb.GetUserGroupsResp:
        """Returns a page of the groups that a user is in."""
        user_id, fields = decode.user(request), decode.body(Paged(), request)
        found = groups.mine(user_id, within=partial(deadline.read, context), **fields)
        return pb.GetUserGroupsResp(groups=map(encode.group, found["groups"]), total=found["total"])

    def CheckMembership(  # noqa: N802
        self, request: pb.CheckMembershipReq, context: ServicerContext
    ) -> pb.CheckMembershipResp:
        """Returns whether a user is in a group, and with which role."""
        is_member, role = groups.check_membership(
            decode.user(request), decode.group(request), within=partial(deadline.read, context)
        )
        return pb.CheckMembershipResp(is_member=is_member, role=role)

    def SendGroupMessage(  # noqa: N802
        self, request: pb.SendGroupMessageReq, context: ServicerContext
    ) -> pb.SendGroupMessageResp:
        """Store a message to a group. To be safe to repeat, a send takes message.Message/SendMessage and its key."""
        user_id, fields = decode.user(request, "from_user_id"), decode.body(schemas.Send(), request)
        sent = send.submit(
            draft.make(user_id, **fields, free=legacy.serves()), too_late=lambda: deadline.too_late(context)
        )
        return pb.SendGroupMessageResp(message=encode.group_message(sent.message))

    def GetGroupHistory(  # noqa: N802
        self, request: pb.GetGroupHistoryReq, context: ServicerContext
    ) -> pb.GetGroupHistoryResp:
        """Returns a page of what a user may see of a group's messages, in ascending order."""
        user_id, name = decode.user(request), group(decode.group(request))
        fields = decode.body(schemas.HistoryRequest(), request, conversation_id=name)
        found = deadline.read(context, history, user_id=user_id, **fields)
        return pb.GetGroupHistoryResp(messages=map(encode.group_message, found.messages), has_more=found.has_more)


def _ids(failed: Iterable[dict[str, Any]]) -> list[int]:
    return [each["user_id"] for each in failed]
