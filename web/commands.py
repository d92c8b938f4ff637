"""`flask --app wsgi:web audit`, `trace` and `revoke-user`: for whoever operates the service."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import click
from flask import Flask

from db.session import run
from infra import bus
from infra.redis import RedisError, client
from messaging.audit import Audited, Drift, all_conversations, audit
from messaging.errors import Refused
from messaging.fields import MAX_ID
from messaging.tokens import revoke_user
from messaging.trace import Trace, trace
from workers.outbox import drain

_PAGE = 500
_RELAYS_SECONDS = 1.0


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    app.cli.add_command(_audit)
    app.cli.add_command(_trace)
    app.cli.add_command(_revoke_user)


@click.command("audit")
@click.option("--repair", is_flag=True, help="Put right what drifted.")
@click.argument("conversation_id", required=False)
def _audit(conversation_id: str | None, repair: bool) -> None:
    """Check one conversation, or all. Ends with 1 when something drifted and was not repaired."""
    found = checked = 0
    for name in [conversation_id] if conversation_id else _every_conversation():
        audited = _check(name, repair=repair)
        checked += 1
        found += len(audited.drift)
        for drift in audited.drift:
            click.echo(_line(drift))
    click.echo(f"{checked} conversations, {found} {'repaired' if repair else 'drifted'}")
    raise SystemExit(1 if found and not repair else 0)


@click.command("trace")
@click.argument("message_id", type=int)
def _trace(message_id: int) -> None:
    """Where is my message? For each recipient, how far it has come."""
    try:
        found = run(lambda session, now: trace(session, now, message_id=message_id), write=False)
    except Refused as error:
        raise click.ClickException(f"no message {message_id}") from error
    for each in found:
        click.echo(f"to user {each.user_id}, {each.conversation_id} seq {each.seq}")
        for step, told in _steps(each):
            click.echo(f"  {step:<10} {told}")


@click.command("revoke-user")
@click.argument("user_id", type=click.IntRange(1, MAX_ID))
def _revoke_user(user_id: int) -> None:
    """End all logins of a user: no token that was issued before now is good any longer, whoever has issued it."""
    run(lambda session, now: revoke_user(session, now, user_id=user_id))
    click.echo(f"all logins of user {user_id} have ended, everywhere within 5 seconds")


def _steps(each: Trace) -> Iterator[tuple[str, str]]:
    yield "stored", f"{each.stored} UTC"
    yield "projected", _yes(each.projected)
    yield "published", _yes(each.published)
    yield "written", "yes" if each.was_answered else _written(each)
    yield "answered", f"{each.answered} UTC" if each.answered else _yes(each.was_answered)
    yield "read", f"{each.read} UTC" if each.read else _yes(each.was_read)


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _written(each: Trace) -> str:
    """The relays are asked: only they know what they have written to sockets that are open now."""
    reply = f"im:trace:{uuid4().hex}"
    question = bus.Note({"kind": "trace", "conversation_id": each.conversation_id, "reply": reply})
    try:
        with client().pubsub(ignore_subscribe_messages=False) as answers:  # type: ignore[no-untyped-call]
            answers.subscribe(reply)
            bus.publish([(bus.user_channel(each.user_id), question)])
            deadline = time.monotonic() + _RELAYS_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                message: Any = answers.get_message(timeout=left)
                if message and message["type"] == "message" and int(message["data"]) >= each.seq:
                    return "yes"
    except RedisError:
        return "unknown, Redis is away"
    return "no"


def _line(drift: Drift) -> str:
    whose = f"user {drift.user_id}" if drift.user_id else "conversation"
    return f"{drift.conversation_id}  {whose}  {drift.what}: {drift.stored!r}, right is {drift.right!r}"


def _every_conversation() -> Iterator[str]:
    page = _conversations_after("")
    while page:
        yield from page
        page = _conversations_after(page[-1])


def _conversations_after(after: str) -> list[str]:
    return run(lambda session, now: all_conversations(session, now, after=after, limit=_PAGE), write=False)


def _check(name: str, *, repair: bool) -> Audited:
    audited = run(lambda session, now: audit(session, now, conversation_id=name, repair=repair))
    if repair and audited.shard is not None:
        drain.apply_async(([audited.shard],))
    return audited
