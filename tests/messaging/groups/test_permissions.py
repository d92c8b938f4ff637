"""Tests of every call by every role, against the contract's table, in open and in dissolved groups."""

from collections.abc import Callable
from typing import Any

import pytest

from actions import groups
from messaging.errors import Code, Refused
from messaging.groups.permissions import PERMISSIONS, Action
from messaging.groups.roles import Role
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE
from tests.messaging.groups.conftest import ERIN, FRANK, new_group, said, set_group

Call = Callable[[int, int], Any]  # of who calls, and the group
GRACE = 7

WHO = {"stranger": FRANK, "former": ERIN, "member": CAROL, "admin": BOB, "owner": ALICE}
CALLS: dict[str, Call] = {
    "info": lambda who, group_id: groups.info(who, group_id=group_id),
    "join": lambda who, group_id: groups.join(who, group_id=group_id),
    "members": lambda who, group_id: groups.members(who, group_id=group_id),
    "leave": lambda who, group_id: groups.leave(who, group_id=group_id),
    "nickname": lambda who, group_id: groups.update_member(who, group_id=group_id, nickname="x"),
    "describe": lambda who, group_id: groups.update(who, group_id=group_id, notice="new"),
    "configure": lambda who, group_id: groups.update(who, group_id=group_id, name="new", mute_all=True),
    "invite": lambda who, group_id: groups.invite(who, group_id=group_id, user_ids=[GRACE]),
    "requests": lambda who, group_id: groups.requests(who, group_id=group_id),
    "handle": lambda who, group_id: groups.handle(who, request_id=asked(group_id), action="reject"),
    "remove": lambda who, group_id: groups.remove(who, group_id=group_id, user_ids=[DAVE]),
    "mute": lambda who, group_id: groups.mute(who, group_id=group_id, user_ids=[DAVE], seconds=9),
    "role": lambda who, group_id: groups.set_role(who, group_id=group_id, user_id=DAVE, role=2),
    "transfer": lambda who, group_id: groups.transfer(who, group_id=group_id, user_id=DAVE),
    "dissolve": lambda who, group_id: groups.dissolve(who, group_id=group_id),
}
YES = None
NO, HIDDEN, ENDED = Code.ROLE_TOO_LOW, Code.NO_SUCH_GROUP, Code.GROUP_DISSOLVED
IN = Code.ALREADY_A_MEMBER
# of a group that everybody can see   stranger former member admin  owner
OPEN: dict[str, tuple[Code | None, ...]] = {
    "info": (YES, YES, YES, YES, YES),
    "join": (YES, YES, IN, IN, IN),
    "members": (NO, NO, YES, YES, YES),
    "leave": (NO, NO, YES, YES, Code.OWNER_CANNOT_LEAVE),
    "nickname": (NO, NO, YES, YES, YES),
    "describe": (NO, NO, NO, YES, YES),
    "configure": (NO, NO, NO, YES, YES),
    "invite": (NO, NO, YES, YES, YES),
    "requests": (NO, NO, NO, YES, YES),
    "handle": (NO, NO, NO, YES, YES),
    "remove": (NO, NO, NO, YES, YES),
    "mute": (NO, NO, NO, YES, YES),
    "role": (NO, NO, NO, NO, YES),
    "transfer": (NO, NO, NO, NO, YES),
    "dissolve": (NO, NO, NO, NO, YES),
}
GOES_ON = ("info", "members", "requests", "leave")  # in a dissolved group
_waiting: dict[int, int] = {}


def asked(group_id: int) -> int:
    """Returns the id of the request that waits in a group."""
    return _waiting[group_id]


@pytest.fixture
def open_group(friends: None) -> int:
    """Make a group with members of each role, a former one, and a request that waits. Returns its id."""
    made = new_group(ALICE, BOB, CAROL, DAVE, ERIN)
    groups.set_role(ALICE, group_id=made, user_id=BOB, role=2)
    groups.leave(ERIN, group_id=made)
    groups.update(ALICE, group_id=made, join_approval=True)
    _waiting[made] = groups.join(GRACE, group_id=made)["request_id"]
    groups.update(ALICE, group_id=made, join_approval=False)
    return made


def told(call: str, who: str, group_id: int) -> Code | None:
    """Make a call. Returns the code of its refusal, or None."""
    try:
        CALLS[call](WHO[who], group_id)
    except Refused as error:
        return error.code
    return None


def test_the_table_has_every_action_and_every_call_an_expectation() -> None:
    assert set(PERMISSIONS) == set(Action)
    assert all(len(row) == len(Role) for row in PERMISSIONS.values())
    assert list(CALLS) == list(OPEN)
    assert len(CALLS) == len(Action)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("call", CALLS)
def test_who_may_do_what(open_group: int, call: str, who: str) -> None:
    before = len(said(open_group))
    expected = OPEN[call][list(WHO).index(who)]
    assert told(call, who, open_group) is expected
    assert expected is None or len(said(open_group)) == before, "a refused call says nothing"


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("call", CALLS)
def test_who_may_do_what_in_a_private_group(open_group: int, call: str, who: str) -> None:
    """Strangers cannot tell it from none. Who was in it knows it, and may do nothing."""
    set_group(open_group, is_private=True)
    expected = OPEN[call][list(WHO).index(who)]
    assert told(call, who, open_group) is {"stranger": HIDDEN, "former": NO}.get(who, expected)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("call", CALLS)
def test_who_may_do_what_in_a_dissolved_group(open_group: int, call: str, who: str) -> None:
    groups.dissolve(ALICE, group_id=open_group)
    expected = OPEN[call][list(WHO).index(who)]
    if who in ("stranger", "former"):
        expected = ENDED if call == "join" else expected
    elif call not in GOES_ON:
        expected = ENDED
    elif call == "leave":
        expected = YES  # its owner could neither transfer nor dissolve it
    assert told(call, who, open_group) is expected


@pytest.mark.parametrize("call", [call for call in CALLS if call != "handle"])
def test_a_group_that_is_not_there(friends: None, call: str) -> None:
    assert told(call, "owner", 404) is HIDDEN


def test_members_change_what_the_group_says_of_itself_where_it_lets_them(open_group: int) -> None:
    groups.update(ALICE, group_id=open_group, allow_member_modify=True)
    changed = groups.update(CAROL, group_id=open_group, name="a", avatar="b.png", description="c", notice="d")["group"]
    assert [changed[name] for name in ("name", "avatar", "description", "notice")] == ["a", "b.png", "c", "d"]
    for flag in ("is_private", "join_approval", "allow_invite", "allow_member_modify", "mute_all"):
        with pytest.raises(Refused) as refused:
            groups.update(CAROL, group_id=open_group, name="e", **{flag: not changed[flag]})
        assert refused.value.code is NO
    assert groups.info(CAROL, group_id=open_group)["group"] == changed


def test_members_invite_where_the_group_lets_them(open_group: int) -> None:
    groups.update(ALICE, group_id=open_group, allow_invite=False)
    assert told("invite", "member", open_group) is Code.INVITING_NOT_ALLOWED
    assert told("invite", "admin", open_group) is YES


TARGETS: dict[str, Callable[[int, int, int], dict[str, Any]]] = {
    "removed": lambda who, group_id, target: groups.remove(who, group_id=group_id, user_ids=[target]),
    "muted": lambda who, group_id, target: groups.mute(who, group_id=group_id, user_ids=[target], seconds=9),
}


@pytest.mark.parametrize("who", ["admin", "owner"])
@pytest.mark.parametrize("target", ["stranger", "former", "member", "admin", "owner", "another admin"])
@pytest.mark.parametrize("done", TARGETS)
def test_upon_whom(open_group: int, done: str, who: str, target: str) -> None:
    """Admins rule members, the owner all others; nobody rules themselves."""
    groups.set_role(ALICE, group_id=open_group, user_id=DAVE, role=2)
    on = (WHO | {"another admin": DAVE})[target]
    answer = TARGETS[done](WHO[who], open_group, on)
    if target in ("stranger", "former"):
        code = Code.NOT_A_MEMBER
    elif target == "member" or (who == "owner" and target != "owner"):
        assert answer == {done: [on], "failed": []}
        return
    else:
        code = Code.ROLE_TOO_LOW
    assert answer == {done: [], "failed": [{"user_id": on, "code": code}]}
