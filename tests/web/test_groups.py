"""Tests of POST /group/v1/…, through the real process. Who may do what is tested in test_group_permissions.py."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from infra.limits import GROUP_CHANGES
from tests.people import User, Web, answer, befriend, friends, history, new_group, new_user
from web import groups as views

NOBODY = 2**53 - 1
CHANGES = ("create", "update", "invite", "join", "handle", "remove", "leave", "role", "mute", "transfer", "dissolve")
PATHS = (*CHANGES, "info", "requests", "member/update", "members", "mine")


@pytest.fixture(scope="module")
def trio(stack: Any) -> tuple[User, User, User]:
    """Returns an owner and two friends of theirs."""
    web = Web(stack.web_url)
    owner, one = friends(web, "Olga")
    other = new_user(web)
    befriend(web, owner, other)
    return owner, one, other


def call(web: Web, user: User, path: str, **body: Any) -> requests.Response:
    return web.post(f"/group/v1/{path}", body, user.token)


def done(web: Web, user: User, path: str, **body: Any) -> Any:
    return answer(call(web, user, path, **body))


def assert_refused(response: requests.Response, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status), body
    return body


def said(web: Web, user: User, group: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Returns the actor and the `extra` of each system message that the user sees."""
    found = history(web, user, group["conversation_id"])
    assert [each["seq"] for each in found] == list(range(found[0]["seq"], found[0]["seq"] + len(found)))
    assert all(each["content"] == "" and each["status"] == 1 for each in found if each["message_type"] == 0)
    return [(each["from_user_id"], each["extra"]) for each in found if each["message_type"] == 0]


def test_all_calls_that_store_a_message_are_limited_together(web: Web) -> None:
    """A user who tries none but each of them in turn is stopped, where they may still look and set their nickname."""
    user, named = new_user(web), {"group_id": NOBODY}
    hasty = Web(web.url, address="127.0.0.3")  # which repeats nothing
    statuses = {call(hasty, user, CHANGES[number % len(CHANGES)], **named).status_code for number in range(201)}
    assert 429 in statuses
    assert_refused(call(web, user, "info", **named), 404, 103001)
    assert_refused(call(web, user, "member/update", **named, nickname="x"), 404, 103001)


def test_which_calls_are_limited_together() -> None:
    limited = [view for view in vars(views).values() if getattr(view, "limit", None) is GROUP_CHANGES]
    assert {view.together for view in limited} == {"group changes"}
    assert len(limited) == len(CHANGES)


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_told_401(web: Web, path: str) -> None:
    assert_refused(web.post(f"/group/v1/{path}", {"nonsense": 1}), 401, 100008)


def test_a_new_group_is_answered_whole(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    stranger = new_user(web)
    body = {
        "name": "Climbing 🧗",
        "avatar": "https://a.example/a.png",
        "description": "Tuesdays\nat 7",
        "mute_all": True,
    }
    found = done(web, owner, "create", **body, member_ids=[other.id, one.id, stranger.id, NOBODY, owner.id, one.id])
    group = found["group"]
    number, times = group.pop("id"), {group.pop("create_time"), group.pop("update_time")}
    assert len(times) == 1
    assert group == body | {
        "conversation_id": f"group_{number}",
        "notice": "",
        "owner_id": owner.id,
        "member_count": 3,
        "max_members": 500,
        "is_private": False,
        "join_approval": False,
        "allow_invite": True,
        "allow_member_modify": False,
        "status": 1,
    }
    assert found["failed"] == [{"user_id": stranger.id, "code": 101007}, {"user_id": NOBODY, "code": 101007}]
    assert said(web, one, group) == [(owner.id, {"event": "created", "user_ids": sorted(each.id for each in trio)})]


def test_a_group_of_one(web: Web, trio: tuple[User, User, User]) -> None:
    group = new_group(web, trio[0])
    assert done(web, trio[0], "info", group_id=group["id"]) == {"group": group, "my_role": 3}
    assert done(web, trio[1], "info", group_id=group["id"]) == {"group": group, "my_role": 0}


def test_everything_that_changes_is_told_in_the_conversation(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    group = new_group(web, owner, one)
    named = {"group_id": group["id"]}
    done(web, owner, "invite", **named, user_ids=[other.id])
    done(web, owner, "update", **named, name="New", mute_all=True, description="")
    done(web, owner, "role", **named, user_id=one.id, role=2)
    done(web, one, "mute", **named, user_ids=[other.id], seconds=60)
    done(web, other, "member/update", **named, nickname="Otter")
    done(web, one, "remove", **named, user_ids=[other.id])
    done(web, other, "join", **named)
    done(web, owner, "transfer", **named, user_id=one.id)
    done(web, owner, "leave", **named)
    done(web, one, "dissolve", **named)
    assert said(web, one, group) == [
        (owner.id, {"event": "created", "user_ids": [owner.id, one.id]}),
        (owner.id, {"event": "members_added", "user_ids": [other.id]}),
        (owner.id, {"event": "updated", "user_ids": [], "fields": {"name": "New", "mute_all": True}}),
        (owner.id, {"event": "role_changed", "user_ids": [one.id], "role": 2}),
        (one.id, {"event": "members_muted", "user_ids": [other.id], "seconds": 60}),
        (one.id, {"event": "members_removed", "user_ids": [other.id]}),
        (other.id, {"event": "member_joined", "user_ids": [other.id]}),
        (owner.id, {"event": "owner_changed", "user_ids": [one.id]}),
        (owner.id, {"event": "member_left", "user_ids": [owner.id]}),
        (one.id, {"event": "dissolved", "user_ids": []}),
    ]
    assert said(web, owner, group)[-1][1]["event"] == "member_left"
    assert said(web, other, group)[0][1]["event"] == "member_joined"


def test_a_message_that_tells_of_a_change_stays_as_it_is(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, _ = trio
    group = new_group(web, owner, one)
    (message,) = history(web, owner, group["conversation_id"])
    for path in ("recall", "delete"):
        refused = web.post(f"/message/v1/{path}", {"message_id": message["id"]}, owner.token)
        assert_refused(refused, 403, 100009)
    answer(web.post("/message/v1/delete", {"message_id": message["id"], "scope": "self"}, owner.token))
    assert history(web, owner, group["conversation_id"]) == []
    assert len(history(web, one, group["conversation_id"])) == 1


@pytest.mark.parametrize("changes", [{}, {"name": "group"}, {"notice": "", "allow_invite": True}], ids=str)
def test_an_update_that_changes_nothing_is_refused(
    web: Web, trio: tuple[User, User, User], changes: dict[str, Any]
) -> None:
    group = new_group(web, trio[0])
    assert_refused(call(web, trio[0], "update", group_id=group["id"], **changes), 400, 100002)
    assert done(web, trio[0], "info", group_id=group["id"])["group"] == group


def test_whom_an_invitation_brings_in(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    blocked, stranger = new_user(web), new_user(web)
    befriend(web, owner, blocked)
    answer(web.post("/friend/v1/block", {"user_id": owner.id}, blocked.token))
    group = new_group(web, owner, one)
    asked = [other.id, one.id, blocked.id, stranger.id, other.id]
    found = done(web, owner, "invite", group_id=group["id"], user_ids=asked)
    assert (found["added"], found["pending"]) == ([other.id], [])
    assert {each["user_id"]: each["code"] for each in found["failed"]} == {
        one.id: 103005,
        blocked.id: 101007,
        stranger.id: 101007,
    }
    assert done(web, owner, "info", group_id=group["id"])["group"]["member_count"] == 3


def test_requests_wait_for_owner_or_admin(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    asking, invited = new_user(web, "Ada"), new_user(web)
    befriend(web, one, invited)
    group = new_group(web, owner, one, other, join_approval=True)
    named = {"group_id": group["id"]}
    done(web, owner, "role", **named, user_id=other.id, role=2)
    found = done(web, asking, "join", **named, message="it's me")
    assert found == done(web, asking, "join", **named, message="again")
    assert found == {"joined": False, "request_id": found["request_id"]}
    assert done(web, one, "invite", **named, user_ids=[invited.id])["pending"] == [invited.id]
    page = done(web, other, "requests", **named)
    assert (len(page["requests"]), page["total"]) == (2, 2)
    newest, oldest = page["requests"]
    assert newest["user"]["id"] == invited.id
    assert oldest == {
        "request_id": found["request_id"],
        "user": {"id": asking.id, "username": asking.username, "nickname": "Ada", "avatar": ""},
        "message": "it's me",
        "create_time": oldest["create_time"],
    }
    done(web, other, "handle", request_id=oldest["request_id"], action="accept")
    done(web, owner, "handle", request_id=newest["request_id"], action="reject")
    assert done(web, owner, "requests", **named) == {"requests": [], "total": 0}
    assert_refused(call(web, owner, "handle", request_id=newest["request_id"], action="accept"), 409, 101010)
    assert [done(web, each, "info", **named)["my_role"] for each in (asking, invited)] == [1, 0]
    assert said(web, asking, group) == [(other.id, {"event": "member_joined", "user_ids": [asking.id]})]


def test_who_comes_back_sees_what_came_since(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, _ = trio
    group = new_group(web, owner, one)
    named, name = {"group_id": group["id"]}, group["conversation_id"]
    for content in ("before", "meanwhile", "after"):
        if content == "meanwhile":
            assert done(web, one, "leave", **named) == {}
        if content == "after":
            assert done(web, one, "join", **named) == {"joined": True, "request_id": None}
        answer(web.post("/message/v1/send", named | {"content": content}, owner.token))
        if content == "meanwhile":
            assert [each["content"] for each in history(web, one, name)] == ["", "before", ""]
    assert [each["content"] for each in history(web, one, name)] == ["", "after"]
    assert [each["content"] for each in history(web, owner, name)] == ["", "before", "", "meanwhile", "", "after"]


def test_a_group_changes_hands(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    group = new_group(web, owner, one, other)
    found = done(web, owner, "transfer", group_id=group["id"], user_id=other.id)["group"]
    assert found == group | {"owner_id": other.id, "update_time": found["update_time"]}
    listed = done(web, owner, "members", group_id=group["id"])
    assert [(each["user_id"], each["role"]) for each in listed["members"]] == [
        (other.id, 3),
        (owner.id, 2),
        (one.id, 1),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("role", {"user_id": 0, "role": 2}),
        ("role", {"user_id": 1, "role": 1}),
        ("transfer", {"user_id": 0}),
    ],
    ids=str,
)
def test_what_changes_no_role_is_refused(
    web: Web, trio: tuple[User, User, User], path: str, body: dict[str, Any]
) -> None:
    group = new_group(web, *trio)
    named = body | {"group_id": group["id"], "user_id": trio[body["user_id"]].id}
    assert_refused(call(web, trio[0], path, **named), 400, 100002)
    assert len(said(web, trio[0], group)) == 1


def test_members_as_they_are_called_in_the_group(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, _ = trio
    group = new_group(web, owner, one)
    named = {"group_id": group["id"]}
    found = done(web, one, "member/update", **named, nickname="Otter 🦦")["member"]
    assert found == {
        "user_id": one.id,
        "nickname": "Otter 🦦",
        "avatar": "",
        "role": 1,
        "mute_end_time": None,
        "join_time": group["create_time"],
    }
    assert [each["nickname"] for each in done(web, owner, "members", **named)["members"]] == ["Olga", "Otter 🦦"]
    assert done(web, one, "member/update", **named, nickname="")["member"]["nickname"] == one.username
    done(web, owner, "mute", **named, user_ids=[one.id], seconds=600)
    muted = done(web, owner, "members", **named, role=1)["members"][0]
    assert muted["mute_end_time"] >= group["create_time"] + 600


def test_lists_come_in_pages(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, _ = trio
    groups = [new_group(web, *trio) for _ in range(2)]
    newest = {"group_id": groups[1]["id"]}
    assert done(web, one, "mine", page=1, limit=2)["groups"] == groups[::-1]
    page = done(web, one, "mine", page=2, limit=1)
    assert (page["groups"], page["total"]) == (groups[:1], done(web, one, "mine")["total"])
    found = done(web, owner, "members", **newest, page=2, limit=2)
    assert (len(found["members"]), found["total"]) == (1, 3)
    assert done(web, owner, "members", **newest, role=2) == {"members": [], "total": 0}
    assert done(web, owner, "members", **newest, role=1)["total"] == 2
    done(web, owner, "remove", **newest, user_ids=[one.id])
    done(web, owner, "dissolve", group_id=groups[0]["id"])
    assert done(web, one, "mine", limit=1)["groups"][0]["status"] == 2


def test_only_one_gets_the_last_place(web: Web, strict_web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    group = new_group(strict_web, owner)
    assert group["max_members"] == 2
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda user: call(web, user, "join", group_id=group["id"]), (one, other)))
    assert sorted(each.status_code for each in both) == [200, 409]
    assert {each.json().get("code") for each in both} == {None, 103003}
    late = one if both[1].status_code == 200 else other
    found = done(web, owner, "invite", group_id=group["id"], user_ids=[late.id])
    assert found == {"added": [], "pending": [], "failed": [{"user_id": late.id, "code": 103003}]}
    full = done(strict_web, owner, "create", name="full", member_ids=[one.id, other.id])
    assert full["failed"] == [{"user_id": max(one.id, other.id), "code": 103003}]


def test_a_closed_account_leaves_its_groups(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one = friends(web)
    group, alone = new_group(web, owner, one), new_group(web, owner)
    answer(web.post("/user/v1/delete", {"password": "a long password"}, owner.token))
    found = done(web, one, "info", group_id=group["id"])
    assert (found["my_role"], found["group"]["owner_id"], found["group"]["member_count"]) == (3, one.id, 1)
    assert [extra["event"] for _, extra in said(web, one, group)] == ["created", "owner_changed", "member_left"]
    assert done(web, one, "info", group_id=alone["id"])["group"]["status"] == 2


IDS = [[], [0], ["1"], [True], [1.0], None, 5, list(range(1, 102))]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("create", {"name": None}, "name"),
    ("create", {"name": ""}, "name"),
    ("create", {"name": " "}, "name"),
    ("create", {"name": "a\u202eb"}, "name"),
    ("create", {"name": 5}, "name"),
    ("create", {"name": "x", "avatar": "javascript:alert(1)"}, "avatar"),
    ("create", {"name": "x", "avatar": "x" * 256}, "avatar"),
    ("create", {"name": "x", "description": None}, "description"),
    ("create", {"name": "x", "member_ids": list(range(1, 502))}, "member_ids"),
    ("create", {"name": "x", "is_private": 1}, "is_private"),
    ("create", {"name": "x", "mute_all": "true"}, "mute_all"),
    ("create", {"name": "x", "owner_id": 1}, "owner_id"),
    ("create", {"name": "x", "max_members": 10}, "max_members"),
    ("info", {"group_id": 0}, "group_id"),
    ("info", {"group_id": "1"}, "group_id"),
    ("info", {"group_id": 2**53}, "group_id"),
    ("update", {"notice": "x" * 2_001}, "notice"),
    ("update", {"notice": None}, "notice"),
    ("update", {"join_approval": 0}, "join_approval"),
    ("update", {"status": 2}, "status"),
    *((path, {"user_ids": ids}, "user_ids") for path in ("invite", "remove") for ids in IDS),
    ("mute", {"user_ids": list(range(1, 102)), "seconds": 1}, "user_ids"),
    ("mute", {"user_ids": [1]}, "seconds"),
    ("mute", {"user_ids": [1], "seconds": -1}, "seconds"),
    ("mute", {"user_ids": [1], "seconds": 2_592_001}, "seconds"),
    ("join", {"message": "x" * 256}, "message"),
    ("handle", {"request_id": 1, "action": "maybe"}, "action"),
    ("role", {"user_id": 1, "role": 3}, "role"),
    ("role", {"user_id": 1, "role": 0}, "role"),
    ("role", {"user_id": 1}, "role"),
    ("transfer", {}, "user_id"),
    ("member/update", {}, "nickname"),
    ("member/update", {"nickname": "x" * 51}, "nickname"),
    ("member/update", {"nickname": "\u200b"}, "nickname"),
    ("member/update", {"nickname": "x", "user_id": 1}, "user_id"),
    ("members", {"role": 4}, "role"),
    ("members", {"limit": 101}, "limit"),
    ("requests", {"limit": 51}, "limit"),
    ("mine", {"page": 0}, "page"),
    ("mine", {"group_id": 1}, "group_id"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_field_is_named(
    web: Web, trio: tuple[User, User, User], path: str, body: dict[str, Any], field: str
) -> None:
    named = {} if path in ("create", "handle", "mine") else {"group_id": 1}
    assert field in assert_refused(call(web, trio[0], path, **(named | body)), 400, 100002)["errors"]


@pytest.mark.parametrize(
    ("field", "most", "code"), [("name", 100, 103011), ("description", 500, 103012)], ids=["name", "description"]
)
def test_a_text_that_is_too_long_has_a_code_of_its_own(
    web: Web, trio: tuple[User, User, User], field: str, most: int, code: int
) -> None:
    group = new_group(web, trio[0], **{field: "😀" * most})
    assert group[field] == "😀" * most
    for path, body in (("create", {"name": "x"}), ("update", {"group_id": group["id"]})):
        assert_refused(call(web, trio[0], path, **(body | {field: "x" * (most + 1)})), 400, code)


@pytest.mark.parametrize("mentions", [[], ["all", 1], ["nobody"], [0], "all", 5, None, [1, 1], list(range(1, 52))])
def test_mentions_that_are_none_are_refused(web: Web, trio: tuple[User, User, User], mentions: Any) -> None:
    body = {"group_id": new_group(web, trio[0])["id"], "content": "x", "extra": {"mentions": mentions}}
    assert "extra" in assert_refused(web.post("/message/v1/send", body, trio[0].token), 400, 100002)["errors"]


def test_only_members_can_be_mentioned(web: Web, trio: tuple[User, User, User]) -> None:
    owner, one, other = trio
    named = {"group_id": new_group(web, owner, one)["id"], "content": "x"}
    for who, status in ((one, 200), (other, 400)):
        body = named | {"extra": {"mentions": [who.id]}}
        assert web.post("/message/v1/send", body, owner.token).status_code == status
