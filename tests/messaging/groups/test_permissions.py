"""Tests of every call by every role, against the contract's table, in open and in dissolved groups."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from actions import groups
from db.group_request import GroupRequest
from messaging.errors import Code, Refused
from messaging.groups.permissions import PERMISSIONS, Action
from messaging.groups.roles import Role
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read
from tests.messaging.groups.conftest import ERIN, FRANK, new_group, roles, said, set_group

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
Outcomes = dict[tuple[str, str], Code | None]
ALLOWED: Outcomes = {(call, who): code for call, row in OPEN.items() for who, code in zip(WHO, row, strict=True)}
READS = ("info", "members", "requests")
GOES_ON = ("info", "members", "requests", "leave")  # in a dissolved group
_waiting: dict[int, int] = {}


def asked(group_id: int) -> int:
    """Returns the id of the request that waits in a group."""
    return _waiting[group_id]


@pytest.fixture
def open_group(friends: None) -> int:
    """Make a group as `made` does. Returns its id."""
    return made()


def made() -> int:
    """Make a group with members of each role, a former one, and a request that waits. Returns its id."""
    group_id = new_group(ALICE, BOB, CAROL, DAVE, ERIN)
    groups.set_role(ALICE, group_id=group_id, user_id=BOB, role=2)
    groups.leave(ERIN, group_id=group_id)
    groups.update(ALICE, group_id=group_id, join_approval=True)
    _waiting[group_id] = groups.join(GRACE, group_id=group_id)["request_id"]
    groups.update(ALICE, group_id=group_id, join_approval=False)
    return group_id


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


def state(group_id: int) -> list[Any]:
    """Returns what a call could have changed."""
    return [said(group_id), roles(group_id), groups.info(ALICE, group_id=group_id), _requests(group_id)]


def _requests(group_id: int) -> list[tuple[int, int]]:
    query = select(GroupRequest.id, GroupRequest.status).where(GroupRequest.group_id == group_id)
    return read(lambda session: [(row.id, row.status) for row in session.execute(query.order_by(GroupRequest.id))])


def outcomes(make: Callable[[], int], expected: Outcomes) -> Outcomes:
    """Make every call by everybody. Returns each one's refusal, or None.

    Calls that only read, and those that are to be refused, are made in one group, in which nothing may change. Each
    of the others is made in a group of its own.
    """
    unchanged = make()
    before = state(unchanged)
    found = {}
    for (call, who), code in expected.items():
        if code is YES and call not in READS:
            found[call, who] = told(call, who, make())
        else:
            found[call, who] = told(call, who, unchanged)
            assert state(unchanged) == before, (call, who)
    return found


def test_who_may_do_what(friends: None) -> None:
    assert outcomes(made, ALLOWED) == ALLOWED


def test_who_may_do_what_in_a_private_group(friends: None) -> None:
    """Strangers cannot tell it from none. Who was in it knows it, and may do nothing."""

    def private() -> int:
        group_id = made()
        set_group(group_id, is_private=True)
        return group_id

    expected = {(call, who): {"stranger": HIDDEN, "former": NO}.get(who, code) for (call, who), code in ALLOWED.items()}
    expected["handle", "stranger"] = Code.NO_SUCH_REQUEST  # as for a request that there is not
    assert outcomes(private, expected) == expected


def test_who_may_do_what_in_a_dissolved_group(friends: None) -> None:
    def dissolved() -> int:
        group_id = made()
        groups.dissolve(ALICE, group_id=group_id)
        return group_id

    def of_dissolved(call: str, who: str, code: Code | None) -> Code | None:
        if who in ("stranger", "former"):
            return ENDED if call == "join" else code
        if call not in GOES_ON:
            return ENDED
        return YES if call == "leave" else code  # its owner could neither transfer nor dissolve it

    expected = {(call, who): of_dissolved(call, who, code) for (call, who), code in ALLOWED.items()}
    assert outcomes(dissolved, expected) == expected


def test_a_group_that_is_not_there(friends: None) -> None:
    calls = CALLS.keys() - {"handle"}
    assert {call: told(call, "owner", 404) for call in calls} == dict.fromkeys(calls, HIDDEN)


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


@pytest.mark.parametrize("done", TARGETS)
def test_upon_whom(friends: None, done: str) -> None:
    """Admins rule members, the owner all others; nobody rules themselves."""
    targets = WHO | {"another admin": DAVE}
    group_id = None
    for who, target in product(("admin", "owner"), targets):
        if group_id is None:
            group_id = made()
            groups.set_role(ALICE, group_id=group_id, user_id=DAVE, role=2)
        answer = TARGETS[done](WHO[who], group_id, targets[target])
        if target == "member" or (who == "owner" and target not in ("stranger", "former", "owner")):
            assert answer == {done: [targets[target]], "failed": []}, (who, target)
            group_id = None  # the next one finds all of them as they were
            continue
        code = Code.NOT_A_MEMBER if target in ("stranger", "former") else Code.ROLE_TOO_LOW
        assert answer == {done: [], "failed": [{"user_id": targets[target], "code": code}]}, (who, target)
