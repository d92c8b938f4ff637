"""Drafts: messages that users ask to send, checked as far as is possible without the database."""

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from infra import trace
from messaging import bodies
from messaging.conversation_id import group, single
from messaging.errors import Code, Refused
from messaging.message_type import SENDABLE, MessageType

MAX_CONTENT = 5_000  # characters
MAX_EXTRA = 8 * 1024  # bytes of compact JSON
MOST_ADDED = 256  # bytes that the server adds to it: what it has measured, and whence a message was forwarded
# Printable ASCII. MariaDB's `utf8mb4_bin` pads, so two keys that differ by a space at the end would be one.
CLIENT_MSG_ID = "^[!-~]([ -~]{0,62}[!-~])?$"
_CLIENT_MSG_ID = re.compile(CLIENT_MSG_ID)
_AROUND = 8  # levels that frames and answers put around `extra`; orjson writes no more than 254


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is not stored yet, to a user or, with `to_user_id` 0, to a group; `extra` is JSON text or None.

    `mentions` are the ids of the members whom its `extra` mentions, `reply_to` is the id of the message that it
    answers, and `media_id` that of the upload that it carries. `copied_id` is the id of the message of which it is a
    copy, 0 for none. `trace` is the traceparent of the request that asks.
    """

    from_user_id: int
    to_user_id: int
    message_type: int
    content: str
    extra: str | None = None
    client_msg_id: str | None = None
    group_id: int = 0
    mentions: tuple[int, ...] = ()
    reply_to: int | None = None
    media_id: str | None = None
    copied_id: int = 0
    trace: str | None = field(default_factory=trace.current, compare=False)

    @property
    def conversation_id(self) -> str:
        """Returns the id of the conversation of the sender and the recipient."""
        return group(self.group_id) if self.group_id else single(self.from_user_id, self.to_user_id)

    @property
    def body_hash(self) -> bytes:
        """Returns a hash of 8 bytes, the same for every attempt to send this message.

        Eight are enough, as a hash is compared with one row and never searched for. It is stored, and a retry may
        come after an upgrade, so the hashed text must never change.
        """
        if self.copied_id:  # a repeat is told also when the message has been recalled since
            return _hash(f"{self.conversation_id} copy of {self.copied_id}")
        # The length comes first, so that no content can be taken for another content with an `extra`.
        return _hash(f"{self.conversation_id} {self.message_type} {len(self.content)} {self.content}{self.extra or ''}")

    def same_body(self, stored: Any) -> bool:
        """Returns whether a stored row was sent with this body, whatever it holds now: such a draft is a retry."""
        if stored.body_hash is not None:
            return bool(stored.body_hash == self.body_hash)
        # A row without a hash is from before there were hashes, when nothing changed a stored body.
        mine = (self.to_user_id, self.message_type, self.content, self.extra)
        return mine == (stored.to_user_id, stored.message_type, stored.content, stored.extra)


def hash_of(stored: Any) -> bytes:
    """Returns the hash of the body of a stored message, also of one from before hashes were stored."""
    if stored.body_hash is not None:
        return bytes(stored.body_hash)
    # Older than groups and copies.
    return Draft(stored.from_user_id, stored.to_user_id, stored.message_type, stored.content, stored.extra).body_hash


def make(
    from_user_id: int,
    *,
    content: str,
    to_user_id: int | None = None,
    group_id: int | None = None,
    message_type: int = MessageType.TEXT.value,
    extra: dict[str, Any] | None = None,
    client_msg_id: str | None = None,
    free: bool = False,
) -> Draft:
    """Returns a draft of well-typed fields. Raises Refused: INVALID, TOO_LARGE, MESSAGE_TYPE.

    With `free`, types 2 to 5 need carry no upload (messaging/bodies.py).
    """
    if (to_user_id is None) == (group_id is None):
        raise Refused(Code.INVALID, fields={"to_user_id": ["Give either to_user_id or group_id."]})
    if to_user_id == from_user_id:
        raise Refused(Code.INVALID, fields={"to_user_id": ["Nobody can send to oneself."]})
    if message_type not in SENDABLE:
        raise Refused(Code.MESSAGE_TYPE)
    if client_msg_id is not None and not _CLIENT_MSG_ID.fullmatch(client_msg_id):
        error = "Must be 1 to 64 printable ASCII characters, without a space at either end."
        raise Refused(Code.INVALID, fields={"client_msg_id": [error]})
    text = _extra(extra)  # its size is refused before its form
    body = bodies.read(message_type, extra, in_group=group_id is not None, free=free)
    return Draft(
        from_user_id,
        to_user_id or 0,
        message_type,
        _content(content, may_be_empty=message_type != MessageType.TEXT),
        text,
        client_msg_id,
        group_id or 0,
        body.mentions,
        body.reply_to,
        body.media_id,
    )


def forwarded(message: Any, from_user_id: int) -> Draft:
    """Returns a copy of a stored `message`, a row with COLUMNS that is neither withdrawn nor of the system.

    The copy names the first original, mentions nobody and answers nothing; it carries the same upload. To whom it goes
    is still open.
    """
    extra: dict[str, Any] = orjson.loads(message.extra) if message.extra else {}
    first = bodies.forwarded_from(extra) or {"user_id": message.from_user_id, "message_id": message.id}
    kept = {key: value for key, value in extra.items() if key not in (bodies.MENTIONS, bodies.REPLY_TO)}
    return Draft(
        from_user_id,
        0,
        message.message_type,
        message.content,
        orjson.dumps(kept | {bodies.FORWARDED_FROM: first}).decode(),
        media_id=bodies.media_of(message),
        copied_id=message.id,
    )


def _hash(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def _content(content: str, *, may_be_empty: bool) -> str:
    if not content and not may_be_empty:
        raise Refused(Code.INVALID, fields={"content": ["Must not be empty."]})
    if len(content) > MAX_CONTENT:
        raise Refused(Code.TOO_LARGE, f"content has more than {MAX_CONTENT} characters")
    return content


def _extra(extra: dict[str, Any] | None) -> str | None:
    if extra is None:
        return None
    around: Any = extra
    for _ in range(_AROUND):
        around = [around]
    try:
        encoded = orjson.dumps(around)[_AROUND:-_AROUND]
    except orjson.JSONEncodeError as error:
        raise Refused(Code.INVALID, fields={"extra": ["Is nested too deeply."]}) from error
    if len(encoded) > MAX_EXTRA:
        raise Refused(Code.TOO_LARGE, f"extra is over {MAX_EXTRA} bytes")
    return encoded.decode()
