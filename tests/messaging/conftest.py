"""Users who are friends, and a message's way: `store` it, `drain` it. What is not built yet is written by hand."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from db import session as database
from db.conversation import Conversation
from db.friend import Friend
from db.head import Head
from db.hidden import Hidden
from db.message import Message
from db.outbox import OutboxEvent
from db.session import engine, write
from messaging import delivered
from messaging.audit import audit
from messaging.conversations import conversations
from messaging.delivered import Proof
from messaging.directory import may_talk
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.events import Announcement
from messaging.send import Answer, Sent, send
from workers.batches import apply_batch, publish_batch

ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4


def befriend(one: int, other: int) -> None:
    """Make two users friends."""
    pairs = [(one, other), (other, one)]
    rows = [{"user_id": user, "friend_id": friend} for user, friend in pairs]
    write(lambda session, now: session.execute(insert(Friend), [row | {"create_time": now} for row in rows]))


def draft(from_user_id: int, to_user_id: int, content: str = "hello", **fields: Any) -> Draft:
    """A text, unless `fields` say otherwise."""
    return Draft(from_user_id, to_user_id, **({"message_type": 1, "content": content} | fields))


def store(*drafts: Draft) -> list[Answer]:
    """Send drafts as one batch; the answers in their places."""
    return write(send, drafts, may_talk=may_talk)


def stored(from_user_id: int, to_user_id: int, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send one message of a friend to a friend; the Message."""
    return store_many(from_user_id, to_user_id, 1, content, **fields)[0]


def store_many(
    from_user_id: int, to_user_id: int, count: int, content: str = "hello", **fields: Any
) -> list[dict[str, Any]]:
    """Send that many messages in one batch; the Messages."""
    answers = store(*(draft(from_user_id, to_user_id, content, **fields) for _ in range(count)))
    assert all(isinstance(answer, Sent) for answer in answers), answers
    return [answer.message for answer in answers if isinstance(answer, Sent)]


def project(*, limit: int = 300) -> None:
    """Bring all conversation rows up to date, and publish nothing."""
    for shard in shards():
        while write(apply_batch, shards=[shard], limit=limit).done:
            pass


def drain(
    announce: Callable[[Sequence[Announcement]], None] = lambda _: None, *, limit: int = 300
) -> list[Announcement]:
    """Work off the outbox as the workers do; what was announced."""
    told: list[Announcement] = []

    def tell(announcements: Sequence[Announcement]) -> None:
        announce(announcements)
        told.extend(announcements)

    project(limit=limit)
    for shard in shards():
        while write(publish_batch, shards=[shard], limit=limit, publish=tell).count:
            pass
    return told


def shards() -> list[int]:
    """The shards that have events."""
    return read(lambda session: list(session.scalars(select(OutboxEvent.shard).distinct().order_by(OutboxEvent.shard))))


def events() -> list[OutboxEvent]:
    """All events, oldest first."""
    return read(lambda session: list(session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))))


def messages() -> list[Message]:
    """All messages, oldest first."""
    return read(lambda session: list(session.scalars(select(Message).order_by(Message.id))))


def view(user_id: int, conversation_id: str = "1_2") -> Conversation:
    """A user's row of a conversation."""
    keys = {"user_id": user_id, "conversation_id": conversation_id}
    return read(lambda session: session.scalars(select(Conversation).filter_by(**keys)).one())


def last_message(user_id: int) -> tuple[int | None, str | None]:
    """Returns the id and the text of the last message that the user's list of conversations shows."""
    page = database.read(conversations, user_id=user_id, page=1, limit=1)
    last = page.conversations[0]["last_message"] or {}
    return last.get("id"), last.get("content")


def set_view(user_id: int, conversation_id: str = "1_2", **columns: Any) -> None:
    """Change a user's row of a conversation by hand."""
    where = (Conversation.user_id == user_id, Conversation.conversation_id == conversation_id)
    write(lambda session, _: session.execute(update(Conversation).where(*where).values(columns)))


def set_message(message: dict[str, Any], **columns: Any) -> None:
    """Change a stored message by hand, as a recall or a delete would."""
    write(lambda session, _: session.execute(update(Message).where(Message.id == message["id"]).values(columns)))


def hide(user_id: int, *hidden: dict[str, Any]) -> None:
    """Let a user have deleted messages for himself."""
    rows = [{"user_id": user_id, "message_id": message["id"]} for message in hidden]
    write(lambda session, _: session.execute(insert(Hidden), rows))


def read(question: Callable[[Any], Any]) -> Any:
    """What a query answers."""
    return database.read(lambda session, _: question(session))


def prove(user_id: int, after: int, upto: int, conversation_id: str = "1_2") -> None:
    """A device of the user has answered for what lies between."""
    proof = Proof(user_id, conversation_id, after, upto)
    assert write(delivered.store, [proof]) == [proof]


def head(conversation_id: str = "1_2") -> Head:
    """The counters of a conversation."""
    return read(lambda session: session.scalars(select(Head).where(Head.conversation_id == conversation_id)).one())


def nothing_drifts(conversation_id: str = "1_2") -> None:
    """The rows are what a recount says."""
    audited = write(audit, conversation_id=conversation_id, repair=False)
    assert audited.drift == []


def refusal(question: Callable[[], Any]) -> Code:
    """Why it is refused."""
    with pytest.raises(Refused) as caught:
        question()
    return caught.value.code


@pytest.fixture
def pair(any_database: str) -> str:
    """Alice and Bob are friends, on both databases; their conversation."""
    befriend(ALICE, BOB)
    return "1_2"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The SQL sent from now on to the database of the fixture before this one."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(engine(), "before_cursor_execute", hear)
    yield heard
    event.remove(engine(), "before_cursor_execute", hear)
