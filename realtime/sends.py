"""Messages that a client sends over its socket, with the rules, limits and codes of POST /message/v1/send."""

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.lock import Semaphore
from marshmallow import ValidationError

from actions.revocations import revocations
from actions.send import TooLate, submit
from db.errors import DatabaseUnavailable
from infra import logs, trace
from infra.limits import SENDS, Calls
from infra.metrics import limited
from infra.tokens import Claims
from messaging.draft import Draft, make
from messaging.errors import Code, Refused
from messaging.schemas import Send
from messaging.send import Sent
from realtime import frames
from realtime.connection import Connection
from realtime.frames import BadFrame

log = logs.get(__name__)

MOST_ON_THEIR_WAY = 64
_LONGEST_KEY = 64  # characters; a longer client_msg_id is refused, and not sent back
_LONGEST_DETAIL = 1_000  # characters; a frame of thousands of unknown fields would be answered with more than it had
_SCHEMA = Send()
_calls = Calls(SENDS)  # of all users of this process


class Sends:
    """The messages that one connection sends: at most 64 are on their way, and until one ends no more are read.

    A message waits for its COMMIT in a greenlet of its own, which pushes the answer.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        limited: bool,
        submit: Callable[..., Sent] = submit,
        revoked: Callable[[Claims], bool] = lambda claims: revocations().revoked(claims),
        calls: Calls = _calls,
    ) -> None:
        """Unless `limited`, the user may send as much as the database takes."""
        self._connection = connection
        self._submit = submit
        self._revoked = revoked
        self._limited = limited
        self._calls = calls
        self._room = Semaphore(MOST_ON_THEIR_WAY)

    def take(self, content: dict[str, Any]) -> None:
        """Have a message stored and answered. Waits while 64 are on their way.

        Raises BadFrame if it is refused without asking the database.
        """
        key = _key(content)
        try:
            self._count()
            draft = _draft(self._connection.claims.user_id, content)
        except Refused as refused:
            raise _bad(refused, key) from refused
        self._room.acquire()
        gevent.spawn(trace.handed_over().run, self._deal_with, draft)

    def _count(self) -> None:
        if self._limited and self._calls.take(self._connection.claims.user_id):
            limited.labels("sends").inc()
            raise Refused(Code.TOO_MANY_REQUESTS, "too many sends")

    def _require_good(self, claims: Claims) -> None:
        """Refuse what comes after the end of a token: the connection is closed, but up to a second later."""
        if claims.expires_at <= time.time() or self._revoked(claims):
            raise Refused(Code.UNAUTHENTICATED, "the token is no longer good")

    def _deal_with(self, draft: Draft) -> None:
        outbound = self._connection.outbound
        try:
            self._require_good(self._connection.claims)
            sent = self._submit(draft, gone=lambda: not outbound.open)
        except Refused as refused:
            outbound.push(frames.error(_bad(refused, draft.client_msg_id)))
        except TooLate:
            return  # the connection has ended: nobody waits for an answer
        except DatabaseUnavailable as error:
            log.warning("database_unavailable", reason=str(error))
            away = BadFrame("temporarily unavailable", "send", Code.UNAVAILABLE, draft.client_msg_id)
            outbound.push(frames.error(away))
        except Exception:  # whatever it is, the client must not wait in vain
            log.exception("message_failed")
            outbound.push(frames.error(BadFrame("internal error", "send", Code.INTERNAL, draft.client_msg_id)))
        else:
            content = {"client_msg_id": draft.client_msg_id, "message": sent.message, "duplicate": sent.duplicate}
            outbound.push(frames.message("sent", content))
        finally:
            self._room.release()
            trace.leave()


def _draft(user_id: int, content: dict[str, Any]) -> Draft:
    try:
        draft = make(user_id, **_SCHEMA.load(content))
    except ValidationError as error:
        raise Refused(Code.INVALID, str(error.messages)) from error
    if draft.client_msg_id is None:
        raise Refused(Code.INVALID, "send needs client_msg_id")
    return draft


def _key(content: dict[str, Any]) -> str | None:
    """Returns the key under which to answer a message, even a refused one; None if it has none that could be one."""
    key = content.get("client_msg_id")
    return key if isinstance(key, str) and len(key) <= _LONGEST_KEY else None


def _bad(refused: Refused, key: str | None) -> BadFrame:
    detail = refused.detail or (str(refused.fields) if refused.fields else refused.code.name)
    return BadFrame(detail[:_LONGEST_DETAIL], "send", refused.code, key)
