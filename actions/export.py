"""All that is a user's: what they would see if they read everything, by the rules of the doors themselves.

It is read a page at a time, each in a transaction of its own, so that any amount fits into memory and nobody waits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions import directory
from db.session import read
from messaging import export, friends, media_rights, media_view, users
from messaging.bodies import MEDIA_ID
from messaging.groups import info
from messaging.history import history
from messaging.message import unix

_PAGE = 100
_LISTED = 50  # users or groups
_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 - as the tables have it
_ADDRESSES = ("url", "thumbnail_url", "expires_in")  # of an upload, which are good for a while

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is the user's, as the contract shows it. An upload's bytes lie in the storage as `stored`."""

    kind: str
    facts: Facts
    stored: str = ""


def entries(user_id: int) -> Iterator[Entry]:
    """Yields what is the user's: first their profile. An upload may come more than once.

    Raises Refused(NOT_FOUND) for a user without an open account, and DatabaseUnavailable.
    """
    if directory.is_outside():
        yield Entry("profile", {"id": user_id})
        yield from (Entry("friend", {"id": each}) for each in directory.talking_friends([user_id])[user_id])
    else:
        yield Entry("profile", read(users.profile, user_id=user_id))
        yield from (Entry("friend", each) for each in _listed(friends.friends, user_id=user_id))
        yield from (Entry("block", each) for each in _listed(friends.blocks, user_id=user_id))
        yield from (Entry("request", each) for each in _listed(friends.requests, user_id=user_id))
    yield from (Entry("group", each) for each in _groups(user_id))
    yield from _conversations(user_id)
    yield from _uploads(user_id)


def _listed(rule: Callable[..., tuple[list[Facts], int]], *, user_id: int) -> Iterator[Facts]:
    page = 1
    while found := read(rule, user_id=user_id, page=page, limit=_LISTED)[0]:
        yield from found
        page += 1


def _groups(user_id: int) -> Iterator[Facts]:
    page = 1
    while found := read(info.mine, actor_id=user_id, page=page, limit=_LISTED)["groups"]:
        yield from found
        page += 1


def _conversations(user_id: int) -> Iterator[Entry]:
    after = ""
    while rows := read(export.conversations, user_id=user_id, after=after, limit=_PAGE):
        for row in rows:
            yield Entry("conversation", row._asdict())
            yield from _messages(user_id, row.conversation_id)
        after = rows[-1].conversation_id


def _messages(user_id: int, name: str) -> Iterator[Entry]:
    seq = 0
    more = True
    while more:
        page = read(history, user_id=user_id, conversation_id=name, after_seq=seq, limit=_PAGE)
        for message in page.messages:
            yield Entry("message", message)
            media_id = (message["extra"] or {}).get(MEDIA_ID)
            yield from _upload(user_id, media_id) if isinstance(media_id, str) else ()
            seq = message["seq"]
        more = page.has_more


def _uploads(user_id: int) -> Iterator[Entry]:
    """Yields the user's own uploads that no message has carried: what they may read of the others, messages carry."""
    since, after = _BEGINNING, ""
    while rows := read(export.uploads, user_id=user_id, since=since, after=after, limit=_PAGE):
        for row in rows:
            yield from _upload(user_id, row.id)
        since, after = rows[-1].create_time, rows[-1].id


def _upload(user_id: int, media_id: str) -> Iterator[Entry]:
    """Yields an upload, unless the user may not read it."""
    if found := read(_readable, user_id=user_id, media_id=media_id):
        yield found


def _readable(session: Session, now: datetime, *, user_id: int, media_id: str) -> Entry | None:
    row = media_rights.readable(session, user_id=user_id, media_id=media_id)
    if row is None:
        return None
    facts = media_view.view(row, unix(now))
    return Entry("upload", {name: fact for name, fact in facts.items() if name not in _ADDRESSES}, row.name)
