"""Tests of each method of groups, called by a client compiled against the original proto."""

import time
from typing import Any

import pytest

from messaging.errors import Code, Refused
from rpc.errors import refusal
from tests.people import User, Web, befriend, conversations, history, new_user
from tests.rpc.client import ORIGINAL_GROUP, OUR_GROUP, Client, refused
from tests.rpc.protos import compiled
from tests.stack import Stack

INVALID = ("INVALID_ARGUMENT", "100002")
ABSENT = ("NOT_FOUND", "103001")
ROLE_TOO_LOW = ("PERMISSION_DENIED", "103007")
MEMBER, ADMIN, OWNER = 1, 2, 3
NOBODY = 2**50

Cast = tuple[User, User, User]


@pytest.fixture(scope="module")
def old(stack: Stack) -> Client:
    """Returns a client of the original proto that has a token."""
    return Client(stack.rpc_address, ORIGINAL_GROUP)


@pytest.fixture(scope="module")
def groups(stack: Stack) -> Client:
    """Returns a client of our own proto."""
    return Client(stack.rpc_address, OUR_GROUP)


@pytest.fixture(scope="module")
def cast(stack: Stack) -> Cast:
    """Returns Olga and two friends of hers, Max and Mia."""
    web = Web(stack.web_url)
    olga, max_, mia = new_user(web, "Olga"), new_user(web, "Max"), new_user(web, "Mia")
    befriend(web, olga, max_)
    befriend(web, olga, mia)
    return olga, max_, mia


@pytest.fixture
def group(old: Client, cast: Cast) -> int:
    """Returns the id of a new group of all three, which Olga owns."""
    olga, *members = cast
    return int(old.CreateGroup(owner_id=olga.id, name="Climbing", member_ids=[each.id for each in members]).group.id)


def test_a_new_group(old: Client, web: Web, cast: Cast) -> None:
    olga, max_, _ = cast
    stranger = new_user(web)
    made = old.CreateGroup(
        owner_id=olga.id,
        name="Climbing",
        avatar="https://example.com/a.png",
        description="Every Tuesday",
        member_ids=[max_.id, stranger.id],
        is_private=True,
        join_approval=True,
    ).group
    assert (made.name, made.avatar, made.description, made.notice) == (
        "Climbing",
        "https://example.com/a.png",
        "Every Tuesday",
        "",
    )
    assert (made.owner_id, made.member_count, made.max_members, made.status) == (olga.id, 2, 500, 1)
    flags = (made.is_private, made.join_approval, made.allow_invite, made.allow_member_modify)
    assert flags == (True, True, True, False)
    assert made.create_time == made.update_time > 0
    told = old.GetGroupInfo(group_id=made.id, user_id=max_.id)
    assert (told.group, told.my_role) == (made, MEMBER)
    assert refused(old.start("GetGroupInfo", group_id=made.id, user_id=stranger.id)) == ABSENT, "it is private"


def test_absent_fields_of_a_new_group_take_rests_defaults(old: Client, cast: Cast) -> None:
    made = old.CreateGroup(owner_id=cast[0].id, name="Alone").group
    assert (made.avatar, made.description, made.member_count) == ("", "", 1)
    assert (made.is_private, made.join_approval, made.allow_invite, made.allow_member_modify) == (0, 0, 1, 0)


def test_an_update_leaves_what_is_absent(old: Client, groups: Client, cast: Cast, group: int) -> None:
    olga = cast[0].id
    asked = {"group_id": group, "operator_id": olga}
    assert old.UpdateGroup(**asked, notice="Bring a rope", join_approval=True).success
    assert old.UpdateGroup(**asked, name="Hiking", allow_member_modify=True).success
    told = old.GetGroupInfo(group_id=group, user_id=olga).group
    assert (told.name, told.notice) == ("Hiking", "Bring a rope")
    assert (told.join_approval, told.allow_invite, told.allow_member_modify) == (True, True, True)
    assert groups.UpdateGroup(**asked, join_approval=False, allow_invite=False).success
    told = old.GetGroupInfo(group_id=group, user_id=olga).group
    assert (told.join_approval, told.allow_invite, told.allow_member_modify) == (False, False, True)


def test_who_comes_and_who_goes(old: Client, web: Web, cast: Cast, group: int) -> None:
    olga, max_, mia = cast
    new, stranger = new_user(web), new_user(web)
    befriend(web, olga, new)
    done = old.InviteUsers(group_id=group, inviter_id=olga.id, user_ids=[new.id, max_.id, stranger.id])
    assert (done.success_count, sorted(done.failed_users)) == (1, [max_.id, stranger.id])
    assert old.GetGroupInfo(group_id=group, user_id=olga.id).group.member_count == 4
    done = old.RemoveMembers(group_id=group, operator_id=olga.id, user_ids=[new.id, stranger.id])
    assert (done.success_count, list(done.failed_users)) == (1, [stranger.id])
    assert old.LeaveGroup(group_id=group, user_id=mia.id).success
    assert not old.CheckMembership(group_id=group, user_id=mia.id).is_member
    assert [each.user_id for each in old.GetGroupMembers(group_id=group).members] == [olga.id, max_.id]


def test_an_invitation_that_waits_for_approval_has_not_failed(old: Client, web: Web, cast: Cast, group: int) -> None:
    olga, max_, _ = cast
    friend = new_user(web)
    befriend(web, max_, friend)
    old.UpdateGroup(group_id=group, operator_id=olga.id, join_approval=True)
    done = old.InviteUsers(group_id=group, inviter_id=max_.id, user_ids=[friend.id])
    assert (done.success_count, list(done.failed_users)) == (1, [])
    assert not old.CheckMembership(group_id=group, user_id=friend.id).is_member


def test_members_their_roles_and_who_is_muted(old: Client, cast: Cast, group: int) -> None:
    olga, max_, mia = cast
    assert old.SetMemberRole(group_id=group, operator_id=olga.id, user_id=max_.id, role=ADMIN).success
    before = int(time.time())
    done = old.MuteMembers(group_id=group, operator_id=max_.id, user_ids=[mia.id, olga.id], duration=600)
    assert (done.success_count, list(done.failed_users)) == (1, [olga.id]), "no admin mutes the owner"
    found = old.GetGroupMembers(group_id=group)
    told = {each.user_id: each for each in found.members}
    assert found.total == 3
    assert {user: each.role for user, each in told.items()} == {olga.id: OWNER, max_.id: ADMIN, mia.id: MEMBER}
    assert {(each.group_id, each.status) for each in told.values()} == {(group, 1)}
    assert told[mia.id].nickname == "Mia"
    assert before + 590 < told[mia.id].mute_end_time < before + 700
    assert told[max_.id].mute_end_time == 0
    assert told[mia.id].join_time > before - 600
    admins = old.GetGroupMembers(group_id=group, role=ADMIN)
    assert ([each.user_id for each in admins.members], admins.total) == ([max_.id], 1)
    second = old.GetGroupMembers(group_id=group, page=2, limit=2)
    assert (len(second.members), second.total) == (1, 3)
    sending = {"group_id": group, "from_user_id": mia.id, "content": "x"}
    assert refused(old.start("SendGroupMessage", **sending)) == ("PERMISSION_DENIED", "103008")
    assert old.MuteMembers(group_id=group, operator_id=olga.id, user_ids=[mia.id]).success_count == 1
    assert old.SendGroupMessage(**sending).message.id, "a duration of 0 ends it"


def test_the_groups_of_a_user(old: Client, web: Web, cast: Cast) -> None:
    user = new_user(web)
    made = [old.CreateGroup(owner_id=user.id, name=f"Group {number}").group.id for number in range(3)]
    found = old.GetUserGroups(user_id=user.id, limit=2)
    assert (len(found.groups), found.total) == (2, 3)
    rest = old.GetUserGroups(user_id=user.id, page=2, limit=2)
    assert sorted(each.id for each in [*found.groups, *rest.groups]) == made
    assert old.GetUserGroups(user_id=NOBODY).total == 0


def test_whether_one_is_a_member(old: Client, cast: Cast, group: int) -> None:
    told = [old.CheckMembership(group_id=group, user_id=user) for user in (cast[0].id, cast[1].id, NOBODY)]
    assert [(each.is_member, each.role) for each in told] == [(True, OWNER), (True, MEMBER), (False, 0)]
    told = old.CheckMembership(group_id=NOBODY, user_id=cast[0].id)
    assert (told.is_member, told.role) == (False, 0)


def test_a_message_to_a_group(old: Client, web: Web, service: Client, cast: Cast, group: int) -> None:
    olga, max_, _ = cast
    sent = old.SendGroupMessage(group_id=group, from_user_id=olga.id, content="At seven?", extra='{"n": 1}').message
    assert (sent.group_id, sent.from_user_id, sent.message_type) == (group, olga.id, 1)
    assert (sent.content, sent.extra, sent.status) == ("At seven?", '{"n":1}', 1)
    assert sent.create_time > 0
    name = f"group_{group}"
    assert history(web, max_, name)[-1]["id"] == sent.id
    told = service.SendMessage(from_user_id=max_.id, group_id=group, content="Yes", client_msg_id="k").message
    assert (told.conversation_id, told.to_user_id, told.seq) == (name, 0, 3)
    assert service.SendMessage(from_user_id=max_.id, group_id=group, content="Yes", client_msg_id="k").duplicate
    assert service.GetUnreadCount(user_id=olga.id, conversation_id=name).count == 1
    (listed,) = [each for each in service.GetConversations(user_id=olga.id).conversations if each.id == name]
    assert (listed.type, listed.group_id, listed.friend_id, listed.name) == (2, group, 0, "Climbing")
    assert (listed.unread_count, listed.last_seq, listed.last_message.content) == (1, 3, "Yes")
    rest = conversations(web, olga)[name]
    for field in ("name", "avatar", "unread_count", "last_seq", "read_seq", "peer_read_seq", "group_id", "update_time"):
        assert getattr(listed, field) == rest[field], field
    read = service.MarkAsRead(user_id=olga.id, conversation_id=name)
    assert (read.success, read.read_seq, read.unread_count) == (True, 3, 0)


def test_what_a_user_may_see_of_a_group(old: Client, cast: Cast, group: int) -> None:
    olga, _, mia = cast
    sent = [
        old.SendGroupMessage(group_id=group, from_user_id=olga.id, content=str(number)).message for number in range(5)
    ]
    newest = old.GetGroupHistory(group_id=group, user_id=mia.id, limit=2)
    assert (list(newest.messages), newest.has_more) == (sent[3:], True)
    before = old.GetGroupHistory(group_id=group, user_id=mia.id, last_message_id=sent[3].id)
    assert list(before.messages)[1:] == sent[:3]
    assert (before.messages[0].message_type, before.messages[0].content, before.has_more) == (0, "", False)
    assert '"event":"created"' in before.messages[0].extra
    old.LeaveGroup(group_id=group, user_id=mia.id)
    old.SendGroupMessage(group_id=group, from_user_id=olga.id, content="Without Mia")
    left = old.GetGroupHistory(group_id=group, user_id=mia.id).messages
    assert [each.id for each in left][1:-1] == [each.id for each in sent], "up to the message that she went with"
    assert '"event":"member_left"' in left[-1].extra
    assert refused(old.start("GetGroupHistory", group_id=group, user_id=NOBODY)) == ("NOT_FOUND", "104005")
    assert refused(old.start("GetGroupHistory", group_id=NOBODY, user_id=olga.id)) == ("NOT_FOUND", "104005")


def test_a_dissolved_group(old: Client, cast: Cast, group: int) -> None:
    olga, max_, _ = cast
    asked = {"group_id": group, "operator_id": olga.id}
    assert old.DissolveGroup(**asked).success
    dissolved = ("FAILED_PRECONDITION", "103002")
    assert refused(old.start("DissolveGroup", **asked)) == dissolved
    assert refused(old.start("UpdateGroup", **asked, name="x")) == dissolved
    assert refused(old.start("SendGroupMessage", group_id=group, from_user_id=max_.id, content="x")) == dissolved
    assert old.GetGroupInfo(group_id=group, user_id=max_.id).group.status == 2
    assert len(old.GetGroupHistory(group_id=group, user_id=max_.id).messages) == 2


def test_what_a_role_does_not_allow(old: Client, web: Web, cast: Cast, group: int) -> None:
    olga, max_, mia = cast
    by_max = {"group_id": group, "operator_id": max_.id}
    assert refused(old.start("UpdateGroup", **by_max, name="x")) == ROLE_TOO_LOW
    assert refused(old.start("DissolveGroup", **by_max)) == ROLE_TOO_LOW
    assert refused(old.start("RemoveMembers", **by_max, user_ids=[mia.id])) == ROLE_TOO_LOW
    assert refused(old.start("SetMemberRole", **by_max, user_id=mia.id, role=ADMIN)) == ROLE_TOO_LOW
    assert refused(old.start("MuteMembers", **by_max, user_ids=[mia.id], duration=60)) == ROLE_TOO_LOW
    assert refused(old.start("LeaveGroup", group_id=group, user_id=olga.id)) == ("FAILED_PRECONDITION", "103006")
    stranger = {"group_id": group, "operator_id": olga.id, "user_id": new_user(web).id, "role": ADMIN}
    assert refused(old.start("SetMemberRole", **stranger)) == ("NOT_FOUND", "103004")


def test_members_who_may_not_invite(groups: Client, web: Web, cast: Cast, group: int) -> None:
    olga, max_, _ = cast
    groups.UpdateGroup(group_id=group, operator_id=olga.id, allow_invite=False)
    asked = groups.start("InviteUsers", group_id=group, inviter_id=max_.id, user_ids=[new_user(web).id])
    assert refused(asked) == ("PERMISSION_DENIED", "103009")


def test_whoever_is_not_a_member(old: Client, web: Web, cast: Cast, group: int) -> None:
    stranger = new_user(web).id
    for asked, refusal_ in ((group, ROLE_TOO_LOW), (NOBODY, ABSENT)):
        calls: list[tuple[str, dict[str, Any]]] = [
            ("UpdateGroup", {"operator_id": stranger, "name": "x"}),
            ("DissolveGroup", {"operator_id": stranger}),
            ("InviteUsers", {"inviter_id": stranger, "user_ids": [cast[1].id]}),
            ("RemoveMembers", {"operator_id": stranger, "user_ids": [cast[1].id]}),
            ("LeaveGroup", {"user_id": stranger}),
            ("SetMemberRole", {"operator_id": stranger, "user_id": cast[1].id, "role": ADMIN}),
            ("MuteMembers", {"operator_id": stranger, "user_ids": [cast[1].id], "duration": 60}),
            ("SendGroupMessage", {"from_user_id": stranger, "content": "x"}),
        ]
        for method, fields in calls:
            assert refused(old.start(method, group_id=asked, **fields)) == refusal_, method
    assert old.GetGroupInfo(group_id=group, user_id=stranger).my_role == 0
    for method, fields in (("GetGroupInfo", {"user_id": stranger}), ("GetGroupMembers", {})):
        assert refused(old.start(method, group_id=NOBODY, **fields)) == ABSENT, method


def test_a_name_and_a_description_that_are_too_long(old: Client, cast: Cast, group: int) -> None:
    for fields, code in (({"name": "x" * 101}, "103011"), ({"name": "x", "description": "x" * 501}, "103012")):
        refusal_ = ("INVALID_ARGUMENT", code)
        assert refused(old.start("CreateGroup", owner_id=cast[0].id, **fields)) == refusal_
        assert refused(old.start("UpdateGroup", group_id=group, operator_id=cast[0].id, **fields)) == refusal_


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("CreateGroup", {"owner_id": 1}),
        ("CreateGroup", {"name": "x"}),
        ("CreateGroup", {"owner_id": 2**53, "name": "x"}),
        ("CreateGroup", {"owner_id": 1, "name": "x", "member_ids": [0]}),
        ("CreateGroup", {"owner_id": 1, "name": "x", "member_ids": range(2, 503)}),
        ("GetGroupInfo", {"group_id": 1}),
        ("GetGroupInfo", {"user_id": 1}),
        ("GetGroupInfo", {"group_id": -1, "user_id": 1}),
        ("UpdateGroup", {"operator_id": 1, "name": "x"}),
        ("UpdateGroup", {"group_id": 1, "operator_id": 1, "notice": "x" * 2_001}),
        ("DissolveGroup", {"group_id": 1}),
        ("InviteUsers", {"group_id": 1, "inviter_id": 1}),
        ("InviteUsers", {"group_id": 1, "inviter_id": 1, "user_ids": range(2, 103)}),
        ("RemoveMembers", {"group_id": 1, "operator_id": 1}),
        ("LeaveGroup", {"group_id": 1}),
        ("GetGroupMembers", {}),
        ("GetGroupMembers", {"group_id": 1, "limit": 101}),
        ("GetGroupMembers", {"group_id": 1, "role": 4}),
        ("SetMemberRole", {"group_id": 1, "operator_id": 1, "user_id": 2}),
        ("SetMemberRole", {"group_id": 1, "operator_id": 1, "user_id": 2, "role": OWNER}),
        ("MuteMembers", {"group_id": 1, "operator_id": 1, "user_ids": [2], "duration": -1}),
        ("MuteMembers", {"group_id": 1, "operator_id": 1, "user_ids": [2], "duration": 2_592_001}),
        ("GetUserGroups", {}),
        ("CheckMembership", {"group_id": 1}),
        ("CheckMembership", {"user_id": 1}),
        ("SendGroupMessage", {"from_user_id": 1, "content": "x"}),
        ("SendGroupMessage", {"group_id": 1, "from_user_id": 1}),
        ("SendGroupMessage", {"group_id": 1, "from_user_id": 1, "content": "x", "extra": "{"}),
        ("GetGroupHistory", {"group_id": 1}),
        ("GetGroupHistory", {"user_id": 1}),
        ("GetGroupHistory", {"group_id": 1, "user_id": 1, "limit": 101}),
    ],
    ids=str,
)
def test_bad_fields(old: Client, method: str, fields: dict[str, Any]) -> None:
    assert refused(old.start(method, **fields)) == INVALID


def test_a_type_that_may_not_be_sent_and_too_much(old: Client, cast: Cast, group: int) -> None:
    asked = {"group_id": group, "from_user_id": cast[0].id}
    system = old.start("SendGroupMessage", **asked, content="x", message_type=6)
    assert refused(system) == ("INVALID_ARGUMENT", "104007")
    assert refused(old.start("SendGroupMessage", **asked, content="x" * 5_001)) == ("INVALID_ARGUMENT", "104006")


def test_no_token_no_groups(stack: Stack) -> None:
    stranger = Client(stack.rpc_address, ORIGINAL_GROUP, token=None)
    for method in compiled(ORIGINAL_GROUP).services_by_name["Group"].methods_by_name:
        assert refused(stranger.start(method)) == ("UNAUTHENTICATED", "100008"), method


def test_a_legacy_caller_of_groups(stack: Stack, cast: Cast, group: int) -> None:
    """It has no token, pages beyond the end, and an `extra` of its own that comes back as it came."""
    address = stack.add("rpc", RPC_SERVICE_TOKENS="", RPC_LEGACY_CALLERS="1").address  # type: ignore[attr-defined]
    legacy = Client(address, ORIGINAL_GROUP, token=None)
    olga = cast[0].id
    assert len(legacy.GetGroupMembers(group_id=group, page=-1, limit=500).members) == 3
    assert legacy.GetUserGroups(user_id=olga, page=-1, limit=500).total > 0
    sent = legacy.SendGroupMessage(group_id=group, from_user_id=olga, content="x", extra="file.txt").message
    assert sent.extra == "file.txt"
    assert legacy.GetGroupHistory(group_id=group, user_id=olga, limit=500).messages[-1] == sent


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (103001, "NOT_FOUND"),
        (103002, "FAILED_PRECONDITION"),
        (103003, "FAILED_PRECONDITION"),
        (103004, "NOT_FOUND"),
        (103005, "ALREADY_EXISTS"),
        (103006, "FAILED_PRECONDITION"),
        (103007, "PERMISSION_DENIED"),
        (103008, "PERMISSION_DENIED"),
        (103009, "PERMISSION_DENIED"),
        (103011, "INVALID_ARGUMENT"),
        (103012, "INVALID_ARGUMENT"),
    ],
)
def test_the_status_of_each_refusal(code: int, status: str) -> None:
    """No method is answered 103003 or 103005 as a whole: its answer names the users who failed."""
    assert refusal(Refused(Code(code))).status.name == status
