"""Tests of each method, called by a client compiled against the original proto."""

import pytest

from tests.messaging.uploads import upload_into
from tests.people import User, Web, answer, conversation, friends, history, send
from tests.processes import wait_until
from tests.rpc.client import ORIGINAL, Client, refused
from tests.stack import Stack


@pytest.fixture(scope="module")
def old(stack: Stack) -> Client:
    """Returns a client of the original proto that has a token."""
    return Client(stack.rpc_address, ORIGINAL)


@pytest.fixture
def pair(web: Web) -> tuple[User, User]:
    return friends(web, "Alice")


def test_send(old: Client, stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    media_id = upload_into(stack.database_url, alice.id, width=3)
    extra = f'{{"media_id": "{media_id}"}}'
    sent = old.SendMessage(
        from_user_id=alice.id, to_user_id=bob.id, message_type=2, content="picture", extra=extra
    ).message
    assert (sent.from_user_id, sent.to_user_id, sent.conversation_id) == (alice.id, bob.id, conversation(*pair))
    assert (sent.message_type, sent.content, sent.status) == (2, "picture", 1)
    assert sent.extra == f'{{"media_id":"{media_id}","width":3}}'
    assert sent.id > 0
    assert sent.create_time == sent.update_time > 0


def test_absent_fields_take_rests_defaults(old: Client, pair: tuple[User, User]) -> None:
    sent = old.SendMessage(from_user_id=pair[0].id, to_user_id=pair[1].id, content="x").message
    assert (sent.message_type, sent.extra) == (1, "")


@pytest.fixture
def legacy(stack: Stack) -> Client:
    """Returns a client of the original proto without a token, which only loopback serves."""
    address = stack.add("rpc", RPC_SERVICE_TOKENS="", RPC_LEGACY_CALLERS="1").address  # type: ignore[attr-defined]
    return Client(address, ORIGINAL, token=None)


def test_history_of_a_caller_that_is_legacy(legacy: Client, web: Web, pair: tuple[User, User]) -> None:
    """The original proto has no user_id, names the sender first in an id, and does not bound a limit."""
    sent = [send(web, *pair, content=str(number)) for number in range(25)]
    turned = f"{pair[1].id}_{pair[0].id}"
    for name in (conversation(*pair), turned):
        newest = legacy.GetChatHistory(conversation_id=name, limit=500, last_message_id=-5)
        assert [each.id for each in newest.messages] == [each["id"] for each in sent[5:]], "20, ascending"
        assert newest.has_more
    before = legacy.GetChatHistory(conversation_id=conversation(*pair), last_message_id=sent[5]["id"], limit=10)
    assert [each.id for each in before.messages] == [each["id"] for each in sent[:5]]
    assert not before.has_more
    assert legacy.MarkAsRead(user_id=pair[1].id, conversation_id=turned).success
    assert legacy.GetUnreadCount(user_id=pair[1].id, conversation_id=turned).count == 0
    assert refused(legacy.start("GetChatHistory", conversation_id=""))[0] == "INVALID_ARGUMENT"
    assert refused(legacy.start("GetChatHistory", conversation_id="a_b"))[1] == "104005"


def test_what_either_has_hidden_is_not_in_a_legacy_callers_history(
    legacy: Client, web: Web, pair: tuple[User, User]
) -> None:
    hidden = [send(web, *pair, content="x") for _ in pair]
    kept = send(web, *pair, content="kept")
    for user, message in zip(pair, hidden, strict=True):
        answer(web.post("/message/v1/delete", {"message_id": message["id"], "scope": "self"}, user.token))
    found = legacy.GetChatHistory(conversation_id=conversation(*pair)).messages
    assert [each.id for each in found] == [kept["id"]]


@pytest.mark.parametrize("extra", ["filename.txt", '["u1"]', "7", '{"w":10}', ""])
def test_a_legacy_callers_extra_comes_back_as_it_came(
    legacy: Client, web: Web, pair: tuple[User, User], extra: str
) -> None:
    alice, bob = pair
    fields = {"from_user_id": alice.id, "to_user_id": bob.id, "content": "x", "extra": extra}
    assert legacy.SendMessage(**fields).message.extra == extra
    assert legacy.GetChatHistory(conversation_id=conversation(*pair)).messages[0].extra == extra
    kept = history(web, bob, conversation(*pair))[0]["extra"]
    assert kept == ({"w": 10} if extra.startswith("{") else {"text": extra} if extra else None)


@pytest.mark.parametrize("extra", ["file.txt", '{"w":10}', '{"url":"http://a.example/x.png","w":10}', ""])
@pytest.mark.parametrize("message_type", [2, 3, 4, 5])
def test_a_legacy_callers_picture_need_be_no_upload(
    legacy: Client, old: Client, pair: tuple[User, User], message_type: int, extra: str
) -> None:
    alice, bob = pair
    fields = {"from_user_id": alice.id, "to_user_id": bob.id, "message_type": message_type, "extra": extra}
    sent = legacy.SendMessage(**fields).message
    assert (sent.message_type, sent.content, sent.extra) == (message_type, "", extra)
    assert refused(old.start("SendMessage", **fields)) == ("INVALID_ARGUMENT", "100002"), "nobody else's"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/x.png", "http://a@b.example"])
def test_but_an_address_is_http(legacy: Client, pair: tuple[User, User], url: str) -> None:
    fields = {"from_user_id": pair[0].id, "to_user_id": pair[1].id, "message_type": 2, "extra": f'{{"url":"{url}"}}'}
    assert refused(legacy.start("SendMessage", **fields)) == ("INVALID_ARGUMENT", "100002")


def test_an_upload_that_is_anothers(old: Client, stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    theirs = upload_into(stack.database_url, bob.id)
    fields = {"from_user_id": alice.id, "to_user_id": bob.id}
    answered = old.start("SendMessage", **fields, message_type=2, extra=f'{{"media_id":"{theirs}"}}')
    assert refused(answered) == ("NOT_FOUND", "105001")


def test_a_legacy_caller_that_pushes_nothing_and_pages_beyond(legacy: Client, pair: tuple[User, User]) -> None:
    assert not legacy.PushMessage(user_id=pair[0].id).success
    assert legacy.GetConversations(user_id=pair[0].id, page=-1, limit=500).total == 0


def test_conversations_unread_and_read(old: Client, web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    sent = [send(web, alice, bob, str(number)) for number in range(3)]
    name = conversation(*pair)
    wait_until(lambda: old.GetUnreadCount(user_id=bob.id).count == 3, "three unread")
    listed = old.GetConversations(user_id=bob.id)
    (talk,) = listed.conversations
    assert (listed.total, talk.id, talk.type, talk.name, talk.unread_count) == (1, name, 1, "Alice", 3)
    assert (talk.last_message.id, talk.last_message.content) == (sent[2]["id"], "2")
    assert old.MarkAsRead(user_id=bob.id, conversation_id=name, message_id=sent[1]["id"]).success
    assert old.GetUnreadCount(user_id=bob.id, conversation_id=name).count == 1
    assert old.MarkAsRead(user_id=bob.id, conversation_id=name).success
    assert old.GetUnreadCount(user_id=bob.id, conversation_id=name).count == 0


def test_recall_and_delete(old: Client, web: Web, pair: tuple[User, User]) -> None:
    recalled, deleted, kept = (send(web, *pair, content=text) for text in ("recalled", "deleted", "kept"))
    assert old.RecallMessage(user_id=pair[0].id, message_id=recalled["id"]).success
    assert old.DeleteMessage(user_id=pair[1].id, message_id=deleted["id"]).success
    left = history(web, pair[1], conversation(*pair))
    assert [(each["id"], each["status"]) for each in left] == [(recalled["id"], 4), (kept["id"], 1)]


def test_push_to_nobody(old: Client, pair: tuple[User, User]) -> None:
    assert not old.PushMessage(user_id=pair[0].id, message={"content": "anybody there?"}).success
