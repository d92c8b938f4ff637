"""The operator's commands: `flask --app wsgi:web audit`, `trace`, `parked` and `revoke-user`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import click
import orjson
from flask import Flask

from actions import work
from actions.media_audit import faults
from db.errors import DatabaseUnavailable
from db.outbox_parked import Parked
from db.schema_version import NotMigrated, require_current
from db.session import read, write
from infra import bus, channels, notes
from infra.redis import RedisError, client
from infra.storage import StorageAway
from infra.tasks import AWAY
from messaging import parked
from messaging.audit import all_conversations, audit
from messaging.conversation_id import participants
from messaging.drift import Audited, Drift
from messaging.errors import Refused
from messaging.fields import MAX_ID
from messaging.message import unix
from messaging.tokens import revoke_user
from messaging.trace import Trace, trace

P = ParamSpec("P")

_PAGE = 500
_RELAYS_SECONDS = 1.0
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


class _Misused(click.ClickException):
    """An argument names something that is not there, or cannot be. Ends with 2."""

    exit_code = 2


def register(app: Flask) -> None:
    """Add the commands to `flask`."""
    for command in (_audit, _trace, _parked, _revoke_user):
        app.cli.add_command(command)


def in_a_line(command: Callable[P, None]) -> Callable[P, None]:
    """Returns a command that reports a database that is away or not migrated in one line, and ends with 1."""

    @wraps(command)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            read(require_current)
            command(*args, **kwargs)
        except NotMigrated as error:
            raise click.ClickException(str(error)) from error
        except DatabaseUnavailable as error:
            raise click.ClickException(f"the database of DATABASE_URL does not answer: {error}") from error

    return checked


@click.command("audit")
@click.option("--repair", is_flag=True, help="Put right what drifted.")
@click.option("--media", is_flag=True, help="Check the storage of uploads instead, and repair nothing.")
@_json
@click.argument("conversation_id", required=False)
@in_a_line
def _audit(conversation_id: str | None, repair: bool, media: bool, as_json: bool) -> None:
    """Check one conversation, or all. Ends with 1 when something has drifted and was not repaired."""
    if media:
        if conversation_id or repair:
            raise _Misused("--media checks the whole storage, and repairs nothing")
        _audit_media(as_json)
    if conversation_id and not participants(conversation_id):
        raise _Misused(f"{conversation_id} is no conversation id, which is like 1_2")
    found = checked = 0
    for name in [conversation_id] if conversation_id else _every_conversation():
        audited = _check(name, repair=repair)
        checked += 1
        found += len(audited.drift)
        for drift in audited.drift:
            _say(as_json, asdict(drift), _line(drift))
    done = "repaired" if repair else "drifted"
    counts = {"conversations": checked, "drifted": found, "repaired": repair}
    _say(as_json, counts, f"{checked} conversations, {found} {done}")
    raise SystemExit(1 if found and not repair else 0)


def _audit_media(as_json: bool) -> NoReturn:
    """Check that the storage holds all that the tables name, and nothing else. Ends with 1 when it does not."""
    count = 0
    try:
        for fault in faults():
            count += 1
            carried = f", messages {', '.join(map(str, fault.message_ids))}" if fault.message_ids else ""
            _say(as_json, asdict(fault), f"{fault.name}  {fault.what}{carried}")
    except StorageAway as error:
        raise click.ClickException(f"the storage of MEDIA_STORAGE does not answer: {error}") from error
    _say(as_json, {"faults": count}, f"{count} faults")
    raise SystemExit(1 if count else 0)


@click.command("trace")
@_json
@click.argument("message_id", type=int)
@in_a_line
def _trace(message_id: int, as_json: bool) -> None:
    """Show how far a message has come on its way to each recipient."""
    try:
        found = read(trace, message_id=message_id)
    except Refused as error:
        raise click.ClickException(f"no message {message_id}") from error
    by_user = _written(found)
    for each in found:
        written = by_user[each.user_id]
        facts = {"message_id": message_id, **asdict(each), "written": written}
        _say(
            as_json,
            {name: unix(fact) if isinstance(fact, datetime) else fact for name, fact in facts.items()},
            f"to user {each.user_id}, {each.conversation_id} seq {each.seq}",
            *(f"  {step:<10} {told}" for step, told in _steps(each, written)),
        )


@click.command("revoke-user")
@click.argument("user_id", type=click.IntRange(1, MAX_ID))
@in_a_line
def _revoke_user(user_id: int) -> None:
    """End all logins of a user: every token issued before now is revoked, whoever issued it."""
    write(revoke_user, user_id=user_id)
    click.echo(f"all logins of user {user_id} have ended, everywhere within 5 seconds")


@click.command("parked")
@click.option("--retry", is_flag=True, help="Have them told again: those named, or all.")
@_json
@click.argument("ids", type=int, nargs=-1)
@in_a_line
def _parked(ids: Sequence[int], retry: bool, as_json: bool) -> None:
    """List the parked events, which could not be applied or published: those named, or all."""
    count = 0
    for page in _parked_pages():
        named = [event for event in page if not ids or event.id in ids]
        count += len(named)
        for event in named:
            _say(as_json, _facts(event), f"{event.id}  {event.conversation_id}  kind {event.kind}  {event.reason}")
        if retry and named:
            numbers = [event.id for event in named]
            _poke(write(parked.retry, ids=numbers))
    _say(as_json, {"events": count, "retried": retry}, f"{count} events {'tried again' if retry else 'parked'}")
    if count < len(set(ids)):
        raise _Misused("not all that were named are parked")


def _parked_pages() -> Iterator[Sequence[Parked]]:
    page = _parked_after(0)
    while page:
        yield page
        page = _parked_after(page[-1].id)


def _parked_after(after: int) -> Sequence[Parked]:
    return read(parked.parked, after=after, limit=_PAGE)


def _facts(event: Parked) -> dict[str, Any]:
    names = ("id", "conversation_id", "kind", "message_id", "user_id", "change_seq", "detail", "reason")
    times = {"create_time": unix(event.create_time), "park_time": unix(event.park_time)}
    return {name: getattr(event, name) for name in names} | times


def _say(as_json: bool, facts: dict[str, Any], *lines: str) -> None:
    for line in [orjson.dumps(facts).decode()] if as_json else lines:
        click.echo(line)


def _steps(each: Trace, written: bool | None) -> Iterator[tuple[str, str]]:
    yield "stored", f"{each.stored} UTC"
    yield "projected", _yes(each.projected)
    yield "published", "no, parked: see `flask parked`" if each.parked else _yes(each.published)
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


def _line(drift: Drift) -> str:
    whose = f"user {drift.user_id}" if drift.user_id else "conversation"
    return f"{drift.conversation_id}  {whose}  {drift.what}: {drift.stored!r}, right is {drift.right!r}"


def _every_conversation() -> Iterator[str]:
    page = _conversations_after("")
    while page:
        yield from page
        page = _conversations_after(page[-1])


def _conversations_after(after: str) -> list[str]:
    return read(all_conversations, after=after, limit=_PAGE)


def _check(name: str, *, repair: bool) -> Audited:
    try:
        audited = write(audit, conversation_id=name, repair=repair)
    except Refused as error:
        raise _Misused(f"no such conversation: {name}") from error
    if repair and audited.shard is not None:
        _poke([audited.shard])
    return audited


def _poke(shards: Sequence[int]) -> None:
    try:
        work.resume(sorted(set(shards)))
    except AWAY as error:
        click.echo(f"Redis is away, so that it is told when it is back: {error}", err=True)
