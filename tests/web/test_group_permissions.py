"""The permission matrix of groups: every call by everybody, through the real process, and as the protocol shows it."""

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
import requests

from tests.documents import names, table, text
from tests.people import User, Web, answer, befriend, new_group, new_user

OK = 200
NO_GROUP, NO_ASKED, DISSOLVED, THERE, STAYS = 103001, 101008, 103002, 103005, 103006
NOT_IN, ROLE, MUTED, INVITING = 103004, 103007, 103008, 103009
FORBIDDEN, UNSEEN, NOWHERE = 100009, 104001, 104005

WHO = ("hidden", "stranger", "former", "member", "admin", "owner")
# For whom a private group is hidden, a stranger to another group, a former member of a private one, and the roles.
# `send` is of a text, `recall` and `delete` are of the owner's message, for everyone.
# fmt: off
MATRIX: dict[str, tuple[int, ...]] = {
    #                 hidden    stranger  former  member     admin  owner
    "info":          (NO_GROUP, OK,       ROLE,   OK,        OK,    OK),
    "join":          (NO_GROUP, OK,       ROLE,   THERE,     THERE, THERE),
    "members":       (NO_GROUP, ROLE,     ROLE,   OK,        OK,    OK),
    "member/update": (NO_GROUP, ROLE,     ROLE,   OK,        OK,    OK),
    "leave":         (NO_GROUP, ROLE,     ROLE,   OK,        OK,    STAYS),
    "invite":        (NO_GROUP, ROLE,     ROLE,   INVITING,  OK,    OK),
    "update":        (NO_GROUP, ROLE,     ROLE,   ROLE,      OK,    OK),
    "requests":      (NO_GROUP, ROLE,     ROLE,   ROLE,      OK,    OK),
    "handle":        (NO_ASKED, ROLE,     ROLE,   ROLE,      OK,    OK),
    "remove":        (NO_GROUP, ROLE,     ROLE,   ROLE,      OK,    OK),
    "mute":          (NO_GROUP, ROLE,     ROLE,   ROLE,      OK,    OK),
    "role":          (NO_GROUP, ROLE,     ROLE,   ROLE,      ROLE,  OK),
    "transfer":      (NO_GROUP, ROLE,     ROLE,   ROLE,      ROLE,  OK),
    "dissolve":      (NO_GROUP, ROLE,     ROLE,   ROLE,      ROLE,  OK),
    "send":          (NO_GROUP, ROLE,     ROLE,   OK,        OK,    OK),
    "recall":        (UNSEEN,   UNSEEN,   ROLE,   FORBIDDEN, OK,    OK),
    "delete":        (UNSEEN,   UNSEEN,   ROLE,   FORBIDDEN, OK,    OK),
}
# What the owner and a member are answered when the group is dissolved.
OF_DISSOLVED: dict[str, tuple[int, int]] = {
    #                 owner      member
    "info":          (OK,        OK),
    "join":          (DISSOLVED, DISSOLVED),
    "members":       (OK,        OK),
    "member/update": (DISSOLVED, DISSOLVED),
    "invite":        (DISSOLVED, DISSOLVED),
    "update":        (DISSOLVED, DISSOLVED),
    "requests":      (OK,        ROLE),
    "handle":        (DISSOLVED, DISSOLVED),
    "remove":        (DISSOLVED, DISSOLVED),
    "mute":          (DISSOLVED, DISSOLVED),
    "role":          (DISSOLVED, DISSOLVED),
    "transfer":      (DISSOLVED, DISSOLVED),
    "dissolve":      (DISSOLVED, DISSOLVED),
    "send":          (DISSOLVED, DISSOLVED),
    "recall":        (OK,        FORBIDDEN),
    "delete":        (OK,        FORBIDDEN),
    "leave":         (OK,        OK),
}
# Whom `remove` and `mute` reach, and the code of those whom they do not.
TARGETS: dict[tuple[str, str], int] = {
    ("owner", "owner"): ROLE,  ("owner", "admin"): OK,   ("owner", "member"): OK,
    ("admin", "owner"): ROLE,  ("admin", "admin"): ROLE, ("admin", "second admin"): ROLE, ("admin", "member"): OK,
    ("owner", "stranger"): NOT_IN, ("admin", "stranger"): NOT_IN, ("owner", "former"): NOT_IN,
}
# fmt: on
OF_MESSAGES = {"send", "recall", "delete"}
READS = {"info", "members", "requests"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A group, and what calls about it name: an owner's message, a request that waits, and a second member."""

    group_id: int
    message_id: int
    request_id: int
    other_id: int

    @property
    def conversation_id(self) -> str:
        """Returns the id of the group's conversation."""
        return f"group_{self.group_id}"

    def body(self, call: str) -> dict[str, Any]:
        """Returns the body of a call that somebody may make."""
        more: dict[str, dict[str, Any]] = {
            "member/update": {"nickname": "x"},
            "invite": {"user_ids": [1]},
            "update": {"notice": "new"},
            "remove": {"user_ids": [self.other_id]},
            "mute": {"user_ids": [self.other_id], "seconds": 60},
            "role": {"user_id": self.other_id, "role": 2},
            "transfer": {"user_id": self.other_id},
            "send": {"content": "x"},
        }
        if call == "handle":
            return {"request_id": self.request_id, "action": "accept"}
        if call in ("recall", "delete"):
            return {"message_id": self.message_id}
        return {"group_id": self.group_id} | more.get(call, {})


@pytest.fixture
def web(described_unlimited_web: Web) -> Web:
    """Returns a REST door without limits: one owner makes all groups."""
    return described_unlimited_web


@pytest.fixture(scope="module")
def cast(stack: Any) -> dict[str, User]:
    """Returns users by what they will be to groups. All are friends of the owner."""
    web = Web(stack.web_url)
    users = {who: new_user(web) for who in (*WHO, "second admin", "other", "asking")}
    for who in ("former", "member", "admin", "second admin", "other"):
        befriend(web, users["owner"], users[who])
    return users


def made(web: Web, cast: dict[str, User], *, private: bool = False, **fields: Any) -> Scene:
    """Make a group in which each of the cast has their place."""
    owner = cast["owner"]
    insiders = [cast[who] for who in ("former", "member", "admin", "second admin", "other")]
    flags = {"allow_invite": False, "join_approval": True} | fields
    named = {"group_id": new_group(web, owner, *insiders, **flags)["id"]}
    for who in ("admin", "second admin"):
        answer(web.post("/group/v1/role", named | {"user_id": cast[who].id, "role": 2}, owner.token))
    message = answer(web.post("/message/v1/send", named | {"content": "x"}, owner.token))["message"]
    asked = answer(web.post("/group/v1/join", named, cast["asking"].token))
    answer(web.post("/group/v1/leave", named, cast["former"].token))
    if private:
        answer(web.post("/group/v1/update", named | {"is_private": True}, owner.token))
    return Scene(named["group_id"], message["id"], asked["request_id"], cast["other"].id)


@pytest.fixture(scope="module")
def untouched(stack: Any, cast: dict[str, User]) -> dict[bool, Scene]:
    """Returns an open group and a private one, for calls that only read, or are to be refused."""
    return {private: made(Web(stack.web_url), cast, private=private) for private in (False, True)}


def call(web: Web, user: User, name: str, body: dict[str, Any]) -> requests.Response:
    return web.post(f"/{'message' if name in OF_MESSAGES else 'group'}/v1/{name}", body, user.token)


def outcome(response: requests.Response) -> int:
    """Returns 200, or the code of a refusal."""
    found: int = 200 if response.status_code == 200 else response.json()["code"]
    return found


@pytest.mark.parametrize("name", MATRIX)
def test_everybody_may_what_the_matrix_says(
    web: Web, cast: dict[str, User], untouched: dict[bool, Scene], name: str
) -> None:
    found = {}
    for who, expected in zip(WHO, MATRIX[name], strict=True):
        private = who in ("hidden", "former")
        changes = expected == OK and name not in READS
        scene = made(web, cast, private=private) if changes else untouched[private]
        found[who] = outcome(call(web, cast[who], name, scene.body(name)))
    assert found == dict(zip(WHO, MATRIX[name], strict=True))


def test_a_private_group_is_answered_like_none(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast, private=True)
    for name in MATRIX.keys() - {"handle", "recall", "delete"}:
        body = scene.body(name)
        probed = call(web, cast["hidden"], name, body)
        nobody = call(web, cast["hidden"], name, body | {"group_id": 2**53 - 1})
        assert (probed.status_code, probed.content) == (nobody.status_code, nobody.content), name
    probed, nobody = (
        call(web, cast["hidden"], "handle", {"request_id": number, "action": "accept"})
        for number in (scene.request_id, 2**53 - 1)
    )
    assert (probed.status_code, probed.content) == (nobody.status_code, nobody.content)


def test_of_a_dissolved_group_only_reading_and_leaving_are_left(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast)
    answer(call(web, cast["owner"], "dissolve", scene.body("dissolve")))
    found = {
        name: tuple(outcome(call(web, cast[who], name, scene.body(name))) for who in ("owner", "member"))
        for name in OF_DISSOLVED
    }
    assert found == OF_DISSOLVED


@pytest.mark.parametrize("name", ["remove", "mute"])
def test_whom_a_call_reaches(web: Web, cast: dict[str, User], name: str) -> None:
    found = {}
    for actor, target in TARGETS:
        scene, user_id = made(web, cast), cast[target].id
        done = answer(call(web, cast[actor], name, scene.body(name) | {"user_ids": [user_id, scene.other_id]}))
        reached = done["removed" if name == "remove" else "muted"]
        assert scene.other_id in reached, "what one refuses does not stop the others"
        found[actor, target] = OK if user_id in reached else done["failed"][0]["code"]
        assert done["failed"] == [] or done["failed"][0]["user_id"] == user_id
    assert found == TARGETS


def test_members_describe_a_group_that_allows_it(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast, allow_member_modify=True)
    for field in ("name", "avatar", "description", "notice"):
        body = {"group_id": scene.group_id, field: "new"}
        assert answer(call(web, cast["member"], "update", body))["group"][field] == "new"


def test_members_never_change_a_flag(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast, allow_member_modify=True)
    group = answer(call(web, cast["member"], "info", {"group_id": scene.group_id}))["group"]
    flags = ("is_private", "join_approval", "allow_invite", "allow_member_modify", "mute_all")
    for flag, more in product(flags, ({}, {"name": "new"})):
        body = {"group_id": scene.group_id, flag: not group[flag]} | more
        assert outcome(call(web, cast["member"], "update", body)) == ROLE, flag
    assert answer(call(web, cast["member"], "info", {"group_id": scene.group_id}))["group"] == group


def test_members_invite_into_a_group_that_allows_it(web: Web, cast: dict[str, User]) -> None:
    scene, friend = made(web, cast, allow_invite=True), new_user(web)
    befriend(web, cast["member"], friend)
    body = {"group_id": scene.group_id, "user_ids": [friend.id]}
    assert answer(call(web, cast["member"], "invite", body)) == {"added": [], "pending": [friend.id], "failed": []}
    answer(call(web, cast["owner"], "update", {"group_id": scene.group_id, "join_approval": False}))
    assert answer(call(web, cast["member"], "invite", body)) == {"added": [friend.id], "pending": [], "failed": []}


def test_who_is_muted_writes_nothing(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast)
    who = ("member", "admin", "owner")
    muted = {"user_ids": [cast["member"].id, cast["admin"].id], "seconds": 60}
    answer(call(web, cast["owner"], "mute", scene.body("mute") | muted))
    assert [outcome(call(web, cast[each], "send", scene.body("send"))) for each in who] == [MUTED, MUTED, OK]
    answer(call(web, cast["owner"], "mute", scene.body("mute") | muted | {"seconds": 0}))
    assert [outcome(call(web, cast[each], "send", scene.body("send"))) for each in who] == [OK, OK, OK]
    answer(call(web, cast["owner"], "update", {"group_id": scene.group_id, "mute_all": True}))
    assert [outcome(call(web, cast[each], "send", scene.body("send"))) for each in who] == [MUTED, OK, OK]


def test_only_owner_and_admins_mention_all(web: Web, cast: dict[str, User]) -> None:
    body = made(web, cast).body("send") | {"extra": {"mentions": ["all"]}}
    assert [outcome(call(web, cast[who], "send", body)) for who in ("member", "admin", "owner")] == [ROLE, OK, OK]


def test_a_member_takes_their_own_message_back(web: Web, cast: dict[str, User]) -> None:
    scene = made(web, cast)
    for name in ("recall", "delete"):
        message = answer(call(web, cast["member"], "send", scene.body("send")))["message"]
        answer(call(web, cast["member"], name, {"message_id": message["id"]}))


# The calls about a conversation and a message in it: what they answer who has left a group, and who never was in it.
OF_CONVERSATIONS: list[tuple[str, dict[str, Any], int, int]] = [
    ("history", {}, OK, NOWHERE),
    ("read", {}, OK, NOWHERE),
    ("unread", {}, OK, NOWHERE),
    ("conversation/update", {"del_state": True}, OK, NOWHERE),
    ("conversation/update", {"is_top": True}, ROLE, NOWHERE),
    ("conversation/update", {"is_mute": True, "del_state": True}, ROLE, NOWHERE),
    ("read", {"message_id": 0}, OK, UNSEEN),
    ("delete", {"message_id": 0, "scope": "self"}, OK, UNSEEN),
    ("delete", {"message_id": 0}, ROLE, UNSEEN),
    ("recall", {"message_id": 0}, ROLE, UNSEEN),
    ("receipts", {"message_id": 0}, ROLE, UNSEEN),
]


@pytest.mark.parametrize("private", [False, True], ids=["open", "private"])
def test_who_has_left_reads_and_hides_and_nothing_more(web: Web, cast: dict[str, User], private: bool) -> None:
    scene = made(web, cast, private=private)
    for path, body, of_former, of_stranger in OF_CONVERSATIONS:
        named = {"message_id": scene.message_id} if "message_id" in body else {"conversation_id": scene.conversation_id}
        for who, expected in (("former", of_former), ("stranger", of_stranger)):
            found = web.post(f"/message/v1/{path}", body | named, cast[who].token)
            assert outcome(found) == expected, (path, body, who)


def test_who_has_left_is_told_of_nothing_that_came_since(web: Web, cast: dict[str, User]) -> None:
    scene, former = made(web, cast), cast["former"]
    said = scene.body("send") | {"extra": {"mentions": ["all"]}}
    message = answer(call(web, cast["owner"], "send", said))["message"]
    for path, body in (("read", {}), ("delete", {"scope": "self"}), ("recall", {}), ("receipts", {})):
        refused = web.post(f"/message/v1/{path}", body | {"message_id": message["id"]}, former.token)
        assert outcome(refused) == UNSEEN, path
    name = scene.conversation_id
    page = answer(web.post("/message/v1/history", {"conversation_id": name, "limit": 100}, former.token))
    assert message["seq"] - 1 == page["messages"][-1]["seq"]
    synced = answer(web.post("/message/v1/sync", {"heads": {name: 0}}, former.token))["conversations"]
    (mine,) = [each for each in synced if each["conversation"]["conversation_id"] == name]
    assert mine["messages"] == page["messages"]
    assert mine["conversation"]["last_message"] == page["messages"][-1]
    assert (mine["conversation"]["unread_count"], mine["conversation"]["unread_mentions"]) == (1, 0)


def test_the_protocol_shows_this_matrix() -> None:
    rows = table(text("docs/protocol.md"), "Call")
    columns = {"not a member, private group": "hidden", "not a member": "stranger"} | {
        who: who for who in ("member", "admin", "owner")
    }
    shown = {name: row for row in rows for name in names(row["Call"])}
    assert shown.keys() == MATRIX.keys()
    for name, row in shown.items():
        expected = dict(zip(WHO, MATRIX[name], strict=True))
        for heading, who in columns.items():
            cell, code = row[heading], expected[who]
            assert (str(code) in cell) if code != OK else not re.fullmatch(r"\d{6}", cell), (name, who, cell)
