"""The fast path: the process that has stored a message publishes it at once, ahead of the workers.

It promises nothing: the outbox does. What finds the queue full, is over a second late, or meets a Redis that does not
answer in time is dropped and counted, and the worker's note brings it. No caller ever waits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from infra import bus, channels, logs, loops, trace
from infra.metrics import fast_messages
from infra.notes import FastGroupMessage, FastMessage, Note, Quoting
from infra.redis import RedisError, hasty_client
from infra.trace import Traced
from messaging.frame import frame
from messaging.replies import Quote, without_quote

log = logs.get(__name__)

_MOST_WAITING = 1_000
_MOST_BYTES = 2 * 1024 * 1024  # of frames
_LATE_SECONDS = 1.0  # the worker's note is on its way, and a text should not come long after its recall
_PAUSE_SECONDS = 1.0
_IDLE_SECONDS = 5.0

_PLACE = ("conversation_id", "seq", "from_user_id", "to_user_id")
Published = list[tuple[str, Note]]  # channels and notes
_Message = dict[str, Any]
_Notes = list[tuple[str, FastMessage | FastGroupMessage]]


class FastPath:
    """A background thread with a bounded queue of messages to publish by `publish`, all that wait in one trip."""

    def __init__(
        self,
        publish: Callable[[Published], None],
        *,
        most: int = _MOST_WAITING,
        most_bytes: int = _MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._publish = publish
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[tuple[float, _Notes]] = deque()  # when a message came, and what to publish where
        self._bytes = 0
        self._changed = threading.Condition()
        self._started = False

    def hand_over(
        self, message: _Message, members_seq: int = 0, quote: Quote | None = None, traced: Traced | None = None
    ) -> None:
        """Have a stored message published to its sender and its recipient, or to its group.

        `members_seq` is the group's, `quote` the message's (messaging.send.Sent), and `traced` names it if its way is
        told. Returns at once, whatever Redis does.
        """
        in_group = message["to_user_id"] == 0
        notes = _of_group(message, members_seq, quote, traced) if in_group else _of_pair(message, quote, traced)
        size = _bytes(notes)
        with self._changed:
            if len(self._waiting) >= self._most or self._bytes + size > self._most_bytes:
                fast_messages.labels("full").inc()
                return
            self._waiting.append((self._clock(), notes))
            self._bytes += size
            if not self._started:  # in the process that uses it: a thread does not survive the server's fork
                args = ("fast_path", self._turn)
                threading.Thread(target=loops.forever, args=args, name="fast_path", daemon=True).start()
                self._started = True
            self._changed.notify()

    def _turn(self) -> None:
        """Publish what waits, or wait for something: a turn does one or the other."""
        waiting = self._taken()
        since = self._clock() - _LATE_SECONDS
        fresh = [notes for came, notes in waiting if came >= since]
        fast_messages.labels("late").inc(len(waiting) - len(fresh))
        if not fresh:
            return
        try:
            self._publish([each for notes in fresh for each in notes])
        except (RedisError, OSError) as error:
            fast_messages.labels("failed").inc(len(fresh) + len(self._taken(wait=False)))
            log.warning("fast_path_failed", reason=str(error))
            self._sleep(_PAUSE_SECONDS)
        else:
            fast_messages.labels("published").inc(len(fresh))
            told = [traced for notes in fresh if (traced := notes[0][1].traced)]
            trace.tell(log, "published", told, began=fresh[0][0][1].at, frame="new_message")

    def _taken(self, *, wait: bool = True) -> list[tuple[float, _Notes]]:
        with self._changed:
            if wait and not self._waiting:
                self._changed.wait(_IDLE_SECONDS)
            taken = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            return taken


def _of_pair(message: _Message, quote: Quote | None, traced: Traced | None) -> _Notes:
    """Returns the notes for the sender, and for the recipient, who may have hidden what the message answers.

    Without a `quote` it is not known whether they have.
    """
    name, seq, from_user_id, to_user_id = (message[key] for key in _PLACE)
    note = FastMessage(name, seq, from_user_id, _text(message), time.time(), traced=traced)
    sees = not message["reply"] or (quote is not None and to_user_id not in quote.blind)
    theirs = note if sees else replace(note, frame=_text(without_quote(message)))
    return [(channels.of_user(from_user_id), note), (channels.of_user(to_user_id), theirs)]


def _of_group(message: _Message, members_seq: int, quote: Quote | None, traced: Traced | None) -> _Notes:
    """Returns the note for the members, by which those who see what the message answers are told more."""
    name, seq, from_user_id, _ = (message[key] for key in _PLACE)
    text, quoting = _text(without_quote(message)), None
    if quote is not None:
        quoting = Quoting(_text(message | {"reply": quote.reply}), quote.seq, frozenset(quote.blind))
    note = FastGroupMessage(name, seq, from_user_id, members_seq, text, quoting, time.time(), traced)
    return [(channels.of_group(name), note)]


def _text(message: _Message) -> bytes:
    return frame("new_message", message)


def _bytes(notes: _Notes) -> int:
    """Returns the size of the frames of a message's notes, once each."""
    each = {id(note): note for _, note in notes}.values()
    quoting = [note.quoting for note in each if isinstance(note, FastGroupMessage) and note.quoting]
    return sum(len(note.frame) for note in each) + sum(len(quote.frame) for quote in quoting)


publish_fast = FastPath(partial(bus.publish, client=hasty_client)).hand_over
