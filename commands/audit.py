"""`im audit`: checks that the tables agree, or that the storage of uploads holds what they name."""

import random
from collections.abc import Iterator
from dataclasses import asdict

from commands.service import Misused, say
from db.session import read, write
from messaging import audit as rules
from messaging.conversation_id import participants
from messaging.drift import Audited, Drift
from messaging.errors import Refused

_PAGE = 500


def run(conversation_id: str | None, repair: bool, sample: int | None, media: bool, as_json: bool) -> None:
    """Check one conversation, or all, and print what has drifted."""
    if media:
        if conversation_id or repair or sample:
            raise Misused("--media checks the whole storage, and repairs nothing")
        _audit_media(as_json)
        return
    found = checked = 0
    for name in _named(conversation_id, sample):
        audited = _check(name, repair=repair)
        checked += 1
        found += len(audited.drift)
        for drift in audited.drift:
            say(as_json, asdict(drift), _line(drift))
    counts = {"conversations": checked, "drifted": found, "repaired": repair}
    say(as_json, counts, f"{checked} conversations, {found} {'repaired' if repair else 'drifted'}")
    raise SystemExit(1 if found and not repair else 0)


def _named(conversation_id: str | None, sample: int | None) -> Iterator[str]:
    if conversation_id is None:
        return _every_conversation() if sample is None else _sampled(sample)
    if sample:
        raise Misused("--sample chooses conversations itself")
    if not participants(conversation_id):
        raise Misused(f"{conversation_id} is no conversation id, which is like 1_2")
    return iter([conversation_id])


def _every_conversation() -> Iterator[str]:
    page = _conversations_after("")
    while page:
        yield from page
        page = _conversations_after(page[-1])


def _conversations_after(after: str) -> list[str]:
    return read(rules.all_conversations, after=after, limit=_PAGE)


def _sampled(count: int) -> Iterator[str]:
    newest = read(rules.newest_message)
    for start in range(0, count if newest else 0, _PAGE):
        ids = [random.randint(1, newest) for _ in range(min(_PAGE, count - start))]
        yield from read(rules.sample, message_ids=ids)


def _check(name: str, *, repair: bool) -> Audited:
    try:
        audited = write(rules.audit, conversation_id=name, repair=repair)
    except Refused as error:
        raise Misused(f"no such conversation: {name}") from error
    if repair and audited.shard is not None:
        from commands.poking import poke  # here: an audit that finds nothing has no use for Celery

        poke([audited.shard])
    return audited


def _line(drift: Drift) -> str:
    whose = f"user {drift.user_id}" if drift.user_id else "conversation"
    return f"{drift.conversation_id}  {whose}  {drift.what}: {drift.stored!r}, right is {drift.right!r}"


def _audit_media(as_json: bool) -> None:
    """Check that the storage holds all that the tables name, and nothing else. Ends with 1 when it does not."""
    from actions.media_audit import faults  # here: all else has no use for the storage

    count = 0
    for fault in faults():
        count += 1
        carried = f", messages {', '.join(map(str, fault.message_ids))}" if fault.message_ids else ""
        say(as_json, asdict(fault), f"{fault.name}  {fault.what}{carried}")
    say(as_json, {"faults": count}, f"{count} faults")
    raise SystemExit(1 if count else 0)
