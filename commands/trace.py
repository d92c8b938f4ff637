"""`im trace`: how far a message has come on its way to each recipient."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from commands.service import say
from db.session import read
from infra import bus, channels, notes
from infra.redis import RedisError, client
from messaging import trace as rules
from messaging.errors import Refused
from messaging.message import unix
from messaging.trace import Trace

_RELAYS_SECONDS = 1.0


def run(message_id: int, as_json: bool) -> None:
    """Print how far a message has come on its way to each recipient."""
    try:
        found = read(rules.trace, message_id=message_id)
    except Refused as error:
        raise click.ClickException(f"no message {message_id}") from error
    by_user = _written(found)
    for each in found:
        written = by_user[each.user_id]
        facts = {"message_id": message_id, **asdict(each), "written": written}
        say(
            as_json,
            {name: unix(fact) if isinstance(fact, datetime) else fact for name, fact in facts.items()},
            f"to user {each.user_id}, {each.conversation_id} seq {each.seq}",
            *(f"  {step:<10} {told}" for step, told in _steps(each, written)),
        )


def _steps(each: Trace, written: bool | None) -> Iterator[tuple[str, str]]:
    yield "stored", f"{each.stored} UTC"
    yield "projected", _yes(each.projected)
    yield "published", "no, parked: see `im outbox list`" if each.parked else _yes(each.published)
    yield "written", "unknown, Redis is away" if written is None else _yes(written)
    yield "answered", f"{each.answered} UTC" if each.answered else _yes(each.was_answered)
    yield "read", f"{each.read} UTC" if each.read else _yes(each.was_read)


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _written(found: Sequence[Trace]) -> dict[int, bool | None]:
    """Returns, by user, whether a relay has written the message to an open socket of theirs; None when Redis is away.

    Only the relays know; an answer that takes more than a second counts as no.
    """
    known: dict[int, bool | None] = {each.user_id: each.was_answered for each in found}
    asked = {channels.for_reply(): each for each in found if not each.was_answered}
    if not asked:
        return known
    questions = [(channels.of_user(each.user_id), notes.Trace(each.conversation_id, to)) for to, each in asked.items()]
    try:
        with client().pubsub(ignore_subscribe_messages=False) as answers:  # type: ignore[no-untyped-call]
            answers.subscribe(*asked)
            bus.publish(questions)
            deadline = time.monotonic() + _RELAYS_SECONDS
            while (left := deadline - time.monotonic()) > 0 and not all(known.values()):
                message: Any = answers.get_message(timeout=left)
                if message and message["type"] == "message":
                    each = asked[message["channel"].decode()]
                    known[each.user_id] = known[each.user_id] or int(message["data"]) >= each.seq
    except RedisError:
        return known | {each.user_id: None for each in asked.values()}
    return known
