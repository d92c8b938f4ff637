"""Helpers that make friends, and that `store` a message and `drain` it. Other states are written by hand."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import session as database
from db.conversation import Conversation
from db.flight import fly
from db.friend import Friend
from db.head import Head
from db.hidden import Hidden
from db.message import Message
from db.outbox import OutboxEvent
from db.session import engine, write, write_at_once
from messaging import delivered, outbox
from messaging.audit import audit
from messaging.conversations import conversations
from messaging.delivered import Proof, Stored
from messaging.directory import may_talk
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.events import Told
from messaging.send import Answer, Sent, ask
from messaging.send import store as send_rows
from workers.batches import Applied, Published, apply_batch, locking, publish_batch

Rule = Callable[[Session, datetime], Any]
Announce = Callable[[Sequence[Told]], object]
ALICE, BOB, CAROL, DAVE = 1, 2, 3, 4


def befriend(one: int, other: int) -> None:
    """Make two users friends."""
    pairs = [(one, other), (other, one)]
    rows = [{"user_id": user, "friend_id": friend} for user, friend in pairs]
    write(lambda session, now: session.execute(insert(Friend), [row | {"create_time": now} for row in rows]))


def draft(from_user_id: int, to_user_id: int, content: str = "hello", **fields: Any) -> Draft:
    """Returns a draft of a text message, unless `fields` say otherwise."""
    return Draft(from_user_id, to_user_id, **({"message_type": 1, "content": content} | fields))


def store(*drafts: Draft) -> list[Answer]:
    """Send drafts as one batch, as the group commit does. Returns the answers in the order of the drafts."""
    try:
        return _once(drafts, again=False)
    except IntegrityError:
        return _once(drafts, again=True)


def _once(drafts: Sequence[Draft], *, again: bool) -> list[Answer]:
    calls = ask(drafts, may_talk=may_talk, again=again)
    return write_at_once(
        calls, lambda session, now, rows: send_rows(session, now, rows, drafts, may_talk=may_talk, again=again)
    )


def stored(from_user_id: int, to_user_id: int, content: str = "hello", **fields: Any) -> dict[str, Any]:
    """Send one message from a friend to a friend. Returns the Message."""
    return store_many(from_user_id, to_user_id, 1, content, **fields)[0]


def store_many(
    from_user_id: int, to_user_id: int, count: int, content: str = "hello", **fields: Any
) -> list[dict[str, Any]]:
    """Send `count` messages in one batch. Returns the Messages."""
    answers = store(*(draft(from_user_id, to_user_id, content, **fields) for _ in range(count)))
    assert all(isinstance(answer, Sent) for answer in answers), answers
    return [answer.message for answer in answers if isinstance(answer, Sent)]


def apply(*shards: int, limit: int = 300) -> Applied:
    """Apply the oldest events of these shards to the conversation rows, as the first transaction of a drain does."""
    return write_at_once(outbox.claiming(shards, limit=limit), partial(apply_batch, shards=shards, limit=limit))


def publish(applied: Applied, announce: Announce = lambda _: None) -> Published:
    """Publish what was applied, as the second transaction of a drain does."""
    assert applied.projected
    return write_at_once(
        locking(applied.projected), partial(publish_batch, projected=applied.projected, publish=announce)
    )


def applying(*shards: int, limit: int = 300) -> Rule:
    """Returns the rule of `apply`, which asks for its rows itself."""
    rule = partial(apply_batch, shards=shards, limit=limit)
    return lambda session, now: rule(session, now, fly(session, *outbox.claiming(shards, limit=limit)))


def publishing(applied: Applied, announce: Announce = lambda _: None) -> Rule:
    """Returns the rule of `publish`, which asks for its rows itself."""
    assert applied.projected
    projected = applied.projected
    rule = partial(publish_batch, projected=projected, publish=announce)
    return lambda session, now: rule(session, now, fly(session, *locking(projected)))


def project() -> None:
    """Bring all conversation rows up to date, and publish nothing."""
    for shard in shards():
        apply(shard, limit=10_000)


def drain(announce: Announce = lambda _: None, *, limit: int = 300) -> list[Any]:
    """Work off the outbox as the workers do. Returns what was announced."""
    told: list[Any] = []

    def tell(announcements: Sequence[Told]) -> None:
        announce(announcements)
        told.extend(announcements)

    for shard in shards():
        while (applied := apply(shard, limit=limit)).count:
            publish(applied, tell)
    return told


def shards() -> list[int]:
    """Returns the shards that have events."""
    return read(lambda session: list(session.scalars(select(OutboxEvent.shard).distinct().order_by(OutboxEvent.shard))))


def events() -> list[OutboxEvent]:
    """Returns all events, oldest first."""
    return read(lambda session: list(session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))))


def messages() -> list[Message]:
    """Returns all messages, oldest first."""
    return read(lambda session: list(session.scalars(select(Message).order_by(Message.id))))


def view(user_id: int, conversation_id: str = "1_2") -> Conversation:
    """Returns a user's row of a conversation."""
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
    """Hide messages from a user, as if they had deleted them for themselves."""
    rows = [{"user_id": user_id, "message_id": message["id"]} for message in hidden]
    write(lambda session, _: session.execute(insert(Hidden), rows))


def read(question: Callable[[Any], Any]) -> Any:
    """Returns what a query answers, in a session of its own."""
    return database.read(lambda session, _: question(session))


def store_proofs(*proofs: Proof) -> Stored:
    """Store what devices have answered for, as the workers do."""
    return write_at_once(delivered.asking(proofs), partial(delivered.store, proofs=proofs))


def proving(*proofs: Proof) -> Rule:
    """Returns the rule of `store_proofs`, which asks for its rows itself."""
    return lambda session, now: delivered.store(session, now, fly(session, *delivered.asking(proofs)), proofs=proofs)


def prove(user_id: int, after: int, upto: int, conversation_id: str = "1_2") -> None:
    """Store the proof that a device of the user has the messages after seq `after`, up to seq `upto`."""
    proof = Proof(user_id, conversation_id, after, upto)
    assert store_proofs(proof).holding == [proof]


def head(conversation_id: str = "1_2") -> Head:
    """Returns the head of a conversation, which holds its counters."""
    return read(lambda session: session.scalars(select(Head).where(Head.conversation_id == conversation_id)).one())


def nothing_drifts(conversation_id: str = "1_2") -> None:
    """Fails unless the rows of the conversation equal a recount."""
    audited = write(audit, conversation_id=conversation_id, repair=False)
    assert audited.drift == []


def refusal(question: Callable[[], Any]) -> Code:
    """Returns the code with which a call is refused. Fails when it is not refused."""
    with pytest.raises(Refused) as caught:
        question()
    return caught.value.code


@pytest.fixture
def pair(any_database: str) -> str:
    """Make Alice and Bob friends, on both databases. Returns the id of their conversation."""
    befriend(ALICE, BOB)
    return "1_2"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Yields a list that collects the SQL sent from now on to the database of an earlier fixture."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(engine(), "before_cursor_execute", hear)
    yield heard
    event.remove(engine(), "before_cursor_execute", hear)
